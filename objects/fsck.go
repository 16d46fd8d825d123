package objects

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"fsk/objects/packfile"
)

// FsckOptions change what [DB.Fsck] does. The zero value checks everything.
type FsckOptions struct {
	// Workers is the number of objects that are checked at once. 0 means one for each
	// processor.
	Workers int
	// Objects, if not nil, are the only ones that are checked; one that is not there
	// is then a finding.
	Objects []Digest
	// Progress, if not nil, is told now and then how much was checked so far. It runs
	// in the goroutine of the iteration.
	Progress func(objects, bytes int64)
}

// Fsck checks every object, and looks for what does not belong in the store. It
// changes nothing, needs no permission to write and takes no lock: what comes or
// goes meanwhile is checked or not. It yields what it finds about objects in the
// order of their digests, and about other files in no order. It fills stats, which may
// be nil and is complete when the iteration has ended. The error is that of the
// context, which ends the iteration; all else that goes wrong is a finding.
//
// Memory is bounded by the number of workers, the largest of the 256 directories of
// loose objects, 32 bytes for each of its objects, the pack with the most objects, 48 bytes
// for each, and the number of packs.
func (db *DB) Fsck(ctx context.Context, opts FsckOptions, stats *FsckStats) iter.Seq2[Finding, error] {
	return db.walk(ctx, opts, stats, nil)
}

// walk is Fsck, and with a resealer [DB.Reseal].
func (db *DB) walk(ctx context.Context, opts FsckOptions, stats *FsckStats, reseal *resealer) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		if stats == nil {
			stats = new(FsckStats)
		}
		*stats = newFsckStats()
		run, cancel := context.WithCancel(ctx)
		c := newChecker(db, run, opts, reseal)
		defer func() { // whoever leaves the loop leaves nobody at work behind it
			cancel()
			for result := range c.results {
				<-result
			}
			reseal.discard()
		}()
		for result := range c.results {
			r := <-result
			for _, f := range r.findings {
				if !yield(f, nil) {
					return
				}
			}
			if r.copy != nil {
				r.err = reseal.take(run, &r)
			}
			if r.objects != nil {
				c.batches.Put(r.objects)
			}
			if r.err != nil && ctx.Err() == nil {
				yield(Finding{}, r.err)
				return
			}
			stats.merge(r.stats)
			if opts.Progress != nil {
				objects, bytes := reseal.pending()
				opts.Progress(stats.Objects+objects, stats.Bytes+bytes)
			}
		}
		if err := ctx.Err(); err != nil {
			yield(Finding{}, err)
			return
		}
		stats.Complete = stats.Reasons[IOError] == 0 && c.whole
	}
}

// jobSize is how many objects a worker checks before it reports: enough to make the
// hand-over cheap, few enough to keep all workers busy at the end.
const jobSize = 128

// A checker walks the store in one goroutine, which hands the objects to workers,
// and delivers what they found in the order of the walk.
type checker struct {
	db      *DB
	ctx     context.Context
	listed  bool      // the objects come from the disk, so that one may vanish
	reseal  *resealer // nil if nothing is to be changed
	jobs    chan job
	results chan chan checked // closed at the end
	whole   bool              // every directory could be listed; set before results is closed
	batches sync.Pool         // of *packfile.Batch
}

// A job is some loose or chosen objects, or some that were read from a pack.
type job struct {
	digests []Digest
	objects *packfile.Batch
	id      packfile.ID
	copy    *packCopy // of that pack, nil if nothing is to be changed
	done    chan checked
}

// checked is what was found in a job.
type checked struct {
	findings []Finding
	stats    FsckStats
	err      error // of changing what was found: it ends the walk

	// These are for the resealer, and set if the job came from a pack.
	objects *packfile.Batch
	copy    *packCopy
	changed bool // some of the objects have another trailer now
	end     bool // there are no more in this pack
	damaged bool // and it cannot be copied as a whole
}

func newChecker(db *DB, ctx context.Context, opts FsckOptions, reseal *resealer) *checker {
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	c := &checker{
		db: db, ctx: ctx, listed: opts.Objects == nil, reseal: reseal, whole: true,
		jobs:    make(chan job),
		results: make(chan chan checked, 4*workers),
		batches: sync.Pool{New: func() any { return new(packfile.Batch) }},
	}
	for range workers {
		go func() {
			for j := range c.jobs {
				j.done <- c.do(j)
			}
		}()
	}
	go func() {
		defer close(c.results)
		defer close(c.jobs)
		if c.listed {
			c.walk()
		} else {
			c.submit(opts.Objects)
		}
	}()
	return c
}

func (c *checker) do(j job) checked {
	switch {
	case j.objects != nil:
		return c.checkPacked(j)
	case c.reseal != nil:
		return c.resealLoose(j.digests)
	}
	return c.check(j.digests)
}

// check checks some objects one after the other. Those that were listed are loose.
func (c *checker) check(digests []Digest) checked {
	r := checked{stats: newFsckStats()}
	for _, d := range digests {
		info, err := c.checkOne(d)
		if c.ctx.Err() != nil {
			break
		}
		if c.listed && info.Reason == Missing { // removed since it was listed
			continue
		}
		r.add(pathOf(d, err), info, err)
	}
	return r
}

func (c *checker) checkOne(d Digest) (Info, error) {
	if !c.listed {
		return c.db.check(c.ctx, d, maxRounds, nil)
	}
	s, err := c.db.openLoose(d)
	if err != nil {
		return Info{Digest: d, Size: -1, Reason: reasonIn(err), Where: Loose}, err
	}
	defer s.Close()
	return c.db.examine(c.ctx, s)
}

// pathOf returns the path of the file that an error is about.
func pathOf(d Digest, err error) string {
	var e *Error
	if errors.As(err, &e) && e.Path != "" {
		return e.Path
	}
	return loosePath(d)
}

// add counts an object, and keeps what is to be said of it.
func (r *checked) add(path string, info Info, err error) {
	r.stats.count(info)
	if f, ok := objectFinding(path, info, err); ok {
		r.findings = append(r.findings, f)
	}
}

// submit hands objects to the workers; it reports false when the context has ended.
func (c *checker) submit(digests []Digest) bool {
	for len(digests) > 0 {
		n := min(jobSize, len(digests))
		if !c.send(job{digests: digests[:n], done: make(chan checked, 1)}) {
			return false
		}
		digests = digests[n:]
	}
	return true
}

func (c *checker) send(j job) bool {
	select {
	case c.results <- j.done:
	case <-c.ctx.Done():
		return false
	}
	c.jobs <- j // always taken: a worker ends only when jobs is closed
	return true
}

// report delivers a finding of the walk itself.
func (c *checker) report(f Finding) { c.deliver(checked{findings: []Finding{f}}) }

// deliver delivers what needs no worker.
func (c *checker) deliver(r checked) {
	done := make(chan checked, 1)
	done <- r
	select {
	case c.results <- done:
	case <-c.ctx.Done():
	}
}
