package objectstest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

// mkdir makes a directory of the suite.
func mkdir(t *testing.T, fsys billy.Filesystem, dir string) {
	t.Helper()
	if err := fsys.MkdirAll(dir, 0o777); err != nil {
		t.Fatalf("MkdirAll(%q): %v", dir, err)
	}
}

// write makes a file, and its directory, as fsk does: exclusively and read-only.
func write(t *testing.T, fsys billy.Filesystem, name string, data []byte) {
	t.Helper()
	if dir := path.Dir(name); dir != "." {
		mkdir(t, fsys, dir)
	}
	f := create(t, fsys, name)
	if n, err := f.Write(data); err != nil || n != len(data) {
		t.Fatalf("Write of %d bytes to %q = %d, %v", len(data), name, n, err)
	}
	if err := f.Close(); err != nil {
		t.Fatalf("Close of %q: %v", name, err)
	}
}

func create(t *testing.T, fsys billy.Filesystem, name string) billy.File {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		t.Fatalf("OpenFile(%q, O_WRONLY|O_CREATE|O_EXCL): %v", name, err)
	}
	return f
}

// wantContent reads a file in both ways that fsk has.
func wantContent(t *testing.T, fsys billy.Filesystem, name string, want []byte) {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Errorf("Open(%q): %v", name, err)
		return
	}
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("reading %q = %s, %v, want %s", name, brief(got), err, brief(want))
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close of %q: %v", name, err)
	}

	r := openRegular(t, fsys, name)
	defer r.Close()
	if r.Size() != int64(len(want)) {
		t.Errorf("Size of %q = %d, want %d", name, r.Size(), len(want))
	}
	got = make([]byte, len(want))
	if n, err := r.ReadAt(got, 0); n != len(want) || err != nil && err != io.EOF || !bytes.Equal(got, want) {
		t.Errorf("ReadAt of %q = %d, %v, %s, want %s", name, n, err, brief(got), brief(want))
	}
}

func openRegular(t *testing.T, fsys billy.Filesystem, name string) durable.RegularFile {
	t.Helper()
	r, err := durable.OpenRegular(fsys, name)
	if err != nil {
		t.Fatalf("OpenRegular(%q): %v", name, err)
	}
	return r
}

// brief shows bytes of which only the beginning is of interest.
func brief(b []byte) string {
	const most = 32
	if len(b) <= most {
		return string(b)
	}
	return string(b[:most]) + "…"
}

// wantError checks that err is or wraps want.
func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s = %v, want an error that is %q", what, err, want)
	}
}

// wantNames checks both listings of a directory.
func wantNames(t *testing.T, fsys billy.Filesystem, dir string, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	for name, err := range durable.Names(fsys, dir) {
		if err != nil {
			t.Errorf("Names(%q): %v", dir, err)
			return
		}
		got = append(got, name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("Names(%q) = %q, want %q", dir, got, want)
	}
	infos, err := fsys.ReadDir(dir)
	if err != nil {
		t.Errorf("ReadDir(%q): %v", dir, err)
		return
	}
	got = nil
	for _, info := range infos {
		got = append(got, info.Name())
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("ReadDir(%q) = %q, want %q", dir, got, want)
	}
}
