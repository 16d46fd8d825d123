package objects_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/seal"
)

// TestDuplicates: what is there already is verified before it counts (DESIGN.md,
// section 6); a good one is left alone, all else replaced.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	ring := ringOf(t, key1, key2)
	tests := []struct {
		name   string
		ring   *seal.Ring
		had    func(p []byte) []byte
		keep   bool
		reason objects.Reason
		key    seal.KeyID
	}{
		{"ok by the first key", ring, func(p []byte) []byte { return sealed(key1, p) }, true, objects.OK, ring.ID(0)},
		{"ok by a retired key", ring, func(p []byte) []byte { return sealed(key2, p) }, true, objects.OK, ring.ID(1)},
		{"unsealed", ring, bytes.Clone, false, objects.OK, ring.ID(0)},
		{"bad seal", ring, func(p []byte) []byte { return sealed(foreignKey, p) }, false, objects.OK, ring.ID(0)},
		{"malformed trailer", ring, func(p []byte) []byte { return append(bytes.Clone(p), bytes.Repeat([]byte{'X'}, 64)...) }, false, objects.OK, ring.ID(0)},
		{"wrong name", ring, func(p []byte) []byte { return sealed(key1, p[1:]) }, false, objects.OK, ring.ID(0)},
		{"corrupt", ring, func([]byte) []byte { return []byte("garbage") }, false, objects.OK, ring.ID(0)},
		{"empty", ring, func([]byte) []byte { return nil }, false, objects.OK, ring.ID(0)},
		{"cut", ring, func(p []byte) []byte { return sealed(key1, p)[:len(p)+63] }, false, objects.OK, ring.ID(0)},
		{"without keys, plain", seal.Off, bytes.Clone, true, objects.OKPlain, seal.KeyID{}},
		{"without keys, sealed", seal.Off, func(p []byte) []byte { return sealed(key1, p) }, true, objects.OKUnverified, seal.KeyID{}},
		{"without keys, malformed trailer", seal.Off, func(p []byte) []byte { return append(bytes.Clone(p), make([]byte, 64)...) }, false, objects.OKPlain, seal.KeyID{}},
		{"without keys, corrupt", seal.Off, func([]byte) []byte { return []byte("garbage") }, false, objects.OKPlain, seal.KeyID{}},
	}
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		for _, size := range []int{100, chunkSize + 100} {
			for _, test := range tests {
				for home, plant := range homes {
					if !fits(home, test.had(random(size, byte(len(test.name))))) {
						continue
					}
					t.Run(fmt.Sprintf("%d/%s/%s", size, test.name, home), func(t *testing.T) {
						payload := random(size, byte(len(test.name)))
						d := digestOf(payload)
						db := open(t, fsys, test.ring, quick)
						for kind, put := range map[string]func() (objects.Info, error){
							"Put":       func() (objects.Info, error) { return db.Put(t.Context(), payload) },
							"PutReader": func() (objects.Info, error) { return db.PutReader(t.Context(), bytes.NewReader(payload)) },
						} {
							where := plant(t, fsys, d, test.had(payload))
							before := fileBytes(t, fsys, packFile(where))
							info, err := put()
							want := objects.Info{Digest: d, Size: int64(size), Reason: test.reason, Key: test.key,
								Retired: test.key != seal.KeyID{} && test.key != ring.ID(0), Where: objects.Loose}
							if test.keep {
								want.Where = where
							}
							if err != nil || info != want {
								t.Errorf("%s = %+v, %v, want %+v", kind, info, err, want)
							}
							stored := test.had(payload)
							if !test.keep && test.ring.Len() > 0 {
								stored = sealed(key1, payload)
							} else if !test.keep {
								stored = payload
							}
							if test.keep && where != objects.Loose {
								stored = nil // nothing is put beside it
							}
							if !bytes.Equal(fileBytes(t, fsys, fileOf(d)), stored) {
								t.Errorf("%s: the file is not as it should be; kept: %t", kind, test.keep)
							}
							if !bytes.Equal(before, fileBytes(t, fsys, packFile(where))) {
								t.Errorf("%s: the pack is not as it was", kind)
							}
						}
					})
				}
			}
		}
		if left := names(t, fsys, "tmp"); len(left) != 0 {
			t.Errorf("left in tmp: %v", left)
		}
	})
}

// TestDuplicateIsMadeDurable: whoever wrote it may not have synced it yet (D1).
func TestDuplicateIsMadeDurable(t *testing.T) {
	payload := random(100, 1)
	for _, durability := range []objects.Options{{}, *quick} {
		faults := newFaults(t)
		plant(t, faults.FS(), digestOf(payload), sealed(key1, payload))
		db := open(t, faults.FS(), ringOf(t, key1), &durability)
		faults.FailAt(0, false, nil)
		if _, err := db.Put(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, call := range faults.Log() {
			if op, _, _ := strings.Cut(call, " "); op != "readat" && op != "close" && op != "openregular" {
				got = append(got, call)
			}
		}
		file := fileOf(digestOf(payload))
		want := []string{"trylock lock", "names objects/pack", "sync " + file, "syncdir " + file[:len("objects/ab")], "syncdir objects", "syncdir .", "unlock lock"}
		if durability.Durability != 0 {
			want = []string{"trylock lock", "names objects/pack", "unlock lock"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("durability %v: calls %q, want %q", durability.Durability, got, want)
		}
	}
}

// TestOrderOfAPut: the lock is held from the look at what is there until all is
// durable.
func TestOrderOfAPut(t *testing.T) {
	faults := newFaults(t)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	payload := random(100, 1)
	plant(t, faults.FS(), digestOf(payload), nil)
	faults.FailAt(0, false, nil)
	if _, err := db.Put(t.Context(), payload); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, call := range faults.Log() {
		op, name, _ := strings.Cut(call, " ")
		got = append(got, op+" "+strings.SplitN(name, "/", 2)[0])
	}
	want := []string{"trylock lock", "names objects", "openregular objects", "close objects", "openfile tmp", "write tmp", "seek tmp", "sync tmp", "close tmp",
		"rename tmp", "syncdir objects", "syncdir objects", "syncdir .", "unlock lock"}
	// An empty file may be read or not.
	got = slices.DeleteFunc(got, func(call string) bool { return call == "readat objects" })
	if !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}
