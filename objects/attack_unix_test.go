//go:build unix

package objects_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"fsk/objects"
)

// victim makes a directory outside of the store, with a sealed object in the layout
// of one and a file that must stay as it is.
func victim(t *testing.T, payload []byte) string {
	t.Helper()
	dir := t.TempDir()
	text := digestOf(payload).String()
	for name, content := range map[string][]byte{text[2:]: sealed(key1, payload), "file": []byte("victim")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// patience tells what is slow on a busy machine from what would take for ever.
const patience = 30 * time.Second

func within(t *testing.T, limit time.Duration, what string, f func()) {
	t.Helper()
	start := time.Now()
	f()
	if took := time.Since(start); took > limit {
		t.Errorf("%s took %v", what, took)
	}
}

// obstacles are what may be in the place of an object, other than a file (A10–A13).
func obstacles(t *testing.T, root string, payload []byte) map[string]func(name string) error {
	outside := victim(t, payload)
	text := digestOf(payload).String()
	good := filepath.Join(root, "objects", "good")
	if err := os.WriteFile(good, sealed(key1, payload), 0o444); err != nil {
		t.Fatal(err)
	}
	return map[string]func(name string) error{
		"link to a file outside that would verify":  func(name string) error { return os.Symlink(filepath.Join(outside, text[2:]), name) },
		"link to a file in the store that would do": func(name string) error { return os.Symlink("../good", name) },
		"link to a system file":                     func(name string) error { return os.Symlink("/etc/passwd", name) },
		"link to itself":                            func(name string) error { return os.Symlink(filepath.Base(name), name) },
		"dangling link":                             func(name string) error { return os.Symlink("nowhere", name) },
		"link to a directory":                       func(name string) error { return os.Symlink(outside, name) },
		"FIFO":                                      func(name string) error { return syscall.Mkfifo(name, 0o666) },
		"socket":                                    makeSocket,
		"device (needs root)":                       func(name string) error { return syscall.Mknod(name, syscall.S_IFCHR|0o666, 0x105) },
		"directory":                                 func(name string) error { return os.Mkdir(name, 0o777) },
		"directory with something in it, not in a way": func(name string) error { return os.MkdirAll(filepath.Join(name, "sub"), 0o777) },
	}
}

// makeSocket binds under a short name, because sockets cannot have long ones.
func makeSocket(name string) error {
	short, err := os.MkdirTemp("", "s")
	if err != nil {
		return err
	}
	defer os.RemoveAll(short)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(short, "s"), Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	return os.Rename(filepath.Join(short, "s"), name)
}

func TestWhatIsNotAFileIsRefusedAndReplaced(t *testing.T) {
	payload := []byte("a payload that is wanted")
	d := digestOf(payload)
	for name := range obstacles(t, newRoot(t).Root(), payload) {
		t.Run(name, func(t *testing.T) {
			fsys := newRoot(t)
			db := open(t, fsys, ringOf(t, key1), &objects.Options{LockWait: time.Second})
			file := filepath.Join(fsys.Root(), fileOf(d))
			if err := os.Mkdir(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			makeIt := obstacles(t, fsys.Root(), payload)[name]
			if err := makeIt(file); errors.Is(err, syscall.EPERM) {
				t.Skip(err)
			} else if err != nil {
				t.Fatal(err)
			}
			within(t, patience, "refusing", func() { wantAll(t, db, d, objects.NotRegular) })
			directory := strings.HasPrefix(name, "directory")
			for kind, put := range map[string]func() error{
				"Put":       func() error { _, err := db.Put(t.Context(), payload); return err },
				"PutReader": func() error { _, err := db.PutReader(t.Context(), bytes.NewReader(payload)); return err },
			} {
				err := put()
				if directory {
					wantMiss(t, kind, err, d, objects.NotRegular)
					if info, err := os.Lstat(file); err != nil || !info.IsDir() {
						t.Errorf("the directory has gone: %v", err)
					}
				} else if err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
			if directory {
				wantMiss(t, "Remove", db.Remove(t.Context(), d), d, objects.NotRegular)
				return
			}
			wantPayload(t, db, payload)
			if info, err := os.Lstat(file); err != nil || info.Mode() != 0o444 {
				t.Errorf("after Put: %v, %v, want a file with mode 0444", info.Mode(), err)
			}
			os.Remove(file)
			if err := makeIt(file); err != nil {
				t.Fatal(err)
			}
			if err := db.Remove(t.Context(), d); err != nil {
				t.Errorf("Remove: %v", err)
			}
			if _, err := os.Lstat(file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("after Remove: %v", err)
			}
			if left := names(t, fsys, "tmp"); len(left) != 0 {
				t.Errorf("left in tmp: %v", left)
			}
		})
	}
}

// TestLinksLeadNowhere compares the targets of links before and after everything
// that a store can do (A10, A11, A43, S6).
func TestLinksLeadNowhere(t *testing.T) {
	payload := []byte("a payload that is wanted")
	d := digestOf(payload)
	large := random(chunkSize+10, 1)
	fanOut := filepath.Dir(fileOf(d))
	tests := []struct {
		name string
		link string // in the store
		up   string // what is below the victim in its place
		put  objects.Reason
		read objects.Reason
	}{
		{"the directory of the object", fanOut, "", objects.UnsafePath, objects.UnsafePath},
		{"the directory of all objects", "objects", d.String()[:2], objects.UnsafePath, objects.UnsafePath},
		{"the directory for temporary files", "tmp", "", objects.UnsafePath, objects.Missing},
		{"the lock", "lock", "", objects.NotRegular, objects.Missing},
		{"refs", "refs", "", "", objects.Missing},
		{"quarantine", "quarantine", "", "", objects.Missing},
	}
	for _, test := range tests {
		for _, inside := range []bool{false, true} {
			t.Run(test.name+map[bool]string{true: ", to inside", false: ", to outside"}[inside], func(t *testing.T) {
				fsys := newRoot(t)
				outside := victim(t, payload)
				if test.up != "" {
					up := t.TempDir()
					if err := os.Rename(outside, filepath.Join(up, test.up)); err != nil {
						t.Fatal(err)
					}
					outside = up
				}
				link := filepath.Join(fsys.Root(), test.link)
				os.Remove(link)
				if inside {
					target := filepath.Join(fsys.Root(), "planted")
					if err := os.Rename(outside, target); err != nil {
						t.Fatal(err)
					}
					outside = target
				}
				target := outside
				if test.link == "lock" {
					target = filepath.Join(outside, "file")
				}
				if err := os.Symlink(target, link); err != nil {
					t.Fatal(err)
				}
				before := tree(t, outside)
				db := open(t, fsys, ringOf(t, key1), &objects.Options{LockWait: 100 * time.Millisecond})
				wantAll(t, db, d, test.read)
				for kind, put := range map[string]func() error{
					"Put":             func() error { _, err := db.Put(t.Context(), payload); return err },
					"PutReader":       func() error { _, err := db.PutReader(t.Context(), bytes.NewReader(payload)); return err },
					"PutReader large": func() error { _, err := db.PutReader(t.Context(), bytes.NewReader(large)); return err },
				} {
					err := put()
					var e *objects.Error
					switch {
					case kind == "PutReader large" && test.link == fanOut:
					case test.put == "":
						if err != nil {
							t.Errorf("%s: %v", kind, err)
						}
					case !errors.As(err, &e) || e.Reason != test.put:
						t.Errorf("%s: %v, want %s", kind, err, test.put)
					}
				}
				err := db.Remove(t.Context(), d)
				if test.read == objects.UnsafePath {
					wantMiss(t, "Remove", err, d, objects.UnsafePath)
				}
				db.Resolve(t.Context(), d.String()[:8])
				for range db.All(t.Context()) {
				}
				found := false
				for f, err := range db.Fsck(t.Context(), objects.FsckOptions{}, nil) {
					if err != nil {
						t.Fatal(err)
					}
					found = found || f.Path == test.link && f.Severity == objects.SeverityError
				}
				if !found {
					t.Errorf("Fsck does not report the link %s as an error", test.link)
				}
				if after := tree(t, outside); !reflect.DeepEqual(after, before) {
					t.Errorf("behind the link there is\n%v\nwant\n%v", after, before)
				}
			})
		}
	}
}

// TestHardLinkedVictim: an object is only ever replaced, so a file that is linked in
// its place keeps content, mode and time (A15).
func TestHardLinkedVictim(t *testing.T) {
	for name, content := range map[string]string{"writable": "victim", "object-like": string(sealed(foreignKey, []byte("payload")))} {
		t.Run(name, func(t *testing.T) {
			fsys := newRoot(t)
			db := open(t, fsys, ringOf(t, key1), nil)
			payload := []byte("payload")
			d := digestOf(payload)
			outside := filepath.Join(t.TempDir(), "victim")
			if err := os.WriteFile(outside, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			os.Chtimes(outside, time.Unix(1e9, 0), time.Unix(1e9, 0))
			file := filepath.Join(fsys.Root(), fileOf(d))
			os.Mkdir(filepath.Dir(file), 0o777)
			link := func() {
				os.Remove(file)
				if err := os.Link(outside, file); err != nil {
					t.Fatal(err)
				}
			}
			before := tree(t, filepath.Dir(outside))
			link()
			db.Get(t.Context(), d)
			drain(db, t.Context())
			if _, err := db.Put(t.Context(), payload); err != nil {
				t.Error(err)
			}
			wantPayload(t, db, payload)
			link()
			if err := db.Remove(t.Context(), d); err != nil {
				t.Error(err)
			}
			if after := tree(t, filepath.Dir(outside)); !reflect.DeepEqual(after, before) {
				t.Errorf("the victim is %v, was %v", after, before)
			}
		})
	}
}

// TestSparseGiant: a file of a terabyte is refused by its size alone (A14), and one
// below the limit of the options takes bounded time once the context ends.
func TestSparseGiant(t *testing.T) {
	fsys := newRoot(t)
	payload := []byte("small")
	d := digestOf(payload)
	plant(t, fsys, d, nil)
	file := filepath.Join(fsys.Root(), fileOf(d))
	if err := os.Truncate(file, 1<<40); err != nil {
		t.Skip("no sparse files here:", err)
	}
	faults := newFaultsOn(fsys)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	faults.FailAt(0, false, nil)
	wantAll(t, db, d, objects.TooLarge)
	for _, call := range faults.Log() {
		if strings.HasPrefix(call, "read") {
			t.Errorf("refused, but after %s", call)
		}
	}

	patient := open(t, fsys, ringOf(t, key1), &objects.Options{MaxObjectSize: 1 << 41})
	_, err := patient.Get(t.Context(), d)
	wantMiss(t, "Get into memory", err, d, objects.TooLarge)
	for name, read := range map[string]func(ctx context.Context) error{
		"Open":  func(ctx context.Context) error { _, err := patient.Open(ctx, d); return err },
		"Stat":  func(ctx context.Context) error { _, err := patient.Stat(ctx, d); return err },
		"Check": func(ctx context.Context) error { _, err := patient.Check(ctx, d); return err },
		"Fsck":  func(ctx context.Context) error { return drain(patient, ctx) },
		"Put":   func(ctx context.Context) error { _, err := patient.Put(ctx, payload); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		within(t, patience, name, func() {
			if err := read(ctx); err != context.DeadlineExceeded {
				t.Errorf("%s: %v, want context.DeadlineExceeded", name, err)
			}
		})
		cancel()
	}
	if _, err := db.Put(t.Context(), payload); err != nil {
		t.Errorf("Put over the giant: %v", err)
	}
	wantPayload(t, db, payload)
}
