package objects_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// TestFsckFindsEverythingInPacks is TestFsckFindsEverything for packed objects, and for
// what can be wrong with packs.
func TestFsckFindsEverythingInPacks(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		type found struct {
			reason   objects.Reason
			severity objects.Severity
			path     string
			d        objects.Digest
		}
		want := make(map[found]bool)
		var records []record
		planted := func(payload string, stored []byte, reason objects.Reason, severity objects.Severity) {
			d := digestOf([]byte(payload))
			records = append(records, record{d, stored})
			if reason != objects.OK {
				want[found{reason, severity, "", d}] = true
			}
		}
		planted("good", sealed(key1, []byte("good")), objects.OK, "")
		planted("retired", sealed(key2, []byte("retired")), objects.Retired, objects.SeverityNote)
		planted("unsealed", []byte("unsealed"), objects.Unsealed, objects.SeverityError)
		planted("foreign", sealed(foreignKey, []byte("foreign")), objects.BadSeal, objects.SeverityError)
		planted("malformed", append([]byte("malformed"), bytes.Repeat([]byte{'A'}, 64)...), objects.MalformedTrailer, objects.SeverityError)
		planted("misnamed", sealed(key1, []byte("good")), objects.WrongName, objects.SeverityError)
		planted("damaged", []byte("garbage"), objects.Corrupt, objects.SeverityError)
		planted("empty", nil, objects.Corrupt, objects.SeverityError)
		giant := strings.Repeat("giant", 1000)
		planted(giant, sealed(key1, []byte(giant)), objects.TooLarge, objects.SeverityError)
		id := plantPack(t, fsys, records...)
		filled := make(map[found]bool)
		for f := range want {
			f.path = packFile(id)
			filled[f] = true
		}
		want = filled
		note := func(reason objects.Reason, severity objects.Severity, path string, d objects.Digest) {
			want[found{reason, severity, path, d}] = true
		}

		alone := plantPack(t, fsys, numbered("alone", 2)...)
		remove(t, fsys, indexFile(alone))
		note(objects.NoIndex, objects.SeverityWarning, packFile(alone), objects.Digest{})
		widow := plantPack(t, fsys, numbered("widow", 2)...)
		remove(t, fsys, packFile(widow))
		note(objects.BadIndex, objects.SeverityError, indexFile(widow), objects.Digest{})
		cut := plantPack(t, fsys, numbered("cut", 3)...)
		b := read(t, fsys, packFile(cut))
		write(t, fsys, packFile(cut), b[:len(b)-1])
		note(objects.BadPack, objects.SeverityError, packFile(cut), objects.Digest{})
		note(objects.BadIndex, objects.SeverityError, indexFile(cut), digestOf([]byte("cut 2")))
		broken := plantPack(t, fsys, numbered("broken", 3)...)
		x := read(t, fsys, indexFile(broken))
		x[len(x)-1] ^= 1
		write(t, fsys, indexFile(broken), x)
		note(objects.BadIndex, objects.SeverityError, indexFile(broken), objects.Digest{})
		for _, name := range []string{"stray", "x.pack", strings.Repeat("A", 64) + ".idx", strings.Repeat("a", 64)} {
			write(t, fsys, packDir+"/"+name, nil)
			note(objects.Stray, objects.SeverityWarning, packDir+"/"+name, objects.Digest{})
		}

		db := open(t, fsys, ringOf(t, key1, key2), &objects.Options{MaxObjectSize: 1000})
		var before []objects.Finding
		for _, workers := range []int{1, 8} {
			findings, stats := fsck(t, db, objects.FsckOptions{Workers: workers})
			got := make(map[found]bool)
			for _, f := range findings {
				key := found{f.Reason, f.Severity, f.Path, f.Digest}
				if got[key] {
					t.Errorf("%v is reported twice", key)
				}
				got[key] = true
				if f.Next == "" || f.Explain() == "" {
					t.Errorf("%s of %s says nothing of what to do, or what it is", f.Reason, f.Path)
				}
			}
			for f := range want {
				if !got[f] {
					t.Errorf("not found: %v", f)
				}
			}
			for f := range got {
				if !want[f] {
					t.Errorf("found, but not expected: %v", f)
				}
			}
			if !stats.Complete || stats.Reasons[objects.OK] != 2+2+3 {
				t.Errorf("stats %+v", stats)
			}
			if before != nil && !reflect.DeepEqual(findings, before) {
				t.Errorf("%d workers report in another order or otherwise than before", workers)
			}
			before = findings
		}
	})
}

// TestTooLargeIsTheSameInAPack: what is over the limit by its size alone is too-large
// wherever it is, whatever its bytes are.
func TestTooLargeIsTheSameInAPack(t *testing.T) {
	fsys := newRoot(t)
	db := open(t, fsys, ringOf(t, key1), &objects.Options{MaxObjectSize: 1000})
	for name, stored := range map[string][]byte{"zeros": make([]byte, 5000), "sealed": sealed(key1, make([]byte, 5000)), "over by one": sealed(key1, make([]byte, 1001))} {
		for home, plant := range homes {
			t.Run(name+"/"+home, func(t *testing.T) {
				d := digestOf(stored[:len(stored)-64])
				if name == "zeros" {
					d = digestOf([]byte("other"))
				}
				plant(t, fsys, d, stored)
				wantAll(t, db, d, objects.TooLarge)
				findings, _ := fsck(t, db, objects.FsckOptions{})
				i := slices.IndexFunc(findings, func(f objects.Finding) bool { return f.Digest == d })
				if i < 0 || findings[i].Reason != objects.TooLarge {
					t.Errorf("fsck finds %v, want it to be too-large", findings)
				}
			})
		}
	}
}
