package objects_test

import (
	"context"
	"fmt"
	"testing"

	"fsk/objects"
)

// TestResealEndsWithTheLoop: who leaves the loop, or has its context end, finds nobody at
// work behind it: no temporary file, and every object sealed by one key or the other.
func TestResealEndsWithTheLoop(t *testing.T) {
	for name, end := range map[string]func(cancel context.CancelFunc) (leave bool){
		"loop":    func(context.CancelFunc) bool { return true },
		"context": func(cancel context.CancelFunc) bool { cancel(); return false },
	} {
		t.Run(name, func(t *testing.T) {
			for round := range 20 {
				fsys := newMemory(t)
				if round < 4 {
					fsys = newRoot(t)
				}
				plant(t, fsys, objects.Digest{}, []byte("found first, while all the others are in work"))
				var payloads [][]byte
				for i := range 300 {
					payloads = append(payloads, fmt.Appendf(nil, "loose %d", i))
					plant(t, fsys, digestOf(payloads[i]), sealed(key2, payloads[i]))
				}
				ctx, cancel := context.WithCancel(t.Context())
				db := open(t, fsys, ringOf(t, key1, key2), nil)
				for range db.Reseal(ctx, objects.FsckOptions{Workers: 4}, nil) {
					if end(cancel) {
						break
					}
				}
				cancel()
				if left := names(t, fsys, "tmp"); len(left) > 0 {
					t.Fatalf("round %d: %d files are left in tmp", round, len(left))
				}
				for _, p := range payloads {
					wantPayload(t, db, p)
				}
			}
		})
	}
}
