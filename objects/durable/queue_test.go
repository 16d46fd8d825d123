package durable_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fsk/objects/durable"
	"fsk/objects/rootfs"
)

// takeTurns holds the shared lock nearly always, as a process does that stores one file
// after another, until it is killed. Each turn is a byte in a file that all share.
func takeTurns(dir string, lock *durable.Lock) {
	turns, err := os.OpenFile(filepath.Join(dir, "turns"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		panic(err)
	}
	for said := false; ; said = true {
		unlock, err := lock.Shared(context.Background())
		if err != nil {
			panic(err)
		}
		turns.Write([]byte{'.'})
		if !said {
			os.WriteFile(filepath.Join(dir, "held"), nil, 0o666)
		}
		time.Sleep(10 * time.Millisecond) // its work
		unlock()
	}
}

// TestExclusiveIsNext: processes that hold the shared lock by turns, so that it is never
// free, do not keep out who wants it exclusively: he waits for those who have it.
func TestExclusiveIsNext(t *testing.T) {
	fsys := newRoot(t)
	dir := fsys.Root()
	if leave, err := fsys.TryQueue("lock", true); err != nil {
		t.Skipf("no turnstile on this system: %v", err)
	} else if err := leave(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		startChild(t, dir, "turns")
	}
	turns := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "turns"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	lock := durable.NewLock(fsys, "lock", 20*time.Second)
	for round := range 5 {
		before := turns()
		unlock, err := lock.Exclusive(t.Context())
		if err != nil {
			t.Fatalf("round %d: Exclusive: %v after %d turns of others", round, err, turns()-before)
		}
		if n := turns() - before; n > 30 {
			t.Errorf("round %d: %d turns of three others came first", round, n)
		}
		during := turns()
		unlock()
		for end := time.Now().Add(20 * time.Second); turns() == during; { // they go on
			if time.Now().After(end) {
				t.Fatal("nobody gets the shared lock any more")
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// TestTurnstile: the turnstile excludes as its documentation says, is nobody's after it
// was left, and makes no file.
func TestTurnstile(t *testing.T) {
	fsys := newRoot(t)
	before := names(t, fsys, ".")
	enter := func(exclusive bool) (func() error, error) { return fsys.TryQueue("lock", exclusive) }
	first, err := enter(false)
	if err != nil {
		t.Skipf("no turnstile on this system: %v", err)
	}
	second, err := enter(false)
	if err != nil {
		t.Fatalf("a second one of the shared: %v", err)
	}
	if _, err := enter(true); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("alone, beside two others: %v", err)
	}
	first()
	second()
	alone, err := enter(true)
	if err != nil {
		t.Fatalf("alone: %v", err)
	}
	if _, err := enter(false); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("beside one who is alone: %v", err)
	}
	if unlock, err := fsys.TryLock("lock", false); err != nil { // which is another matter
		t.Errorf("the lock itself: %v", err)
	} else {
		unlock()
		fsys.Remove("lock")
	}
	alone()
	if after := names(t, fsys, "."); len(after) != len(before) {
		t.Errorf("there are %v, before there were %v", after, before)
	}
}

// queueless is a filesystem whose turnstile does not work.
type queueless struct {
	*rootfs.FS
	err error
}

func (q queueless) TryQueue(string, bool) (func() error, error) { return nil, q.err }

// TestLockWithoutTurnstile: the lock is as good without one.
func TestLockWithoutTurnstile(t *testing.T) {
	fsys := queueless{newRoot(t), errors.ErrUnsupported}
	lock, other := durable.NewLock(fsys, "lock", short), durable.NewLock(fsys, "lock", short)
	unlock, err := lock.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Shared(t.Context()); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("Shared beside Exclusive: %v", err)
	}
	unlock()
	if unlock, err = other.Shared(t.Context()); err != nil {
		t.Fatal(err)
	}
	unlock()
}
