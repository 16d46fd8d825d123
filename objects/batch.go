package objects

import (
	"context"
	"io"
	"sync"

	"fsk/objects/durable"
	"fsk/objects/packfile"
	"fsk/seal"
)

const (
	// A batch commits by itself when it holds so many bytes or objects, which bounds
	// memory and what an interruption can lose.
	batchBytes   = 256 << 20
	batchObjects = 1 << 18
	// minPack is the least number of small objects that make a pack; fewer are loose.
	minPack = 8
)

// A Batch makes many objects durable together, for the price of a few syncs: small
// ones in a pack, large ones in files of their own. Its methods may be called by
// several goroutines at once.
//
// Nothing is acknowledged before [Batch.Commit] returns without an error, although a
// batch that has grown to 256 MiB or 262,144 objects commits what it has by itself. It
// must end with Commit or [Batch.Discard], and can then be used again.
//
// A Batch holds the lock of the store, shared, from its first object to the end of the
// commit, so it should not be kept waiting. Other batches, [DB.Put] and readers go on
// beside it. But [DB.Remove], [DB.Pack] and all else that deletes wait for it, in any
// process, and who comes after them waits behind them. So a goroutine that has put
// something in a batch must end the batch before it calls Remove or Pack, or puts
// something in another way: otherwise it waits for itself, until that fails after
// [Options.LockWait].
type Batch struct {
	db *DB
	// gate is held for reading while an object is put: a commit releases the lock of the
	// store, on which the look for a duplicate relies until the object is in the batch.
	gate sync.RWMutex

	mu     sync.Mutex
	unlock func()           // of the store's lock; nil as long as nothing was put
	sizes  map[Digest]int64 // what was put, by the size of its payload: small, because they are many
	there  map[Digest]Info  // what was put and was in the store already
	small  []smallObject    // until there are enough for a pack
	pack   *packfile.Writer // nil until then
	tmp    *durable.File    // of the pack
	loose  []looseFile      // finished but for their names
	names  map[string]bool  // of files that are to be made durable with the batch
	bytes  int64
	failed error // of a write: the batch can only be discarded
}

type smallObject struct {
	d      Digest
	stored []byte
}

type looseFile struct {
	file *durable.File
	name string
}

// NewBatch returns an empty batch. It touches nothing.
func (db *DB) NewBatch() *Batch { return &Batch{db: db} }

// Put adds a payload. The description is that of [DB.Put], but for an object that
// goes to a pack, which has no name before the commit: [Info.Where] is empty then. An
// error other than that of a file leaves the batch as it was; after that of a file it can
// only be discarded.
func (b *Batch) Put(ctx context.Context, payload []byte) (Info, error) {
	return b.enter(ctx, func() (Info, error) { return b.put(ctx, payload) })
}

// PutReader is [Batch.Put] for a payload that is read from r to its end, in one pass
// and bounded memory, whatever its size. An error of r is returned as it is and leaves
// the batch as it was.
//
// Nothing is held while r is read: one that is slow keeps nobody from committing.
func (b *Batch) PutReader(ctx context.Context, r io.Reader) (Info, error) {
	buf := b.db.bufs.get()
	n, end, err := readFirst(r, *buf)
	if err == nil && !end {
		return b.putLarge(ctx, buf, n, r)
	}
	defer b.db.bufs.put(buf)
	if err != nil {
		return Info{}, err
	}
	return b.Put(ctx, (*buf)[:n])
}

// enter runs put with the store locked, and commits when the batch is full.
func (b *Batch) enter(ctx context.Context, put func() (Info, error)) (Info, error) {
	info, full, err := b.entered(ctx, put)
	if err == nil && full {
		err = b.Commit(ctx)
	}
	return info, err
}

func (b *Batch) entered(ctx context.Context, put func() (Info, error)) (info Info, full bool, err error) {
	b.gate.RLock()
	defer b.gate.RUnlock()
	if err := b.begin(ctx); err != nil {
		return Info{}, false, err
	}
	info, err = put()
	b.mu.Lock()
	defer b.mu.Unlock()
	return info, b.bytes >= batchBytes || len(b.sizes)+len(b.there) >= batchObjects, err
}

// begin takes the lock of the store, and looks at its packs once for all objects.
func (b *Batch) begin(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed != nil || b.unlock != nil {
		return b.failed
	}
	unlock, err := b.db.lock.Shared(ctx)
	if err != nil {
		return putError(Digest{}, err)
	}
	if err := b.db.packs.list(ctx); err != nil {
		unlock()
		return putError(Digest{}, err)
	}
	b.unlock, b.names = unlock, make(map[string]bool)
	b.sizes, b.there = make(map[Digest]int64), make(map[Digest]Info)
	return nil
}

func (b *Batch) put(ctx context.Context, payload []byte) (Info, error) {
	d := Sum(payload)
	if int64(len(payload)) > b.db.opts.MaxObjectSize {
		return Info{}, &Error{Digest: d, Reason: TooLarge, Err: overLimit(b.db.opts.MaxObjectSize)}
	}
	if info, err := b.duplicate(ctx, d); err != nil || info.Reason.Good() {
		return info, err
	}
	if len(payload) > packfile.MaxPayload {
		f, err := b.db.write(payload)
		if err != nil {
			return Info{}, putError(d, err)
		}
		return b.addLoose(d, int64(len(payload)), f)
	}
	var room [seal.TrailerSize]byte
	return b.addSmall(d, payload, b.db.ring.AppendTrailer(room[:0], payload))
}

// putLarge streams a payload, of which the first n bytes are in buf, to a file.
func (b *Batch) putLarge(ctx context.Context, buf *[]byte, n int, r io.Reader) (Info, error) {
	f, err := b.db.writer.Create()
	if err != nil {
		b.db.bufs.put(buf)
		return Info{}, putError(Digest{}, err)
	}
	kept := false
	defer func() {
		if !kept {
			f.Discard()
		}
	}()
	d, size, err := b.db.stream(ctx, f, buf, n, r)
	if err != nil {
		return Info{}, err
	}
	return b.enter(ctx, func() (Info, error) {
		if info, err := b.duplicate(ctx, d); err != nil || info.Reason.Good() {
			return info, err
		}
		kept = true // or discarded by addLoose
		return b.addLoose(d, size, f)
	})
}

// duplicate looks in the batch, and then in the store.
func (b *Batch) duplicate(ctx context.Context, d Digest) (Info, error) {
	b.mu.Lock()
	info, ok := b.has(d)
	b.mu.Unlock()
	if ok {
		return info, nil
	}
	var name string
	info, err := b.db.duplicate(ctx, d, func(s *source) error {
		name = s.path
		return b.syncOnce(s)
	})
	if err == nil && info.Reason.Good() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.there[d], b.names[name] = info, true
	}
	return info, err
}

// syncOnce brings the bytes of a duplicate to the disk, those of a pack only once; the
// name is synced with the batch.
func (b *Batch) syncOnce(s *source) error {
	b.mu.Lock()
	done := s.where != Loose && b.names[s.path]
	b.mu.Unlock()
	if done {
		return nil
	}
	err := b.db.writer.SyncFile(s.RegularFile)
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.failed = putError(s.d, err)
	}
	return err
}

// addLoose brings the bytes of a file to the disk, side by side with those of others,
// and leaves the name to the commit. The batch owns the file now.
func (b *Batch) addLoose(d Digest, size int64, f *durable.File) (Info, error) {
	if err := f.Finish(); err != nil {
		f.Discard()
		return Info{}, putError(d, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if info, ok := b.has(d); ok { // somebody else was faster
		f.Discard()
		return info, nil
	}
	b.loose = append(b.loose, looseFile{f, loosePath(d)})
	return b.added(d, size, Loose), nil
}

// addSmall adds the object to the pack, or to those that wait for one.
func (b *Batch) addSmall(d Digest, payload, trailer []byte) (Info, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if info, ok := b.has(d); ok {
		return info, nil
	}
	var err error
	if b.pack == nil {
		b.small = append(b.small, smallObject{d, append(append([]byte(nil), payload...), trailer...)})
		if len(b.small) == minPack {
			err = b.startPack()
		}
	} else {
		err = b.pack.Add(d, payload, trailer)
	}
	if err != nil {
		b.failed = putError(d, err)
		return Info{}, b.failed
	}
	return b.added(d, int64(len(payload)), ""), nil
}

// added remembers an object that is in the batch now. mu is held.
func (b *Batch) added(d Digest, size int64, where string) Info {
	b.sizes[d] = size
	b.bytes += size
	return b.db.stored(d, size, where)
}

// has describes an object that is in the batch, or was found in the store. mu is held.
func (b *Batch) has(d Digest) (Info, bool) {
	if info, ok := b.there[d]; ok {
		return info, true
	}
	size, ok := b.sizes[d]
	if !ok {
		return Info{}, false
	}
	where := ""
	if size > packfile.MaxPayload {
		where = Loose
	}
	return b.db.stored(d, size, where), true
}

// startPack makes a pack of the objects that waited for one. mu is held.
func (b *Batch) startPack() error {
	f, err := b.db.writer.Create()
	if err != nil {
		return err
	}
	b.tmp, b.pack = f, packfile.NewWriter(f)
	for _, o := range b.small {
		if err := b.pack.Add(o.d, o.stored, nil); err != nil {
			return err
		}
	}
	b.small = nil
	return nil
}
