//go:build unix

package refs_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"fsk/objects"
	"fsk/refs"
)

// TestWhatIsNoFile: links, FIFOs and directories in the place of a ref, and links among
// the directories, are refused, and replaced only where nothing behind them is touched.
func TestWhatIsNoFile(t *testing.T) {
	good := func(name string) []byte {
		return record{name: name, digest: digestOf("x").String(), key: key1}.bytes()
	}
	tests := []struct {
		claim string
		plant func(dir, outside string) error // makes refs/a/main
		want  objects.Reason
		set   objects.Reason // what an update says, "" if it replaces it
	}{
		{"a link to a good record", func(dir, outside string) error {
			return os.Symlink(filepath.Join(outside, "main"), filepath.Join(dir, "refs/a/main"))
		}, objects.NotRegular, ""},
		{"a link to a good record inside", func(dir, _ string) error {
			os.WriteFile(filepath.Join(dir, "refs/copy"), good("a/main"), 0o644)
			return os.Symlink("../copy", filepath.Join(dir, "refs/a/main"))
		}, objects.NotRegular, ""},
		{"a dangling link", func(dir, _ string) error {
			return os.Symlink("nowhere", filepath.Join(dir, "refs/a/main"))
		}, objects.NotRegular, ""},
		{"a FIFO", func(dir, _ string) error {
			return syscall.Mkfifo(filepath.Join(dir, "refs/a/main"), 0o666)
		}, objects.NotRegular, ""},
		{"a directory with something in it", func(dir, _ string) error {
			return os.MkdirAll(filepath.Join(dir, "refs/a/main/.x"), 0o777)
		}, objects.NotRegular, ""},
		{"a directory with a file in it", func(dir, _ string) error {
			os.Mkdir(filepath.Join(dir, "refs/a/main"), 0o777)
			return os.WriteFile(filepath.Join(dir, "refs/a/main/x"), nil, 0o644)
		}, objects.NotRegular, objects.RefConflict},
		{"a link in the place of the lock", func(dir, outside string) error {
			return os.Symlink(filepath.Join(outside, "main"), filepath.Join(dir, "refs/.lock"))
		}, objects.Missing, objects.NotRegular},
		{"a link among the directories", func(dir, outside string) error {
			os.Remove(filepath.Join(dir, "refs/a"))
			return os.Symlink(outside, filepath.Join(dir, "refs/a"))
		}, objects.UnsafePath, objects.UnsafePath},
		{"a link in the place of all refs", func(dir, outside string) error {
			os.RemoveAll(filepath.Join(dir, "refs"))
			return os.Symlink(filepath.Dir(outside), filepath.Join(dir, "refs"))
		}, objects.UnsafePath, objects.UnsafePath},
	}
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			fsys := newRoot(t)
			outside := filepath.Join(t.TempDir(), "a")
			if err := os.MkdirAll(filepath.Join(fsys.Root(), "refs/a"), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(outside, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(outside, "main"), good("a/main"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := test.plant(fsys.Root(), outside); err != nil {
				t.Fatal(err)
			}
			w := open(t, fsys, ringOf(t, key1), refs.Options{})
			d := w.put("x")
			w.wantMiss("a/main", test.want)
			for ref, err := range w.All(t.Context(), "") {
				if err == nil {
					t.Errorf("All yields %+v", ref)
				}
			}
			found := 0
			for f, err := range w.Check(t.Context(), nil) {
				if err != nil || f.Next == "" {
					t.Errorf("Check: %+v, %v", f, err)
				}
				found++
			}
			if found == 0 {
				t.Error("Check finds nothing")
			}
			for _, err := range w.Reseal(t.Context(), nil) {
				if err != nil {
					t.Error(err)
				}
			}
			_, err := w.Update(t.Context(), nameOf(t, "a/main"), refs.Change{Digest: d})
			if test.set == "" {
				if err != nil {
					t.Errorf("Update: %v", err)
				}
				w.wantRef("a/main", "x")
			} else {
				wantError(t, "Update", err, test.set)
			}
			entries, err := os.ReadDir(outside)
			if err != nil || len(entries) != 1 {
				t.Errorf("behind the link there is %v, %v", entries, err)
			}
			content, err := os.ReadFile(filepath.Join(outside, "main"))
			if err != nil || string(content) != string(good("a/main")) {
				t.Errorf("behind the link there is now %q, %v", content, err)
			}
		})
	}
}
