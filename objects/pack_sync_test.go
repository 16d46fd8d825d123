package objects_test

import (
	"slices"
	"strings"
	"testing"

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
			note := strings.HasSuffix(to, ".note") // it says why the next file is moved: a power loss may take it away
			if next > 0 && !note && !slices.Contains(log[i:i+next], "syncdir "+dir(to)) {
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
