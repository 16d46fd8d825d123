//go:build unix

package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// attackers change an object's file in a loop, in every way there is (A16, A17). They
// leave it in any state.
func attackers(good, forged []byte) map[string]func(file string, random *rand.Rand) {
	overwrite := func(file string, at int, b []byte) {
		if f, err := os.OpenFile(file, os.O_WRONLY, 0); err == nil {
			f.WriteAt(b, int64(at))
			f.Close()
		}
	}
	replace := func(file string, b []byte) {
		other := file + ".new"
		os.WriteFile(other, b, 0o644)
		os.Rename(other, file)
	}
	return map[string]func(file string, random *rand.Rand){
		"writes into it": func(file string, random *rand.Rand) {
			at := random.IntN(len(good) - 100)
			overwrite(file, at, forged[at:at+100])
			overwrite(file, at, good[at:at+100])
		},
		"overwrites all of it": func(file string, _ *rand.Rand) {
			overwrite(file, 0, forged)
			overwrite(file, 0, good)
		},
		"cuts it": func(file string, random *rand.Rand) {
			at := random.IntN(len(good))
			os.Truncate(file, int64(at))
			overwrite(file, at, good[at:])
		},
		"appends to it": func(file string, _ *rand.Rand) {
			overwrite(file, len(good), forged[:64])
			os.Truncate(file, int64(len(good)))
		},
		"renames another over it": func(file string, _ *rand.Rand) {
			replace(file, forged)
			replace(file, good)
		},
		"makes it a link": func(file string, _ *rand.Rand) {
			os.WriteFile(file+".forged", forged, 0o644)
			os.Symlink(filepath.Base(file)+".forged", file+".link")
			os.Rename(file+".link", file)
			replace(file, good)
		},
		"removes it": func(file string, _ *rand.Rand) {
			os.Remove(file)
			replace(file, good)
		},
	}
}

// allowed are the reasons for which a reader may refuse while the file changes.
var allowed = []objects.Reason{objects.Corrupt, objects.ChangedDuringRead, objects.NotRegular, objects.Missing, objects.Unsealed,
	objects.BadSeal, objects.MalformedTrailer, objects.WrongName}

func refusal(err error) bool {
	var e *objects.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, reason := range allowed {
		if e.Reason == reason {
			return true
		}
	}
	return false
}

// TestFileThatChangesWhileItIsRead: whatever is released is genuine, in thousands of
// reads.
func TestFileThatChangesWhileItIsRead(t *testing.T) {
	for home, plant := range homes {
		t.Run(home, func(t *testing.T) { filesThatChange(t, home, plant) })
	}
}

func filesThatChange(t *testing.T, home string, plant func(testing.TB, billy.Filesystem, objects.Digest, []byte) string) {
	for _, size := range []int{200, 40_000, chunkSize + 1000} {
		payload := bytes.Repeat([]byte("G"), size)
		forgedPayload := bytes.Repeat([]byte("F"), size)
		// The forged file is sealed, too: only its name is not its own.
		good, forged := sealed(key1, payload), sealed(key1, forgedPayload)
		d := digestOf(payload)
		if !fits(home, good) {
			continue
		}
		inGood, inForged := good, forged // all of the file
		if home == "packed" {
			other := sealedRecord("the other object of the pack")
			inGood, _ = packBytes(other, record{d, good})
			inForged, _ = packBytes(other, record{d, forged})
		}
		for name, attack := range attackers(inGood, inForged) {
			t.Run(fmt.Sprintf("%d/%s", size, name), func(t *testing.T) {
				t.Parallel()
				fsys := newRoot(t)
				file := fileOf(d)
				if where := plant(t, fsys, d, good); where != objects.Loose {
					file = packFile(where)
				}
				db := open(t, fsys, ringOf(t, key1), quick)
				released, refused := 0, 0
				underAttack(t, filepath.Join(fsys.Root(), file), attack, func(stop <-chan struct{}) {
					rounds := 3000 / (1 + size/10_000)
					if raceEnabled {
						rounds /= 4
					}
					alike, buf := []objects.Digest{d, d, d}, make([]byte, size+100)
					for i := range rounds {
						got, err := db.Get(t.Context(), d)
						if err == nil {
							released++
						} else {
							refused++
						}
						checkGenuine(t, "Get", got, payload, err, true)
						if i%4 == 0 && size <= chunkSize {
							for o, err := range db.GetEach(t.Context(), alike, buf) {
								checkGenuine(t, "GetEach", o.Payload, payload, err, true)
							}
						}
						r, err := db.Open(t.Context(), d)
						if err != nil {
							checkGenuine(t, "Open", nil, payload, err, true)
							continue
						}
						got, err = io.ReadAll(r)
						checkGenuine(t, "Reader", got, payload, err, false)
						r.Close()
						if info, err := db.Check(t.Context(), d); err != nil || info.Reason == objects.IOError {
							t.Errorf("Check = %+v, %v", info, err)
						}
					}
				})
				t.Logf("%d released, %d refused", released, refused)
			})
		}
	}
}

// underAttack runs the reader while the attack goes on.
func underAttack(t *testing.T, file string, attack func(string, *rand.Rand), reader func(stop <-chan struct{})) {
	t.Helper()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for {
			select {
			case <-stop:
				return
			default:
				attack(file, random)
			}
		}
	})
	reader(stop)
	close(stop)
	wg.Wait()
}

// checkGenuine wants a prefix of the payload and a refusal, or all of it and none.
func checkGenuine(t *testing.T, what string, got, payload []byte, err error, whole bool) {
	t.Helper()
	switch {
	case !bytes.HasPrefix(payload, got):
		t.Errorf("%s releases forged bytes", what)
	case err == nil && len(got) != len(payload):
		t.Errorf("%s releases %d bytes of %d without an error", what, len(got), len(payload))
	case err != nil && whole && len(got) > 0:
		t.Errorf("%s releases %d bytes beside the error", what, len(got))
	case err != nil && !refusal(err):
		t.Errorf("%s: %v, want a refusal", what, err)
	}
}

// TestBigFileThatChangesBetweenThePasses: over 64 MiB the bytes are read twice, and
// the second time they are checked chunk by chunk (A16).
func TestBigFileThatChangesBetweenThePasses(t *testing.T) {
	fsys := bigCopy(t)
	file := filepath.Join(fsys.Root(), fileOf(big.digest))
	db := open(t, fsys, ringOf(t, key1), nil)
	good := sealed(key1, big.payload)
	write := func(at int64, b ...byte) {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	const at = 30*chunkSize + 777
	tests := []struct {
		name    string
		change  func()
		genuine int64 // that many bytes must come before the error
	}{
		{"one bit in the middle", func() { write(at, good[at]^1) }, 30 * chunkSize},
		{"the first byte", func() { write(0, good[0]^1) }, 0},
		{"the last byte of the payload", func() { end := int64(len(big.payload)) - 1; write(end, good[end]^1) }, int64(len(big.payload)) / chunkSize * chunkSize},
		{"cut", func() { os.Truncate(file, at) }, 30 * chunkSize},
		{"cut to nothing", func() { os.Truncate(file, 0) }, 0},
	}
	if raceEnabled {
		tests = tests[:1]
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for kind, read := range map[string]func(r *objects.Reader) ([]byte, error){
				"WriteTo": func(r *objects.Reader) ([]byte, error) {
					var out bytes.Buffer
					n, err := r.WriteTo(&out)
					if n != int64(out.Len()) {
						t.Errorf("WriteTo = %d, wrote %d", n, out.Len())
					}
					return out.Bytes(), err
				},
				"Read": func(r *objects.Reader) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{r}) },
			} {
				if raceEnabled && kind == "Read" {
					continue
				}
				os.WriteFile(file, good, 0o644)
				r, err := db.Open(t.Context(), big.digest)
				if err != nil {
					t.Fatal(err)
				}
				test.change()
				got, err := read(r)
				r.Close()
				wantMiss(t, kind, err, big.digest, objects.ChangedDuringRead)
				if int64(len(got)) != test.genuine || !bytes.HasPrefix(big.payload, got) {
					t.Errorf("%s releases %d bytes, genuine: %t, want %d", kind, len(got), bytes.HasPrefix(big.payload, got), test.genuine)
				}
			}
		})
	}
	t.Run("the trailer alone is of no interest any more, or refused", func(t *testing.T) {
		os.WriteFile(file, good, 0o644)
		r, err := db.Open(t.Context(), big.digest)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		write(int64(len(good))-1, 'x')
		got, err := io.ReadAll(r)
		checkGenuine(t, "Reader", got, big.payload, err, false)
	})
	t.Run("renamed over and removed: the open file stays", func(t *testing.T) {
		os.WriteFile(file, good, 0o644)
		r, err := db.Open(t.Context(), big.digest)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		os.WriteFile(file+".new", []byte("forged"), 0o644)
		os.Rename(file+".new", file)
		os.Remove(file)
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, big.payload) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
	t.Run("a hook sees it, too", func(t *testing.T) {
		os.WriteFile(file, good, 0o644)
		h := hookFunc(func(_ context.Context, info objects.Info, payload io.ReaderAt) error {
			write(at, good[at]^1)
			got, err := io.ReadAll(io.NewSectionReader(payload, 0, info.Size))
			if !bytes.HasPrefix(big.payload, got) {
				t.Error("the hook is given forged bytes")
			}
			return err
		})
		_, err := open(t, fsys, ringOf(t, key1), &objects.Options{PreRead: h}).Open(t.Context(), big.digest)
		wantMiss(t, "Open", err, big.digest, objects.Denied)
		if !strings.Contains(err.Error(), "changed") {
			t.Errorf("error %v does not tell why", err)
		}
	})
}

// TestBigFileUnderAttack changes the file during both passes.
func TestBigFileUnderAttack(t *testing.T) {
	fsys := bigCopy(t)
	db := open(t, fsys, ringOf(t, key1), nil)
	good := sealed(key1, big.payload)
	flip := func(file string, random *rand.Rand) {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			return
		}
		defer f.Close()
		at := random.Int64N(int64(len(good)))
		f.WriteAt([]byte{good[at] ^ 0xff}, at)
		time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
		f.WriteAt(good[at:at+1], at)
		time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
	}
	underAttack(t, filepath.Join(fsys.Root(), fileOf(big.digest)), flip, func(<-chan struct{}) {
		rounds := 8
		if raceEnabled {
			rounds = 2
		}
		for range rounds {
			r, err := db.Open(t.Context(), big.digest)
			if err != nil {
				checkGenuine(t, "Open", nil, big.payload, err, true)
				continue
			}
			var out bytes.Buffer
			_, err = r.WriteTo(&out)
			checkGenuine(t, "WriteTo", out.Bytes(), big.payload, err, false)
			r.Close()
		}
	})
}
