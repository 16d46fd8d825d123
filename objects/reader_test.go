package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/iotest"

	"fsk/objects"
)

// readers opens objects of all sizes that matter to a Reader.
func readers(t *testing.T, test func(t *testing.T, open func(ctx context.Context) *objects.Reader, payload []byte)) {
	small := newRoot(t)
	db := open(t, small, ringOf(t, key1), quick)
	for _, size := range []int{0, 1, 100, chunkSize, chunkSize + 1, 2*chunkSize + 500} {
		payload := random(size, 3)
		if _, err := db.Put(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			test(t, opener(t, db, digestOf(payload)), payload)
		})
	}
	for _, size := range []int{0, 1, 100, chunkSize} {
		payload := random(size, 4)
		fsys := newRoot(t)
		plantPacked(t, fsys, digestOf(payload), sealed(key1, payload))
		t.Run(fmt.Sprint("packed/", size), func(t *testing.T) {
			test(t, opener(t, open(t, fsys, ringOf(t, key1), nil), digestOf(payload)), payload)
		})
	}
	t.Run("big", func(t *testing.T) {
		db := open(t, bigStore(t), ringOf(t, key1), nil)
		test(t, opener(t, db, big.digest), big.payload)
	})
}

func opener(t *testing.T, db *objects.DB, d objects.Digest) func(context.Context) *objects.Reader {
	return func(ctx context.Context) *objects.Reader {
		t.Helper()
		r, err := db.Open(ctx, d)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
}

func TestReader(t *testing.T) {
	readers(t, func(t *testing.T, open func(context.Context) *objects.Reader, payload []byte) {
		r := open(t.Context())
		if len(payload) < memorySize {
			if err := iotest.TestReader(r, payload); err != nil {
				t.Error(err)
			}
		}
		size := int64(len(payload))
		if r.Size() != size || r.Info().Size != size || r.Info().Digest != digestOf(payload) || r.Info().Reason != objects.OK {
			t.Errorf("Size %d, Info %+v", r.Size(), r.Info())
		}
		random := rand.New(rand.NewPCG(1, uint64(size)))
		at := int64(0)
		if _, err := r.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		rounds := 200
		if raceEnabled {
			rounds = 40
		}
		for range rounds {
			buf := make([]byte, random.IntN(3000))
			if random.IntN(20) == 0 {
				buf = make([]byte, chunkSize+random.IntN(chunkSize))
			}
			switch random.IntN(5) {
			case 0: // anywhere, also at the borders of chunks and behind the end
				at = random.Int64N(size + 10)
				if random.IntN(3) == 0 {
					at = at / chunkSize * chunkSize
				}
				whence, offset := io.SeekStart, at
				if random.IntN(2) == 0 {
					whence, offset = io.SeekEnd, at-size
				}
				if got, err := r.Seek(offset, whence); got != at || err != nil {
					t.Fatalf("Seek(%d, %d) = %d, %v, want %d", offset, whence, got, err, at)
				}
			case 1:
				off := random.Int64N(size + 10)
				n, err := r.ReadAt(buf, off)
				want := int(max(0, min(int64(len(buf)), size-off)))
				if n != want || n < len(buf) && err != io.EOF || n == len(buf) && n > 0 && err != nil && err != io.EOF {
					t.Fatalf("ReadAt(%d bytes, %d) = %d, %v, want %d", len(buf), off, n, err, want)
				}
				if n > 0 && !bytes.Equal(buf[:n], payload[off:off+int64(n)]) {
					t.Fatalf("ReadAt(%d bytes, %d): wrong bytes", len(buf), off)
				}
			case 2:
				if random.IntN(20) > 0 && size > memorySize {
					continue // slow
				}
				var out bytes.Buffer
				n, err := r.WriteTo(&out)
				want := payload[min(at, size):]
				if err != nil || n != int64(len(want)) || !bytes.Equal(out.Bytes(), want) {
					t.Fatalf("WriteTo from %d = %d, %v, want %d", at, n, err, len(want))
				}
				at = max(at, size)
			default:
				n, err := r.Read(buf)
				want := payload[min(at, size):min(size, at+int64(len(buf)))]
				if !bytes.Equal(buf[:n], want) || n > 0 && err != nil || len(want) == 0 && len(buf) > 0 && err != io.EOF {
					t.Fatalf("Read of %d bytes at %d = %d, %v, want %d", len(buf), at, n, err, len(want))
				}
				at += int64(n)
			}
		}
	})
}

func TestReaderRefusesBadOffsets(t *testing.T) {
	readers(t, func(t *testing.T, open func(context.Context) *objects.Reader, payload []byte) {
		r := open(t.Context())
		if n, err := r.ReadAt(make([]byte, 10), -1); n != 0 || err == nil {
			t.Errorf("ReadAt at -1 = %d, %v", n, err)
		}
		for _, c := range []struct {
			offset int64
			whence int
		}{{-1, io.SeekStart}, {-int64(len(payload)) - 1, io.SeekEnd}, {-1, io.SeekCurrent}, {0, 3}, {0, -1}} {
			if _, err := r.Seek(c.offset, c.whence); err == nil {
				t.Errorf("Seek(%d, %d) succeeds", c.offset, c.whence)
			}
		}
		if at, err := r.Seek(0, io.SeekCurrent); at != 0 || err != nil {
			t.Errorf("after failed seeks the position is %d, %v", at, err)
		}
	})
}

func TestClosedReader(t *testing.T) {
	readers(t, func(t *testing.T, open func(context.Context) *objects.Reader, payload []byte) {
		r := open(t.Context())
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 10)
		for name, call := range map[string]func() error{
			"Read":    func() error { _, err := r.Read(buf); return err },
			"ReadAt":  func() error { _, err := r.ReadAt(buf, 0); return err },
			"WriteTo": func() error { _, err := r.WriteTo(io.Discard); return err },
			"Close":   r.Close,
		} {
			if err := call(); !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s after Close: %v, want fs.ErrClosed", name, err)
			}
		}
		if r.Size() != int64(len(payload)) {
			t.Errorf("Size after Close = %d", r.Size())
		}
	})
}

// TestConcurrentReadAt is for the race detector: readers of one Reader, one that
// closes it meanwhile, and other objects that get its buffers.
func TestConcurrentReadAt(t *testing.T) {
	readers(t, func(t *testing.T, open func(context.Context) *objects.Reader, payload []byte) {
		r := open(t.Context())
		other := open(t.Context())
		var wg sync.WaitGroup
		for g := range 6 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(7, uint64(g)))
				buf := make([]byte, 5000)
				for i := range 60 {
					if g == 0 && i == 50 {
						r.Close()
					}
					if g == 1 {
						other.ReadAt(buf, random.Int64N(int64(len(payload))+1))
						continue
					}
					off := random.Int64N(int64(len(payload)) + 1)
					n, err := r.ReadAt(buf, off)
					if err != nil && err != io.EOF && !errors.Is(err, fs.ErrClosed) {
						t.Error(err)
					}
					if n > 0 && !bytes.Equal(buf[:n], payload[off:off+int64(n)]) {
						t.Errorf("ReadAt at %d: wrong bytes", off)
					}
				}
			})
		}
		wg.Wait()
	})
}

// shortWriter takes less than it is given and says nothing, which io.Writer forbids.
type shortWriter struct{ n int64 }

func (w *shortWriter) Write(p []byte) (int, error) {
	n := len(p) / 2
	w.n += int64(n)
	return n, nil
}

func TestWriteToReportsTheWritersFailure(t *testing.T) {
	full := errors.New("full")
	readers(t, func(t *testing.T, open func(context.Context) *objects.Reader, payload []byte) {
		if len(payload) < 2 {
			t.Skip("too small to fail in the middle")
		}
		rooms := []int{0, 1, len(payload) / 2, len(payload) - 1}
		if raceEnabled {
			rooms = rooms[2:3]
		}
		for _, room := range rooms {
			w := &limited{room: room, err: full}
			n, err := open(t.Context()).WriteTo(w)
			if err != full || n != int64(room) || !bytes.Equal(w.got.Bytes(), payload[:room]) {
				t.Errorf("room for %d of %d bytes: %d, %v", room, len(payload), n, err)
			}
		}
		w := new(shortWriter)
		if n, err := open(t.Context()).WriteTo(w); err != io.ErrShortWrite || n != w.n {
			t.Errorf("a short write without an error: %d, %v, want io.ErrShortWrite", n, err)
		}
	})
}

type limited struct {
	got  bytes.Buffer
	room int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	n, _ := l.got.Write(p[:min(len(p), l.room-l.got.Len())])
	if n < len(p) {
		return n, l.err
	}
	return n, nil
}

func TestContextEndsAReader(t *testing.T) {
	db := open(t, bigStore(t), ringOf(t, key1), nil)
	ctx, cancel := context.WithCancel(t.Context())
	r := opener(t, db, big.digest)(ctx)
	w := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	if n, err := r.WriteTo(w); err != context.Canceled || n == 0 || n > 10*chunkSize {
		t.Errorf("WriteTo = %d, %v, want a few chunks and context.Canceled", n, err)
	}
	if n, err := r.ReadAt(make([]byte, 10), 40*chunkSize); n != 0 || err != context.Canceled {
		t.Errorf("ReadAt = %d, %v, want context.Canceled", n, err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestContextEndsReading(t *testing.T) {
	fsys := newRoot(t)
	db := open(t, fsys, ringOf(t, key1), nil)
	info, err := db.Put(t.Context(), []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, read := range map[string]func(d objects.Digest) error{
		"Get":   func(d objects.Digest) error { _, err := db.Get(ctx, d); return err },
		"Open":  func(d objects.Digest) error { _, err := db.Open(ctx, d); return err },
		"Stat":  func(d objects.Digest) error { _, err := db.Stat(ctx, d); return err },
		"Check": func(d objects.Digest) error { _, err := db.Check(ctx, d); return err },
	} {
		err := read(info.Digest)
		var e *objects.Error
		if err != context.Canceled || errors.As(err, &e) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	for name, list := range map[string]func() error{
		"All": func() error {
			for _, err := range db.All(ctx) {
				return err
			}
			return nil
		},
		"Resolve": func() error { _, err := db.Resolve(ctx, info.Digest.String()[:10]); return err },
		"Remove":  func() error { return db.Remove(ctx, info.Digest) },
	} {
		if err := list(); err != context.Canceled {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	}
	if count(t, db) != 1 {
		t.Error("Remove removed although its context had ended")
	}
}

func TestGetBelongsToTheCaller(t *testing.T) {
	for _, size := range []int{10, chunkSize + 10} {
		db := open(t, newRoot(t), ringOf(t, key1), quick)
		payload := random(size, 1)
		if _, err := db.Put(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
		got, err := db.Get(t.Context(), digestOf(payload))
		if err != nil {
			t.Fatal(err)
		}
		if cap(got) != len(got) {
			t.Errorf("cap %d of %d bytes: the trailer is behind it", cap(got), len(got))
		}
		clear(got)
		wantPayload(t, db, payload)
	}
}
