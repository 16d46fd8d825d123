package gocache_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fsk/cmd/fsk/gocache"
	"fsk/hooks"
	"fsk/objects"
	"fsk/refs"
)

// move puts what is in one file in the place of another.
func (w *world) move(from, to string) {
	w.t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		w.t.Fatal(err)
	}
	w.plant(to, raw)
}

func (w *world) plant(path string, raw []byte) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		w.t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o444); err != nil {
		w.t.Fatal(err)
	}
}

// object is the path of the loose object with this payload.
func (w *world) object(payload string) string {
	text := objects.Sum([]byte(payload)).String()
	return filepath.Join(w.dir, "objects", text[:2], text[2:])
}

func (w *world) edit(path string, change func([]byte) []byte) {
	w.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.plant(path, change(raw))
}

// set sets a ref of the cache as a key holder could who wants to do harm, or by mistake.
func (w *world) set(action string, c refs.Change) {
	w.t.Helper()
	db, err := objects.Open(w.fs, w.ring, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	store, err := refs.Open(w.fs, w.ring, db, &refs.Options{Namespace: gocache.Namespace, NoHistory: true})
	if err != nil {
		w.t.Fatal(err)
	}
	text := hex.EncodeToString(idOf(action))
	name, err := refs.ParseName("go/" + text[:2] + "/" + text)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := store.Update(w.t.Context(), name, c); err != nil {
		w.t.Fatal(err)
	}
}

// Whatever is done to the store, an action is the genuine output or a miss that tells why
// in one line, and the put that follows mends it.
func TestAttacks(t *testing.T) {
	const victim, other = "victim", "other"
	small, large := "genuine "+victim, strings.Repeat("genuine ", 300_000)
	for name, attack := range map[string]struct {
		do     func(w *world, body string)
		reason string
	}{
		"one byte of the object": {func(w *world, body string) {
			w.edit(w.object(body), func(b []byte) []byte { b[3] ^= 1; return b })
		}, "corrupt"},
		"object without trailer": {func(w *world, body string) {
			w.edit(w.object(body), func(b []byte) []byte { return b[:len(b)-64] })
		}, "unsealed"},
		"another object in its place": {func(w *world, body string) { w.move(w.object("other output"), w.object(body)) }, "wrong-name"},
		"object removed": {func(w *world, body string) {
			if err := os.Remove(w.object(body)); err != nil {
				w.t.Fatal(err)
			}
		}, "missing"},
		"record of another action": {func(w *world, _ string) { w.move(w.record(other), w.record(victim)) }, "wrong-name"},
		"record edited": {func(w *world, _ string) {
			w.edit(w.record(victim), func(b []byte) []byte { return bytes.Replace(b, []byte("seq 1"), []byte("seq 2"), 1) })
		}, "bad-seal"},
		"record names another object": {func(w *world, body string) {
			w.edit(w.record(victim), func(b []byte) []byte {
				from, to := objects.Sum([]byte(body)).String(), objects.Sum([]byte("other output")).String()
				return bytes.Replace(b, []byte(from), []byte(to), 1)
			})
		}, "bad-seal"},
		"record without seal": {func(w *world, _ string) {
			w.edit(w.record(victim), func(b []byte) []byte { return b[:bytes.Index(b, []byte("key "))] })
		}, "unsealed"},
		"record cut off": {func(w *world, _ string) {
			w.edit(w.record(victim), func(b []byte) []byte { return b[:40] })
		}, "malformed-ref"},
		"record is a link": {func(w *world, _ string) {
			if err := os.Remove(w.record(victim)); err != nil {
				w.t.Fatal(err)
			}
			if err := os.Symlink(w.record(other), w.record(victim)); err != nil {
				w.t.Fatal(err)
			}
		}, "not-regular"},
		"sealed, of another size": {func(w *world, body string) {
			w.set(victim, refs.Change{Digest: objects.Sum([]byte(body)), Attrs: map[string]string{"output": hex.EncodeToString(idOf(body)), "size": "5"}})
		}, "not the output"},
		"sealed, without attributes": {func(w *world, body string) {
			w.set(victim, refs.Change{Digest: objects.Sum([]byte(body))})
		}, "malformed-ref"},
	} {
		for size, body := range map[string]string{"small": small, "large": large} {
			t.Run(name+", "+size, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				c := w.start()
				c.put(victim, body)
				c.put(other, "other output")
				c.close()
				attack.do(w, body)

				c = w.start()
				told := c.miss(victim)
				if len(told) != 1 || !strings.Contains(told[0], attack.reason) || !strings.Contains(told[0], hex.EncodeToString(idOf(victim))) {
					t.Errorf("warnings %q, want one with %s and the action", told, attack.reason)
				}
				c.put(victim, body)
				c.hit(victim, body)
				if stats := c.close(); stats.Refused != 1 || len(c.told()) != 1 {
					t.Errorf("stats %+v, warnings %q", stats, c.told())
				}
				c = w.start()
				c.hit(victim, body)
				c.hit(other, "other output")
				c.close()
			})
		}
	}
}

// An older record of the same action, put back, is accepted: it was sealed for the same
// inputs.
func TestOlderRecordIsAccepted(t *testing.T) {
	w := newWorld(t)
	c := w.start()
	c.put("action", "older")
	c.close()
	old, err := os.ReadFile(w.record("action"))
	if err != nil {
		t.Fatal(err)
	}
	c = w.start()
	c.put("action", "newer")
	c.close()
	w.plant(w.record("action"), old)
	c = w.start()
	c.hit("action", "older")
	c.close()
}

// Rotation: with the new key before the old one nothing is lost; with the new one alone
// everything is foreign, until it is put again.
func TestRotation(t *testing.T) {
	w := newWorld(t)
	c := w.start()
	c.put("action", "body")
	c.close()
	w.ring = newRing(t, 2, 1)
	c = w.start()
	c.hit("action", "body")
	c.close()
	first := func(o *gocache.Options) {
		o.Open = func() (*gocache.Store, error) {
			return gocache.OpenStore(w.fs, w.ring, &gocache.StoreOptions{Allowed: firstKey, PreRead: hooks.FirstKey{}})
		}
	}
	c = w.start(first)
	if told := c.miss("action"); len(told) != 1 || !strings.Contains(told[0], "denied") {
		t.Errorf("warnings %q", told)
	}
	c.close()
	w.ring = newRing(t, 2)
	c = w.start()
	if told := c.miss("action"); len(told) != 1 || !strings.Contains(told[0], "bad-seal") {
		t.Errorf("warnings %q", told)
	}
	c.put("action", "body")
	c.close()
	c = w.start(first)
	c.hit("action", "body")
	c.close()
}

// With a wrong key everything is refused: some is told one by one, and the rest counted.
func TestEverythingIsRefused(t *testing.T) {
	w := newWorld(t)
	c := w.start()
	for i := range 25 {
		c.put(nth(i), nth(i))
	}
	c.close()
	w.ring = newRing(t, 2)
	c = w.start()
	for i := range 25 {
		c.miss(nth(i))
	}
	stats := c.close()
	told := c.told()
	if stats.Refused != 25 || len(told) != 11 || told[10] != "go cache: 15 more were refused and done again" {
		t.Errorf("stats %+v, warnings %q", stats, told)
	}
}

func firstKey(ref refs.Ref) error {
	if ref.Retired {
		return &refs.Error{Name: ref.Name, Reason: objects.Denied, Err: errors.New("a retired key")}
	}
	return nil
}

// Policies apply to what is handed out.
func TestPolicy(t *testing.T) {
	w := newWorld(t)
	c := w.start()
	c.put("denied", "bad")
	c.put("allowed", "good")
	c.close()
	c = w.start(func(o *gocache.Options) {
		o.Open = func() (*gocache.Store, error) {
			return gocache.OpenStore(w.fs, w.ring, &gocache.StoreOptions{PreRead: hooks.NewDeny(objects.Sum([]byte("bad")))})
		}
	})
	c.hit("allowed", "good")
	if told := c.miss("denied"); len(told) != 1 || !strings.Contains(told[0], "denied") {
		t.Errorf("warnings %q", told)
	}
	c.close()
}
