package objects_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// goodObjects plants objects in files of their own and in packs, all sealed by key1 but
// for 1 in 20, which key2 sealed.
func goodObjects(t testing.TB, fsys billy.Filesystem, n int) (payloads []string) {
	t.Helper()
	payloads = texts("good", n)
	var packed []record
	for i, p := range payloads {
		key := key1
		if i%20 == 0 {
			key = key2
		}
		r := record{digestOf([]byte(p)), sealed(key, []byte(p))}
		if i < n/2 {
			plant(t, fsys, r.d, r.stored)
		} else if packed = append(packed, r); len(packed) == 100 {
			plantPack(t, fsys, packed...)
			packed = nil
		}
	}
	return payloads
}

// A plantedRow is one thing that is wrong in a store.
type plantedRow struct {
	name  string
	plant func(t testing.TB, fsys billy.Filesystem) (wrong []objects.Finding)
	heal  []string // what is lost by it, and put again
	limit int64    // of the DB that checks
	warns bool     // it is no error, and stays
}

// verdictRows has the verdicts that make an object a miss.
func verdictRows() map[objects.Reason]func(p []byte) []byte {
	return map[objects.Reason]func(p []byte) []byte{
		objects.Unsealed:         func(p []byte) []byte { return p },
		objects.BadSeal:          func(p []byte) []byte { return sealed(foreignKey, p) },
		objects.MalformedTrailer: func(p []byte) []byte { return append(slices.Clip(p), strings.Repeat("A", 64)...) },
		objects.WrongName:        func([]byte) []byte { return sealed(key2, []byte("good 1")) },
		objects.Corrupt:          func(p []byte) []byte { return sealed(key2, p)[1:] },
	}
}

func plantedRows() (rows []plantedRow) {
	in := func(reason objects.Reason, path string, d objects.Digest) []objects.Finding {
		return []objects.Finding{{Reason: reason, Severity: objects.SeverityError, Path: path, Digest: d}}
	}
	for reason, stored := range verdictRows() {
		p := "planted as " + string(reason)
		d := digestOf([]byte(p))
		rows = append(rows, plantedRow{name: string(reason) + ", loose", heal: []string{p}, plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			plant(t, fsys, d, stored([]byte(p)))
			return in(reason, fileOf(d), d)
		}}, plantedRow{name: string(reason) + ", packed", heal: []string{p}, plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, append(numbered(string(reason), 9), record{d, stored([]byte(p))})...)
			return in(reason, packFile(id), d)
		}})
	}
	giant := string(random(5000, 7))
	victim := "behind something else"
	d := digestOf([]byte(victim))
	return append(rows,
		plantedRow{name: "too-large", limit: 1000, plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			plant(t, fsys, digestOf([]byte(giant)), sealed(key1, []byte(giant)))
			return in(objects.TooLarge, fileOf(digestOf([]byte(giant))), digestOf([]byte(giant)))
		}},
		plantedRow{name: "not-regular", heal: []string{victim}, plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			write(t, fsys, fileOf(d)+"/deep/file", []byte("deep"))
			return in(objects.NotRegular, fileOf(d), d)
		}},
		plantedRow{name: "not-regular, a link", heal: []string{victim}, plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			write(t, fsys, fileOf(d)[:10]+"/to make the directory", nil)
			remove(t, fsys, fileOf(d)[:10]+"/to make the directory")
			if err := fsys.Symlink("../../fsk-store", fileOf(d)); err != nil {
				t.Skip(err)
			}
			return in(objects.NotRegular, fileOf(d), d)
		}},
		plantedRow{name: "unsafe-path", plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			dir := ""
			for i := 0; dir == "" || len(names(t, fsys, dir)) > 0; i++ { // where nothing good is
				dir = fmt.Sprintf("objects/%02x", i)
			}
			if err := fsys.Symlink("../refs", dir); err != nil {
				t.Skip(err)
			}
			return in(objects.UnsafePath, dir, objects.Digest{})
		}},
		plantedRow{name: "not-regular, a pack", heal: texts("row", 9), plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, numbered("row", 9)...)
			remove(t, fsys, packFile(id))
			if err := fsys.MkdirAll(packFile(id), 0o777); err != nil {
				t.Fatal(err)
			}
			return in(objects.NotRegular, packFile(id), objects.Digest{})
		}},
		plantedRow{name: "not-regular, an index", plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, numbered("row", 9)...)
			remove(t, fsys, indexFile(id))
			if err := fsys.MkdirAll(indexFile(id), 0o777); err != nil {
				t.Fatal(err)
			}
			return in(objects.NotRegular, indexFile(id), objects.Digest{})
		}},
		plantedRow{name: "no-index", warns: true, plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, numbered("row", 9)...)
			remove(t, fsys, indexFile(id))
			return []objects.Finding{{Reason: objects.NoIndex, Severity: objects.SeverityWarning, Path: packFile(id)}}
		}},
		plantedRow{name: "bad-index, damaged", plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, numbered("row", 9)...)
			index := read(t, fsys, indexFile(id))
			index[len(index)-40] ^= 1
			write(t, fsys, indexFile(id), index)
			return in(objects.BadIndex, indexFile(id), objects.Digest{})
		}},
		plantedRow{name: "bad-index, foreign", plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, numbered("row", 9)...)
			_, places := packBytes(numbered("other", 9)...)
			index, _ := indexBytes(places...)
			write(t, fsys, indexFile(id), index)
			return in(objects.BadIndex, indexFile(id), objects.Digest{})
		}},
		plantedRow{name: "bad-index, alone", heal: texts("row", 9), plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, numbered("row", 9)...)
			remove(t, fsys, packFile(id))
			return in(objects.BadIndex, indexFile(id), objects.Digest{})
		}},
		plantedRow{name: "bad-index, a digest twice", plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			pack, places := packBytes(append(numbered("row", 9), sealedRecord("row 3"))...)
			index, id := indexBytes(places[:9]...)
			write(t, fsys, packFile(id), pack)
			write(t, fsys, indexFile(id), index)
			return in(objects.BadIndex, indexFile(id), digestOf([]byte("row 3")))
		}},
		plantedRow{name: "bad-pack, cut off", heal: []string{"row 8"}, plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, numbered("row", 9)...)
			pack := read(t, fsys, packFile(id))
			write(t, fsys, packFile(id), pack[:len(pack)-5])
			return append(in(objects.BadPack, packFile(id), objects.Digest{}), in(objects.BadIndex, indexFile(id), digestOf([]byte("row 8")))...)
		}},
		plantedRow{name: "bad-pack, none", heal: texts("row", 9), plant: func(t testing.TB, fsys billy.Filesystem) []objects.Finding {
			id := plantPack(t, fsys, numbered("row", 9)...)
			write(t, fsys, packFile(id), []byte("no pack"))
			found := in(objects.BadPack, packFile(id), objects.Digest{})
			for _, p := range texts("row", 9) {
				found = append(found, in(objects.BadIndex, indexFile(id), digestOf([]byte(p)))...)
			}
			return found
		}},
	)
}

// contents returns the bytes of all files below a directory.
func contents(t testing.TB, fsys billy.Filesystem, dir string, into map[string]string) map[string]string {
	t.Helper()
	for _, name := range names(t, fsys, dir) {
		name = dir + "/" + name
		switch info, err := fsys.Lstat(name); {
		case err != nil:
			t.Fatal(err)
		case info.IsDir():
			contents(t, fsys, name, into)
		case info.Mode().IsRegular():
			into[name] = string(read(t, fsys, name))
		}
	}
	return into
}

// essence is what a finding is about, for comparing.
func essence(findings []objects.Finding) (list []string) {
	for _, f := range findings {
		if f.Severity != objects.SeverityNote {
			list = append(list, fmt.Sprint(f.Reason, " ", f.Severity, " ", f.Path, " ", f.Digest))
		}
	}
	slices.Sort(list)
	return list
}

// TestEveryFindingAmongAThousand plants each row of the table of verdicts, and all else
// that fsck finds, among good objects (A40, S13): fsck and reseal find just that, reseal
// changes nothing of it, quarantine moves just the errors and loses no byte, and putting
// the payloads again heals.
func TestEveryFindingAmongAThousand(t *testing.T) {
	good := 1000
	if raceEnabled || testing.Short() {
		good = 200
	}
	for _, row := range plantedRows() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			fsys := newRoot(t)
			limit := row.limit
			if limit == 0 {
				limit = 1 << 30
			}
			payloads := goodObjects(t, fsys, good)
			good := contents(t, fsys, "objects", map[string]string{})
			wrong := row.plant(t, fsys)
			want := essence(wrong)
			planted := contents(t, fsys, "objects", map[string]string{})
			maps.DeleteFunc(planted, func(name, _ string) bool { _, ok := good[name]; return ok })
			opts := &objects.Options{MaxObjectSize: limit}
			db := open(t, fsys, ringOf(t, key1, key2), opts)
			findings, _ := fsck(t, db, objects.FsckOptions{})
			if got := essence(findings); !slices.Equal(got, want) {
				t.Fatalf("fsck: %q, want %q", got, want)
			}
			for _, f := range findings {
				if f.Next == "" {
					t.Errorf("%s says nothing of what to do", f.Reason)
				}
			}
			_, findings = reseal(t, db)
			if got := essence(findings); !slices.Equal(got, want) {
				t.Errorf("reseal: %q, want %q", got, want)
			}
			if _, err := adopt(t, db, digestOf([]byte("good 3")), digestOf([]byte("missing"))); err != nil {
				t.Errorf("Adopt of others: %v", err)
			}
			after := contents(t, fsys, "objects", map[string]string{})
			for name, content := range planted {
				if after[name] != content {
					t.Errorf("%s was changed", name)
				}
			}
			before := contents(t, fsys, "objects", map[string]string{})
			for _, m := range quarantine(t, db, findings) {
				if !slices.ContainsFunc(wrong, func(f objects.Finding) bool {
					return m.Path == f.Path || strings.TrimSuffix(m.Path, ".idx") == strings.TrimSuffix(f.Path, ".pack") || strings.TrimSuffix(m.Path, ".pack") == strings.TrimSuffix(f.Path, ".idx")
				}) {
					t.Errorf("moved %+v", m)
				}
				read(t, fsys, m.To+".note")
				if moved, ok := contents(t, fsys, "quarantine", map[string]string{})[m.To]; ok && strings.HasSuffix(m.Path, ".pack") != m.Digest.IsZero() {
					if !strings.Contains(before[m.Path], moved) || m.Digest.IsZero() && before[m.Path] != moved {
						t.Errorf("%s has other bytes than before", m.To)
					}
				}
			}
			findings, _ = fsck(t, db, objects.FsckOptions{})
			if got := essence(findings); len(got) > 0 != row.warns {
				t.Errorf("after quarantine: %q", got)
			}
			for _, p := range row.heal {
				if _, err := db.Put(t.Context(), []byte(p)); err != nil {
					t.Errorf("Put: %v", err)
				}
				wantPayload(t, db, []byte(p))
			}
			wantThere(t, fsys, "in the end, by the new key alone", payloads...)
			findings, _ = fsck(t, open(t, fsys, ringOf(t, key1), opts), objects.FsckOptions{})
			if got := essence(findings); len(got) > 0 != row.warns {
				t.Errorf("in the end: %q", got)
			}
			if left := names(t, fsys, "tmp"); len(left) > 0 {
				t.Errorf("left in tmp: %v", left)
			}
		})
	}
}
