package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/memfs"

	"fsk/objects/durable"
)

func TestOpenRegular(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		put(t, fsys, "dir/sub/file", "content")
		put(t, fsys, "empty", "")
		for link, target := range map[string]string{
			"link": "empty", "dir/dangling": "nowhere", "dir/self": "self", "linked": "dir", "out": "/etc/passwd",
		} {
			if err := fsys.Symlink(target, link); err != nil {
				t.Skip("no links here:", err)
			}
		}
		tests := []struct {
			claim, name string
			want        error
			size        int64
		}{
			{"a file", "dir/sub/file", nil, 7},
			{"an empty file", "empty", nil, 0},
			{"nothing", "nothing", fs.ErrNotExist, 0},
			{"nothing in a missing directory", "no/nothing", fs.ErrNotExist, 0},
			{"a directory", "dir/sub", durable.ErrNotRegular, 0},
			{"a link to a file", "link", durable.ErrNotRegular, 0},
			{"a dangling link", "dir/dangling", durable.ErrNotRegular, 0},
			{"a link to itself", "dir/self", durable.ErrNotRegular, 0},
			{"a link out", "out", durable.ErrNotRegular, 0},
			{"a file behind a linked directory", "linked/sub/file", durable.ErrUnsafePath, 0},
			{"a missing file behind a linked directory", "linked/nothing", durable.ErrUnsafePath, 0},
		}
		for _, test := range tests {
			t.Run(test.claim, func(t *testing.T) {
				f, err := durable.OpenRegular(fsys, test.name)
				if !errors.Is(err, test.want) {
					t.Fatalf("error %v, want %v", err, test.want)
				}
				if err != nil {
					return
				}
				defer f.Close()
				if f.Size() != test.size {
					t.Errorf("Size = %d, want %d", f.Size(), test.size)
				}
				buf := make([]byte, 3)
				if n, err := f.ReadAt(buf, 2); test.size > 0 && (n != 3 || err != nil || string(buf) != "nte") {
					t.Errorf("ReadAt = %d, %v, %q", n, err, buf)
				}
			})
		}
	})
}

// TestSizeIsThatOfOpening: what a file grows to afterwards is nobody's business.
func TestSizeIsThatOfOpening(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		put(t, fsys, "file", "content")
		f, err := durable.OpenRegular(fsys, "file")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		put(t, fsys, "file", "longer content")
		if f.Size() != 7 {
			t.Errorf("Size = %d, want 7", f.Size())
		}
	})
}

func TestNames(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		put(t, fsys, "dir/b", "")
		put(t, fsys, "dir/a", "")
		put(t, fsys, "dir/sub/deep", "")
		if got, want := names(t, fsys, "dir"), []string{"a", "b", "sub"}; !slices.Equal(got, want) {
			t.Errorf("Names = %q, want %q", got, want)
		}
		n := 0
		for range durable.Names(fsys, "dir") {
			n++
			break
		}
		if n != 1 {
			t.Errorf("%d names after a break", n)
		}
	})
}

func TestNamesOfMissingDirectory(t *testing.T) {
	for name, newFS := range filesystems {
		if name == "memory" {
			continue // memfs lists a missing directory as an empty one
		}
		t.Run(name, func(t *testing.T) {
			n := 0
			for name, err := range durable.Names(newFS(t), "missing") {
				if n++; name != "" || !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("yields %q, %v, want fs.ErrNotExist", name, err)
				}
			}
			if n != 1 {
				t.Errorf("yields %d times, want once", n)
			}
		})
	}
}

// vanishing fails listings as osfs does when an entry goes meanwhile.
type vanishing struct {
	billy.Filesystem
	fail  int
	err   error
	calls int
}

func (v *vanishing) ReadDir(dir string) ([]fs.FileInfo, error) {
	if v.calls++; v.calls <= v.fail {
		return nil, &fs.PathError{Op: "lstat", Path: dir + "/gone", Err: v.err}
	}
	return v.Filesystem.ReadDir(dir)
}

func TestNamesListsAgainWhenAnEntryVanishes(t *testing.T) {
	tests := []struct {
		name  string
		fail  int
		err   error
		calls int
		want  error
	}{
		{"at once", 0, fs.ErrNotExist, 1, nil},
		{"after three", 3, fs.ErrNotExist, 4, nil},
		{"never: the error is told after a bounded number", 1000, fs.ErrNotExist, 10, fs.ErrNotExist},
		{"another error is told at once", 1, syscall.EIO, 1, syscall.EIO},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inner := memfs.New()
			put(t, inner, "dir/a", "")
			v := &vanishing{Filesystem: inner, fail: test.fail, err: test.err}
			var got error
			for _, err := range durable.Names(v, "dir") {
				got = err
			}
			if !errors.Is(got, test.want) || v.calls != test.calls {
				t.Errorf("error %v after %d listings, want %v after %d", got, v.calls, test.want, test.calls)
			}
		})
	}
}

func TestNamesWhileEntriesComeAndGo(t *testing.T) {
	for _, kind := range []string{"rootfs", "plain"} {
		t.Run(kind, func(t *testing.T) {
			fsys := filesystems[kind](t)
			dir := fsys.Root()
			put(t, fsys, "dir/stays", "")
			stop := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for i := 0; ; i++ {
					select {
					case <-stop:
						return
					default:
					}
					name := filepath.Join(dir, "dir", fmt.Sprintf("goes%d", i%7))
					os.WriteFile(name, nil, 0o666)
					os.Remove(name)
				}
			})
			for range 200 {
				stays := false
				for name, err := range durable.Names(fsys, "dir") {
					if err != nil {
						t.Error(err)
					}
					stays = stays || name == "stays"
				}
				if !stays {
					t.Error("the file that stays is not listed")
				}
			}
			close(stop)
			wg.Wait()
		})
	}
}

func TestAbilities(t *testing.T) {
	if got, want := durable.AbilitiesOf(newRoot(t)), (durable.Abilities{Sync: true, Names: true, Lock: true, Confined: true}); got != want {
		t.Errorf("of rootfs: %+v, want %+v", got, want)
	}
	if got := durable.AbilitiesOf(memfs.New()); got != (durable.Abilities{}) {
		t.Errorf("of memfs: %+v, want none", got)
	}
	if err := durable.SyncDir(memfs.New(), "x"); err != nil {
		t.Errorf("SyncDir without the ability: %v", err)
	}
}
