package refs_test

import (
	"fmt"
	"testing"

	"fsk/refs"
)

// benchRefs are how many refs the benchmarks list.
const benchRefs = 10_000

func benchWorld(b *testing.B) *world {
	w := open(b, newRoot(b), ringOf(b, key1), refs.Options{})
	w.put("x")
	for i := range benchRefs {
		name := fmt.Sprintf("r/x%06d", i)
		write(b, w.fs, "refs/"+name, record{name: name, digest: digestOf("x").String(), key: key1}.bytes())
	}
	return w
}

func BenchmarkGet(b *testing.B) {
	w := benchWorld(b)
	name := nameOf(b, "r/x004321")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Get(background, name); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAll(b *testing.B) {
	w := benchWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range w.All(background, "r/") {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != benchRefs {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchRefs), "ns/ref")
}

// BenchmarkUpdate is without syncs: with and without history.
func BenchmarkUpdate(b *testing.B) {
	for _, none := range []bool{false, true} {
		b.Run(fmt.Sprintf("history=%t", !none), func(b *testing.B) {
			w := open(b, newRoot(b), ringOf(b, key1), refs.Options{NoHistory: none})
			d := w.put("x")
			name := nameOf(b, "main")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Update(background, name, refs.Change{Digest: d, Unchecked: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
