package refs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"fsk/objects"
	"fsk/objects/durable"
)

// free returns an error if a ref whose name is the beginning of this one is in the way
// of the directories that it needs. The lock is held.
func (s *Store) free(name Name) error {
	for dir := path.Dir(name.String()); dir != "."; dir = path.Dir(dir) {
		info, err := s.fs.Lstat(pathOf(dir))
		switch {
		case reasonIs(err, objects.Missing):
			continue
		case err != nil:
			return about(name, fault(pathOf(dir), err))
		case info.Mode()&fs.ModeSymlink != 0:
			return &Error{Name: name, Reason: objects.UnsafePath, Path: pathOf(dir)}
		case !info.IsDir():
			return &Error{Name: name, Reason: objects.RefConflict, Path: pathOf(dir),
				Err: fmt.Errorf("%s is in the way: a ref, also one that was deleted, cannot be a directory of refs", dir)}
		}
		return nil
	}
	return nil
}

// clear makes room for a ref where something is that is not a regular file. Directories
// without a file, which an update that was interrupted leaves behind, are removed; all
// else but a directory is replaced. The lock is held, so nobody makes directories.
func (s *Store) clear(name Name) error {
	dir := pathOf(name.String())
	info, err := s.fs.Lstat(dir)
	switch {
	case reasonIs(err, objects.Missing), err == nil && !info.IsDir():
		return nil
	case err != nil:
		return about(name, fault(dir, err))
	}
	empty, err := s.removeEmpty(dir, maxName)
	if err != nil {
		return about(name, fault(dir, err))
	}
	if !empty {
		return &Error{Name: name, Reason: objects.RefConflict, Path: dir,
			Err: errors.New("there are refs below this name, perhaps deleted ones")}
	}
	return nil
}

// removeEmpty removes a directory if there is nothing but directories below it. It looks
// as deep as names can lead.
func (s *Store) removeEmpty(dir string, depth int) (empty bool, err error) {
	if depth == 0 {
		return false, nil
	}
	for entry, err := range durable.Names(s.fs, dir) {
		if err != nil {
			return false, err
		}
		below := path.Join(dir, entry)
		info, err := s.fs.Lstat(below)
		if err != nil || !info.IsDir() {
			return false, err
		}
		if empty, err := s.removeEmpty(below, depth-1); !empty {
			return false, err
		}
	}
	return true, s.fs.Remove(dir)
}
