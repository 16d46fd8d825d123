package hooks

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// newSession has the child die with its parent, too, if that is killed.
func newSession() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitExit waits until the process has ended and leaves it a zombie: its number, which
// is that of its group, is nobody else's until it is waited for. It is false if the
// system cannot do that.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}
