package objects_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// TestRewritersSyncAtEveryLevel: what is copied to a new pack may have been acknowledged
// as durable by somebody else, so at the level None, too, nothing goes before its new
// place is on the disk: bytes before names, names before anything is removed.
func TestRewritersSyncAtEveryLevel(t *testing.T) {
	for _, c := range faultChanges() {
		switch c.name {
		case "a batch with a pack", "a small batch", "a batch in an empty store":
			continue // they retire nothing
		}
		for levelName, level := range map[string]*objects.Options{"full": nil, "none": quick} {
			t.Run(c.name+", "+levelName, func(t *testing.T) {
				faults := newFaults(t)
				c.prep(t, faults.FS())
				db := open(t, faults.FS(), ringOf(t, key1), level)
				faults.FailAt(0, false, nil)
				if err := c.do(t.Context(), db); err != nil {
					t.Fatal(err)
				}
				log := faults.Log()
				// That of the object itself is no matter of a rewriter: at the level none it may
				// come back, and one that is not loose has no file.
				log = slices.DeleteFunc(log, func(call string) bool {
					return len(c.gone) > 0 && call == "remove "+fileOf(digestOf([]byte(c.gone[0])))
				})
				wantSynced(t, log, c.name == "fold" && level == quick)
			})
		}
	}
}

// wantSynced looks at the calls of a change: each published file was synced under its
// temporary name, its directory is synced before a file is removed or set aside, and a
// directory that lost a file is synced afterwards. The batch before a fold is not one that
// removes anything, and syncs nothing if it need not.
func wantSynced(t *testing.T, log []string, batchFirst bool) {
	t.Helper()
	published, retired := 0, 0
	for i, call := range log {
		op, name, _ := strings.Cut(call, " ")
		from, to, _ := strings.Cut(name, " ")
		dir := func(name string) string { return name[:strings.LastIndexByte(name, '/')] }
		switch {
		case op == "rename" && strings.HasPrefix(from, "tmp/"):
			if batchFirst && published < 2 {
				published++
				continue // the pack and index of the batch
			}
			published++
			if !slices.Contains(log[:i], "sync "+from) {
				t.Errorf("call %d: %s, which is not synced", i, call)
			}
			next := slices.IndexFunc(log[i:], func(c string) bool {
				return strings.HasPrefix(c, "remove objects/") || strings.HasPrefix(c, "rename objects/")
			})
			if next > 0 && !slices.Contains(log[i:i+next], "syncdir "+dir(to)) {
				t.Errorf("call %d: %s, and then %s without a sync of the directory", i, call, log[i+next])
			}
			if !slices.Contains(log[i:], "syncdir "+dir(to)) {
				t.Errorf("call %d: %s, and no sync of the directory", i, call)
			}
		case op == "remove" && strings.HasPrefix(name, "objects/"), op == "rename" && strings.HasPrefix(from, "objects/"):
			retired++
			if !slices.Contains(log[i:], "syncdir "+dir(from)) {
				t.Errorf("call %d: %s, and no sync of the directory", i, call)
			}
			if op == "rename" && !slices.Contains(log[i:], "syncdir "+dir(to)) {
				t.Errorf("call %d: %s, and no sync of where it is now", i, call)
			}
		}
	}
	if published < 2 || retired == 0 {
		t.Errorf("%d files published and %d retired:\n%s", published, retired, strings.Join(log, "\n"))
	}
}

// TestMendedIndexIsSynced at the level None, too: the pack may have been acknowledged.
func TestMendedIndexIsSynced(t *testing.T) {
	faults := newFaults(t)
	remove(t, faults.FS(), indexFile(plantPack(t, faults.FS(), numbered("p", 9)...)))
	db := open(t, faults.FS(), ringOf(t, key1), quick)
	faults.FailAt(0, false, nil)
	if stats, err := db.Pack(t.Context(), nil); err != nil || stats.Indexes != 1 {
		t.Fatalf("%+v, %v", stats, err)
	}
	log := faults.Log()
	rename := slices.IndexFunc(log, func(c string) bool { return strings.HasPrefix(c, "rename tmp/") })
	from, _, _ := strings.Cut(strings.TrimPrefix(log[rename], "rename "), " ")
	if !slices.Contains(log[:rename], "sync "+from) || !slices.Contains(log[rename:], "syncdir "+packDir) {
		t.Errorf("not synced:\n%s", strings.Join(log, "\n"))
	}
}

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
			for n := 1; n < 300; n += listingStep(n) {
				inner := newRoot(t)
				plantPack(t, inner, numbered("a", 9)...)
				plantPack(t, inner, numbered("b", 9)...)
				for _, r := range numbered("loose", 9) {
					plant(t, inner, r.d, r.stored)
				}
				calls, armed := 0, false
				h := &hooked{FS: inner}
				h.before = func(o, _ string) {
					if !armed || o != op {
						return
					}
					if calls++; calls == n {
						armed = false
						move(inner)
					}
				}
				db := open(t, h, ringOf(t, key1), quick)
				armed = true
				found := make(map[objects.Digest]bool)
				for d, err := range db.All(context.Background()) {
					if err != nil {
						t.Errorf("%s at %s %d: All: %v", name, op, n, err)
					}
					if found[d] {
						t.Errorf("%s at %s %d: All yields %s twice", name, op, n, d)
					}
					found[d] = true
				}
				for _, p := range list {
					if !found[digestOf([]byte(p))] {
						t.Errorf("%s at %s %d: All misses %q", name, op, n, p)
					}
				}
				if armed {
					break
				}
			}
			for n := 1; n < 6; n++ {
				resolveWhile(t, name, op, n, move, list)
			}
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

func resolveWhile(t *testing.T, name, op string, n int, move func(billy.Filesystem), list []string) {
	t.Helper()
	for i, p := range list {
		if !fullTest && i%9 != n {
			continue
		}
		inner := newRoot(t)
		plantPack(t, inner, numbered("a", 9)...)
		plantPack(t, inner, numbered("b", 9)...)
		for _, r := range numbered("loose", 9) {
			plant(t, inner, r.d, r.stored)
		}
		calls, armed := 0, false
		h := &hooked{FS: inner}
		h.before = func(o, _ string) {
			if armed && o == op {
				if calls++; calls == n {
					armed = false
					move(inner)
				}
			}
		}
		db := open(t, h, ringOf(t, key1), quick)
		armed = true
		d := digestOf([]byte(p))
		if got, err := db.Resolve(t.Context(), d.String()[:12]); err != nil || got != d {
			t.Errorf("%s at %s %d: Resolve of %q = %v, %v", name, op, n, p, got, err)
		}
	}
}
