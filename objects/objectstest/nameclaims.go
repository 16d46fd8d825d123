package objectstest

import (
	"fmt"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

var nameClaims = []claim{
	{"what is missing is fs.ErrNotExist", func(t *testing.T, fsys billy.Filesystem) {
		mkdir(t, fsys, "dir")
		for _, name := range []string{"none", "dir/none", "none/none"} {
			_, err := fsys.Open(name)
			wantError(t, "Open", err, fs.ErrNotExist)
			_, err = fsys.OpenFile(name, os.O_WRONLY, 0)
			wantError(t, "OpenFile without O_CREATE", err, fs.ErrNotExist)
			_, err = durable.OpenRegular(fsys, name)
			wantError(t, "OpenRegular", err, fs.ErrNotExist)
			_, err = fsys.Stat(name)
			wantError(t, "Stat", err, fs.ErrNotExist)
			_, err = fsys.Lstat(name)
			wantError(t, "Lstat", err, fs.ErrNotExist)
			_, err = fsys.ReadDir(name)
			wantError(t, "ReadDir", err, fs.ErrNotExist)
			wantError(t, "Remove", fsys.Remove(name), fs.ErrNotExist)
			wantError(t, "Rename", fsys.Rename(name, "new"), fs.ErrNotExist)
			for _, err = range durable.Names(fsys, name) {
			}
			wantError(t, "Names", err, fs.ErrNotExist)
		}
		wantNames(t, fsys, "dir")
	}},
	{"what is made in a missing directory is fs.ErrNotExist or makes it", func(t *testing.T, fsys billy.Filesystem) {
		if f, err := fsys.OpenFile("a/file", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444); err == nil {
			f.Close()
			wantContent(t, fsys, "a/file", nil)
		} else {
			wantError(t, "creation", err, fs.ErrNotExist)
		}
		write(t, fsys, "file", []byte("text"))
		if err := fsys.Rename("file", "b/file"); err == nil {
			wantContent(t, fsys, "b/file", []byte("text"))
		} else {
			wantError(t, "Rename", err, fs.ErrNotExist)
			wantContent(t, fsys, "file", []byte("text"))
		}
	}},
	{"a name that leads out is an error", func(t *testing.T, fsys billy.Filesystem) {
		mkdir(t, fsys, "dir")
		for _, name := range []string{"../none", "dir/../../none", ".."} {
			if _, err := durable.OpenRegular(fsys, name); err == nil {
				t.Errorf("OpenRegular(%q) succeeded", name)
			}
		}
	}},
	{"Rename moves a file", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "from/file", []byte("text"))
		mkdir(t, fsys, "to/deep")
		if err := fsys.Rename("from/file", "to/deep/name"); err != nil {
			t.Fatalf("Rename: %v", err)
		}
		wantContent(t, fsys, "to/deep/name", []byte("text"))
		wantNames(t, fsys, "from")
		wantNames(t, fsys, "to/deep", "name")
	}},
	{"Rename replaces a file, whose readers keep the old one", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/old", []byte("old"))
		write(t, fsys, "dir/new", []byte("new"))
		r := openRegular(t, fsys, "dir/old")
		defer r.Close()
		if err := fsys.Rename("dir/new", "dir/old"); err != nil {
			t.Fatalf("Rename: %v", err)
		}
		wantContent(t, fsys, "dir/old", []byte("new"))
		wantNames(t, fsys, "dir", "old")
		p := make([]byte, 3)
		if n, _ := r.ReadAt(p, 0); string(p[:n]) != "old" {
			t.Errorf("the file that was open before reads %q, want %q", p[:n], "old")
		}
	}},
	{"Rename keeps other names", func(t *testing.T, fsys billy.Filesystem) {
		// Names of one length, as fsk's are: memfs moves those that begin alike.
		for i := range 12 {
			write(t, fsys, fmt.Sprintf("tmp/%02d", i), fmt.Append(nil, "text ", i))
		}
		mkdir(t, fsys, "to")
		if err := fsys.Rename("tmp/01", "to/01"); err != nil {
			t.Fatalf("Rename: %v", err)
		}
		wantNames(t, fsys, "tmp", "00", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11")
		wantContent(t, fsys, "tmp/11", []byte("text 11"))
		wantContent(t, fsys, "to/01", []byte("text 1"))
	}},
	{"Rename over one name from many goroutines leaves one whole file", func(t *testing.T, fsys billy.Filesystem) {
		mkdir(t, fsys, "tmp")
		write(t, fsys, "file", []byte("content 0"))
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				tmp := fmt.Sprintf("tmp/%d", i)
				f, err := fsys.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
				if err == nil {
					fmt.Fprintf(f, "content %d", i)
					err = f.Close()
				}
				if err == nil {
					err = fsys.Rename(tmp, "file")
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		for range 50 {
			r, err := durable.OpenRegular(fsys, "file")
			if err != nil {
				t.Errorf("OpenRegular while the file is replaced: %v", err)
				break
			}
			if r.Size() != 9 {
				t.Errorf("while the file is replaced it has %d bytes, want 9", r.Size())
			}
			r.Close()
		}
		wg.Wait()
		wantNames(t, fsys, "tmp")
	}},
	{"Remove removes a file or an empty directory", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/file", nil)
		if err := fsys.Remove("dir"); err == nil {
			t.Error("Remove of a directory that is not empty succeeded")
		}
		for _, name := range []string{"dir/file", "dir"} {
			if err := fsys.Remove(name); err != nil {
				t.Errorf("Remove(%q): %v", name, err)
			}
			_, err := fsys.Lstat(name)
			wantError(t, "Lstat after Remove", err, fs.ErrNotExist)
		}
	}},
	{"Lstat tells files from directories", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "dir/file", []byte("12345"))
		for _, stat := range []func(string) (fs.FileInfo, error){fsys.Lstat, fsys.Stat} {
			info, err := stat("dir/file")
			if err != nil {
				t.Fatal(err)
			}
			if info.Name() != "file" || info.Size() != 5 || !info.Mode().IsRegular() || info.IsDir() {
				t.Errorf("of a file: name %q, size %d, mode %v", info.Name(), info.Size(), info.Mode())
			}
			info, err = stat("dir")
			if err != nil {
				t.Fatal(err)
			}
			if info.Name() != "dir" || !info.IsDir() {
				t.Errorf("of a directory: name %q, mode %v", info.Name(), info.Mode())
			}
		}
	}},
}
