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

// Whatever a trail says, outputs are the same and nobody is told anything.
func FuzzTrail(f *testing.F) {
	w := newWorld(f)
	w.built(40)
	good, err := os.ReadFile(w.trail())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(good[:12])
	f.Add(append(good[:12:12], good[44:]...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, trail []byte) {
		w := *w
		w.t = t
		if err := os.WriteFile(w.trail(), trail, 0o600); err != nil {
			t.Fatal(err)
		}
		c, _ := w.ahead()
		c.hit(nth(3), nth(3))
		c.hit(nth(0), nth(0))
		if stats := c.close(); stats.Hits != 2 || len(c.told()) > 0 {
			t.Errorf("stats %+v, warnings %q", stats, c.told())
		}
		w.wantEmpty()
	})
}
