package objects_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/objects/rootfs"
	"fsk/seal"
)

// empties are filesystems with nothing in them.
var empties = map[string]func(t testing.TB) billy.Filesystem{
	"rootfs": func(t testing.TB) billy.Filesystem {
		fsys, err := rootfs.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { fsys.Close() })
		return fsys
	},
	"memory": func(testing.TB) billy.Filesystem { return objectstest.NewMemory() },
}

func TestInit(t *testing.T) {
	mark := func(text string) func(t *testing.T, fsys billy.Filesystem) {
		return func(t *testing.T, fsys billy.Filesystem) { write(t, fsys, "fsk-store", []byte(text)) }
	}
	tests := []struct {
		name  string
		had   func(t *testing.T, fsys billy.Filesystem)
		init  error
		after bool // Open works afterwards
	}{
		{"an empty directory", func(*testing.T, billy.Filesystem) {}, nil, true},
		{"interrupted before the mark", func(t *testing.T, fsys billy.Filesystem) {
			write(t, fsys, "tmp/"+strings.Repeat("a", 32), []byte("fsk-"))
		}, nil, true},
		{"interrupted after the mark", mark("fsk-store 1\n"), nil, true},
		{"a store with objects", func(t *testing.T, fsys billy.Filesystem) { makeStore(t, fsys); plant(t, fsys, digestOf(nil), nil) }, nil, true},
		{"a stray file", func(t *testing.T, fsys billy.Filesystem) { write(t, fsys, "file", nil) }, objects.ErrNotEmpty, false},
		{"a hidden file", func(t *testing.T, fsys billy.Filesystem) { write(t, fsys, ".git/config", nil) }, objects.ErrNotEmpty, false},
		{"objects without the mark", func(t *testing.T, fsys billy.Filesystem) { write(t, fsys, "objects/ab/x", nil) }, objects.ErrNotEmpty, false},
		{"an empty mark", mark(""), objects.ErrNotEmpty, false},
		{"a mark of version 2", mark("fsk-store 2\n"), objects.ErrNotEmpty, false},
		{"a mark without line feed", mark("fsk-store 1"), objects.ErrNotEmpty, false},
		{"a mark with a line more", mark("fsk-store 1\nx"), objects.ErrNotEmpty, false},
		{"a mark with carriage return", mark("fsk-store 1\r\n"), objects.ErrNotEmpty, false},
		{"a directory in place of the mark", func(t *testing.T, fsys billy.Filesystem) { write(t, fsys, "fsk-store/x", nil) }, objects.ErrNotEmpty, false},
		{"a link in place of the mark", func(t *testing.T, fsys billy.Filesystem) {
			write(t, fsys, "tmp/mark", []byte("fsk-store 1\n"))
			if err := fsys.Symlink("tmp/mark", "fsk-store"); err != nil {
				t.Skip("no links here:", err)
			}
		}, objects.ErrNotEmpty, false},
	}
	for _, test := range tests {
		for kind, newFS := range empties {
			t.Run(kind+"/"+test.name, func(t *testing.T) {
				fsys := newFS(t)
				test.had(t, fsys)
				before := names(t, fsys, ".")
				if _, err := objects.Open(fsys, seal.Off, nil); !test.after && !errors.Is(err, objects.ErrNotStore) {
					t.Errorf("Open before: %v, want ErrNotStore", err)
				}
				if err := objects.Init(fsys); !errors.Is(err, test.init) {
					t.Errorf("Init: %v, want %v", err, test.init)
				}
				if !test.after {
					if after := names(t, fsys, "."); !slices.Equal(before, after) {
						t.Errorf("a refused Init leaves %q, there were %q", after, before)
					}
					return
				}
				for range 2 { // doing it again changes nothing
					db, err := objects.Open(fsys, ringOf(t, key1), nil)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := db.Put(t.Context(), []byte("payload")); err != nil {
						t.Error(err)
					}
					wantPayload(t, db, []byte("payload"))
					if err := objects.Init(fsys); err != nil {
						t.Errorf("Init again: %v", err)
					}
				}
			})
		}
	}
}

func TestInitMakesTheStore(t *testing.T) {
	for kind, newFS := range empties {
		t.Run(kind, func(t *testing.T) {
			fsys := newFS(t)
			if err := objects.Init(fsys); err != nil {
				t.Fatal(err)
			}
			if got := read(t, fsys, "fsk-store"); string(got) != "fsk-store 1\n" {
				t.Errorf("the mark is %q", got)
			}
			want := []string{"fsk-store", "objects", "quarantine", "refs", "tmp"}
			if got := names(t, fsys, "."); !slices.Equal(got, want) {
				t.Errorf("the store has %q, want %q", got, want)
			}
			if got := names(t, fsys, "tmp"); len(got) != 0 {
				t.Errorf("left in tmp: %q", got)
			}
		})
	}
}

func TestInitByManyAtOnce(t *testing.T) {
	for kind, newFS := range empties {
		t.Run(kind, func(t *testing.T) {
			for range 10 {
				fsys := newFS(t)
				var wg sync.WaitGroup
				for g := range 16 {
					wg.Go(func() {
						if err := objects.Init(fsys); err != nil {
							t.Error(err)
							return
						}
						db, err := objects.Open(fsys, ringOf(t, key1), quick)
						if err != nil {
							t.Error(err)
							return
						}
						if _, err := db.Put(t.Context(), fmt.Append(nil, g)); err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if n := count(t, open(t, fsys, ringOf(t, key1), nil)); n != 16 {
					t.Errorf("%d objects, want 16", n)
				}
			}
		})
	}
}

// TestEveryCallOfAnInitFails: afterwards there is a store or none, and doing it again
// makes one.
func TestEveryCallOfAnInitFails(t *testing.T) {
	for _, mode := range faultModes {
		for n := 1; ; n++ {
			inner := empties["rootfs"](t)
			faults := newFaultsOn(inner)
			faults.SetMode(mode)
			faults.FailAt(n, false, syscall.EIO)
			err := objects.Init(faults.FS())
			if _, openErr := objects.Open(inner, seal.Off, nil); err == nil && openErr != nil || openErr != nil && !errors.Is(openErr, objects.ErrNotStore) {
				t.Errorf("call %d: Init: %v, Open: %v", n, err, openErr)
			}
			if faults.Calls() < n {
				break
			}
			if err := objects.Init(inner); err != nil {
				t.Errorf("call %d (%s): Init again: %v", n, faults.Log()[n-1], err)
			}
		}
	}
}

func TestOpen(t *testing.T) {
	faults := newFaults(t)
	if db, err := objects.Open(faults.FS(), nil, nil); err == nil || db != nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a nil ring: %v, %v, want an error", db, err)
	}
	faults.FailAt(0, false, nil)
	if _, err := objects.Open(faults.FS(), seal.Off, nil); err != nil {
		t.Fatal(err)
	}
	for _, call := range faults.Log() {
		if op, name, _ := strings.Cut(call, " "); name != "fsk-store" || op != "openregular" && op != "readat" && op != "close" {
			t.Errorf("Open calls %s", call)
		}
	}
	for n := 1; n <= 2; n++ {
		faults.FailAt(n, false, syscall.EIO)
		if _, err := objects.Open(faults.FS(), seal.Off, nil); !errors.Is(err, syscall.EIO) || errors.Is(err, objects.ErrNotStore) {
			t.Errorf("call %d fails: %v, want EIO and not ErrNotStore", n, err)
		}
	}
}

func TestOptions(t *testing.T) {
	root, memory := newRoot(t), newMemory(t)
	for _, opts := range []*objects.Options{nil, {}} {
		if got := open(t, root, seal.Off, opts).Durability(); got != durable.Full {
			t.Errorf("durability %v, want full", got)
		}
		if got := open(t, memory, seal.Off, opts).Durability(); got != durable.None {
			t.Errorf("durability in memory %v, want none", got)
		}
	}
	if got := open(t, root, seal.Off, quick).Durability(); got != durable.None {
		t.Errorf("durability %v, want none", got)
	}
	opts := objects.Options{MaxObjectSize: 10}
	db := open(t, root, seal.Off, &opts)
	opts.MaxObjectSize = 1000
	if _, err := db.Put(t.Context(), make([]byte, 11)); err == nil {
		t.Error("changing the options after Open changes the store")
	}
}

// TestLimitOnReading: the limit is of the payload, whatever form it has in the file,
// and all ways to look at an object agree.
func TestLimitOnReading(t *testing.T) {
	const limit = 1000
	for _, ring := range []*seal.Ring{ringOf(t, key1), seal.Off} {
		for _, size := range []int{limit - 1, limit, limit + 1, limit + 63, limit + 64, limit + 65, 10 * limit} {
			for _, plain := range []bool{false, true} {
				if plain && ring.Len() > 0 {
					continue
				}
				for home, plant := range homes {
					t.Run(fmt.Sprintf("%d keys, %d bytes, plain=%t, %s", ring.Len(), size, plain, home), func(t *testing.T) {
						fsys := newRoot(t)
						payload := random(size, 1)
						stored := payload
						if !plain {
							stored = sealed(key1, payload)
						}
						plant(t, fsys, digestOf(payload), stored)
						db := open(t, fsys, ring, &objects.Options{MaxObjectSize: limit})
						if size <= limit {
							wantPayload(t, db, payload)
							return
						}
						wantAll(t, db, digestOf(payload), objects.TooLarge)
						findings, _ := fsck(t, db, objects.FsckOptions{})
						findings = slices.DeleteFunc(findings, func(f objects.Finding) bool { return f.Reason == objects.OKUnverified }) // the other object
						if len(findings) != 1 || findings[0].Reason != objects.TooLarge || findings[0].Severity != objects.SeverityError {
							t.Errorf("Fsck finds %+v, want too-large", findings)
						}
					})
				}
			}
		}
	}
}

func TestErrorTexts(t *testing.T) {
	d := digestOf([]byte("x"))
	for _, reason := range []objects.Reason{objects.Unsealed, objects.MalformedTrailer, objects.BadSeal, objects.WrongName, objects.Corrupt, objects.Missing,
		objects.NotRegular, objects.TooLarge, objects.ChangedDuringRead, objects.UnsafePath, objects.IOError, objects.Denied, objects.HookFailed,
		objects.Ambiguous, objects.BadName, objects.Retired, objects.Stray, objects.LeftoverTemp} {
		if reason.Explain() == "" {
			t.Errorf("%s has no explanation", reason)
		}
		if reason.Good() {
			t.Errorf("%s counts as good", reason)
		}
		err := fmt.Errorf("wrapped: %w", &objects.Error{Digest: d, Reason: reason})
		if !strings.Contains(err.Error(), d.String()) || !strings.HasSuffix(err.Error(), "("+string(reason)+")") {
			t.Errorf("the message is %q", err)
		}
		if errors.Is(err, fs.ErrNotExist) != (reason != objects.IOError) {
			t.Errorf("%s: errors.Is(err, fs.ErrNotExist) is wrong", reason)
		}
	}
	if text := objects.BadSeal.Explain(); !strings.Contains(text, "sealed by no key of the ring: tampered with, or a key is missing") {
		t.Errorf("bad-seal says %q", text)
	}
	fault := &objects.Error{Reason: objects.IOError, Err: &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}}
	if errors.Is(fault, fs.ErrNotExist) {
		t.Error("an io-error around ENOENT counts as a miss")
	}
	if !errors.Is(&objects.Error{Reason: objects.IOError, Err: syscall.EIO}, syscall.EIO) {
		t.Error("the cause of an io-error is not in its chain")
	}
}
