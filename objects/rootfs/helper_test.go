package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fsk/objects/durable"
)

// The helpers act on the real directory, as an attacker would.

func mkdirAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	mkdirAll(t, filepath.Dir(name))
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skipf("no links can be made here: %v", err)
	}
}

func wantText(t *testing.T, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(name); string(got) != want || err != nil {
		t.Errorf("%s holds %q, %v, want %q", filepath.Base(name), got, err, want)
	}
}

func wantEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %q, want %q", filepath.Base(dir), got, want)
	}
}

// wantNotRegular tries every way to open a name.
func wantNotRegular(t *testing.T, f *FS, name string) {
	t.Helper()
	if _, err := f.OpenRegular(name); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("OpenRegular(%q) = %v, want ErrNotRegular", name, err)
	}
	if _, err := f.Open(name); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("Open(%q) = %v, want ErrNotRegular", name, err)
	}
	for _, flag := range []int{os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_CREATE} {
		if _, err := f.OpenFile(name, flag, 0o666); !errors.Is(err, durable.ErrNotRegular) {
			t.Errorf("OpenFile(%q, %#x) = %v, want ErrNotRegular", name, flag, err)
		}
	}
	if _, err := f.TryLock(name, true); !errors.Is(err, durable.ErrNotRegular) {
		t.Errorf("TryLock(%q) = %v, want ErrNotRegular", name, err)
	}
}
