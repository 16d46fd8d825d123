package objects

import (
	"context"
	"errors"
	"io"

	"fsk/objects/durable"
	"fsk/seal"
)

// Put stores a payload and describes the object, which is then as durable as the
// options say. An object that is there already is verified before it counts; a
// damaged, unsealed or foreign one is replaced.
//
// An error of the file system is an [*Error] with the reason [IOError]; a payload
// over the limit is one with [TooLarge], and a link or directory where the object
// would be one with [UnsafePath] or [NotRegular]. Nothing is left behind then but at
// most a temporary file.
func (db *DB) Put(ctx context.Context, payload []byte) (Info, error) {
	d := Sum(payload)
	if int64(len(payload)) > db.opts.MaxObjectSize {
		return Info{}, &Error{Digest: d, Reason: TooLarge, Err: overLimit(db.opts.MaxObjectSize)}
	}
	return db.publish(ctx, d, int64(len(payload)), func() (*durable.File, error) {
		return db.write(payload)
	})
}

// PutReader is [DB.Put] for a payload that is read from r to its end, in one pass and
// bounded memory, whatever its size. An error of r is returned as it is.
func (db *DB) PutReader(ctx context.Context, r io.Reader) (Info, error) {
	buf := db.bufs.get()
	n, end, err := readFirst(r, *buf)
	if err != nil || end {
		defer db.bufs.put(buf)
		if err != nil {
			return Info{}, err
		}
		return db.Put(ctx, (*buf)[:n])
	}
	f, err := db.writer.Create()
	if err != nil {
		db.bufs.put(buf)
		return Info{}, putError(Digest{}, err)
	}
	defer f.Discard()
	d, size, err := db.stream(ctx, f, buf, n, r)
	if err != nil {
		return Info{}, err
	}
	return db.publish(ctx, d, size, func() (*durable.File, error) { return f, nil })
}

// publish gives a payload its name, unless there is a good object of that name. The
// lock is held from the look at what is there until the result is durable, so that
// nobody removes a duplicate in between. stored returns the temporary file.
func (db *DB) publish(ctx context.Context, d Digest, size int64, stored func() (*durable.File, error)) (Info, error) {
	unlock, err := db.lock.Shared(ctx)
	if err != nil {
		return Info{}, putError(d, err)
	}
	defer unlock()
	// Under the lock packs only come. One that is held open may have gone before.
	if err := db.packs.list(ctx); err != nil {
		return Info{}, putError(d, err)
	}
	info, err := db.duplicate(ctx, d, db.syncSource)
	if err != nil || info.Reason.Good() {
		return info, err
	}
	f, err := stored()
	if err != nil {
		return Info{}, putError(d, err)
	}
	defer f.Discard()
	name := loosePath(d)
	err = f.Commit(name)
	if errors.Is(err, durable.ErrPublish) {
		// A rename over a network may have been done although it was reported as
		// failed: the object that is there now decides.
		if info, check := db.duplicate(ctx, d, db.syncSource); check == nil && info.Reason.Good() {
			return info, nil
		}
	}
	if err != nil {
		return Info{}, putError(d, err)
	}
	return db.stored(d, size, Loose), nil
}

// stored describes an object that this DB has just written.
func (db *DB) stored(d Digest, size int64, where string) Info {
	info := Info{Digest: d, Size: size, Reason: OKPlain, Where: where}
	if db.ring.Len() > 0 {
		info.Reason, info.Key = OK, db.ring.ID(0)
	}
	return info
}

// syncSource makes a duplicate durable.
func (db *DB) syncSource(s *source) error {
	if err := db.writer.SyncFile(s.RegularFile); err != nil {
		return err
	}
	return db.writer.SyncName(s.path)
}

// duplicate looks for a good object of the name, and has it made durable by sync:
// whoever wrote it may not have done so yet. What is not good is to be replaced. The
// error says why that cannot be done, or must not. The lock is held, and the packs were
// listed under it.
func (db *DB) duplicate(ctx context.Context, d Digest, sync func(*source) error) (Info, error) {
	var failed error // a sync is not tried again, nor on another descriptor
	info, err := db.check(ctx, d, 0, func(s *source) error { failed = sync(s); return nil })
	if failed != nil {
		return Info{}, putError(d, failed)
	}
	var miss *Error
	if !errors.As(err, &miss) {
		return info, err
	}
	switch miss.Reason {
	case UnsafePath:
		return Info{}, err
	case IOError:
		// What cannot be read is replaced, unless it may be sealed and there is no key
		// to seal the new one with.
		if db.ring.Len() == 0 {
			return Info{}, err
		}
	case NotRegular:
		if err := db.inTheWay(nil, loosePath(d)); err != nil {
			return Info{}, about(d, err)
		}
	}
	return info, nil
}

// write makes a temporary file of the stored bytes of a payload. A small one is put
// together in memory first, to be written by one call.
func (db *DB) write(payload []byte) (*durable.File, error) {
	f, err := db.writer.Create()
	if err != nil {
		return nil, err
	}
	if len(payload) <= chunkSize {
		buf := db.bufs.getFor(int64(len(payload)) + seal.TrailerSize)
		defer db.bufs.put(buf)
		_, err = f.Write(db.ring.AppendTrailer(append((*buf)[:0], payload...), payload))
	} else if _, err = f.Write(payload); err == nil {
		_, err = f.Write(db.ring.AppendTrailer(nil, payload))
	}
	if err != nil {
		f.Discard()
		return nil, err
	}
	return f, nil
}

// putError makes the error of a file operation that of a write. Somebody may have put
// a link or a FIFO into the way, which is no fault of the disk.
func putError(d Digest, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return about(d, err)
	}
	e := &Error{Digest: d, Reason: IOError, Err: err}
	if reason := reasonOf(err); reason == UnsafePath || reason == NotRegular {
		e.Reason = reason
	}
	return e
}
