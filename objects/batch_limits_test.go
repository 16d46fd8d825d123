package objects_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"

	"fsk/objects"
	"fsk/objects/rootfs"
	"fsk/seal"
)

// The limits at which a batch commits by itself.
const (
	batchObjects = 262_144
	batchBytes   = 256 << 20
)

// memoryRoot is a store in memory, if there is a filesystem for that, for tests that write
// much.
func memoryRoot(t testing.TB) *rootfs.FS {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "fsk-test")
	if err != nil {
		return newRoot(t)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return rootAt(t, dir)
}

// TestBatchCommitsByItself at 262,144 objects, with one less not yet, and duplicates count
// once.
func TestBatchCommitsByItself(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("puts 262,144 objects")
	}
	fsys := memoryRoot(t)
	db := open(t, fsys, seal.Off, quick)
	b := db.NewBatch()
	defer b.Discard()
	var payload [4]byte
	put := func(i int) {
		binary.BigEndian.PutUint32(payload[:], uint32(i))
		if _, err := b.Put(t.Context(), payload[:]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range batchObjects - 1 {
		put(i)
	}
	put(3)
	if got := names(t, fsys, packDir); len(got) > 0 {
		t.Errorf("before the limit there are %v", got)
	}
	put(batchObjects)
	for i := range 10 {
		put(batchObjects + 1 + i)
	}
	b.Discard()
	if got := count(t, open(t, fsys, seal.Off, nil)); got != batchObjects {
		t.Errorf("%d objects are there, want %d", got, batchObjects)
	}
	if left := names(t, fsys, "tmp"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestBatchCommitsBySize at 256 MiB, of small objects and of large ones, from one goroutine
// and from several: what was put before is there, although nobody commits.
func TestBatchCommitsBySize(t *testing.T) {
	if raceEnabled || testing.Short() {
		t.Skip("puts 256 MiB")
	}
	sizes := map[string]int{"packed": chunkSize}
	if fullTest {
		sizes["loose"] = 32 << 20
		sizes["small"] = 5000
	}
	for name, size := range sizes {
		for _, workers := range []int{1, 8} {
			if workers > 1 && !fullTest {
				continue
			}
			t.Run(fmt.Sprintf("%s, %d goroutines", name, workers), func(t *testing.T) {
				fsys := memoryRoot(t)
				db := open(t, fsys, ringOf(t, key1), quick)
				b := db.NewBatch()
				defer b.Discard()
				n := (batchBytes + size - 1) / size
				put := func(i int) {
					if _, err := b.PutReader(t.Context(), counted(i, size)); err != nil {
						t.Error(err)
					}
				}
				for i := range n - workers {
					put(i)
				}
				if got := count(t, db); got > 0 {
					t.Errorf("before the limit there are %d objects", got)
				}
				var wg sync.WaitGroup
				for i := n - workers; i < n; i++ {
					wg.Go(func() { put(i) })
				}
				wg.Wait()
				put(n)
				b.Discard()
				other := open(t, fsys, ringOf(t, key1), nil)
				if got := count(t, other); got != n {
					t.Errorf("%d objects are there, want %d", got, n)
				}
				for i := 0; i < n; i += 1 + n/20 {
					want, _ := io.ReadAll(counted(i, size))
					if info, err := other.Check(t.Context(), digestOf(want)); err != nil || info.Reason != objects.OK {
						t.Errorf("object %d: %+v, %v", i, info, err)
					}
				}
				if left := names(t, fsys, "tmp"); len(left) > 0 {
					t.Errorf("left: %v", left)
				}
			})
		}
	}
}

// counted reads a payload of its own for each number.
func counted(i, size int) io.Reader {
	return io.MultiReader(bytes.NewReader(binary.BigEndian.AppendUint64(nil, uint64(i))), io.LimitReader(zeros{}, int64(size-8)))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
