package objectstest

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

var fileClaims = []claim{
	{"what was written is read back", func(t *testing.T, fsys billy.Filesystem) {
		for _, size := range []int{0, 1, 63, 4096, 1<<20 + 1} {
			name := fmt.Sprintf("dir/%08d", size)
			data := bytes.Repeat([]byte("0123456789abcdef\n"), size/17+1)[:size]
			write(t, fsys, name, data)
			wantContent(t, fsys, name, data)
		}
	}},
	{"several writes follow one another", func(t *testing.T, fsys billy.Filesystem) {
		f := create(t, fsys, "file")
		for _, s := range []string{"one ", "two ", "three"} {
			if n, err := io.WriteString(f, s); n != len(s) || err != nil {
				t.Fatalf("Write(%q) = %d, %v", s, n, err)
			}
		}
		if end, err := f.Seek(0, io.SeekEnd); end != 13 || err != nil {
			t.Errorf("Seek to the end of a file that is being written = %d, %v, want 13", end, err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		wantContent(t, fsys, "file", []byte("one two three"))
	}},
	{"exclusive creation refuses an existing file", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "file", []byte("first"))
		_, err := fsys.OpenFile("file", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
		wantError(t, "exclusive creation of an existing file", err, fs.ErrExist)
		wantContent(t, fsys, "file", []byte("first"))
	}},
	{"exclusive creation has one winner", func(t *testing.T, fsys billy.Filesystem) {
		const workers = 8
		var wg sync.WaitGroup
		errs := make([]error, workers)
		for i := range workers {
			wg.Go(func() {
				f, err := fsys.OpenFile("file", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
				if err == nil {
					err = f.Close()
				}
				errs[i] = err
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				wantError(t, "losing", err, fs.ErrExist)
			}
		}
		if won != 1 {
			t.Errorf("%d of %d exclusive creations succeeded, want 1", won, workers)
		}
	}},
	{"Create empties a file", func(t *testing.T, fsys billy.Filesystem) {
		for _, s := range []string{"a long text", "short"} {
			f, err := fsys.Create("file")
			if err != nil {
				t.Fatalf("Create: %v", err)
			}
			io.WriteString(f, s)
			if err := f.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			wantContent(t, fsys, "file", []byte(s))
		}
	}},
	{"ReadAt is short at the end only", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "file", []byte("0123456789"))
		r := openRegular(t, fsys, "file")
		defer r.Close()
		for _, c := range []struct {
			off  int64
			size int
			want string
			eof  bool
		}{
			{0, 4, "0123", false},
			{6, 3, "678", false},
			{6, 5, "6789", true},
			{10, 1, "", true},
			{1000, 1, "", true},
			{0, 11, "0123456789", true},
		} {
			p := make([]byte, c.size)
			n, err := r.ReadAt(p, c.off)
			if string(p[:n]) != c.want || c.eof && err != io.EOF || !c.eof && err != nil {
				t.Errorf("ReadAt of %d bytes at %d = %q, %v, want %q, EOF %t", c.size, c.off, p[:n], err, c.want, c.eof)
			}
		}
		if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
			t.Error("ReadAt before the beginning succeeded")
		}
	}},
	{"ReadAt is for several goroutines at once", func(t *testing.T, fsys billy.Filesystem) {
		data := bytes.Repeat([]byte("abcdefgh"), 4096)
		write(t, fsys, "file", data)
		r := openRegular(t, fsys, "file")
		defer r.Close()
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				p := make([]byte, 1000)
				for off := i; off+len(p) <= len(data); off += 997 {
					if n, err := r.ReadAt(p, int64(off)); n != len(p) || err != nil || !bytes.Equal(p, data[off:off+len(p)]) {
						t.Errorf("ReadAt at %d = %d, %v, or other bytes", off, n, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}},
	{"Close twice and use after Close are errors", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "file", []byte("0123456789"))
		r := openRegular(t, fsys, "file")
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		wantError(t, "second Close", r.Close(), fs.ErrClosed)
		_, err := r.ReadAt(make([]byte, 1), 0)
		wantError(t, "ReadAt after Close", err, fs.ErrClosed)
	}},
	{"a file that was removed stays readable where it is open", func(t *testing.T, fsys billy.Filesystem) {
		write(t, fsys, "file", []byte("still here"))
		r := openRegular(t, fsys, "file")
		defer r.Close()
		if err := fsys.Remove("file"); err != nil {
			t.Skipf("an open file cannot be removed here: %v", err)
		}
		p := make([]byte, 10)
		if n, err := r.ReadAt(p, 0); n != 10 || err != nil && err != io.EOF || string(p) != "still here" {
			t.Errorf("ReadAt = %q, %v", p[:n], err)
		}
	}},
	{"a directory is not a regular file", func(t *testing.T, fsys billy.Filesystem) {
		mkdir(t, fsys, "dir/sub")
		for _, name := range []string{"dir", "dir/sub"} {
			_, err := durable.OpenRegular(fsys, name)
			wantError(t, "OpenRegular of a directory", err, durable.ErrNotRegular)
			if _, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666); err == nil {
				t.Error("opening a directory for writing succeeded")
			}
		}
	}},
	{"temporary files have new names", func(t *testing.T, fsys billy.Filesystem) {
		mkdir(t, fsys, "tmp")
		seen := make(map[string]bool)
		for range 10 {
			f, err := fsys.TempFile("tmp", "x")
			if err != nil {
				t.Fatalf("TempFile: %v", err)
			}
			if seen[f.Name()] {
				t.Errorf("TempFile gave the name %q twice", f.Name())
			}
			seen[f.Name()] = true
			io.WriteString(f, "text")
			if err := f.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			wantContent(t, fsys, f.Name(), []byte("text"))
		}
	}},
}
