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
	mu    sync.Mutex
	pid   int // 0 when it is gone: the number may be somebody else's by then
	child *os.Process
}

// kill kills the whole process group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid != 0 {
		syscall.Kill(-p.pid, syscall.SIGKILL)
	}
}

// forget kills what the process has left behind, and then nothing any more.
func (p *process) forget() {
	p.kill()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = 0
}

// runProcess runs a program in a process group of its own until it ends, the context ends, or
// it writes too much. Then nothing of its process group is left. It stays in one
// thread: on Linux a child is killed when the thread that started it ends, so that none
// survives its parent.
func runProcess(ctx context.Context, path string, args, env []string, stdin *os.File, more ...*os.File) (ending, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
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
	attr := newGroup()
	child, err := os.StartProcess(path, args, &os.ProcAttr{Dir: "/", Env: env,
		Files: append([]*os.File{stdin, null, stderr}, more...), Sys: attr})
	stderr.Close()
	if err != nil {
		return ending{}, startError(err)
	}
	p := &process{pid: child.Pid, child: child}
	defer context.AfterFunc(ctx, p.kill)()
	said, read := new(tail), make(chan struct{})
	go func() {
		defer close(read)
		if io.Copy(said, io.LimitReader(r, MaxStderr+1)); said.count > MaxStderr {
			p.kill()
		}
	}()
	state, err := p.wait(ctx, attr)
	r.SetReadDeadline(time.Unix(1, 0)) // a process that is not of the group may hold the other end
	<-read
	if err != nil {
		return ending{}, err
	}
	drain(r, said)
	end := ending{said: said.kept, flooded: said.count > MaxStderr}
	status := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		end.signal = status.Signal().String()
	}
	end.status = status.ExitStatus()
	return end, nil
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
