package objects

import (
	"context"
	"sync"

	"fsk/objects/packfile"
)

const (
	// A commit that sees more than foldPacks packs of less than foldSize bytes makes one
	// of them: every lookup asks every pack.
	foldPacks = 64
	foldSize  = 16 << 20
	// foldPause is how many more there must be before it is tried again after all was
	// copied for nothing.
	foldPause = foldPacks / 4
)

// folds remember what folding could not do, so that no commit copies it again in vain.
type folds struct {
	mu sync.Mutex // held while one goroutine folds
	// stuck are packs that were copied and could not be removed, or not be copied as a
	// whole. They stay so for somebody who runs fsk pack.
	stuck map[packfile.ID]bool
	least int // how many packs there must be after a fold that published nothing
}

// fold gathers small packs if there are too many. It gives up without a word if the
// lock is not free, if somebody else is about it, or if anything is in the way: nothing
// depends on it, and another commit will see the packs.
func (db *DB) fold(ctx context.Context) {
	if err := db.packs.list(ctx); err != nil || len(db.packs.known()) <= foldPacks || !db.folds.mu.TryLock() {
		return
	}
	defer db.folds.mu.Unlock()
	small := db.smallPacks()
	if len(small) <= max(foldPacks, db.folds.least) {
		return
	}
	unlock, err := db.lock.TryExclusive(ctx)
	if err != nil { // it would not be free after the copying either
		return
	}
	unlock()
	r := newRewriter(ctx, db, nil)
	r.tryLock = true
	defer r.discard()
	for _, id := range small {
		if err = r.addPack(id); err != nil {
			break
		}
	}
	if err == nil {
		r.flush()
	}
	db.folds.remember(db, small, r.stats.Packs > 0)
}

// smallPacks returns the packs that are worth folding.
func (db *DB) smallPacks() (small []packfile.ID) {
	for _, p := range db.packs.known() {
		if db.folds.stuck[p.id] {
			continue
		}
		if info, err := db.fs.Lstat(p.path); err == nil && info.Size() < foldSize {
			small = append(small, p.id)
		}
	}
	return small
}

// remember takes note of the packs that are still there after a fold.
func (f *folds) remember(db *DB, tried []packfile.ID, published bool) {
	f.least = 0
	if !published {
		f.least = len(tried) + foldPause
		return
	}
	if f.stuck == nil {
		f.stuck = make(map[packfile.ID]bool)
	}
	for _, id := range tried {
		if _, err := db.fs.Lstat(indexPath(id)); err == nil {
			f.stuck[id] = true
		}
	}
}
