package rootfs

import (
	"errors"
	"fsk/objects/durable"
	"io/fs"
	"testing"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"": ".", ".": ".", "a": "a", "a/b": "a/b", "..a/b..": "..a/b..", "a b\n": "a b\n",
		"-rf": "-rf", "\xff\xfe": "\xff\xfe", "...": "...",
	} {
		if got, err := clean(name); got != want || err != nil {
			t.Errorf("clean(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{
		"/", "/a", "..", "../a", "a/..", "a/../b", "a//b", "a/", "./a", "a/.", "a/./b", "//", "\x00", "a\x00b", "a/\x00",
	} {
		if got, err := clean(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("clean(%q) = %q, %v, want fs.ErrInvalid", name, got, err)
		}
	}
}

func TestBadNamesAreRefusedByEveryMethod(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		f := v.open(t, t.TempDir())
		for _, bad := range []string{"../x", "/etc/passwd", "a/../../x", "a\x00"} {
			errs := make(map[string]error)
			_, errs["OpenRegular"] = f.OpenRegular(bad)
			_, errs["Open"] = f.Open(bad)
			_, errs["Create"] = f.Create(bad)
			_, errs["TempFile"] = f.TempFile(bad, "x")
			_, errs["TempFile with a prefix"] = f.TempFile("", bad)
			_, errs["Stat"] = f.Stat(bad)
			_, errs["Lstat"] = f.Lstat(bad)
			_, errs["ReadDir"] = f.ReadDir(bad)
			_, errs["Readlink"] = f.Readlink(bad)
			_, errs["Chroot"] = f.Chroot(bad)
			_, errs["TryLock"] = f.TryLock(bad, true)
			errs["MkdirAll"] = f.MkdirAll(bad, 0o777)
			errs["Remove"] = f.Remove(bad)
			errs["Rename from"] = f.Rename(bad, "x")
			errs["Rename to"] = f.Rename("x", bad)
			errs["Symlink"] = f.Symlink("x", bad)
			errs["SyncDir"] = durable.SyncDir(f, bad)
			for _, errs["Names"] = range f.Names(bad) {
			}
			for method, err := range errs {
				if !errors.Is(err, fs.ErrInvalid) {
					t.Errorf("%s(%q) = %v, want fs.ErrInvalid", method, bad, err)
				}
			}
		}
		for method, err := range map[string]error{
			"Remove": f.Remove("."), "Rename": f.Rename(".", "x"), "Rename to": f.Rename("x", ""), "Symlink": f.Symlink("x", "."),
		} {
			if !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("%s of the root = %v, want fs.ErrInvalid", method, err)
			}
		}
	})
}
