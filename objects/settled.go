package objects

import (
	"context"
	"maps"
	"time"
)

// Settled returns those of the objects of which no copy was written less than age ago, or
// seems to come from the future, by the clock of the filesystem; also those of which there
// is none. The copies of a pack are as old as the pack.
func (db *DB) Settled(ctx context.Context, digests map[Digest]bool, age time.Duration) (map[Digest]bool, error) {
	now, err := db.now()
	if err != nil {
		return nil, putError(Digest{}, err)
	}
	a := &removal{db: db, ctx: ctx, wanted: digests, before: now.Add(-age)}
	settled := make(map[Digest]bool, len(digests))
	for d := range digests {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		young, err := a.isYoung(loosePath(d))
		if err != nil {
			return nil, fault(d, loosePath(d), err)
		}
		settled[d] = !young
	}
	if err := db.packs.list(ctx); err != nil {
		return nil, err
	}
	for _, p := range db.packs.known() {
		young, err := a.isYoung(p.path)
		if err != nil {
			return nil, fault(Digest{}, p.path, err)
		}
		if !young {
			continue
		}
		held, err := db.packs.among(p, digests)
		if err != nil {
			return nil, err
		}
		for _, d := range held {
			settled[d] = false
		}
	}
	maps.DeleteFunc(settled, func(_ Digest, ok bool) bool { return !ok })
	return settled, nil
}

// Now returns the time by the clock of the filesystem: that of a file which is written
// now, and removed.
func (db *DB) Now() (time.Time, error) {
	now, err := db.now()
	return now, putError(Digest{}, err)
}

func (db *DB) now() (time.Time, error) {
	f, err := db.writer.Create()
	if err != nil {
		return time.Time{}, err
	}
	defer f.Discard()
	info, err := db.fs.Lstat(f.Name())
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
