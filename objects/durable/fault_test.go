package durable_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
	"fsk/objects/objectstest"
)

var modes = map[string]objectstest.FaultMode{
	"before": objectstest.FailBefore, "half": objectstest.FailHalf, "after": objectstest.FailAfter,
}

// TestEveryCallFails lets every call fail in turn: afterwards there is the old
// content or the new one, and when nothing was reported it is the new one.
func TestEveryCallFails(t *testing.T) {
	const old, new = "old content", "new and longer content"
	for fsName, newFS := range filesystems {
		for _, had := range []bool{false, true} {
			for modeName, mode := range modes {
				for _, forever := range []bool{false, true} {
					name := fmt.Sprintf("%s, had=%t, %s, forever=%t", fsName, had, modeName, forever)
					t.Run(name, func(t *testing.T) {
						for n := 1; ; n++ {
							inner := newFS(t)
							before := "absent"
							if had {
								put(t, inner, "a/b/name", old)
								before = old
							}
							faults := objectstest.NewFaultFS(inner)
							faults.SetMode(mode)
							faults.FailAt(n, forever, syscall.EIO)
							err := write(durable.NewWriter(faults.FS(), "tmp", durable.Full), "a/b/name", new)
							log := faults.Log()
							got := content(t, inner, "a/b/name")
							if got != before && got != new || err == nil && got != new {
								t.Errorf("call %d (%s): error %v, content %q", n, last(log, n), err, got)
							}
							if err == nil && len(calls(log, "remove")) > 0 {
								t.Errorf("call %d: something is removed after success: %q", n, log)
							}
							if faults.Calls() < n {
								if err != nil || got != new {
									t.Errorf("without a fault: error %v, content %q", err, got)
								}
								return
							}
							checkTemp(t, inner, log, n, forever, mode)
							checkNoRetry(t, log, n)
						}
					})
				}
			}
		}
	}
}

// checkTemp wants no leftover, unless opening it or removing it was what failed.
func checkTemp(t *testing.T, inner billy.Filesystem, log []string, n int, forever bool, mode objectstest.FaultMode) {
	t.Helper()
	excused := forever || mode == objectstest.FailAfter && strings.HasPrefix(last(log, n), "openfile") ||
		strings.HasPrefix(last(log, n), "remove")
	if left := names(t, inner, "tmp"); len(left) != 0 && !excused {
		t.Errorf("call %d (%s): left in tmp: %v", n, last(log, n), left)
	}
	// A directory is synced only after the rename was done.
	if i := slices.IndexFunc(log, func(call string) bool { return strings.HasPrefix(call, "syncdir ") }); i >= 0 && len(calls(log[i:], "remove")) > 0 {
		t.Errorf("call %d: something is removed after the rename: %q", n, log)
	}
}

// checkNoRetry wants at most one fsync for each file and, once one failed, no
// rename (D4).
func checkNoRetry(t *testing.T, log []string, n int) {
	t.Helper()
	syncs := calls(log, "sync")
	if len(syncs) > 1 {
		t.Errorf("call %d: fsync more than once: %q", n, syncs)
	}
	if n <= len(log) && strings.HasPrefix(log[n-1], "sync ") && len(calls(log[n:], "rename", "write", "sync")) > 0 {
		t.Errorf("after a failed fsync: %q", log[n:])
	}
}

func last(log []string, n int) string {
	if n <= len(log) {
		return log[n-1]
	}
	return "none"
}

func TestFailedRenameIsErrPublish(t *testing.T) {
	for modeName, mode := range modes {
		t.Run(modeName, func(t *testing.T) {
			root := newRoot(t)
			put(t, root, "tmp/keep", "")
			put(t, root, "dir/keep", "")
			faults := objectstest.NewFaultFS(root)
			w := durable.NewWriter(faults.FS(), "tmp", durable.Full)
			if err := write(w, "dir/probe", "x"); err != nil {
				t.Fatal(err)
			}
			n := slices.IndexFunc(faults.Log(), func(call string) bool { return strings.HasPrefix(call, "rename ") }) + 1
			faults.SetMode(mode)
			faults.FailAt(n, false, syscall.EIO)
			err := write(w, "dir/name", "content")
			if !errors.Is(err, durable.ErrPublish) || !errors.Is(err, syscall.EIO) {
				t.Errorf("error %v, want ErrPublish and EIO in its chain", err)
			}
			if left := names(t, root, "tmp"); !slices.Equal(left, []string{"keep"}) {
				t.Errorf("left in tmp: %v", left)
			}
		})
	}
	t.Run("other failures are not", func(t *testing.T) {
		faults := objectstest.NewFaultFS(newRoot(t))
		faults.FailAt(1, true, syscall.EIO)
		if err := write(durable.NewWriter(faults.FS(), "tmp", durable.Full), "name", "x"); err == nil || errors.Is(err, durable.ErrPublish) {
			t.Errorf("error %v", err)
		}
	})
}

// TestFailedDirectorySyncIsTriedAgain: what is known to be on the disk must not
// include what could not be synced.
func TestFailedDirectorySyncIsTriedAgain(t *testing.T) {
	for failing := range 3 { // a/b, a, and the root
		root := newRoot(t)
		faults := objectstest.NewFaultFS(root)
		w := durable.NewWriter(faults.FS(), "tmp", durable.Full)
		put(t, root, "tmp/x", "")
		put(t, root, "a/b/x", "")
		n := len(objectCalls(t, "a/b/name")) - 2 + failing
		faults.FailAt(n, false, syscall.EIO)
		if err := write(w, "a/b/name", "content"); !errors.Is(err, syscall.EIO) {
			t.Fatalf("syncdir %d: error %v", failing, err)
		}
		faults.FailAt(0, false, nil)
		if err := write(w, "a/b/name", "content"); err != nil {
			t.Fatal(err)
		}
		want := []string{"syncdir a/b", "syncdir a", "syncdir ."}
		if failing == 2 { // a is in the root, which failed; b in a was synced
			want = []string{"syncdir a/b", "syncdir ."}
		}
		if got := calls(faults.Log(), "syncdir"); !slices.Equal(got, want) {
			t.Errorf("after syncdir %d failed: %q, want %q", failing, got, want)
		}
	}
}

// objectCalls returns the calls of one write where all directories are there.
func objectCalls(t *testing.T, name string) []string {
	root := newRoot(t)
	put(t, root, "tmp/x", "")
	put(t, root, "a/b/x", "")
	faults := objectstest.NewFaultFS(root)
	if err := write(durable.NewWriter(faults.FS(), "tmp", durable.Full), name, "content"); err != nil {
		t.Fatal(err)
	}
	return faults.Log()
}
