package objectstest

import (
	"io"
	"os"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

var abilityClaims = []claim{
	{"files can be synced where directories can", func(t *testing.T, fsys billy.Filesystem) {
		syncer, ok := fsys.(durable.DirSyncer)
		if !ok {
			t.Skip("the filesystem is no durable.DirSyncer")
		}
		mkdir(t, fsys, "dir/sub")
		f := create(t, fsys, "dir/file")
		io.WriteString(f, "text")
		s, ok := f.(durable.Syncer)
		if !ok {
			t.Fatal("a file that is being written is no durable.Syncer")
		}
		if err := s.Sync(); err != nil {
			t.Errorf("Sync: %v", err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		for _, dir := range []string{"dir", "dir/sub", ".", ""} {
			if err := syncer.SyncDir(dir); err != nil {
				t.Errorf("SyncDir(%q): %v", dir, err)
			}
		}
		if err := syncer.SyncDir("none"); !os.IsNotExist(err) {
			t.Errorf("SyncDir of what is missing = %v, want fs.ErrNotExist", err)
		}
		if err := syncer.SyncDir("dir/file"); err == nil {
			t.Error("SyncDir of a file succeeded")
		}
	}},
	{"a durable.Writer publishes", func(t *testing.T, fsys billy.Filesystem) {
		for _, level := range []durable.Level{durable.Full, durable.None} {
			w := durable.NewWriter(fsys, "tmp", level)
			name := "objects/" + level.String() + "/name"
			for _, text := range []string{"first", "second"} {
				f, err := w.Create()
				if err != nil {
					t.Fatalf("Create: %v", err)
				}
				io.WriteString(f, text)
				if err := f.Commit(name); err != nil {
					t.Fatalf("Commit: %v", err)
				}
				wantContent(t, fsys, name, []byte(text))
				wantNames(t, fsys, "tmp")
			}
		}
	}},
	{"shared locks go together", func(t *testing.T, fsys billy.Filesystem) {
		l := locker(t, fsys)
		a, b := take(t, l, false), take(t, l, false)
		free(t, a)
		free(t, b)
	}},
	{"an exclusive lock excludes all others", func(t *testing.T, fsys billy.Filesystem) {
		l := locker(t, fsys)
		unlock := take(t, l, true)
		wantLocked(t, l, false)
		wantLocked(t, l, true)
		free(t, unlock)
		free(t, take(t, l, true))
		free(t, take(t, l, false))
	}},
	{"a shared lock excludes an exclusive one until the last is free", func(t *testing.T, fsys billy.Filesystem) {
		l := locker(t, fsys)
		a, b := take(t, l, false), take(t, l, false)
		wantLocked(t, l, true)
		free(t, a)
		wantLocked(t, l, true)
		free(t, b)
		free(t, take(t, l, true))
	}},
	{"locks of two files are independent", func(t *testing.T, fsys billy.Filesystem) {
		l := locker(t, fsys)
		a := take(t, l, true)
		b, err := l.TryLock("other", true)
		if err != nil {
			t.Fatalf("TryLock of another file: %v", err)
		}
		free(t, b)
		free(t, a)
	}},
	{"a lock keeps what is in its file", func(t *testing.T, fsys billy.Filesystem) {
		l := locker(t, fsys)
		write(t, fsys, "lock", []byte("text"))
		free(t, take(t, l, true))
		wantContent(t, fsys, "lock", []byte("text"))
	}},
	{"a directory cannot be locked", func(t *testing.T, fsys billy.Filesystem) {
		l := locker(t, fsys)
		mkdir(t, fsys, "lock")
		_, err := l.TryLock("lock", true)
		wantError(t, "TryLock of a directory", err, durable.ErrNotRegular)
	}},
}

func locker(t *testing.T, fsys billy.Filesystem) durable.Locker {
	t.Helper()
	l, ok := fsys.(durable.Locker)
	if !ok {
		t.Skip("the filesystem is no durable.Locker")
	}
	return l
}

func take(t *testing.T, l durable.Locker, exclusive bool) func() error {
	t.Helper()
	unlock, err := l.TryLock("lock", exclusive)
	if err != nil {
		t.Fatalf("TryLock(exclusive %t) of what is free: %v", exclusive, err)
	}
	return unlock
}

func wantLocked(t *testing.T, l durable.Locker, exclusive bool) {
	t.Helper()
	unlock, err := l.TryLock("lock", exclusive)
	if err == nil {
		unlock()
	}
	wantError(t, "TryLock of what is held", err, durable.ErrLocked)
}

func free(t *testing.T, unlock func() error) {
	t.Helper()
	if err := unlock(); err != nil {
		t.Errorf("unlock: %v", err)
	}
}
