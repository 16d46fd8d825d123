//go:build unix

package config

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// open opens a file of which nothing is known yet: O_NOFOLLOW refuses a link as the
// last element, O_NONBLOCK keeps a FIFO from blocking.
func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// isOwn reports whether the user or root owns the file.
func isOwn(fi fs.FileInfo, uid int) bool {
	owner := fi.Sys().(*syscall.Stat_t).Uid
	return owner == 0 || int64(owner) == int64(uid)
}

// distrust says why what a file holds is not believed, or "".
func distrust(fi fs.FileInfo, uid int) string {
	st := fi.Sys().(*syscall.Stat_t)
	mode := fi.Mode().Perm()
	switch {
	case !isOwn(fi, uid):
		return fmt.Sprintf("is owned by another user (uid %d, mode %04o)", st.Uid, mode)
	case mode&0o002 != 0:
		return fmt.Sprintf("can be written by everybody (mode %04o)", mode)
	case mode&0o020 != 0 && int64(st.Gid) != int64(uid):
		return fmt.Sprintf("can be written by its group (gid %d, mode %04o)", st.Gid, mode)
	}
	return ""
}

// distrustDir says why names in a directory are not believed, or "".
func distrustDir(fi fs.FileInfo) string {
	if fi.Mode()&0o002 != 0 && fi.Mode()&fs.ModeSticky == 0 {
		return fmt.Sprintf("can be written by everybody (mode %04o)", fi.Mode().Perm())
	}
	return ""
}

// exposed says who else may read a file with keys in it, or "".
func exposed(fi fs.FileInfo) string {
	if mode := fi.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Sprintf("holds a secret_key and is open to others (mode %04o)", mode)
	}
	return ""
}
