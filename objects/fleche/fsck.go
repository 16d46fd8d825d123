package fleche

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path"

	"fsk/objects"
)

// FsckOptions change what [Cache.Fsck] does. The zero value checks everything.
type FsckOptions struct {
	// Workers is the number of values that are checked at once. 0 means one for each
	// processor.
	Workers int
	// Names, if not nil, are the only values that are checked; one that is not there is
	// then a finding.
	Names []Name
	// Progress, if not nil, is told now and then how much was checked so far. It runs in
	// the goroutine of the iteration.
	Progress func(values, bytes int64)
}

// Fsck checks every value, and looks for what does not belong in the directory. It changes
// nothing and needs no permission to write; what comes or goes meanwhile is checked
// or not. It yields what it finds about values in the order of their names, and before that
// what it finds about other files. A finding's path is the name of a file in the
// directory. It fills stats, which may be nil and is complete when the iteration has
// ended. The error is that of the context, which ends the iteration; all else that goes
// wrong is a finding.
//
// Memory is bounded by the number of workers, and by that of the names as in [Cache.All].
func (c *Cache) Fsck(ctx context.Context, opts FsckOptions, stats *objects.FsckStats) iter.Seq2[objects.Finding, error] {
	if stats == nil {
		stats = new(objects.FsckStats)
	}
	return c.run(ctx, opts, task{each: c.fsckOne}, func(r *result) { *stats = r.stats })
}

func (c *Cache) fsckOne(ctx context.Context, n Name, listed bool, r *result) {
	ch, err := c.check(ctx, n, 0)
	if r.skips(ctx, ch.info, listed) {
		return
	}
	r.count(ch.info)
	r.find(ch.info, err)
}

// skips tells values of which nothing can be said: the context has ended, or they were
// removed since they were listed.
func (r *result) skips(ctx context.Context, info Info, listed bool) bool {
	return ctx.Err() != nil || listed && info.Reason == objects.Missing
}

// walk hands all values to the workers, and reports what is none.
func (w *walker) walk() {
	c := w.c
	for _, dir := range []string{TempDir, QuarantineDir} {
		if err := c.realDir(dir); err != nil {
			w.report(func(r *result) { r.fail(dir, err) })
		}
	}
	err := c.names(w.ctx, TempDir, func(name string) {
		w.report(func(r *result) {
			r.findings = append(r.findings, newFinding(objects.LeftoverTemp, objects.SeverityNote, path.Join(TempDir, name)))
		})
	})
	if err != nil && reasonIn(err) != objects.UnsafePath { // which was reported
		w.unlisted(TempDir, err)
	}
	other := func(name string) {
		w.report(func(r *result) {
			r.findings = append(r.findings, newFinding(objects.Stray, objects.SeverityWarning, name))
		})
	}
	var after *Name
	for more := true; more; {
		var page []Name
		if page, more, err = c.page(w.ctx, after, other); err != nil {
			w.unlisted(".", err)
			return
		}
		if !w.submit(page) {
			return
		}
		if more {
			after, other = &page[len(page)-1], nil
		}
	}
}

// realDir fails if there is something in the place of a directory that is none.
func (c *Cache) realDir(dir string) error {
	info, err := c.fs.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &objects.Error{Reason: objects.IOError, Path: dir, Err: err}
	case !info.IsDir():
		return &objects.Error{Reason: objects.UnsafePath, Path: dir, Err: errors.New("not a directory, but a link or a file in the place of one")}
	}
	return nil
}

// unlisted reports a directory that could not be listed.
func (w *walker) unlisted(dir string, err error) {
	w.whole = false
	if w.ctx.Err() == nil {
		w.report(func(r *result) { r.fail(dir, err) })
	}
}
