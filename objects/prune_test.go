package objects_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fsk/objects"
	"fsk/objects/rootfs"
)

// A shifted filesystem has a clock of its own: that much later than the system's.
type shifted struct {
	*rootfs.FS
	by time.Duration
}

type shiftedInfo struct {
	fs.FileInfo
	by time.Duration
}

func (i shiftedInfo) ModTime() time.Time { return i.FileInfo.ModTime().Add(i.by) }

// Lstat tells another time of files that are made now only.
func (s shifted) Lstat(name string) (fs.FileInfo, error) {
	info, err := s.FS.Lstat(name)
	if err != nil || time.Since(info.ModTime()) > time.Hour {
		return info, err
	}
	return shiftedInfo{info, s.by}, nil
}

func prune(t testing.TB, db *objects.DB, dryRun bool) (removed []string) {
	t.Helper()
	for name, err := range db.Prune(t.Context(), dryRun) {
		if err != nil {
			t.Fatalf("Prune: %v", err)
		}
		removed = append(removed, name)
	}
	slices.Sort(removed)
	return removed
}

// TestPrune removes just the old temporary files, and with dryRun nothing (F16, F27).
func TestPrune(t *testing.T) {
	fsys := newRoot(t)
	name := func(digit string) string { return "tmp/" + strings.Repeat(digit, 32) }
	old := time.Now().Add(-objects.LeftoverAge - time.Minute)
	at := func(name string, when time.Time) {
		if err := os.Chtimes(filepath.Join(fsys.Root(), name), when, when); err != nil {
			t.Fatal(err)
		}
	}
	for file, when := range map[string]time.Time{
		name("0"): old, name("1"): time.Unix(0, 0), name("a"): old,
		name("2"): time.Now(), name("3"): old.Add(5 * time.Minute),
		name("4"): time.Now().Add(time.Hour), name("5"): time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC),
		"tmp/short": old, "tmp/" + strings.Repeat("A", 32): old, "tmp/" + strings.Repeat("0", 33): old, "tmp/" + strings.Repeat("g", 32): old,
		"quarantine/" + strings.Repeat("0", 32): old, strings.Repeat("0", 32): old, "objects/" + strings.Repeat("0", 32): old,
	} {
		write(t, fsys, file, []byte("x"))
		at(file, when)
	}
	if err := fsys.MkdirAll(name("6"), 0o777); err != nil {
		t.Fatal(err)
	}
	at(name("6"), old)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(victim, old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(fsys.Root(), name("7"))); err != nil {
		t.Log(err)
	}
	db := open(t, fsys, ringOf(t, key1), nil)
	files := func() (n int) {
		for _, text := range tree(t, fsys.Root()) {
			if strings.HasPrefix(text, "-") {
				n++
			}
		}
		return n
	}
	before := files()
	want := []string{name("0"), name("1"), name("a")}
	if got := prune(t, db, true); !slices.Equal(got, want) {
		t.Errorf("dry run: %q, want %q", got, want)
	}
	if after := files(); after != before {
		t.Errorf("the dry run changes the store: %d files, before %d", after, before)
	}
	if got := prune(t, db, false); !slices.Equal(got, want) {
		t.Errorf("removed %q, want %q", got, want)
	}
	if after, lock := files(), 1; after != before-len(want)+lock {
		t.Errorf("%d files, want %d", after, before-len(want)+lock)
	}
	if got := prune(t, db, false); len(got) > 0 {
		t.Errorf("again: %q", got)
	}
}

// TestPruneByTheClockOfTheFilesystem: a clock of the system that is wrong makes no file
// old, nor keeps one.
func TestPruneByTheClockOfTheFilesystem(t *testing.T) {
	for by, want := range map[time.Duration]int{0: 0, 20 * time.Hour: 1, 48 * time.Hour: 1, -48 * time.Hour: 0} {
		fsys := newRoot(t)
		file := "tmp/" + strings.Repeat("0", 32)
		write(t, fsys, file, nil)
		when := time.Now().Add(-10 * time.Hour)
		if err := os.Chtimes(filepath.Join(fsys.Root(), file), when, when); err != nil {
			t.Fatal(err)
		}
		if got := prune(t, open(t, shifted{fsys, by}, ringOf(t, key1), nil), false); len(got) != want {
			t.Errorf("a clock that is %v ahead: removed %q, want %d", by, got, want)
		}
	}
}

// TestPruneOfALinkedDirectory touches nothing behind it (A43).
func TestPruneOfALinkedDirectory(t *testing.T) {
	fsys := newRoot(t)
	outside := t.TempDir()
	file := filepath.Join(outside, strings.Repeat("0", 32))
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	remove(t, fsys, "tmp")
	if err := os.Symlink(outside, filepath.Join(fsys.Root(), "tmp")); err != nil {
		t.Skip(err)
	}
	for _, err := range open(t, fsys, ringOf(t, key1), nil).Prune(t.Context(), false) {
		wantMiss(t, "Prune", err, objects.Digest{}, objects.UnsafePath)
	}
	if _, err := os.Lstat(file); err != nil {
		t.Error(err)
	}
}
