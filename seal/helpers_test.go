package seal_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fsk/seal"
)

// vectors returns the cases of a folder of testdata/vectors, by file name.
func vectors(t *testing.T, folder string) map[string]map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "vectors", folder, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", folder, err)
	}
	cases := make(map[string]map[string]string)
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fields := make(map[string]string)
		for line := range strings.Lines(string(content)) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "#") {
				continue
			}
			name, value, ok := strings.Cut(line, ":")
			if _, twice := fields[name]; !ok || twice {
				t.Fatalf("%s: bad line %q", file, line)
			}
			fields[name] = strings.TrimPrefix(value, " ")
		}
		cases[strings.TrimSuffix(filepath.Base(file), ".txt")] = fields
	}
	return cases
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ringOf(t testing.TB, keys ...[]byte) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// keyN returns the nth of many different keys of 32 bytes.
func keyN(n byte) []byte {
	key := make([]byte, 32)
	for i := range key {
		key[i] = n ^ byte(7*i)
	}
	key[0] = n
	return key
}

// hmacHex is the trailer, made without the code under test.
func hmacHex(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return hex.AppendEncode(nil, mac.Sum(nil))
}

// randomBytes is the same for the same arguments.
func randomBytes(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}
