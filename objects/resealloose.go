package objects

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"fsk/objects/durable"
	"fsk/seal"

	"golang.org/x/sync/errgroup"
)

const (
	// Resealed loose objects get their names together, at the latest when they have so
	// many bytes: the lock and the sync of the directory are dear.
	groupBytes = 16 << 20
	// groupSyncs is how many of them are brought to the disk at once.
	groupSyncs = 16
)

// A resealGroup is some loose objects with another trailer that have no name yet. It is
// for one goroutine.
type resealGroup struct {
	db     *DB
	writer *durable.Writer
	ctx    context.Context
	wants  func(Info) bool // which objects, of those whose payload has the digest
	files  []resealedFile
	bytes  int64
	done   []Info   // objects that have another trailer now, as they were
	again  []Digest // that others changed meanwhile
	failed error    // of writing or locking: it ends the work
}

type resealedFile struct {
	tmp  *durable.File
	info Info        // of the object as it was
	seen fs.FileInfo // its file, before it was read
}

// isRetired tells the objects that Reseal changes.
func isRetired(info Info) bool { return info.Reason == OK && info.Retired }

// resealLoose checks some loose objects, and reseals them. What others change meanwhile
// is looked at again.
func (c *checker) resealLoose(digests []Digest) checked {
	r := checked{stats: newFsckStats()}
	g := &resealGroup{db: c.db, writer: c.reseal.writer, ctx: c.ctx, wants: isRetired}
	defer g.discard()
	for range maxRounds {
		g.again = nil
		for _, d := range digests {
			info, taken, err := g.add(d)
			if c.ctx.Err() != nil || g.failed != nil {
				break
			}
			if !taken && info.Reason != Missing {
				r.add(pathOf(d, err), info, err)
			}
		}
		g.publish()
		if digests = g.again; len(digests) == 0 || g.failed != nil {
			break
		}
	}
	for _, d := range digests { // there is no end to it
		err := &Error{Digest: d, Reason: ChangedDuringRead, Path: loosePath(d)}
		r.add(err.Path, Info{Digest: d, Size: -1, Reason: err.Reason, Where: Loose}, err)
	}
	for _, info := range g.done {
		r.stats.reseal(info, c.db.ring.ID(0))
	}
	r.err = g.failed
	return r
}

// add looks at an object, and takes it into the group if it is wanted. The error is
// about the object; that of writing is in failed.
func (g *resealGroup) add(d Digest) (info Info, taken bool, err error) {
	seen, _ := g.db.fs.Lstat(loosePath(d))
	s, err := g.db.openLoose(d)
	if err != nil {
		return Info{Digest: d, Size: -1, Reason: reasonIn(err), Where: Loose}, false, err
	}
	var tmp *durable.File
	if s.Size() > chunkSize+seal.TrailerSize {
		info, tmp, err = g.large(s)
	} else {
		info, tmp, err = g.small(s)
	}
	if tmp == nil {
		return info, false, err
	}
	g.files = append(g.files, resealedFile{tmp, info, seen})
	if g.bytes += tmp.Size(); g.bytes >= groupBytes {
		g.publish()
	}
	return info, true, nil
}

// small reseals from memory. The buffer holds what was verified.
func (g *resealGroup) small(s *source) (Info, *durable.File, error) {
	defer s.Close()
	buf := g.db.bufs.getFor(s.Size())
	defer g.db.bufs.put(buf)
	stored := (*buf)[:s.Size()]
	if err := readFull(s, stored, 0); err != nil {
		err = s.readError(err)
		return Info{Digest: s.d, Size: -1, Reason: reasonIn(err), Where: Loose}, nil, err
	}
	info := g.db.info(s.d, g.db.judge(s.d, stored), s.where)
	if !g.wants(info) {
		return info, nil, g.db.accept(s, info)
	}
	payload := stored[:info.Size]
	tmp := g.write(s.d, func(f io.Writer) error {
		_, err := f.Write(g.db.ring.AppendTrailer(payload, payload)) // over what came after it
		return err
	})
	return info, tmp, nil
}

// large verifies in a first pass, which is all that most objects need, and copies what
// was verified in a second one.
func (g *resealGroup) large(s *source) (Info, *durable.File, error) {
	r, err := g.db.judgeChunks(g.ctx, s)
	if err != nil {
		return Info{Digest: s.d, Size: -1, Reason: reasonIn(err), Where: Loose}, nil, err
	}
	defer r.Close()
	info := r.Info()
	if !g.wants(info) {
		return info, nil, g.db.accept(s, info)
	}
	var reading error
	tmp := g.write(s.d, func(f io.Writer) error {
		mac := g.db.ring.Only(0).NewWriter()
		l := newLanes(&g.db.bufs, func(p []byte) { mac.Write(p) })
		_, err := r.WriteTo(laneWriter{l, f})
		l.finish()
		var e *Error
		if errors.As(err, &e) { // it changed, or cannot be read any more: no fault of writing
			reading = err
			return errNotCopied
		}
		if err == nil {
			_, err = f.Write(mac.AppendTrailer(nil))
		}
		return err
	})
	if reading != nil {
		return Info{Digest: s.d, Size: -1, Reason: reasonIn(reading), Where: Loose}, nil, reading
	}
	return info, tmp, nil
}

// errNotCopied ends writing without being its fault.
var errNotCopied = errors.New("not copied")

// A laneWriter writes to a file, and beside it has a lane see the same bytes.
type laneWriter struct {
	lanes *lanes
	file  io.Writer
}

func (w laneWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		b := w.lanes.next()
		b.data = (*b.buf)[:copy(*b.buf, rest)]
		rest = rest[len(b.data):]
		w.lanes.send(b)
	}
	return w.file.Write(p)
}

// write makes a temporary file. It returns nil if that failed.
func (g *resealGroup) write(d Digest, content func(io.Writer) error) *durable.File {
	f, err := g.writer.Create()
	if err == nil {
		if err = content(f); err == nil {
			return f
		}
		f.Discard()
	}
	if err != errNotCopied && g.failed == nil {
		g.failed = putError(d, err)
	}
	return nil
}

// publish puts the objects of the group in their places. What was replaced or removed
// meanwhile is left alone.
func (g *resealGroup) publish() {
	if g.failed == nil && len(g.files) > 0 {
		g.failed = putError(Digest{}, g.rename())
	}
	g.discard()
}

func (g *resealGroup) rename() error {
	var sync errgroup.Group
	sync.SetLimit(groupSyncs)
	for _, f := range g.files {
		sync.Go(f.tmp.Finish)
	}
	if err := sync.Wait(); err != nil {
		return err
	}
	unlock, err := g.db.lock.Exclusive(g.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	names := make(map[string]bool)
	var done []Info
	for _, f := range g.files {
		name := loosePath(f.info.Digest)
		now, err := g.db.fs.Lstat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault(f.info.Digest, name, err)
		}
		if now == nil || f.seen == nil || !durable.SameFile(f.seen, now) {
			g.again = append(g.again, f.info.Digest)
			continue
		}
		if err := f.tmp.Publish(name); err != nil {
			return err
		}
		names[name] = true
		done = append(done, f.info)
	}
	if err := g.writer.SyncNames(names); err != nil {
		return err
	}
	g.done = append(g.done, done...)
	return nil
}

// discard forgets the files of the group; of those that were published nothing is left.
func (g *resealGroup) discard() {
	for _, f := range g.files {
		f.tmp.Discard()
	}
	g.files, g.bytes = nil, 0
}
