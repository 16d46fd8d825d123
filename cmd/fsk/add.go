package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"fsk/objects"
)

type addCmd struct {
	Paths      []string `arg:"" optional:"" name:"path" help:"Files to store, - for standard input."`
	Recursive  bool     `short:"r" help:"Store the regular files below directories."`
	StdinPaths bool     `help:"Read the paths from standard input, one a line."`
	Null       bool     `short:"0" help:"The paths of --stdin-paths end in NUL instead of a line end."`
}

// Help is the end of the help page.
func (addCmd) Help() string {
	return "Prints a line for each file once it is safely stored, in order: its digest, two spaces, its path.\n\nExample: fsk add -r src | tee DIGESTS"
}

const (
	// addWorkers is how many files are stored at once: syncs that run side by side
	// share the journal's writes.
	addWorkers = 16
	// addLarge is how many of them may be larger than largeFile, which need more memory.
	addLarge  = 2
	largeFile = 1 << 20
)

// An addition is a file that is being stored.
type addition struct {
	path  string
	found bool  // below a directory, not named by the user
	err   error // why it cannot be stored, if that is known
	done  chan added
}

type added struct {
	info objects.Info
	err  error
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
	if !c.storable() {
		return c.refuse(a)
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
	adder := &adder{cmd: c, app: a, ctx: ctx, db: db, store: store,
		jobs: make(chan addition), order: make(chan addition, 4*addWorkers), large: make(chan struct{}, addLarge)}
	adder.start()
	return adder.print()
}

// storable reports whether there may be anything to store: without it no store is made.
func (c *addCmd) storable() bool {
	return c.StdinPaths || slices.ContainsFunc(c.Paths, func(path string) bool {
		_, err := c.look(path)
		return err == nil
	})
}

// refuse reports why none of the paths can be stored.
func (c *addCmd) refuse(a *app) error {
	if _, err := a.config(); err != nil {
		return err
	}
	for _, path := range c.Paths {
		_, err := c.look(path)
		a.reportOn(path, err)
	}
	return nil
}

// An adder walks the paths in one goroutine, stores files in several, and prints in
// the order of the walk.
type adder struct {
	cmd   *addCmd
	app   *app
	ctx   context.Context
	db    *objects.DB
	store fs.FileInfo // of the store's directory
	jobs  chan addition
	order chan addition
	large chan struct{} // limits large files

	// These are for print to read when order is closed.
	skipped  int   // links and special files
	ownStore bool  // the store itself is among the directories, and was left out
	listErr  error // of reading the paths from standard input
}

func (d *adder) start() {
	for range addWorkers {
		go func() {
			for f := range d.jobs {
				info, err := d.put(f)
				f.done <- added{info, err}
			}
		}()
	}
	go func() {
		defer close(d.order)
		defer close(d.jobs)
		d.walk()
	}()
}

// print prints what was stored, in order, each as soon as it and all before it are.
func (d *adder) print() error {
	bar := d.app.out.startProgress("added")
	for f := range d.order {
		r := added{err: f.err}
		if f.err == nil {
			r = <-f.done
		}
		if errors.Is(r.err, context.Canceled) {
			return r.err
		}
		if r.err != nil {
			d.app.reportOn(f.path, r.err)
			continue
		}
		d.app.out.added(r.info, f.path)
		if err := d.app.out.flush(); err != nil {
			return nil // the printer reports it; nobody would see what else is stored
		}
		bar.set(d.app.out.summary.Objects, d.app.out.summary.Bytes)
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
	if f.err == nil {
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

// put stores one file.
func (d *adder) put(f addition) (objects.Info, error) {
	if f.path == stdinPath && !f.found {
		return d.db.PutReader(d.ctx, &interruptible{ctx: d.ctx, r: d.app.stdin})
	}
	flags := os.O_RDONLY
	if f.found {
		flags |= inputFlags
	}
	in, err := os.OpenFile(f.path, flags, 0)
	if err != nil {
		return objects.Info{}, inputError(err)
	}
	defer in.Close()
	stat, err := in.Stat()
	switch {
	case err != nil:
		return objects.Info{}, inputError(err)
	case f.found && !stat.Mode().IsRegular():
		return objects.Info{}, errors.New("is no regular file any more")
	case stat.Size() > largeFile:
		select {
		case d.large <- struct{}{}:
			defer func() { <-d.large }()
		case <-d.ctx.Done():
			return objects.Info{}, d.ctx.Err()
		}
	}
	info, err := d.db.PutReader(d.ctx, in)
	return info, inputError(err)
}
