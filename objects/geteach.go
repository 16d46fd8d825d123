package objects

import (
	"context"
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

// GetEach is [DB.GetInto] for many objects: it yields one for each digest, in their order,
// with its payload at the beginning of buf, or the zero Object and the error that GetInto
// would return. The next step of the loop overwrites buf. Objects of up to 1 KiB in packs
// take about three quarters of the time, because their digests are computed side by side,
// where the processor has AVX2 and there is no hook, which must see one object at a time.
func (db *DB) GetEach(ctx context.Context, digests []Digest, buf []byte) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if len(digests) < 2 || db.opts.PreRead != nil {
			for _, d := range digests {
				if !yield(db.getObject(ctx, d, buf)) {
					return
				}
			}
			return
		}
		if len(db.packs.known()) == 0 {
			_ = db.packs.list(ctx) // or the first would be looked for in vain
		}
		room := db.bufs.getFor(togetherMax * shortSize)
		defer db.bufs.put(room)
		var s shorts
		for some := range slices.Chunk(digests, togetherMax) {
			s.read(ctx, db, some, *room)
			for i := range some {
				if !yield(s.get(ctx, db, i, buf)) {
					return
				}
			}
		}
	}
}

// getObject is GetInto with another result.
func (db *DB) getObject(ctx context.Context, d Digest, buf []byte) (Object, error) {
	info, err := db.GetInto(ctx, d, buf)
	if err != nil {
		return Object{}, err
	}
	return Object{info, buf[:info.Size:info.Size]}, nil
}

// shortSize is how many stored bytes an object has at most whose digest is computed beside
// those of others.
const shortSize = multisum.MaxShort + seal.TrailerSize

// shorts are up to togetherMax objects that are read and judged together. What is not short,
// not in a pack or not good is to be read again, from wherever it is.
type shorts struct {
	list     [togetherMax]held
	where    [togetherMax]string // "" for what could not be read
	verdicts [togetherMax]verdict
}

// read reads objects into room. Loose ones would gain nothing: to open a file takes longer
// than all else.
func (s *shorts) read(ctx context.Context, db *DB, digests []Digest, room []byte) {
	db.packs.recheck()
	known := db.packs.known()
	for i, d := range digests {
		s.list[i], s.where[i] = held{d: d}, ""
		if ctx.Err() != nil {
			continue
		}
		room := room[i*shortSize:][:shortSize]
		db.findInPacks(d, known, func(src *source, err error, _ bool) (over bool) {
			if err != nil {
				return true
			}
			defer src.Close()
			if src.Size() <= shortSize && readFull(src, room[:src.Size()], 0) == nil {
				s.list[i].stored, s.where[i] = room[:src.Size()], src.where
			}
			return true
		})
	}
	db.judgeAll(s.list[:len(digests)], s.verdicts[:len(digests)])
}

// get copies the payload of object i to buf, or reads the object again.
func (s *shorts) get(ctx context.Context, db *DB, i int, buf []byte) (Object, error) {
	d := s.list[i].d
	if s.where[i] != "" && ctx.Err() == nil {
		info := db.info(d, s.verdicts[i], s.where[i])
		if info.Reason.Good() && info.Size <= int64(len(buf)) {
			size := copy(buf, s.list[i].stored[:info.Size])
			return Object{info, buf[:size:size]}, nil
		}
	}
	return db.getObject(ctx, d, buf)
}
