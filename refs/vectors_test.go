package refs_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fsk/objects"
	"fsk/refs"
)

// TestVectors reads the records that other programs have made.
func TestVectors(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "vectors", "ref", "*.txt"))
	if err != nil || len(files) < 3 {
		t.Fatalf("vectors: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			v := vector(t, file)
			raw := unhex(t, v["record"])
			r, err := refs.Parse(raw)
			if err != nil || !bytes.Equal(r.Marshal(), raw) || objects.Sum(r.Body()).String() != v["body"] {
				t.Fatalf("Parse = %+v, %v", r, err)
			}
			w := open(t, newMemory(t), ringOf(t, unhex(t, v["key"])), refs.Options{Namespace: r.Namespace})
			write(t, w.fs, "refs/"+r.Name.String(), raw)
			if r.Deleted() {
				w.wantMiss(r.Name.String(), objects.Missing)
				return
			}
			ref, err := w.Get(t.Context(), r.Name)
			if err != nil || ref.BodyDigest.String() != v["body"] || ref.Key != r.KeyHint {
				t.Errorf("Get = %+v, %v", ref, err)
			}
		})
	}
}

func vector(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); ok && !strings.HasPrefix(line, "#") {
			v[name] = value
		}
	}
	return v
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
