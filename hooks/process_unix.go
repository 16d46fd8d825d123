//go:build unix

package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// openFlags keep a FIFO in the place of a program from blocking.
const openFlags = syscall.O_NONBLOCK

func isExecutable(info fs.FileInfo) bool { return info.Mode().Perm()&0o111 != 0 }

// ask runs the program from memory, or from a private copy where that cannot be.
func (im *image) ask(ctx context.Context, p *Program, in *input, env []string) (ending, error) {
	if im.sealed != nil && !im.copied.Load() {
		// The descriptor has the number 3 in the child and stays open there: what
		// interprets a script opens it once more.
		end, err := runProcess(ctx, "/proc/self/fd/3", p.run, env, in.file, im.sealed)
		if !errors.Is(err, fs.ErrPermission) || p.tempDir == "" {
			return end, err
		}
		im.copied.Store(true)
	}
	path, remove, err := im.copyTo(p.tempDir, filepath.Base(p.run[0]))
	if err != nil {
		return ending{}, fmt.Errorf("it cannot be run from memory, and a copy cannot be made: %w", err)
	}
	defer remove()
	return runProcess(ctx, path, p.run, env, in.file)
}

// copyTo makes a private copy of the program.
func (im *image) copyTo(tempDir, name string) (path string, remove func(), err error) {
	if tempDir == "" {
		return "", nil, errors.New("no directory for temporary files is given")
	}
	if info, err := os.Stat(tempDir); err != nil || info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return "", nil, errors.Join(err, errors.New("everybody can replace what is in the directory for temporary files"))
	}
	dir, err := os.MkdirTemp(tempDir, "fsk-hook-") // mode 0700
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, name)
	// A child that is started meanwhile would hold the file open for writing until it
	// runs its own program, and what is open for writing cannot be run.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o500)
	if err == nil {
		_, err = io.Copy(f, im.reader())
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return path, remove, nil
}

// A process is a running hook program.
type process struct {
	mu   sync.Mutex
	pid  int // 0 when it is gone: the number may be somebody else's by then
	done chan struct{}
	end  ending
	err  error
}

// runProcess runs a program in a session of its own until it ends, the context ends, or
// it writes too much. Then nothing of its process group is left.
func runProcess(ctx context.Context, path string, args, env []string, stdin *os.File, more ...*os.File) (ending, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return ending{}, err
	}
	defer null.Close()
	r, stderr, err := os.Pipe()
	if err != nil {
		return ending{}, err
	}
	defer r.Close()
	p := &process{done: make(chan struct{})}
	attr := &os.ProcAttr{Dir: "/", Env: env, Files: append([]*os.File{stdin, null, stderr}, more...), Sys: newSession()}
	started := make(chan error, 1)
	go p.startAndWait(path, args, attr, started)
	err = <-started
	stderr.Close()
	if err != nil {
		return ending{}, startError(err)
	}
	defer context.AfterFunc(ctx, p.kill)()
	said, read := new(tail), make(chan struct{})
	go func() {
		defer close(read)
		if io.Copy(said, io.LimitReader(r, MaxStderr+1)); said.count > MaxStderr {
			p.kill()
		}
	}()
	if !p.wait(ctx) {
		return ending{}, errors.New("it does not end, although it was killed")
	}
	r.SetReadDeadline(time.Unix(1, 0)) // a process that is not of the group may hold the other end
	<-read
	drain(r, said)
	p.end.said, p.end.flooded = said.kept, said.count > MaxStderr
	return p.end, p.err
}

// wait waits for the process to end, and for one that was killed not for ever.
func (p *process) wait(ctx context.Context) bool {
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
	}
	select {
	case <-p.done:
		return true
	case <-time.After(killWait):
		return false
	}
}

// startAndWait does both in one thread that lives as long as the child: on Linux a child
// is killed when the thread that started it ends, so that none survives its parent.
func (p *process) startAndWait(path string, args []string, attr *os.ProcAttr, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	child, err := os.StartProcess(path, args, attr)
	if err != nil {
		started <- err
		return
	}
	p.mu.Lock()
	p.pid = child.Pid
	p.mu.Unlock()
	started <- nil
	var state *os.ProcessState
	if !awaitExit(child.Pid) {
		state, err = child.Wait()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	syscall.Kill(-p.pid, syscall.SIGKILL) // what it left behind
	p.pid = 0
	if state == nil && err == nil {
		state, err = child.Wait()
	}
	if err != nil {
		p.err = err
		return
	}
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		p.end.signal = status.Signal().String()
	}
	p.end.status = status.ExitStatus()
}

// kill kills the whole process group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid != 0 {
		syscall.Kill(-p.pid, syscall.SIGKILL)
	}
}

// drain takes what is in the pipe and waits for nothing.
func drain(r *os.File, said *tail) {
	conn, err := r.SyscallConn()
	if err != nil {
		return
	}
	conn.Control(func(fd uintptr) {
		buf := make([]byte, maxSaid)
		for said.count <= MaxStderr {
			n, err := syscall.Read(int(fd), buf)
			if n <= 0 || err != nil {
				return
			}
			said.Write(buf[:n])
		}
	})
}

// startError says why a program does not start.
func startError(err error) error {
	err = withoutPath(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("it cannot be started: its interpreter is missing: %w", err)
	case errors.Is(err, syscall.ENOEXEC):
		return fmt.Errorf("it cannot be started: neither a program nor a script that begins with #!: %w", err)
	}
	return fmt.Errorf("it cannot be started: %w", err)
}
