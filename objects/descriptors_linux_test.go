package objects_test

import (
	"os"
	"testing"

	"fsk/objects"
)

// TestDescriptorsStayConstant reads ten thousand times, good objects and bad (F10).
func TestDescriptorsStayConstant(t *testing.T) {
	open1 := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(entries)
	}
	fsys := newRoot(t)
	db := open(t, fsys, ringOf(t, key1), quick)
	payload := random(1000, 1)
	if _, err := db.Put(t.Context(), payload); err != nil {
		t.Fatal(err)
	}
	bad := digestOf([]byte("bad"))
	plant(t, fsys, bad, []byte("garbage"))
	link := digestOf([]byte("link"))
	plant(t, fsys, link, nil)
	fsys.Remove(fileOf(link))
	if err := fsys.Symlink("nowhere", fileOf(link)); err != nil {
		t.Fatal(err)
	}
	before := open1()
	rounds := 10_000
	if raceEnabled {
		rounds = 1000
	}
	for i := range rounds {
		d := [...]objects.Digest{digestOf(payload), bad, link, {}}[i%4]
		db.Get(t.Context(), d)
		if r, err := db.Open(t.Context(), d); err == nil {
			r.Close()
		}
		db.Check(t.Context(), d)
	}
	if after := open1(); after > before {
		t.Errorf("%d descriptors are open, there were %d", after, before)
	}
	bigDB := open(t, bigStore(t), ringOf(t, key1), nil)
	before = open1()
	for range 3 {
		r, err := bigDB.Open(t.Context(), big.digest)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if after := open1(); after > before {
		t.Errorf("%d descriptors are open after big objects, there were %d", after, before)
	}
}
