package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
	"time"

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
	// quarantineGroup is how many loose objects are moved under one lock.
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

// A Moved tells what [DB.Quarantine] has moved.
type Moved struct {
	Finding
	To string // where it is now, in the store; "" if it was not moved
}

// Quarantine moves what findings of [DB.Fsck] with the severity error are about to the
// directory quarantine, under a name that says what it was, beside a file of that name
// and ".note" that tells reason, path and time. Everything is looked at again under the
// lock, and what is good now, or gone, stays as it is. Nothing is deleted, and what fsk
// reads is the better for it: putting the payload again makes the object whole. An object
// is taken out of its pack, which is written anew; a pack that is damaged is moved as a
// whole after what is whole in it was copied to a new one. What cannot be read, or is
// outside of the directory of objects, is left.
//
// It yields what was moved, and ends with the first error: [ErrTooMany] before anything
// was moved, that of the context, or of writing or locking. It may be interrupted at any
// time, and called again.
func (db *DB) Quarantine(ctx context.Context, findings []Finding, opts QuarantineOptions) iter.Seq2[Moved, error] {
	return func(yield func(Moved, error) bool) {
		p := planQuarantine(findings)
		if n := int64(len(p.loose) + len(p.packed)); !opts.Anyway && n > tooMany && n*tooManyOf > opts.Checked {
			yield(Moved{}, ErrTooMany)
			return
		}
		if opts.DryRun {
			p.show(yield)
			return
		}
		for _, step := range []func(context.Context, func(Moved) bool) error{
			func(ctx context.Context, moved func(Moved) bool) error {
				return db.quarantineLoose(ctx, p.loose, moved)
			},
			func(ctx context.Context, moved func(Moved) bool) error {
				return db.quarantinePacks(ctx, p.packs, moved)
			},
			func(ctx context.Context, moved func(Moved) bool) error {
				return db.quarantinePacked(ctx, p.packed, moved)
			},
		} {
			err := step(ctx, func(m Moved) bool { return yield(m, nil) })
			if err == errStopped {
				return
			}
			if err != nil {
				yield(Moved{}, putError(Digest{}, err))
				return
			}
		}
	}
}

// errStopped says that the caller of an iteration has had enough.
var errStopped = errors.New("stopped")

// A quarantinePlan sorts findings by what has to be done about them.
type quarantinePlan struct {
	findings []Finding // all that follows
	loose    []Finding
	packed   map[Digest]bool
	packs    []packfile.ID
}

func planQuarantine(findings []Finding) quarantinePlan {
	p := quarantinePlan{packed: make(map[Digest]bool)}
	for _, f := range findings {
		if f.Severity != SeverityError {
			continue
		}
		n := len(p.loose) + len(p.packs) + len(p.packed)
		dir, base := path.Split(f.Path)
		id, isPack := packfile.ParseID(strings.TrimSuffix(base, path.Ext(base)))
		switch dir, below := strings.CutPrefix(path.Clean(dir), objectsDir); {
		case !below || !isMovable(f.Reason):
		case dir == "" && f.Reason == UnsafePath, isFanOut(strings.TrimPrefix(dir, "/")):
			p.loose = append(p.loose, f)
		case dir != "/"+packDir || !isPack:
		case f.Reason == BadPack, f.Reason == BadIndex:
			p.packs = append(p.packs, id)
		case f.Reason == NotRegular:
			p.loose = append(p.loose, f)
		default:
			p.packed[f.Digest] = true
		}
		if len(p.loose)+len(p.packs)+len(p.packed) > n {
			p.findings = append(p.findings, f)
		}
	}
	return p
}

// show yields what there is to be moved.
func (p quarantinePlan) show(yield func(Moved, error) bool) {
	for _, f := range p.findings {
		if !yield(Moved{Finding: f}, nil) {
			return
		}
	}
}

// isMovable tells the reasons that are about what lies in the store. What could not be
// read may be whole.
func isMovable(reason Reason) bool {
	switch reason {
	case Unsealed, MalformedTrailer, BadSeal, WrongName, Corrupt, NotRegular, UnsafePath, TooLarge, BadPack, BadIndex, ChangedDuringRead:
		return true
	}
	return false
}

// quarantineLoose moves files, some at a time under one lock.
func (db *DB) quarantineLoose(ctx context.Context, findings []Finding, moved func(Moved) bool) error {
	for len(findings) > 0 {
		n := min(quarantineGroup, len(findings))
		set := newAsides(db)
		err := db.moveLoose(ctx, findings[:n], set)
		for _, m := range set.moved {
			if !moved(m) {
				return errStopped
			}
		}
		if err != nil {
			return err
		}
		findings = findings[n:]
	}
	return nil
}

func (db *DB) moveLoose(ctx context.Context, findings []Finding, set *asides) error {
	unlock, err := db.lock.Exclusive(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, f := range findings {
		reason, err := db.lookAgain(ctx, f)
		if err != nil {
			return errors.Join(err, set.sync())
		}
		if !isMovable(reason) {
			continue
		}
		f.Reason = reason
		label := strings.ReplaceAll(f.Path, "/", "-")
		if !f.Digest.IsZero() {
			label = f.Digest.String()
		}
		if err := set.move(f.Path, label, f); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, set.sync())
		}
	}
	return set.sync()
}

// lookAgain returns the reason of a finding as it is now. The error is that of the
// context. The lock is held.
func (db *DB) lookAgain(ctx context.Context, f Finding) (Reason, error) {
	if d, ok := looseDigest(path.Base(path.Dir(f.Path)), path.Base(f.Path)); ok {
		s, err := db.openLoose(d)
		if err != nil {
			return reasonIn(err), ctx.Err()
		}
		defer s.Close()
		info, err := db.examine(ctx, s)
		if err != nil && ctx.Err() != nil {
			return IOError, ctx.Err()
		}
		return info.Reason, nil
	}
	info, err := db.fs.Lstat(f.Path)
	switch {
	case err != nil:
		return reasonOf(err), ctx.Err()
	case info.Mode()&fs.ModeSymlink != 0 && f.Reason == UnsafePath:
		return UnsafePath, ctx.Err()
	case !info.Mode().IsRegular() && f.Reason == NotRegular:
		return NotRegular, ctx.Err()
	}
	return OK, ctx.Err()
}

// quarantinePacks mends damaged packs, which sets them aside.
func (db *DB) quarantinePacks(ctx context.Context, ids []packfile.ID, moved func(Moved) bool) error {
	for _, id := range ids {
		r := newRewriter(ctx, db, nil)
		if _, _, err := r.inspect(id); err != nil && !errors.Is(err, errChanged) {
			return err
		}
		for _, m := range r.setAside {
			if !moved(m) {
				return errStopped
			}
		}
	}
	return nil
}

// quarantinePacked takes objects out of packs, wherever they are by now.
func (db *DB) quarantinePacked(ctx context.Context, wanted map[Digest]bool, moved func(Moved) bool) error {
	if len(wanted) == 0 {
		return nil
	}
	return db.editAll(ctx, wanted, func(id packfile.ID) (bool, error) {
		set := newAsides(db)
		defer set.discard()
		changed, err := db.edit(ctx, id, set, func(o packfile.Object) (change, error) {
			if !wanted[o.Digest] {
				return change{}, nil
			}
			reason := db.judge(o.Digest, o.Stored).reason
			if reason.Good() {
				return change{}, nil
			}
			return change{drop: true}, set.add(o, Finding{Reason: reason, Path: packPath(id), Digest: o.Digest})
		})
		for _, m := range set.moved {
			if !moved(m) {
				return changed, errStopped
			}
		}
		return changed, err
	})
}

// asides are files for the quarantine directory.
type asides struct {
	db      *DB
	writer  *durable.Writer
	taken   []takenAside
	touched map[string]bool
	moved   []Moved
}

// A takenAside is an object that was copied from a pack, without its name yet.
type takenAside struct {
	tmp *durable.File
	f   Finding
}

func newAsides(db *DB) *asides {
	return &asides{db: db, writer: durable.NewWriter(db.fs, tmpDir, durable.Full), touched: make(map[string]bool)}
}

// add copies the stored bytes of an object of a pack.
func (a *asides) add(o packfile.Object, f Finding) error {
	tmp, err := a.writer.Create()
	if err != nil {
		return err
	}
	a.taken = append(a.taken, takenAside{tmp, f})
	if _, err := tmp.Write(o.Stored); err != nil {
		return err
	}
	return tmp.Finish()
}

// publish gives what was copied its names. The lock is held.
func (a *asides) publish() error {
	for _, t := range a.taken {
		to, err := a.note(t.f.Digest.String(), t.f)
		if err != nil {
			return err
		}
		if err := t.tmp.Publish(to); err != nil {
			return err
		}
		a.have(t.f, to)
	}
	a.taken = nil
	return a.sync()
}

// move moves a file. The lock is held.
func (a *asides) move(name, label string, f Finding) error {
	to, err := a.note(label, f)
	if err != nil {
		return err
	}
	if err := a.db.fs.Rename(name, to); err != nil {
		return err
	}
	a.touched[name] = true
	a.have(f, to)
	return nil
}

func (a *asides) have(f Finding, to string) {
	a.touched[to] = true
	a.moved = append(a.moved, Moved{f, to})
}

// note finds a name that is free, since what is there was set aside before, and writes
// the note to it.
func (a *asides) note(label string, f Finding) (to string, err error) {
	if err := a.db.fs.MkdirAll(quarantineDir, 0o777); err != nil {
		return "", err
	}
	to = path.Join(quarantineDir, label+"."+string(f.Reason))
	for n, free := 1, to; ; n++ {
		_, err := a.db.fs.Lstat(free)
		_, noted := a.db.fs.Lstat(free + noteSuffix)
		if errors.Is(err, fs.ErrNotExist) && errors.Is(noted, fs.ErrNotExist) {
			to = free
			break
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		free = fmt.Sprintf("%s.%d", to, n)
	}
	tmp, err := a.writer.Create()
	if err != nil {
		return "", err
	}
	defer tmp.Discard()
	text := fmt.Sprintf("reason %s\npath %s\ntime %s\n%s\n", f.Reason, f.Path, time.Now().UTC().Format(time.RFC3339), f.Reason.Explain())
	if _, err := io.WriteString(tmp, text); err != nil {
		return "", err
	}
	if err := tmp.Finish(); err != nil {
		return "", err
	}
	a.touched[to+noteSuffix] = true
	return to, tmp.Publish(to + noteSuffix)
}

const noteSuffix = ".note"

// sync makes what was moved durable.
func (a *asides) sync() error {
	err := a.writer.SyncNames(a.touched)
	clear(a.touched)
	return err
}

// discard removes copies that were not published.
func (a *asides) discard() {
	for _, t := range a.taken {
		t.tmp.Discard()
	}
}
