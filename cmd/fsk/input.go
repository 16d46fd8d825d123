package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fsk/objects"
)

// stdinPath stands for standard input among the paths.
const stdinPath = "-"

// argument submits what a path of the command line stands for. A link is followed
// here, as every command does with what it is told; below a directory it is not.
func (d *adder) argument(path string) bool {
	if path == stdinPath {
		if d.cmd.StdinPaths {
			return d.submit(addition{path: path, refused: errors.New("standard input is where the paths come from")})
		}
		return d.submit(addition{path: path})
	}
	isDir, err := d.cmd.look(path)
	if err != nil || !isDir {
		return d.submit(addition{path: path, refused: err})
	}
	return d.directory(path)
}

// look finds out what a path of the command line stands for.
func (c *addCmd) look(path string) (isDir bool, err error) {
	if path == stdinPath {
		return false, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return false, inputError(err)
	}
	if info.IsDir() && !c.Recursive {
		return false, &usage{problem: "is a directory", hint: "fsk add -r stores the files in it"}
	}
	return info.IsDir(), nil
}

// directory submits the regular files below a directory in byte order of their
// paths, but not those of the store itself.
func (d *adder) directory(path string) bool {
	if d.isStore(path) {
		d.ownStore = true
		return true
	}
	entries, err := os.ReadDir(path)
	if err != nil && !d.submit(addition{path: path, refused: inputError(err)}) {
		return false
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		next := filepath.Join(path, e.Name())
		switch {
		case e.IsDir():
			if !d.directory(next) {
				return false
			}
		case e.Type().IsRegular():
			if !d.submit(addition{path: next, found: true}) {
				return false
			}
		default:
			d.skipped++
		}
	}
	return true
}

// count counts the files that the paths stand for; 0 if they are still to be read.
func (c *addCmd) count(ctx context.Context) (n int64) {
	for _, path := range c.Paths {
		filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				n++
			}
			return ctx.Err()
		})
	}
	return n
}

// sortName makes a directory sort where the paths below it belong.
func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

// isStore reports whether a directory is the store that is added to.
func (d *adder) isStore(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	return os.SameFile(info, d.store)
}

// inputError leaves out of an error the path, which is printed before it. Errors of
// the store keep theirs.
func inputError(err error) error {
	var path *fs.PathError
	if object := (*objects.Error)(nil); !errors.As(err, &object) && errors.As(err, &path) {
		return path.Err
	}
	return err
}

// An interruptible reads until its context ends, also while a read waits for somebody
// to type. Each read goes through a buffer of its own, because one that was given up
// may still be filled.
type interruptible struct {
	ctx context.Context
	r   io.Reader
	buf []byte
}

type readResult struct {
	n   int
	err error
}

func (i *interruptible) Read(p []byte) (int, error) {
	if len(i.buf) < len(p) {
		i.buf = make([]byte, len(p))
	}
	buf := i.buf[:len(p)]
	done := make(chan readResult, 1)
	go func() {
		n, err := i.r.Read(buf)
		done <- readResult{n, err}
	}()
	select {
	case r := <-done:
		return copy(p, buf[:r.n]), r.err
	case <-i.ctx.Done():
		i.buf = nil
		return 0, i.ctx.Err()
	}
}
