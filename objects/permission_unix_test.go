//go:build unix

package objects_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// TestReadOnlyStore reads where nothing can be written (D9, F11). Root can write all
// the same; TestReadingWritesNothing covers that.
func TestReadOnlyStore(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere")
	}
	fsys := newRoot(t)
	payload := []byte("payload")
	plant(t, fsys, digestOf(payload), sealed(key1, payload))
	packed := []byte("packed")
	plantPacked(t, fsys, digestOf(packed), sealed(key1, packed))
	plantPack(t, fsys, numbered("another pack", 8)...)
	dirs := []string{"", "objects", packDir, filepath.Dir(fileOf(digestOf(payload))), "tmp"}
	for _, dir := range dirs {
		os.Chmod(filepath.Join(fsys.Root(), dir), 0o555)
		defer os.Chmod(filepath.Join(fsys.Root(), dir), 0o777)
	}
	db := open(t, fsys, ringOf(t, key1), nil)
	wantPayload(t, db, payload)
	wantPayload(t, db, packed)
	if err := drain(db, t.Context()); err != nil {
		t.Error(err)
	}
	_, err := db.Put(t.Context(), []byte("another"))
	wantMiss(t, "Put", err, digestOf([]byte("another")), objects.IOError)
	for _, p := range [][]byte{payload, packed} {
		wantMiss(t, "Remove", db.Remove(t.Context(), digestOf(p)), digestOf(p), objects.IOError)
	}
	_, err = db.Pack(t.Context(), nil)
	wantMiss(t, "Pack", err, objects.Digest{}, objects.IOError)
}

// TestUnreadableObject: what cannot be read is a fault, not a miss. With keys it is
// replaced by a sealed object; without keys it may be one that was sealed, and stays.
func TestUnreadableObject(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	for home, plant := range homes {
		t.Run(home, func(t *testing.T) { unreadable(t, plant) })
	}
}

func unreadable(t *testing.T, plant func(testing.TB, billy.Filesystem, objects.Digest, []byte) string) {
	fsys := newRoot(t)
	payload := []byte("payload")
	d := digestOf(payload)
	file := fileOf(d)
	if where := plant(t, fsys, d, sealed(key2, payload)); where != objects.Loose {
		file = packFile(where)
	}
	os.Chmod(filepath.Join(fsys.Root(), file), 0)
	keys, off := open(t, fsys, ringOf(t, key1), nil), open(t, fsys, ringOf(t), nil)
	wantAll(t, keys, d, objects.IOError)
	wantAll(t, off, d, objects.IOError)
	_, err := off.Put(t.Context(), payload)
	wantMiss(t, "Put without keys", err, d, objects.IOError)
	if _, err := keys.Put(t.Context(), payload); err != nil {
		t.Errorf("Put with keys: %v", err)
	}
	wantPayload(t, keys, payload)
}
