package objects

import (
	"bytes"
	"context"
	"errors"
	"hash"
	"io"
	"io/fs"
	"iter"
	"sync"

	"fsk/objects/durable"
	"fsk/objects/packfile"

	"github.com/zeebo/blake3"
)

var (
	errNoKeys     = errors.New("there is no key to seal with")
	errNoChoosing = errors.New("objects.Reseal: all objects are resealed, not chosen ones")
)

// Reseal checks everything, as [DB.Fsck] does, and in the same pass gives each good
// object that a retired key sealed the trailer of the first key. It yields the same
// findings, but for the objects that it resealed, which it counts in stats: when it ends
// without an error, and without a finding that an object could not be looked at, no
// object that was there when it began depends on any other key. What does not verify is
// reported and stays as it is, to the last byte.
//
// Loose objects are written beside the old ones and renamed; of a pack that has such an
// object a whole copy is written, which has the same index. So it needs space for one
// pack at a time, and for one large loose object or 16 MiB of small ones for each worker.
// The lock is held exclusively only to rename. Readers and writers may go on, and when it
// is interrupted every object is sealed by one key or the other: the next Reseal goes on
// with what is left. All that it writes is durable whatever the options say, because what
// it replaces may have been.
//
// The error is that of the context, or of writing or locking, and ends the iteration.
// Without keys it is an error. Of opts, Objects must be nil.
func (db *DB) Reseal(ctx context.Context, opts FsckOptions, stats *FsckStats) iter.Seq2[Finding, error] {
	switch {
	case db.ring.Len() == 0:
		return failed(errNoKeys)
	case opts.Objects != nil:
		return failed(errNoChoosing)
	}
	return db.walk(ctx, opts, stats, &resealer{db: db, writer: durable.NewWriter(db.fs, tmpDir, durable.Full)})
}

func failed(err error) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) { yield(Finding{}, err) }
}

// A resealer writes what a checker has resealed in memory. A nil one does nothing.
type resealer struct {
	db      *DB
	writer  *durable.Writer
	current *packCopy // belongs to the goroutine of the iteration
}

// A packCopy is a copy of a pack in which objects have another trailer. It is begun when
// the first of them is found: a pack without any costs nothing.
type packCopy struct {
	id    packfile.ID
	seen  fs.FileInfo   // the pack, before it was read
	tmp   *durable.File // nil as long as nothing has changed
	stats FsckStats     // of the pack
	sum   hash.Hash     // of the objects that were checked before the copy was begun
	again bool          // somebody changed or replaced the pack meanwhile
	over  chan struct{} // closed when the pack is done

	mu   sync.Mutex          // held while file is read or closed
	file durable.RegularFile // nil when the work has ended early
}

func (s *resealer) begin(id packfile.ID) *packCopy {
	if s == nil {
		return nil
	}
	seen, _ := s.db.fs.Lstat(packPath(id))
	return &packCopy{id: id, seen: seen, stats: newFsckStats(), sum: blake3.New(), over: make(chan struct{})}
}

// wait waits until the copy has taken the place of the pack. It reports false if the
// pack is to be looked at again.
func (c *packCopy) wait(ctx context.Context) bool {
	select {
	case <-c.over:
		return !c.again
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.file = nil
		return true
	}
}

// discard removes the copy that is being written when the work ends early.
func (s *resealer) discard() {
	if s != nil && s.current != nil && s.current.tmp != nil {
		s.current.tmp.Discard()
	}
}

// pending counts what was looked at in a pack that is not done.
func (s *resealer) pending() (objects, bytes int64) {
	if s == nil || s.current == nil {
		return 0, 0
	}
	return s.current.stats.Objects, s.current.stats.Bytes
}

// take takes the next objects of a pack, and at its end publishes the copy. Only then
// they count.
func (s *resealer) take(ctx context.Context, r *checked) error {
	c := r.copy
	s.current = c
	if !r.end {
		c.stats.merge(r.stats)
		r.stats = newFsckStats()
		return putError(Digest{}, c.add(s, r))
	}
	s.current = nil
	defer close(c.over)
	if c.tmp != nil {
		defer c.tmp.Discard()
	}
	switch {
	case c.again:
		return nil
	case c.tmp == nil:
	case r.damaged: // fsck reports it, and pack saves what is whole
		c.stats.undo(s.db.ring.ID(0))
	default:
		if err := s.publish(ctx, c); err != nil || c.again {
			return putError(Digest{}, err)
		}
	}
	r.stats = c.stats
	return nil
}

// add writes objects to the copy, which begins with the first of them that has changed.
func (c *packCopy) add(s *resealer, r *checked) (err error) {
	switch {
	case c.again:
		return nil
	case c.tmp == nil && !r.changed:
		c.sum.Write(r.objects.Raw())
		return nil
	case c.tmp == nil:
		if c.tmp, err = s.writer.Create(); err != nil {
			return err
		}
		if err := c.copyBegin(s, r.objects.Offset()); err != nil || c.again {
			return err
		}
	}
	_, err = c.tmp.Write(r.objects.Raw())
	return err
}

// copyBegin copies what comes before an offset, which must be what was checked: nobody
// can tell what a file is that is read a second time.
func (c *packCopy) copyBegin(s *resealer, end int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return context.Canceled
	}
	if _, err := packfile.NewWriter(c.tmp).Finish(io.Discard); err != nil { // a pack of no objects, as every pack begins
		return err
	}
	buf := s.db.bufs.get()
	defer s.db.bufs.put(buf)
	sum, begin := blake3.New(), c.tmp.Size()
	_, err := io.CopyBuffer(io.MultiWriter(c.tmp, sum), io.NewSectionReader(c.file, begin, end-begin), *buf)
	c.again = err == nil && !bytes.Equal(sum.Sum(nil), c.sum.Sum(nil))
	return err
}

// publish puts the copy in the place of the pack, unless that was replaced or removed
// meanwhile.
func (s *resealer) publish(ctx context.Context, c *packCopy) error {
	if err := c.tmp.Finish(); err != nil {
		return err
	}
	unlock, err := s.db.lock.Exclusive(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	name := packPath(c.id)
	now, err := s.db.fs.Lstat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if now == nil || c.seen == nil || !durable.SameFile(c.seen, now) {
		c.again = true
		return nil
	}
	if err := c.tmp.Publish(name); err != nil {
		return err
	}
	s.db.packs.reopen(c.id)
	return s.writer.SyncName(name)
}
