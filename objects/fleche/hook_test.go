package fleche_test

import (
	"os"
	"syscall"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/rootfs"
)

var errDisk = syscall.EIO

// A hookFS calls a function before a file is made.
type hookFS struct {
	*rootfs.FS
	onCreate func()
}

func (h *hookFS) OpenFile(name string, flag int, perm os.FileMode) (billy.File, error) {
	if flag&os.O_CREATE != 0 {
		h.onCreate()
	}
	return h.FS.OpenFile(name, flag, perm)
}
