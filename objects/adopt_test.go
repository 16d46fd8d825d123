package objects_test

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/rootfs"
)

// adopt returns the reasons that Adopt yields, in order, and its last error.
func adopt(t testing.TB, db *objects.DB, digests ...objects.Digest) (reasons []objects.Reason, failed error) {
	t.Helper()
	for info, err := range db.Adopt(t.Context(), digests) {
		var miss *objects.Error
		switch {
		case errors.As(err, &miss) && miss.Reason != objects.IOError:
			reasons = append(reasons, miss.Reason)
		case err != nil:
			failed = err
		default:
			reasons = append(reasons, info.Reason)
		}
	}
	return reasons, failed
}

// TestAdoptOfTheLargestInAPack: whatever a pack of fsk may hold can be adopted where it
// is. What cannot have a trailer in a pack, because nobody but an attacker wrote it there,
// stays as it is, and keeps nothing else from being adopted.
func TestAdoptOfTheLargestInAPack(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		const limit = 1 << 20
		at := func(n int, seed byte, key []byte) record {
			p := random(n, seed)
			if key == nil {
				return record{digestOf(p), p}
			}
			return record{digestOf(p), sealed(key, p)}
		}
		records := []record{
			at(limit, 1, nil), at(limit, 2, foreignKey), at(limit-1, 3, foreignKey), at(0, 4, nil),
			at(limit+1, 5, nil), at(limit+64, 6, nil),
		}
		plantPack(t, fsys, records...)
		var digests []objects.Digest
		for _, r := range records {
			digests = append(digests, r.d)
		}
		db := open(t, fsys, ringOf(t, key1), nil)
		reasons, err := adopt(t, db, digests...)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []objects.Reason{objects.OK, objects.OK, objects.OK, objects.OK, objects.Unsealed, objects.Unsealed} {
			if reasons[i] != want {
				t.Errorf("%d bytes stored: %s, want %s", len(records[i].stored), reasons[i], want)
			}
		}
		findings, _ := fsck(t, db, objects.FsckOptions{})
		if len(findings) != 2 {
			t.Errorf("findings %+v, want the two that are too large for a pack", findings)
		}
	})
}

// fullDisk is a rootfs on which no file can be made.
type fullDisk struct {
	*rootfs.FS
	tries int
}

func (f *fullDisk) OpenFile(name string, _ int, _ fs.FileMode) (billy.File, error) {
	f.tries++
	return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOSPC}
}

// TestAdoptEndsWithTheFirstFault: a full disk is not tried again for every object.
func TestAdoptEndsWithTheFirstFault(t *testing.T) {
	full := &fullDisk{FS: newRoot(t)}
	var digests []objects.Digest
	for _, p := range texts("plain", 100) {
		digests = append(digests, digestOf([]byte(p)))
		plant(t, full.FS, digests[len(digests)-1], []byte(p))
	}
	if _, err := adopt(t, open(t, full, ringOf(t, key1), nil), digests...); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want that the disk is full", err)
	}
	if full.tries != 1 {
		t.Errorf("%d files were tried, want 1", full.tries)
	}
}
