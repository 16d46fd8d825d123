package durable_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/objects/rootfs"
)

// childEnv makes the test binary a process that takes a lock: "shared" or
// "exclusive" in the directory that childDirEnv names.
const (
	childEnv    = "FSK_DURABLE_TEST_LOCK"
	childDirEnv = "FSK_DURABLE_TEST_DIR"
)

// lockChild takes the lock, says so by a file, and then waits to be killed.
func lockChild() {
	dir := os.Getenv(childDirEnv)
	fsys, err := rootfs.Open(dir)
	if err != nil {
		panic(err)
	}
	lock := durable.NewLock(fsys, "lock", time.Minute)
	if os.Getenv(childEnv) == "turns" {
		takeTurns(dir, lock)
	}
	take := lock.Shared
	if os.Getenv(childEnv) == "exclusive" {
		take = lock.Exclusive
	}
	if _, err := take(context.Background()); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "held"), nil, 0o666); err != nil {
		panic(err)
	}
	time.Sleep(time.Minute) // never waited for: the test kills this process
}

// startChild starts a process that holds the lock, and waits until it has it.
func startChild(t *testing.T, dir, mode string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+mode, childDirEnv+"="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	held := filepath.Join(dir, "held")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if os.Remove(held) == nil {
			return cmd
		}
		if time.Now().After(end) {
			t.Fatal("the process does not get the lock")
		}
	}
}

const short = 60 * time.Millisecond

func TestLockExcludes(t *testing.T) {
	take := map[string]func(*durable.Lock, context.Context) (func(), error){
		"shared": (*durable.Lock).Shared, "exclusive": (*durable.Lock).Exclusive,
	}
	tests := []struct {
		first, second string
		ok            bool
	}{
		{"shared", "shared", true},
		{"shared", "exclusive", false},
		{"exclusive", "shared", false},
		{"exclusive", "exclusive", false},
	}
	for _, test := range tests {
		t.Run(test.first+" then "+test.second, func(t *testing.T) {
			t.Parallel()
			fsys := newRoot(t)
			one := durable.NewLock(fsys, "lock", short)
			for where, two := range map[string]*durable.Lock{"the same Lock": one, "another Lock": durable.NewLock(fsys, "lock", short)} {
				unlock, err := take[test.first](one, t.Context())
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				unlock2, err := take[test.second](two, t.Context())
				if (err == nil) != test.ok {
					t.Errorf("%s: error %v", where, err)
				}
				if err == nil {
					unlock2()
				} else if took := time.Since(start); !errors.Is(err, durable.ErrLocked) || took < short || took > 5*time.Second {
					t.Errorf("%s: %v after %v, want ErrLocked after %v", where, err, took, short)
				}
				unlock()
				unlock, err = take["exclusive"](two, t.Context())
				if err != nil {
					t.Fatalf("%s: after the unlock: %v", where, err)
				}
				unlock()
			}
		})
	}
}

func TestLockEndsWithTheContext(t *testing.T) {
	for _, where := range []string{"the same Lock", "another Lock"} {
		t.Run(where, func(t *testing.T) {
			fsys := newRoot(t)
			one := durable.NewLock(fsys, "lock", time.Minute)
			two := one
			if where == "another Lock" {
				two = durable.NewLock(fsys, "lock", time.Minute)
			}
			unlock, err := one.Exclusive(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer unlock()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(short, cancel)
			if _, err := two.Shared(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, durable.ErrLocked) {
				t.Errorf("error %v, want context.Canceled", err)
			}
			ctx, cancel = context.WithTimeout(t.Context(), short)
			defer cancel()
			if _, err := two.Exclusive(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want context.DeadlineExceeded", err)
			}
			if _, err := two.Shared(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v, want that of the context which has ended", err)
			}
		})
	}
}

func TestEndedContextTakesNoFreeLock(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		lock := durable.NewLock(fsys, "lock", time.Minute)
		if _, err := lock.Shared(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Shared: %v", err)
		}
		unlock, err := lock.Exclusive(t.Context())
		if err != nil {
			t.Fatalf("the lock is not free: %v", err)
		}
		unlock()
	})
}

func TestNewLockTouchesNothing(t *testing.T) {
	faults := objectstest.NewFaultFS(newRoot(t))
	durable.NewLock(faults.FS(), "lock", time.Minute)
	if log := faults.Log(); len(log) != 0 {
		t.Errorf("calls %q", log)
	}
}

func TestLockErrorIsNotErrLocked(t *testing.T) {
	fsys := newRoot(t)
	if err := fsys.MkdirAll("lock", 0o777); err != nil {
		t.Fatal(err)
	}
	lock := durable.NewLock(fsys, "lock", time.Minute)
	if _, err := lock.Shared(t.Context()); err == nil || errors.Is(err, durable.ErrLocked) {
		t.Errorf("error %v with a directory in place of the lock", err)
	}
	if err := fsys.Remove("lock"); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock.Exclusive(t.Context())
	if err != nil {
		t.Fatalf("the failure kept the lock: %v", err)
	}
	unlock()
}

// TestLockProtects counts how many are inside at once.
func TestLockProtects(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		locks := []*durable.Lock{durable.NewLock(fsys, "lock", time.Minute), durable.NewLock(fsys, "lock", time.Minute)}
		if _, ok := fsys.(durable.Locker); !ok {
			locks = locks[:1] // on memfs a lock among processes is nothing
		}
		var readers, writers atomic.Int32
		var wg sync.WaitGroup
		for g := range 8 {
			lock := locks[g%len(locks)]
			wg.Go(func() {
				for i := range 20 {
					if (g+i)%4 == 0 {
						unlock, err := lock.Exclusive(t.Context())
						if err != nil {
							t.Error(err)
							return
						}
						if writers.Add(1) != 1 || readers.Load() != 0 {
							t.Error("somebody else is inside with an exclusive lock")
						}
						writers.Add(-1)
						unlock()
						continue
					}
					unlock, err := lock.Shared(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					readers.Add(1)
					if writers.Load() != 0 {
						t.Error("a writer is inside with a shared lock")
					}
					readers.Add(-1)
					unlock()
				}
			})
		}
		wg.Wait()
	})
}

func TestProcessesExcludeEachOther(t *testing.T) {
	t.Parallel()
	fsys := newRoot(t)
	lock := durable.NewLock(fsys, "lock", short)
	shared := startChild(t, fsys.Root(), "shared")
	unlock, err := lock.Shared(t.Context())
	if err != nil {
		t.Fatalf("shared beside a shared process: %v", err)
	}
	unlock()
	if _, err := lock.Exclusive(t.Context()); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("exclusive beside a shared process: %v", err)
	}
	shared.Process.Kill()
	shared.Wait()
	startChild(t, fsys.Root(), "exclusive")
	if _, err := lock.Shared(t.Context()); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("shared beside an exclusive process: %v", err)
	}
}

// TestKilledProcessReleases kills the holder while others wait (D7).
func TestKilledProcessReleases(t *testing.T) {
	t.Parallel()
	fsys := newRoot(t)
	for _, mode := range []string{"shared", "exclusive"} {
		child := startChild(t, fsys.Root(), mode)
		got := make(chan error, 1)
		go func() {
			unlock, err := durable.NewLock(fsys, "lock", 20*time.Second).Exclusive(t.Context())
			if err == nil {
				unlock()
			}
			got <- err
		}()
		select {
		case err := <-got:
			t.Fatalf("%s: not waited for: %v", mode, err)
		case <-time.After(short):
		}
		child.Process.Kill() // SIGKILL
		child.Wait()
		if err := <-got; err != nil {
			t.Errorf("%s: after the kill: %v", mode, err)
		}
	}
}
