package hooks_test

import (
	"context"
	"strings"
	"testing"

	"fsk/hooks"
	"fsk/objects"
)

// million is a deny list of a million digests.
func million() *hooks.Deny {
	list := make([]objects.Digest, 1_000_000)
	for i := range list {
		list[i] = objects.Digest{byte(i), byte(i >> 8), byte(i >> 16), 1}
	}
	return hooks.NewDeny(list...)
}

func BenchmarkDeny(b *testing.B) {
	deny, info := million(), objects.Info{Digest: objects.Sum(nil)}
	b.ReportAllocs()
	for b.Loop() {
		if deny.PreRead(context.Background(), info, nil) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkReadDeny(b *testing.B) {
	var text strings.Builder
	for _, d := range million().Digests() {
		text.WriteString(d.String() + "\n")
	}
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := hooks.ReadDeny(strings.NewReader(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead reads an object of 4 KiB from memory with all built-in policies and
// without: what a disk adds is the same for both.
func BenchmarkRead(b *testing.B) {
	fsys, ring := newStore(b), ringOf(b, "k")
	for name, policy := range map[string]objects.PreReader{
		"no policy":   nil,
		"all of them": hooks.Chain{hooks.RequireSeal{}, hooks.FirstKey{}, hooks.Keys{ring.ID(0)}, hooks.MaxSize(1 << 20), million()},
	} {
		b.Run(name, func(b *testing.B) {
			db, err := objects.Open(fsys, ring, &objects.Options{PreRead: policy})
			if err != nil {
				b.Fatal(err)
			}
			put, err := db.Put(b.Context(), make([]byte, 4096))
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 4096)
			for b.Loop() {
				if _, err := db.GetInto(b.Context(), put.Digest, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
