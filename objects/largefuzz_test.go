package objects_test

import (
	"bytes"
	"testing"

	"fsk/objects"
	"fsk/seal"
)

// FuzzLargeVerdict is FuzzVerdict for files that are judged while they are read: the
// verdict is that of the table, wherever the pieces end.
func FuzzLargeVerdict(f *testing.F) {
	f.Add([]byte{}, uint32(0), uint32(0))
	f.Add([]byte("x"), uint32(chunkSize), uint32(1))
	f.Add([]byte{}, uint32(chunkSize+63), uint32(1))
	f.Add(bytes.Repeat([]byte("0"), 64), uint32(2*chunkSize), uint32(64))
	payload := random(chunkSize+chunkSize/8, 1)
	whole := sealed(key1, payload)
	d := digestOf(payload)
	fsys := newMemory(f)
	withKeys, without := open(f, fsys, ringOf(f, key1, key2), nil), open(f, fsys, seal.Off, nil)
	f.Fuzz(func(t *testing.T, insert []byte, at, cut uint32) {
		from := int(at) % (len(whole) + 1)
		to := min(len(whole), from+int(cut)%len(whole))
		stored := append(append(bytes.Clone(whole[:from]), insert...), whole[to:]...)
		plant(t, fsys, d, stored)
		for _, db := range []*objects.DB{withKeys, without} {
			want := tableOfVerdicts(d, stored, db == withKeys)
			if info, err := db.Check(t.Context(), d); err != nil || info.Reason != want {
				t.Fatalf("Check = %+v, %v, want %s", info, err, want)
			}
		}
	})
}
