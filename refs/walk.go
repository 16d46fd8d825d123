package refs

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"syscall"

	"fsk/objects"
	"fsk/objects/durable"
)

// nfsPrefix begins the names that an NFS client gives to files which are removed
// while they are open.
const nfsPrefix = ".nfs"

// An entry is a file below the directory of refs.
type entry struct {
	below string // its path there
	name  Name   // the zero Name if no ref may have it
	raw   []byte
	err   error // why it could not be read
}

// entries yields the files whose names begin with prefix in the order of the names, and
// those that no ref may have, unread, somewhere. An error is an [*Error] for a
// directory that cannot be listed, after which the walk goes on, or that of the
// context, which ends it. Memory is bounded by the names in one directory.
func (s *Store) entries(ctx context.Context, prefix string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		if err := CheckPrefix(prefix); err != nil {
			yield(entry{}, &Error{Reason: objects.BadName, Err: err})
			return
		}
		w := walker{store: s, ctx: ctx, prefix: prefix, yield: yield}
		if w.directory("") && ctx.Err() != nil {
			yield(entry{}, ctx.Err())
		}
	}
}

type walker struct {
	store  *Store
	ctx    context.Context
	prefix string
	yield  func(entry, error) bool
}

// directory visits all below a directory. Like all methods it reports false when the
// walk is to end.
func (w *walker) directory(dir string) bool {
	var names []string
	for name, err := range durable.Names(w.store.fs, pathOf(dir)) {
		switch {
		case w.ctx.Err() != nil:
			return true // the caller tells
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // it has just gone
		case err != nil:
			if !w.yield(entry{}, dirError(pathOf(dir), err)) {
				return false
			}
		case dir == "" && name == lockName, strings.HasPrefix(name, nfsPrefix):
		case checkForm(path.Join(dir, name)) != nil:
			if !w.yield(entry{below: path.Join(dir, name)}, nil) {
				return false
			}
		case w.matches(path.Join(dir, name)):
			names = append(names, name)
		}
	}
	w.sort(dir, names)
	for _, name := range names {
		if w.ctx.Err() != nil {
			return true
		}
		if !w.file(path.Join(dir, name)) {
			return false
		}
	}
	return true
}

// matches reports whether a path, or one below it, may begin with the prefix.
func (w *walker) matches(below string) bool {
	return strings.HasPrefix(below, w.prefix) || strings.HasPrefix(w.prefix, below+"/")
}

// sort puts names into the order of all that is below them. What kind of file has a name
// matters only where another one goes on with a byte that comes before the slash.
func (w *walker) sort(dir string, names []string) {
	slices.Sort(names)
	key := make(map[string]string) // of those directories
	for i := 1; i < len(names); i++ {
		name, next := names[i-1], names[i]
		if strings.HasPrefix(next, name) && next[len(name)] < '/' {
			if info, err := w.store.fs.Lstat(pathOf(path.Join(dir, name))); err == nil && info.IsDir() {
				key[name] = name + "/"
			}
		}
	}
	if len(key) == 0 {
		return
	}
	of := func(name string) string {
		if k, ok := key[name]; ok {
			return k
		}
		return name
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(of(a), of(b)) })
}

// file visits a file, or what is below a directory.
func (w *walker) file(below string) bool {
	raw, err := w.store.load(below)
	isLink := false
	if err != nil && reasonIn(err) == objects.NotRegular {
		info, failed := w.store.fs.Lstat(pathOf(below))
		switch {
		case failed != nil:
			err = fault(pathOf(below), failed)
		case info.IsDir():
			return w.directory(below)
		default:
			isLink = info.Mode()&fs.ModeSymlink != 0
		}
	}
	name, bad := ParseName(below)
	switch {
	case bad != nil && isLink: // in the place of a directory, whose refs it hides
		return w.yield(entry{}, &Error{Reason: objects.UnsafePath, Path: pathOf(below)})
	case bad != nil && err != nil && reasonIn(err) == objects.IOError: // a directory, perhaps
		return w.yield(entry{}, err)
	case !strings.HasPrefix(below, w.prefix) && err == nil:
		return true
	case bad != nil:
		return w.yield(entry{below: below}, nil)
	}
	return w.yield(entry{below: below, name: name, raw: raw, err: about(name, err)}, nil)
}

// dirError makes the error of listing a directory an *Error. A link in the place of
// the directory makes all paths through it unsafe.
func dirError(dir string, err error) error {
	e := &Error{Reason: objects.IOError, Path: dir, Err: err}
	if errors.Is(err, durable.ErrNotRegular) || errors.Is(err, durable.ErrUnsafePath) {
		e.Reason, e.Err = objects.UnsafePath, nil
	}
	return e
}
