package objects_test

import (
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// TestDirectoryInThePlaceOfAnIndex: it keeps nobody from packing the rest, and the objects
// of its pack are found again.
func TestDirectoryInThePlaceOfAnIndex(t *testing.T) {
	for _, others := range []int{0, 9} {
		directoryAsIndex(t, others)
	}
}

func directoryAsIndex(t *testing.T, others int) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		id := plantPack(t, fsys, numbered("p", 9)...)
		for _, r := range numbered("loose", others) {
			plant(t, fsys, r.d, r.stored)
		}
		remove(t, fsys, indexFile(id))
		if err := fsys.MkdirAll(indexFile(id)+"/sub", 0o777); err != nil {
			t.Fatal(err)
		}
		wantAll(t, open(t, fsys, ringOf(t, key1), nil), digestOf([]byte("p 1")), objects.Missing)
		pack(t, fsys, key1)
		wantThere(t, fsys, "after Pack", append(texts("p", 9), texts("loose", others)...)...)
		if bad := worst(t, fsys); len(bad) > 0 {
			t.Errorf("%+v", bad)
		}
	})
}
