package main_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// manyBuilds builds at the same time what none of them has, while gc evicts and fsck
// checks.
func (w *goWorld) manyBuilds(t *testing.T) {
	c := w.fork(t, "many")
	builds, dir, args := 3, c.dir, []string{"build", "-trimpath", "-gcflags=small/...=-N", "-o", os.DevNull, "."}
	if full {
		builds, dir, args = 10, filepath.Join("..", ".."), []string{"build", "-trimpath", "-gcflags=fsk/...=-N", "-o", os.DevNull, "./cmd/fsk"}
	}
	c.unused()
	var running, others sync.WaitGroup
	for range builds {
		running.Go(func() {
			cmd := c.goCommand(args...)
			cmd.Dir = dir
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil || strings.Contains(out.String(), "warning") {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
	stop := make(chan struct{})
	var evicted, checks int
	others.Go(func() {
		for again := true; again; again = !closed(stop) {
			if full {
				c.forget(100)
			}
			r := c.run("--json", "gc", "--max-age", "90m")
			if r.code != 0 || r.err != "" {
				t.Errorf("gc: exit %d, %s%s", r.code, r.out, r.err)
				return
			}
			evicted += int(find(lines(t, r.out), "gc")["evicted"].(float64))
		}
	})
	others.Go(func() {
		for again := true; again; again = !closed(stop) {
			c.wantClean("leftover-temp")
			checks++
		}
	})
	running.Wait()
	close(stop)
	others.Wait()
	t.Logf("%d builds, %d actions evicted, %d checks", builds, evicted, checks)
	if evicted < unused {
		t.Errorf("%d actions were evicted", evicted)
	}
	c.wantClean()
	if !full { // nothing was evicted but what nobody used
		if b := c.build(append([]string{"build", "-x"}, args[1:]...)...); b.compiled > 0 {
			t.Errorf("compiled again: %+v", b)
		}
	}
}

// unused is the number of actions that nobody will use.
const unused = 30

// unused stores actions that nobody will use, in one pack with all others, which is old.
func (w *goWorld) unused() {
	w.t.Helper()
	before := make(map[string]bool)
	w.records(func(path string, _ []byte) { before[path] = true })
	var requests strings.Builder
	for i := range unused {
		requests.WriteString(putRequest(i+1, fmt.Sprint("unused ", i)))
	}
	w.input(requests.String()+`{"ID":100,"Command":"close"}`+"\n").run("go-cache").want(w.t, 0, "(?s).*", "")
	w.run("pack").want(w.t, 0, "(?s).*", "")
	w.records(func(path string, _ []byte) {
		if !before[path] {
			w.age(path)
		}
	})
	w.walk("objects", func(path string, _ []byte) { w.age(path) })
}

// forget makes some actions, and all packs, seem to be old.
func (w *goWorld) forget(some int) {
	paths := make(map[string]bool)
	for _, pattern := range []string{"refs/go/*/*", "objects/pack/*"} {
		list, _ := filepath.Glob(filepath.Join(w.store, filepath.FromSlash(pattern)))
		if strings.HasPrefix(pattern, "refs") && len(list) > some {
			rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			list = list[:some]
		}
		for _, path := range list {
			paths[path] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		w.age(path)
	}
}

// age makes a file old, if it is still there.
func (w *goWorld) age(path string) {
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(path, old, old); err != nil && !os.IsNotExist(err) {
		w.t.Error(err)
	}
}

// manyPackages writes a module of packages that need nothing of the standard library.
func (w *goWorld) manyPackages(n int) {
	w.write("go.mod", "module many\n\ngo 1.26\n")
	w.write("base/base.go", "package base\n\nconst Version = 0\n")
	for i := range n {
		w.manyPackage(i, 0)
	}
}

// manyPackage writes a version of one package.
func (w *goWorld) manyPackage(i, version int) {
	name := fmt.Sprintf("p%03d", i)
	w.write(name+"/p.go", fmt.Sprintf("package %s\n\nimport \"many/base\"\n\nfunc F() int { return base.Version + %d }\n", name, version))
}

// TestGoCommandManyChanges builds again and again after changes. The store does not fall
// apart into more and more packs, and keeps everything.
func TestGoCommandManyChanges(t *testing.T) {
	const packages, changed, bound = 20, 10, 70 // so many that each build makes a pack
	w := newGoWorld(t)
	w.box = w.in(w.mkdir("many"))
	w.manyPackages(packages)
	w.build("build", "-trimpath", "./...")
	rounds, most, last, folded := 5, 0, 0, 0
	if full {
		rounds = 200
	}
	change := func(c *goWorld, round int) {
		for k := range changed {
			c.manyPackage((round*changed+k)%packages, round)
		}
	}
	for round := 1; round <= rounds; round++ {
		change(w, round)
		b := w.build("build", "-x", "-trimpath", "./...")
		if b.compiled != changed || b.refused > 0 {
			t.Errorf("round %d: compiled %d, want %d: %+v", round, b.compiled, changed, b)
		}
		packs, err := filepath.Glob(filepath.Join(w.store, "objects", "pack", "*.pack"))
		if err != nil {
			t.Fatal(err)
		}
		if len(packs) < last {
			folded++
		}
		most, last = max(most, len(packs)), len(packs)
	}
	t.Logf("at most %d packs, folded %d times", most, folded)
	if most > bound || most < min(rounds, bound/2) || full && folded < 2 {
		t.Errorf("at most %d packs, want %d; folded %d times", most, bound, folded)
	}
	again := w.at(w.mkdir("again"))
	again.manyPackages(packages)
	for round := 1; round <= rounds; round++ { // all states have been built before
		change(again, round)
		if round%20 != 0 && round != rounds {
			continue
		}
		if b := again.build("build", "-x", "-trimpath", "./..."); b.compiled > 0 || b.refused > 0 {
			t.Errorf("round %d again: %+v", round, b)
		}
	}
	w.wantClean()
}
