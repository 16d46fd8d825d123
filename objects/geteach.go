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
		alone := func(d Digest) bool {
			info, err := db.GetInto(ctx, d, buf)
			if err != nil {
				return yield(Object{}, err)
			}
			return yield(Object{info, buf[:info.Size:info.Size]}, nil)
		}
		if len(digests) < 2 || db.opts.PreRead != nil {
			for _, d := range digests {
				if !alone(d) {
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
		var short shorts
		for some := range slices.Chunk(digests, togetherMax) {
			short.read(ctx, db, some, *room)
			for i := range some {
				info, ok := short.info(db, i)
				if !ok || info.Size > int64(len(buf)) || ctx.Err() != nil {
					if !alone(short.list[i].d) {
						return
					}
					continue
				}
				size := copy(buf, short.list[i].stored[:info.Size])
				if !yield(Object{info, buf[:size:size]}, nil) {
					return
				}
			}
		}
	}
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

// info describes object i, if it was read and is good.
func (s *shorts) info(db *DB, i int) (info Info, ok bool) {
	if s.where[i] == "" {
		return Info{}, false
	}
	info = db.info(s.list[i].d, s.verdicts[i], s.where[i])
	return info, info.Reason.Good()
}
