package packfile_test

import (
	"bytes"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"fsk/objects/packfile"
)

// TestWhatIsWrittenIsFound writes packs of objects with digests that share beginnings,
// and reads them back in every way there is.
func TestWhatIsWrittenIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digests := rapid.SliceOfDistinct(rapid.Custom(func(t *rapid.T) (d [32]byte) {
			common := rapid.IntRange(0, 31).Draw(t, "common")
			copy(d[common:], rapid.SliceOfN(rapid.Byte(), 1, 32-common).Draw(t, "rest"))
			return d
		}), func(d [32]byte) [32]byte { return d }).Draw(t, "digests")

		var pack, index bytes.Buffer
		w := packfile.NewWriter(&pack)
		want := make(map[[32]byte]packfile.Entry)
		stored := make(map[[32]byte][]byte)
		for _, d := range digests {
			payload := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "payload")
			trailer := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "trailer")
			want[d] = packfile.Entry{Digest: d, Offset: w.Size() + headerSize, Length: len(payload) + len(trailer)}
			stored[d] = append(bytes.Clone(payload), trailer...)
			if err := w.Add(d, payload, trailer); err != nil {
				t.Fatal(err)
			}
		}
		id, err := w.Finish(&index)
		if err != nil || w.Len() != len(digests) || w.Size() != int64(pack.Len()) {
			t.Fatalf("Finish = %v with %d objects in %d bytes", err, w.Len(), w.Size())
		}

		var found []packfile.Entry
		for o, err := range packfile.Scan(iotest.HalfReader(bytes.NewReader(pack.Bytes())), int64(pack.Len())) {
			if err != nil || o.Digest != digests[len(found)] || o.Entry != want[o.Digest] || !bytes.Equal(o.Stored, stored[o.Digest]) {
				t.Fatalf("Scan yields %v, %v, want %v", o, err, want[digests[len(found)]])
			}
			found = append(found, o.Entry)
		}
		if len(found) != len(digests) {
			t.Fatalf("%d of %d objects", len(found), len(digests))
		}

		mem, err := packfile.ParseIndex(index.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		file, err := packfile.OpenIndex(bytes.NewReader(index.Bytes()), int64(index.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range []*packfile.Index{mem, file} {
			if err := x.Verify(id); err != nil || x.Len() != len(digests) {
				t.Fatalf("Verify = %v, Len = %d", err, x.Len())
			}
			for _, d := range digests {
				if e, ok, err := x.Find(d); err != nil || !ok || e != want[d] || e.Check(w.Size()) != nil {
					t.Fatalf("Find = %v, %t, %v, want %v", e, ok, err, want[d])
				}
				d[31]++
				_, is := want[d]
				if _, ok, err := x.Find(d); err != nil || ok != is {
					t.Fatalf("Find of what may not be there = %t, %v, want %t", ok, err, is)
				}
			}
			for e, err := range x.Compare(found) {
				t.Fatalf("Compare yields %v, %v", e, err)
			}
			var all []packfile.Entry
			for e, err := range x.All() {
				if err != nil || e != want[e.Digest] || len(all) > 0 && bytes.Compare(all[len(all)-1].Digest[:], e.Digest[:]) >= 0 {
					t.Fatalf("All yields %v, %v", e, err)
				}
				all = append(all, e)
			}
			if len(all) != len(digests) {
				t.Fatalf("All yields %d of %d", len(all), len(digests))
			}
		}
	})
}
