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

// Reseal gives every value that a retired key sealed the trailer of the first key. The
// pickle is verified, written beside it from what was verified, compressed again if it was,
// synced, and renamed over it, if the file is still the one that was verified. What is not ok is
// left as it is and is a finding, as with [Cache.Fsck], whose order, statistics
// and errors it has. After an interruption, run it again. Without
// keys there is nothing to seal with, and it only checks.
//
// The new file has the permissions of the old one, less those that the umask takes, and
// belongs to who runs this. It needs space for one file for each worker.
func (c *Cache) Reseal(ctx context.Context, opts FsckOptions, stats *objects.FsckStats) iter.Seq2[objects.Finding, error] {
	if stats == nil {
		stats = new(objects.FsckStats)
	}
	t := task{each: c.resealOne, end: c.syncResealed}
	return c.run(ctx, opts, t, func(r *result) { *stats = r.stats })
}

func (c *Cache) resealOne(ctx context.Context, n Name, listed bool, r *result) {
	for range rounds {
		err := c.tryReseal(ctx, n, listed, r)
		if err == nil || ctx.Err() != nil {
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

// errReplaced says that the file is not the one any more that was verified.
var errReplaced = errors.New("replaced meanwhile")

// tryReseal counts a value, and reseals it if it needs that. If it returns an error it has
// counted nothing.
func (c *Cache) tryReseal(ctx context.Context, n Name, listed bool, r *result) error {
	ch, err := c.check(ctx, n, chunkSize)
	reader := c.reader(ctx, ch)
	defer reader.Close()
	if r.skips(ctx, ch.info, listed) {
		return nil
	}
	if err == nil && ch.info.Retired {
		if err := c.rewrite(reader); err != nil {
			return err
		}
		r.stats.Resealed[ch.info.Key]++
		ch.info.Key, ch.info.Retired = c.ring.ID(0), false
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
	if len(r.stats.Resealed) == 0 {
		return
	}
	if err := c.writer.SyncName("."); err != nil {
		r.fail(".", err)
	}
}
