package objects_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"fsk/objects"
)

// TestFirstLookupsSideBySide: a search that finds the packs listed by another one a
// moment before has to look into them all the same.
func TestFirstLookupsSideBySide(t *testing.T) {
	fsys := newRoot(t)
	const n = 16
	b := open(t, fsys, ringOf(t, key1), nil).NewBatch()
	for i := range n {
		if _, err := b.Put(context.Background(), []byte(fmt.Sprint("payload ", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		db := open(t, fsys, ringOf(t, key1), nil)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				want := []byte(fmt.Sprint("payload ", i))
				if got, err := db.Get(context.Background(), objects.Sum(want)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("Get = %q, %v", got, err)
				}
			})
		}
		wg.Wait()
	}
}
