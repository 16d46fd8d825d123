package objectstest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

var dirClaims = []claim{
	{"MkdirAll makes parents and may be repeated", func(t *testing.T, fsys billy.Filesystem) {
		for range 2 {
			for _, dir := range []string{"a/b/c", "a/b", "a"} {
				mkdir(t, fsys, dir)
				if info, err := fsys.Lstat(dir); err != nil || !info.IsDir() {
					t.Errorf("after MkdirAll, Lstat(%q) = %v, %v", dir, info, err)
				}
			}
		}
		wantNames(t, fsys, "a/b", "c")
		wantNames(t, fsys, "a/b/c")
	}},
	{"MkdirAll over a file is an error", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/file", []byte("text"))
		if err := fsys.MkdirAll("dir/file", 0o777); err == nil {
			t.Error("MkdirAll over a file succeeded")
		}
		wantContent(t, fsys, "dir/file", []byte("text"))
	}},
	{"MkdirAll from many goroutines succeeds for all", func(t *testing.T, fsys billy.Filesystem) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				if err := fsys.MkdirAll("a/b/c", 0o777); err != nil {
					t.Errorf("MkdirAll: %v", err)
				}
				if err := fsys.MkdirAll(fmt.Sprintf("a/b/%d", i), 0o777); err != nil {
					t.Errorf("MkdirAll: %v", err)
				}
			})
		}
		wg.Wait()
		wantNames(t, fsys, "a/b", "c", "0", "1", "2", "3", "4", "5", "6", "7")
	}},
	{"both listings are complete", func(t *testing.T, fsys billy.Filesystem) {
		mkdir(t, fsys, "dir/sub")
		want := []string{"sub"}
		for i := range 2500 { // more than one read of a directory gives
			name := fmt.Sprintf("%04d", i)
			f := create(t, fsys, "dir/"+name)
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			want = append(want, name)
		}
		wantNames(t, fsys, "dir", want...)
	}},
	{"ReadDir is sorted and describes", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/b", []byte("22"))
		write(t, fsys, "dir/a", []byte("1"))
		mkdir(t, fsys, "dir/c")
		infos, err := fsys.ReadDir("dir")
		if err != nil || len(infos) != 3 {
			t.Fatalf("ReadDir = %v, %v", infos, err)
		}
		for i, want := range []struct {
			name string
			size int64
			dir  bool
		}{{"a", 1, false}, {"b", 2, false}, {"c", 0, true}} {
			info := infos[i]
			if info.Name() != want.name || info.IsDir() != want.dir || !want.dir && info.Size() != want.size {
				t.Errorf("entry %d is %q, %d bytes, %v, want %v", i, info.Name(), info.Size(), info.Mode(), want)
			}
		}
	}},
	{"the root can be listed", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "file", nil)
		mkdir(t, fsys, "dir")
		wantNames(t, fsys, "", "file", "dir")
		wantNames(t, fsys, ".", "file", "dir")
	}},
	{"a listing that is left early ends", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/a", nil)
		write(t, fsys, "dir/b", nil)
		seen := 0
		for range durable.Names(fsys, "dir") {
			seen++
			break
		}
		if seen != 1 {
			t.Errorf("the loop ran %d times, want once", seen)
		}
		wantNames(t, fsys, "dir", "a", "b") // and the next one begins anew
	}},
	{"listing while entries come and go is no error", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/stays", nil)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("dir/%05d", i)
				f, err := fsys.Create(name)
				if err == nil {
					f.Close()
					err = fsys.Remove(name)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
		for range 50 {
			found := false
			for name, err := range durable.Names(fsys, "dir") {
				if err != nil {
					t.Errorf("Names: %v", err)
				}
				found = found || name == "stays"
			}
			if !found {
				t.Error("Names left out an entry that was there all the time")
			}
		}
		close(stop)
		wg.Wait()
	}},
	{"Chroot is the directory", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "a/b/one", []byte("1"))
		sub, err := fsys.Chroot("a/b")
		if err != nil {
			t.Fatalf("Chroot: %v", err)
		}
		wantContent(t, sub, "one", []byte("1"))
		write(t, sub, "two", []byte("2"))
		wantContent(t, fsys, "a/b/two", []byte("2"))
		wantNames(t, sub, "", "one", "two")
		if _, err := durable.OpenRegular(sub, "../b/one"); err == nil {
			t.Error("a name that leads out of it is opened")
		}
	}},
}
