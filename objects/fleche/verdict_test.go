package fleche_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fsk/objects"
	"fsk/objects/fleche"
	"fsk/objects/objectstest"
	"fsk/seal"
)

// A vector is a case of testdata/vectors/fleche.
type vector struct {
	fields map[string]string
	ring   *seal.Ring
	stored []byte
}

func vectors(t testing.TB) map[string]vector {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "vectors", "fleche", "*.txt"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d vectors: %v", len(files), err)
	}
	cases := make(map[string]vector)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := vector{fields: make(map[string]string), ring: seal.Off}
		for line := range strings.Lines(string(content)) {
			if field, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":"); ok && line[0] != '#' {
				v.fields[field] = strings.TrimPrefix(value, " ")
			}
		}
		if v.fields["ring"] != "off" {
			if v.ring, err = seal.ParseKeys(v.fields["ring"]); err != nil {
				t.Fatal(err)
			}
		}
		if v.stored, err = hex.DecodeString(v.fields["stored"]); err != nil {
			t.Fatal(err)
		}
		cases[strings.TrimSuffix(filepath.Base(file), ".txt")] = v
	}
	return cases
}

func TestVectors(t *testing.T) {
	for title, v := range vectors(t) {
		t.Run(title, func(t *testing.T) {
			fsys := objectstest.NewMemory()
			n := name(title)
			put(t, fsys, n.String(), v.stored)
			c := open(t, fsys, v.ring, nil)
			info := verdict(t, c, n)
			if got, want := string(info.Reason), v.fields["reason"]; got != want {
				t.Errorf("reason %s, want %s", got, want)
			}
			if want := v.fields["key"]; want != "" && info.Key.String() != want || want == "" && !info.Key.IsZero() {
				t.Errorf("key %s, want %s", info.Key, want)
			}
			if want := v.fields["retired"] == "yes"; info.Retired != want {
				t.Errorf("retired %t, want %t", info.Retired, want)
			}
			if want := bytes.HasPrefix(v.stored, []byte{0x1f, 0x8b}); info.Compressed != want {
				t.Errorf("compressed %t, want %t", info.Compressed, want)
			}
			pickle, err := c.Get(t.Context(), n)
			want, good := v.fields["pickle"]
			if hex.EncodeToString(pickle) != want {
				t.Errorf("pickle %x, want %s", pickle, want)
			}
			if !good {
				var e *objects.Error
				if !errors.As(err, &e) || e.Reason != info.Reason || e.Path != n.String() || !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("error %#v", err)
				}
				return
			}
			if err != nil || info.Size != int64(len(pickle)) {
				t.Errorf("size %d of %d, %v", info.Size, len(pickle), err)
			}
		})
	}
}

// TestPiecesMakeNoDifference gives the same verdict on a value in memory and in a stream.
func TestPiecesMakeNoDifference(t *testing.T) {
	const chunk = 1 << 20
	for i, size := range []int{chunk - 65, chunk - 64, chunk - 63, chunk - 1, chunk, chunk + 1, 2*chunk - 64, 2*chunk - 63, 2 * chunk, 3*chunk + 7} {
		if raceEnabled && i%3 != 0 {
			continue
		}
		p := pickle(size)
		for title, content := range map[string]struct {
			stored []byte
			reason objects.Reason
		}{
			"ok":        {sealed(key1, p), objects.OK},
			"unsealed":  {[]byte(p), objects.Unsealed},
			"bad":       {sealed(foreignKey, p), objects.BadSeal},
			"cut":       {sealed(key1, p)[:size+1], objects.MalformedTrailer},
			"line end":  {append(sealed(key1, p), '\n'), objects.Corrupt},
			"no pickle": {sealed(key1, p[:size-1]+"x"), objects.Corrupt},
		} {
			fsys := objectstest.NewMemory()
			c := open(t, fsys, ringOf(t, key2, key1), nil)
			for _, stored := range [][]byte{content.stored, compressed(t, content.stored)} {
				n := name(title)
				put(t, fsys, n.String(), stored)
				info := verdict(t, c, n)
				if info.Reason != content.reason {
					t.Errorf("%s of %d: %s, want %s", title, size, info.Reason, content.reason)
				}
				if info.Reason != objects.OK {
					continue
				}
				got, err := c.Get(t.Context(), n)
				if err != nil || string(got) != p || info.Size != int64(size) || !info.Retired {
					t.Errorf("%s of %d: %d bytes, %+v, %v", title, size, len(got), info, err)
				}
			}
		}
	}
}

// TestEveryTruncationAndFlippedBit: a changed file is refused, or, where the change is in
// what gzip does not care about, gives the very same pickle.
func TestEveryTruncationAndFlippedBit(t *testing.T) {
	const p = "\x80\x04\x95 a small pickle."
	fsys := objectstest.NewMemory()
	c := open(t, fsys, ringOf(t, key1), nil)
	n := name("x")
	for _, original := range [][]byte{sealed(key1, p), compressed(t, sealed(key1, p))} {
		isGzip := original[0] == 0x1f
		try := func(what string, at int, stored []byte) {
			put(t, fsys, n.String(), stored)
			got, err := c.Get(t.Context(), n)
			if err == nil && (!isGzip || string(got) != p) {
				t.Errorf("gzip %t, %s at %d: %q is released", isGzip, what, at, got)
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("gzip %t, %s at %d: %v is no miss", isGzip, what, at, err)
			}
		}
		for i := range original {
			try("truncated", i, original[:i])
			for bit := range 8 {
				b := bytes.Clone(original)
				b[i] ^= 1 << bit
				try("flipped", i*8+bit, b)
			}
		}
	}
}

func TestMembersAreBounded(t *testing.T) {
	fsys := objectstest.NewMemory()
	c := open(t, fsys, ringOf(t, key1), nil)
	n := name("x")
	stored := compressed(t, sealed(key1, "pickle."))
	empty := compressed(t, nil)
	put(t, fsys, n.String(), append(bytes.Repeat(empty, 1023), stored...))
	if info := verdict(t, c, n); info.Reason != objects.OK {
		t.Errorf("1024 members: %s", info.Reason)
	}
	put(t, fsys, n.String(), append(bytes.Repeat(empty, 1024), stored...))
	if info := verdict(t, c, n); info.Reason != objects.Corrupt {
		t.Errorf("1025 members: %s", info.Reason)
	}
}

func FuzzJudge(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.stored)
	}
	const genuine = "\x80\x04\x95 a genuine pickle."
	f.Add(sealed(key1, genuine))
	f.Add(compressed(f, sealed(key2, genuine)))
	keys, err := seal.NewRing(key1, key2)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		fsys := objectstest.NewMemory()
		n := name("x")
		put(t, fsys, n.String(), stored)
		c := open(t, fsys, keys, &fleche.Options{MaxInflatedSize: 1 << 20})
		info := verdict(t, c, n)
		r, err := c.Open(t.Context(), n)
		if (err == nil) != info.Reason.Good() {
			t.Fatalf("%s, but Open says %v", info.Reason, err)
		}
		if err != nil {
			return
		}
		defer r.Close()
		got, err := io.ReadAll(r)
		if err != nil || string(got) != genuine {
			t.Errorf("nobody sealed %q: %v", got, err)
		}
	})
}
