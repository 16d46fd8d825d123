package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/seal"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	sizes := []int{0, 1, 63, 64, 65, 1 << 10, 3 << 20}
	for n := chunkSize - 65; n <= chunkSize+65; n++ {
		if slices.Contains([]int{-65, -64, -63, -1, 0, 1, 63, 64, 65}, n-chunkSize) {
			sizes = append(sizes, n)
		}
	}
	if raceEnabled {
		sizes = []int{0, 64, chunkSize, chunkSize + 1}
	}
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		for _, ring := range []*seal.Ring{ringOf(t, key1, key2), seal.Off} {
			db := open(t, fsys, ring, nil)
			for _, size := range sizes {
				payload := random(size, byte(ring.Len()))
				d := digestOf(payload)
				want := objects.Info{Digest: d, Size: int64(size), Reason: objects.OKPlain, Where: objects.Loose}
				stored := payload
				if ring.Len() > 0 {
					want.Reason, want.Key = objects.OK, ring.ID(0)
					stored = sealed(key1, payload)
				}
				for name, put := range map[string]func() (objects.Info, error){
					"Put":                  func() (objects.Info, error) { return db.Put(t.Context(), payload) },
					"PutReader":            func() (objects.Info, error) { return db.PutReader(t.Context(), bytes.NewReader(payload)) },
					"PutReader, odd reads": func() (objects.Info, error) { return db.PutReader(t.Context(), &ragged{data: payload}) },
				} {
					if err := fsys.Remove(fileOf(d)); err != nil && !errors.Is(err, fs.ErrNotExist) {
						t.Fatal(err)
					}
					info, err := put()
					if err != nil || info != want {
						t.Fatalf("%s of %d bytes = %+v, %v, want %+v", name, size, info, err, want)
					}
					if !bytes.Equal(read(t, fsys, fileOf(d)), stored) {
						t.Errorf("%s of %d bytes: the file is not payload and trailer", name, size)
					}
					if stat, err := fsys.Lstat(fileOf(d)); err != nil || runtime.GOOS != "windows" && stat.Mode() != 0o444 {
						t.Errorf("%s: mode %v, %v, want 0444", name, stat.Mode(), err)
					}
				}
				wantPayload(t, db, payload)
				if info, err := db.Stat(t.Context(), d); err != nil || info != want {
					t.Errorf("Stat = %+v, %v, want %+v", info, err, want)
				}
			}
		}
		if left := names(t, fsys, "tmp"); len(left) != 0 {
			t.Errorf("left in tmp: %v", left)
		}
	})
}

// ragged returns few bytes at a time, sometimes none, and the end with the last.
type ragged struct {
	data []byte
	n    int
}

func (r *ragged) Read(p []byte) (int, error) {
	r.n++
	if r.n%5 == 0 {
		return 0, nil
	}
	n := copy(p[:min(len(p), 1+(r.n*7919)%50000)], r.data)
	r.data = r.data[n:]
	if len(r.data) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func TestBigRoundTrip(t *testing.T) {
	from := bigStore(t)
	fsys := newRoot(t)
	db := open(t, fsys, ringOf(t, key1), quick)
	info, err := db.PutReader(t.Context(), bytes.NewReader(big.payload))
	if err != nil || info.Digest != big.digest || info.Size != int64(len(big.payload)) {
		t.Fatalf("PutReader = %+v, %v", info, err)
	}
	if !bytes.Equal(read(t, fsys, fileOf(big.digest)), read(t, from, fileOf(big.digest))) {
		t.Error("the file is not payload and trailer")
	}
	wantPayload(t, db, big.payload)
}

func TestFailingReaderStoresNothing(t *testing.T) {
	broken := errors.New("broken")
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		db := open(t, fsys, ringOf(t, key1), quick)
		for _, size := range []int{0, 1, 1000, chunkSize - 1, chunkSize, chunkSize + 1, 3 * chunkSize} {
			payload := random(size, 5)
			for name, c := range map[string]struct {
				r    io.Reader
				want error
			}{
				"an error":            {io.MultiReader(bytes.NewReader(payload), iotest.ErrReader(broken)), broken},
				"io.ErrUnexpectedEOF": {io.MultiReader(bytes.NewReader(payload), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
				"an error with bytes": {iotest.DataErrReader(io.MultiReader(bytes.NewReader(payload), iotest.ErrReader(broken))), broken},
				"context.Canceled":    {io.MultiReader(bytes.NewReader(payload), iotest.ErrReader(context.Canceled)), context.Canceled},
			} {
				info, err := db.PutReader(t.Context(), c.r)
				if err != c.want || info != (objects.Info{}) {
					t.Errorf("%s after %d bytes: %+v, %v, want the error of the reader as it is", name, size, info, err)
				}
				if got := count(t, db); got != 0 {
					t.Errorf("%s after %d bytes: %d objects stored", name, size, got)
				}
			}
		}
		if left := names(t, fsys, "tmp"); len(left) != 0 {
			t.Errorf("left in tmp: %v", left)
		}
	})
}

func count(t testing.TB, db *objects.DB) (n int) {
	t.Helper()
	for _, err := range db.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestPutOverTheLimit(t *testing.T) {
	for _, limit := range []int{10, chunkSize, 2*chunkSize + 10} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			fsys := newRoot(t)
			db := open(t, fsys, ringOf(t, key1), &objects.Options{MaxObjectSize: int64(limit)})
			over := random(limit+1, 1)
			_, err := db.Put(t.Context(), over)
			wantMiss(t, "Put", err, digestOf(over), objects.TooLarge)
			_, err = db.PutReader(t.Context(), bytes.NewReader(over))
			var e *objects.Error
			if !errors.As(err, &e) || e.Reason != objects.TooLarge {
				t.Errorf("PutReader: %v, want too-large", err)
			}
			// Much too large: it must end without reading on.
			endless := &counter{}
			if _, err = db.PutReader(t.Context(), endless); !errors.As(err, &e) || e.Reason != objects.TooLarge {
				t.Errorf("PutReader without end: %v, want too-large", err)
			}
			if endless.n > int64(limit)+2*chunkSize {
				t.Errorf("%d bytes were read of a payload over the limit of %d", endless.n, limit)
			}
			if _, err := db.Put(t.Context(), over[:limit]); err != nil {
				t.Errorf("Put at the limit: %v", err)
			}
			wantPayload(t, db, over[:limit])
			if left := names(t, fsys, "tmp"); len(left) != 0 || count(t, db) != 1 {
				t.Errorf("left in tmp: %v, %d objects", left, count(t, db))
			}
		})
	}
}

// counter is a reader without end.
type counter struct {
	n    int64
	then func(n int64)
}

func (c *counter) Read(p []byte) (int, error) {
	c.n += int64(len(p))
	if c.then != nil {
		c.then(c.n)
	}
	return len(p), nil
}

func TestPutEndsWithTheContext(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		db := open(t, fsys, ringOf(t, key1), quick)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if info, err := db.Put(ended, []byte("payload")); err != context.Canceled || info != (objects.Info{}) {
			t.Errorf("Put = %+v, %v", info, err)
		}
		if info, err := db.PutReader(ended, bytes.NewReader([]byte("payload"))); err != context.Canceled || info != (objects.Info{}) {
			t.Errorf("PutReader = %+v, %v", info, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r := &counter{then: func(n int64) {
			if n > 5*chunkSize {
				cancel()
			}
		}}
		if _, err := db.PutReader(ctx, r); err != context.Canceled {
			t.Errorf("PutReader in the middle of a stream: %v", err)
		}
		if r.n > 10*chunkSize {
			t.Errorf("%d bytes were read after the end of the context", r.n)
		}
		if left := names(t, fsys, "tmp"); len(left) != 0 || count(t, db) != 0 {
			t.Errorf("left in tmp: %v, %d objects", left, count(t, db))
		}
	})
}

func TestPutDoesNotChangeThePayload(t *testing.T) {
	db := open(t, newMemory(t), ringOf(t, key1), nil)
	room := random(1000, 1)
	want := bytes.Clone(room)
	if _, err := db.Put(t.Context(), room[:500]); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(room, want) {
		t.Error("Put writes to the caller's slice or behind it")
	}
}
