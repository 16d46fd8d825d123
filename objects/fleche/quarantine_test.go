package fleche_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fsk/objects"
	"fsk/objects/fleche"
	"fsk/objects/objectstest"
)

func quarantine(t testing.TB, c *fleche.Cache, opts fleche.QuarantineOptions) (moved []objects.Moved, failed []error) {
	t.Helper()
	for m, err := range c.Quarantine(t.Context(), opts, nil) {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		moved = append(moved, m)
	}
	return moved, failed
}

// bad lists what Quarantine is to move.
func bad(want map[string]objects.Reason) map[string]objects.Reason {
	want = maps.Clone(want)
	maps.DeleteFunc(want, func(path string, reason objects.Reason) bool {
		_, err := fleche.ParseName(path)
		return err != nil || reason == objects.Retired
	})
	return want
}

func TestQuarantine(t *testing.T) {
	fsys, dir := newDir(t)
	want := bad(plant(t, fsys))
	before := contents(t, dir)
	c := open(t, fsys, ringOf(t, key1, key2), &fleche.Options{MaxSize: small.MaxSize}) // durable
	moved, failed := quarantine(t, c, fleche.QuarantineOptions{DryRun: true})
	if len(moved) != len(want) || len(failed) > 0 || !maps.Equal(contents(t, dir), before) {
		t.Errorf("dry run: %v, %v", moved, failed)
	}
	moved, failed = quarantine(t, c, fleche.QuarantineOptions{})
	after := contents(t, dir)
	for _, m := range moved {
		from := m.Finding.Path
		if m.Finding.Reason != want[from] || m.Finding.Severity != objects.SeverityError {
			t.Errorf("%+v, want %s", m, want[from])
		}
		if !strings.HasPrefix(m.To, fmt.Sprintf("%s/%s.%s.", fleche.QuarantineDir, from, want[from])) || after[m.To] != before[from] {
			t.Errorf("%s has %q", m.To, after[m.To])
		}
		note := after[m.To+".note"]
		for _, part := range []string{"reason: " + string(want[from]) + "\n", "path: " + from + "\n", "time: " + time.Now().UTC().Format("2006-01-"), "why: " + m.Finding.Explain() + "\n"} {
			if !strings.Contains(note, part) {
				t.Errorf("note %q without %q", note, part)
			}
		}
		if _, still := after[from]; still {
			t.Errorf("%s is still there", from)
		}
		delete(before, from)
		delete(after, m.To)
		delete(after, m.To+".note")
	}
	if len(moved) != len(want) || len(failed) > 0 || !maps.Equal(before, after) {
		t.Errorf("moved %v, %v; others were touched", moved, failed)
	}
	if findings, _ := fsck(t, c, fleche.FsckOptions{}); len(bad(reasons(findings))) > 0 {
		t.Errorf("fsck finds %v", findings)
	}
	if moved, failed := quarantine(t, c, fleche.QuarantineOptions{}); len(moved)+len(failed) > 0 {
		t.Errorf("again: %v, %v", moved, failed)
	}
	if got := all(t, c); len(got) != 4 {
		t.Errorf("%d values are left", len(got))
	}
}

func reasons(findings map[string]objects.Finding) map[string]objects.Reason {
	r := make(map[string]objects.Reason)
	for path, f := range findings {
		r[path] = f.Reason
	}
	return r
}

func TestQuarantineWithAWrongRing(t *testing.T) {
	for _, test := range []struct {
		good, bad int
		refused   bool
	}{{0, 10, false}, {0, 11, true}, {208, 11, true}, {209, 11, false}, {0, 1, false}} {
		fsys, dir := newDir(t)
		for i := range test.good {
			put(t, fsys, name(fmt.Sprint("good", i)).String(), sealed(key1, "pickle."))
		}
		for i := range test.bad {
			put(t, fsys, name(fmt.Sprint("bad", i)).String(), sealed(foreignKey, "pickle."))
		}
		c := open(t, fsys, ringOf(t, key1), nil)
		before := contents(t, dir)
		moved, failed := quarantine(t, c, fleche.QuarantineOptions{})
		if refused := len(failed) == 1 && errors.Is(failed[0], objects.ErrTooMany); refused != test.refused || refused != (len(moved) == 0) {
			t.Errorf("%+v: moved %d, %v", test, len(moved), failed)
		}
		if test.refused && !maps.Equal(contents(t, dir), before) {
			t.Errorf("%+v: refused, and something has changed", test)
		}
		if test.refused {
			if moved, failed := quarantine(t, c, fleche.QuarantineOptions{Anyway: true}); len(moved) != test.bad || len(failed) > 0 {
				t.Errorf("%+v, by force: moved %d, %v", test, len(moved), failed)
			}
		}
	}
}

// TestQuarantineLeavesWhatHealed: a value that fleche makes again meanwhile stays.
func TestQuarantineLeavesWhatHealed(t *testing.T) {
	fsys, dir := newDir(t)
	n := name("x").String()
	put(t, fsys, n, []byte("damaged"))
	hooked := &hookFS{FS: fsys, onCreate: func() {}}
	c := open(t, hooked, ringOf(t, key1), nil)
	heal := func() { put(t, fsys, n, sealed(key1, "the pickle.")) }

	after := fleche.FsckOptions{Progress: func(int64, int64) { heal() }} // between the checks
	if moved, failed := quarantine(t, c, fleche.QuarantineOptions{FsckOptions: after}); len(moved)+len(failed) > 0 {
		t.Errorf("moved %v, %v", moved, failed)
	}
	put(t, fsys, n, []byte("damaged"))
	hooked.onCreate = heal // between the second check and the rename
	if moved, failed := quarantine(t, c, fleche.QuarantineOptions{}); len(moved)+len(failed) > 0 {
		t.Errorf("moved %v, %v", moved, failed)
	}
	if files := contents(t, dir); len(files) != 1 || files[n] != string(sealed(key1, "the pickle.")) {
		t.Errorf("%v", files)
	}
}

// TestQuarantineWithFaults fails at every call: every file is in its place, or in quarantine
// with its note.
func TestQuarantineWithFaults(t *testing.T) {
	for _, mode := range []objectstest.FaultMode{objectstest.FailBefore, objectstest.FailHalf, objectstest.FailAfter} {
		for _, forever := range []bool{false, true} {
			for n, done := 1, false; !done; n += faultStep() {
				fsys, dir := newDir(t)
				planted := map[string]string{
					name("good").String(): string(sealed(key1, "a good pickle.")), name("forged").String(): string(sealed(foreignKey, "a pickle.")),
					name("unsealed").String(): "not sealed.", name("corrupt").String(): "garbage",
				}
				for path, content := range planted {
					put(t, fsys, path, []byte(content))
				}
				faults := objectstest.NewFaultFS(fsys)
				faults.SetMode(mode)
				faults.FailAt(n, forever, errDisk)
				c := open(t, faults.FS(), ringOf(t, key1), &fleche.Options{})
				quarantine(t, c, fleche.QuarantineOptions{FsckOptions: fleche.FsckOptions{Workers: 1}})
				done = faults.Calls() < n
				mustBeSomewhere(t, contents(t, dir), planted)

				again := open(t, fsys, ringOf(t, key1), nil)
				quarantine(t, again, fleche.QuarantineOptions{})
				mustBeSomewhere(t, contents(t, dir), planted)
				if _, stats := fsck(t, again, fleche.FsckOptions{}); stats.Objects != 1 || stats.Reasons[objects.OK] != 1 {
					t.Fatalf("call %d: after running it again: %+v", n, stats)
				}
			}
		}
	}
}

func mustBeSomewhere(t *testing.T, files, planted map[string]string) {
	t.Helper()
	for n, content := range planted {
		where := ""
		for path, got := range files {
			if path != n && !strings.HasPrefix(path, fleche.QuarantineDir+"/"+n) || strings.HasSuffix(path, ".note") {
				continue
			}
			if where != "" || got != content {
				t.Fatalf("%s is in %s and in %s as %q", n, where, path, got)
			}
			where = path
			if note := files[path+".note"]; path != n && !strings.Contains(note, "path: "+n+"\n") {
				t.Fatalf("%s has the note %q", path, note)
			}
		}
		if where == "" {
			t.Fatalf("%s is gone", n)
		}
	}
}

func TestPrune(t *testing.T) {
	fsys, dir := newDir(t)
	c := open(t, fsys, ringOf(t, key1), nil)
	if n, err := prune(t, c, time.Hour, false); n != 0 || err != nil {
		t.Errorf("without a directory: %d, %v", n, err)
	}
	temp := filepath.Join(dir, fleche.TempDir)
	if err := os.Mkdir(temp, 0o777); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-25 * time.Hour)
	for file, when := range map[string]time.Time{
		strings.Repeat("a", 32): old, strings.Repeat("b", 32): time.Now(), strings.Repeat("c", 32): time.Now().Add(time.Hour),
		"mine": old, strings.Repeat("A", 32): old,
	} {
		path := filepath.Join(temp, file)
		if err := os.WriteFile(path, nil, 0o444); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	before := contents(t, dir)
	if n, err := prune(t, c, 24*time.Hour, true); n != 1 || err != nil || !maps.Equal(contents(t, dir), before) {
		t.Errorf("dry run: %d, %v", n, err)
	}
	if n, err := prune(t, c, 24*time.Hour, false); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	delete(before, fleche.TempDir+"/"+strings.Repeat("a", 32))
	if got := contents(t, dir); !maps.Equal(got, before) {
		t.Errorf("%v, want %v", got, before)
	}
}
