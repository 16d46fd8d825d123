package objects

import (
	"context"
	"errors"
	"time"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// removeGroup is how many loose objects are removed under one lock.
const removeGroup = 256

// RemoveOptions change what [DB.RemoveAll] removes.
type RemoveOptions struct {
	// MinAge leaves alone what was written less than this ago, by the clock of the
	// filesystem, or seems to come from the future.
	MinAge time.Duration
	// Confirm, if not nil, is called with objects that are about to be removed together,
	// when all is prepared and before the lock of the store is taken. It returns those
	// that must stay after all, and what to call when the others are gone, which may be
	// nil; or the error that ends it.
	Confirm func(ctx context.Context, digests []Digest) (stay map[Digest]bool, done func(), err error)
}

// RemoveStats counts what [DB.RemoveAll] did.
type RemoveStats struct {
	Objects int64 // copies that were removed
	Bytes   int64 // of their stored bytes
	Packs   int   // packs that were written anew, or removed because nothing remained
}

// RemoveAll deletes all copies of many objects, whatever state they are in, and makes
// that durable. Packs are written anew without them, one after the other; what is loose
// is removed. Readers and writers may go on meanwhile, and when it is interrupted some
// of the objects are there and others are not. A pack that is cut off stays as it is, and
// the error, [BadPack], comes when all else is done. Other errors are those of
// [DB.Remove], which unlike RemoveAll also looks into packs that have no index.
func (db *DB) RemoveAll(ctx context.Context, digests map[Digest]bool, opts RemoveOptions) (RemoveStats, error) {
	a := &removal{db: db, ctx: ctx, opts: opts, wanted: make(map[Digest]bool, len(digests)), confirmed: make(map[Digest]bool)}
	for d := range digests {
		a.wanted[d] = true
	}
	if opts.MinAge > 0 {
		now, err := db.now()
		if err != nil {
			return a.stats, putError(Digest{}, err)
		}
		a.before = now.Add(-opts.MinAge)
	}
	if err := a.packed(); err != nil {
		return a.stats, putError(Digest{}, err)
	}
	if err := a.loose(); err != nil {
		return a.stats, putError(Digest{}, err)
	}
	return a.stats, a.damaged
}

// A removal is one run of RemoveAll.
type removal struct {
	db        *DB
	ctx       context.Context
	opts      RemoveOptions
	before    time.Time // what is later is too young; zero if nothing is
	wanted    map[Digest]bool
	confirmed map[Digest]bool
	damaged   error // the first pack that was left alone
	stats     RemoveStats
}

// isYoung reports whether a file is too young to be removed. One that is not there is not.
func (a *removal) isYoung(name string) (bool, error) {
	info, err := a.db.fs.Lstat(name)
	if err != nil {
		if reasonOf(err) == Missing {
			err = nil
		}
		return false, err
	}
	return !a.before.IsZero() && info.ModTime().After(a.before), nil
}

// packed removes the objects from all packs, also from those that others make meanwhile.
func (a *removal) packed() error {
	left := make(map[packfile.ID]bool) // packs that are looked at no more
	for range maxRounds {
		if err := a.db.packs.list(a.ctx); err != nil {
			return err
		}
		again := false
		for _, p := range a.db.packs.known() {
			if left[p.id] {
				continue
			}
			changed, err := a.edit(p)
			switch {
			case errors.Is(err, errChanged):
				changed = true
			case err != nil && reasonIn(err) == BadPack:
				left[p.id] = true
				if a.damaged == nil {
					a.damaged = err
				}
			case err != nil:
				return err
			default:
				left[p.id] = !changed
			}
			again = again || changed
		}
		if !again {
			return nil
		}
	}
	return errChanged
}

// edit writes a pack anew without the objects. It reports whether there is something to
// look at again.
func (a *removal) edit(p *pack) (changed bool, err error) {
	held, err := a.db.packs.among(p, a.wanted)
	if err != nil || len(held) == 0 {
		return false, err
	}
	r := newRewriter(a.ctx, a.db, nil)
	r.careful = true
	defer r.discard()
	var copies, size int64
	changed, err = r.copyEdited(p.id, func(o packfile.Object) (change, error) {
		drop := a.wanted[Digest(o.Digest)]
		if drop {
			copies, size = copies+1, size+int64(len(o.Stored))
		}
		return change{drop: drop}, nil
	})
	if err != nil || !changed {
		return false, err
	}
	if young, err := a.isYoung(p.path); young || err != nil {
		return false, err
	}
	done, stays, err := a.confirm(held)
	defer done()
	if err != nil || stays {
		return stays, err
	}
	if err := r.flush(); err != nil {
		return false, err
	}
	a.stats.Objects += copies
	a.stats.Bytes += size
	a.stats.Packs++
	return true, nil
}

// confirm asks whether objects may be removed. Those that must stay are wanted no more.
func (a *removal) confirm(digests []Digest) (done func(), stays bool, err error) {
	done = func() {}
	if a.opts.Confirm == nil {
		return done, false, nil
	}
	stay, release, err := a.opts.Confirm(a.ctx, digests)
	if release != nil {
		done = release
	}
	for d := range stay {
		delete(a.wanted, d)
	}
	for _, d := range digests {
		a.confirmed[d] = true
	}
	return done, len(stay) > 0, err
}

// loose removes what is loose, some at a time.
func (a *removal) loose() error {
	var group []Digest
	for d := range a.wanted {
		if err := a.ctx.Err(); err != nil {
			return err
		}
		info, err := a.db.fs.Lstat(loosePath(d))
		missing := err != nil && reasonOf(err) == Missing
		switch {
		case missing && a.confirmed[d]:
			continue
		case err != nil && !missing:
			return fault(d, loosePath(d), err)
		case !missing && info.IsDir():
			return &Error{Digest: d, Reason: NotRegular, Path: loosePath(d)}
		}
		if group = append(group, d); len(group) == removeGroup {
			if err := a.removeGroup(group); err != nil {
				return err
			}
			group = group[:0]
		}
	}
	return a.removeGroup(group)
}

func (a *removal) removeGroup(group []Digest) error {
	if len(group) == 0 {
		return nil
	}
	done, _, err := a.confirm(group)
	defer done()
	if err != nil {
		return err
	}
	unlock, err := a.db.lock.Exclusive(a.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	touched := make(map[string]bool)
	for _, d := range group {
		name := loosePath(d)
		young, err := a.isYoung(name)
		if err != nil {
			return fault(d, name, err)
		}
		if young || !a.wanted[d] {
			continue
		}
		info, err := a.db.fs.Lstat(name)
		if err == nil {
			err = a.db.fs.Remove(name)
		}
		if err != nil && reasonOf(err) == Missing {
			continue
		}
		if err != nil {
			return fault(d, name, err)
		}
		touched[name] = true
		a.stats.Objects++
		a.stats.Bytes += info.Size()
	}
	return durable.NewWriter(a.db.fs, tmpDir, durable.Full).SyncNames(touched)
}

// among returns those of the objects that a pack has, as far as its index tells. A pack
// that is gone, or whose index tells nothing, has none.
func (s *packs) among(p *pack, wanted map[Digest]bool) (held []Digest, err error) {
	o, _, err := s.acquire(p, false)
	if err != nil {
		if reasonIn(err) != IOError {
			err = nil
		}
		return nil, err
	}
	defer o.release()
	index := o.index.Load()
	for d := range wanted {
		_, ok, err := index.Find(d)
		if err != nil && !isDamage(err) {
			return nil, &Error{Digest: d, Reason: IOError, Path: p.index, Err: err}
		}
		if ok {
			held = append(held, d)
		}
	}
	return held, nil
}
