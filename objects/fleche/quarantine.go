package fleche

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"time"

	"fsk/objects"
)

// QuarantineOptions change what [Cache.Quarantine] does.
type QuarantineOptions struct {
	FsckOptions
	// DryRun moves nothing, and tells what would be moved.
	DryRun bool
	// Anyway moves also if so much would go that the ring is probably a wrong one.
	Anyway bool
}

// Quarantine moves every value that is a finding of severity error to [QuarantineDir], and
// deletes nothing. Values that could not be judged stay: those with the reasons
// [objects.IOError] and [objects.ChangedDuringRead]. First it checks all values, and if
// too many would go it fails with [objects.ErrTooMany] before anything is moved. Then each is
// checked again, and moved if it is still bad and the file is the one that was checked.
//
// The file gets the name NAME.REASON.RANDOM, and beside it a text file of that name and
// ".note" says the reason, the path and the time; the note is there first.
//
// It yields what was moved. An error is that of the context or [objects.ErrTooMany], which end
// it, or that of moving one file, after which it goes on. It fills stats, which may be nil,
// with what the first check has found.
func (c *Cache) Quarantine(ctx context.Context, opts QuarantineOptions, stats *objects.FsckStats) iter.Seq2[objects.Moved, error] {
	return func(yield func(objects.Moved, error) bool) {
		if stats == nil {
			stats = new(objects.FsckStats)
		}
		var bad []Name
		for f, err := range c.Fsck(ctx, opts.FsckOptions, stats) {
			if err != nil {
				yield(objects.Moved{}, err)
				return
			}
			if n, ok := parseName(f.Path); ok && f.Severity == objects.SeverityError && judged(f.Reason) {
				bad = append(bad, n)
			}
		}
		if !(objects.QuarantineOptions{Anyway: opts.Anyway, Checked: stats.Objects}).Allows(len(bad)) {
			yield(objects.Moved{}, fmt.Errorf("%d of %d: %w", len(bad), stats.Objects, objects.ErrTooMany))
			return
		}
		for _, n := range bad {
			moved, err := c.quarantine(ctx, n, opts.DryRun)
			if ctx.Err() != nil {
				yield(objects.Moved{}, ctx.Err())
				return
			}
			if (moved != nil || err != nil) && !yield(value(moved), err) {
				return
			}
		}
	}
}

func value(m *objects.Moved) objects.Moved {
	if m == nil {
		return objects.Moved{}
	}
	return *m
}

// judged tells the reasons that say something about a file from those that say only that
// it could not be read.
func judged(reason objects.Reason) bool {
	switch reason {
	case objects.IOError, objects.ChangedDuringRead, objects.Missing:
		return false
	}
	return true
}

// quarantine moves a value if it is bad. It returns nil if it is not any more.
func (c *Cache) quarantine(ctx context.Context, n Name, dryRun bool) (*objects.Moved, error) {
	ch, bad := c.check(ctx, n, 0)
	if bad == nil || ctx.Err() != nil || !judged(ch.info.Reason) {
		return nil, nil
	}
	r := newResult()
	r.find(ch.info, bad)
	moved := &objects.Moved{Finding: r.findings[0]}
	if dryRun {
		return moved, nil
	}
	for _, dir := range []string{TempDir, QuarantineDir} {
		if err := c.realDir(dir); err != nil {
			return nil, err
		}
	}
	to := path.Join(QuarantineDir, fmt.Sprintf("%s.%s.%s", n, ch.info.Reason, randomName()))
	if err := c.writeNote(to+noteSuffix, moved.Finding); err != nil {
		return nil, ioFault(n, err)
	}
	if err := c.unchanged(n.String(), ch.seen); err != nil {
		c.fs.Remove(to + noteSuffix)
		if errors.Is(err, errReplaced) {
			return nil, nil // by fleche, which has just made it again
		}
		return nil, ioFault(n, err)
	}
	if err := c.move(n.String(), to); err != nil {
		return nil, ioFault(n, err)
	}
	moved.To = to
	return moved, nil
}

const noteSuffix = ".note"

// writeNote says why a file is in quarantine, for people.
func (c *Cache) writeNote(name string, f objects.Finding) error {
	temp, err := c.writer.Create()
	if err != nil {
		return err
	}
	defer temp.Discard()
	_, err = fmt.Fprintf(temp, "reason: %s\npath: %s\ntime: %s\nwhy: %s\n", f.Reason, f.Path, time.Now().UTC().Format(time.RFC3339), f.Explain())
	if err != nil {
		return err
	}
	return temp.Commit(name)
}

// move renames a file to a name that nothing has, and makes that durable. A rename that was
// reported as failed may have happened all the same.
func (c *Cache) move(from, to string) error {
	if err := c.fs.Rename(from, to); err != nil {
		if _, missing := c.fs.Lstat(to); missing != nil {
			if errors.Is(missing, fs.ErrNotExist) {
				c.fs.Remove(to + noteSuffix)
			}
			return err
		}
	}
	if err := c.writer.SyncName(to); err != nil {
		return err
	}
	return c.writer.SyncName(from)
}

// ioFault makes an error of moving a value an *objects.Error.
func ioFault(n Name, err error) error {
	return &objects.Error{Reason: objects.IOError, Path: n.String(), Err: err}
}
