package objects_test

import (
	"io/fs"
	"iter"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
	"fsk/objects/rootfs"
)

// hooked is a rootfs that tells of each call before it is made, so that a test can let
// others act in just that moment.
type hooked struct {
	*rootfs.FS
	before func(op, name string)
}

func (h *hooked) OpenRegular(name string) (durable.RegularFile, error) {
	h.before("openregular", name)
	return h.FS.OpenRegular(name)
}

func (h *hooked) Names(dir string) iter.Seq2[string, error] {
	h.before("names", dir)
	return h.FS.Names(dir)
}

func (h *hooked) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	h.before("openfile", name)
	return h.FS.OpenFile(name, flag, perm)
}

func (h *hooked) Rename(from, to string) error {
	h.before("rename", to)
	return h.FS.Rename(from, to)
}

func (h *hooked) Remove(name string) error {
	h.before("remove", name)
	return h.FS.Remove(name)
}

func (h *hooked) Lstat(name string) (fs.FileInfo, error) {
	h.before("lstat", name)
	return h.FS.Lstat(name)
}

// TryQueue tells of who wants the lock exclusively before he keeps anybody out.
func (h *hooked) TryQueue(name string, exclusive bool) (func() error, error) {
	if exclusive {
		h.before("queue", name)
	}
	return h.FS.TryQueue(name, exclusive)
}

func (h *hooked) TryLock(name string, exclusive bool) (func() error, error) {
	op := "shared"
	if exclusive {
		op = "exclusive"
	}
	h.before(op, name)
	return h.FS.TryLock(name, exclusive)
}
