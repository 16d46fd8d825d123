package fleche_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/fleche"
	"fsk/objects/objectstest"
)

// plant fills a directory with every kind of value, and returns what fsck is to say.
func plant(t testing.TB, fsys billy.Filesystem) map[string]objects.Reason {
	t.Helper()
	want := make(map[string]objects.Reason)
	value := func(title string, stored []byte, reason objects.Reason) {
		n := name(title).String()
		put(t, fsys, n, stored)
		if reason != objects.OK {
			want[n] = reason
		}
	}
	value("good", sealed(key1, "a good pickle."), objects.OK)
	value("retired", sealed(key2, "a retired pickle."), objects.Retired)
	value("retired, large", sealed(key2, pickle(3<<20)), objects.Retired)
	value("retired, compressed", compressed(t, sealed(key2, pickle(3<<20))), objects.Retired)
	value("unsealed", []byte("cos\nsystem\n(S'touch pwned'\ntR."), objects.Unsealed)
	value("foreign", sealed(foreignKey, "a foreign pickle."), objects.BadSeal)
	value("prepended", append([]byte("cos\nsystem\n(S'touch pwned'\ntR."), sealed(key2, "a pickle.")...), objects.BadSeal)
	value("malformed", sealed(key2, "a pickle.")[:40], objects.MalformedTrailer)
	value("corrupt", []byte("garbage"), objects.Corrupt)
	value("corrupt, compressed", compressed(t, sealed(key2, "a pickle."))[:30], objects.Corrupt)
	value("giant", make([]byte, 5<<20), objects.TooLarge)
	for _, stray := range []string{"stray", "stray.lock", strings.ToUpper(name("x").String())} {
		put(t, fsys, stray, nil)
		want[stray] = objects.Stray
	}
	for _, dir := range []string{fleche.QuarantineDir, fleche.TempDir} {
		if err := fsys.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, ignored := range []string{".hidden", name("good").String() + ".lock", fleche.QuarantineDir + "/x"} {
		put(t, fsys, ignored, nil)
	}
	put(t, fsys, fleche.TempDir+"/leftover", nil)
	want[fleche.TempDir+"/leftover"] = objects.LeftoverTemp
	return want
}

var small = &fleche.Options{MaxSize: 4 << 20}

func TestFsckFindsEverything(t *testing.T) {
	onDisk, _ := newDir(t)
	for title, fsys := range map[string]billy.Filesystem{"disk": onDisk, "memory": objectstest.NewMemory()} {
		want := plant(t, fsys)
		c := open(t, fsys, ringOf(t, key1, key2), small)
		for _, workers := range []int{1, 8, 0} {
			var told int64
			findings, stats := fsck(t, c, fleche.FsckOptions{Workers: workers, Progress: func(n, _ int64) { told = n }})
			got := make(map[string]objects.Reason)
			for p, f := range findings {
				got[p] = f.Reason
				severity := objects.SeverityError
				switch f.Reason {
				case objects.Stray:
					severity = objects.SeverityWarning
				case objects.Retired, objects.LeftoverTemp:
					severity = objects.SeverityNote
				}
				if f.Severity != severity || !f.Digest.IsZero() {
					t.Errorf("%s: %+v", title, f)
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("%s, %d workers: %v, want %v", title, workers, got, want)
			}
			first, second := ringOf(t, key1).ID(0), ringOf(t, key2).ID(0)
			if stats.Objects != 11 || told != 11 || !stats.Complete || stats.Reasons[objects.OK] != 4 || stats.Keys[first] != 1 || stats.Keys[second] != 3 {
				t.Errorf("%s: %+v, told %d", title, stats, told)
			}
		}
	}
}

func TestFsckWithoutKeys(t *testing.T) {
	fsys := objectstest.NewMemory()
	plant(t, fsys)
	_, stats := fsck(t, open(t, fsys, ringOf(t), small), fleche.FsckOptions{})
	want := map[objects.Reason]int64{objects.OKPlain: 1, objects.OKUnverified: 6, objects.MalformedTrailer: 1, objects.Corrupt: 2, objects.TooLarge: 1}
	if !maps.Equal(stats.Reasons, want) || len(stats.Keys) != 0 {
		t.Errorf("%v, want %v", stats.Reasons, want)
	}
}

func TestFsckOfSomeValues(t *testing.T) {
	fsys := objectstest.NewMemory()
	plant(t, fsys)
	c := open(t, fsys, ringOf(t, key1), small)
	names := []fleche.Name{name("good"), name("unsealed"), name("nowhere")}
	findings, stats := fsck(t, c, fleche.FsckOptions{Names: names})
	if len(findings) != 2 || findings[name("unsealed").String()].Reason != objects.Unsealed ||
		findings[name("nowhere").String()].Reason != objects.Missing || stats.Objects != 3 || !stats.Complete {
		t.Errorf("%v, %+v", findings, stats)
	}
}

func TestFsckIsInOrderAndEndsInPeace(t *testing.T) {
	fsys := objectstest.NewMemory()
	const count = 1000
	for i := range count {
		put(t, fsys, name(fmt.Sprint(i)).String(), []byte("unsealed."))
	}
	c := open(t, fsys, ringOf(t, key1), nil)
	var last string
	n := 0
	for f, err := range c.Fsck(t.Context(), fleche.FsckOptions{Workers: 4}, nil) {
		if err != nil || f.Path <= last {
			t.Fatalf("%s after %s: %v", f.Path, last, err)
		}
		last = f.Path
		n++
	}
	if n != count {
		t.Errorf("%d findings of %d", n, count)
	}
	for range c.Fsck(t.Context(), fleche.FsckOptions{}, nil) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stats objects.FsckStats
	var last2 error
	for _, err := range c.Fsck(ctx, fleche.FsckOptions{Workers: 2}, &stats) {
		cancel()
		last2 = err
	}
	if !errors.Is(last2, context.Canceled) || stats.Complete {
		t.Errorf("interrupted: %v, %+v", last2, stats)
	}
}

func TestFsckWhatCannotBeRead(t *testing.T) {
	fsys, _ := newDir(t)
	plant(t, fsys)
	faults := objectstest.NewFaultFS(fsys)
	c := open(t, faults.FS(), ringOf(t, key1, key2), small)
	fsck(t, c, fleche.FsckOptions{Workers: 1})
	calls := faults.Calls()
	for n := 1; n <= calls; n++ {
		faults.FailAt(n, false, errDisk)
		findings, stats := fsck(t, c, fleche.FsckOptions{Workers: 1})
		if stats.Complete {
			// The description of a file that is only compared may fail, and a close.
			if op, _, _ := strings.Cut(faults.Log()[n-1], " "); op != "lstat" && op != "close" {
				t.Errorf("call %d, %s, fails, and all is well", n, faults.Log()[n-1])
			}
			continue
		}
		found := false
		for p, f := range findings {
			found = found || f.Reason == objects.IOError && f.Severity == objects.SeverityError && path.Clean(p) == p
		}
		if !found {
			t.Errorf("call %d, %s, fails, and nothing says so", n, faults.Log()[n-1])
		}
	}
}
