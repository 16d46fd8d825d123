package objects

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"fsk/objects/durable"
)

// walk looks at every name in the store that fsk gives a meaning, but not below what
// has none: a stray directory is one finding, however deep it is.
func (c *checker) walk() {
	c.list(".", func(name string) {
		switch name {
		case markName: // opening the store has read it
		case lockName:
			if info, err := c.db.fs.Lstat(name); err == nil && !info.Mode().IsRegular() {
				c.report(newFinding(NotRegular, SeverityError, name))
			}
		case objectsDir, refsDir, quarantineDir, tmpDir:
			c.directory(name)
		default:
			c.report(newFinding(Stray, SeverityWarning, name))
		}
	})
	c.list(tmpDir, func(name string) {
		c.report(newFinding(LeftoverTemp, SeverityNote, path.Join(tmpDir, name)))
	})
	var dirs []string
	c.list(objectsDir, func(name string) {
		switch {
		case isFanOut(name):
			dirs = append(dirs, name)
		case name != packDir:
			c.report(newFinding(Stray, SeverityWarning, path.Join(objectsDir, name)))
		}
	})
	slices.Sort(dirs)
	for _, dir := range dirs {
		if c.directory(path.Join(objectsDir, dir)) && !c.fanOutDir(dir) {
			return
		}
	}
	c.packs()
}

// directory reports what should be a directory and is not.
func (c *checker) directory(name string) bool {
	info, err := c.db.fs.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, durable.ErrUnsafePath): // the link is reported where it is
		return false
	case err != nil:
		c.unlisted(name, err)
		return false
	case info.Mode()&fs.ModeSymlink != 0:
		f := newFinding(UnsafePath, SeverityError, name)
		if path.Dir(name) == "." { // with it goes all that is needed to move it
			f.Next = "find out who put the link there and remove it, then check again"
		}
		c.report(f)
		return false
	case !info.IsDir():
		c.report(newFinding(Stray, SeverityWarning, name))
		return false
	}
	return true
}

// fanOutDir checks one directory of loose objects.
func (c *checker) fanOutDir(dir string) bool {
	digests, err := c.db.looseIn(c.ctx, dir, "", func(name string) error {
		if !strings.HasPrefix(name, nfsPrefix) {
			c.report(newFinding(Stray, SeverityWarning, path.Join(objectsDir, dir, name)))
		}
		return nil
	})
	if !c.submit(digests) {
		return false
	}
	if err != nil && c.ctx.Err() == nil {
		c.unlisted(path.Join(objectsDir, dir), err)
	}
	return true
}

// nfsPrefix begins the names that an NFS client gives to files which are removed
// while they are open.
const nfsPrefix = ".nfs"

// list visits the names of a directory, if it is one. Links among the directories
// are reported by walk.
func (c *checker) list(dir string, visit func(name string)) {
	err := c.db.names(c.ctx, dir, func(name string) error {
		if !strings.HasPrefix(name, nfsPrefix) {
			visit(name)
		}
		return nil
	})
	var e *Error
	if err != nil && c.ctx.Err() == nil && !(errors.As(err, &e) && e.Reason == UnsafePath) {
		c.unlisted(dir, err)
	}
}

// unlisted reports a directory that could not be listed.
func (c *checker) unlisted(dir string, err error) {
	c.whole = false
	f := newFinding(IOError, SeverityError, dir)
	f.Err = err
	c.report(f)
}
