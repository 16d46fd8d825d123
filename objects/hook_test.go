package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// hook is a PreReader that notes what it is asked.
type hook struct {
	mu     sync.Mutex
	asked  []objects.Info
	answer error
	read   bool
	got    []byte
}

func (h *hook) PreRead(_ context.Context, info objects.Info, payload io.ReaderAt) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, info)
	if h.read {
		got, err := io.ReadAll(io.NewSectionReader(payload, 0, info.Size))
		if err != nil {
			return err
		}
		h.got = got
	}
	return h.answer
}

func (h *hook) take() []objects.Info {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked := h.asked
	h.asked = nil
	return asked
}

func TestHookIsAskedExactlyBeforeRelease(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		h := &hook{read: true}
		ring := ringOf(t, key1)
		db := open(t, fsys, ring, &objects.Options{PreRead: h})
		for _, size := range []int{0, 10, chunkSize + 5} {
			payload := random(size, 1)
			put, err := db.Put(t.Context(), payload)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Put(t.Context(), payload); err != nil {
				t.Fatal(err)
			}
			d := put.Digest
			for home, plant := range homes {
				if stored := sealed(key1, payload); fits(home, stored) {
					put.Where = plant(t, fsys, d, stored)
				} else {
					continue
				}
				db := open(t, fsys, ring, &objects.Options{PreRead: h}) // one that holds nothing open of what was there before
				for name, c := range map[string]struct {
					call func() error
					asks int
				}{
					"Stat":    {func() error { _, err := db.Stat(t.Context(), d); return err }, 0},
					"Check":   {func() error { _, err := db.Check(t.Context(), d); return err }, 0},
					"Fsck":    {func() error { return drain(db, t.Context()) }, 0},
					"All":     {func() error { count(t, db); return nil }, 0},
					"Resolve": {func() error { _, err := db.Resolve(t.Context(), d.String()[:8]); return err }, 0},
					"Get":     {func() error { _, err := db.Get(t.Context(), d); return err }, 1},
					"Open": {func() error {
						r, err := db.Open(t.Context(), d)
						if err == nil {
							err = r.Close()
						}
						return err
					}, 1},
					"Get of what is missing": {func() error { db.Get(t.Context(), digestOf([]byte("missing"))); return nil }, 0},
				} {
					h.take()
					if err := c.call(); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					asked := h.take()
					if len(asked) != c.asks {
						t.Errorf("%s asks the hook %d times, want %d", name, len(asked), c.asks)
					}
					for _, info := range asked {
						if info != put {
							t.Errorf("%s tells the hook %+v, want %+v", name, info, put)
						}
					}
					if c.asks > 0 && !bytes.Equal(h.got, payload) {
						t.Errorf("%s: the hook reads %d bytes of other than the payload", name, len(h.got))
					}
				}
			}
		}
	})
}

func drain(db *objects.DB, ctx context.Context) error {
	for _, err := range db.Fsck(ctx, objects.FsckOptions{}, nil) {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestVerdictAndHook is the truth table: both must agree, and a hook that allows
// everything rescues nothing.
func TestVerdictAndHook(t *testing.T) {
	no := errors.New("scanned and refused")
	answers := []struct {
		name   string
		answer error
		want   objects.Reason
	}{
		{"allows", nil, objects.OK},
		{"denies", no, objects.Denied},
		{"fails", fmt.Errorf("no such program: %w", objects.ErrHookFailed), objects.HookFailed},
		{"says ErrHookFailed itself", objects.ErrHookFailed, objects.HookFailed},
		{"wraps an error that is a miss", &objects.Error{Reason: objects.Missing}, objects.Denied},
		{"wraps an error that is a fault", &objects.Error{Reason: objects.IOError}, objects.Denied},
		{"says context.Canceled without reason", context.Canceled, objects.Denied},
	}
	for _, size := range []int{100, chunkSize + 100} {
		payload := random(size, 9)
		d := digestOf(payload)
		for _, f := range forgeries {
			for home, plant := range homes {
				fsys := newMemory(t)
				if !fits(home, f.make(payload)) {
					continue
				}
				plant(t, fsys, d, f.make(payload))
				for _, a := range answers {
					t.Run(fmt.Sprintf("%d/%s/%s/the hook %s", size, f.name, home, a.name), func(t *testing.T) {
						h := &hook{answer: a.answer}
						db := open(t, fsys, ringOf(t, key1, key2), &objects.Options{PreRead: h})
						want := f.keys
						if want.Good() {
							want = a.want
						}
						got, err := db.Get(t.Context(), d)
						r, openErr := db.Open(t.Context(), d)
						if want.Good() {
							if err != nil || !bytes.Equal(got, payload) || openErr != nil {
								t.Fatalf("Get = %d bytes, %v; Open: %v", len(got), err, openErr)
							}
							r.Close()
							return
						}
						wantMiss(t, "Get", err, d, want)
						wantMiss(t, "Open", openErr, d, want)
						if got != nil || r != nil {
							t.Error("something is released beside the error")
						}
						if asked := len(h.take()); f.keys.Good() != (asked > 0) {
							t.Errorf("the hook is asked %d times about a verdict of %s", asked, f.keys)
						}
						if f.keys.Good() && !errors.Is(err, a.answer) {
							t.Errorf("the hook's error is not in the chain of %v", err)
						}
					})
				}
			}
		}
	}
}

// TestHookOfABigObject: what the hook reads is verified in chunks, like all that is
// released, and a change meanwhile refuses the object.
func TestHookOfABigObject(t *testing.T) {
	h := &hook{read: true}
	db := open(t, bigStore(t), ringOf(t, key1), &objects.Options{PreRead: h})
	r, err := db.Open(t.Context(), big.digest)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if !bytes.Equal(h.got, big.payload) {
		t.Error("the hook does not read the payload")
	}
}

type hookFunc func(ctx context.Context, info objects.Info, payload io.ReaderAt) error

func (f hookFunc) PreRead(ctx context.Context, info objects.Info, payload io.ReaderAt) error {
	return f(ctx, info, payload)
}

// TestHookReadsAnywhere: a hook is somebody else's code; a bad offset must be an
// error to it, not a panic in the reader.
func TestHookReadsAnywhere(t *testing.T) {
	anywhere := hookFunc(func(_ context.Context, info objects.Info, payload io.ReaderAt) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("ReadAt panics: %v", p)
			}
		}()
		buf := make([]byte, 10)
		if n, err := payload.ReadAt(buf, -1); n != 0 || err == nil {
			return fmt.Errorf("ReadAt at -1 = %d, %v", n, err)
		}
		for _, off := range []int64{info.Size, info.Size + 1, info.Size + 100*chunkSize} {
			if n, err := payload.ReadAt(buf, off); n != 0 || err != io.EOF {
				return fmt.Errorf("ReadAt at %d of %d = %d, %v, want io.EOF", off, info.Size, n, err)
			}
		}
		if n, err := payload.ReadAt(buf, info.Size-3); n != 3 || err != io.EOF {
			return fmt.Errorf("ReadAt over the end = %d, %v, want 3, io.EOF", n, err)
		}
		return nil
	})
	opts := &objects.Options{PreRead: anywhere}
	t.Run("small", func(t *testing.T) {
		db := open(t, newRoot(t), ringOf(t, key1), opts)
		info, err := db.Put(t.Context(), []byte("payload"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Get(t.Context(), info.Digest); err != nil {
			t.Error(err)
		}
	})
	t.Run("big", func(t *testing.T) {
		r, err := open(t, bigStore(t), ringOf(t, key1), opts).Open(t.Context(), big.digest)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	})
}

func TestContextEndsInTheHook(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	waits := hookFunc(func(ctx context.Context, _ objects.Info, _ io.ReaderAt) error {
		<-ctx.Done()
		return fmt.Errorf("interrupted: %w", ctx.Err())
	})
	db := open(t, newRoot(t), ringOf(t, key1), &objects.Options{PreRead: waits})
	info, err := db.Put(t.Context(), []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	if payload, err := db.Get(ctx, info.Digest); err != context.DeadlineExceeded || payload != nil {
		t.Errorf("Get = %q, %v, want context.DeadlineExceeded", payload, err)
	}
}
