package hooks

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// killWait is how long a process that was killed may take to be gone. The kernel keeps
// one that waits for a disk.
const killWait = 5 * time.Second

// newGroup has the child die with its parent, too, if that is killed, and asks for a
// descriptor that tells when it has ended. It is a group and not a session: Linux
// shares out processors among sessions, and a new one for each read makes hooks several
// times as slow on a busy machine.
func newGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, PidFD: new(int)}
}

// wait waits for the process to end, and kills its group while its number, which is that
// of the group, is still its own.
func (p *process) wait(ctx context.Context, attr *syscall.SysProcAttr) (*os.ProcessState, error) {
	fd := *attr.PidFD
	if fd < 0 { // an old kernel
		for errors.Is(unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
		}
	} else {
		defer unix.Close(fd)
		if !ended(ctx, fd) {
			p.forget()
			go p.child.Wait() // whenever that may be
			return nil, errors.New("it does not end, although it was killed")
		}
	}
	p.forget()
	return p.child.Wait()
}

// ended waits until the process has ended; it is false if it has not although the
// context, which has a deadline, ended and killed it.
func ended(ctx context.Context, pidfd int) bool {
	deadline, _ := ctx.Deadline()
	for {
		left := max(time.Until(deadline)+killWait, 0)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n == 0 && left == 0:
			return false
		case n > 0:
			return true
		}
	}
}
