package objects

import (
	"context"
	"io"
	"iter"
	"slices"

	"fsk/objects/internal/multisum"
	"fsk/seal"
)

// An Object is a verified object in memory.
type Object struct {
	Info
	Payload []byte
}

// GetEach is [DB.GetInto] for many objects: it yields one after the other, in the order of
// the digests, each with its payload or with the error that GetInto would return for it.
// The payload is in buf, or in memory of the DB: it is good until the next step of the
// loop. Objects of up to 1 KiB take about three quarters of the time, because their digests
// are computed side by side; not where there is a hook, which sees one object at a time.
func (db *DB) GetEach(ctx context.Context, digests []Digest, buf []byte) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if len(db.packs.known()) == 0 {
			_ = db.packs.list(ctx) // or the first would be looked for in vain
		}
		room := db.bufs.getFor(togetherMax * shortSize)
		defer db.bufs.put(room)
		for some := range slices.Chunk(digests, togetherMax) {
			if !db.getSome(ctx, some, *room, buf, yield) {
				return
			}
		}
	}
}

// shortSize is how many stored bytes an object has at most whose digest is computed beside
// those of others.
const shortSize = multisum.MaxShort + seal.TrailerSize

// getSome yields up to togetherMax objects. Short ones are read and judged together. That
// counts only for what is good: what is not, or is not short, is read as if nothing had been
// read of it, and so is everything about which a hook is to be asked, which must see one
// object at a time.
func (db *DB) getSome(ctx context.Context, digests []Digest, room, buf []byte, yield func(Object, error) bool) bool {
	var (
		list     [togetherMax]held
		where    [togetherMax]string
		verdicts [togetherMax]verdict
	)
	if db.opts.PreRead == nil && ctx.Err() == nil {
		for i, d := range digests {
			list[i].d = d
			list[i].stored, where[i] = db.readShort(ctx, d, room[i*shortSize:][:shortSize])
		}
		db.judgeAll(list[:len(digests)], verdicts[:len(digests)])
	}
	for i, d := range digests {
		if where[i] != "" {
			info := db.info(d, verdicts[i], where[i])
			if info.Reason.Good() && info.Size <= int64(len(buf)) {
				if !yield(Object{info, list[i].stored[:info.Size]}, nil) {
					return false
				}
				continue
			}
		}
		info, err := db.GetInto(ctx, d, buf)
		o := Object{Info: info}
		if err == nil {
			o.Payload = buf[:info.Size]
		}
		if !yield(o, err) {
			return false
		}
	}
	return true
}

// readShort reads the first copy of an object that find would try. It returns nothing if
// there is none, or none that fits into room, or it cannot be read.
func (db *DB) readShort(ctx context.Context, d Digest, room []byte) (stored []byte, where string) {
	_ = db.find(ctx, d, 0, func(s *source) error {
		defer s.Close()
		if s.Size() > int64(len(room)) {
			return io.ErrShortBuffer
		}
		if err := readFull(s, room[:s.Size()], 0); err != nil {
			return s.readError(err)
		}
		stored, where = room[:s.Size()], s.where
		return nil
	})
	return stored, where
}
