package fleche

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"time"

	"fsk/objects/durable"
)

// Prune removes temporary files that [Cache.Reseal] and [Cache.Quarantine] left behind when
// they were interrupted and that are older than the given time, and yields the path of
// each; with dryRun, of those that it would remove. The age is measured by the clock of
// the filesystem. It removes nothing but regular files with names of temporary files. The
// error ends it: it is that of the filesystem, or of the context.
func (c *Cache) Prune(ctx context.Context, older time.Duration, dryRun bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		names, err := c.leftovers(ctx, older)
		for _, name := range names {
			if err = ctx.Err(); err == nil && !dryRun {
				err = c.writer.Remove(name)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				break
			}
			if !yield(name, nil) {
				return
			}
			err = nil
		}
		if err != nil {
			yield("", err)
		}
	}
}

// leftovers returns the paths of the temporary files that are old enough.
func (c *Cache) leftovers(ctx context.Context, older time.Duration) (old []string, err error) {
	if err := c.realDir(TempDir); err != nil {
		return nil, err
	}
	var names []string
	if err := c.names(ctx, TempDir, func(name string) { names = append(names, path.Join(TempDir, name)) }); err != nil || len(names) == 0 {
		return nil, err
	}
	now, err := c.now()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		info, err := c.fs.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case info.Mode().IsRegular() && isTemp(path.Base(name)) && now.Sub(info.ModTime()) > older:
			old = append(old, name)
		}
	}
	return old, nil
}

// now returns the time of the filesystem, which may be on another machine.
func (c *Cache) now() (time.Time, error) {
	name := path.Join(TempDir, randomName())
	f, err := c.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return time.Time{}, err
	}
	f.Close() // nothing was written
	defer c.fs.Remove(name)
	info, err := c.fs.Lstat(name)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// randomName returns a name of the form that temporary files have. Nobody can guess it.
func randomName() string {
	var random [durable.TempNameSize / 2]byte
	rand.Read(random[:]) // never fails: it ends the program instead
	return hex.EncodeToString(random[:])
}

func isTemp(name string) bool {
	if len(name) != durable.TempNameSize {
		return false
	}
	_, ok := parseName(name + name)
	return ok
}
