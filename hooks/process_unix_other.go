//go:build unix && !linux

package hooks

import (
	"context"
	"os"
	"syscall"
)

func newGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// wait waits for the process to end. Its number is free for a moment before its group is
// killed.
func (p *process) wait(context.Context, *syscall.SysProcAttr) (*os.ProcessState, error) {
	state, err := p.child.Wait()
	p.forget()
	return state, err
}
