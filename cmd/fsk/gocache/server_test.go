package gocache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"fsk/cmd/fsk/gocache"
	"fsk/objects"
	"fsk/refs"
	"fsk/seal"
)

// payloads are outputs of all kinds: none, small ones, and one that is no longer in memory.
var payloads = map[string]string{
	"empty": "", "one byte": "x", "small": strings.Repeat("small ", 1000),
	"a chunk": strings.Repeat("c", 1<<20), "large": strings.Repeat("0123456789abcdef", 200_000) + "end",
}

func TestPutAndGet(t *testing.T) {
	for _, keys := range []string{"sealed", "plain"} {
		t.Run(keys, func(t *testing.T) {
			w := newWorld(t)
			if keys == "plain" {
				w.ring = seal.Off
			}
			c := w.start()
			if commands := fmt.Sprint(c.first["KnownCommands"]); commands != "[get put close]" {
				t.Errorf("known commands %s", commands)
			}
			for action, body := range payloads {
				c.miss(action)
				c.put(action, body)
				c.hit(action, body)          // of the same process, kept or not
				c.put(action+" again", body) // another action with this output
			}
			n := int64(len(payloads))
			if stats := c.close(); stats.Puts != 2*n || stats.Kept != 2*n || stats.Hits != n || stats.Misses != n || stats.Sealed != (keys == "sealed") {
				t.Errorf("stats %+v", stats)
			}
			w.wantEmpty()
			c = w.start()
			for action, body := range payloads {
				c.hit(action, body)
				c.hit(action+" again", body)
			}
			if stats := c.close(); stats.Hits != 2*n || stats.Kept != 0 || stats.Refused != 0 {
				t.Errorf("stats %+v", stats)
			}
			if told := c.told(); len(told) > 0 {
				t.Errorf("warnings %q", told)
			}
			w.wantEmpty()
		})
	}
}

func TestPutReplacesAnAction(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{"first", "second"} {
		c := w.start()
		c.put("action", body)
		c.hit("action", body)
		c.close()
	}
	c := w.start()
	c.hit("action", "second")
	c.close()
}

func TestReadOnly(t *testing.T) {
	w := newWorld(t)
	c := w.start()
	c.put("action", "body")
	c.close()
	c = w.start(func(o *gocache.Options) { o.ReadOnly = true })
	if commands := fmt.Sprint(c.first["KnownCommands"]); commands != "[get close]" {
		t.Errorf("known commands %s", commands)
	}
	c.hit("action", "body")
	if answer := c.ask("put", "other", nil); answer["Err"] == nil {
		t.Errorf("put: %v", answer)
	}
	c.close()
}

// The first line and puts do not wait for the store, and do without it.
func TestWithoutStore(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	c := w.start(func(o *gocache.Options) {
		o.Open = func() (*gocache.Store, error) {
			<-release
			return nil, errors.New("no such store")
		}
	}) // has the first line
	close(release)
	c.put("action", "body")
	c.hit("action", "body")
	if told := c.miss("other"); len(told) != 1 || !strings.Contains(told[0], "no such store") {
		t.Errorf("warnings %q", told)
	}
	if stats := c.close(); stats.Kept != 0 {
		t.Errorf("stats %+v", stats)
	}
	w.wantEmpty()
}

// A store that cannot be written to costs a warning.
func TestStoreFails(t *testing.T) {
	w := newWorld(t)
	if err := os.Remove(filepath.Join(w.dir, "tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "tmp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := w.start()
	c.put("action", "body")
	c.put("large", payloads["large"])
	stats := c.close()
	if told := c.told(); stats.Kept != 0 || len(told) != 1 || !strings.Contains(told[0], "not kept") {
		t.Errorf("stats %+v, warnings %q", stats, told)
	}
}

// When the go command goes without a word, what it had put is kept all the same.
func TestEndOfInput(t *testing.T) {
	w := newWorld(t)
	c := w.start()
	c.put("action", "body")
	c.in.Close()
	<-c.ended
	if c.err != nil {
		t.Error(c.err)
	}
	w.wantEmpty()
	c = w.start()
	c.hit("action", "body")
	c.close()
}

func TestContextEnds(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	c := w.startWith(ctx)
	c.put("action", "body")
	cancel()
	<-c.ended
	if !errors.Is(c.err, context.Canceled) {
		t.Errorf("error %v", c.err)
	}
	w.wantEmpty()
	c = w.start()
	c.hit("action", "body")
	c.close()
}

func TestBadRequests(t *testing.T) {
	const id32 = `"` + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" + `"`
	t.Run("answered", func(t *testing.T) {
		w := newWorld(t)
		c := w.start()
		for _, line := range []string{
			`{"ID":1,"Command":"frob"}`, `{"ID":2,"Command":"get"}`, `{"ID":3,"Command":"get","ActionID":"AAAA"}`,
			`{"ID":4,"Command":"put","ActionID":` + id32 + `,"BodySize":3}` + "\n\n" + `"Zm9v"`,
		} {
			fmt.Fprintf(c.in, "%s\n", line)
			if answer := c.answer(); answer["Err"] == nil {
				t.Errorf("%s: %v", line, answer)
			}
		}
		c.put("action", "body") // nothing is out of step
		c.close()
	})
	for name, text := range map[string]string{
		"not JSON": "frob\n", "long line": strings.Repeat(" ", 1<<20) + "\n", "cut off": `{"ID":1,`,
		"negative": `{"ID":1,"Command":"put","BodySize":-1}` + "\n",
		"huge":     `{"ID":1,"Command":"put","BodySize":9000000000000000000}` + "\n",
		"no body":  `{"ID":1,"Command":"put","BodySize":3}` + "\n{}\n",
		"short":    `{"ID":1,"Command":"put","ActionID":` + id32 + `,"OutputID":` + id32 + `,"BodySize":6}` + "\n" + `"Zm9v"` + "\n",
		"long":     `{"ID":1,"Command":"put","ActionID":` + id32 + `,"OutputID":` + id32 + `,"BodySize":3}` + "\n" + `"Zm9vZm9v"` + "\n",
		"base64":   `{"ID":1,"Command":"put","ActionID":` + id32 + `,"OutputID":` + id32 + `,"BodySize":3}` + "\n" + `"Z!9v"` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c := w.start()
			go func() {
				fmt.Fprint(c.in, text)
				c.in.Close()
			}()
			for c.out.Scan() {
			}
			<-c.ended
			if c.err == nil {
				t.Error("no error")
			}
			w.wantEmpty()
		})
	}
}

// A body that is not what its id says is not kept under that id.
func TestForeignBodyIsNotKept(t *testing.T) {
	w := newWorld(t)
	c := w.start()
	fmt.Fprintf(c.in, `{"ID":9,"Command":"put","ActionID":"%[1]s","OutputID":"%[1]s","BodySize":3}`+"\n\"Zm9v\"\n",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	c.answer()
	if stats := c.close(); stats.Kept != 0 || len(c.told()) != 1 {
		t.Errorf("stats %+v, warnings %q", stats, c.told())
	}
}

// Many go commands use one store at once, and clean up for each other.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for n := range 6 {
		c := w.start()
		wg.Go(func() {
			for i := range 30 {
				action, body := fmt.Sprint("action ", i), strings.Repeat(fmt.Sprint(i), 1+i*1000)
				if i%6 == n {
					c.put(action, body)
				}
				c.hitOrMiss(action, body)
			}
			c.close()
			if told := c.told(); len(told) > 0 {
				t.Errorf("warnings %q", told)
			}
		})
	}
	wg.Wait()
	w.wantEmpty()
	c := w.start()
	for i := range 30 {
		c.hit(fmt.Sprint("action ", i), strings.Repeat(fmt.Sprint(i), 1+i*1000))
	}
	c.close()
	w.wantClean()
}

func (c *client) hitOrMiss(action, body string) {
	if answer := c.ask("get", action, nil); answer["Miss"] != true {
		c.wantFile(answer, body)
	}
}

// wantClean wants fsck to find nothing.
func (w *world) wantClean() {
	w.t.Helper()
	db, err := objects.Open(w.fs, w.ring, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for f, err := range db.Fsck(w.t.Context(), objects.FsckOptions{}, nil) {
		if err != nil || f.Severity != objects.SeverityNote {
			w.t.Errorf("fsck: %+v, %v", f, err)
		}
	}
	store, err := refs.Open(w.fs, w.ring, db, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for f, err := range store.Check(w.t.Context(), nil) {
		if err != nil || f.Severity != objects.SeverityNote {
			w.t.Errorf("refs: %+v, %v", f, err)
		}
	}
}

// What a killed process left is swept; what is not certainly ours and dead stays.
func TestSweep(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing there")
	}
	w := newWorld(t)
	make := func(name string, mode os.FileMode) string {
		dir := filepath.Join(w.tmp, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, strings.Repeat("0", 64)), []byte("plain"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	name := func(c string) string { return "fsk-go-cache-" + strings.Repeat(c, 32) }
	dead := make(name("0"), 0o700)
	stay := []string{make(name("1"), 0o755), make("fsk-go-cache-other", 0o700), make(name("3"), 0o700)}
	if err := os.WriteFile(filepath.Join(stay[2], "mine"), nil, 0o600); err != nil { // not only files of ours
		t.Fatal(err)
	}
	link, outside := filepath.Join(w.tmp, name("2")), make("outside", 0o700)
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	living := w.start()
	living.put("action", "body")
	other := w.start()
	other.put("action", "body")
	other.close() // has swept by now, or will when the next has
	for tries := 0; ; tries++ {
		c := w.start()
		c.close()
		if _, err := os.Lstat(dead); errors.Is(err, os.ErrNotExist) {
			break
		}
		if tries == 1000 {
			t.Fatal("not swept")
		}
	}
	living.hit("action", "body")
	for _, dir := range []string{stay[0], stay[1], outside} {
		if _, err := os.Stat(filepath.Join(dir, strings.Repeat("0", 64))); err != nil {
			t.Errorf("swept: %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(stay[2], "mine")); err != nil {
		t.Errorf("swept: %v", err)
	}
	if _, err := os.Lstat(link); err != nil {
		t.Errorf("swept: %v", err)
	}
	living.close()
}

func places(dirs ...string) (list []gocache.Place) {
	for _, dir := range dirs {
		list = append(list, gocache.Place{Dir: dir})
	}
	return list
}

// What a place has no room for is in the next one, also if it was begun there.
func TestLimitOfAPlace(t *testing.T) {
	const limit = 3 << 20
	w := newWorld(t)
	memory, disk := filepath.Join(w.tmp, "memory"), filepath.Join(w.tmp, "disk")
	for _, dir := range []string{memory, disk} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	limited := func(o *gocache.Options) {
		o.Places = []gocache.Place{{Dir: memory, Limit: limit}, {Dir: disk}}
	}
	bodies := map[string]string{"small": "small", "large": strings.Repeat("l", limit+limit/2), "late": "late"}
	files := func(dir string) (sizes []int64) {
		list, err := filepath.Glob(filepath.Join(dir, "fsk-go-cache-*", strings.Repeat("?", 64)))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range list {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, info.Size())
		}
		slices.Sort(sizes)
		return sizes
	}
	for _, round := range []string{"put", "hit"} {
		c := w.start(limited)
		for _, name := range []string{"small", "large", "late"} {
			if round == "put" {
				c.put(name, bodies[name])
			}
			c.hit(name, bodies[name])
		}
		if got := files(memory); !slices.Equal(got, []int64{5}) {
			t.Errorf("%s: in memory are files of %d bytes", round, got)
		}
		if got := files(disk); !slices.Equal(got, []int64{4, limit + limit/2}) {
			t.Errorf("%s: on the disk are files of %d bytes", round, got)
		}
		c.close()
	}
	if left := append(files(memory), files(disk)...); len(left) > 0 {
		t.Errorf("left behind: %d", left)
	}
}

// Where others could exchange files, no plain file is made.
func TestUntrustedPlace(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing there")
	}
	w := newWorld(t)
	open := filepath.Join(w.tmp, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, dirs := range [][]string{nil, {"relative"}, {open}, {filepath.Join(w.tmp, "absent")}, {filepath.Join(w.dir, "fsk-store")}} {
		if s, err := gocache.NewServer(gocache.Options{Places: places(dirs...)}); err == nil {
			s.Close()
			t.Errorf("%q: no error", dirs)
		}
	}
	c := w.start(func(o *gocache.Options) { o.Places = places(open, w.tmp) })
	c.put("action", "body")
	c.close()
	if list, err := os.ReadDir(open); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}
