package durable

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/go-git/go-billy/v5"
	"golang.org/x/sync/semaphore"
)

// readers is the number of goroutines of one process that may share a Lock.
const readers = 1 << 30

// wholePatience is how long TryExclusive waits for a lock of which only waiting tells
// whether it is free.
const wholePatience = 10 * time.Millisecond

// A Lock is a file that processes lock, shared or exclusively. What they hold is
// released when they end. A Lock may be used by several goroutines at once; within
// a process, waiting is fair.
//
// On a filesystem with [Queuer] who waits for the exclusive lock waits for its present
// holders only, in whatever process.
//
// On a filesystem without [Locker] every lock among processes is exclusive and as
// good as the filesystem's own [billy.File] Lock, which on memfs is nothing.
type Lock struct {
	fs   billy.Filesystem
	name string
	wait time.Duration
	here *semaphore.Weighted // among the goroutines of this process
}

// NewLock returns the lock on the named file. It touches nothing. Waiting for the
// lock ends with [ErrLocked] after the given time.
func NewLock(fs billy.Filesystem, name string, wait time.Duration) *Lock {
	return &Lock{fs: fs, name: name, wait: wait, here: semaphore.NewWeighted(readers)}
}

// Shared takes the lock together with other holders of the shared lock. It makes
// the file (mode 0666 before umask) if it is absent.
func (l *Lock) Shared(ctx context.Context) (unlock func(), err error) {
	return l.take(ctx, 1, l.wait)
}

// Exclusive takes the lock alone.
func (l *Lock) Exclusive(ctx context.Context) (unlock func(), err error) {
	return l.take(ctx, readers, l.wait)
}

// TryExclusive takes the lock alone, or fails with [ErrLocked] if it is not free.
func (l *Lock) TryExclusive(ctx context.Context) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !l.here.TryAcquire(readers) {
		return nil, l.gaveUp(ctx)
	}
	wait, cancel := context.WithTimeout(ctx, 0)
	if _, ok := l.fs.(Locker); !ok { // its answer takes a moment
		cancel()
		wait, cancel = context.WithTimeout(ctx, wholePatience)
	}
	defer cancel()
	return l.taken(ctx, wait, readers)
}

func (l *Lock) take(ctx context.Context, weight int64, patience time.Duration) (func(), error) {
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if l.here.Acquire(wait, weight) != nil {
		return nil, l.gaveUp(ctx)
	}
	return l.taken(ctx, wait, weight)
}

// taken locks the file for a goroutine that has the lock within the process.
func (l *Lock) taken(ctx, wait context.Context, weight int64) (func(), error) {
	release, err := l.lockFile(wait, weight > 1)
	if err != nil {
		l.here.Release(weight)
		if errors.Is(err, ErrLocked) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return nil, l.gaveUp(ctx)
		}
		return nil, err
	}
	return func() {
		release() // the kernel has released it even when closing the file reports an error
		l.here.Release(weight)
	}, nil
}

// gaveUp tells the caller's own end from the end of the time for waiting.
func (l *Lock) gaveUp(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return pathError("lock", l.name, ErrLocked)
}

const (
	// A lock that is not free is tried again after firstPause, and then after longer and
	// longer ones. Everybody waits for the first in the queue, so he looks more often.
	firstPause    = time.Millisecond
	longestPause  = 50 * time.Millisecond
	longestAtHead = 5 * time.Millisecond
)

func (l *Lock) lockFile(ctx context.Context, exclusive bool) (func() error, error) {
	locker, ok := l.fs.(Locker)
	if !ok {
		return l.lockWhole(ctx)
	}
	leave := func() error { return nil }
	entered := false
	defer func() { leave() }() // the kernel has let others in even when closing reports an error
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if !entered {
			leave, entered = l.enter(exclusive)
		}
		if entered {
			unlock, err := locker.TryLock(l.name, exclusive)
			if !errors.Is(err, ErrLocked) {
				return unlock, err
			}
			if exclusive {
				pause = min(pause, longestAtHead)
			} else { // somebody has it exclusively, or another one waits for that
				leave()
				leave, entered = func() error { return nil }, false
			}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// enter enters the turnstile before the lock, where there is one.
func (l *Lock) enter(exclusive bool) (leave func() error, ok bool) {
	nothing := func() error { return nil }
	queuer, ok := l.fs.(Queuer)
	if !ok {
		return nothing, true
	}
	leave, err := queuer.TryQueue(l.name, exclusive)
	switch {
	case errors.Is(err, ErrLocked):
		return nothing, false
	case err != nil:
		return nothing, true
	}
	return leave, true
}

// lockWhole uses the lock of billy, which is exclusive and waits without end: when
// the time is over, the goroutine that waits for it gives it back once it has it.
func (l *Lock) lockWhole(ctx context.Context) (func() error, error) {
	f, err := l.fs.OpenFile(l.name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	locked := make(chan error, 1)
	go func() { locked <- f.Lock() }()
	select {
	case err := <-locked:
		if err != nil {
			f.Close()
			return nil, err
		}
		return func() error { return errors.Join(f.Unlock(), f.Close()) }, nil
	case <-ctx.Done():
		go func() {
			if <-locked == nil {
				f.Unlock()
			}
			f.Close()
		}()
		return nil, ctx.Err()
	}
}
