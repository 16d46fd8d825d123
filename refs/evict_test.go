package refs_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fsk/objects"
	"fsk/objects/rootfs"
	"fsk/refs"
)

// A cache is a store with entries of a cache, refs below e/ in the namespace cache, beside
// the refs of others.
type cache struct {
	*world
	root   *rootfs.FS
	others *world
}

func newCache(t testing.TB, keys ...[]byte) *cache {
	t.Helper()
	fsys := newRoot(t)
	if keys == nil {
		keys = [][]byte{key1}
	}
	ring := ringOf(t, keys...)
	return &cache{
		world: open(t, fsys, ring, refs.Options{Namespace: "cache", NoHistory: true, Touch: time.Hour}),
		root:  fsys, others: open(t, fsys, ring, refs.Options{}),
	}
}

func isEntry(name refs.Name) bool { return strings.HasPrefix(name.String(), "e/") }

// evict evicts what is older than a day.
func (c *cache) evict(change ...func(*refs.EvictOptions)) (refs.EvictStats, error) {
	o := refs.EvictOptions{Entry: isEntry, Size: func(refs.Ref) int64 { return 100 }, MaxAge: 24 * time.Hour}
	for _, f := range change {
		f(&o)
	}
	return c.Evict(c.t.Context(), o)
}

// entry makes an entry that was used last, and whose object was stored, age ago.
func (c *cache) entry(name, payload string, age time.Duration) {
	c.t.Helper()
	c.set("e/"+name, payload)
	c.age("refs/e/"+name, age)
	c.age(objectFile(payload), max(age, 2*time.Hour))
}

func objectFile(payload string) string {
	text := digestOf(payload).String()
	return "objects/" + text[:2] + "/" + text[2:]
}

func (c *cache) age(file string, age time.Duration) {
	c.t.Helper()
	then := time.Now().Add(-age)
	if err := os.Chtimes(filepath.Join(c.root.Root(), file), then, then); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cache) wantObject(payload string, want bool) {
	c.t.Helper()
	_, err := c.db.Get(c.t.Context(), digestOf(payload))
	if (err == nil) != want {
		c.t.Errorf("object %q: error %v, want it to be there: %t", payload, err, want)
	}
}

func (c *cache) wantEntry(name, payload string, want bool) {
	c.t.Helper()
	if want {
		c.wantRef("e/"+name, payload)
	} else {
		c.wantMiss("e/"+name, objects.Missing)
	}
}

const days = 24 * time.Hour

func TestEvictByAge(t *testing.T) {
	c := newCache(t)
	c.entry("old", "old", 2*days)
	c.entry("new", "new", 2*time.Hour)
	c.entry("shared", "shared", 2*days)
	c.entry("shares", "shared", 2*time.Hour)
	c.entry("both", "both", 2*days)
	c.entry("both-too", "both", 2*days)
	c.entry("ancient", "ancient", time.Since(time.Unix(0, 0)))
	c.put("nobody names it")
	c.age(objectFile("nobody names it"), 100*days)
	dry, err := c.evict(func(o *refs.EvictOptions) { o.DryRun = true })
	if err != nil {
		t.Fatal(err)
	}
	c.wantEntry("old", "old", true) // which notes a use: it is new again
	c.age("refs/e/old", 2*days)
	stats, err := c.evict()
	want := refs.EvictStats{Entries: 7, Size: 500, Evicted: 5, Objects: 3, Freed: 300}
	if err != nil || stats != want || dry != want {
		t.Errorf("stats %+v, dry run %+v, want %+v; error %v", stats, dry, want, err)
	}
	for name, there := range map[string]bool{"old": false, "new": true, "shares": true, "both": false, "both-too": false, "ancient": false} {
		c.wantEntry(name, strings.Replace(name, "shares", "shared", 1), there)
	}
	c.wantEntry("shared", "shared", false)
	for payload, there := range map[string]bool{"old": false, "new": true, "shared": true, "both": false, "ancient": false, "nobody names it": true} {
		c.wantObject(payload, there)
	}
	if findings, _ := c.findings(); len(findings) > 0 {
		t.Errorf("findings %+v", findings)
	}
}

func TestEvictBySize(t *testing.T) {
	for limit, left := range map[int64]int{1000: 5, 500: 5, 499: 4, 201: 2, 1: 0} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			c := newCache(t)
			for i := range 5 {
				c.entry(fmt.Sprint(i), fmt.Sprint("payload ", i), time.Duration(10-i)*time.Hour)
			}
			stats, err := c.evict(func(o *refs.EvictOptions) { o.MaxAge, o.MaxSize = 0, limit })
			if err != nil || stats.Evicted != int64(5-left) {
				t.Errorf("stats %+v, error %v", stats, err)
			}
			for i := range 5 { // the oldest go first
				c.wantEntry(fmt.Sprint(i), fmt.Sprint("payload ", i), i >= 5-left)
				c.wantObject(fmt.Sprint("payload ", i), i >= 5-left)
			}
		})
	}
}

// What another ref reaches stays, in whatever way it reaches it.
func TestEvictKeepsWhatIsReached(t *testing.T) {
	c := newCache(t)
	payloads := []string{"named", "attribute", "former", "former attribute", "of another namespace", "of an entry"}
	for i, p := range payloads {
		c.entry(fmt.Sprint(i), p, 2*days)
	}
	set := func(w *world, name string, change refs.Change) {
		t.Helper()
		if _, err := w.Update(t.Context(), nameOf(t, name), change); err != nil {
			t.Fatal(err)
		}
	}
	set(c.others, "named", refs.Change{Digest: digestOf("named")})
	set(c.others, "attribute", refs.Change{Digest: c.put("x"), Attrs: map[string]string{"a": digestOf("attribute").String()}})
	set(c.others, "former", refs.Change{Digest: digestOf("former"), Attrs: map[string]string{"a": digestOf("former attribute").String()}})
	set(c.others, "former", refs.Change{Digest: digestOf("x")})
	set(open(t, c.fs, ringOf(t, key1), refs.Options{Namespace: "third"}), "e/third", refs.Change{Digest: digestOf("of another namespace")})
	set(c.world, "e/young", refs.Change{Digest: digestOf("x"), Attrs: map[string]string{"a": digestOf("of an entry").String()}})
	stats, err := c.evict()
	if err != nil || stats.Evicted != int64(len(payloads)) || stats.Objects != 0 {
		t.Errorf("stats %+v, error %v", stats, err)
	}
	for i, p := range payloads {
		c.wantEntry(fmt.Sprint(i), p, false)
		c.wantObject(p, true)
	}
}

// F16: nothing that is young, or seems to come from the future, neither entry nor object.
func TestEvictKeepsWhatIsYoung(t *testing.T) {
	c := newCache(t)
	for name, age := range map[string]time.Duration{"young": 59 * time.Minute, "future": -48 * time.Hour, "2106": -time.Until(time.Unix(1<<32, 0))} {
		c.entry(name, name, age)
		c.entry("of-"+name, "object of "+name, 2*days)
		c.age(objectFile("object of "+name), age)
	}
	stats, err := c.evict(func(o *refs.EvictOptions) { o.MaxAge, o.MaxSize = time.Nanosecond, 1 })
	if err != nil || stats.Evicted != 0 || stats.Objects != 0 {
		t.Errorf("stats %+v, error %v", stats, err)
	}
	for _, name := range []string{"young", "future", "2106"} {
		c.wantEntry(name, name, true)
		c.wantObject("object of "+name, true)
	}
}

// A42: one ref that cannot be trusted, and nothing is deleted.
func TestEvictStopsAtABrokenRef(t *testing.T) {
	for name, attack := range map[string]struct {
		file   string
		change func([]byte) []byte
		want   objects.Reason
	}{
		"edited":    {"refs/main", func(b []byte) []byte { return bytes.Replace(b, []byte("seq 1"), []byte("seq 2"), 1) }, objects.BadSeal},
		"cut off":   {"refs/main", func(b []byte) []byte { return b[:50] }, objects.MalformedRef},
		"unsealed":  {"refs/main", func(b []byte) []byte { return b[:bytes.Index(b, []byte("key "))] }, objects.Unsealed},
		"copied":    {"refs/other", func(b []byte) []byte { return b }, objects.WrongName},
		"stray":     {"refs/e/UPPER", func(b []byte) []byte { return b }, objects.Stray},
		"stray too": {"refs/.hidden", func(b []byte) []byte { return b }, objects.Stray},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(t)
			c.entry("old", "old", 2*days)
			c.others.set("main", "payload")
			write(t, c.fs, attack.file, attack.change(bytes.Clone(read(t, c.fs, "refs/main"))))
			stats, err := c.evict()
			wantError(t, "Evict", err, attack.want)
			if stats.Evicted != 0 || stats.Quarantined != 0 {
				t.Errorf("stats %+v", stats)
			}
			c.wantObject("old", true)
			if _, err := c.fs.Lstat("refs/e/old"); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("history", func(t *testing.T) {
		c := newCache(t)
		c.entry("old", "old", 2*days)
		first := c.others.set("main", "payload")
		c.others.set("main", "another")
		if err := c.db.Remove(t.Context(), first.BodyDigest); err != nil {
			t.Fatal(err)
		}
		if _, err := c.evict(); err == nil {
			t.Error("no error")
		}
		c.wantObject("old", true)
	})
	t.Run("no key", func(t *testing.T) {
		c := newCache(t)
		c.entry("old", "old", 2*days)
		_, err := open(t, c.fs, ringOf(t), refs.Options{Namespace: "cache"}).Evict(t.Context(), refs.EvictOptions{Entry: isEntry, MaxAge: time.Hour})
		wantError(t, "Evict", err, objects.OKUnverified)
		c.wantObject("old", true)
	})
}

// A broken entry is moved away, byte for byte, and all else is done.
func TestEvictQuarantinesBrokenEntries(t *testing.T) {
	c := newCache(t)
	c.entry("old", "old", 2*days)
	c.entry("broken", "of the broken one", 2*days)
	c.entry("copied", "copied", 2*days)
	raw := bytes.Replace(bytes.Clone(read(t, c.fs, "refs/e/broken")), []byte("seq 1"), []byte("seq 7"), 1)
	write(t, c.fs, "refs/e/broken", raw)
	write(t, c.fs, "refs/e/copied", read(t, c.fs, "refs/e/old"))
	if err := c.root.Symlink("old", "refs/e/link"); err != nil {
		t.Fatal(err)
	}
	dry, err := c.evict(func(o *refs.EvictOptions) { o.DryRun = true })
	if err != nil || dry.Quarantined != 3 {
		t.Errorf("dry run: stats %+v, error %v", dry, err)
	}
	stats, err := c.evict()
	if err != nil || stats.Quarantined != 3 || stats.Evicted != 1 {
		t.Errorf("stats %+v, error %v", stats, err)
	}
	if moved := read(t, c.fs, "quarantine/refs-e-broken.bad-seal"); !bytes.Equal(moved, raw) {
		t.Errorf("quarantine has %q", moved)
	}
	for _, name := range []string{"refs-e-broken.bad-seal.note", "refs-e-copied.wrong-name", "refs-e-link.not-regular"} {
		if _, err := c.fs.Lstat("quarantine/" + name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"broken", "copied", "link"} {
		c.wantMiss("e/"+name, objects.Missing)
	}
	c.wantObject("of the broken one", true) // nothing told that it is garbage
	c.wantObject("old", false)
}

// TestEveryCallOfEvictFails lets every call fail in turn: no entry is ever without its
// object, what is kept stays, and the next run does the rest.
func TestEveryCallOfEvictFails(t *testing.T) {
	for n := 1; ; n += 5 {
		c := newCache(t)
		for i := range 3 {
			c.entry(fmt.Sprint(i), fmt.Sprint("payload ", i), 2*days)
		}
		c.entry("young", "young", 0)
		c.others.set("main", "main")
		write(t, c.fs, "refs/e/broken", []byte("x"))
		faults := newFaults(c.fs)
		w := open(t, faults.FS(), ringOf(t, key1), refs.Options{Namespace: "cache", NoHistory: true})
		faults.FailAt(n, false, syscall.EIO)
		o := refs.EvictOptions{Entry: isEntry, MaxAge: days}
		_, err := w.Evict(t.Context(), o)
		for _, f := range noBroken(c) {
			t.Errorf("call %d, error %v: finding %+v", n, err, f)
		}
		c.wantObject("young", true)
		c.wantObject("main", true)
		if err == nil && faults.Calls() >= n {
			if _, err := c.fs.Lstat("refs/e/0"); err == nil {
				t.Errorf("call %d failed, nothing was said, and not all was done", n)
			}
		}
		var e *refs.Error
		var oe *objects.Error
		if err != nil && !errors.As(err, &e) && !errors.As(err, &oe) {
			t.Errorf("call %d: error %v", n, err)
		}
		if _, err := c.Evict(t.Context(), o); err != nil {
			t.Errorf("call %d, run again: %v", n, err)
		}
		for i := range 3 {
			c.wantEntry(fmt.Sprint(i), "", false)
		}
		if faults.Calls() < n {
			return
		}
	}
}

// noBroken returns what is found but for the broken record.
func noBroken(c *cache) (left []objects.Finding) {
	found, _ := c.findings()
	for _, f := range found {
		if f.Path != "refs/e/broken" && f.Severity == objects.SeverityError {
			left = append(left, f)
		}
	}
	return left
}

// F15: beside others who set entries, again and again of the same few objects, no entry
// that was acknowledged is without its object.
func TestEvictBesideUpdates(t *testing.T) {
	c := newCache(t)
	const n = 8
	for i := range n {
		c.entry(fmt.Sprint("old-", i), fmt.Sprint("payload ", i), 2*days)
	}
	var wg sync.WaitGroup
	for g := range 2 {
		wg.Go(func() {
			w := open(t, c.fs, ringOf(t, key1), refs.Options{Namespace: "cache", NoHistory: true, LockWait: time.Minute})
			for i := range 3 * n {
				name := nameOf(t, fmt.Sprintf("e/new-%d-%d", g, i))
				info, err := w.db.Put(t.Context(), []byte(fmt.Sprint("payload ", i%n)))
				if err != nil {
					t.Error(err)
					return
				}
				// The object may have been evicted since; then this says so.
				if _, err := w.Update(t.Context(), name, refs.Change{Digest: info.Digest}); err != nil {
					continue
				}
				if ref, err := w.Get(t.Context(), name); err != nil {
					t.Error(err)
				} else if _, err := w.db.Get(t.Context(), ref.Digest); err != nil {
					t.Errorf("acknowledged, and gone: %v", err)
				}
			}
		})
	}
	for range 6 {
		if _, err := c.evict(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	if findings, _ := c.findings(); len(findings) > 0 {
		t.Errorf("findings %+v", findings)
	}
}
