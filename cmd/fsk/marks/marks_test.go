package marks_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fsk/cmd/fsk/marks"
	"fsk/objects"
	"fsk/refs"
)

const store = "/somewhere/store"

func nameOf(t testing.TB, s string) refs.Name {
	t.Helper()
	name, err := refs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func mark(seq uint64) refs.Mark { return refs.Mark{Seq: seq, Body: objects.Sum(fmt.Append(nil, seq))} }

// open returns marks that must not warn.
func open(t testing.TB, dir string) *marks.Marks {
	return marks.New(dir, store, "default", func(err error) { t.Errorf("warning: %v", err) })
}

func raise(t testing.TB, m *marks.Marks, name string, seq uint64) {
	t.Helper()
	if err := m.Raise(nameOf(t, name), mark(seq)); err != nil {
		t.Fatal(err)
	}
}

func reset(t testing.TB, m *marks.Marks, name string, to refs.Mark) {
	t.Helper()
	if err := m.Reset(nameOf(t, name), to); err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, m *marks.Marks, name string, want refs.Mark) {
	t.Helper()
	if got, err := m.Mark(nameOf(t, name)); err != nil || got != want {
		t.Errorf("Mark(%s) = %v, %v, want %v", name, got, err, want)
	}
}

func TestMarks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	m := open(t, dir)
	want(t, m, "main", refs.Mark{})
	m.Flush()
	if _, err := os.Stat(dir); err == nil {
		t.Error("looking has made the directory")
	}
	raise(t, m, "main", 5)
	want(t, m, "main", mark(5))
	want(t, open(t, dir), "main", refs.Mark{}) // not written yet
	raise(t, m, "main", 4)
	want(t, m, "main", mark(5))
	m.Flush()
	m = open(t, dir)
	want(t, m, "main", mark(5))
	want(t, m, "other", refs.Mark{})
	raise(t, m, "main", 4)
	want(t, m, "main", mark(5))
	reset(t, m, "main", mark(3))
	want(t, m, "main", mark(3))
	raise(t, m, "main", 4)
	m.Flush()
	want(t, open(t, dir), "main", mark(4))
	reset(t, m, "main", refs.Mark{Seq: 4})
	m.Flush()
	want(t, open(t, dir), "main", refs.Mark{Seq: 4})
	for _, other := range []*marks.Marks{
		marks.New(dir, store+"2", "default", nil), marks.New(dir, store, "other", nil),
	} {
		want(t, other, "main", refs.Mark{})
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 && filepath.Separator == '/' {
		t.Errorf("the directory has mode %v, %v", info.Mode(), err)
	}
}

// TestManyMarks compares thousands of marks, which move to the first file, with a map.
func TestManyMarks(t *testing.T) {
	dir := t.TempDir()
	model := make(map[string]refs.Mark)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 30 {
		m := open(t, dir)
		for range 1 + random.IntN(400) {
			name, seq := fmt.Sprintf("r/x%d", random.IntN(4000)), 1+random.Uint64N(9)
			if random.IntN(10) == 0 {
				reset(t, m, name, mark(seq))
				model[name] = mark(seq)
			} else {
				raise(t, m, name, seq)
				if seq > model[name].Seq {
					model[name] = mark(seq)
				}
			}
		}
		m.Flush()
		if round%5 == 4 {
			for name, mark := range model {
				want(t, m, name, mark)
			}
			m.Flush()
		}
	}
	m := open(t, dir)
	for i := range 4000 {
		name := fmt.Sprintf("r/x%d", i)
		want(t, m, name, model[name])
	}
	first, second := files(t, dir)
	if len(first) < 1000*151 || len(second) > 513*151 {
		t.Errorf("the files have %d and %d bytes", len(first), len(second))
	}
}

// files returns the content of both files.
func files(t testing.TB, dir string) (first, second []byte) {
	t.Helper()
	second, err := os.ReadFile(paths(t, dir)[1])
	if err != nil {
		t.Fatal(err)
	}
	first, err = os.ReadFile(paths(t, dir)[0])
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return first, second
}

func paths(t testing.TB, dir string) [2]string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.new"))
	if err != nil || len(list) != 1 {
		t.Fatalf("files %v, %v", list, err)
	}
	return [2]string{strings.TrimSuffix(list[0], ".new"), list[0]}
}

// TestDamagedMarks: what cannot be read or makes no sense is an error, never no mark.
func TestDamagedMarks(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	raise(t, m, "main", 5)
	m.Flush()
	_, good := files(t, dir)
	flip := func(i int) []byte {
		b := bytes.Clone(good)
		b[i] ^= 0x80
		return b
	}
	tests := map[string][]byte{
		"empty": {}, "a header alone, cut": good[:5], "a line cut": good[:len(good)-1], "a byte too many": append(bytes.Clone(good), 'x'),
		"another header": flip(0), "a key that is none": flip(12 + 63), "a space that is none": flip(76), "a number that is none": flip(80),
		"a body that is none": flip(120), "no line end": flip(len(good) - 1),
		"upper case": bytes.ToUpper(good), "CRLF": bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
		"a sign": bytes.Replace(good, []byte(" 00"), []byte(" +0"), 1),
	}
	for claim, content := range tests {
		t.Run(claim, func(t *testing.T) {
			if err := os.Remove(paths(t, dir)[1]); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, objects.Sum([]byte(store+"\x00default")).String()+".new"), content, 0o644); err != nil {
				t.Fatal(err)
			}
			var told error
			m := marks.New(dir, store, "default", func(err error) { told = err })
			if got, err := m.Mark(nameOf(t, "main")); err == nil || got != (refs.Mark{}) {
				t.Errorf("Mark = %v, %v", got, err)
			}
			if err := m.Raise(nameOf(t, "main"), mark(9)); err == nil {
				t.Error("Raise says nothing")
			}
			if err := m.Reset(nameOf(t, "main"), mark(9)); err != nil {
				t.Error(err)
			}
			m.Flush()
			if told == nil || !strings.Contains(told.Error(), "damaged") {
				t.Errorf("the warning is %v", told)
			}
			if _, now := files(t, dir); !bytes.Equal(now, content) {
				t.Error("a damaged file was replaced")
			}
		})
	}
}

// TestDisorder: a line out of order is noticed when the files are merged.
func TestDisorder(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	raise(t, m, "main", 5)
	raise(t, m, "other", 5)
	m.Flush()
	_, good := files(t, dir)
	lines := bytes.SplitAfter(good, []byte("\n"))
	bad := bytes.Join([][]byte{lines[0], lines[2], lines[1]}, nil)
	file := paths(t, dir)[1]
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bad, 0o644); err != nil {
		t.Fatal(err)
	}
	var told error
	m = marks.New(dir, store, "default", func(err error) { told = err })
	if err := m.Reset(nameOf(t, "third"), mark(1)); err != nil {
		t.Fatal(err)
	}
	m.Flush()
	if told == nil {
		t.Error("the disorder was not noticed")
	}
}

// TestUnwritableMarks: it is told once, and what was seen counts until the next flush.
func TestUnwritableMarks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	warnings := 0
	m := marks.New(filepath.Join(file, "below"), store, "default", func(error) { warnings++ })
	for range 3 {
		if err := m.Reset(nameOf(t, "main"), mark(1)); err != nil {
			t.Fatal(err)
		}
		want(t, m, "main", mark(1))
		m.Flush()
	}
	if warnings != 1 {
		t.Errorf("%d warnings", warnings)
	}
}

// TestMarksOfManyAtOnce: nobody's marks are lost, and none goes down.
func TestMarksOfManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	const writers, rounds = 4, 8
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for r := range rounds {
				m := open(t, dir)
				for i := range 100 {
					raise(t, m, fmt.Sprintf("own/w%dx%d", w, r*100+i), 7)
				}
				raise(t, m, "all", uint64(1+r*writers+w))
				m.Flush()
			}
		})
	}
	wg.Wait()
	m := open(t, dir)
	for w := range writers {
		for i := range rounds * 100 {
			want(t, m, fmt.Sprintf("own/w%dx%d", w, i), mark(7))
		}
	}
	want(t, m, "all", mark(rounds*writers))
}

// TestPendingIsBounded: more changes than memory is for are written on the way.
func TestPendingIsBounded(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	for i := range 1<<14 + 10 {
		raise(t, m, fmt.Sprintf("r/x%d", i), 2)
	}
	first, _ := files(t, dir)
	if len(first) != 12+151<<14 {
		t.Errorf("the first file has %d bytes", len(first))
	}
	want(t, m, "r/x16390", mark(2))
	m.Flush()
	want(t, m, "r/x1", mark(2))
	want(t, m, "r/x16390", mark(2))
}

func FuzzMarks(f *testing.F) {
	good := "fsk-marks 1\n" + strings.Repeat("0", 64) + " 00000000000000000001 " + strings.Repeat("1", 64) + "\n"
	f.Add([]byte(good))
	f.Add([]byte(good + good[12:]))
	f.Add([]byte("fsk-marks 1\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, objects.Sum([]byte(store+"\x00default")).String()), content, 0o644); err != nil {
			t.Fatal(err)
		}
		m := marks.New(dir, store, "default", func(error) {})
		if _, err := m.Mark(nameOf(t, "main")); err == nil && (len(content)-12)%151 != 0 {
			t.Errorf("taken for marks: %q", content)
		}
		for i := range 600 { // enough to have the files merged
			m.Reset(nameOf(t, fmt.Sprintf("r/x%d", i)), mark(3))
		}
		m.Flush()
	})
}

// BenchmarkRaise is one update of a ref, with few and with many marks there.
func BenchmarkRaise(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			m := open(b, dir)
			for i := range n {
				raise(b, m, fmt.Sprintf("r/x%d", i), 1)
			}
			m.Flush()
			seq := uint64(1)
			for b.Loop() {
				seq++
				m := open(b, dir)
				raise(b, m, fmt.Sprintf("r/x%d", seq%uint64(n)), seq)
				m.Flush()
			}
		})
	}
}
