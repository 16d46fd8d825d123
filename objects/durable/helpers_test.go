package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/objects/rootfs"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		lockChild()
		return
	}
	os.Exit(m.Run())
}

func newRoot(t testing.TB) *rootfs.FS {
	t.Helper()
	fsys, err := rootfs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys
}

// plain is a filesystem on the disk that has nothing but what billy asks for.
type plain struct{ billy.Filesystem }

// filesystems are those on which everything must work, with all abilities or none.
var filesystems = map[string]func(t testing.TB) billy.Filesystem{
	"rootfs": func(t testing.TB) billy.Filesystem { return newRoot(t) },
	"memory": func(testing.TB) billy.Filesystem { return objectstest.NewMemory() },
	"plain":  func(t testing.TB) billy.Filesystem { return plain{newRoot(t)} },
}

func each(t *testing.T, test func(t *testing.T, fsys billy.Filesystem)) {
	for name, newFS := range filesystems {
		t.Run(name, func(t *testing.T) { test(t, newFS(t)) })
	}
}

// put writes a file as it is, without the code under test.
func put(t testing.TB, fsys billy.Filesystem, name, content string) {
	t.Helper()
	if err := fsys.MkdirAll(path.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := fsys.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, content); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// content returns a file's bytes, or "absent".
func content(t testing.TB, fsys billy.Filesystem, name string) string {
	t.Helper()
	f, err := fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "absent"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names returns the names in a directory in order, none if it is absent.
func names(t testing.TB, fsys billy.Filesystem, dir string) []string {
	t.Helper()
	var list []string
	for name, err := range durable.Names(fsys, dir) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// write puts a file in place with the code under test.
func write(w *durable.Writer, name, content string) error {
	f, err := w.Create()
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := io.WriteString(f, content); err != nil {
		return err
	}
	return f.Commit(name)
}

// calls returns the operations of a log whose names begin with one of the given.
func calls(log []string, ops ...string) []string {
	var list []string
	for _, call := range log {
		op, name, _ := strings.Cut(call, " ")
		if slices.Contains(ops, op) {
			list = append(list, op+" "+anonymous(name))
		}
	}
	return list
}

// anonymous replaces random names.
func anonymous(name string) string {
	words := strings.Fields(name)
	for i, word := range words {
		if dir, base := path.Split(word); dir == "tmp/" && len(base) == durable.TempNameSize {
			words[i] = "tmp/*"
		}
	}
	return strings.Join(words, " ")
}
