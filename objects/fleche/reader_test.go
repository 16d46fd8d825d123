package fleche_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"fsk/objects"
	"fsk/objects/fleche"
)

// large is more than what is verified and released in memory.
const large = 64<<20 + 12345

// random makes a pickle that cannot be compressed.
func random(size int) string {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(b)
	b[size-1] = '.'
	return string(b)
}

func TestReaderOfEverySize(t *testing.T) {
	fsys, _ := newDir(t)
	c := open(t, fsys, ringOf(t, key1), nil)
	sizes := []int{1, 100, 3 << 20, large}
	if raceEnabled {
		sizes = sizes[:3]
	}
	for _, size := range sizes {
		p := pickle(size)
		for _, stored := range [][]byte{sealed(key1, p), compressed(t, sealed(key1, p))} {
			n := name("x")
			put(t, fsys, n.String(), stored)
			r, err := c.Open(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			if r.Size() != int64(size) || r.Info().Reason != objects.OK {
				t.Errorf("%d bytes: %+v", size, r.Info())
			}
			if size < 1<<20 {
				if err := iotest.TestReader(r, []byte(p)); err != nil {
					t.Errorf("%d bytes: %v", size, err)
				}
			} else {
				head := make([]byte, 1000)
				if _, err := io.ReadFull(r, head); err != nil || string(head) != p[:1000] {
					t.Errorf("%d bytes: the beginning is another one: %v", size, err)
				}
				var rest bytes.Buffer
				if k, err := io.Copy(&rest, r); err != nil || rest.String() != p[1000:] || k != int64(size-1000) {
					t.Errorf("%d bytes: the rest is another one: %d, %v", size, k, err)
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if err := r.Close(); err != fs.ErrClosed {
				t.Errorf("closed again: %v", err)
			}
			if _, err := r.Read(make([]byte, 1)); err != fs.ErrClosed {
				t.Errorf("read after close: %v", err)
			}
			if got, err := c.Get(t.Context(), n); err != nil || string(got) != p {
				t.Errorf("Get of %d bytes: %v", size, err)
			}
		}
	}
}

// TestFileThatChangesBetweenThePasses: what a reader has released is a genuine beginning.
func TestFileThatChangesBetweenThePasses(t *testing.T) {
	p := random(large)
	for title, stored := range map[string][]byte{"plain": sealed(key1, p), "compressed": compressed(t, sealed(key1, p))} {
		for change, with := range map[string]func(f *os.File) error{
			"flipped": func(f *os.File) error { _, err := f.WriteAt([]byte("XXXX"), 50<<20); return err },
			"cut":     func(f *os.File) error { return f.Truncate(50 << 20) },
		} {
			t.Run(title+" "+change, func(t *testing.T) {
				fsys, dir := newDir(t)
				c := open(t, fsys, ringOf(t, key1), nil)
				n := name("x")
				put(t, fsys, n.String(), stored)
				r, err := c.Open(t.Context(), n)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				f, err := os.OpenFile(filepath.Join(dir, n.String()), os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if err := with(f); err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r)
				var e *objects.Error
				if !errors.As(err, &e) || e.Reason != objects.ChangedDuringRead {
					t.Errorf("error %v", err)
				}
				if len(got) == 0 || !strings.HasPrefix(p, string(got)) {
					t.Errorf("%d bytes that are no genuine beginning", len(got))
				}
			})
		}
	}
}

func TestLimits(t *testing.T) {
	fsys, _ := newDir(t)
	p := pickle(10000)
	plain, zipped := name("plain"), name("zipped")
	put(t, fsys, plain.String(), sealed(key1, p))
	put(t, fsys, zipped.String(), compressed(t, sealed(key1, p)))
	put(t, fsys, name("unsealed").String(), []byte(p))
	for _, keys := range [][][]byte{{key1}, nil} {
		for _, limit := range []int64{9999, 10000, math.MaxInt64} {
			c := open(t, fsys, ringOf(t, keys...), &fleche.Options{MaxSize: limit, MaxInflatedSize: limit})
			for _, n := range []fleche.Name{plain, zipped} {
				info := verdict(t, c, n)
				if got := info.Reason == objects.TooLarge; got != (limit < 10000) {
					t.Errorf("%d keys, limit %d: %s", len(keys), limit, info.Reason)
				}
			}
		}
	}
	if c := open(t, fsys, ringOf(t), &fleche.Options{MaxSize: 9999}); verdict(t, c, name("unsealed")).Reason != objects.TooLarge {
		t.Error("a plain value over the limit is accepted")
	}
}

// TestBombIsBounded: what comes out of a small file is not kept, and ends at the limit.
func TestBombIsBounded(t *testing.T) {
	bomb := compressed(t, make([]byte, 128<<20))
	fsys, _ := newDir(t)
	n := name("bomb")
	put(t, fsys, n.String(), bomb)
	for limit, want := range map[int64]objects.Reason{100 << 20: objects.TooLarge, 0: objects.Corrupt} {
		c := open(t, fsys, ringOf(t, key1), &fleche.Options{MaxInflatedSize: limit})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		info := verdict(t, c, n)
		_, err := c.Open(t.Context(), n)
		runtime.ReadMemStats(&after)
		if info.Reason != want || err == nil {
			t.Errorf("limit %d: %s, %v", limit, info.Reason, err)
		}
		// Open keeps up to 64 MiB until it is too much, and grows to that by appending.
		if used := after.TotalAlloc - before.TotalAlloc; used > 400<<20 {
			t.Errorf("limit %d: %d MiB were allocated", limit, used>>20)
		}
	}
}

func TestOpenWantsARing(t *testing.T) {
	fsys, _ := newDir(t)
	if _, err := fleche.Open(fsys, nil, nil); err == nil {
		t.Error("a nil ring is accepted")
	}
	if _, err := fleche.Open(fsys, ringOf(t), &fleche.Options{MaxSize: -1}); err == nil {
		t.Error("a negative limit is accepted")
	}
}
