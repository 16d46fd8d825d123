package refs_test

import (
	"errors"
	"testing"
	"time"

	"fsk/objects"
	"fsk/refs"
)

// TestRollback is A19: an older record that is put back is noticed with marks, and only
// with them.
func TestRollback(t *testing.T) {
	fsys := newRoot(t)
	marks := newMarks()
	with := open(t, fsys, ringOf(t, key1), refs.Options{Marks: marks})
	without := open(t, fsys, ringOf(t, key1), refs.Options{})
	with.set("main", "old")
	old := read(t, fsys, "refs/main")
	with.set("main", "new")
	write(t, fsys, "refs/main", old)
	with.wantMiss("main", objects.RolledBack)
	without.wantRef("main", "old")
	for _, err := range with.All(t.Context(), "") {
		wantError(t, "All", err, objects.RolledBack)
	}
	for _, err := range with.Log(t.Context(), nameOf(t, "main")) {
		wantError(t, "Log", err, objects.RolledBack)
	}
	_, err := with.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: with.put("x")})
	wantError(t, "Update", err, objects.RolledBack)
	_, err = with.Delete(t.Context(), nameOf(t, "main"), objects.Digest{})
	wantError(t, "Delete", err, objects.RolledBack)
	ref, err := with.Accept(t.Context(), nameOf(t, "main"))
	if err != nil || ref.Digest != digestOf("old") {
		t.Errorf("Accept = %+v, %v", ref, err)
	}
	with.wantRef("main", "old")
}

// TestGone is A21.
func TestGone(t *testing.T) {
	fsys := newRoot(t)
	with := open(t, fsys, ringOf(t, key1), refs.Options{Marks: newMarks()})
	without := open(t, fsys, ringOf(t, key1), refs.Options{})
	_, err := with.Accept(t.Context(), nameOf(t, "main"))
	wantError(t, "Accept of nothing", err, objects.Missing)
	with.set("main", "x")
	with.set("main", "x")
	old := read(t, fsys, "refs/main")
	if err := fsys.Remove("refs/main"); err != nil {
		t.Fatal(err)
	}
	with.wantMiss("main", objects.RefGone)
	without.wantMiss("main", objects.Missing)
	_, err = with.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: with.put("y")})
	wantError(t, "Update", err, objects.RefGone)
	if _, err := with.Accept(t.Context(), nameOf(t, "main")); err != nil {
		t.Error(err)
	}
	with.wantMiss("main", objects.Missing)
	// The number that was seen is remembered.
	write(t, fsys, "refs/main", old)
	with.wantMiss("main", objects.RolledBack)
	if err := fsys.Remove("refs/main"); err != nil {
		t.Fatal(err)
	}
	if ref := with.set("main", "y"); ref.Seq != 3 {
		t.Errorf("number %d after 2 was accepted as gone", ref.Seq)
	}
	with.wantRef("main", "y")
}

// TestDeletedIsNotGone: a record that says so is no attack; to put back the one before is.
func TestDeletedIsNotGone(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{Marks: newMarks()})
	w.set("main", "x")
	old := read(t, fsys, "refs/main")
	if _, err := w.Delete(t.Context(), nameOf(t, "main"), objects.Digest{}); err != nil {
		t.Fatal(err)
	}
	w.wantMiss("main", objects.Missing)
	write(t, fsys, "refs/main", old)
	w.wantMiss("main", objects.RolledBack)
}

func TestFork(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{Marks: newMarks()})
	w.set("main", "x")
	write(t, fsys, "refs/main", record{name: "main", digest: digestOf("y").String(), key: key1}.bytes())
	w.wantMiss("main", objects.RefFork)
	if _, err := w.Accept(t.Context(), nameOf(t, "main")); err != nil {
		t.Fatal(err)
	}
	w.wantRef("main", "y")
}

// TestAcceptAcceptsNoForgery: only what verifies is taken as right.
func TestAcceptAcceptsNoForgery(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{Marks: newMarks()})
	w.set("main", "x")
	good := read(t, fsys, "refs/main")
	for claim, raw := range map[string][]byte{
		"bad-seal":        record{name: "main", digest: digestOf("y").String(), key: foreignKey}.bytes(),
		"unsealed":        record{name: "main", digest: digestOf("y").String()}.bytes(),
		"wrong-name":      record{name: "other", digest: digestOf("y").String(), key: key1}.bytes(),
		"wrong-namespace": record{ns: "other", name: "main", digest: digestOf("y").String(), key: key1}.bytes(),
	} {
		write(t, fsys, "refs/main", raw)
		_, err := w.Accept(t.Context(), nameOf(t, "main"))
		wantError(t, "Accept", err, objects.Reason(claim))
	}
	write(t, fsys, "refs/main", good)
	w.wantRef("main", "x")
	if _, err := open(t, fsys, ringOf(t, key1), refs.Options{}).Accept(t.Context(), nameOf(t, "main")); err == nil {
		t.Error("Accept without marks does nothing and says nothing")
	}
}

func TestMarksThatFail(t *testing.T) {
	broken := errors.New("broken")
	marks := newMarks()
	w := open(t, newRoot(t), ringOf(t, key1), refs.Options{Marks: marks})
	w.set("main", "x")
	d := w.put("y")
	marks.err = broken
	_, err := w.Get(t.Context(), nameOf(t, "main"))
	wantError(t, "Get", err, objects.IOError)
	if !errors.Is(err, broken) {
		t.Errorf("the error %v hides the cause", err)
	}
	_, err = w.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: d})
	wantError(t, "Update", err, objects.IOError)
	marks.err = nil
	w.wantRef("main", "x")
}

func TestMaxAge(t *testing.T) {
	fsys := newRoot(t)
	open(t, fsys, ringOf(t, key1), refs.Options{}).set("main", "x")
	for _, test := range []struct {
		passed, allowed time.Duration
		expired         bool
	}{
		{time.Hour, 0, false}, {time.Hour, time.Hour, false}, {time.Hour + time.Second, time.Hour, true},
		{-time.Hour, time.Hour, false}, {-2 * time.Hour, time.Hour, true}, // a clock was wrong
	} {
		w := open(t, fsys, ringOf(t, key1), refs.Options{MaxAge: test.allowed, Now: func() time.Time { return epoch.Add(test.passed) }})
		if test.expired {
			w.wantMiss("main", objects.RefExpired)
		} else {
			w.wantRef("main", "x")
		}
	}
}

// TestUnverifiedIsNotRemembered: who reads without keys would remember what anybody has
// planted, and then refuse what a key holder sets.
func TestUnverifiedIsNotRemembered(t *testing.T) {
	fsys := newRoot(t)
	marks := newMarks()
	without := open(t, fsys, seal0, refs.Options{Marks: marks})
	keyed := open(t, fsys, ringOf(t, key1), refs.Options{Marks: marks})
	keyed.set("main", "x")
	good := read(t, fsys, "refs/main")
	for _, planted := range []record{
		{name: "main", digest: digestOf("y").String(), seq: 1000},
		{name: "main", digest: digestOf("y").String(), seq: 1000, key: foreignKey},
	} {
		write(t, fsys, "refs/main", planted.bytes())
		without.wantRef("main", "y")
		without.listing("")
		_, err := without.Accept(t.Context(), nameOf(t, "main"))
		wantError(t, "Accept", err, objects.Unsealed)
	}
	write(t, fsys, "refs/main", good)
	keyed.wantRef("main", "x")
	// What was verified before is held against it, with keys or without.
	keyed.set("main", "z")
	write(t, fsys, "refs/main", good)
	without.wantMiss("main", objects.RolledBack)
}
