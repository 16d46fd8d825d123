package objects

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fsk/objects/durable"
	"fsk/seal"
)

// memorySize is the size in bytes up to which a payload is read into memory,
// verified there and released from there. A larger one is verified in a first pass
// and once more, chunk by chunk, in the second.
const memorySize = 64 << 20

// Get returns the verified payload of an object of at most [MaxGetSize] bytes. The
// caller owns it. The error is an [*Error], or that of the context.
func (db *DB) Get(ctx context.Context, d Digest) ([]byte, error) {
	f, err := db.openLoose(d)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size() > MaxGetSize+seal.TrailerSize {
		return nil, tooLarge(d, MaxGetSize)
	}
	stored := make([]byte, f.Size())
	info, err := db.load(ctx, d, f, stored)
	if err != nil {
		return nil, err
	}
	payload := stored[:info.Size:info.Size]
	if err := db.ask(ctx, &Reader{info: info, payload: &memory{payload: payload}}); err != nil {
		return nil, err
	}
	return payload, nil
}

// Stat verifies an object and describes it. Nothing is released, so no hook is
// asked. The error is an [*Error] if the object is a miss, or that of the context.
func (db *DB) Stat(ctx context.Context, d Digest) (Info, error) {
	info, err := db.check(ctx, d, nil)
	if err != nil {
		return Info{}, err
	}
	return info, nil
}

// Check verifies an object and describes it whatever the verdict: a miss is told by
// [Info.Reason] only. The error is that of the context, or nil.
func (db *DB) Check(ctx context.Context, d Digest) (Info, error) {
	info, err := db.check(ctx, d, nil)
	var miss *Error
	if errors.As(err, &miss) {
		return info, nil
	}
	return info, err
}

// check verifies an object. It describes it whatever the verdict is, beside the
// error. If it is good, and ok is not nil, it is handed the open file.
func (db *DB) check(ctx context.Context, d Digest, ok func(durable.RegularFile) error) (Info, error) {
	f, err := db.openLoose(d)
	if err != nil {
		return describe(d, err), err
	}
	defer f.Close()
	v, err := db.examine(ctx, d, f)
	if err != nil {
		return describe(d, err), err
	}
	info := db.info(d, v, Loose)
	if err := db.accept(info); err != nil {
		return info, err
	}
	if ok != nil {
		return info, ok(f)
	}
	return info, nil
}

// describe makes an Info of the error of an object that could not be judged.
func describe(d Digest, err error) Info {
	info := Info{Digest: d, Size: -1, Reason: IOError}
	var e *Error
	if errors.As(err, &e) {
		info.Reason = e.Reason
	}
	if info.Reason != Missing {
		info.Where = Loose
	}
	return info
}

// openLoose opens the file of a loose object. What is far too large is refused by
// its size alone, before anything is read.
func (db *DB) openLoose(d Digest) (durable.RegularFile, error) {
	name := loosePath(d)
	f, err := durable.OpenRegular(db.fs, name)
	if err != nil {
		return nil, fault(d, name, err)
	}
	if f.Size()-seal.TrailerSize > db.opts.MaxObjectSize {
		f.Close()
		return nil, tooLarge(d, db.opts.MaxObjectSize)
	}
	return f, nil
}

// tooLarge is the error of a payload over the limit; d is zero if it is not known yet.
func tooLarge(d Digest, limit int64) error {
	e := &Error{Digest: d, Reason: TooLarge, Err: fmt.Errorf("larger than the limit of %d bytes", limit)}
	if !d.IsZero() {
		e.Path = loosePath(d)
	}
	return e
}

// examine gives the verdict on an open file, in bounded memory whatever its size.
func (db *DB) examine(ctx context.Context, d Digest, f durable.RegularFile) (verdict, error) {
	if f.Size() > chunkSize+seal.TrailerSize {
		v, err := db.judgeFile(ctx, d, f, nil)
		return v, readError(d, err)
	}
	buf := db.bufs.get()
	defer db.bufs.put(buf)
	stored := (*buf)[:f.Size()]
	if err := readFull(f, stored, 0); err != nil {
		return verdict{}, readError(d, err)
	}
	return db.judge(d, stored), ctx.Err()
}

// load reads a whole file into stored, verifies it there, and fails unless it is good.
func (db *DB) load(ctx context.Context, d Digest, f durable.RegularFile, stored []byte) (Info, error) {
	for off := 0; off < len(stored); off += chunkSize { // in pieces, so that the context can end it
		if err := ctx.Err(); err != nil {
			return Info{}, err
		}
		if err := readFull(f, stored[off:min(off+chunkSize, len(stored))], int64(off)); err != nil {
			return Info{}, readError(d, err)
		}
	}
	info := db.info(d, db.judge(d, stored), Loose)
	return info, db.accept(info)
}

// readError makes the error of reading an open file that of the object.
func readError(d Digest, err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return changed(d)
	}
	return &Error{Digest: d, Reason: IOError, Path: loosePath(d), Err: err}
}

func changed(d Digest) error {
	return &Error{Digest: d, Reason: ChangedDuringRead, Path: loosePath(d)}
}

// accept returns the error of an object that is not good.
func (db *DB) accept(info Info) error {
	switch {
	case info.Reason.Good():
		return nil
	case info.Reason == TooLarge:
		return tooLarge(info.Digest, db.opts.MaxObjectSize)
	}
	return &Error{Digest: info.Digest, Reason: info.Reason, Path: loosePath(info.Digest)}
}

// ask asks the hook about the payload of r.
func (db *DB) ask(ctx context.Context, r *Reader) error {
	if err := ctx.Err(); err != nil || db.opts.PreRead == nil {
		return err
	}
	info := r.info
	err := db.opts.PreRead.PreRead(ctx, info, io.NewSectionReader(r, 0, r.Size())) // which cannot move or close r
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrHookFailed):
		return &Error{Digest: info.Digest, Reason: HookFailed, Path: loosePath(info.Digest), Err: err}
	}
	return &Error{Digest: info.Digest, Reason: Denied, Path: loosePath(info.Digest), Err: err}
}
