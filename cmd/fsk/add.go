package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"fsk/objects"
	"fsk/refs"
)

type addCmd struct {
	Paths      []string `arg:"" optional:"" name:"path" help:"Files to store, - for standard input."`
	Recursive  bool     `short:"r" help:"Store the regular files below directories."`
	StdinPaths bool     `help:"Read the paths from standard input, one a line."`
	Ref        *string  `placeholder:"NAME" help:"Let this ref name the file, of which there is one."`
	Null       bool     `short:"0" help:"The paths of --stdin-paths end in NUL instead of a line end."`
}

// Help is the end of the help page.
func (addCmd) Help() string {
	return "Prints a line for each file once it is safely stored, in order: its digest, two spaces, its path.\n\nExample: fsk add -r src | tee DIGESTS"
}

const (
	// addWorkers is how many files are read at once: some may wait for the disk.
	addWorkers = 8
	// addLarge is how many of them may be larger than largeFile, which need more memory.
	addLarge  = 2
	largeFile = 1 << 20

	// Files are made durable together and printed when they are that many, or that many
	// bytes, or when the first of them has waited that long, or when nothing more has come
	// for a while.
	roundFiles = 1 << 16
	roundBytes = 256 << 20
	roundTime  = 5 * time.Second
	roundPause = 200 * time.Millisecond
)

// An addition is a file that is being stored.
type addition struct {
	path    string
	found   bool  // below a directory, not named by the user
	refused error // why it cannot be stored, if that is known
	done    chan added
}

type added struct {
	info  objects.Info
	again bool // the file can be read once more
	err   error
}

func (c *addCmd) Run(a *app) error {
	switch {
	case c.StdinPaths && len(c.Paths) > 0:
		return &usage{problem: "--stdin-paths takes no paths as arguments", hint: "fsk add --help"}
	case c.Null && !c.StdinPaths:
		return &usage{problem: "-0 goes with --stdin-paths", hint: "fsk add --help"}
	case !c.StdinPaths && len(c.Paths) == 0:
		return &usage{problem: "no path given", hint: "fsk add FILE, or fsk add - for standard input"}
	}
	name, err := c.ref()
	if err != nil {
		return err
	}
	if refused := c.refused(); refused != nil {
		return c.refuse(a, refused)
	}
	db, cfg, err := a.openStore(true)
	if err != nil {
		return err
	}
	store, err := os.Stat(cfg.Store)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	adder := &adder{cmd: c, app: a, ref: name, ctx: ctx, cancel: cancel, db: db, store: store,
		batch: db.NewBatch(), jobs: make(chan addition), order: make(chan addition, 4*addWorkers), large: make(chan struct{}, addLarge)}
	adder.start()
	return adder.print()
}

// ref returns the name of the ref that is to be set, the zero Name if there is none.
func (c *addCmd) ref() (refs.Name, error) {
	if c.Ref == nil {
		return refs.Name{}, nil
	}
	if len(c.Paths) != 1 || c.Recursive || c.StdinPaths {
		return refs.Name{}, &usage{problem: "--ref takes one file", hint: "fsk add --ref NAME FILE"}
	}
	name, err := parseRef(*c.Ref)
	if err != nil {
		return name, &usage{problem: fmt.Sprintf("--ref %s: %v", *c.Ref, err), hint: "fsk add --help"}
	}
	return name, nil
}

// refused returns why none of the paths can be stored, path by path, and nil if there may
// be anything to store: without it no store is made.
func (c *addCmd) refused() (errs []error) {
	for _, path := range c.Paths {
		_, err := c.look(path)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errs
}

// refuse reports why nothing can be stored. Nobody looks again: it may be there by now.
func (c *addCmd) refuse(a *app, errs []error) error {
	if _, err := a.config(); err != nil {
		return err
	}
	for i, path := range c.Paths {
		a.reportOn(path, errs[i])
	}
	return nil
}

// An adder walks the paths in one goroutine, puts files into a batch in several, and
// in another commits it now and then, and prints what has become durable in the order of
// the walk.
type adder struct {
	cmd    *addCmd
	app    *app
	ref    refs.Name // to be set, if it is not zero
	ctx    context.Context
	db     *objects.DB
	batch  *objects.Batch
	cancel func()      // ends the walk
	store  fs.FileInfo // of the store's directory
	jobs   chan addition
	order  chan addition
	large  chan struct{} // limits large files

	// These are for print to read when order is closed.
	skipped  int   // links and special files
	ownStore bool  // the store itself is among the directories, and was left out
	listErr  error // of reading the paths from standard input
}

func (d *adder) start() {
	for range addWorkers {
		go func() {
			for f := range d.jobs {
				f.done <- d.read(f, d.batch.PutReader)
			}
		}()
	}
	go func() {
		defer close(d.order)
		defer close(d.jobs)
		d.walk()
	}()
}

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

// submit hands a file on; it reports false when the work is to end.
func (d *adder) submit(f addition) bool {
	f.done = make(chan added, 1)
	select {
	case d.order <- f:
	case <-d.ctx.Done():
		return false
	}
	if f.refused == nil {
		d.jobs <- f // always taken: a worker ends only when jobs is closed
	}
	return true
}

// walk submits all files.
func (d *adder) walk() {
	if !d.cmd.StdinPaths {
		for _, path := range d.cmd.Paths {
			if !d.argument(path) {
				return
			}
		}
		return
	}
	lines := bufio.NewScanner(&interruptible{ctx: d.ctx, r: d.app.stdin})
	lines.Buffer(nil, 1<<20)
	if d.cmd.Null {
		lines.Split(splitNull)
	}
	for lines.Scan() {
		if !d.argument(lines.Text()) {
			return
		}
	}
	if d.ctx.Err() == nil {
		d.listErr = lines.Err()
	}
}

// splitNull splits at NUL bytes as bufio.ScanLines does at line ends.
func splitNull(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// read opens one file and has it put.
func (d *adder) read(f addition, put func(context.Context, io.Reader) (objects.Info, error)) (r added) {
	if f.path == stdinPath && !f.found {
		r.info, r.err = put(d.ctx, &interruptible{ctx: d.ctx, r: d.app.stdin})
		return r
	}
	flags := os.O_RDONLY
	if f.found {
		flags |= inputFlags
	}
	in, err := os.OpenFile(f.path, flags, 0)
	if err != nil {
		return added{err: inputError(err)}
	}
	defer in.Close()
	stat, err := in.Stat()
	switch {
	case err != nil:
		return added{err: inputError(err)}
	case f.found && !stat.Mode().IsRegular():
		return added{err: errors.New("is no regular file any more")}
	case stat.Size() > largeFile:
		select {
		case d.large <- struct{}{}:
			defer func() { <-d.large }()
		case <-d.ctx.Done():
			return added{err: d.ctx.Err()}
		}
	}
	r.again = stat.Mode().IsRegular()
	r.info, err = put(d.ctx, in)
	r.err = inputError(err)
	return r
}
