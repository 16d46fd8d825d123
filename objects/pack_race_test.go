package objects_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fsk/objects"
)

func raceTime() time.Duration {
	switch {
	case fullTest:
		return time.Minute
	case testing.Short():
		return 500 * time.Millisecond
	}
	return 2 * time.Second
}

// TestPackedStoreUnderLoad: several DBs on one store write in batches, read, check, pack
// and remove at once: no error, no miss of what was acknowledged, no false finding.
func TestPackedStoreUnderLoad(t *testing.T) {
	t.Parallel()
	fsys := newRoot(t)
	db := func() *objects.DB { return open(t, fsys, ringOf(t, key1), quick) }
	end := time.Now().Add(raceTime())
	going := func() bool { return time.Now().Before(end) && !t.Failed() }
	var (
		mu    sync.Mutex
		acked []string
		wg    sync.WaitGroup
		reads atomic.Int64
	)
	ack := func(list ...string) {
		mu.Lock()
		defer mu.Unlock()
		acked = append(acked, list...)
	}
	some := func(i int) (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		if len(acked) == 0 {
			return "", false
		}
		return acked[i%len(acked)], true
	}
	for w := range 2 { // batches, each filled by several goroutines
		one := db()
		wg.Go(func() {
			for round := 0; going(); round++ {
				b := one.NewBatch()
				var list []string
				var puts sync.WaitGroup
				for g := range 3 {
					part := texts(fmt.Sprint(w, round, g), []int{1, 4, 30}[round%3])
					part = append(part, fmt.Sprint("same ", round), "always the same")
					list = append(list, part...)
					puts.Go(func() {
						for i, p := range part {
							put := func() (objects.Info, error) { return b.Put(t.Context(), []byte(p)) }
							if i%2 == 1 {
								put = func() (objects.Info, error) { return b.PutReader(t.Context(), strings.NewReader(p)) }
							}
							if info, err := put(); err != nil || info.Digest != digestOf([]byte(p)) {
								t.Errorf("Put in a batch: %+v, %v", info, err)
							}
						}
					})
				}
				puts.Wait()
				if round%7 == 6 {
					b.Discard()
					continue
				}
				if err := b.Commit(t.Context()); err != nil {
					t.Errorf("Commit: %v", err)
					return
				}
				ack(list...)
			}
		})
	}
	wg.Go(func() { // Put and Remove
		one := db()
		for i := 0; going(); i++ {
			p := fmt.Sprint("alone ", i)
			if _, err := one.Put(t.Context(), []byte(p)); err != nil {
				t.Errorf("Put: %v", err)
			}
			if i%2 == 0 {
				ack(p)
				continue
			}
			if err := one.Remove(t.Context(), digestOf([]byte(p))); err != nil {
				t.Errorf("Remove: %v", err)
			}
			if info, err := one.Check(t.Context(), digestOf([]byte(p))); err != nil || info.Reason != objects.Missing {
				t.Errorf("after Remove: %+v, %v", info, err)
			}
		}
	})
	wg.Go(func() { // Pack
		one := db()
		for going() {
			if _, err := one.Pack(t.Context(), nil); err != nil {
				t.Errorf("Pack: %v", err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	shared := db()
	for r := range 3 { // readers, two of them on one DB, and a new DB now and then
		wg.Go(func() {
			one := shared
			for i := r * 7919; going(); i += 31 {
				if r == 2 && i%100 == 0 {
					one = db()
				}
				p, ok := some(i)
				if !ok {
					continue
				}
				reads.Add(1)
				if got, err := one.Get(t.Context(), digestOf([]byte(p))); err != nil || string(got) != p {
					t.Errorf("acknowledged, but Get of %q = %q, %v", p, got, err)
				}
			}
		})
	}
	wg.Go(func() { // fsck
		one := db()
		for going() {
			findings, stats := fsck(t, one, objects.FsckOptions{Workers: 2})
			for _, f := range findings {
				if f.Reason != objects.LeftoverTemp {
					t.Errorf("false finding %s of %s: %v", f.Reason, f.Path, f.Err)
				}
			}
			if !stats.Complete {
				t.Error("fsck is not complete")
			}
		}
	})
	wg.Wait()
	wantThere(t, fsys, "in the end", acked...)
	if bad := worst(t, fsys); len(bad) > 0 {
		t.Errorf("in the end: %+v", bad)
	}
	if left := names(t, fsys, "tmp"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	t.Logf("%d objects acknowledged, %d reads", len(acked), reads.Load())
}

// TestPackMovesInTheMiddleOfASearch: an object goes from one place to another in the
// moment in which a search is between the two.
func TestPackMovesInTheMiddleOfASearch(t *testing.T) {
	for _, op := range []string{"openregular", "names"} {
		for n := 1; n < 12; n++ {
			for _, used := range []bool{false, true} {
				if n%3 != 1 && !fullTest {
					continue
				}
				inner := newRoot(t)
				plantPack(t, inner, numbered("a", 9)...)
				plantPack(t, inner, numbered("b", 9)...)
				for _, r := range numbered("loose", 9) {
					plant(t, inner, r.d, r.stored)
				}
				for _, p := range []string{"a 1", "b 1", "loose 1"} {
					calls, armed := 0, false
					h := &hooked{FS: inner}
					h.before = func(o, _ string) {
						if !armed || o != op {
							return
						}
						if calls++; calls == n {
							armed = false
							pack(t, inner, key1)
							putBatch(t, open(t, inner, ringOf(t, key1), quick), texts(fmt.Sprint("more", p), 9)...)
						}
					}
					db := open(t, h, ringOf(t, key1), quick)
					if used {
						wantPayload(t, db, []byte("a 2"))
						wantPayload(t, db, []byte("b 2"))
					}
					armed = true
					if got, err := db.Get(t.Context(), digestOf([]byte(p))); err != nil || string(got) != p {
						t.Errorf("%s %d: Get of %q = %q, %v", op, n, p, got, err)
					}
				}
			}
		}
	}
}

// TestNewPacksAreFound without opening the DB again, and those that went are no fault.
func TestNewPacksAreFound(t *testing.T) {
	fsys := newRoot(t)
	reader, writer := open(t, fsys, ringOf(t, key1), quick), open(t, fsys, ringOf(t, key1), quick)
	wantAll(t, reader, digestOf([]byte("r0 0")), objects.Missing)
	var all []string
	for round := range 5 {
		list := texts(fmt.Sprint("r", round), 8)
		putBatch(t, writer, list...)
		all = append(all, list...)
		for _, p := range all {
			wantPayload(t, reader, []byte(p))
		}
		if n := count(t, reader); n != len(all) {
			t.Errorf("All: %d, want %d", n, len(all))
		}
		d := digestOf([]byte(list[3]))
		if got, err := reader.Resolve(t.Context(), d.String()[:12]); err != nil || got != d {
			t.Errorf("Resolve = %v, %v", got, err)
		}
		if round%2 == 1 {
			pack(t, fsys, key1)
		}
	}
	// All packs go while this one holds them open; then they are not there any more.
	clearPacks(t, fsys)
	wantAll(t, reader, digestOf([]byte("never")), objects.Missing)
	wantAll(t, reader, digestOf([]byte(all[0])), objects.Missing)
}

// TestManyPacks: descriptors stay bounded, everything is found, and a DB that is not used
// any more gives its descriptors back.
func TestManyPacks(t *testing.T) {
	fds := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(entries)
	}
	fsys := newRoot(t)
	const packs = 200
	var list []string
	for i := range packs {
		prefix := fmt.Sprint("m", i)
		plantPack(t, fsys, numbered(prefix, 2)...)
		list = append(list, texts(prefix, 2)...)
	}
	db := open(t, fsys, ringOf(t, key1), quick)
	before := fds()
	most := 0
	for round := range 2 {
		for i, p := range list[:100] { // each asks every pack
			if got, err := db.Get(t.Context(), digestOf([]byte(p))); err != nil || string(got) != p {
				t.Fatalf("Get of %q = %q, %v", p, got, err)
			}
			if i%20 == 0 || round == 0 && i < 80 {
				most = max(most, fds()-before)
			}
		}
	}
	if n := count(t, db); n != len(list) {
		t.Errorf("All: %d, want %d", n, len(list))
	}
	if most = max(most, fds()-before); most > 2*96+8 {
		t.Errorf("%d descriptors for packs", most)
	}
	var wg sync.WaitGroup
	for g := range 16 { // side by side a few more may be in use
		wg.Go(func() {
			for i := g; i < len(list); i += 64 {
				if _, err := db.Get(t.Context(), digestOf([]byte(list[i]))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := fds() - before; n > 2*96+8 {
		t.Errorf("%d descriptors for packs after reading side by side", n)
	}
}

// TestReaderOutlivesItsPack: a payload that was verified can be read after the pack went.
func TestReaderOutlivesItsPack(t *testing.T) {
	fsys := newRoot(t)
	big := strings.Repeat("x", chunkSize-7)
	plantPack(t, fsys, append(numbered("p", 8), sealedRecord(big))...)
	r, err := open(t, fsys, ringOf(t, key1), nil).Open(t.Context(), digestOf([]byte(big)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	clearPacks(t, fsys)
	var out bytes.Buffer
	if _, err := r.WriteTo(&out); err != nil || out.String() != big {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}
