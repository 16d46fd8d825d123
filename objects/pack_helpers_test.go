package objects_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"
	"github.com/zeebo/blake3"

	"fsk/objects"
)

// A record is an object as it is written to a pack by a test: any digest, any bytes.
type record struct {
	d      objects.Digest
	stored []byte
}

// sealedRecord is a good object of key1.
func sealedRecord(payload string) record {
	return record{digestOf([]byte(payload)), sealed(key1, []byte(payload))}
}

// numbered returns good objects of key1.
func numbered(prefix string, n int) (records []record) {
	for i := range n {
		records = append(records, sealedRecord(fmt.Sprint(prefix, " ", i)))
	}
	return records
}

// A place is an entry of an index as it is written by a test.
type place struct {
	d              objects.Digest
	offset, length uint64
}

// packBytes and indexBytes make the files of DESIGN.md, section 3, without the code
// under test.
func packBytes(records ...record) (pack []byte, places []place) {
	pack = []byte("fsk-pack 1\n")
	for _, r := range records {
		pack = append(pack, r.d[:]...)
		pack = binary.BigEndian.AppendUint64(pack, uint64(len(r.stored)))
		places = append(places, place{r.d, uint64(len(pack)), uint64(len(r.stored))})
		pack = append(pack, r.stored...)
	}
	return pack, places
}

func indexBytes(places ...place) (index []byte, id string) {
	places = slices.Clone(places)
	slices.SortStableFunc(places, func(a, b place) int { return a.d.Compare(b.d) })
	index = []byte("fsk-idx 1\n")
	for b := range 256 {
		n := 0
		for _, p := range places {
			if int(p.d[0]) <= b {
				n++
			}
		}
		index = binary.BigEndian.AppendUint32(index, uint32(n))
	}
	for _, p := range places {
		index = append(index, p.d[:]...)
		index = binary.BigEndian.AppendUint64(index, p.offset)
		index = binary.BigEndian.AppendUint64(index, p.length)
	}
	sum := blake3.Sum256(index)
	return append(index, sum[:]...), hex.EncodeToString(sum[:])
}

const packDir = "objects/pack"

func packFile(id string) string  { return packDir + "/" + id + ".pack" }
func indexFile(id string) string { return packDir + "/" + id + ".idx" }

// plantPack puts a pack and its index into a store.
func plantPack(t testing.TB, fsys billy.Filesystem, records ...record) (id string) {
	t.Helper()
	pack, places := packBytes(records...)
	index, id := indexBytes(places...)
	write(t, fsys, packFile(id), pack)
	write(t, fsys, indexFile(id), index)
	return id
}

// plantPacked is plant for the other home of objects: a pack with this one and another.
func plantPacked(t testing.TB, fsys billy.Filesystem, d objects.Digest, stored []byte) (id string) {
	t.Helper()
	clearPacks(t, fsys)
	return plantPack(t, fsys, sealedRecord("the other object of the pack"), record{d, stored})
}

func clearPacks(t testing.TB, fsys billy.Filesystem) {
	t.Helper()
	for _, name := range names(t, fsys, packDir) {
		remove(t, fsys, packDir+"/"+name)
	}
}

func remove(t testing.TB, fsys billy.Filesystem, name string) {
	t.Helper()
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// packNames returns the ids of all packs that have both files.
func packNames(t testing.TB, fsys billy.Filesystem) (ids []string) {
	t.Helper()
	all := names(t, fsys, packDir)
	for _, name := range all {
		if id, ok := strings.CutSuffix(name, ".pack"); ok && slices.Contains(all, id+".idx") {
			ids = append(ids, id)
		}
	}
	return ids
}

// putBatch puts payloads in one batch and commits it.
func putBatch(t testing.TB, db *objects.DB, payloads ...string) {
	t.Helper()
	b := db.NewBatch()
	for _, p := range payloads {
		if _, err := b.Put(t.Context(), []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func texts(prefix string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint(prefix, " ", i))
	}
	return list
}

// wantThere checks, with a DB of its own, that objects are good.
func wantThere(t testing.TB, fsys billy.Filesystem, what string, payloads ...string) {
	t.Helper()
	db := open(t, fsys, ringOf(t, key1), nil)
	for _, p := range payloads {
		got, err := db.Get(t.Context(), digestOf([]byte(p)))
		if err != nil || string(got) != p {
			t.Errorf("%s: %q is lost: %q, %v", what, p, got, err)
		}
	}
}

// worst returns the findings of fsck that are more than notes.
func worst(t testing.TB, fsys billy.Filesystem) (list []objects.Finding) {
	t.Helper()
	findings, _ := fsck(t, open(t, fsys, ringOf(t, key1, key2), nil), objects.FsckOptions{})
	return slices.DeleteFunc(findings, func(f objects.Finding) bool { return f.Severity == objects.SeverityNote })
}

func pack(t testing.TB, fsys billy.Filesystem, keys ...[]byte) objects.PackStats {
	t.Helper()
	stats, err := open(t, fsys, ringOf(t, keys...), quick).Pack(t.Context(), nil)
	if err != nil {
		t.Fatalf("Pack: %v", err)
	}
	return stats
}

func fileBytes(t testing.TB, fsys billy.Filesystem, name string) []byte {
	t.Helper()
	if _, err := fsys.Lstat(name); err != nil {
		return nil
	}
	return bytes.Clone(read(t, fsys, name))
}

// homes are the places where an object can be: a table that runs over them says that it
// makes no difference. Each plants an object in one place and in no other, and returns its
// [objects.Info.Where].
var homes = map[string]func(t testing.TB, fsys billy.Filesystem, d objects.Digest, stored []byte) (where string){
	"loose": func(t testing.TB, fsys billy.Filesystem, d objects.Digest, stored []byte) string {
		clearPacks(t, fsys)
		plant(t, fsys, d, stored)
		return objects.Loose
	},
	"packed": func(t testing.TB, fsys billy.Filesystem, d objects.Digest, stored []byte) string {
		remove(t, fsys, fileOf(d))
		return plantPacked(t, fsys, d, stored)
	},
}

// fits reports whether stored bytes are few enough for a pack.
func fits(home string, stored []byte) bool { return home == "loose" || len(stored) <= 1<<20+64 }
