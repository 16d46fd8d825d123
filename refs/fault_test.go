package refs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/refs"
)

var faultModes = map[string]objectstest.FaultMode{
	"before": objectstest.FailBefore, "half": objectstest.FailHalf, "after": objectstest.FailAfter,
}

// TestEveryCallOfAnUpdateFails lets every call fail in turn: afterwards there is the old
// record or the new one, and after success the new one; the history is whole, and the
// next update works.
func TestEveryCallOfAnUpdateFails(t *testing.T) {
	for modeName, mode := range faultModes {
		for _, had := range []bool{false, true} {
			for _, forever := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, had=%t, forever=%t", modeName, had, forever), func(t *testing.T) {
					t.Parallel() // it waits for the disk most of the time
					for n := 1; faultUpdate(t, had, mode, n, forever); n++ {
					}
				})
			}
		}
	}
}

// faultUpdate updates a ref while call n fails; it reports whether there was a call n.
func faultUpdate(t *testing.T, had bool, mode objectstest.FaultMode, n int, forever bool) bool {
	inner := newRoot(t)
	ring := ringOf(t, key1)
	before := open(t, inner, ring, refs.Options{})
	d := before.put("new")
	if had {
		before.set("a/main", "old")
	}
	faults := newFaults(inner)
	marks := newMarks()
	w := openDurably(t, faults.FS(), ring, refs.Options{Marks: marks})
	faults.SetMode(mode)
	faults.FailAt(n, forever, syscall.EIO)
	ref, err := w.Update(t.Context(), nameOf(t, "a/main"), refs.Change{Digest: d})
	calls, log := faults.Calls(), faults.Log()
	what := fmt.Sprintf("call %d (%s): error %v", n, logged(log, n), err)

	got, getErr := before.Get(t.Context(), nameOf(t, "a/main"))
	switch {
	case err == nil && (getErr != nil || got.Digest != d || ref.Digest != d):
		t.Errorf("%s, but %s, %v", what, got.Digest, getErr)
	case had && getErr != nil, !had && getErr != nil && !isReason(getErr, objects.Missing):
		t.Errorf("%s, and then %v", what, getErr)
	case getErr == nil && got.Digest != d && got.Digest != digestOf("old"):
		t.Errorf("%s, and then %s", what, got.Digest)
	}
	if err != nil && len(marks.marks) != 0 {
		t.Errorf("%s, but it is marked", what)
	}
	if err != nil && ref.Seq != 0 {
		t.Errorf("%s, and beside it %+v", what, ref)
	}
	var e *refs.Error
	var o *objects.Error
	if err != nil && !errors.As(err, &e) && !errors.As(err, &o) {
		t.Errorf("%s: of type %T", what, err)
	}
	if err != nil && errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: a fault of the disk seems to be a miss", what)
	}
	before.wantFindings()
	if last := before.set("a/main", "last"); last.Seq != got.Seq+1 {
		t.Errorf("%s: the next number is %d after %d", what, last.Seq, got.Seq)
	}
	payloads := []string{"last"}
	if getErr == nil && got.Digest == d {
		payloads = append(payloads, "new")
	}
	if had {
		payloads = append(payloads, "old")
	}
	before.wantLog("a/main", payloads...)
	wantNoSecondSync(t, log, n)
	return calls >= n
}

func logged(log []string, n int) string {
	if n <= len(log) {
		return log[n-1]
	}
	return "none"
}

// wantNoSecondSync wants nothing to be published of a file whose sync failed.
func wantNoSecondSync(t *testing.T, log []string, n int) {
	t.Helper()
	failed, ok := strings.CutPrefix(logged(log, n), "sync ")
	if !ok {
		return
	}
	for _, call := range log[n:] {
		if call == "sync "+failed || strings.HasPrefix(call, "rename "+failed) {
			t.Errorf("after the failed sync of %s: %s", failed, call)
		}
	}
}

// TestOrderOfAnUpdate: the former record is on the disk before the new one gets its name,
// and that is synced.
func TestOrderOfAnUpdate(t *testing.T) {
	inner := newRoot(t)
	ring := ringOf(t, key1)
	w := open(t, inner, ring, refs.Options{})
	w.set("a/main", "old")
	d := w.put("new")
	faults := newFaults(inner)
	w = openDurably(t, faults.FS(), ring, refs.Options{})
	faults.FailAt(0, false, nil)
	if _, err := w.Update(t.Context(), nameOf(t, "a/main"), refs.Change{Digest: d}); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, call := range faults.Log() {
		op, rest, _ := strings.Cut(call, " ")
		switch {
		case op == "mkdirall": // the rename is tried again after it
			order = order[:len(order)-1]
		case op == "sync":
			order = append(order, "sync")
		case op == "rename":
			to := rest[strings.LastIndex(rest, " ")+1:]
			order = append(order, "rename "+to[:strings.Index(to, "/")])
		case op == "syncdir":
			order = append(order, "syncdir "+rest[:min(4, len(rest))])
		case op == "trylock" || op == "unlock":
			order = append(order, op+" "+rest)
		}
	}
	want := []string{"trylock refs/.lock",
		"trylock lock", "sync", "rename objects", "syncdir obje", "syncdir obje", "syncdir .", "unlock lock",
		"sync", "rename refs", "syncdir refs", "syncdir refs", "syncdir .", "unlock refs/.lock"}
	if !slices.Equal(order, want) {
		t.Errorf("order %q, want %q; log %q", order, want, faults.Log())
	}
}

// TestRenameReportedAsFailed: over a network it may have been done (F21).
func TestRenameReportedAsFailed(t *testing.T) {
	inner := newRoot(t)
	d := open(t, inner, ringOf(t, key1), refs.Options{}).put("x")
	faults := newFaults(inner)
	w := openDurably(t, faults.FS(), ringOf(t, key1), refs.Options{})
	update := func() error {
		_, err := w.Update(t.Context(), nameOf(t, "top"), refs.Change{Digest: d})
		return err
	}
	if err := update(); err != nil {
		t.Fatal(err)
	}
	calls := renamesOf(t, faults, update)
	faults.SetMode(objectstest.FailAfter)
	for _, call := range calls {
		faults.FailAt(call, false, syscall.EIO)
		if err := update(); err != nil {
			t.Errorf("a rename that was done: %v", err)
		}
	}
}

// renamesOf returns which calls of a function are renames of refs.
func renamesOf(t *testing.T, faults *objectstest.FaultFS, do func() error) (calls []int) {
	t.Helper()
	faults.FailAt(0, false, nil)
	if err := do(); err != nil {
		t.Fatal(err)
	}
	for i, call := range faults.Log() {
		if strings.HasPrefix(call, "rename ") && strings.HasSuffix(call, " refs/top") {
			calls = append(calls, i+1)
		}
	}
	if len(calls) == 0 {
		t.Fatalf("no rename of a ref in %q", faults.Log())
	}
	return calls
}

// TestEveryCallOfAReadFails: a fault is not a miss, and never a wrong ref.
func TestEveryCallOfAReadFails(t *testing.T) {
	inner := newRoot(t)
	open(t, inner, ringOf(t, key1), refs.Options{}).set("a/main", "x")
	faults := newFaults(inner)
	w := open(t, faults.FS(), ringOf(t, key1), refs.Options{})
	for modeName, mode := range faultModes {
		faults.SetMode(mode)
		for n := 1; ; n++ {
			faults.FailAt(n, false, syscall.EIO)
			ref, err := w.Get(t.Context(), nameOf(t, "a/main"))
			if faults.Calls() < n {
				break
			}
			if err == nil && ref.Digest == digestOf("x") { // closing may fail
				continue
			}
			wantError(t, fmt.Sprintf("%s, call %d", modeName, n), err, objects.IOError)
		}
		for n := 1; ; n++ {
			faults.FailAt(n, false, syscall.EIO)
			names, errs := w.listing("")
			calls := faults.Calls()
			log := faults.Log()
			faults.FailAt(0, false, nil)
			if calls < n {
				break
			}
			if len(errs) == 0 && !slices.Equal(names, []string{"a/main"}) {
				t.Errorf("%s, call %d (%s): the listing says nothing", modeName, n, logged(log, n))
			}
		}
	}
}

// TestEveryCallOfAResealFails: every record is the old one or the new one, and running it
// again finishes the work.
func TestEveryCallOfAResealFails(t *testing.T) {
	for modeName, mode := range faultModes {
		for _, forever := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, forever=%t", modeName, forever), func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					inner := newRoot(t)
					w := open(t, inner, ringOf(t, key1), refs.Options{})
					names := []string{"a/x", "a/y", "z"}
					for _, name := range names {
						w.set(name, name)
					}
					faults := newFaults(inner)
					both := openDurably(t, faults.FS(), ringOf(t, key2, key1), refs.Options{})
					faults.SetMode(mode)
					faults.FailAt(n, forever, syscall.ENOSPC)
					var stats refs.ResealStats
					failed := false
					for _, err := range both.Reseal(t.Context(), &stats) {
						failed = true
						if err != nil && errors.Is(err, fs.ErrNotExist) {
							t.Errorf("call %d: a fault seems to be a miss: %v", n, err)
						}
					}
					calls := faults.Calls()
					faults.FailAt(0, false, nil)
					for _, name := range names {
						both.wantRef(name, name)
					}
					if !failed && stats.Resealed[ringOf(t, key1).ID(0)] != 3 {
						t.Errorf("call %d: nothing is said, but %+v", n, stats)
					}
					for _, err := range both.Reseal(t.Context(), nil) {
						t.Errorf("again, after call %d: %v", n, err)
					}
					alone := open(t, inner, ringOf(t, key2), refs.Options{})
					for _, name := range names {
						alone.wantRef(name, name)
					}
					if calls < n {
						return
					}
				}
			})
		}
	}
}

// TestLockIsNotFree: waiting is bounded, and a miss it is not.
func TestLockIsNotFree(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{})
	w.set("main", "x")
	thaw, err := w.Freeze(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other := open(t, fsys, ringOf(t, key1), refs.Options{LockWait: 1})
	_, err = other.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: other.put("y")})
	wantError(t, "Update", err, objects.IOError)
	if !errors.Is(err, durable.ErrLocked) {
		t.Errorf("the error %v does not tell about the lock", err)
	}
	other.wantRef("main", "x") // readers take no lock
	thaw()
	w.set("main", "y")
}

// TestReaderSeesOldOrNew: while a ref is set again and again.
func TestReaderSeesOldOrNew(t *testing.T) {
	fsys := newRoot(t)
	marks := newMarks()
	w := open(t, fsys, ringOf(t, key1), refs.Options{Marks: marks})
	w.set("main", "x")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			if _, err := w.Update(background, nameOf(t, "main"), refs.Change{Digest: digestOf("x"), Unchecked: true}); err != nil {
				t.Errorf("Update %d: %v", i, err)
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		w.wantRef("main", "x")
		if names, errs := w.listing(""); len(names) != 1 || errs != nil {
			t.Errorf("All = %q, %q", names, errs)
		}
	}
}

// TestPlainFilesystem: without any optional ability.
func TestPlainFilesystem(t *testing.T) {
	fsys := struct{ billy.Filesystem }{newRoot(t)}
	w := open(t, fsys, ringOf(t, key1), refs.Options{})
	w.set("a/b/c", "x")
	w.set("a/b/c", "y")
	w.wantRef("a/b/c", "y")
	w.wantLog("a/b/c", "y", "x")
	w.wantFindings()
	if !bytes.HasPrefix(read(t, fsys, "refs/a/b/c"), []byte("fsk-ref 1\n")) {
		t.Error("no record")
	}
}
