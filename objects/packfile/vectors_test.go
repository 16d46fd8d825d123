package packfile_test

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"

	"fsk/objects/packfile"
)

// threeID and threeObjects are what testdata/three.* were written from.
const threeID = "a435f762bfa83069e3931e7f2779c2e4926bdd325828cb8a5b0c23d196bf282e"

var threeObjects = []struct {
	digest           string
	payload, trailer string
	offset           int64
}{
	{"6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85", "abc", "", 51},
	{"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "", "", 94},
	{"f44bf63d500a7b00e80a8075c42c4be2e1c094755e2c95fc07eab53a2ad84e30", "fsk\n", "020331671e48ffd5a05fd02b7afd875ef0e921ec6b354f4aff06b4240dd1ab80", 134},
}

func digestOf(t testing.TB, text string) [32]byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 32 {
		t.Fatalf("digest %q: %v", text, err)
	}
	return [32]byte(b)
}

func TestVectorIsScanned(t *testing.T) {
	pack, _ := three(t)
	objects, err := collect(pack)
	if err != nil || len(objects) != len(threeObjects) {
		t.Fatalf("%d objects, %v, want %d", len(objects), err, len(threeObjects))
	}
	for i, want := range threeObjects {
		stored := want.payload + want.trailer
		e := packfile.Entry{Digest: digestOf(t, want.digest), Offset: want.offset, Length: len(stored)}
		if objects[i].Entry != e || string(objects[i].Stored) != stored {
			t.Errorf("object %d is %v %q, want %v %q", i, objects[i].Entry, objects[i].Stored, e, stored)
		}
	}
}

func TestVectorIsFound(t *testing.T) {
	pack, index := three(t)
	for name, x := range open(t, index) {
		t.Run(name, func(t *testing.T) {
			if id, ok := packfile.ParseID(threeID); !ok || x.Verify(id) != nil {
				t.Errorf("Verify = %v", x.Verify(id))
			}
			for _, want := range threeObjects {
				e, ok, err := x.Find(digestOf(t, want.digest))
				if err != nil || !ok || e.Offset != want.offset || e.Length != len(want.payload+want.trailer) {
					t.Errorf("Find(%s) = %v, %t, %v", want.digest, e, ok, err)
				}
				if err := e.Check(int64(len(pack))); err != nil {
					t.Errorf("Check: %v", err)
				}
			}
			for _, absent := range []byte{0, 0x64, 0xaf, 0xf4, 0xff} {
				if e, ok, err := x.Find([32]byte{absent}); ok || err != nil {
					t.Errorf("Find(%x000…) = %v, %t, %v", absent, e, ok, err)
				}
			}
		})
	}
}

func TestVectorIsWritten(t *testing.T) {
	wantPack, wantIndex := three(t)
	var pack, index bytes.Buffer
	w := packfile.NewWriter(&pack)
	for _, o := range threeObjects {
		if err := w.Add(digestOf(t, o.digest), []byte(o.payload), []byte(o.trailer)); err != nil {
			t.Fatal(err)
		}
	}
	id, err := w.Finish(&index)
	if err != nil || id.String() != threeID {
		t.Errorf("Finish = %s, %v, want %s", id, err, threeID)
	}
	if !bytes.Equal(pack.Bytes(), wantPack) || w.Size() != int64(len(wantPack)) || w.Len() != 3 {
		t.Errorf("pack %x\nwant %x", pack.Bytes(), wantPack)
	}
	if !bytes.Equal(index.Bytes(), wantIndex) || packfile.IndexSize(3) != int64(len(wantIndex)) {
		t.Errorf("index %x\nwant %x", index.Bytes(), wantIndex)
	}
}

func TestVectorIsRebuilt(t *testing.T) {
	pack, want := three(t)
	objects, err := collect(pack)
	if err != nil {
		t.Fatal(err)
	}
	entries := entriesOf(objects)
	slices.Reverse(entries)
	index, id := encode(t, entries)
	if !bytes.Equal(index, want) || id.String() != threeID {
		t.Errorf("index %x\nwant %x", index, want)
	}
}

func TestParseID(t *testing.T) {
	id, ok := packfile.ParseID(threeID)
	if !ok || id.String() != threeID {
		t.Errorf("ParseID(%s) = %s, %t", threeID, id, ok)
	}
	for _, bad := range []string{"", threeID[1:], threeID + "0", threeID[:63] + "E", threeID[:63] + "g", threeID[:63] + "\n", "A" + threeID[1:], threeID[:62] + "é"} {
		if id, ok := packfile.ParseID(bad); ok || id != (packfile.ID{}) {
			t.Errorf("ParseID(%q) = %s, %t", bad, id, ok)
		}
	}
}
