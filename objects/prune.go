package objects

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path"
	"time"

	"fsk/objects/durable"
)

// LeftoverAge is the age from which a temporary file belongs to no writer any more: a
// day.
const LeftoverAge = 24 * time.Hour

// Prune removes temporary files that were not written to for [LeftoverAge]: writers that
// were interrupted left them. It yields the path of each, or, with dryRun, of those that
// it would remove. What is no regular file with the name of a temporary one stays, and so
// does what seems to come from the future. The age is measured by the clock of the
// filesystem. The error ends it: it is that of the context, of the lock, or an [*Error].
func (db *DB) Prune(ctx context.Context, dryRun bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		old, err := db.leftovers(ctx)
		if err == nil && !dryRun {
			old, err = db.prune(ctx, old)
		}
		for _, name := range old {
			if !yield(name, nil) {
				return
			}
		}
		if err != nil {
			yield("", putError(Digest{}, err))
		}
	}
}

// leftovers returns the paths of the temporary files that are old enough.
func (db *DB) leftovers(ctx context.Context) (old []string, err error) {
	var now time.Time
	err = db.names(ctx, tmpDir, func(name string) error {
		if len(name) != durable.TempNameSize || !isHex(name) {
			return nil
		}
		name = path.Join(tmpDir, name)
		info, err := db.fs.Lstat(name)
		if err != nil && reasonOf(err) == IOError {
			return fault(Digest{}, name, err)
		}
		if err != nil || !info.Mode().IsRegular() {
			return nil // gone, or not one of ours
		}
		if now.IsZero() {
			if now, err = db.now(); err != nil {
				return err
			}
		}
		if now.Sub(info.ModTime()) >= LeftoverAge {
			old = append(old, name)
		}
		return nil
	})
	return old, err
}

// prune removes files and returns those that it removed.
func (db *DB) prune(ctx context.Context, old []string) (removed []string, err error) {
	if len(old) == 0 {
		return nil, nil
	}
	unlock, err := db.lock.Exclusive(ctx) // no writer is about to give one of them its name
	if err != nil {
		return nil, err
	}
	defer unlock()
	for _, name := range old {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		err := db.fs.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return removed, fault(Digest{}, name, err)
		}
		removed = append(removed, name)
	}
	return removed, nil
}
