package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// TestGetEachIsGetInto: for objects of every kind, beside each other in any order, GetEach
// yields what GetInto returns for each alone.
func TestGetEachIsGetInto(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		digests := digestsOf(append(texts("packed", 90), texts("loose", 90)...)...) // more than are judged together
		plantPack(t, fsys, oldRecords("packed", 90)...)
		for _, r := range oldRecords("loose", 90) {
			plant(t, fsys, r.d, r.stored)
		}
		for _, size := range []int{1, 63, 64, 65, 1023, 1024, 1025, 5000, 64 << 10, chunkSize, chunkSize + 1} {
			for k, f := range forgeries {
				p := random(size, byte(k))
				digests = append(digests, digestOf(p))
				plant(t, fsys, digestOf(p), f.make(p))
			}
		}
		plant(t, fsys, digestOf(nil), sealed(key1, nil))
		// The first copy is bad, the second good.
		plantPack(t, fsys, record{digestOf([]byte("twice")), sealed(foreignKey, []byte("twice"))})
		plant(t, fsys, digestOf([]byte("twice")), sealed(key2, []byte("twice")))
		digests = append(digests, digestOf([]byte("twice")), digestOf([]byte("missing")), digestOf(nil), objects.Digest{})
		digests = slices.Concat(digests, digests[:40])
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(digests), func(i, j int) { digests[i], digests[j] = digests[j], digests[i] })
		for _, keys := range [][][]byte{{key1, key2}, {key1}, nil} {
			for _, room := range []int{0, 64, 2000, 2 * chunkSize} {
				t.Run(fmt.Sprintf("%d keys, %d bytes", len(keys), room), func(t *testing.T) {
					db := open(t, fsys, ringOf(t, keys...), nil)
					sameAsGetInto(t, db, digests, room)
				})
			}
		}
	})
}

func sameAsGetInto(t *testing.T, db *objects.DB, digests []objects.Digest, room int) {
	t.Helper()
	own, buf := make([]byte, room), make([]byte, room)
	n := 0
	for o, err := range db.GetEach(t.Context(), digests, buf) {
		d := digests[n]
		n++
		info, want := db.GetInto(t.Context(), d, own)
		if fmt.Sprint(err) != fmt.Sprint(want) || o.Info != info || want == nil && !bytes.Equal(o.Payload, own[:info.Size]) {
			t.Errorf("%s: GetEach yields %+v with %d bytes, %v; GetInto returns %+v, %v", d, o.Info, len(o.Payload), err, info, want)
		}
		if err != nil && o.Payload != nil {
			t.Errorf("%s: %d bytes beside the error", d, len(o.Payload))
		}
	}
	if n != len(digests) {
		t.Errorf("%d objects of %d", n, len(digests))
	}
}

// TestGetEachEnds: with the loop, and with the context.
func TestGetEachEnds(t *testing.T) {
	fsys := newRoot(t)
	plantPack(t, fsys, oldRecords("p", 200)...)
	digests := digestsOf(texts("p", 200)...)
	db := open(t, fsys, ringOf(t, key2), nil)
	for end := range 150 {
		n := 0
		for _, err := range db.GetEach(t.Context(), digests, make([]byte, 100)) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n > end {
				break
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for o, err := range db.GetEach(ctx, digests, make([]byte, 100)) {
		if n++; n == 100 {
			cancel()
		}
		if n > 100 && (err != context.Canceled || o.Payload != nil) {
			t.Errorf("after the end: %+v, %v", o, err)
		}
	}
	if n != len(digests) {
		t.Errorf("%d of %d", n, len(digests))
	}
	for range db.GetEach(t.Context(), nil, nil) {
		t.Error("something for nothing")
	}
}

// TestGetEachLoopMayDoAnything: what the body of the loop does with the payload and with its
// own digests changes nothing of what comes after.
func TestGetEachLoopMayDoAnything(t *testing.T) {
	fsys := newRoot(t)
	plantPack(t, fsys, oldRecords("p", 100)...)
	db := open(t, fsys, ringOf(t, key2), nil)
	digests := digestsOf(texts("p", 100)...)
	buf := make([]byte, 100)
	var first objects.Object
	n := 0
	for o, err := range db.GetEach(t.Context(), digests[:64], buf) {
		if want := fmt.Sprint("p ", n); err != nil || string(o.Payload) != want || o.Digest != digestOf([]byte(want)) {
			t.Errorf("object %d: %q, %s, %v", n, o.Payload, o.Digest, err)
		}
		_ = append(o.Payload, bytes.Repeat([]byte("x"), 4000)...)
		clear(o.Payload)
		clear(digests[:64])
		n++
	}
	for first = range db.GetEach(t.Context(), digests[64:], buf) {
		break
	}
	plant(t, fsys, digestOf([]byte("bad")), bytes.Repeat([]byte("x"), 500))
	for range db.GetEach(t.Context(), digestsOf("bad", "p 1", "p 2", "p 3"), make([]byte, 1000)) {
	}
	if string(first.Payload) != "p 64" {
		t.Errorf("after the loop it is %q", first.Payload)
	}
	func() {
		defer func() { recover() }()
		for range db.GetEach(t.Context(), digests[64:], buf) {
			panic("the body")
		}
	}()
	next, stop := iter.Pull2(db.GetEach(t.Context(), digests[64:], buf))
	next()
	stop()
	wantPayload(t, db, []byte("p 99"))
}

// TestGetEachAsksTheHook: about one object after the other, each before it is yielded, and
// about nothing beyond.
func TestGetEachAsksTheHook(t *testing.T) {
	fsys := newRoot(t)
	plantPack(t, fsys, oldRecords("p", 20)...)
	digests := digestsOf(texts("p", 20)...)
	denied := digestsOf("p 3", "p 4", "p 11")
	var asked []objects.Digest
	db := open(t, fsys, ringOf(t, key2), &objects.Options{PreRead: hookFunc(func(_ context.Context, info objects.Info, r io.ReaderAt) error {
		asked = append(asked, info.Digest)
		if slices.Contains(denied, info.Digest) {
			return errors.New("no")
		}
		return nil
	})})
	n := 0
	for o, err := range db.GetEach(t.Context(), digests, make([]byte, 100)) {
		d := digests[n]
		n++
		if asked = slices.Compact(asked); !slices.Equal(asked, digests[:n]) {
			t.Fatalf("asked about %v before object %d", asked, n)
		}
		var e *objects.Error
		if slices.Contains(denied, d) {
			if !errors.As(err, &e) || e.Reason != objects.Denied || o.Payload != nil {
				t.Errorf("object %d: %q, %v, want denied", n, o.Payload, err)
			}
		} else if err != nil || digestOf(o.Payload) != d || o.Digest != d {
			t.Errorf("object %d: %q, %v", n, o.Payload, err)
		}
	}
}

func digestsOf(payloads ...string) (digests []objects.Digest) {
	for _, p := range payloads {
		digests = append(digests, digestOf([]byte(p)))
	}
	return digests
}
