//go:build unix

package objects_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/rootfs"
)

// repairAll does everything that repairs, whatever the errors, and returns them.
func repairAll(t testing.TB, db *objects.DB, digests ...objects.Digest) (errs []error) {
	t.Helper()
	var findings []objects.Finding
	for f, err := range db.Reseal(t.Context(), objects.FsckOptions{}, nil) {
		if err != nil {
			errs = append(errs, err)
		} else {
			findings = append(findings, f)
		}
	}
	for _, err := range db.Quarantine(t.Context(), findings, objects.QuarantineOptions{Anyway: true}) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for _, err := range db.Adopt(t.Context(), digests) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	for _, err := range db.Prune(t.Context(), false) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// TestRepairThroughLinks (A11, A43, S6): whichever directory of a store is a link, nothing
// behind it is changed, and what needs it ends with unsafe-path.
func TestRepairThroughLinks(t *testing.T) {
	d := digestOf([]byte("old"))
	for _, link := range []string{fileOf(d)[:10], "objects", packDir, "quarantine", "tmp"} {
		t.Run(link, func(t *testing.T) {
			fsys, outside := newRoot(t), newRoot(t)
			for _, root := range []*rootfs.FS{fsys, outside} {
				plantAll(t, root, append(oldRecords("loose", 3), oldRecord("old")))
				plantAll(t, root, badRecords("bad "))
				plantPack(t, root, append(oldRecords("packed", 3), badRecords("packed ")...)...)
				file := "tmp/" + strings.Repeat("0", 32)
				write(t, root, file, nil)
				if err := os.Chtimes(filepath.Join(root.Root(), file), time.Unix(0, 0), time.Unix(0, 0)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Rename(filepath.Join(fsys.Root(), link), filepath.Join(fsys.Root(), "was")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(outside.Root(), link), filepath.Join(fsys.Root(), link)); err != nil {
				t.Fatal(err)
			}
			before := tree(t, outside.Root())
			errs := repairAll(t, open(t, fsys, ringOf(t, key1, key2), quick), d, badRecords("bad ")[0].d, digestOf([]byte("never")))
			for _, err := range errs {
				var e *objects.Error
				if !errors.As(err, &e) || e.Reason == objects.IOError {
					t.Errorf("%v, want a reason that says what is wrong", err)
				}
			}
			if (link == "quarantine" || link == "tmp") && !slices.ContainsFunc(errs, func(err error) bool { return strings.HasSuffix(err.Error(), "(unsafe-path)") }) {
				t.Errorf("errors %v, want unsafe-path", errs)
			}
			if after := tree(t, outside.Root()); !reflect.DeepEqual(after, before) {
				t.Errorf("behind the link there is\n%v\nwant\n%v", after, before)
			}
			if left := names(t, outside, "quarantine"); len(left) > 0 {
				t.Errorf("set aside outside: %v", left)
			}
		})
	}
}

// TestRepairOfAHardLinkedVictim (A15): a file that is linked in the place of an object
// keeps content, mode and time, whichever option meets it.
func TestRepairOfAHardLinkedVictim(t *testing.T) {
	payload := []byte("payload")
	large := []byte(strings.Repeat("large", chunkSize/4))
	for name, stored := range map[string][]byte{
		"retired": sealed(key2, payload), "retired, large": sealed(key2, large), "unsealed": payload, "bad-seal": sealed(foreignKey, payload), "corrupt": []byte("passwd"),
	} {
		t.Run(name, func(t *testing.T) {
			fsys := newRoot(t)
			d := digestOf(payload)
			if name == "retired, large" {
				d = digestOf(large)
			}
			outside := filepath.Join(t.TempDir(), "victim")
			if err := os.WriteFile(outside, stored, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(outside, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
				t.Fatal(err)
			}
			before := tree(t, filepath.Dir(outside))
			db := open(t, fsys, ringOf(t, key1, key2), nil)
			file := filepath.Join(fsys.Root(), fileOf(d))
			if err := os.Mkdir(filepath.Dir(file), 0o777); err != nil {
				t.Fatal(err)
			}
			for _, repair := range []func(){
				func() { reseal(t, db) },
				func() { adopt(t, db, d) },
				func() { findings, _ := fsck(t, db, objects.FsckOptions{}); quarantine(t, db, findings) },
			} {
				os.Remove(file)
				if err := os.Link(outside, file); err != nil {
					t.Fatal(err)
				}
				repair()
				if after := tree(t, filepath.Dir(outside)); !reflect.DeepEqual(after, before) {
					t.Errorf("the victim is %v, was %v", after, before)
				}
			}
		})
	}
}

// TestObstaclesInQuarantine: FIFOs, links and directories where something is to be set
// aside are left alone, and nobody waits for them.
func TestObstaclesInQuarantine(t *testing.T) {
	fsys := newRoot(t)
	d := digestOf([]byte("p"))
	name := filepath.Join(fsys.Root(), "quarantine", d.String()+".corrupt")
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("victim"), 0o600); err != nil {
		t.Fatal(err)
	}
	for suffix, plant := range map[string]func(string) error{
		"":        func(n string) error { return syscall.Mkfifo(n, 0o666) },
		".1":      func(n string) error { return os.Symlink(victim, n) },
		".2":      func(n string) error { return os.Symlink("/nowhere", n) },
		".3":      func(n string) error { return os.Mkdir(n, 0o777) },
		".4.note": func(n string) error { return os.Symlink(victim, n) },
		".5.note": func(n string) error { return syscall.Mkfifo(n, 0o666) },
	} {
		if err := plant(name + suffix); err != nil {
			t.Skip(err)
		}
	}
	for _, obstacle := range []func(string) error{
		func(n string) error { return syscall.Mkfifo(n, 0o666) },
		func(n string) error { return os.Symlink(victim, n) },
	} {
		if err := obstacle(filepath.Join(fsys.Root(), "tmp", strings.Repeat(fmt.Sprint(len(names(t, fsys, "tmp"))), 32))); err != nil {
			t.Fatal(err)
		}
	}
	plant(t, fsys, d, []byte("damaged"))
	db := open(t, fsys, ringOf(t, key1), quick)
	within(t, time.Minute, "quarantine", func() {
		moved := quarantine(t, db, []objects.Finding{found(objects.Corrupt, fileOf(d), d)})
		if len(moved) != 1 || moved[0].To != "quarantine/"+d.String()+".corrupt.6" {
			t.Errorf("moved %+v", moved)
		}
		if removed := prune(t, db, false); len(removed) > 0 {
			t.Errorf("pruned %v", removed)
		}
	})
	if content, err := os.ReadFile(victim); err != nil || string(content) != "victim" {
		t.Errorf("the victim is %q, %v", content, err)
	}
}

// A switching filesystem shows other bytes of one file from a certain read on, without a
// change of size or time: what a disk can do, or who writes to its blocks.
type switching struct {
	*rootfs.FS
	name  string
	after atomic.Int64 // reads that still see what is in the file
	bytes []byte
}

type switchingFile struct {
	durable.RegularFile
	s *switching
}

func (s *switching) OpenRegular(name string) (durable.RegularFile, error) {
	f, err := s.FS.OpenRegular(name)
	if err == nil && name == s.name {
		f = switchingFile{f, s}
	}
	return f, err
}

func (f switchingFile) ReadAt(p []byte, off int64) (int, error) {
	if f.s.after.Add(-1) >= 0 {
		return f.RegularFile.ReadAt(p, off)
	}
	return strings.NewReader(string(f.s.bytes)).ReadAt(p, off)
}

// TestResealOfBytesThatSwitch (A40, S13): bytes that change between verifying and copying,
// at any read, are sealed by no key that did not seal them before.
func TestResealOfBytesThatSwitch(t *testing.T) {
	for _, size := range []int{100, 3*chunkSize + 10} {
		for _, way := range []string{"reseal", "adopt"} {
			for after := range 12 {
				fsys := newRoot(t)
				genuine, forged := []byte(strings.Repeat("G", size)), []byte(strings.Repeat("F", size))
				d := digestOf(genuine)
				key := key2
				if way == "adopt" {
					key = foreignKey
				}
				plant(t, fsys, d, sealed(key, genuine))
				s := &switching{FS: fsys, name: fileOf(d), bytes: sealed(key, forged)}
				s.after.Store(int64(after))
				db := open(t, s, ringOf(t, key1, key2), quick)
				if way == "reseal" {
					reseal(t, db)
				} else {
					adopt(t, db, d)
				}
				got := read(t, fsys, fileOf(d))
				if string(got) != string(sealed(key, genuine)) && string(got) != string(sealed(key1, genuine)) {
					t.Errorf("%s, %d bytes, after %d reads: what is there is neither as it was nor resealed", way, size, after)
				}
				if left := names(t, fsys, "tmp"); len(left) > 0 {
					t.Errorf("left: %v", left)
				}
			}
		}
	}
}

// TestResealOfAPackThatSwitches: the same for packs, whose beginning is read twice. Whatever
// the disk says the second time, what was good on it stays so.
func TestResealOfAPackThatSwitches(t *testing.T) {
	filler := string(random(chunkSize-100, 1)) // so that the pack is read in several pieces
	for kind, change := range map[string]func(pack []byte) []byte{
		"forged": func(pack []byte) []byte {
			return []byte(strings.ReplaceAll(string(pack), "genuine", "forgery"))
		},
		"cut": func(pack []byte) []byte { return pack[:len(pack)/3] },
	} {
		for after := range 12 {
			fsys := newRoot(t)
			records := []record{sealedRecord("genuine 1"), sealedRecord(filler), sealedRecord(filler + "2"), sealedRecord(filler + "3"), oldRecord("genuine 2")}
			id := plantPack(t, fsys, records...)
			before := read(t, fsys, packFile(id))
			s := &switching{FS: fsys, name: packFile(id), bytes: change(before)}
			s.after.Store(int64(after))
			for range open(t, s, ringOf(t, key1, key2), quick).Reseal(t.Context(), objects.FsckOptions{Workers: 1}, nil) {
			}
			got := read(t, fsys, packFile(id))
			if len(got) != len(before) {
				t.Errorf("%s after %d reads: a pack of %d bytes, was %d", kind, after, len(got), len(before))
			}
			db := open(t, fsys, ringOf(t, key1, key2), nil)
			for _, r := range records {
				payload, err := db.Get(t.Context(), r.d)
				if err == nil && digestOf(payload) != r.d {
					t.Errorf("%s after %d reads: forged bytes are good", kind, after)
				}
				if err != nil {
					t.Errorf("%s after %d reads: lost: %v", kind, after, err)
				}
			}
			for _, p := range []string{"forgery 1", "forgery 2"} {
				if strings.Contains(string(got), string(sealed(key1, []byte(p)))) {
					t.Errorf("%s after %d reads: %q is sealed", kind, after, p)
				}
			}
		}
	}
}

// TestResealIsNoOracle (A40): whatever is put around a good object, in a pack or its index,
// reseal makes a seal of nothing that the old key did not seal.
func TestResealIsNoOracle(t *testing.T) {
	inner := sealed(key2, []byte("genuine"))
	for name, tricks := range map[string][]record{
		"ends in another's trailer":      {{digestOf([]byte("wanted")), append([]byte("wanted"), inner[len(inner)-64:]...)}},
		"a sealed object as the payload": {{digestOf(inner), inner}, {digestOf([]byte("genuine")), append([]byte("wanted"), inner...)}},
		"sealed twice":                   {{digestOf([]byte("genuine")), append(inner, inner[len(inner)-64:]...)}},
		"a name that is not its own":     {{digestOf([]byte("wanted")), inner}},
		"without a seal":                 {{digestOf([]byte("wanted")), []byte("wanted")}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, packed := range []bool{false, true} {
				fsys := newRoot(t)
				var digests []objects.Digest
				for _, r := range tricks {
					digests = append(digests, r.d)
				}
				if packed {
					pack, places := packBytes(append(slices.Clone(tricks), oldRecord("old"))...)
					// And an index that finds an object inside of another.
					places = append(places, place{digestOf([]byte("inside")), places[0].offset + 1, places[0].length - 1})
					index, id := indexBytes(places...)
					write(t, fsys, packFile(id), pack)
					write(t, fsys, indexFile(id), index)
					digests = append(digests, digestOf([]byte("inside")))
				} else {
					plantAll(t, fsys, append(slices.Clone(tricks), oldRecord("old")))
				}
				db := open(t, fsys, ringOf(t, key1, key2), quick)
				bad := make(map[objects.Digest]bool)
				for _, d := range digests {
					info, err := db.Check(t.Context(), d)
					if err != nil {
						t.Fatal(err)
					}
					bad[d] = !info.Reason.Good()
				}
				before := contents(t, fsys, "objects", map[string]string{})
				reseal(t, db)
				for name, content := range contents(t, fsys, "objects", map[string]string{}) {
					old, now := string(sealed(key2, []byte("old"))), string(sealed(key1, []byte("old")))
					if content != before[name] && content != strings.Replace(before[name], old, now, 1) {
						t.Errorf("packed: %t: %s has changed", packed, name)
					}
				}
				for d := range bad {
					if info, err := open(t, fsys, ringOf(t, key1, key2), nil).Check(t.Context(), d); err != nil || info.Reason.Good() == bad[d] {
						t.Errorf("packed: %t: %s is %s, was good: %t", packed, d, info.Reason, !bad[d])
					}
				}
				wantThere(t, fsys, "by the new key", "old")
			}
		})
	}
}

// TestDroppedKeyIsNotResealed (A41): what a leaked key sealed is a miss once that key is
// dropped, and stays one.
func TestDroppedKeyIsNotResealed(t *testing.T) {
	fsys := newRoot(t)
	plantAll(t, fsys, oldRecords("loose", 3))
	plantPack(t, fsys, oldRecords("packed", 3)...)
	before := contents(t, fsys, "objects", map[string]string{})
	db := open(t, fsys, ringOf(t, key1), quick)
	_, findings := reseal(t, db)
	if len(findings) != 6 {
		t.Errorf("findings %+v", findings)
	}
	if !reflect.DeepEqual(contents(t, fsys, "objects", map[string]string{}), before) {
		t.Error("the store was changed")
	}
	wantAll(t, db, digestOf([]byte("loose 1")), objects.BadSeal)
	wantAll(t, db, digestOf([]byte("packed 1")), objects.BadSeal)
}
