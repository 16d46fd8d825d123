package objects

import (
	"context"
	"errors"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// Remove deletes all copies of an object, whatever state they are in, and makes that
// durable; at the level None a loose one may come back after a power loss. A link in its
// place is removed itself; a pack is rewritten without it. It waits for the writers that
// are at work. The error is an [*Error]: [Missing] if there
// is no such object, [NotRegular] if a directory is in its place, which stays, [BadPack]
// if it is in a pack that is cut off, [IOError] if it cannot be removed.
func (db *DB) Remove(ctx context.Context, d Digest) error {
	removed := false
	for range maxRounds {
		n, err := db.removePacked(ctx, d)
		removed = removed || n > 0
		if errors.Is(err, errChanged) {
			continue
		}
		if err != nil {
			return putError(d, err)
		}
		done, err := db.removeLoose(ctx, d)
		if err != nil && (reasonIn(err) != Missing || !removed) {
			return putError(d, err)
		}
		if done {
			return nil
		}
	}
	return putError(d, errChanged)
}

// removeLoose removes the loose object, alone. It reports false if the object may have
// come to a pack since the packs were looked at.
func (db *DB) removeLoose(ctx context.Context, d Digest) (done bool, err error) {
	unlock, err := db.lock.Exclusive(ctx)
	if err != nil {
		return false, err
	}
	defer unlock()
	if ids, err := db.packsWith(ctx, d); err != nil || len(ids) > 0 {
		return false, err
	}
	name := loosePath(d)
	if info, err := db.fs.Lstat(name); err == nil && info.IsDir() {
		return false, &Error{Digest: d, Reason: NotRegular, Path: name}
	}
	if err := db.writer.Remove(name); err != nil {
		return true, fault(d, name, err)
	}
	return true, nil
}

// packsWith returns the packs that have the object, as far as their indexes tell.
func (db *DB) packsWith(ctx context.Context, d Digest) ([]packfile.ID, error) {
	if err := db.packs.list(ctx); err != nil {
		return nil, err
	}
	var ids []packfile.ID
	for _, p := range db.packs.known() {
		s, _, err := db.packs.find(p, d, true)
		if err != nil && reasonIn(err) == IOError {
			return nil, err
		}
		if s != nil {
			s.Close()
		}
		if s != nil || err != nil {
			ids = append(ids, p.id)
		}
	}
	hidden, err := db.packsWithout(ctx, d)
	return append(ids, hidden...), err
}

// packsWithout returns the packs that have the object and no index that can be opened, in
// which nothing is found until the next Pack: what is removed must not come back then.
func (db *DB) packsWithout(ctx context.Context, d Digest) (ids []packfile.ID, err error) {
	r := newRewriter(ctx, db, nil)
	all, err := r.packIDs()
	if err != nil {
		return nil, err
	}
	for _, id := range all {
		if index, err := db.packs.openPack(id); err == nil {
			err := index.index.Load().Verify(id)
			index.release()
			if err == nil {
				continue
			}
		}
		file, err := durable.OpenRegular(db.fs, packPath(id))
		if reason := reasonOf(err); err != nil && (reason == Missing || reason == NotRegular) {
			continue
		}
		if err != nil {
			return nil, fault(d, packPath(id), err)
		}
		has := false
		err = r.scan(file, func(o packfile.Object) error {
			has = has || o.Digest == d
			return nil
		})
		file.Close()
		if err != nil && !isDamage(err) {
			return nil, err
		}
		if has {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// removePacked rewrites the packs that have the object without it. All else is copied
// as it is, good or not.
func (db *DB) removePacked(ctx context.Context, d Digest) (n int, err error) {
	ids, err := db.packsWith(ctx, d)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		changed, err := db.edit(ctx, id, nil, func(o packfile.Object) (change, error) {
			return change{drop: o.Digest == d}, nil
		})
		if err != nil {
			return n, about(d, err)
		}
		if changed {
			n++
		}
	}
	return n, nil
}
