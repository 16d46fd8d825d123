package fleche

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"time"

	"fsk/objects/durable"
)

// Prune removes temporary files that [Cache.Reseal] and [Cache.Quarantine] left behind when
// they were interrupted and that are older than the given time, and returns how many.
// The age is measured by the clock of the filesystem. It removes nothing but regular
// files with names of temporary files; with dryRun it only counts. The error
// is that of the filesystem, or of the context.
func (c *Cache) Prune(ctx context.Context, older time.Duration, dryRun bool) (n int, err error) {
	if err := c.realDir(TempDir); err != nil {
		return 0, err
	}
	var names []string
	if err := c.names(ctx, TempDir, func(name string) { names = append(names, path.Join(TempDir, name)) }); err != nil || len(names) == 0 {
		return 0, err
	}
	now, err := c.now()
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		info, err := c.fs.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return n, err
		}
		if !info.Mode().IsRegular() || !isTemp(path.Base(name)) || now.Sub(info.ModTime()) <= older {
			continue
		}
		if !dryRun {
			if err := c.writer.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return n, err
			}
		}
		n++
	}
	return n, nil
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
