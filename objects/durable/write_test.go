package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
	"fsk/objects/objectstest"
)

func TestOrderOfOperations(t *testing.T) {
	ops := []string{"openfile", "write", "sync", "close", "mkdirall", "rename", "syncdir", "remove", "create", "truncate"}
	tests := []struct {
		name  string
		level durable.Level
		had   []string // files that are there before
		twice bool     // look at the second file that one Writer makes
		want  []string
	}{
		{"the first file syncs itself, then the directories upward", durable.Full, []string{"tmp/x", "a/b/x"}, false, []string{
			"openfile tmp/*", "write tmp/*", "sync tmp/*", "close tmp/*", "rename tmp/* a/b/name",
			"syncdir a/b", "syncdir a", "syncdir .",
		}},
		{"the second file in a directory syncs that one only", durable.Full, []string{"tmp/x", "a/b/x"}, true, []string{
			"openfile tmp/*", "write tmp/*", "sync tmp/*", "close tmp/*", "rename tmp/* a/b/name", "syncdir a/b",
		}},
		{"missing directories are made late, and synced", durable.Full, nil, false, []string{
			"openfile tmp/*", "mkdirall tmp", "openfile tmp/*", "write tmp/*", "sync tmp/*", "close tmp/*",
			"rename tmp/* a/b/name", "mkdirall a/b", "rename tmp/* a/b/name", "syncdir a/b", "syncdir a", "syncdir .",
		}},
		{"level none syncs nothing", durable.None, []string{"tmp/x"}, false, []string{
			"openfile tmp/*", "write tmp/*", "close tmp/*", "rename tmp/* a/b/name", "mkdirall a/b", "rename tmp/* a/b/name",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := newRoot(t)
			for _, name := range test.had {
				put(t, root, name, "")
			}
			faults := objectstest.NewFaultFS(root)
			w := durable.NewWriter(faults.FS(), "tmp", test.level)
			if test.twice {
				if err := write(w, "a/b/first", "content"); err != nil {
					t.Fatal(err)
				}
				faults.FailAt(0, false, nil) // begins a new log
			}
			if err := write(w, "a/b/name", "content"); err != nil {
				t.Fatal(err)
			}
			if got := calls(faults.Log(), ops...); !slices.Equal(got, test.want) {
				t.Errorf("calls\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestPublishes(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		w := durable.NewWriter(fsys, "tmp", durable.Full)
		for _, text := range []string{"first", "", "second"} {
			if err := write(w, "dir/name", text); err != nil {
				t.Fatal(err)
			}
			if got := content(t, fsys, "dir/name"); got != text {
				t.Errorf("content %q, want %q", got, text)
			}
		}
		if left := names(t, fsys, "tmp"); len(left) != 0 {
			t.Errorf("left in tmp: %v", left)
		}
	})
}

func TestTempFiles(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		w := durable.NewWriter(fsys, "tmp", durable.Full)
		seen := make(map[string]bool)
		for range 20 {
			f, err := w.Create()
			if err != nil {
				t.Fatal(err)
			}
			list := names(t, fsys, "tmp")
			if len(list) != 1 || len(list[0]) != durable.TempNameSize || seen[list[0]] {
				t.Fatalf("temporary files %v, want one new name of %d characters", list, durable.TempNameSize)
			}
			seen[list[0]] = true
			if info, err := fsys.Lstat("tmp/" + list[0]); err != nil || info.Mode().Perm() != 0o444 {
				t.Errorf("mode %v, %v, want 0444", info.Mode(), err)
			}
			f.Discard()
			f.Discard() // more than once is allowed
		}
		if left := names(t, fsys, "tmp"); len(left) != 0 {
			t.Errorf("left in tmp: %v", left)
		}
	})
}

func TestSizeCountsWhatWasWritten(t *testing.T) {
	w := durable.NewWriter(newRoot(t), "tmp", durable.None)
	f, err := w.Create()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Discard()
	for i := range 5 {
		if f.Size() != int64(10*i) {
			t.Errorf("Size = %d, want %d", f.Size(), 10*i)
		}
		if n, err := f.Write(make([]byte, 10)); n != 10 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
}

// losing takes bytes and loses them, without an error.
type losing struct {
	billy.Filesystem
	short bool // tell how many were written, but no error
}

type losingFile struct {
	billy.File
	short bool
}

func (l losing) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	f, err := l.Filesystem.OpenFile(name, flag, perm)
	return losingFile{f, l.short}, err
}

func (f losingFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p[:len(p)/2])
	if f.short {
		return n, err
	}
	return len(p), err
}

func TestLostBytesAreNotPublished(t *testing.T) {
	for name, short := range map[string]bool{"short write without an error": true, "full count, fewer bytes": false} {
		t.Run(name, func(t *testing.T) {
			fsys := newRoot(t)
			put(t, fsys, "name", "old")
			w := durable.NewWriter(losing{fsys, short}, "tmp", durable.Full)
			if err := write(w, "name", "new content"); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("error %v, want io.ErrShortWrite", err)
			}
			if got := content(t, fsys, "name"); got != "old" {
				t.Errorf("content %q, want the old", got)
			}
			if left := names(t, fsys, "tmp"); len(left) != 0 {
				t.Errorf("left in tmp: %v", left)
			}
		})
	}
}

func TestCommitAfterFailedWriteIsRefused(t *testing.T) {
	fsys := newRoot(t)
	put(t, fsys, "tmp/keep", "")
	faults := objectstest.NewFaultFS(fsys)
	w := durable.NewWriter(faults.FS(), "tmp", durable.Full)
	f, err := w.Create()
	if err != nil {
		t.Fatal(err)
	}
	faults.FailAt(1, false, syscall.ENOSPC)
	if _, err := f.Write([]byte("a")); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("Write: %v", err)
	}
	if _, err := f.Write([]byte("b")); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit("name"); err == nil {
		t.Error("a file with a hole was published")
	}
	if got := content(t, fsys, "name"); got != "absent" {
		t.Errorf("content %q, want no file", got)
	}
	if left := names(t, fsys, "tmp"); !slices.Equal(left, []string{"keep"}) {
		t.Errorf("left in tmp: %v", left)
	}
}

func TestPlantedTempDirectoryIsNotWrittenThrough(t *testing.T) {
	fsys := newRoot(t)
	put(t, fsys, "victim/file", "victim")
	if err := fsys.Symlink("victim", "tmp"); err != nil {
		t.Skip("no links here:", err)
	}
	w := durable.NewWriter(fsys, "tmp", durable.Full)
	if err := write(w, "name", "content"); !errors.Is(err, durable.ErrUnsafePath) {
		t.Errorf("error %v, want ErrUnsafePath", err)
	}
	if got := names(t, fsys, "victim"); !slices.Equal(got, []string{"file"}) {
		t.Errorf("the directory behind the link has %v", got)
	}
}

func TestSyncFileAndRemove(t *testing.T) {
	for level, want := range map[durable.Level][]string{
		durable.Full: {"sync a/b/name", "syncdir a/b", "syncdir a", "syncdir .", "remove a/b/name", "syncdir a/b"},
		durable.None: {"remove a/b/name"},
	} {
		t.Run(level.String(), func(t *testing.T) {
			root := newRoot(t)
			put(t, root, "a/b/name", "content")
			faults := objectstest.NewFaultFS(root)
			w := durable.NewWriter(faults.FS(), "tmp", level)
			f, err := durable.OpenRegular(faults.FS(), "a/b/name")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := errors.Join(w.SyncFile(f), w.SyncName("a/b/name")); err != nil {
				t.Fatal(err)
			}
			if err := w.Remove("a/b/name"); err != nil {
				t.Fatal(err)
			}
			if got := calls(faults.Log(), "sync", "syncdir", "remove", "write"); !slices.Equal(got, want) {
				t.Errorf("calls %q, want %q", got, want)
			}
			if err := w.Remove("a/b/name"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("removing again: %v, want fs.ErrNotExist", err)
			}
		})
	}
}

func TestConcurrentWriters(t *testing.T) {
	for name, newFS := range filesystems {
		t.Run(name, func(t *testing.T) {
			fsys := newFS(t)
			w := durable.NewWriter(fsys, "tmp", durable.Full)
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					for i := range 10 {
						text := strings.Repeat(string(rune('a'+g)), 100)
						if err := write(w, "dir/sub"+string(rune('0'+i))+"/name", text); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for i := range 10 {
				got := content(t, fsys, "dir/sub"+string(rune('0'+i))+"/name")
				if len(got) != 100 || strings.Trim(got, got[:1]) != "" {
					t.Errorf("content %q is of two writers", got)
				}
			}
		})
	}
}

func TestLevels(t *testing.T) {
	for name, want := range map[string]durable.Level{"full": durable.Full, "none": durable.None} {
		if got, err := durable.ParseLevel(name); err != nil || got != want || got.String() != name {
			t.Errorf("ParseLevel(%q) = %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "Full", "FULL", "full ", "fast", "0"} {
		if _, err := durable.ParseLevel(name); err == nil {
			t.Errorf("ParseLevel accepts %q", name)
		}
	}
}
