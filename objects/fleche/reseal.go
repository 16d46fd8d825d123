package fleche

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"

	"fsk/objects"
	"fsk/objects/durable"
)

// ResealOptions change what [Cache.Reseal] does. The zero value reseals everything.
type ResealOptions struct {
	FsckOptions
	// DryRun changes nothing: it finds what Fsck finds, and counts what would be resealed.
	DryRun bool
}

// ResealStats counts what [Cache.Reseal] has checked and done. The values are counted as
// they are afterwards.
type ResealStats struct {
	objects.FsckStats
	Resealed int64 // values that have got the trailer of the first key
}

// Reseal gives every value that a retired key sealed the trailer of the first key. The
// pickle is verified, written beside it from what was verified, compressed again if it was,
// synced, and renamed over it, if the file is still the one that was verified. What is not ok is
// left as it is and is a finding, as with [Cache.Fsck], whose order, statistics
// and errors it has. After an interruption, run it again. Without
// keys there is nothing to seal with, and it only checks.
//
// The new file has the permissions of the old one, less those that the umask takes, and
// belongs to who runs this. It needs space for one file for each worker.
func (c *Cache) Reseal(ctx context.Context, opts ResealOptions, stats *ResealStats) iter.Seq2[objects.Finding, error] {
	if stats == nil {
		stats = new(ResealStats)
	}
	t := task{each: c.resealOne(opts.DryRun), end: c.syncResealed}
	return c.run(ctx, opts.FsckOptions, t, func(r *result) {
		stats.FsckStats, stats.Resealed = r.stats, r.resealed
	})
}

func (c *Cache) resealOne(dryRun bool) func(context.Context, Name, bool, *result) {
	return func(ctx context.Context, n Name, listed bool, r *result) {
		for range rounds {
			err := c.tryReseal(ctx, n, listed, dryRun, r)
			if err == nil {
				return
			}
			if ctx.Err() != nil {
				return
			}
			if !errors.Is(err, errReplaced) {
				r.count(Info{Name: n, Size: -1, Reason: reasonIn(err)})
				r.fail(n.String(), err)
				return
			}
		}
		r.count(Info{Name: n, Size: -1, Reason: objects.ChangedDuringRead})
		r.fail(n.String(), refusal(n, objects.ChangedDuringRead))
	}
}

// errReplaced says that the file is not the one any more that was verified.
var errReplaced = errors.New("replaced meanwhile")

// tryReseal counts a value, and reseals it if it needs that. If it returns an error it has
// counted nothing.
func (c *Cache) tryReseal(ctx context.Context, n Name, listed, dryRun bool, r *result) error {
	ch, err := c.check(ctx, n, chunkSize)
	reader := c.reader(ctx, ch)
	defer reader.Close()
	if r.skips(ctx, ch.info, listed) {
		return nil
	}
	if err == nil && ch.info.Retired {
		if !dryRun {
			if err := c.rewrite(reader); err != nil {
				return err
			}
			ch.info.Key, ch.info.Retired = c.ring.ID(0), false
		}
		r.resealed++
	}
	r.count(ch.info)
	r.find(ch.info, err)
	return nil
}

// rewrite puts the pickle that r verifies, under the trailer of the first key, in the place of its
// file.
func (c *Cache) rewrite(r *Reader) error {
	if err := c.realDir(TempDir); err != nil {
		return err
	}
	name := r.ch.info.Name.String()
	temp, err := c.writer.CreateAs(r.ch.seen.Mode())
	if err != nil {
		return err
	}
	defer temp.Discard()
	if err := writeValue(temp, r); err != nil {
		return err
	}
	if err := temp.Finish(); err != nil {
		return err
	}
	if err := c.unchanged(name, r.ch.seen); err != nil {
		return err
	}
	return temp.Publish(name)
}

func writeValue(w io.Writer, r *Reader) error {
	if !r.ch.info.Compressed {
		if _, err := r.WriteTo(w); err != nil {
			return err
		}
		_, err := w.Write(r.ch.trailer)
		return err
	}
	z := gzip.NewWriter(w)
	if _, err := r.WriteTo(z); err != nil {
		return err
	}
	if _, err := z.Write(r.ch.trailer); err != nil {
		return err
	}
	return z.Close()
}

// unchanged fails unless the name still stands for the file that was seen.
func (c *Cache) unchanged(name string, seen fs.FileInfo) error {
	now, err := c.fs.Lstat(name)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case !durable.SameFile(seen, now):
		return errReplaced
	}
	return nil
}

// syncResealed makes the new names durable. Before that a power loss may bring back old files,
// which are as good.
func (c *Cache) syncResealed(r *result) {
	if r.resealed == 0 {
		return
	}
	if err := c.writer.SyncName("."); err != nil {
		r.fail(".", err)
	}
}
