package objects_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// TestListingWhileOthersPack: packs are gathered and folded in the moment in which a
// listing is between two of them, or between loose objects and packs: All and Resolve miss
// nothing that was there before.
func TestListingWhileOthersPack(t *testing.T) {
	moves := map[string]func(inner billy.Filesystem){
		"pack": func(inner billy.Filesystem) { pack(t, inner, key1) },
		"fold": func(inner billy.Filesystem) {
			for i := range 65 {
				plantPack(t, inner, numbered(fmt.Sprint("fold", i), 1)...)
			}
			putBatch(t, open(t, inner, ringOf(t, key1), quick), texts("more", 8)...)
		},
	}
	list := slices.Concat(texts("a", 9), texts("b", 9), texts("loose", 9))
	for name, move := range moves {
		for _, op := range []string{"openregular", "names"} {
			t.Run(name+" at "+op, func(t *testing.T) {
				for n := 1; ; n += listingStep(n) {
					db, moved := movedAt(t, op, n, move)
					listWhile(t, db, n, list)
					if !*moved {
						break
					}
				}
				for i, p := range list {
					for n := 1; n < 6; n++ {
						if !fullTest && i%9 != n {
							continue
						}
						db, _ := movedAt(t, op, n, move)
						d := digestOf([]byte(p))
						if got, err := db.Resolve(t.Context(), d.String()[:12]); err != nil || got != d {
							t.Errorf("call %d: Resolve of %q = %v, %v", n, p, got, err)
						}
					}
				}
			})
		}
	}
}

// listingStep leaves out most of the 256 calls that are all alike.
func listingStep(n int) int {
	if fullTest || n < 4 {
		return 1
	}
	return 41
}

// movedAt makes a store of two packs and loose objects, and a DB during whose nth call of a
// kind everything moves.
func movedAt(t *testing.T, op string, n int, move func(billy.Filesystem)) (db *objects.DB, moved *bool) {
	t.Helper()
	inner := memoryRoot(t) // rewriters sync
	plantPack(t, inner, numbered("a", 9)...)
	plantPack(t, inner, numbered("b", 9)...)
	for _, r := range numbered("loose", 9) {
		plant(t, inner, r.d, r.stored)
	}
	calls, armed := 0, false
	moved = new(bool)
	db = open(t, &hooked{FS: inner, before: func(o, _ string) {
		if !armed || *moved || o != op {
			return
		}
		if calls++; calls == n {
			*moved = true
			move(inner)
		}
	}}, ringOf(t, key1), quick)
	armed = true
	return db, moved
}

func listWhile(t *testing.T, db *objects.DB, n int, list []string) {
	t.Helper()
	found := make(map[objects.Digest]bool)
	for d, err := range db.All(t.Context()) {
		if err != nil {
			t.Errorf("call %d: All: %v", n, err)
		}
		if found[d] {
			t.Errorf("call %d: All yields %s twice", n, d)
		}
		found[d] = true
	}
	for _, p := range list {
		if !found[digestOf([]byte(p))] {
			t.Errorf("call %d: All misses %q", n, p)
		}
	}
}
