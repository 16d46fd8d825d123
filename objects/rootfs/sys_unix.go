//go:build unix

package rootfs

import (
	"os"
	"syscall"
)

// openSafely are flags without which opening a FIFO could wait for ever, and
// opening a terminal could make it the one that controls this process.
const openSafely = syscall.O_NONBLOCK | syscall.O_NOCTTY

const errReadOnly = syscall.EROFS

func syncDir(d *os.File) error { return d.Sync() }
