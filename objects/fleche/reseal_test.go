package fleche_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/fleche"
	"fsk/objects/objectstest"
)

func TestReseal(t *testing.T) {
	fsys, dir := newDir(t)
	want := plant(t, fsys)
	before := contents(t, dir)
	c := open(t, fsys, ringOf(t, key1, key2), &fleche.Options{MaxSize: small.MaxSize}) // durable
	findings, stats := reseal(t, c, fleche.FsckOptions{})
	first := ringOf(t, key1).ID(0)
	if resealed(stats) != 3 || stats.Objects != 11 || stats.Keys[first] != 4 || len(stats.Keys) != 1 || !stats.Complete {
		t.Errorf("%+v", stats)
	}
	maps.DeleteFunc(want, func(_ string, reason objects.Reason) bool { return reason == objects.Retired })
	if !maps.Equal(findings, want) {
		t.Errorf("%v, want %v", findings, want)
	}
	after := contents(t, dir)
	for path, content := range before {
		switch path {
		case name("retired").String():
			content = string(sealed(key1, "a retired pickle."))
		case name("retired, large").String():
			content = string(sealed(key1, pickle(3<<20)))
		case name("retired, compressed").String():
			if got := string(inflated(t, []byte(after[path]))); got != string(sealed(key1, pickle(3<<20))) {
				t.Error("the compressed value is another one")
			}
			continue
		}
		if after[path] != content {
			t.Errorf("%s was changed", path)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, and before %d", len(after), len(before))
	}
	if _, stats := reseal(t, c, fleche.FsckOptions{}); resealed(stats) != 0 {
		t.Errorf("again: %+v", stats)
	}
	if _, stats := fsck(t, open(t, fsys, ringOf(t, key1), nil), fleche.FsckOptions{}); stats.Keys[first] != 4 {
		t.Errorf("with the new key alone: %+v", stats)
	}
}

func TestResealWithoutKeysChangesNothing(t *testing.T) {
	fsys, dir := newDir(t)
	plant(t, fsys)
	before := contents(t, dir)
	_, stats := reseal(t, open(t, fsys, ringOf(t), small), fleche.FsckOptions{})
	if resealed(stats) != 0 || !maps.Equal(contents(t, dir), before) {
		t.Errorf("%+v", stats)
	}
}

func TestResealKeepsPermissions(t *testing.T) {
	fsys, dir := newDir(t)
	n := name("x").String()
	put(t, fsys, n, sealed(key2, "a pickle."))
	for _, mode := range []os.FileMode{0o600, 0o644} {
		if err := os.Chmod(filepath.Join(dir, n), mode); err != nil {
			t.Fatal(err)
		}
		old, err := os.Stat(filepath.Join(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		reseal(t, open(t, fsys, ringOf(t, key1, key2), nil), fleche.FsckOptions{})
		info, err := os.Stat(filepath.Join(dir, n))
		if err != nil || info.Mode() != old.Mode() || os.SameFile(info, old) {
			t.Errorf("%v, want %v in a new file: %v", info.Mode(), old.Mode(), err)
		}
		put(t, fsys, n, sealed(key2, "a pickle.")) // fleche still can
	}
}

// TestResealKeepsHardLinks: what has another name is not written to.
func TestResealKeepsHardLinks(t *testing.T) {
	fsys, dir := newDir(t)
	victim := filepath.Join(t.TempDir(), "victim")
	content := sealed(key2, "a pickle.")
	if err := os.WriteFile(victim, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(victim, filepath.Join(dir, name("x").String())); err != nil {
		t.Skip(err)
	}
	reseal(t, open(t, fsys, ringOf(t, key1, key2), nil), fleche.FsckOptions{})
	if got, err := os.ReadFile(victim); err != nil || string(got) != string(content) {
		t.Errorf("the other name has %q, %v", got, err)
	}
}

// TestResealDoesNotReplaceWhatWasReplaced: a file that is written between the check and the rename
// stays.
func TestResealDoesNotReplaceWhatWasReplaced(t *testing.T) {
	fsys, dir := newDir(t)
	n := name("x").String()
	put(t, fsys, n, sealed(key2, "an old pickle."))
	fresh := string(sealed(key2, "a fresh and longer pickle."))
	once := false
	hooked := &hookFS{FS: fsys, onCreate: func() {
		if !once {
			once = true
			put(t, fsys, n, []byte(fresh))
		}
	}}
	_, stats := reseal(t, open(t, hooked, ringOf(t, key1, key2), nil), fleche.FsckOptions{})
	if want := string(sealed(key1, "a fresh and longer pickle.")); contents(t, dir)[n] != want || resealed(stats) != 1 || stats.Objects != 1 {
		t.Errorf("%q, %+v", contents(t, dir)[n], stats)
	}
	put(t, fsys, n, []byte(fresh))
	i := 0
	hooked.onCreate = func() {
		i++
		put(t, fsys, n, sealed(key2, fmt.Sprintf("pickle %0*d.", i, i)))
	}
	findings, stats := reseal(t, open(t, hooked, ringOf(t, key1, key2), nil), fleche.FsckOptions{})
	if want := string(sealed(key2, "pickle 003.")); contents(t, dir)[n] != want || resealed(stats) != 0 || findings[n] != objects.ChangedDuringRead {
		t.Errorf("%q, %+v, %v", contents(t, dir)[n], stats, findings)
	}
}

// TestResealWithFaults fails at every call: every value is what it was or resealed, and what
// was planted is untouched. Running it again finishes the work.
func TestResealWithFaults(t *testing.T) {
	for _, fault := range []struct {
		mode    objectstest.FaultMode
		forever bool
	}{{objectstest.FailBefore, false}, {objectstest.FailBefore, true}, {objectstest.FailHalf, false}, {objectstest.FailAfter, false}} {
		for n, done := 1, false; !done; n += faultStep() {
			done = !resealWithFault(t, n, fault.mode, fault.forever)
		}
	}
}

// faultStep is how far apart the calls are that fail.
func faultStep() int {
	if raceEnabled {
		return 3
	}
	return 1
}

// resealWithFault lets call n fail, and reports whether there was one.
func resealWithFault(t *testing.T, n int, mode objectstest.FaultMode, forever bool) bool {
	t.Helper()
	fsys, dir := newDir(t)
	want := plantRetired(t, dir)
	faults := objectstest.NewFaultFS(fsys)
	faults.SetMode(mode)
	faults.FailAt(n, forever, errDisk)
	c := open(t, faults.FS(), ringOf(t, key1, key2), &fleche.Options{})
	_, stats := reseal(t, c, fleche.FsckOptions{Workers: 1})
	for path, content := range contents(t, dir) {
		if old := want[path]; old != "" && content != old && !isResealed(t, content) {
			t.Fatalf("mode %d, call %d: %s has %q", mode, n, path, content)
		}
		delete(want, path)
	}
	if len(want) > 0 {
		t.Fatalf("mode %d, call %d: gone are %v", mode, n, want)
	}
	if resealed(stats) > 3 {
		t.Errorf("call %d: %+v", n, stats)
	}
	again := open(t, fsys, ringOf(t, key1, key2), nil)
	reseal(t, again, fleche.FsckOptions{})
	if _, stats := fsck(t, again, fleche.FsckOptions{}); stats.Keys[ringOf(t, key1).ID(0)] != 3 || stats.Reasons[objects.Unsealed] != 1 {
		t.Fatalf("call %d: after running it again: %+v", n, stats)
	}
	return faults.Calls() >= n
}

func plantRetired(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{
		name("plain").String():      string(sealed(key2, "a plain pickle.")),
		name("compressed").String(): string(compressed(t, sealed(key2, "a compressed pickle."))),
		name("large").String():      string(sealed(key2, pickle(1<<20+100))),
		name("unsealed").String():   "not sealed.",
	}
	for path, content := range files {
		if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func isResealed(t *testing.T, content string) bool {
	t.Helper()
	return content == string(sealed(key1, "a plain pickle.")) || content == string(sealed(key1, pickle(1<<20+100))) ||
		content[0] == 0x1f && string(inflated(t, []byte(content))) == string(sealed(key1, "a compressed pickle."))
}

func TestResealInterrupted(t *testing.T) {
	fsys, dir := newDir(t)
	for i := range 500 {
		put(t, fsys, name(fmt.Sprint(i)).String(), sealed(key2, fmt.Sprintf("pickle %d.", i)))
	}
	c := open(t, fsys, ringOf(t, key1, key2), nil)
	ctx, cancel := context.WithCancel(t.Context())
	var stats objects.FsckStats
	progress := func(int64, int64) { cancel() }
	for _, err := range c.Reseal(ctx, fleche.FsckOptions{Progress: progress}, &stats) {
		if err != context.Canceled {
			t.Errorf("error %v", err)
		}
	}
	frozen := contents(t, dir)
	if stats.Complete || len(frozen) != 500 {
		t.Errorf("%+v, %d files", stats, len(frozen))
	}
	_, rest := reseal(t, c, fleche.FsckOptions{})
	if resealed(rest)+resealed(stats) < 500-200 || rest.Keys[ringOf(t, key1).ID(0)] != 500 || !rest.Complete {
		t.Errorf("%+v, and then %+v", stats, rest)
	}
	if c.Durability() != durable.None {
		t.Error("the options say none")
	}
}
