package objects_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
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

func TestDigestsArePublishedBLAKE3(t *testing.T) {
	for name, v := range vectors(t, "blake3") {
		t.Run(name, func(t *testing.T) {
			n, err := strconv.Atoi(v["length"])
			if err != nil {
				t.Fatal(err)
			}
			input := make([]byte, n)
			for i := range input {
				input[i] = byte(i % 251)
			}
			if got := objects.Sum(input).String(); got != v["digest"] {
				t.Errorf("Sum = %s, want %s", got, v["digest"])
			}
		})
	}
}

// TestFilesArePublishedTrailers: what Put writes is the payload and what openssl or
// the RFC gives for it.
func TestFilesArePublishedTrailers(t *testing.T) {
	for _, folder := range []string{"hmac", "openssl"} {
		for name, v := range vectors(t, folder) {
			t.Run(folder+"/"+name, func(t *testing.T) {
				fsys := newMemory(t)
				db := open(t, fsys, ringOf(t, unhex(t, v["key"])), nil)
				payload := unhex(t, v["payload"])
				info, err := db.Put(t.Context(), payload)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := string(read(t, fsys, fileOf(info.Digest))), string(payload)+v["trailer"]; got != want {
					t.Errorf("the file has %q, want %q", got, want)
				}
			})
		}
	}
}

func TestVerdictVectors(t *testing.T) {
	seen := make(map[string]bool)
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		for name, v := range vectors(t, "verdict") {
			for home, plant := range homes {
				t.Run(home+"/"+name, func(t *testing.T) {
					ring := seal.Off
					if v["ring"] != "off" {
						r, err := seal.ParseKeys(v["ring"])
						if err != nil {
							t.Fatal(err)
						}
						ring = r
					}
					d, err := objects.ParseDigest(v["digest"])
					if err != nil {
						t.Fatal(err)
					}
					db := open(t, fsys, ring, nil)
					where := plant(t, fsys, d, unhex(t, v["stored"]))
					reason := objects.Reason(v["reason"])
					seen[v["reason"]] = true
					text, good := v["payload"]
					if good != reason.Good() {
						t.Fatalf("the vector has a payload: %t", good)
					}
					if !good {
						wantAll(t, db, d, reason)
						return
					}
					payload := unhex(t, text)
					wantPayload(t, db, payload)
					for what, check := range map[string]func() (objects.Info, error){
						"Stat":  func() (objects.Info, error) { return db.Stat(t.Context(), d) },
						"Check": func() (objects.Info, error) { return db.Check(t.Context(), d) },
					} {
						info, err := check()
						key := ""
						if !info.Key.IsZero() {
							key = info.Key.String()
						}
						if err != nil || info.Digest != d || info.Size != int64(len(payload)) || info.Reason != reason ||
							key != v["key"] || info.Retired != (v["retired"] == "yes") || info.Where != where {
							t.Errorf("%s = %+v, %v, want %v", what, info, err, v)
						}
					}
				})
			}
		}
	})
	for _, reason := range []string{"ok", "ok-plain", "ok-unverified", "unsealed", "malformed-trailer", "bad-seal", "wrong-name", "corrupt"} {
		if !seen[reason] {
			t.Errorf("no vector for %s", reason)
		}
	}
}
