package objects_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"fsk/objects"

	"github.com/go-git/go-billy/v5"
)

func TestGetInto(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		db := open(t, fsys, ringOf(t, key1), nil)
		ctx := context.Background()
		payload, large := random(1000, 1), random(chunkSize+1, 2)
		for _, p := range [][]byte{payload, large, nil} {
			if _, err := db.Put(ctx, p); err != nil {
				t.Fatal(err)
			}
		}
		damaged := digestOf([]byte("damaged"))
		plant(t, fsys, damaged, []byte("foreign bytes"))
		for _, tt := range []struct {
			claim string
			d     objects.Digest
			room  int
			size  int64
			err   error
		}{
			{"a payload in a larger buffer", digestOf(payload), 2000, 1000, nil},
			{"a payload in a buffer of its size", digestOf(payload), 1000, 1000, nil},
			{"an empty payload in no buffer", digestOf(nil), 0, 0, nil},
			{"a buffer that is too short", digestOf(payload), 999, 0, io.ErrShortBuffer},
			{"a payload over 1 MiB", digestOf(large), 2 * chunkSize, 0, io.ErrShortBuffer},
			{"a damaged object", damaged, 100, 0, &objects.Error{}},
			{"a missing object", digestOf([]byte("missing")), 100, 0, &objects.Error{}},
		} {
			t.Run(tt.claim, func(t *testing.T) {
				before := bytes.Repeat([]byte{0xaa}, tt.room)
				buf := bytes.Clone(before)
				info, err := db.GetInto(ctx, tt.d, buf)
				var miss *objects.Error
				switch {
				case tt.err == nil && (err != nil || info.Size != tt.size || digestOf(buf[:info.Size]) != tt.d):
					t.Errorf("GetInto = %+v, %v", info, err)
				case tt.err == io.ErrShortBuffer && err != io.ErrShortBuffer, tt.err != nil && err == nil,
					tt.err != nil && tt.err != io.ErrShortBuffer && !errors.As(err, &miss):
					t.Errorf("GetInto: error %v, want %v", err, tt.err)
				}
				if !bytes.Equal(buf[tt.size:], before[tt.size:]) {
					t.Error("bytes behind the payload were touched")
				}
			})
		}
	})
}

// TestGetIntoOfSeveralCopies: a size that nobody has verified hides neither a good copy nor
// that there may be one.
func TestGetIntoOfSeveralCopies(t *testing.T) {
	p, long := []byte("payload"), random(3000, 1)
	junk := bytes.Repeat([]byte("x"), 5000)
	for _, tt := range []struct {
		claim         string
		p             []byte
		packed, loose []byte
		err           error
	}{
		{"a planted pack with a longer copy", p, junk, sealed(key1, p), nil},
		{"a planted longer file", p, sealed(key1, p), junk, nil},
		{"only planted ones, one of them longer", p, junk, []byte("short"), io.ErrShortBuffer},
		{"a planted short one, and a good one that is too long", long, []byte("short"), sealed(key1, long), io.ErrShortBuffer},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			fsys := newRoot(t)
			d := digestOf(tt.p)
			plantPack(t, fsys, record{d, tt.packed}, sealedRecord("beside it"))
			plant(t, fsys, d, tt.loose)
			for name, db := range map[string]*objects.DB{"fresh": open(t, fsys, ringOf(t, key1), nil), "in use": open(t, fsys, ringOf(t, key1), nil)} {
				if name == "in use" { // it knows the pack
					wantPayload(t, db, []byte("beside it"))
				}
				buf := make([]byte, 2000)
				info, err := db.GetInto(t.Context(), d, buf)
				if err != tt.err || err == nil && string(buf[:info.Size]) != string(tt.p) {
					t.Errorf("%s: GetInto = %+v, %v, want %v", name, info, err, tt.err)
				}
				for o, err := range db.GetEach(t.Context(), []objects.Digest{d, d, d}, buf) {
					if err != tt.err || err == nil && string(o.Payload) != string(tt.p) {
						t.Errorf("%s: GetEach yields %+v, %v, want %v", name, o, err, tt.err)
					}
				}
			}
		})
	}
}

func TestGetIntoAsksTheHook(t *testing.T) {
	fsys := newRoot(t)
	refuse := hookFunc(func(context.Context, objects.Info, io.ReaderAt) error { return errors.New("no") })
	db := open(t, fsys, ringOf(t, key1), &objects.Options{PreRead: refuse})
	info, err := db.Put(context.Background(), []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 7)
	_, err = db.GetInto(context.Background(), info.Digest, buf)
	var e *objects.Error
	if !errors.As(err, &e) || e.Reason != objects.Denied || !bytes.Equal(buf, make([]byte, 7)) {
		t.Errorf("GetInto = %q, %v, want denied and nothing", buf, err)
	}
}
