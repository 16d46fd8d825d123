package config

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	walkedName = "fleche.toml"
	storeName  = ".fsk"
	markName   = "fsk-store"
	mark       = "fsk-store 1\n"
)

// A walk goes up from the working directory.
type walk struct {
	in       *Input
	ends     []string // directories after which it stops: the home directory, by any name
	dirs     []string // visited, nearest first
	warnings []string

	marked  bool   // whether store is known
	topmost string // the topmost directory above the working directory that is a store, "" if none is
}

func newWalk(in *Input) *walk {
	w := &walk{in: in}
	if !filepath.IsAbs(in.Home) {
		return w
	}
	home := filepath.Clean(in.Home)
	w.ends = []string{home}
	if !isBelow(in.Dir, home) {
		// The working directory may be written without the links that are in HOME.
		if real, err := filepath.EvalSymlinks(home); err == nil {
			w.ends = append(w.ends, real)
		}
	}
	return w
}

// up calls visit for each directory of the walk, nearest first, until it says stop.
func (w *walk) up(visit func(dir string) (stop bool, err error)) error {
	for dir := filepath.Clean(w.in.Dir); ; {
		stop, err := visit(dir)
		if err != nil || stop {
			return err
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		for _, end := range w.ends {
			if dir == end {
				return nil
			}
		}
		dir = parent
	}
}

// files reads the walked files. Where none is, a directory costs one system call.
func (w *walk) files() (files []*file, stopped bool, err error) {
	err = w.up(func(dir string) (bool, error) {
		w.dirs = append(w.dirs, dir)
		path := filepath.Join(dir, walkedName)
		if _, err := os.Lstat(path); err != nil {
			if isAbsent(err) {
				return false, nil
			}
			return false, ioError(path, err)
		}
		if w.inStore(dir) {
			w.ignore(path)
			return false, nil
		}
		f, err := readFile(path, w.in.UID)
		if f == nil || err != nil {
			return false, err
		}
		files = append(files, f)
		stopped, err = f.isRoot()
		return stopped, err
	})
	return files, stopped, err
}

// store finds the nearest .fsk directory, in the directories that files has
// visited or, if that was not called, all of the walk. It returns "" if there is none.
func (w *walk) store() (string, error) {
	if w.dirs == nil {
		w.up(func(dir string) (bool, error) {
			w.dirs = append(w.dirs, dir)
			return false, nil
		})
	}
	for _, dir := range w.dirs {
		path := filepath.Join(dir, storeName)
		fi, err := os.Lstat(path)
		switch {
		case err != nil && isAbsent(err):
			continue
		case err != nil:
			return "", ioError(path, err)
		case w.inStore(dir):
			w.ignore(path)
			continue
		case !fi.IsDir():
			return "", &Error{File: path, Problem: "is not a directory (links are not followed)", Hint: nameStore}
		case !isOwn(fi, w.in.UID):
			return "", &Error{File: path, Problem: "belongs to another user (mode 0" + strconv.FormatUint(uint64(fi.Mode().Perm()), 8) + ")", Hint: nameStore}
		}
		if why := distrustDir(fi); why != "" {
			return "", &Error{File: path, Problem: why, Hint: nameStore}
		}
		return path, checkDir(dir)
	}
	return "", nil
}

const nameStore = "name the store with --store if you trust what is there"

func (w *walk) ignore(path string) {
	w.warnings = append(w.warnings, path+": ignored, because it is inside the store "+w.topmost)
}

// inStore reports whether dir, the working directory or one above it, is at or
// below a store. The marks are looked for once, and only if it matters.
func (w *walk) inStore(dir string) bool {
	if !w.marked {
		w.marked = true
		for d := filepath.Clean(w.in.Dir); ; d = filepath.Dir(d) {
			if isStore(d, w.in.UID) {
				w.topmost = d
			}
			if d == filepath.Dir(d) {
				break
			}
		}
	}
	return w.topmost != "" && isBelow(dir, w.topmost)
}

// isStore reports whether dir has the mark of a store that the user or root made.
func isStore(dir string, uid int) bool {
	f, err := open(filepath.Join(dir, markName))
	if err != nil {
		return false
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || fi.Size() != int64(len(mark)) || !isOwn(fi, uid) {
		return false
	}
	var text [len(mark)]byte
	_, err = io.ReadFull(f, text[:])
	return err == nil && string(text[:]) == mark
}

// isBelow reports whether path is dir or in it, by name.
func isBelow(path, dir string) bool {
	rest, ok := strings.CutPrefix(filepath.Clean(path), dir)
	return ok && (rest == "" || rest[0] == filepath.Separator || dir[len(dir)-1] == filepath.Separator)
}

// sameDir reports whether two absolute paths are one directory, by name or in
// fact, also of directories that are still to be made. It is false if one is "".
func sameDir(a, b string) bool {
	if a == b || a == "" || b == "" {
		return a == b && a != ""
	}
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	if errA != nil && errB != nil {
		return filepath.Base(a) == filepath.Base(b) && a != filepath.Dir(a) && b != filepath.Dir(b) &&
			sameDir(filepath.Dir(a), filepath.Dir(b))
	}
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}
