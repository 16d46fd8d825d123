package objects_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"fsk/objects"
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
