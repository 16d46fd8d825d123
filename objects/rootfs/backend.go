package rootfs

import (
	"io/fs"
	"os"

	"fsk/objects/durable"
)

// A backend is a directory that is held open, and the operations below it. Names
// are as clean returns them, and are "." only where a directory is meant. Errors
// may be bare: FS adds the operation and the name as the caller knows it.
type backend interface {
	openRegular(name string) (durable.RegularFile, error)
	// openFile opens or makes a regular file. The flags are those of checkFlags.
	openFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	openDir(name string) (*os.File, error)
	lstat(name string) (fs.FileInfo, error)
	mkdir(name string, perm fs.FileMode) error
	rename(from, to string) error
	remove(name string) error
	symlink(target, name string) error
	readlink(name string) (string, error)
	// sub opens the directory as a backend of its own.
	sub(name string) (backend, error)
	close() error
}
