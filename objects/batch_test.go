package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/iotest"

	"fsk/objects"
	"fsk/seal"
)

func TestBatchRoundTrip(t *testing.T) {
	for _, n := range []int{1, 7, 8, 300} {
		t.Run(fmt.Sprint(n, " objects"), func(t *testing.T) {
			fsys := newRoot(t)
			db := open(t, fsys, ringOf(t, key1), nil)
			b := db.NewBatch()
			var wg sync.WaitGroup
			for i := range n {
				wg.Go(func() {
					if _, err := b.Put(context.Background(), []byte(fmt.Sprint("payload ", i))); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			big := bytes.Repeat([]byte("big"), 1<<20)
			info, err := b.PutReader(context.Background(), bytes.NewReader(big))
			if err != nil || info.Where != objects.Loose {
				t.Fatalf("large: %+v, %v", info, err)
			}
			if err := b.Commit(context.Background()); err != nil {
				t.Fatal(err)
			}
			other := open(t, fsys, ringOf(t, key1), nil)
			for i := range n {
				want := []byte(fmt.Sprint("payload ", i))
				for _, db := range []*objects.DB{db, other} {
					got, err := db.Get(context.Background(), objects.Sum(want))
					if err != nil || !bytes.Equal(got, want) {
						t.Fatalf("Get = %q, %v", got, err)
					}
					in, err := db.Stat(context.Background(), objects.Sum(want))
					if err != nil || (in.Where == objects.Loose) != (n < 8) {
						t.Fatalf("%d objects: Stat = %+v, %v", n, in, err)
					}
				}
			}
			if got, err := db.Get(context.Background(), objects.Sum(big)); err != nil || !bytes.Equal(got, big) {
				t.Fatal(err)
			}
		})
	}
}

// TestLargestInAPack: a payload of 1 MiB goes to a pack and a larger one does not, however
// it is put.
func TestLargestInAPack(t *testing.T) {
	ways := map[string]func(b *objects.Batch, payload []byte) (objects.Info, error){
		"Put": func(b *objects.Batch, payload []byte) (objects.Info, error) { return b.Put(t.Context(), payload) },
		"PutReader": func(b *objects.Batch, payload []byte) (objects.Info, error) {
			return b.PutReader(t.Context(), bytes.NewReader(payload))
		},
		"PutReader of a slow one": func(b *objects.Batch, payload []byte) (objects.Info, error) {
			return b.PutReader(t.Context(), iotest.HalfReader(iotest.DataErrReader(bytes.NewReader(payload))))
		},
	}
	for what, put := range ways {
		for _, ring := range []*seal.Ring{ringOf(t, key1), seal.Off} {
			fsys := newRoot(t)
			db := open(t, fsys, ring, quick)
			b := db.NewBatch()
			for _, p := range texts("p", 8) {
				if _, err := b.Put(t.Context(), []byte(p)); err != nil {
					t.Fatal(err)
				}
			}
			sizes := []int{chunkSize - 1, chunkSize, chunkSize + 1, chunkSize + 2, 2 * chunkSize, 2*chunkSize + 1}
			for _, size := range sizes {
				info, err := put(b, random(size, byte(size)))
				if err != nil || info.Size != int64(size) || (info.Where == objects.Loose) != (size > chunkSize) {
					t.Errorf("%s of %d bytes, %d keys: %+v, %v", what, size, ring.Len(), info, err)
				}
			}
			if err := b.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, size := range sizes {
				payload := random(size, byte(size))
				wantPayload(t, db, payload)
				info, err := db.Stat(t.Context(), digestOf(payload))
				if err != nil || (info.Where == objects.Loose) != (size > chunkSize) {
					t.Errorf("%s of %d bytes, %d keys: it is in %q, %v", what, size, ring.Len(), info.Where, err)
				}
				if info, err := db.PutReader(t.Context(), bytes.NewReader(payload)); err != nil || info.Digest != digestOf(payload) {
					t.Errorf("PutReader of the DB: %+v, %v", info, err)
				}
			}
		}
	}
}

// TestPlainPayloadTooLargeForAPack: room for a trailer is no room for more payload.
func TestPlainPayloadTooLargeForAPack(t *testing.T) {
	for _, over := range []int{0, 1, 63, 64} {
		fsys := newRoot(t)
		payload := random(chunkSize+over, byte(over))
		plantPack(t, fsys, record{digestOf(payload), payload})
		db := open(t, fsys, seal.Off, quick)
		findings, _ := fsck(t, db, objects.FsckOptions{})
		if over == 0 {
			wantPayload(t, db, payload)
			continue
		}
		wantAll(t, db, digestOf(payload), objects.TooLarge)
		if len(findings) != 1 || findings[0].Reason != objects.TooLarge {
			t.Errorf("%d bytes over: findings %+v", over, findings)
		}
		if info, err := db.Put(t.Context(), payload); err != nil || info.Where != objects.Loose {
			t.Errorf("Put: %+v, %v", info, err)
		}
		wantPayload(t, db, payload)
	}
}

// TestDirectoryInPlaceOfAPack: it hides no other object, and is named when a pack that has
// to be written would have its name.
func TestDirectoryInPlaceOfAPack(t *testing.T) {
	fsys := newRoot(t)
	list := texts("p", 8)
	plantPack(t, fsys, numbered("other", 8)...)
	id := plantPack(t, fsys, numbered("p", 8)...)
	for _, file := range []string{packFile(id), indexFile(id)} {
		clear := func() {
			remove(t, fsys, packFile(id))
			remove(t, fsys, indexFile(id))
		}
		clear()
		if err := fsys.MkdirAll(file, 0o777); err != nil {
			t.Fatal(err)
		}
		db := open(t, fsys, ringOf(t, key1), quick)
		want := digestOf([]byte("other 3"))
		if d, err := db.Resolve(t.Context(), want.String()[:8]); err != nil || d != want {
			t.Errorf("Resolve beside a directory as %s: %s, %v", file, d, err)
		}
		b := db.NewBatch()
		for _, p := range list {
			if _, err := b.Put(t.Context(), []byte(p)); err != nil {
				t.Fatal(err)
			}
		}
		err := b.Commit(t.Context())
		var e *objects.Error
		if !errors.As(err, &e) || e.Reason != objects.NotRegular || e.Path != file {
			t.Errorf("Commit over a directory as %s: %v", file, err)
		}
		b.Discard()
		if _, err := db.Put(t.Context(), []byte(list[0])); err != nil {
			t.Errorf("Put beside a directory as %s: %v", file, err)
		}
		remove(t, fsys, fileOf(digestOf([]byte(list[0]))))
	}
}
