package fleche_test

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/fleche"
)

func TestParseName(t *testing.T) {
	good := strings.Repeat("0123456789abcdef", 4)
	n, err := fleche.ParseName(good)
	if text, _ := n.MarshalText(); err != nil || n.String() != good || string(text) != good {
		t.Errorf("%s, %v", n, err)
	}
	for _, s := range []string{"", good[1:], good + "0", strings.ToUpper(good), "../" + good[3:], good[1:] + "g", good[1:] + "\n", "x" + good[1:]} {
		_, err := fleche.ParseName(s)
		var e *objects.Error
		if !errors.As(err, &e) || e.Reason != objects.BadName {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestAll(t *testing.T) {
	fsys, _ := newDir(t)
	var want []fleche.Name
	for _, s := range []string{"a", "b", "c", "d", "e"} {
		n := name(s)
		want = append(want, n)
		put(t, fsys, n.String(), nil)
		put(t, fsys, n.String()+".lock", nil)
	}
	slices.SortFunc(want, fleche.Name.Compare)
	for _, stray := range []string{".hidden", "readme", strings.ToUpper(want[0].String())} {
		put(t, fsys, stray, nil)
	}
	c := open(t, fsys, ringOf(t), nil)
	if got := all(t, c); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for range c.All(t.Context()) {
		break // ends in peace
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range c.All(ended) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
}

func all(t *testing.T, c *fleche.Cache) (names []fleche.Name) {
	t.Helper()
	for n, err := range c.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, n)
	}
	return names
}

// manyFS is a directory of so many names, which it yields in no order, one of them twice.
type manyFS struct {
	billy.Filesystem
	count  int
	passes int
}

func (m *manyFS) Names(dir string) iter.Seq2[string, error] {
	m.passes++
	return func(yield func(string, error) bool) {
		for i := range m.count {
			if !yield(m.name(i).String(), nil) {
				return
			}
		}
		yield(m.name(0).String(), nil)
	}
}

func (m *manyFS) name(i int) (n fleche.Name) {
	binary.BigEndian.PutUint64(n[:], uint64(i)*0x9e3779b97f4a7c15)
	return n
}

func (m *manyFS) Lstat(string) (os.FileInfo, error) { return nil, os.ErrNotExist }

func TestAllOfManyIsInOrder(t *testing.T) {
	const page = 1 << 18
	counts := []int{page, page + 1, 2*page + 3}
	if raceEnabled {
		counts = counts[1:2]
	}
	for _, count := range counts {
		fsys, _ := newDir(t)
		many := &manyFS{Filesystem: fsys, count: count}
		var last fleche.Name
		got := 0
		for n, err := range open(t, many, ringOf(t), nil).All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if got > 0 && n.Compare(last) <= 0 {
				t.Fatalf("%d names: %s after %s", count, n, last)
			}
			last = n
			got++
		}
		if got != count {
			t.Errorf("%d names of %d", got, count)
		}
		if most := count/page + 2; many.passes > most {
			t.Errorf("%d names: %d passes, want at most %d", count, many.passes, most)
		}
	}
}
