package objects

import (
	"context"
	"errors"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// A change is what becomes of an object of a pack. The zero change leaves it as it is.
type change struct {
	drop   bool
	stored []byte // what is stored instead, nil for no change; valid until the next call
}

// edit writes a pack anew with some objects changed, and retires the old one. All else is
// copied as it is, good or not. If everything is dropped there is no new pack, and if
// nothing is changed it reports false and the pack stays. What is in set is moved to the
// quarantine directory at the same time; it may be nil. The error is errChanged if
// somebody touched the pack meanwhile, and an [*Error] with the reason [BadPack] if it is
// damaged, so that not everything in it would be copied.
func (db *DB) edit(ctx context.Context, id packfile.ID, set *asides, decide func(packfile.Object) (change, error)) (changed bool, err error) {
	r := newRewriter(ctx, db, nil)
	r.careful, r.asides = true, set
	defer r.discard()
	if changed, err = r.copyEdited(id, decide); err != nil || !changed {
		return false, err
	}
	return true, r.flush()
}

// editAll edits every pack that has one of the wanted objects, as far as the indexes
// tell, also the packs that others make meanwhile. Damaged ones are mended first, and
// moved is told of them.
func (db *DB) editAll(ctx context.Context, wanted map[Digest]bool, moved func([]Moved) error, edit func(packfile.ID) (bool, error)) error {
	for range maxRounds {
		if err := db.packs.list(ctx); err != nil {
			return err
		}
		again := false
		for _, p := range db.packs.known() {
			has, err := db.packs.hasAny(p, wanted)
			if err != nil {
				return err
			}
			if !has {
				continue
			}
			changed, err := edit(p.id)
			if reasonIn(err) == BadPack {
				r := newRewriter(ctx, db, nil)
				changed, err = true, r.mend(p.id)
				if stopped := moved(r.setAside); stopped != nil {
					return stopped
				}
			}
			if err != nil && !errors.Is(err, errChanged) {
				return err
			}
			again = again || changed || err != nil
		}
		if !again {
			return nil
		}
	}
	return errChanged
}

func (r *rewriter) copyEdited(id packfile.ID, decide func(packfile.Object) (change, error)) (changed bool, err error) {
	o := r.use(indexPath(id), packPath(id))
	file, err := durable.OpenRegular(r.db.fs, packPath(id))
	if err != nil {
		return false, ifThere(err)
	}
	defer file.Close()
	var entries []packfile.Entry
	err = r.scan(file, func(object packfile.Object) error {
		entries = append(entries, object.Entry)
		c, err := decide(object)
		changed = changed || c.drop || c.stored != nil
		switch {
		case err != nil || c.drop:
			return err
		case r.copied[object.Digest]:
			return &packfile.Error{Problem: packfile.Duplicate, Offset: object.Offset}
		case c.stored != nil:
			return r.add(object.Digest, c.stored)
		}
		r.unsure = r.unsure || !r.db.judge(object.Digest, object.Stored).reason.Good()
		return r.add(object.Digest, object.Stored)
	})
	if isDamage(err) {
		return false, &Error{Reason: BadPack, Path: packPath(id), Err: err}
	}
	if err != nil {
		return false, err
	}
	// What a reader finds through the index must be what was copied. Without an index
	// that can be opened nobody finds anything.
	if index, err := r.db.packs.openPack(id); err == nil {
		index.release()
		fits, err := r.indexFits(id, entries)
		if err != nil {
			return false, err
		}
		if !fits {
			return false, &Error{Reason: BadPack, Path: packPath(id), Err: errors.New("the pack and its index do not fit: run fsk pack first")}
		}
	}
	o.retire = r.remove
	return changed, nil
}

// hasAny reports whether the index of a pack has one of the wanted objects. One that is
// gone, or has no index in which anything can be found, has none.
func (s *packs) hasAny(p *pack, wanted map[Digest]bool) (bool, error) {
	o, _, err := s.acquire(p, true)
	if err != nil {
		if reasonIn(err) == IOError {
			return false, err
		}
		return false, nil
	}
	defer o.release()
	for e, err := range o.index.Load().All() {
		switch {
		case wanted[e.Digest]:
			return true, nil
		case err != nil && !isDamage(err):
			return false, indexError(p.index, err)
		}
	}
	return false, nil
}
