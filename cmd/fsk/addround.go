package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fsk/objects"
	"fsk/refs"
)

// A finished is a file that was put, or could not be.
type finished struct {
	addition
	added
}

// print commits and prints in rounds until all is done.
func (d *adder) print() error {
	defer d.batch.Discard()
	bar := d.app.out.startProgress(d.ctx, "added", d.cmd.count)
	results := make(chan finished)
	go d.collect(results)
	defer func() {
		d.cancel()
		for range results { // so that collect ends
		}
	}()
	pause := time.NewTimer(roundPause)
	var round []finished
	var start time.Time // of the round
	var objects, bytes, size int64
	for more := true; more; {
		full := false
		select {
		case r, ok := <-results:
			if more = ok; !ok {
				break
			}
			if errors.Is(r.err, context.Canceled) {
				return r.err
			}
			if len(round) == 0 {
				start = time.Now()
			}
			round = append(round, r)
			size += r.info.Size
			objects, bytes = objects+1, bytes+r.info.Size
			bar.set(objects, bytes)
			full = len(round) == roundFiles || size >= roundBytes || time.Since(start) >= roundTime
			pause.Reset(roundPause)
		case <-pause.C:
			full = true
		}
		if full || !more {
			if ok := d.finish(round); !ok {
				return d.ctx.Err()
			}
			round, size = round[:0], 0
			pause.Reset(roundPause)
		}
	}
	if d.skipped > 0 {
		d.app.out.warning(fmt.Sprintf("%d links and special files were skipped", d.skipped))
	}
	if d.ownStore {
		d.app.out.warning("the store itself was left out")
	}
	if d.listErr != nil {
		d.app.reportOn("standard input", d.listErr)
	}
	return d.ctx.Err()
}

// collect delivers the results in order.
func (d *adder) collect(results chan<- finished) {
	defer close(results)
	for f := range d.order {
		r := finished{f, added{err: f.refused}}
		if f.refused == nil {
			r.added = <-f.done
			r.done = nil // there are many of them
		}
		results <- r
	}
}

// finish makes a round durable and prints it. It reports false if there is no use in
// going on: the context has ended, or nobody would see what else is stored.
func (d *adder) finish(round []finished) bool {
	if err := d.batch.Commit(d.ctx); err != nil {
		if d.ctx.Err() != nil {
			return false
		}
		// No Discard: files that are not in this round yet may be in the batch already. It
		// stays failed, so that the rounds to come are stored one by one, too.
		d.oneByOne(round, err)
	}
	for i := range round {
		d.show(&round[i])
	}
	return d.app.out.flush() == nil && d.ctx.Err() == nil
}

// oneByOne stores the files of a round for themselves after all of them together could
// not be, on a full disk for example: what can be stored is, and what cannot is named.
func (d *adder) oneByOne(round []finished, failure error) {
	for i := range round {
		f := &round[i]
		if f.err != nil && !isStoreFault(f.err) && !errors.Is(f.err, failure) {
			continue
		}
		if !f.again {
			f.err = failure // a pipe cannot be read again
			continue
		}
		f.added = d.read(f.addition, d.db.PutReader)
	}
}

// isStoreFault tells a failure to write to the store from one to read the file.
func isStoreFault(err error) bool {
	var e *objects.Error
	return errors.As(err, &e) && e.Reason == objects.IOError
}

// show prints one file that was stored, or why it was not.
func (d *adder) show(f *finished) {
	out := d.app.out
	if f.err != nil {
		d.app.reportOn(f.path, f.err)
		return
	}
	if out.json && f.info.Where == "" { // only now its pack has a name
		if info, err := d.db.Check(d.ctx, f.info.Digest); err == nil {
			f.info.Where = info.Where
		}
	}
	out.added(f.info, f.path)
	if d.ref != (refs.Name{}) {
		d.app.report(d.app.setRef(d.ref, refs.Change{Digest: f.info.Digest, Unchecked: true}))
	}
}

// added prints one stored file.
func (p *printer) added(info objects.Info, path string) {
	p.object(info, &path)
	if p.json {
		return
	}
	prefix, escaped := escapePath(path)
	if p.toTerminal {
		escaped = escape(escaped)
	}
	p.line("%s%s  %s", prefix, info.Digest, escaped)
}
