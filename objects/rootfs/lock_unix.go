//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package rootfs

import (
	"os"

	"golang.org/x/sys/unix"

	"fsk/objects/durable"
)

// lock takes an flock: unlike the locks of POSIX it belongs to one opening of a
// file, so that two in one process exclude each other and closing another
// descriptor of the same file does not drop it.
func lock(f *os.File, exclusive, wait bool) error {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	if !wait {
		how |= unix.LOCK_NB
	}
	err := flock(f, how)
	if err == unix.EWOULDBLOCK {
		return durable.ErrLocked
	}
	return err
}

func unlock(f *os.File) error { return flock(f, unix.LOCK_UN) }

func flock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) {
		for {
			if err = unix.Flock(int(fd), how); err != unix.EINTR {
				return
			}
		}
	})
	if cerr != nil {
		return cerr
	}
	return err
}
