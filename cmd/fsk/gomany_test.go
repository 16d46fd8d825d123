package main_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
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
	groups := 5
	if full {
		groups = 30
		c.forget(100, oldest(groups))
	}
	c.unused(groups)
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
		for round := 1; round <= groups || !closed(stop); round++ {
			age := max(oldest(groups)-time.Duration(round)*time.Hour, oldest(0)) + time.Minute
			r := c.run("--json", "gc", "--max-age", age.String())
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
	if evicted < groups*unused {
		t.Errorf("%d actions were evicted, want at least %d", evicted, groups*unused)
	}
	c.wantClean()
	if !full { // nothing was evicted but what nobody used
		if b := c.build(append([]string{"build", "-x"}, args[1:]...)...); b.compiled > 0 {
			t.Errorf("compiled again: %+v", b)
		}
	}
}

// unused is the number of actions in a group that nobody will use, enough for a pack.
const unused = 10

// oldest is how long ago the first of so many groups was used.
func oldest(groups int) time.Duration { return time.Duration(2+groups) * time.Hour }

// unused stores groups of actions that nobody will use, each older than the next one. The
// first is in one pack with all that was there before, and each other one in its own.
func (w *goWorld) unused(groups int) {
	w.t.Helper()
	known := make(map[string]bool)
	w.records(func(path string, _ []byte) { known[path] = true })
	for g := range groups {
		var requests strings.Builder
		for i := range unused {
			requests.WriteString(putRequest(i+1, fmt.Sprint("unused ", g, i)))
		}
		w.input(requests.String()+`{"ID":100,"Command":"close"}`+"\n").run("go-cache").want(w.t, 0, "(?s).*", "")
		if g == 0 {
			w.run("pack").want(w.t, 0, "(?s).*", "")
		}
		w.records(func(path string, _ []byte) {
			if !known[path] {
				w.age(path, oldest(groups-g))
			}
			known[path] = true
		})
	}
	w.walk("objects", func(path string, _ []byte) { w.age(path, oldest(groups)) })
}

// forget makes some of the actions old. It must be done before the builds begin: gc takes
// for granted that what they have just stored is young.
func (w *goWorld) forget(some int, age time.Duration) {
	w.records(func(path string, _ []byte) {
		if some--; some >= 0 {
			w.age(path, age)
		}
	})
}

// age makes a file old.
func (w *goWorld) age(path string, age time.Duration) {
	w.t.Helper()
	old := time.Now().Add(-age)
	if err := os.Chtimes(path, old, old); err != nil {
		w.t.Fatal(err)
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
