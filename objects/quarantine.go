package objects

import (
	"context"
	"errors"
	"io/fs"
	"iter"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// ErrTooMany is the error of [DB.Quarantine] when so much would be moved that it is
// likelier that the ring is wrong than that the store is.
var ErrTooMany = errors.New("so many objects fail that a key may be missing: nothing was moved")

const (
	// More than tooMany objects, and more than one in tooManyOf, need Anyway.
	tooMany   = 10
	tooManyOf = 20
	// quarantineGroup is how many files are moved under one lock.
	quarantineGroup = 32
)

// QuarantineOptions change what [DB.Quarantine] does. The zero value is the strictest.
type QuarantineOptions struct {
	// Anyway moves any number of objects. Without it, the error is [ErrTooMany] when more
	// than 10 objects and more than one in 20 would be moved: with a wrong ring everything
	// looks forged.
	Anyway bool
	// Checked is the number of objects among which the findings were made, as
	// [FsckStats.Objects] tells.
	Checked int64
	// DryRun yields what would be moved, with To empty, and moves nothing.
	DryRun bool
}

// Allows reports whether so many of what was checked may be moved.
func (o QuarantineOptions) Allows(n int) bool {
	return o.Anyway || n <= tooMany || int64(n)*tooManyOf <= o.Checked
}

// A Moved tells what [DB.Quarantine] has moved.
type Moved struct {
	Finding
	To string // where it is now, in the store; "" if it was not moved
}

// Quarantine moves what findings of [DB.Fsck] with the severity error are about to the
// directory quarantine, under a name that says what it was, beside a file of that name
// and ".note" that tells reason, path and time. Everything is looked at again, and moved
// under the lock if nobody has changed it since; what is good now, or gone, stays as it
// is. Nothing is deleted, and putting the payload again makes the object whole. An object
// is taken out of its pack, which is written anew; a pack that is damaged is moved as a
// whole after what is whole in it was copied to a new one. What cannot be read, or is
// outside of the directory of objects, is left.
//
// It yields what was moved, and ends with the first error: [ErrTooMany] before anything
// was moved, that of the context, or of reading, writing or locking. It may be interrupted
// at any time, and called again.
func (db *DB) Quarantine(ctx context.Context, findings []Finding, opts QuarantineOptions) iter.Seq2[Moved, error] {
	return func(yield func(Moved, error) bool) {
		p := planQuarantine(findings)
		if !opts.Allows(len(p.files) + len(p.packed)) {
			yield(Moved{}, ErrTooMany)
			return
		}
		if opts.DryRun {
			for _, f := range p.findings {
				if !yield(Moved{Finding: f}, nil) {
					return
				}
			}
			return
		}
		err := db.quarantine(ctx, p, func(list []Moved) error {
			for _, m := range list {
				if !yield(m, nil) {
					return errStopped
				}
			}
			return nil
		})
		if err != nil && err != errStopped {
			yield(Moved{}, putError(Digest{}, err))
		}
	}
}

// errStopped says that the caller of an iteration has had enough.
var errStopped = errors.New("stopped")

// quarantine does what is planned. An error of moved ends it.
func (db *DB) quarantine(ctx context.Context, p quarantinePlan, moved func([]Moved) error) error {
	if err := db.quarantineFiles(ctx, p.files, moved); err != nil {
		return err
	}
	if err := db.quarantinePacks(ctx, p.packs, moved); err != nil {
		return err
	}
	return db.quarantinePacked(ctx, p.packed, moved)
}

// quarantineFiles moves files, some at a time under one lock.
func (db *DB) quarantineFiles(ctx context.Context, findings []Finding, moved func([]Moved) error) error {
	for len(findings) > 0 {
		n := min(quarantineGroup, len(findings))
		set := newAsides(db)
		err := db.moveFiles(ctx, findings[:n], set)
		set.discard()
		if stopped := moved(set.moved); stopped != nil {
			return stopped
		}
		if err != nil {
			return err
		}
		findings = findings[n:]
	}
	return nil
}

// moveFiles looks at the files without the lock, since they may be large.
func (db *DB) moveFiles(ctx context.Context, findings []Finding, set *asides) error {
	for _, f := range findings {
		seen, err := db.fs.Lstat(f.Path)
		if err != nil {
			if reasonOf(err) == IOError {
				return fault(f.Digest, f.Path, err)
			}
			continue // gone, or behind a link by now
		}
		reason, err := db.lookAgain(ctx, f)
		if err != nil {
			return err
		}
		if !isMovable(reason) {
			continue
		}
		f.Reason = reason
		if err := set.addFile(f, seen); err != nil {
			return err
		}
	}
	if len(set.waiting) == 0 {
		return nil
	}
	unlock, err := db.lock.Exclusive(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := db.keepUnchanged(ctx, set); err != nil {
		return err
	}
	return set.publish()
}

// keepUnchanged takes files that somebody has changed since they were looked at out of a
// set. The lock is held.
func (db *DB) keepUnchanged(ctx context.Context, set *asides) error {
	same := set.waiting[:0]
	for i, x := range set.waiting {
		still, err := db.isUnchanged(ctx, x)
		if err != nil {
			set.waiting = append(same, set.waiting[i:]...)
			return err
		}
		if still {
			same = append(same, x)
		} else {
			x.discard()
		}
	}
	set.waiting = same
	return nil
}

// isUnchanged looks at the bytes once more where the filesystem does not tell files apart.
func (db *DB) isUnchanged(ctx context.Context, x aside) (bool, error) {
	now, err := db.fs.Lstat(x.f.Path)
	if err != nil && reasonOf(err) == IOError {
		return false, fault(x.f.Digest, x.f.Path, err)
	}
	if err != nil || !durable.SameFile(x.seen, now) {
		return false, nil
	}
	if now.Sys() != nil {
		return true, nil
	}
	reason, err := db.lookAgain(ctx, x.f)
	return isMovable(reason), err
}

// lookAgain returns the reason of a finding as it is now. The error is that of the
// context, or of the disk.
func (db *DB) lookAgain(ctx context.Context, f Finding) (Reason, error) {
	d, isLoose := looseDigestAt(f.Path)
	if !isLoose {
		return db.lookAgainAt(f)
	}
	s, err := db.openLoose(d)
	if err == nil {
		defer s.Close()
		_, err = db.examine(ctx, s)
	}
	switch reason := reasonIn(err); {
	case ctx.Err() != nil:
		return IOError, ctx.Err()
	case err == nil:
		return OK, nil
	case reason == IOError:
		return reason, err
	default:
		return reason, nil
	}
}

// lookAgainAt is lookAgain for what has the place of a directory, or of a file of a pack.
func (db *DB) lookAgainAt(f Finding) (Reason, error) {
	info, err := db.fs.Lstat(f.Path)
	switch {
	case err != nil && reasonOf(err) == IOError:
		return IOError, fault(Digest{}, f.Path, err)
	case err != nil:
		return Missing, nil
	case info.Mode()&fs.ModeSymlink != 0 && f.Reason == UnsafePath, !info.Mode().IsRegular() && f.Reason == NotRegular:
		return f.Reason, nil
	}
	return OK, nil
}

// quarantinePacks mends damaged packs, which sets them aside.
func (db *DB) quarantinePacks(ctx context.Context, ids []packfile.ID, moved func([]Moved) error) error {
	for _, id := range ids {
		for round := 1; ; round++ {
			r := newRewriter(ctx, db, nil)
			_, _, err := r.inspect(id)
			if stopped := moved(r.setAside); stopped != nil {
				return stopped
			}
			if err == nil {
				break
			}
			if !errors.Is(err, errChanged) || round == maxRounds {
				return err
			}
		}
	}
	return nil
}

// quarantinePacked takes objects out of packs, wherever they are by now.
func (db *DB) quarantinePacked(ctx context.Context, wanted map[Digest]bool, moved func([]Moved) error) error {
	if len(wanted) == 0 {
		return nil
	}
	return db.editAll(ctx, wanted, moved, func(id packfile.ID) (bool, error) {
		set := newAsides(db)
		defer set.discard()
		changed, err := db.edit(ctx, id, set, func(o packfile.Object) (change, error) {
			if !wanted[o.Digest] {
				return change{}, nil
			}
			reason := db.judgePacked(o, id.String()).Reason
			if reason.Good() {
				return change{}, nil
			}
			return change{drop: true}, set.addObject(o, Finding{Reason: reason, Severity: SeverityError, Path: packPath(id), Digest: o.Digest, Next: next[reason]})
		})
		if stopped := moved(set.moved); stopped != nil {
			return changed, stopped
		}
		return changed, err
	})
}
