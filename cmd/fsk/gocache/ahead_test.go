package gocache_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"fsk/cmd/fsk/gocache"
	"fsk/objects"
)

// aheadWindow is how many outputs the package says it makes ready at once.
const aheadWindow = 32

// A watch is a hook that sees what is read.
type watch struct {
	mu   sync.Mutex
	seen map[objects.Digest]bool
	more chan struct{} // gets a value for each
}

func newWatch() *watch {
	return &watch{seen: make(map[objects.Digest]bool), more: make(chan struct{}, 1000)}
}

func (h *watch) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen[info.Digest] = true
	h.more <- struct{}{}
	return nil
}

func (h *watch) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.seen)
}

// ahead starts a server that keeps a trail, and a hook that sees what it reads.
func (w *world) ahead() (*client, *watch) {
	h := newWatch()
	return w.start(func(o *gocache.Options) {
		o.Open = func() (*gocache.Store, error) {
			return gocache.OpenStore(w.fs, w.ring, &gocache.StoreOptions{PreRead: h, Trail: w.trail()})
		}
	}), h
}

func (w *world) trail() string { return filepath.Join(w.tmp, "..", "state", "trail") }

// nth is the name of an action, and its output.
func nth(i int) string { return fmt.Sprintf("action %d", i) }

// built fills the store, and leaves a trail of all of it.
func (w *world) built(n int) {
	w.t.Helper()
	c, _ := w.ahead()
	for i := range n {
		c.miss(nth(i))
		c.put(nth(i), nth(i))
	}
	c.close()
	if info, err := os.Stat(w.trail()); err != nil || info.Mode().Perm() != 0o600 || info.Size() < int64(32*n) {
		w.t.Fatalf("trail %v, %v", info, err)
	}
}

// What follows the first action is made ready before anybody asks.
func TestLookAhead(t *testing.T) {
	w := newWorld(t)
	w.built(100)
	c, h := w.ahead()
	c.hit(nth(0), nth(0))
	for range 1 + aheadWindow {
		<-h.more
	}
	for i := range 100 {
		c.hit(nth(i), nth(i))
	}
	if stats := c.close(); stats.Hits != 101 || stats.Refused != 0 || len(c.told()) > 0 {
		t.Errorf("stats %+v, warnings %q", stats, c.told())
	}
	if n := h.count(); n != 100 {
		t.Errorf("%d outputs were read", n)
	}
	w.wantEmpty()
}

// A session that wants little of what the one before wanted has not much more read.
func TestLookAheadInVain(t *testing.T) {
	const all, step = 300, 10
	w := newWorld(t)
	w.built(all)
	c, h := w.ahead()
	for i := 0; i < all; i += step {
		for range 3 { // to ask again is no reason to read more
			c.hit(nth(i), nth(i))
		}
	}
	c.close()
	asked := all / step
	if n := h.count(); n > 2*asked+aheadWindow {
		t.Errorf("%d outputs were read for the %d that were asked for", n, asked)
	}
}

// What is bad is told when it is asked for, once, and not before.
func TestLookAheadAtABadObject(t *testing.T) {
	w := newWorld(t)
	w.built(50)
	w.edit(w.record(nth(1)), func(b []byte) []byte { return bytes.Replace(b, []byte("seq 1"), []byte("seq 2"), 1) })
	c, h := w.ahead()
	c.hit(nth(0), nth(0))
	for range 20 {
		<-h.more
	}
	if told := c.told(); len(told) > 0 {
		t.Errorf("warnings %q before anybody asked", told)
	}
	if told := c.miss(nth(1)); len(told) != 1 {
		t.Errorf("warnings %q", told)
	}
	c.put(nth(1), nth(1))
	c.hit(nth(1), nth(1))
	if stats := c.close(); stats.Refused != 1 {
		t.Errorf("stats %+v", stats)
	}
}

// A trail is a guess: whatever is there in its place, the outputs are the same, and nothing
// else is touched.
func TestBadTrail(t *testing.T) {
	const n = 40
	for name, plant := range map[string]func(t *testing.T, path string, good []byte) error{
		"none":  func(_ *testing.T, path string, _ []byte) error { return nil },
		"empty": func(_ *testing.T, path string, _ []byte) error { return os.WriteFile(path, nil, 0o600) },
		"no trail": func(_ *testing.T, path string, _ []byte) error {
			return os.WriteFile(path, []byte("fsk-trail 2\n"), 0o600)
		},
		"cut off": func(_ *testing.T, path string, good []byte) error {
			return os.WriteFile(path, good[:len(good)-1], 0o600)
		},
		"giant": func(_ *testing.T, path string, good []byte) error {
			return os.WriteFile(path, bytes.Repeat(good, 1000), 0o600)
		},
		"a sparse one": func(_ *testing.T, path string, good []byte) error {
			return firstError(os.WriteFile(path, good, 0o600), os.Truncate(path, 1<<40))
		},
		"of actions that are not there": func(_ *testing.T, path string, good []byte) error {
			return os.WriteFile(path, append(good[:12:12], bytes.Repeat([]byte("x"), 32*100)...), 0o600)
		},
		"of one action": func(_ *testing.T, path string, good []byte) error {
			return os.WriteFile(path, append(good[:12:12], bytes.Repeat(good[12:44], 1000)...), 0o600)
		},
		"a directory": func(_ *testing.T, path string, _ []byte) error { return os.Mkdir(path, 0o700) },
		"a link": func(t *testing.T, path string, good []byte) error {
			other := filepath.Join(t.TempDir(), "other")
			t.Cleanup(func() {
				if b, err := os.ReadFile(other); err != nil || !bytes.Equal(b, good) {
					t.Errorf("what a link leads to was changed: %v", err)
				}
			})
			return firstError(os.WriteFile(other, good, 0o600), os.Symlink(other, path))
		},
		"no directory for it": func(_ *testing.T, path string, good []byte) error {
			return firstError(os.RemoveAll(filepath.Dir(path)), os.WriteFile(filepath.Dir(path), good, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.built(n)
			good, err := os.ReadFile(w.trail())
			if err == nil {
				err = os.Remove(w.trail())
			}
			if err == nil {
				err = plant(t, w.trail(), good)
			}
			if err != nil {
				t.Fatal(err)
			}
			c, h := w.ahead()
			for i := range n {
				c.hit(nth(i), nth(i))
			}
			if stats := c.close(); stats.Hits != n || len(c.told()) > 0 {
				t.Errorf("stats %+v, warnings %q", stats, c.told())
			}
			if read := h.count(); read != n {
				t.Errorf("%d outputs were read", read)
			}
			w.wantEmpty()
		})
	}
}

// firstError returns the first error.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
