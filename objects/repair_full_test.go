package objects_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/objectstest"
)

// TestRepairIsDurable: a DB that promises nothing syncs what it replaces all the same,
// since that may have been acknowledged as durable (D1).
func TestRepairIsDurable(t *testing.T) {
	for _, r := range repairs() {
		if r.name == "prune" {
			continue // nothing is written
		}
		t.Run(r.name, func(t *testing.T) {
			inner := newRoot(t)
			r.prep(t, inner)
			faults := objectstest.NewFaultFS(inner)
			db := open(t, faults.FS(), ringOf(t, key1, key2), &objects.Options{Durability: durable.None})
			faults.FailAt(0, false, nil)
			if err := r.do(t.Context(), db); err != nil {
				t.Fatal(err)
			}
			synced, dirs, renamed := map[string]bool{}, map[string]int{}, 0
			log := faults.Log()
			for i, call := range log {
				op, name, _ := strings.Cut(call, " ")
				switch op {
				case "sync":
					synced[name] = true
				case "syncdir":
					dirs[name] = i
				}
			}
			for i, call := range log {
				from, to, _ := strings.Cut(strings.TrimPrefix(call, "rename "), " ")
				if !strings.HasPrefix(call, "rename ") {
					continue
				}
				renamed++
				dir := to[:strings.LastIndex(to, "/")]
				if strings.HasPrefix(from, "tmp/") && !synced[from] || dirs[dir] < i {
					t.Errorf("%s: the file was synced: %t, its directory afterwards: %t", call, synced[from], dirs[dir] > i)
				}
			}
			if renamed == 0 {
				t.Error("nothing was renamed")
			}
		})
	}
}

// peakHeap returns the most memory that the program had from the system for its heap and
// stacks while it ran f, beyond what it had before.
func peakHeap(f func()) (peak uint64) {
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), now.HeapInuse+now.StackInuse))
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-stopped
	return most.Load() - min(most.Load(), before.HeapInuse+before.StackInuse)
}

// TestMemoryOfReseal: a million objects in a pack, and many in files of their own, are
// resealed in bounded memory.
func TestMemoryOfReseal(t *testing.T) {
	packed, loose := 20_000, 2_000
	if fullTest {
		packed, loose = 1_000_000, 200_000
	}
	const limit = 150 << 20
	for home, n := range map[string]int{"packed": packed, "loose": loose} {
		t.Run(fmt.Sprint(n, " ", home), func(t *testing.T) {
			fsys := newRoot(t)
			func() {
				var records []record
				for i := range n {
					r := oldRecord(fmt.Sprint("small ", i))
					if records = append(records, r); home == "loose" {
						records = records[:0]
						plant(t, fsys, r.d, r.stored)
					}
				}
				if home == "packed" {
					plantPack(t, fsys, records...)
				}
			}()
			db := open(t, unsynced{fsys}, ringOf(t, key1, key2), quick)
			var stats objects.FsckStats
			began := time.Now()
			peak := peakHeap(func() { stats, _ = reseal(t, db) })
			if stats.Keys[ringOf(t, key1).ID(0)] != int64(n) || !stats.Complete {
				t.Errorf("stats %+v", stats)
			}
			if peak > limit {
				t.Errorf("%d MB, want less than %d", peak>>20, limit>>20)
			}
			t.Logf("%d MB, %v", peak>>20, time.Since(began))
		})
	}
}

// TestMemoryOfPack: however many loose objects there are, they are gathered in bounded
// memory, some at a time.
func TestMemoryOfPack(t *testing.T) {
	loose, limit := 2_000, uint64(150<<20)
	if fullTest {
		loose, limit = 200_000, 70<<20 // 130 MB if all were remembered until the end
	}
	fsys := newRoot(t)
	for i := range loose {
		r := oldRecord(fmt.Sprint("small ", i))
		plant(t, fsys, r.d, r.stored)
	}
	db := open(t, unsynced{fsys}, ringOf(t, key1, key2), quick)
	var stats objects.PackStats
	var err error
	peak := peakHeap(func() { stats, err = db.Pack(t.Context(), nil) })
	if err != nil || stats.Objects != int64(loose) || stats.Removed != loose || stats.Packs != 1+(loose-1)>>15 {
		t.Errorf("%+v, %v", stats, err)
	}
	if peak > limit {
		t.Errorf("%d MB, want less than %d", peak>>20, limit>>20)
	}
	t.Logf("%d MB", peak>>20)
	for _, i := range []int{0, 1, loose / 2, loose - 1} {
		if got, err := db.Get(t.Context(), oldRecord(fmt.Sprint("small ", i)).d); err != nil || string(got) != fmt.Sprint("small ", i) {
			t.Errorf("object %d: %q, %v", i, got, err)
		}
	}
}
