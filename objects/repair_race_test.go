package objects_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fsk/objects"
)

// TestRepairUnderLoad: others put, commit batches, pack, remove, read and quarantine while
// several resealers are at work (F18, D7). No object that was acknowledged is a miss with
// both keys at any time, none that was removed comes back, and in the end the new key alone
// reads everything.
func TestRepairUnderLoad(t *testing.T) {
	t.Parallel()
	fsys := newRoot(t)
	both := ringOf(t, key1, key2)
	db := func() *objects.DB { return open(t, fsys, both, quick) }
	large := string(random(chunkSize+10, 3))
	old := append(texts("loose", 60), large)
	for _, p := range old {
		r := oldRecord(p)
		plant(t, fsys, r.d, r.stored)
	}
	for i := range 8 {
		plantPack(t, fsys, oldRecords(fmt.Sprint("pack", i), 10)...)
		old = append(old, texts(fmt.Sprint("pack", i), 10)...)
	}
	doomed := texts("doomed", 40) // are removed, half of them loose
	for i, p := range doomed {
		if r := oldRecord(p); i%2 == 0 {
			plant(t, fsys, r.d, r.stored)
		} else {
			plantPack(t, fsys, r, oldRecord("beside "+p))
			old = append(old, "beside "+p)
		}
	}
	var (
		end     = time.Now().Add(raceTime())
		mu      sync.Mutex
		acked   = slices.Clone(old)
		removed []string
		reads   atomic.Int64
		rounds  atomic.Int64
		wg      sync.WaitGroup
	)
	going := func() bool { return (time.Now().Before(end) || rounds.Load() < 2) && !t.Failed() }
	note := func(list *[]string, payloads ...string) {
		mu.Lock()
		defer mu.Unlock()
		*list = append(*list, payloads...)
	}
	one := func(list *[]string, i int) string {
		mu.Lock()
		defer mu.Unlock()
		if len(*list) == 0 {
			return ""
		}
		return (*list)[i%len(*list)]
	}
	loop := func(act func(db *objects.DB, i int)) {
		db := db()
		wg.Go(func() {
			for i := 0; going(); i++ {
				act(db, i)
			}
		})
	}
	oldDB := open(t, fsys, ringOf(t, key2, key1), quick) // a writer whose ring is not yet turned round
	for range 2 {
		loop(func(db *objects.DB, i int) {
			for f, err := range db.Reseal(t.Context(), objects.FsckOptions{Workers: 2}, nil) {
				if err != nil {
					t.Errorf("Reseal: %v", err)
				} else if f.Severity == objects.SeverityError && f.Reason != objects.Unsealed && f.Reason != objects.ChangedDuringRead {
					t.Errorf("Reseal finds %s of %s: %v", f.Reason, f.Path, f.Err)
				}
			}
			rounds.Add(1)
		})
	}
	loop(func(db *objects.DB, i int) {
		time.Sleep(3 * time.Millisecond) // or who needs the lock alone would hardly get it
		writer := []*objects.DB{db, oldDB}[i%2]
		p := fmt.Sprint("put ", i)
		if _, err := writer.Put(t.Context(), []byte(p)); err != nil {
			t.Errorf("Put: %v", err)
			return
		}
		note(&acked, p)
	})
	loop(func(db *objects.DB, i int) {
		time.Sleep(5 * time.Millisecond)
		writer := []*objects.DB{db, oldDB}[i%2]
		list := append(texts(fmt.Sprint("batch", i), 9), one(&acked, i*7))
		if err := batchOf(t.Context(), writer, list); err != nil {
			t.Errorf("batch: %v", err)
			return
		}
		note(&acked, list...)
	})
	loop(func(db *objects.DB, i int) {
		if _, err := db.Pack(t.Context(), nil); err != nil && !retry(err) {
			t.Errorf("Pack: %v", err)
		}
	})
	loop(func(db *objects.DB, i int) {
		if i >= len(doomed) {
			time.Sleep(time.Millisecond)
			return
		}
		err := db.Remove(t.Context(), digestOf([]byte(doomed[i])))
		for n := 0; n < 100 && retry(err); n++ {
			err = db.Remove(t.Context(), digestOf([]byte(doomed[i])))
		}
		if err != nil {
			t.Errorf("Remove: %v", err)
			return
		}
		note(&removed, doomed[i])
	})
	aside := t.TempDir()
	loop(func(db *objects.DB, i int) { // an attacker and who sets aside what he planted
		p := fmt.Appendf(nil, "planted %d", i)
		d := digestOf(p)
		if err := plantAtOnce(aside, filepath.Join(fsys.Root(), fileOf(d)), p); err != nil {
			t.Errorf("plant: %v", err)
			return
		}
		f := found(objects.Unsealed, fileOf(d), d)
		good := one(&acked, i*31)
		list := []objects.Finding{f, found(objects.Corrupt, fileOf(digestOf([]byte(good))), digestOf([]byte(good)))}
		for m, err := range db.Quarantine(t.Context(), list, objects.QuarantineOptions{}) {
			if err != nil && !retry(err) || err == nil && m.Digest != d {
				t.Errorf("Quarantine: %+v, %v", m, err)
			}
		}
	})
	shared := db()
	for r := range 2 {
		loop(func(db *objects.DB, i int) {
			reader := []*objects.DB{db, shared}[r]
			p := one(&acked, i*31+r)
			if got, err := reader.Get(t.Context(), digestOf([]byte(p))); err != nil || string(got) != p {
				t.Errorf("acknowledged, but Get of %.20q = %d bytes, %v", p, len(got), err)
			}
			// A DB that holds the pack open may still read what was in it.
			if p := one(&removed, i); p != "" && i%20 == 0 {
				fresh := open(t, fsys, both, quick)
				if got, err := fresh.Get(t.Context(), digestOf([]byte(p))); err == nil {
					t.Errorf("%q came back: %q", p, got)
				}
				fresh.Close() // or descriptors would run out before the collector comes
			}
			reads.Add(1)
		})
	}
	wg.Wait()
	stats, findings := reseal(t, db())
	for _, f := range findings {
		if f.Reason != objects.Unsealed {
			t.Errorf("in the end: %+v", f)
		}
	}
	if stats.Keys[both.ID(1)] != 0 {
		t.Errorf("in the end the old key seals %d", stats.Keys[both.ID(1)])
	}
	wantThere(t, fsys, "in the end, by the new key alone", acked...)
	for _, p := range removed {
		if info, err := db().Check(t.Context(), digestOf([]byte(p))); err != nil || info.Reason != objects.Missing {
			t.Errorf("%q came back: %+v, %v", p, info, err)
		}
	}
	if left := append(names(t, fsys, "tmp"), loneNotes(t, fsys)...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	t.Logf("%d objects, %d removed, %d reads, %d rounds of reseal", len(acked), len(removed), reads.Load(), rounds.Load())
}

// plantAtOnce gives a file its name when it is whole: a resealer that met half of it would
// rightly call it corrupt.
func plantAtOnce(aside, file string, stored []byte) error {
	whole := filepath.Join(aside, "planted")
	return errors.Join(
		os.WriteFile(whole, stored, 0o644),
		os.MkdirAll(filepath.Dir(file), 0o755),
		os.Rename(whole, file))
}

// retry reports whether an operation gave up because others did not stop.
func retry(err error) bool {
	return err != nil && strings.HasSuffix(err.Error(), "try again (io-error)")
}

// TestResealPassesNothingOver: whatever others do with the packs in the middle of it, in
// every moment, after a Reseal that ends without a finding no object that was there when
// it began depends on the old key.
func TestResealPassesNothingOver(t *testing.T) {
	acts := map[string]func(t *testing.T, db *objects.DB){
		"pack": func(t *testing.T, db *objects.DB) {
			if _, err := db.Pack(t.Context(), nil); err != nil && !retry(err) {
				t.Error(err)
			}
		},
		"remove": func(t *testing.T, db *objects.DB) {
			for _, p := range []string{"a 1", "loose 1"} {
				if err := db.Remove(t.Context(), digestOf([]byte(p))); err != nil {
					t.Error(err)
				}
			}
		},
		"adopt": func(t *testing.T, db *objects.DB) {
			if _, err := adopt(t, db, digestOf([]byte("plain"))); err != nil {
				t.Error(err)
			}
		},
	}
	for name, act := range acts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step := 3
			if raceEnabled || testing.Short() {
				step = 17
			}
			for n := 1; ; n += step {
				h := &hooked{FS: newRoot(t), before: func(string, string) {}}
				plantPack(t, h.FS, append(oldRecords("a", 4), record{digestOf([]byte("plain")), []byte("plain")})...)
				plantPack(t, h.FS, oldRecords("b", 4)...)
				plantAll(t, h.FS, oldRecords("loose", 9))
				other := open(t, h.FS, ringOf(t, key2, key1), quick) // which knows nothing of a new key
				db := open(t, h, ringOf(t, key1, key2), quick)
				var calls atomic.Int64
				h.before = func(op, _ string) {
					// The others are calls under the lock, for which the act would wait.
					if slices.Contains([]string{"openregular", "names", "openfile", "queue"}, op) && calls.Add(1) == int64(n) {
						act(t, other)
					}
				}
				stats, findings := reseal(t, db)
				for _, f := range findings {
					if f.Reason != objects.Unsealed {
						t.Errorf("call %d: %+v", n, f)
					}
				}
				if !stats.Complete {
					t.Errorf("call %d: %+v", n, stats)
				}
				h.before = func(string, string) {}
				for _, p := range slices.Concat(texts("a", 4), texts("b", 4), texts("loose", 9)) {
					info, err := open(t, h.FS, ringOf(t, key1), quick).Check(t.Context(), digestOf([]byte(p)))
					gone := name == "remove" && (p == "a 1" || p == "loose 1")
					if err != nil || info.Reason != objects.OK && !(gone && info.Reason == objects.Missing) || gone && info.Reason == objects.OK && calls.Load() >= int64(n) {
						t.Errorf("call %d: %q is %s, %v", n, p, info.Reason, err)
					}
				}
				if calls.Load() < int64(n) || t.Failed() {
					return
				}
			}
		})
	}
}
