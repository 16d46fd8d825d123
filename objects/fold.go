package objects

import (
	"context"

	"fsk/objects/packfile"
)

const (
	// A commit that sees more than foldPacks packs of less than foldSize bytes makes one
	// of them: every lookup asks every pack.
	foldPacks = 64
	foldSize  = 16 << 20
)

// fold gathers small packs if there are too many. It gives up without a word if the
// lock is not free or anything else is in the way: the next commit will try again, and
// nothing depends on it.
func (db *DB) fold(ctx context.Context) {
	if err := db.packs.list(ctx); err != nil || len(db.packs.known()) <= foldPacks {
		return
	}
	var small []packfile.ID
	for _, p := range db.packs.known() {
		if info, err := db.fs.Lstat(packPath(p.id)); err == nil && info.Size() < foldSize {
			small = append(small, p.id)
		}
	}
	if len(small) <= foldPacks {
		return
	}
	r := newRewriter(ctx, db, nil)
	r.tryLock = true
	defer r.discard()
	for _, id := range small {
		if r.addPack(id) != nil {
			return
		}
	}
	r.flush()
}
