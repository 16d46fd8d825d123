package objects

import (
	"context"
	"errors"
	"io"

	"fsk/seal"
)

// memorySize is the size in bytes up to which a payload is read into memory,
// verified there and released from there. A larger one is verified in a first pass
// and once more, chunk by chunk, in the second.
const memorySize = 64 << 20

// Get returns the verified payload of an object of at most [MaxGetSize] bytes. The
// caller owns it. The error is an [*Error], or that of the context.
func (db *DB) Get(ctx context.Context, d Digest) (payload []byte, err error) {
	err = db.find(ctx, d, maxRounds, func(s *source) error {
		defer s.Close()
		if s.Size() > MaxGetSize+seal.TrailerSize {
			return s.tooLarge(MaxGetSize)
		}
		stored := make([]byte, s.Size())
		info, err := db.load(ctx, s, stored)
		if err != nil {
			return err
		}
		payload = stored[:info.Size:info.Size]
		r := &Reader{info: info, payload: &memory{payload: payload}}
		defer r.Close() // a hook that keeps it reads nothing more
		return db.ask(ctx, s, r)
	})
	if err != nil {
		return nil, err
	}
	return payload, nil
}

// GetInto is [DB.Get] for a caller who reads many objects and has a buffer: it copies the
// verified payload to the beginning of buf, which is not touched otherwise, and allocates
// little. For a payload that is larger than buf, or than 1 MiB, the error is
// [io.ErrShortBuffer], and also if no copy is good and one is as large: use [DB.Open].
func (db *DB) GetInto(ctx context.Context, d Digest, buf []byte) (info Info, err error) {
	short := false // there is a copy that would not fit
	err = db.find(ctx, d, maxRounds, func(s *source) error {
		defer s.Close()
		if limit := min(int64(len(buf)), chunkSize); s.Size()-seal.TrailerSize > limit {
			short = true
			return s.tooLarge(limit) // so says a size that nobody has verified: another copy may be good
		}
		room := db.bufs.getFor(s.Size())
		defer db.bufs.put(room)
		stored := (*room)[:s.Size()]
		found, err := db.load(ctx, s, stored)
		if err != nil {
			return err
		}
		if found.Size > int64(len(buf)) {
			return io.ErrShortBuffer
		}
		payload := stored[:found.Size]
		if db.opts.PreRead != nil {
			r := &Reader{info: found, payload: &memory{payload: payload}}
			err := db.ask(ctx, s, r)
			r.Close() // a hook that keeps it must not read the next object in this buffer
			if err != nil {
				return err
			}
		}
		copy(buf, payload)
		info = found
		return nil
	})
	if err != nil && short && ctx.Err() == nil && !isFinal(err) {
		err = io.ErrShortBuffer
	}
	return info, err
}

// Stat verifies an object and describes it. Nothing is released, so no hook is
// asked. The error is an [*Error] if the object is a miss, or that of the context.
func (db *DB) Stat(ctx context.Context, d Digest) (Info, error) {
	info, err := db.check(ctx, d, maxRounds, nil)
	if err != nil {
		return Info{}, err
	}
	return info, nil
}

// Check verifies an object and describes it whatever the verdict: a miss is told by
// [Info.Reason] only. The error is that of the context, or nil.
func (db *DB) Check(ctx context.Context, d Digest) (Info, error) {
	info, err := db.check(ctx, d, maxRounds, nil)
	var miss *Error
	if errors.As(err, &miss) {
		return info, nil
	}
	return info, err
}

// check verifies an object. It describes it whatever the verdict is, beside the
// error. If it is good, and ok is not nil, ok is handed the open source.
func (db *DB) check(ctx context.Context, d Digest, rounds int, ok func(*source) error) (Info, error) {
	first := Info{Digest: d, Size: -1, Reason: Missing}
	err := db.find(ctx, d, rounds, func(s *source) error {
		defer s.Close()
		info, err := db.examine(ctx, s)
		if err == nil || first.Reason == Missing {
			first = info
		}
		if err != nil || ok == nil {
			return err
		}
		return ok(s)
	})
	if err != nil && first.Reason == Missing && !isMissing(err) { // no copy could be opened
		first.Reason = reasonIn(err)
		if pathOf(d, err) == loosePath(d) {
			first.Where = Loose
		}
	}
	return first, err
}

// examine gives the verdict on a source, in bounded memory whatever its size. It
// describes the object also if the error says that it is not good.
func (db *DB) examine(ctx context.Context, s *source) (Info, error) {
	v, err := db.examineBytes(ctx, s)
	if err != nil {
		return Info{Digest: s.d, Size: -1, Reason: reasonIn(err), Where: s.where}, err
	}
	info := db.info(s.d, v, s.where)
	return info, db.accept(s, info)
}

func (db *DB) examineBytes(ctx context.Context, s *source) (verdict, error) {
	if s.Size() > chunkSize+seal.TrailerSize {
		v, err := db.judgeFile(ctx, s.d, s, nil, nil)
		return v, s.readError(err)
	}
	buf := db.bufs.getFor(s.Size())
	defer db.bufs.put(buf)
	stored := (*buf)[:s.Size()]
	if err := readFull(s, stored, 0); err != nil {
		return verdict{}, s.readError(err)
	}
	return db.judge(s.d, stored), ctx.Err()
}

// load reads all of a source into stored, verifies it there, and fails unless it is good.
func (db *DB) load(ctx context.Context, s *source, stored []byte) (Info, error) {
	v, err := db.loadBytes(ctx, s, stored)
	if err != nil {
		return Info{}, err
	}
	info := db.info(s.d, v, s.where)
	return info, db.accept(s, info)
}

func (db *DB) loadBytes(ctx context.Context, s *source, stored []byte) (verdict, error) {
	if len(stored) > chunkSize+seal.TrailerSize { // the next chunk is read while this one is hashed
		v, err := db.judgeFile(ctx, s.d, s, nil, stored)
		return v, s.readError(err)
	}
	if err := ctx.Err(); err != nil {
		return verdict{}, err
	}
	if err := readFull(s, stored, 0); err != nil {
		return verdict{}, s.readError(err)
	}
	return db.judge(s.d, stored), nil
}

// ask asks the hook about the payload of r.
func (db *DB) ask(ctx context.Context, s *source, r *Reader) error {
	if err := ctx.Err(); err != nil || db.opts.PreRead == nil {
		return err
	}
	err := db.opts.PreRead.PreRead(ctx, r.info, io.NewSectionReader(r, 0, r.Size())) // which cannot move or close r
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrHookFailed):
		return &Error{Digest: s.d, Reason: HookFailed, Path: s.path, Err: err}
	}
	return &Error{Digest: s.d, Reason: Denied, Path: s.path, Err: err}
}
