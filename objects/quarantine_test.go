package objects_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// quarantine moves all findings, whatever their number, and returns what was moved.
func quarantine(t testing.TB, db *objects.DB, findings []objects.Finding) (moved []objects.Moved) {
	t.Helper()
	for m, err := range db.Quarantine(t.Context(), findings, objects.QuarantineOptions{Anyway: true}) {
		if err != nil {
			t.Fatalf("Quarantine: %v", err)
		}
		moved = append(moved, m)
	}
	return moved
}

// found is a finding that anybody could make up.
func found(reason objects.Reason, path string, d objects.Digest) objects.Finding {
	return objects.Finding{Reason: reason, Severity: objects.SeverityError, Path: path, Digest: d}
}

func TestTooManyToQuarantine(t *testing.T) {
	for _, test := range []struct {
		findings, checked int64
		packed, anyway    bool
		refused           bool
	}{
		{10, 10, false, false, false},
		{10, 0, false, false, false},
		{11, 0, false, false, true},
		{11, 219, false, false, true},
		{11, 220, false, false, false}, // exactly 1 in 20
		{11, 219, false, true, false},
		{11, 219, true, false, true},
		{11, 220, true, false, false},
		{11, 219, true, true, false},
	} {
		t.Run(fmt.Sprintf("%+v", test), func(t *testing.T) {
			fsys := newRoot(t)
			var records []record
			var findings []objects.Finding
			for _, p := range texts("plain", int(test.findings)) {
				d := digestOf([]byte(p))
				records = append(records, record{d, []byte(p)})
				findings = append(findings, found(objects.Unsealed, fileOf(d), d), found(objects.Unsealed, fileOf(d), d)) // each counts once
				if !test.packed {
					plant(t, fsys, d, []byte(p))
				}
			}
			if test.packed {
				id := plantPack(t, fsys, records...)
				for i := range findings {
					findings[i].Path = packFile(id)
				}
			}
			before := tree(t, fsys.Root())
			moved, failed := 0, error(nil)
			db := open(t, fsys, ringOf(t, key1), quick)
			for _, err := range db.Quarantine(t.Context(), findings, objects.QuarantineOptions{Checked: test.checked, Anyway: test.anyway}) {
				if failed = err; err == nil {
					moved++
				}
			}
			switch {
			case test.refused && (!errors.Is(failed, objects.ErrTooMany) || moved > 0):
				t.Errorf("%d moved, %v, want ErrTooMany", moved, failed)
			case !test.refused && (failed != nil || int64(moved) != test.findings):
				t.Errorf("%d moved, %v, want %d", moved, failed, test.findings)
			}
			if after := tree(t, fsys.Root()); test.refused && len(after) != len(before) {
				t.Errorf("something was changed: %d files, before %d", len(after), len(before))
			}
		})
	}
}

// TestWrongRingMovesNothing: with a wrong ring everything looks forged.
func TestWrongRingMovesNothing(t *testing.T) {
	fsys := newRoot(t)
	for _, r := range numbered("loose", 30) {
		plant(t, fsys, r.d, r.stored)
	}
	plantPack(t, fsys, numbered("packed", 30)...)
	wrong := open(t, fsys, ringOf(t, foreignKey), nil)
	before := tree(t, fsys.Root())
	findings, stats := fsck(t, wrong, objects.FsckOptions{})
	if len(findings) != 60 {
		t.Fatalf("%d findings", len(findings))
	}
	for m, err := range wrong.Quarantine(t.Context(), findings, objects.QuarantineOptions{Checked: stats.Objects}) {
		if !errors.Is(err, objects.ErrTooMany) {
			t.Errorf("%+v, %v, want ErrTooMany", m, err)
		}
	}
	if after := tree(t, fsys.Root()); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("something was changed")
	}
	// With the right ring everything is good, so the same findings move nothing, either.
	if moved := quarantine(t, open(t, fsys, ringOf(t, key1), nil), findings); len(moved) > 0 {
		t.Errorf("good objects were moved: %+v", moved)
	}
	wantThere(t, fsys, "in the end", append(texts("loose", 30), texts("packed", 30)...)...)
}

// TestMadeUpFindings: whatever a finding says, only what fsck would call so is moved.
func TestMadeUpFindings(t *testing.T) {
	fsys := newRoot(t)
	good, bad := sealedRecord("good"), digestOf([]byte("bad"))
	plant(t, fsys, good.d, good.stored)
	plant(t, fsys, bad, []byte("damaged"))
	id := plantPack(t, fsys, numbered("packed", 3)...)
	for _, name := range []string{"objectsab/" + strings.Repeat("1", 62), "refs/x", "quarantine/x", "tmp/" + strings.Repeat("1", 32), "objects/ab/stray"} {
		write(t, fsys, name, []byte("precious"))
	}
	for _, dir := range []string{"objects/ab/dir", "objects/dir"} {
		if err := fsys.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, fsys.Root())
	paths := []string{
		"", ".", "/", "..", "objects", "objects/", "objects/..", "objects/ab", "objects/ab/", "objects/ab/..", "objects/ab/dir", "objects/ab/stray",
		"objects/dir", "objects/pack", "objects/pack/", "objects/pack/..", "objects/../lock", "lock", "fsk-store", "refs/x", "quarantine/x", "tmp/" + strings.Repeat("1", 32),
		"objectsab/" + strings.Repeat("1", 62), "objects/ab/../../fsk-store", "/objects/ab/dir", "../objects/ab/dir",
		fileOf(good.d), "./" + fileOf(bad), "objects//" + fileOf(bad)[8:], packFile(id), indexFile(id), "objects/pack/x.pack",
	}
	var findings []objects.Finding
	for _, path := range paths {
		for _, reason := range []objects.Reason{objects.Unsealed, objects.BadSeal, objects.MalformedTrailer, objects.WrongName, objects.Corrupt, objects.NotRegular,
			objects.UnsafePath, objects.TooLarge, objects.BadPack, objects.BadIndex, objects.ChangedDuringRead, objects.IOError, objects.Missing, objects.Stray, objects.OK, ""} {
			for _, d := range []objects.Digest{{}, good.d} {
				findings = append(findings, found(reason, path, d))
			}
		}
	}
	for _, severity := range []objects.Severity{objects.SeverityNote, objects.SeverityWarning, ""} {
		f := found(objects.Corrupt, fileOf(bad), bad)
		f.Severity = severity
		findings = append(findings, f)
	}
	if moved := quarantine(t, open(t, fsys, ringOf(t, key1), nil), findings); len(moved) > 0 {
		t.Errorf("moved: %+v", moved)
	}
	after := tree(t, fsys.Root())
	for name, text := range before {
		if !strings.HasPrefix(text, "d") && after[name] != text && name != "/lock" {
			t.Errorf("%s is %q, was %q", name, after[name], text)
		}
	}
}

// TestQuarantineOfWhatIsTooLarge is the same for loose and packed objects.
func TestQuarantineOfWhatIsTooLarge(t *testing.T) {
	for home, put := range homes {
		for _, size := range []int{901, 5000} { // judged, and refused by its size
			fsys := newRoot(t)
			payload := random(size, 1)
			put(t, fsys, digestOf(payload), sealed(key1, payload))
			db := open(t, fsys, ringOf(t, key1), &objects.Options{MaxObjectSize: 900})
			findings, _ := fsck(t, db, objects.FsckOptions{})
			moved := quarantine(t, db, findings)
			if len(moved) != 1 || moved[0].Reason != objects.TooLarge || string(read(t, fsys, moved[0].To)) != string(sealed(key1, payload)) {
				t.Errorf("%s, %d bytes: moved %+v of %+v", home, size, moved, findings)
			}
			if findings, _ := fsck(t, db, objects.FsckOptions{}); len(findings) > 0 {
				t.Errorf("%s, %d bytes: afterwards %+v", home, size, findings)
			}
		}
	}
}

// TestQuarantineNames: a name that is taken, by a file, a note or a directory, is not used
// again.
func TestQuarantineNames(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		d := digestOf([]byte("p"))
		name := "quarantine/" + d.String() + ".corrupt"
		write(t, fsys, name, []byte("set aside before"))
		write(t, fsys, name+".1.note", []byte("a note about nothing"))
		if err := fsys.MkdirAll(name+".2", 0o777); err != nil {
			t.Fatal(err)
		}
		db := open(t, fsys, ringOf(t, key1), nil)
		for n := 3; n < 6; n++ {
			damaged := fmt.Appendf(nil, "damaged %d", n)
			plant(t, fsys, d, damaged)
			moved := quarantine(t, db, []objects.Finding{found(objects.Corrupt, fileOf(d), d)})
			want := fmt.Sprint(name, ".", n)
			if len(moved) != 1 || moved[0].To != want || string(read(t, fsys, want)) != string(damaged) {
				t.Errorf("moved %+v, want to %s", moved, want)
			}
			note := string(read(t, fsys, want+".note"))
			if !strings.HasPrefix(note, "reason corrupt\npath "+fileOf(d)+"\ntime 2") || !strings.HasSuffix(note, "\n"+objects.Corrupt.Explain()+"\n") {
				t.Errorf("note %q", note)
			}
		}
		if string(read(t, fsys, name)) != "set aside before" || string(read(t, fsys, name+".1.note")) != "a note about nothing" {
			t.Error("what was there before was replaced")
		}
	})
}

// TestQuarantineDoesNotLockWhileItReads: others may write while a large object is looked
// at, and when it is healed meanwhile it stays.
func TestQuarantineDoesNotLockWhileItReads(t *testing.T) {
	payload := random(3*chunkSize, 1)
	d := digestOf(payload)
	h := &hooked{FS: newRoot(t), before: func(string, string) {}}
	plant(t, h, d, sealed(key1, payload[1:]))
	looking := false
	h.before = func(op, name string) {
		if op == "openregular" && name == fileOf(d) && !looking {
			looking = true
			other := open(t, h.FS, ringOf(t, key1), &objects.Options{LockWait: time.Millisecond})
			if _, err := other.Put(t.Context(), []byte("other")); err != nil {
				t.Errorf("Put in the middle of looking: %v", err)
			}
		}
		if op == "queue" { // after it was looked at, and before it is moved
			plant(t, h.FS, d, sealed(key1, payload))
		}
	}
	db := open(t, h, ringOf(t, key1), nil)
	for m, err := range db.Quarantine(t.Context(), []objects.Finding{found(objects.Corrupt, fileOf(d), d)}, objects.QuarantineOptions{}) {
		if err == nil {
			t.Errorf("moved %+v", m)
		}
	}
	h.before = func(string, string) {}
	wantPayload(t, open(t, h, ringOf(t, key1), nil), payload)
	if left := append(names(t, h, "quarantine"), names(t, h, "tmp")...); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestQuarantineOfAChosenObjectBehindALink moves the link, which is what is wrong.
func TestQuarantineOfAChosenObjectBehindALink(t *testing.T) {
	fsys := newRoot(t)
	outside := t.TempDir()
	d := digestOf([]byte("p"))
	dir := filepath.Dir(fileOf(d))
	for _, name := range []string{"victim", filepath.Base(fileOf(d))} {
		if err := os.WriteFile(filepath.Join(outside, name), sealed(key1, []byte("p")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(fsys.Root(), dir)); err != nil {
		t.Skip(err)
	}
	before := tree(t, outside)
	db := open(t, fsys, ringOf(t, key1), nil)
	findings, _ := fsck(t, db, objects.FsckOptions{Objects: []objects.Digest{d}})
	moved := quarantine(t, db, findings)
	if len(moved) != 1 || moved[0].Path != dir || moved[0].Reason != objects.UnsafePath {
		t.Errorf("moved %+v, want the link %s", moved, dir)
	}
	if fmt.Sprint(tree(t, outside)) != fmt.Sprint(before) {
		t.Error("what the link led to was changed")
	}
	if _, err := db.Put(t.Context(), []byte("p")); err != nil {
		t.Error(err)
	}
	wantPayload(t, db, []byte("p"))
}

// TestReplacedPackIsKept: a damaged pack whose objects make a pack of the same name is in
// quarantine, too, before that takes its place.
func TestReplacedPackIsKept(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		list := numbered("row", 9)
		other := sealedRecord("row 3")
		other.stored = append([]byte("other bytes"), other.stored...)
		damaged, _ := packBytes(append(list, other)...)
		_, places := packBytes(list...)
		index, id := indexBytes(places...)
		write(t, fsys, packFile(id), damaged)
		write(t, fsys, indexFile(id), index)
		db := open(t, fsys, ringOf(t, key1), nil)
		findings, _ := fsck(t, db, objects.FsckOptions{})
		moved := quarantine(t, db, findings)
		if len(moved) != 1 || moved[0].Path != packFile(id) || string(read(t, fsys, moved[0].To)) != string(damaged) {
			t.Errorf("moved %+v", moved)
		}
		if findings := worst(t, fsys); len(findings) > 0 {
			t.Errorf("afterwards: %+v", findings)
		}
		wantThere(t, fsys, "in the end", texts("row", 9)...)
	})
}

// TestOrderOfAQuarantine: what is moved is durable in the quarantine before it is gone
// from where it was.
func TestOrderOfAQuarantine(t *testing.T) {
	faults := newFaults(t)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	for i := range 8 { // in directories of their own; the first has the digest of no object
		write(t, faults.FS(), fmt.Sprintf("objects/%02x/%062x", i, i), []byte("no object"))
	}
	var findings []objects.Finding
	for f, err := range db.Fsck(t.Context(), objects.FsckOptions{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, f)
	}
	faults.FailAt(0, false, nil)
	moved := 0
	for _, err := range db.Quarantine(t.Context(), findings, objects.QuarantineOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		moved++
	}
	log := faults.Log()
	placed := slices.Index(log, "syncdir quarantine")
	first := slices.IndexFunc(log, func(call string) bool { return strings.HasPrefix(call, "syncdir objects/") })
	if moved != 8 || placed < 0 || first < placed {
		t.Errorf("%d were moved, the quarantine was synced by call %d, what they were moved from by call %d: %q", moved, placed, first, log)
	}
}
