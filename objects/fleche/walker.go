package fleche

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"fsk/objects"
)

// batch is how many values a worker handles before it reports: enough to make the
// hand-over cheap, few enough to keep all workers busy at the end.
const batch = 64

// A task is what is done with every value.
type task struct {
	each func(ctx context.Context, n Name, listed bool, r *result)
	end  func(r *result) // after some values, if not nil
}

// A walker goes through the values in one goroutine, which hands them to workers, and
// delivers what they have found in the order of the walk.
type walker struct {
	c       *Cache
	ctx     context.Context
	task    task
	listed  bool // the names come from the disk, so that a value may vanish
	whole   bool // the directories could be listed; set before results is closed
	jobs    chan job
	results chan chan *result // closed at the end
	workers sync.WaitGroup
}

type job struct {
	names []Name
	done  chan *result
}

// run is an iteration over what a task finds. It tells the counts as they grow, and nobody
// is at work any more when it ends.
func (c *Cache) run(ctx context.Context, opts FsckOptions, t task, tell func(*result)) iter.Seq2[objects.Finding, error] {
	return func(yield func(objects.Finding, error) bool) {
		inner, cancel := context.WithCancel(ctx)
		w := c.newWalker(inner, opts, t)
		defer w.stop(cancel)
		total := newResult()
		tell(total)
		for done := range w.results {
			r := <-done
			total.merge(r)
			tell(total)
			for _, f := range r.findings {
				if !yield(f, nil) {
					return
				}
			}
			if opts.Progress != nil {
				opts.Progress(total.stats.Objects, total.stats.Bytes)
			}
		}
		if err := ctx.Err(); err != nil {
			yield(objects.Finding{}, err)
			return
		}
		total.stats.Complete = total.stats.Reasons[objects.IOError] == 0 && w.whole
		tell(total)
	}
}

func (c *Cache) newWalker(ctx context.Context, opts FsckOptions, t task) *walker {
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	w := &walker{
		c: c, ctx: ctx, task: t, listed: opts.Names == nil, whole: true,
		jobs: make(chan job), results: make(chan chan *result, 4*workers),
	}
	for range workers {
		w.workers.Go(func() {
			for j := range w.jobs {
				j.done <- w.do(j.names)
			}
		})
	}
	w.workers.Go(func() {
		defer close(w.results)
		defer close(w.jobs)
		if w.listed {
			w.walk()
		} else {
			w.submit(opts.Names)
		}
	})
	return w
}

// stop ends the work and waits until it has ended: a caller who has gone on must not find
// that files still change.
func (w *walker) stop(cancel func()) {
	cancel()
	w.workers.Wait()
}

func (w *walker) do(names []Name) *result {
	r := newResult()
	for _, n := range names {
		if w.ctx.Err() != nil {
			break
		}
		w.task.each(w.ctx, n, w.listed, r)
	}
	if w.task.end != nil {
		w.task.end(r)
	}
	return r
}

// submit hands values to the workers; it reports false when the context has ended.
func (w *walker) submit(names []Name) bool {
	for len(names) > 0 {
		n := min(batch, len(names))
		j := job{names[:n], make(chan *result, 1)}
		select {
		case w.results <- j.done:
		case <-w.ctx.Done():
			return false
		}
		w.jobs <- j // always taken: a worker ends only when jobs is closed
		names = names[n:]
	}
	return true
}

// report delivers a finding of the walk itself.
func (w *walker) report(find func(*result)) {
	r, done := newResult(), make(chan *result, 1)
	find(r)
	done <- r
	select {
	case w.results <- done:
	case <-w.ctx.Done():
	}
}
