package objects_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"fsk/objects"
	"fsk/objects/objectstest"
)

// TestEveryCallOfARepairFails lets every call fail in turn (F1, F3, F17, D2): nothing is
// lost, nothing planted becomes good, and running it again finishes the work.
func TestEveryCallOfARepairFails(t *testing.T) {
	for _, r := range repairs() {
		for modeName, mode := range faultModes {
			for _, forever := range []bool{false, true} {
				if (raceEnabled || testing.Short()) && modeName == "half" && !fullTest {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s, forever=%t", r.name, modeName, forever), func(t *testing.T) {
					t.Parallel()
					step := 3*r.step + 2
					if fullTest {
						step = 1
					} else if raceEnabled || testing.Short() {
						step *= 11
					} else if modeName != "before" || forever {
						step *= 5
					}
					for n := 1; faultRepair(t, r, mode, n, forever); n += step {
					}
				})
			}
		}
	}
}

func faultRepair(t *testing.T, r repair, mode objectstest.FaultMode, n int, forever bool) bool {
	if n%20 == 0 {
		runtime.GC() // gives back the packs that former DBs hold open
	}
	inner := newRoot(t)
	s := r.prep(t, inner)
	faults := objectstest.NewFaultFS(unsynced{inner})
	db := open(t, faults.FS(), ringOf(t, key1, key2), quick)
	faults.SetMode(mode)
	faults.FailAt(n, forever, syscall.EIO)
	err := r.do(t.Context(), db)
	log := faults.Log()
	failing := "none"
	if n <= len(log) {
		failing = log[n-1]
	}
	what := fmt.Sprintf("call %d (%s)", n, failing)
	faults.FailAt(0, false, nil)
	s.check(t, inner, what, err == nil)
	var e *objects.Error
	switch {
	case err == nil:
	case errors.Is(err, errFound) && errors.Is(err, syscall.EIO):
	case !errors.As(err, &e) || e.Reason != objects.IOError || !errors.Is(err, syscall.EIO) || errors.Is(err, fs.ErrNotExist):
		t.Errorf("%s: error %v, want io-error around EIO", what, err)
	}
	excused := forever || strings.HasPrefix(failing, "remove ") || mode == objectstest.FailAfter && strings.HasPrefix(failing, "openfile tmp/")
	if left := s.leftovers(t, inner); len(left) != 0 && !excused && err != nil {
		t.Errorf("%s: left: %v", what, left)
	}
	if lone := loneNotes(t, inner); len(lone) != 0 && !forever {
		t.Errorf("%s: without its note, or a note about nothing: %v", what, lone)
	}
	if n > len(log) {
		if err != nil {
			t.Errorf("without a fault: %v", err)
		}
		return false
	}
	// The same DB goes on, and running it again finishes the work (D5). A pack of which only
	// the index could be removed is what fsck calls no-index, and for Pack to gather.
	err = r.do(t.Context(), db)
	if err == nil && slices.ContainsFunc(worst(t, inner), func(f objects.Finding) bool { return f.Reason == objects.NoIndex }) {
		if err = second(db.Pack(t.Context(), nil)); err == nil {
			err = r.do(t.Context(), db)
		}
	}
	if err != nil {
		t.Errorf("%s: again: %v", what, err)
	}
	s.check(t, inner, what+", again", true)
	return !t.Failed()
}

// TestContextEndsRepairs: a context that ends in the middle of anything loses nothing and
// leaves nothing, and the next run finishes the work.
func TestContextEndsRepairs(t *testing.T) {
	for _, r := range repairs() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			step := 5 * r.step
			if fullTest {
				step = 1
			} else if raceEnabled || testing.Short() {
				step *= 7
			}
			for n := 1; contextRepair(t, r, n); n += step {
			}
		})
	}
}

func contextRepair(t *testing.T, r repair, n int) bool {
	inner := newRoot(t)
	s := r.prep(t, inner)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls atomic.Int64
	db := open(t, unsynced{&hooked{FS: inner, before: func(string, string) {
		if calls.Add(1) == int64(n) {
			cancel()
		}
	}}}, ringOf(t, key1, key2), quick)
	calls.Store(0)
	ended := ctx.Err() != nil // it was the call of Open
	err := r.do(ctx, db)
	what := fmt.Sprint("call ", n)
	if err != nil && err != context.Canceled {
		t.Errorf("%s: error %v, want that of the context as it is", what, err)
	}
	s.check(t, inner, what, err == nil)
	if left := append(s.leftovers(t, inner), loneNotes(t, inner)...); len(left) != 0 {
		t.Errorf("%s: left: %v", what, left)
	}
	if calls.Load() < int64(n) && !ended {
		if err != nil {
			t.Errorf("to the end: %v", err)
		}
		return false
	}
	if err := r.do(t.Context(), db); err != nil {
		t.Errorf("%s: again: %v", what, err)
	}
	s.check(t, inner, what+", again", true)
	return !t.Failed()
}
