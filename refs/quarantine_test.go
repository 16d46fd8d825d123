package refs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/objectstest"
	"fsk/refs"
)

// brokenRefs plants records that cannot be trusted, and returns their reasons.
func brokenRefs(t testing.TB, fsys billy.Filesystem) map[string]objects.Reason {
	t.Helper()
	sealed := record{name: "good", digest: digestOf("x").String(), key: key1}.bytes()
	write(t, fsys, "refs/bad/unsealed", record{name: "bad/unsealed", digest: digestOf("x").String()}.bytes())
	write(t, fsys, "refs/bad/seal", record{name: "bad/seal", digest: digestOf("x").String(), key: key2}.bytes())
	write(t, fsys, "refs/bad/name", sealed)
	write(t, fsys, "refs/bad/text", []byte("not a record"))
	return map[string]objects.Reason{
		"refs/bad/unsealed": objects.Unsealed, "refs/bad/seal": objects.BadSeal,
		"refs/bad/name": objects.WrongName, "refs/bad/text": objects.MalformedRef,
	}
}

// quarantine moves what the check finds, and returns where each was and is.
func (w *world) quarantine(t testing.TB, dryRun, anyway bool) (moved map[string]objects.Moved, err error) {
	t.Helper()
	findings, stats := w.findings()
	moved = make(map[string]objects.Moved)
	for m, err := range w.Quarantine(t.Context(), findings, objects.QuarantineOptions{Anyway: anyway, Checked: stats.Refs, DryRun: dryRun}) {
		if err != nil {
			return moved, err
		}
		moved[m.Path] = m
	}
	return moved, nil
}

func TestQuarantine(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		w := open(t, fsys, ringOf(t, key1), refs.Options{})
		w.set("good", "x")
		w.set("history", "x")
		w.set("history", "y")
		lost := w.set("lost", "its object is gone")
		if err := w.db.Remove(t.Context(), lost.Digest); err != nil {
			t.Fatal(err)
		}
		bad := brokenRefs(t, fsys)
		contents := make(map[string]string)
		for file := range bad {
			contents[file] = string(read(t, fsys, file))
		}

		would, err := w.quarantine(t, true, false)
		if err != nil || len(would) != len(bad) {
			t.Fatalf("dry run: %v, %v", would, err)
		}
		for file := range bad {
			if string(read(t, fsys, file)) != contents[file] {
				t.Errorf("dry run: %s was changed", file)
			}
		}
		moved, err := w.quarantine(t, false, false)
		if err != nil || len(moved) != len(bad) {
			t.Fatalf("Quarantine: %v, %v", moved, err)
		}
		for file, reason := range bad {
			m := moved[file]
			if m.Reason != reason || !strings.HasPrefix(m.To, "quarantine/") || !strings.Contains(m.To, string(reason)) {
				t.Errorf("%s: %+v", file, m)
			}
			if string(read(t, fsys, m.To)) != contents[file] {
				t.Errorf("%s: %s has other bytes", file, m.To)
			}
			if note := string(read(t, fsys, m.To+".note")); !strings.Contains(note, "reason "+string(reason)+"\npath "+file+"\n") {
				t.Errorf("%s: the note is %q", file, note)
			}
			if _, err := fsys.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is still there: %v", file, err)
			}
		}
		w.wantRef("good", "x")
		w.wantRef("history", "y")
		w.wantFindings("missing refs/lost")
		w.set("bad/name", "x") // the name is free again

		again, err := w.quarantine(t, false, false)
		if err != nil || len(again) > 0 {
			t.Errorf("once more: %v, %v", again, err)
		}
	})
}

// With a wrong ring everything looks forged.
func TestQuarantineRefuses(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key2), refs.Options{})
	for n := range 12 {
		w.set(fmt.Sprintf("refs/n%d", n), "x")
	}
	wrong := open(t, fsys, ringOf(t, key1), refs.Options{})
	if moved, err := wrong.quarantine(t, false, false); !errors.Is(err, objects.ErrTooMany) || len(moved) > 0 {
		t.Errorf("%v, %v", moved, err)
	}
	for n := range 12 {
		w.wantRef(fmt.Sprintf("refs/n%d", n), "x")
	}
	if moved, err := wrong.quarantine(t, false, true); err != nil || len(moved) != 12 {
		t.Errorf("anyway: %d moved, %v", len(moved), err)
	}
}

// Findings may come from anywhere, and what they say may be old.
func TestQuarantineLooksAgain(t *testing.T) {
	fsys := newMemory(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{})
	w.set("good", "x")
	write(t, fsys, "refs/bad", []byte("not a record"))
	var findings []objects.Finding
	for _, file := range []string{"refs/good", "refs/absent", "refs/../fsk-store", "fsk-store", "refs/.lock", "refs", "", "refs//bad", "objects/00"} {
		findings = append(findings, objects.Finding{Reason: objects.MalformedRef, Severity: objects.SeverityError, Path: file})
	}
	findings = append(findings, objects.Finding{Reason: objects.MalformedRef, Severity: objects.SeverityNote, Path: "refs/bad"})
	for m, err := range w.Quarantine(t.Context(), findings, objects.QuarantineOptions{Anyway: true}) {
		t.Errorf("%+v, %v", m, err)
	}
	w.wantRef("good", "x")
	read(t, fsys, "refs/bad")
	ended, end := context.WithCancel(t.Context())
	end()
	for m, err := range w.Quarantine(ended, findings, objects.QuarantineOptions{Anyway: true}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v", m, err)
		}
	}
}

// Whichever call fails, a record is where it was, or in the quarantine, whole.
func TestEveryCallOfAQuarantineFails(t *testing.T) {
	errDisk := errors.New("disk")
	for _, mode := range []objectstest.FaultMode{objectstest.FailBefore, objectstest.FailHalf, objectstest.FailAfter} {
		for n := 1; ; n++ {
			fsys := newRoot(t)
			w := open(t, fsys, ringOf(t, key1), refs.Options{})
			w.set("good", "x")
			bad := brokenRefs(t, fsys)
			findings, _ := w.findings()
			contents := make(map[string]string)
			for file := range bad {
				contents[file] = string(read(t, fsys, file))
			}
			faults := newFaults(fsys)
			faulty := open(t, faults.FS(), ringOf(t, key1), refs.Options{})
			faults.SetMode(mode)
			faults.FailAt(n, false, errDisk)
			for range faulty.Quarantine(t.Context(), findings, objects.QuarantineOptions{Anyway: true}) {
			}
			done := faults.Calls() < n
			for file, want := range contents {
				now, err := fsys.Lstat(file)
				if err != nil {
					file = path.Join("quarantine", strings.ReplaceAll(file, "/", "-")+"."+string(bad[file]))
				} else if now.Size() != int64(len(want)) {
					t.Errorf("mode %d, call %d: %s has %d bytes", mode, n, file, now.Size())
				}
				if string(read(t, fsys, file)) != want {
					t.Fatalf("mode %d, call %d: %s has other bytes", mode, n, file)
				}
			}
			w.wantRef("good", "x")
			if _, err := w.quarantine(t, false, true); err != nil {
				t.Fatalf("mode %d, call %d: again: %v", mode, n, err)
			}
			w.wantFindings()
			if done {
				break
			}
		}
	}
}

// A record is planted under the longest name that a ref can have: neither it nor those
// that come after it may stay for that.
func TestQuarantineOfALongName(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		w := open(t, fsys, ringOf(t, key1), refs.Options{})
		long := func(last string) string {
			part := strings.Repeat("x", 100)
			return part + "/" + part + "/" + strings.Repeat("x", 52) + last
		}
		for _, name := range []string{long("a"), long("b"), "z"} {
			if _, err := refs.ParseName(name); err != nil {
				t.Fatal(err)
			}
			write(t, fsys, "refs/"+name, []byte("not a record of "+name))
		}
		moved, err := w.quarantine(t, false, false)
		if err != nil || len(moved) != 3 {
			t.Fatalf("Quarantine: %v, %v", moved, err)
		}
		for from, m := range moved {
			if got, want := string(read(t, fsys, m.To)), "not a record of "+strings.TrimPrefix(from, "refs/"); got != want {
				t.Errorf("%s has %q, want %q", m.To, got, want)
			}
			if note := string(read(t, fsys, m.To+".note")); !strings.Contains(note, "path "+from+"\n") {
				t.Errorf("the note of %s is %q", m.To, note)
			}
		}
	})
}

// TestOrderOfAQuarantine: what is moved is durable in the quarantine before it is gone
// from where it was.
func TestOrderOfAQuarantine(t *testing.T) {
	inner := newRoot(t)
	open(t, inner, ringOf(t, key1), refs.Options{})
	for i := range 8 { // in directories of their own
		write(t, inner, fmt.Sprintf("refs/x%d/bad", i), []byte("not a record"))
	}
	faults := newFaults(inner)
	w := openDurably(t, faults.FS(), ringOf(t, key1), refs.Options{})
	faults.FailAt(0, false, nil)
	moved, err := w.quarantine(t, false, false)
	if err != nil {
		t.Fatal(err)
	}
	log := faults.Log()
	placed := slices.Index(log, "syncdir quarantine")
	first := slices.IndexFunc(log, func(call string) bool { return strings.HasPrefix(call, "syncdir refs/") })
	if len(moved) != 8 || placed < 0 || first < placed {
		t.Errorf("%d were moved, the quarantine was synced by call %d, what they were moved from by call %d: %q", len(moved), placed, first, log)
	}
}
