package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/objectstest"
)

// fullTest is for loops that take minutes.
var fullTest = os.Getenv("FSK_TEST_FULL") == "1"

// A change is an operation on packs, for the loops over all calls that may fail.
type change struct {
	name string
	prep func(t testing.TB, fsys billy.Filesystem)
	do   func(ctx context.Context, db *objects.DB) error
	// after are the payloads that are there when it has succeeded, gone those that are not.
	after, gone []string
	step        int // of the calls that fail, where there are many
}

var (
	faultLarge = string(random(chunkSize+10, 9))
	// faultBefore are the payloads that are acknowledged before each change.
	faultBefore = slices.Concat(texts("a", 9), texts("b", 9), texts("loose", 9), []string{"twice", "healed"})
)

// prepareFaults makes a store with two packs, loose objects, an object that is there
// twice, and one that is damaged in a pack and good as a loose object.
func prepareFaults(t testing.TB, fsys billy.Filesystem) {
	bad := sealedRecord("healed")
	bad.stored = bytes.Clone(bad.stored)
	bad.stored[0] ^= 1
	plantPack(t, fsys, append(numbered("a", 9), sealedRecord("twice"))...)
	plantPack(t, fsys, append(numbered("b", 9), bad)...)
	for _, r := range append(numbered("loose", 9), sealedRecord("twice"), sealedRecord("healed")) {
		plant(t, fsys, r.d, r.stored)
	}
}

func faultChanges() []change {
	return []change{
		{"a batch with a pack", prepareFaults, func(ctx context.Context, db *objects.DB) error {
			return batchOf(ctx, db, append(texts("new", 9), "a 1", "loose 1", faultLarge, "twice", "healed"))
		}, append(texts("new", 9), faultLarge), nil, 1},
		{"a small batch", prepareFaults, func(ctx context.Context, db *objects.DB) error {
			return batchOf(ctx, db, append(texts("new", 3), "a 2", faultLarge))
		}, append(texts("new", 3), faultLarge), nil, 1},
		{"a batch in an empty store", func(testing.TB, billy.Filesystem) {}, func(ctx context.Context, db *objects.DB) error {
			return batchOf(ctx, db, texts("new", 9))
		}, texts("new", 9), nil, 1},
		{"Pack", prepareFaults, func(ctx context.Context, db *objects.DB) error { return second(db.Pack(ctx, nil)) }, nil, nil, 3},
		{"Pack of damage", func(t testing.TB, fsys billy.Filesystem) {
			prepareFaults(t, fsys)
			remove(t, fsys, indexFile(plantPack(t, fsys, numbered("noindex", 4)...)))
			half, _ := packBytes(append(numbered("half", 3), sealedRecord("a 1"))...)
			write(t, fsys, packFile(strings.Repeat("5a", 32)), half[:len(half)-5])
			write(t, fsys, indexFile(strings.Repeat("5b", 32)), nil)
		}, func(ctx context.Context, db *objects.DB) error { return second(db.Pack(ctx, nil)) }, append(texts("half", 3), texts("noindex", 4)...), nil, 3},
		{"Remove of a packed object", prepareFaults, func(ctx context.Context, db *objects.DB) error {
			return db.Remove(ctx, digestOf([]byte("a 3")))
		}, nil, []string{"a 3"}, 1},
		{"Remove of an object that is there twice", prepareFaults, func(ctx context.Context, db *objects.DB) error {
			return db.Remove(ctx, digestOf([]byte("twice")))
		}, nil, []string{"twice"}, 1},
		{"RemoveAll", prepareFaults, func(ctx context.Context, db *objects.DB) error {
			return second(db.RemoveAll(ctx, setOf("a 3", "a 4", "b 2", "loose 1", "twice"), objects.RemoveOptions{}))
		}, nil, []string{"a 3", "a 4", "b 2", "loose 1", "twice"}, 2},
		{"fold", func(t testing.TB, fsys billy.Filesystem) {
			prepareFaults(t, fsys)
			for i := range 65 {
				plantPack(t, fsys, numbered(fmt.Sprint("fold", i), 1)...)
			}
		}, func(ctx context.Context, db *objects.DB) error { return batchOf(ctx, db, texts("new", 8)) }, texts("new", 8), nil, 301},
	}
}

func batchOf(ctx context.Context, db *objects.DB, payloads []string) error {
	b := db.NewBatch()
	defer b.Discard()
	for _, p := range payloads {
		if _, err := b.PutReader(ctx, strings.NewReader(p)); err != nil {
			return err
		}
	}
	return b.Commit(ctx)
}

// TestEveryCallOfAChangeFails lets every call fail in turn (F1, F3, D2): whatever was
// acknowledged is there afterwards, and running it again ends well.
func TestEveryCallOfAChangeFails(t *testing.T) {
	for _, c := range faultChanges() {
		for modeName, mode := range faultModes {
			for _, forever := range []bool{false, true} {
				if (raceEnabled || testing.Short()) && (modeName == "half" || c.step > 10) && !fullTest {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s, forever=%t", c.name, modeName, forever), func(t *testing.T) {
					t.Parallel()
					step := c.step * 3
					if fullTest {
						step = 1
					} else if raceEnabled {
						step *= 11
					} else if modeName != "before" || forever {
						step *= 13
					}
					for n := 1; faultChange(t, c, mode, n, forever); n += step {
					}
				})
			}
		}
	}
}

func faultChange(t *testing.T, c change, mode objectstest.FaultMode, n int, forever bool) bool {
	if n%20 < c.step {
		runtime.GC() // gives back the packs that former DBs hold open
	}
	inner := newRoot(t)
	c.prep(t, inner)
	var before []string
	if len(packNames(t, inner)) > 0 {
		before = slices.DeleteFunc(slices.Clone(faultBefore), func(p string) bool { return slices.Contains(c.gone, p) })
	}
	faults := objectstest.NewFaultFS(inner)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	faults.SetMode(mode)
	faults.FailAt(n, forever, syscall.EIO)
	err := c.do(t.Context(), db)
	log := faults.Log()
	failing := "none"
	if n <= len(log) {
		failing = log[n-1]
	}
	what := fmt.Sprintf("call %d (%s)", n, failing)
	faults.FailAt(0, false, nil)
	wantThere(t, inner, what, before...)
	wantGone := func() {
		for _, p := range c.gone {
			if info, err := open(t, inner, ringOf(t, key1), nil).Check(t.Context(), digestOf([]byte(p))); err != nil || info.Reason != objects.Missing {
				t.Errorf("%s: %q is still there: %s, %v", what, p, info.Reason, err)
			}
		}
	}
	if err == nil {
		wantThere(t, inner, what+", success", c.after...)
		wantGone()
	} else {
		var e *objects.Error
		if !errors.As(err, &e) || e.Reason != objects.IOError || !errors.Is(err, syscall.EIO) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v, want io-error around EIO", what, err)
		}
	}
	excused := forever || strings.HasPrefix(failing, "remove ") || mode == objectstest.FailAfter && strings.HasPrefix(failing, "openfile tmp/")
	if left := names(t, inner, "tmp"); len(left) != 0 && !excused {
		t.Errorf("%s: left in tmp: %v", what, left)
	}
	if n > len(log) {
		if err != nil {
			t.Errorf("without a fault: %v", err)
		}
		return false
	}
	// The same DB goes on, and running it again ends well (D5).
	if err := c.do(t.Context(), db); err != nil && !(c.gone != nil && errors.Is(err, fs.ErrNotExist)) {
		t.Errorf("%s: again: %v", what, err)
	}
	wantThere(t, inner, what+", again", append(before, c.after...)...)
	wantGone()
	if _, err := db.Pack(t.Context(), nil); err != nil {
		t.Errorf("%s: Pack at the end: %v", what, err)
	}
	wantThere(t, inner, what+", in the end", append(before, c.after...)...)
	wantGone()
	for _, f := range worst(t, inner) {
		if f.Digest != digestOf([]byte("healed")) {
			t.Errorf("%s: in the end %s: %s (%v)", what, f.Path, f.Reason, f.Err)
		}
	}
	return true
}

// TestContextEndsChanges: a context that ends in the middle of anything loses nothing and
// leaves nothing.
func TestContextEndsChanges(t *testing.T) {
	for _, c := range faultChanges() {
		if c.step > 10 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n += 9 {
				inner := newRoot(t)
				c.prep(t, inner)
				ctx, cancel := context.WithCancel(t.Context())
				var calls atomic.Int64
				db := open(t, &hooked{FS: inner, before: func(string, string) {
					if calls.Add(1) == int64(n) {
						cancel()
					}
				}}, ringOf(t, key1), quick)
				calls.Store(0)
				ended := ctx.Err() != nil // it was the call of Open
				err := c.do(ctx, db)
				cancel()
				if err != nil && err != context.Canceled {
					t.Errorf("call %d: error %v, want that of the context as it is", n, err)
				}
				before := []string{}
				if len(packNames(t, inner)) > 0 && c.name != "a batch in an empty store" {
					before = slices.DeleteFunc(slices.Clone(faultBefore), func(p string) bool { return slices.Contains(c.gone, p) })
				}
				wantThere(t, inner, fmt.Sprint("call ", n), before...)
				if err == nil {
					wantThere(t, inner, fmt.Sprint("success, call ", n), c.after...)
				}
				if left := names(t, inner, "tmp"); len(left) != 0 {
					t.Errorf("call %d: left in tmp: %v", n, left)
				}
				if calls.Load() < int64(n) && !ended {
					if err != nil {
						t.Errorf("to the end: %v", err)
					}
					return
				}
			}
		})
	}
}

// TestEveryCallOfAPackedReadFails: a fault of the disk is an io-error and not a miss (F20),
// whichever file of a pack it is in.
func TestEveryCallOfAPackedReadFails(t *testing.T) {
	payload := []byte("payload")
	d := digestOf(payload)
	for modeName, mode := range faultModes {
		for _, used := range []bool{false, true} {
			for name, read := range map[string]func(db *objects.DB) error{
				"Get":  func(db *objects.DB) error { return second(db.Get(t.Context(), d)) },
				"Open": func(db *objects.DB) error { return second(db.Open(t.Context(), d)) },
				"Stat": func(db *objects.DB) error { return second(db.Stat(t.Context(), d)) },
				"Check": func(db *objects.DB) error {
					info, err := db.Check(t.Context(), d)
					if err == nil && !info.Reason.Good() {
						err = &objects.Error{Digest: d, Reason: info.Reason, Err: syscall.EIO}
					}
					return err
				},
			} {
				for n := 1; ; n++ {
					inner := newMemory(t)
					if modeName == "before" {
						inner = newRoot(t)
					}
					plantPacked(t, inner, d, sealed(key1, payload))
					faults := objectstest.NewFaultFS(inner)
					db := open(t, faults.FS(), ringOf(t, key1), nil)
					if used {
						wantPayload(t, db, payload)
					}
					faults.SetMode(mode)
					faults.FailAt(n, false, syscall.EIO)
					err := read(db)
					log := faults.Log()
					if n > len(log) {
						if err != nil {
							t.Errorf("%s without a fault: %v", name, err)
						}
						break
					}
					if err == nil { // a copy that was held open is read again in the files of now
						loose, _, _ := strings.Cut(fileOf(d), "/"+fileOf(d)[11:]) // its directory: there is another copy
						_, name, _ := strings.Cut(log[n-1], " ")
						other := name == fileOf(d) || name == loose || name == "objects"
						if !used && !other && !strings.HasPrefix(log[n-1], "close ") && !(mode == objectstest.FailAfter && strings.HasPrefix(log[n-1], "readat ")) {
							t.Errorf("%s, %s, call %d (%s): success", name, modeName, n, log[n-1])
						}
						continue
					}
					var e *objects.Error
					if !errors.As(err, &e) || e.Reason != objects.IOError || e.Digest != d || errors.Is(err, fs.ErrNotExist) || !errors.Is(err, syscall.EIO) {
						t.Errorf("%s, %s, call %d (%s): %#v, want io-error", name, modeName, n, log[n-1], err)
					}
				}
			}
		}
	}
}
