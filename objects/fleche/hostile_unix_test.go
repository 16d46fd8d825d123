//go:build unix

package fleche_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fsk/objects"
	"fsk/objects/fleche"
)

// TestWhatIsNoRegularFile is reported without being opened, and moved as it is.
func TestWhatIsNoRegularFile(t *testing.T) {
	fsys, dir := newDir(t)
	outside := filepath.Join(t.TempDir(), "outside")
	good := sealed(key2, "a good pickle.")
	if err := os.WriteFile(outside, good, 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(s string) string { return filepath.Join(dir, name(s).String()) }
	put(t, fsys, name("good").String(), sealed(key1, "a good pickle."))
	for _, err := range []error{
		os.Symlink(outside, at("link")), os.Symlink(at("good"), at("inside")), os.Symlink(at("loop"), at("loop")),
		os.Symlink("nowhere", at("dangling")), os.Mkdir(at("directory"), 0o777), syscall.Mkfifo(at("fifo"), 0o666),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, fsys, ringOf(t, key1, key2), nil)
	_, stats := reseal(t, c, fleche.FsckOptions{})
	if want := map[objects.Reason]int64{objects.OK: 1, objects.NotRegular: 6}; !maps.Equal(stats.Reasons, want) {
		t.Errorf("%v, want %v", stats.Reasons, want)
	}
	moved, failed := quarantine(t, c, fleche.QuarantineOptions{})
	if len(moved) != 6 || len(failed) > 0 {
		t.Errorf("moved %v, %v", moved, failed)
	}
	if got, err := os.ReadFile(outside); err != nil || string(got) != string(good) {
		t.Errorf("outside: %q, %v", got, err)
	}
	if _, stats := fsck(t, c, fleche.FsckOptions{}); stats.Objects != 1 || !stats.Complete {
		t.Errorf("%+v", stats)
	}
}

// TestLinksInThePlaceOfDirectories: nothing is written or removed behind them.
func TestLinksInThePlaceOfDirectories(t *testing.T) {
	for _, planted := range []string{fleche.TempDir, fleche.QuarantineDir} {
		fsys, dir := newDir(t)
		victim := t.TempDir()
		if err := os.WriteFile(filepath.Join(victim, strings.Repeat("a", 32)), []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(victim, filepath.Join(dir, planted)); err != nil {
			t.Fatal(err)
		}
		put(t, fsys, name("retired").String(), sealed(key2, "a pickle."))
		put(t, fsys, name("damaged").String(), []byte("damaged"))
		c := open(t, fsys, ringOf(t, key1, key2), nil)
		if findings, _ := fsck(t, c, fleche.FsckOptions{}); findings[planted].Reason != objects.UnsafePath {
			t.Errorf("%s: %v", planted, findings)
		}
		reseal(t, c, fleche.FsckOptions{})
		if _, failed := quarantine(t, c, fleche.QuarantineOptions{}); len(failed) != 1 {
			t.Errorf("%s: %v", planted, failed)
		}
		if n, _ := prune(t, c, 0, false); n > 0 {
			t.Errorf("%s: pruned %d", planted, n)
		}
		want := map[string]string{strings.Repeat("a", 32): "precious"}
		if got := contents(t, victim); !maps.Equal(got, want) {
			t.Errorf("%s: behind the link are %v", planted, got)
		}
		if contents(t, dir)[name("damaged").String()] != "damaged" {
			t.Errorf("%s: the damaged value is gone", planted)
		}
	}
}

// TestSparseGiant is refused by its size, before it is read.
func TestSparseGiant(t *testing.T) {
	fsys, dir := newDir(t)
	for title, head := range map[string]string{"plain": "", "compressed": "\x1f\x8b"} {
		f := filepath.Join(dir, name(title).String())
		if err := os.WriteFile(f, []byte(head), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(f, 1<<40); err != nil {
			t.Skip(err)
		}
	}
	_, stats := fsck(t, open(t, fsys, ringOf(t, key1), nil), fleche.FsckOptions{})
	if stats.Reasons[objects.TooLarge] != 2 {
		t.Errorf("%v", stats.Reasons)
	}
}
