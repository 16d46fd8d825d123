package gocache_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fsk/cmd/fsk/gocache"
)

// Whatever is sent, the server ends without a panic and leaves no file behind.
func FuzzServe(f *testing.F) {
	const id32 = `"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="`
	for _, seed := range []string{
		"", "\n\n", "{}\n", `{"ID":1,"Command":"close"}` + "\n",
		`{"ID":1,"Command":"get","ActionID":` + id32 + `}` + "\n",
		`{"ID":1,"Command":"put","ActionID":` + id32 + `,"OutputID":` + id32 + `}` + "\n\n" + `{"ID":2,"Command":"close"}` + "\n",
		`{"ID":1,"Command":"put","ActionID":` + id32 + `,"OutputID":` + id32 + `,"BodySize":3}` + "\n\n" + `"Zm9v"` + "\n",
		`{"ID":1,"Command":"put","ActionID":` + id32 + `,"OutputID":` + id32 + `,"BodySize":4}` + "\n" + `"Zm9vYQ=="`,
		`{"ID":1,"Command":"put","BodySize":1125899906842624}` + "\n" + `"Zm9v`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		server, err := gocache.NewServer(gocache.Options{
			Places: []gocache.Place{{Dir: dir}},
			Open:   func() (*gocache.Store, error) { return nil, errors.New("none") },
		})
		if err != nil {
			t.Fatal(err)
		}
		server.Serve(t.Context(), strings.NewReader(text), io.Discard)
		server.Close()
		if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		if _, err := os.Stat(dir); err != nil {
			t.Error(err)
		}
	})
}
