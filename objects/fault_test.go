package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/objectstest"
)

func newFaultsOn(inner billy.Filesystem) *objectstest.FaultFS { return objectstest.NewFaultFS(inner) }

func newFaults(t testing.TB) *objectstest.FaultFS {
	t.Helper()
	return objectstest.NewFaultFS(newRoot(t))
}

var faultModes = map[string]objectstest.FaultMode{
	"before": objectstest.FailBefore, "half": objectstest.FailHalf, "after": objectstest.FailAfter,
}

// TestEveryCallOfAPutFails lets every call fail in turn (F3, F5, D3): afterwards
// there is a good object, or none, or the damaged one that was there, and after
// success it is good.
func TestEveryCallOfAPutFails(t *testing.T) {
	large := random(chunkSize+chunkSize/2, 1)
	small := random(1000, 2)
	before := map[string]func(p []byte) []byte{
		"absent": nil, "good": func(p []byte) []byte { return sealed(key1, p) },
		"damaged": func(p []byte) []byte { return sealed(key1, p[1:]) }, "unsealed": bytes.Clone,
	}
	for fsName, newFS := range map[string]func(testing.TB) billy.Filesystem{
		"rootfs": func(t testing.TB) billy.Filesystem { return newRoot(t) }, "memory": newMemory,
	} {
		for sizeName, payload := range map[string][]byte{"small": small, "large": large} {
			for modeName, mode := range faultModes {
				for hadName, had := range before {
					if sizeName == "large" && (fsName == "memory" || hadName != "absent" && (modeName != "before" || raceEnabled)) ||
						(fsName == "memory" || raceEnabled) && modeName == "half" || fsName == "memory" && raceEnabled {
						continue // as the others, only slower
					}
					for _, forever := range []bool{false, true} {
						name := fmt.Sprintf("%s, %s, %s, %s, forever=%t", fsName, sizeName, hadName, modeName, forever)
						t.Run(name, func(t *testing.T) {
							t.Parallel() // it waits for the disk most of the time
							for n := 1; faultPut(t, newFS(t), payload, had, mode, n, forever); n++ {
							}
						})
					}
				}
			}
		}
	}
}

// faultPut puts a payload while call n fails; it reports whether there was a call n.
func faultPut(t *testing.T, inner billy.Filesystem, payload []byte, had func([]byte) []byte, mode objectstest.FaultMode, n int, forever bool) bool {
	d := digestOf(payload)
	if had != nil {
		plant(t, inner, d, had(payload))
	}
	faults := objectstest.NewFaultFS(inner)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	faults.SetMode(mode)
	faults.FailAt(n, forever, syscall.EIO)
	info, err := db.PutReader(t.Context(), bytes.NewReader(payload))
	log := faults.Log()
	failing := "none"
	if n <= len(log) {
		failing = log[n-1]
	}
	after := open(t, inner, ringOf(t, key1), nil)
	found, checkErr := after.Check(t.Context(), d)
	if checkErr != nil {
		t.Fatal(checkErr)
	}
	allowed := []objects.Reason{objects.OK, objects.Missing}
	if had != nil {
		allowed[1] = verdictOf(t, payload, had)
	}
	switch {
	case err == nil && (found.Reason != objects.OK || info.Reason != objects.OK || info.Digest != d || info.Size != int64(len(payload))):
		t.Errorf("call %d (%s): success and %+v, but found %s", n, failing, info, found.Reason)
	case err != nil && !slices.Contains(allowed, found.Reason):
		t.Errorf("call %d (%s): %v, and found %s", n, failing, err, found.Reason)
	case err != nil:
		var e *objects.Error
		if !errors.As(err, &e) || e.Reason != objects.IOError || !errors.Is(err, syscall.EIO) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("call %d (%s): error %v, want io-error around EIO", n, failing, err)
		}
		if info != (objects.Info{}) {
			t.Errorf("call %d (%s): %+v beside the error", n, failing, info)
		}
	}
	excused := forever || strings.HasPrefix(failing, "remove ") || mode == objectstest.FailAfter && strings.HasPrefix(failing, "openfile tmp/")
	if left := names(t, inner, "tmp"); len(left) != 0 && !excused {
		t.Errorf("call %d (%s): left in tmp: %v", n, failing, left)
	}
	if n <= len(log) {
		// Running it again ends well (D5).
		if _, err := open(t, inner, ringOf(t, key1), quick).Put(t.Context(), payload); err != nil {
			t.Errorf("call %d (%s): putting it again: %v", n, failing, err)
		}
		return true
	}
	if err != nil {
		t.Errorf("without a fault: %v", err)
	}
	return false
}

func verdictOf(t *testing.T, payload []byte, had func([]byte) []byte) objects.Reason {
	t.Helper()
	fsys := newMemory(t)
	plant(t, fsys, digestOf(payload), had(payload))
	info, err := open(t, fsys, ringOf(t, key1), nil).Check(t.Context(), digestOf(payload))
	if err != nil {
		t.Fatal(err)
	}
	return info.Reason
}

// TestEveryCallOfAReadFails: a fault of the disk is an io-error and not a miss (F20,
// S4), and nothing is released.
func TestEveryCallOfAReadFails(t *testing.T) {
	for _, size := range []int{100, chunkSize + 100} {
		payload := random(size, 1)
		d := digestOf(payload)
		for modeName, mode := range faultModes {
			inner := newRoot(t)
			plant(t, inner, d, sealed(key1, payload))
			faults := objectstest.NewFaultFS(inner)
			db := open(t, faults.FS(), ringOf(t, key1), nil)
			faults.SetMode(mode)
			for name, read := range map[string]func() error{
				"Get": func() error { _, err := db.Get(t.Context(), d); return err },
				"Open": func() error {
					r, err := db.Open(t.Context(), d)
					if err == nil {
						r.Close()
					}
					return err
				},
				"Stat": func() error { _, err := db.Stat(t.Context(), d); return err },
			} {
				for n := 1; ; n++ {
					faults.FailAt(n, false, syscall.EIO)
					err := read()
					log := faults.Log()
					if n > len(log) {
						if err != nil {
							t.Errorf("%s without a fault: %v", name, err)
						}
						break
					}
					if strings.HasPrefix(log[n-1], "close ") && err == nil {
						continue // nothing was written, so nothing can be lost
					}
					if strings.HasPrefix(log[n-1], "readat ") && err == nil && mode == objectstest.FailAfter {
						continue // all bytes came, and they are verified
					}
					var e *objects.Error
					if !errors.As(err, &e) || e.Reason != objects.IOError || e.Digest != d || e.Path != fileOf(d) ||
						errors.Is(err, fs.ErrNotExist) || !errors.Is(err, syscall.EIO) {
						t.Errorf("%s, %d bytes, %s, call %d (%s): %#v, want io-error", name, size, modeName, n, log[n-1], err)
					}
				}
			}
		}
	}
}

// TestNotThereInTheMiddleIsAFault: an error that says "not there" in the middle of
// reading is a fault, because the file was there.
func TestNotThereInTheMiddleIsAFault(t *testing.T) {
	payload := random(chunkSize+100, 1)
	inner := newRoot(t)
	plant(t, inner, digestOf(payload), sealed(key1, payload))
	faults := objectstest.NewFaultFS(inner)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	faults.FailAt(2, true, syscall.ENOENT)
	_, err := db.Get(t.Context(), digestOf(payload))
	wantMiss(t, "Get", err, digestOf(payload), objects.IOError)
}

// TestRenameReportedAsFailed: a rename over a network that was done and reported as
// failed is a success (F21), and one that was not is not.
func TestRenameReportedAsFailed(t *testing.T) {
	for _, errno := range []error{syscall.EIO, syscall.ENOENT, syscall.ESTALE} {
		for modeName, mode := range faultModes {
			t.Run(fmt.Sprintf("%v, %s", errno, modeName), func(t *testing.T) {
				inner := newRoot(t)
				payload := random(100, 1)
				plant(t, inner, digestOf(payload), nil) // makes the directory, too
				faults := objectstest.NewFaultFS(inner)
				db := open(t, faults.FS(), ringOf(t, key1), nil)
				faults.FailAt(0, false, nil)
				if _, err := db.Put(t.Context(), payload); err != nil {
					t.Fatal(err)
				}
				n := slices.IndexFunc(faults.Log(), func(call string) bool { return strings.HasPrefix(call, "rename ") }) + 1
				plant(t, inner, digestOf(payload), nil)
				faults.SetMode(mode)
				faults.FailAt(n, false, errno)
				info, err := db.Put(t.Context(), payload)
				done := mode == objectstest.FailAfter || errno == syscall.ENOENT // then it is tried again
				if (err == nil) != done {
					t.Errorf("Put = %+v, %v, want success: %t", info, err, done)
				}
				if done {
					wantPayload(t, open(t, inner, ringOf(t, key1), nil), payload)
					synced := faults.Log()[n:]
					if !slices.ContainsFunc(synced, func(call string) bool { return strings.HasPrefix(call, "syncdir objects/") }) {
						t.Errorf("the name is not synced after the rename: %q", synced)
					}
				}
				if left := names(t, inner, "tmp"); len(left) != 0 {
					t.Errorf("left in tmp: %v", left)
				}
			})
		}
	}
}

// TestReadingWritesNothing looks at every call (D9, F11): reading and checking make,
// change and lock nothing.
func TestReadingWritesNothing(t *testing.T) {
	inner := newRoot(t)
	payload, packed := random(1000, 1), random(1000, 2)
	plantPacked(t, inner, digestOf(packed), sealed(key1, packed))
	plant(t, inner, digestOf(payload), sealed(key1, payload))
	plant(t, inner, digestOf([]byte("damaged")), []byte("other"))
	faults := objectstest.NewFaultFS(inner)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	wantPayload(t, db, payload)
	wantPayload(t, db, packed)
	wantAll(t, db, digestOf([]byte("damaged")), objects.Corrupt)
	wantAll(t, db, digestOf([]byte("missing")), objects.Missing)
	count(t, db)
	if _, err := db.Resolve(context.Background(), digestOf(payload).String()[:10]); err != nil {
		t.Error(err)
	}
	if err := drain(db, t.Context()); err != nil {
		t.Error(err)
	}
	reading := []string{"openregular", "readat", "close", "names", "names-end", "lstat"}
	for _, call := range faults.Log() {
		if op, _, _ := strings.Cut(call, " "); !slices.Contains(reading, op) {
			t.Errorf("reading calls %s", call)
		}
	}
}
