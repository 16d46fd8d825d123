package gocache

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"fsk/objects/durable"
	"fsk/objects/rootfs"
)

const (
	dirPrefix = "fsk-go-cache-"
	dirRandom = 16 // bytes
	dirLock   = "lock"
	// dirTries is how often a directory is made anew because somebody swept it between
	// the making and the locking.
	dirTries = 10
)

// A dir is a directory of this process for plain files. Its lock tells others that the
// process lives; the kernel frees it when the process ends, however it does.
type dir struct {
	fs     *rootfs.FS
	path   string
	unlock func() error

	limit int64 // of the bytes in it, 0 is none
	taken atomic.Int64
}

// take sets room for some bytes aside. It reports false if they are more than is left, and
// then always: the directory is full.
func (d *dir) take(n int) bool {
	if d.limit == 0 || d.taken.Add(int64(n)) < d.limit {
		return true
	}
	d.taken.Store(d.limit)
	return false
}

// makeDir makes a directory below parent, an absolute path.
func makeDir(parent string) (*dir, error) {
	parent, err := trusted(parent)
	if err != nil {
		return nil, err
	}
	for range dirTries {
		var random [dirRandom]byte
		rand.Read(random[:]) // never fails: it ends the program instead
		d := &dir{path: filepath.Join(parent, dirPrefix+hex.EncodeToString(random[:]))}
		if err := os.Mkdir(d.path, 0o700); err != nil {
			return nil, err
		}
		err := d.claim()
		if err == nil {
			if _, err = d.fs.Lstat(dirLock); err == nil {
				return d, nil
			}
			d.unlock()
			d.fs.Close()
		}
		if !errors.Is(err, durable.ErrLocked) && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: directories are removed as soon as they are made", parent)
}

// trusted returns the path of a directory without links. What is made in it must stay
// ours: nobody else may own it, or move what is in it.
func trusted(parent string) (string, error) {
	if !filepath.IsAbs(parent) {
		return "", fmt.Errorf("%s: not an absolute path", parent)
	}
	parent, err := filepath.EvalSymlinks(parent)
	if err != nil {
		return "", err
	}
	info, err := os.Lstat(parent)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%s: not a directory", parent)
	}
	if !ownedByUs(info, true) || !keepsOthersOut(info.Mode()) {
		return "", fmt.Errorf("%s: others may exchange what is in it (mode %s)", parent, info.Mode())
	}
	return parent, nil
}

// claim opens the directory and locks it.
func (d *dir) claim() (err error) {
	if d.fs, err = rootfs.Open(d.path); err != nil {
		return err
	}
	if d.unlock, err = d.fs.TryLock(dirLock, true); err != nil {
		d.fs.Close()
	}
	return err
}

// remove removes the directory with all plain files in it, and nothing else: if there is
// anything else it stays. What cannot be removed now is swept by the next process.
func (d *dir) remove() {
	for name, err := range d.fs.Names(".") {
		if err != nil {
			break
		}
		if _, ok := parseID(name); ok {
			d.fs.Remove(name)
		}
	}
	// The lock is held until the directory is gone: whoever then gets the lock of a file
	// that has no name any more knows that it was swept.
	if d.fs.Remove(dirLock) != nil { // not on Windows as long as it is open
		d.unlock()
		d.fs.Remove(dirLock)
	}
	os.Remove(d.path)
	d.unlock()
	d.fs.Close()
}

// sweep removes the directories below parent that processes left behind which were
// killed: directories with a name of ours that belong to us, that nobody else can enter,
// and that no living process has locked. Those of this process are left alone: one that
// is being removed must not be locked once more.
func sweep(parent string, own map[string]bool) {
	parent, err := trusted(parent)
	if err != nil {
		return
	}
	list, err := os.Open(parent)
	if err != nil {
		return
	}
	defer list.Close()
	for {
		names, err := list.Readdirnames(256)
		for _, name := range names {
			if path := filepath.Join(parent, name); isDirName(name) && !own[path] {
				sweepDir(path)
			}
		}
		if err != nil {
			return
		}
	}
}

func isDirName(name string) bool {
	random, ok := strings.CutPrefix(name, dirPrefix)
	return ok && len(random) == 2*dirRandom && strings.Trim(random, "0123456789abcdef") == ""
}

func sweepDir(path string) {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || !ownedByUs(info, false) || !isPrivate(info.Mode()) {
		return
	}
	// One that is empty was only just made, or somebody is about to remove it: to lock it
	// would keep it there.
	if os.Remove(path) == nil {
		return
	}
	d := &dir{path: path}
	if d.claim() == nil {
		d.remove()
	}
}
