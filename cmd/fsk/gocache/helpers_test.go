package gocache_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fsk/cmd/fsk/gocache"
	"fsk/objects"
	"fsk/objects/rootfs"
	"fsk/seal"
)

// A world is a store in a directory.
type world struct {
	t    testing.TB
	dir  string // of the store
	tmp  string // where directories for plain files are made
	fs   *rootfs.FS
	ring *seal.Ring
}

func newWorld(t testing.TB) *world {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: filepath.Join(root, "store"), tmp: filepath.Join(root, "tmp"), ring: newRing(t, 1)}
	if err := os.Mkdir(w.tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	if w.fs, err = rootfs.Create(w.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.fs.Close() })
	if err := objects.Init(w.fs); err != nil {
		t.Fatal(err)
	}
	return w
}

// newRing returns a ring of keys that are made of these numbers.
func newRing(t testing.TB, numbers ...byte) *seal.Ring {
	t.Helper()
	var keys [][]byte
	for _, n := range numbers {
		keys = append(keys, []byte(strings.Repeat(string(rune('a'+n)), 32)))
	}
	ring, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func (w *world) options() gocache.Options {
	return gocache.Options{Places: []gocache.Place{{Dir: w.tmp}}, Open: func() (*gocache.Store, error) {
		return gocache.OpenStore(w.fs, w.ring, nil)
	}}
}

// A client is what the go command is to the server.
type client struct {
	t      testing.TB
	in     io.WriteCloser
	out    *bufio.Scanner
	server *gocache.Server
	nextID int64
	first  map[string]any
	ended  chan struct{}
	stats  gocache.Stats
	err    error

	mu       sync.Mutex
	warnings []string
}

func (w *world) start(change ...func(*gocache.Options)) *client {
	w.t.Helper()
	return w.startWith(w.t.Context(), change...)
}

func (w *world) startWith(ctx context.Context, change ...func(*gocache.Options)) *client {
	w.t.Helper()
	c := &client{t: w.t, ended: make(chan struct{})}
	o := w.options()
	o.Warn = func(text string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.warnings = append(c.warnings, text)
	}
	for _, f := range change {
		f(&o)
	}
	var err error
	if c.server, err = gocache.NewServer(o); err != nil {
		w.t.Fatal(err)
	}
	requests, in := io.Pipe()
	out, responses := io.Pipe()
	c.in, c.out = in, bufio.NewScanner(out)
	go func() {
		defer close(c.ended)
		c.stats, c.err = c.server.Serve(ctx, requests, responses)
		responses.Close()
		c.server.Close()
	}()
	w.t.Cleanup(func() {
		in.Close()
		go io.Copy(io.Discard, out)
		<-c.ended
	})
	c.first = c.answer()
	return c
}

// ask sends a request and returns its answer.
func (c *client) ask(command, action string, body *string) map[string]any {
	c.t.Helper()
	c.send(command, action, body)
	return c.answer()
}

func (c *client) send(command, action string, body *string) {
	c.t.Helper()
	c.nextID++
	req := map[string]any{"ID": c.nextID, "Command": command}
	if action != "" {
		req["ActionID"] = idOf(action)
	}
	text := ""
	if body != nil {
		req["OutputID"] = idOf(*body)
		if *body != "" {
			req["BodySize"] = len(*body)
			text = `"` + base64.StdEncoding.EncodeToString([]byte(*body)) + "\"\n"
		}
	}
	line, err := json.Marshal(req)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(c.in, "%s\n\n%s", line, text); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) answer() map[string]any {
	c.t.Helper()
	if !c.out.Scan() {
		c.t.Fatalf("no answer: %v", c.out.Err())
	}
	var answer map[string]any
	if err := json.Unmarshal(c.out.Bytes(), &answer); err != nil {
		c.t.Fatalf("%q: %v", c.out.Bytes(), err)
	}
	return answer
}

// put wants a put to be answered with a file that holds the body.
func (c *client) put(action, body string) {
	c.t.Helper()
	c.wantFile(c.ask("put", action, &body), body)
}

// hit wants a get to be answered with a file that holds the body.
func (c *client) hit(action, body string) {
	c.t.Helper()
	answer := c.ask("get", action, nil)
	output := idOf(body)
	if want := base64.StdEncoding.EncodeToString(output); answer["OutputID"] != want {
		c.t.Errorf("get %s: output %v, want %s; warnings %q", action, answer["OutputID"], want, c.told())
	}
	if answer["Time"] == nil {
		c.t.Errorf("get %s: no time, by which the go command knows old test results", action)
	}
	c.wantFile(answer, body)
}

func (c *client) wantFile(answer map[string]any, body string) {
	c.t.Helper()
	path, _ := answer["DiskPath"].(string)
	size, _ := answer["Size"].(float64)
	got, err := os.ReadFile(path)
	if err != nil || string(got) != body || int(size) != len(body) || !filepath.IsAbs(path) || filepath.Ext(path) != "" {
		c.t.Errorf("answer %v: file of %d bytes, error %v, want %d bytes", answer, len(got), err, len(body))
	}
}

// miss wants a get to be a miss, and returns what was told.
func (c *client) miss(action string) []string {
	c.t.Helper()
	if answer := c.ask("get", action, nil); answer["Miss"] != true {
		c.t.Errorf("get %s: %v, want a miss", action, answer)
	}
	return c.told()
}

func (c *client) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.warnings...)
}

// close says that the build has ended, and waits for the server.
func (c *client) close() gocache.Stats {
	c.t.Helper()
	if answer := c.ask("close", "", nil); answer["Err"] != nil {
		c.t.Errorf("close: %v", answer)
	}
	if c.out.Scan() {
		c.t.Errorf("after the close: %q", c.out.Text())
	}
	<-c.ended
	if c.err != nil {
		c.t.Errorf("Serve: %v", c.err)
	}
	return c.stats
}

// idOf is the SHA-256 of a text, of which the ids of actions are made here, too.
func idOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// record is the path of the record of an action.
func (w *world) record(action string) string {
	text := hex.EncodeToString(idOf(action))
	return filepath.Join(w.dir, "refs", "go", text[:2], text)
}

// wantEmpty wants nothing to be left where plain files were.
func (w *world) wantEmpty() {
	w.t.Helper()
	list, err := os.ReadDir(w.tmp)
	if err != nil || len(list) > 0 {
		w.t.Errorf("left behind: %v, %v", list, err)
	}
}
