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
