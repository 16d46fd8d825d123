//go:build unix

package main_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// more tells whether there are so many more files of a kind than there were.
func more(n int, pattern string) func() bool {
	count := func() int {
		list, _ := filepath.Glob(pattern)
		return len(list)
	}
	before := count()
	return func() bool { return count() >= before+n }
}

// TestGoCommandKilled kills the cache program in the middle of a build. What the go
// command makes of it is its own business: the store has at most leftovers, and the next
// build works.
func TestGoCommandKilled(t *testing.T) {
	packages := 40
	if full {
		packages = 200
	}
	w := newGoWorld(t)
	w.box = w.in(w.mkdir("many"))
	w.manyPackages(packages)
	start := time.Now()
	w.build("build", "./...")
	took := time.Since(start)

	plain := filepath.Join(w.root(), "fsk-go-cache-*", "????????*")
	writing := filepath.Join(w.store, "tmp", "*")
	packs := filepath.Join(w.store, "objects", "pack", "*.pack")
	records := filepath.Join(w.store, "refs", "go", "*", "*")
	times := map[string]struct {
		n       int
		pattern string
		long    bool
	}{
		"the first output":    {1, plain, true},
		"half of the outputs": {packages, plain, false},
		"a pack is written":   {1, writing, false},
		"a pack has its name": {1, packs, false},
		"the first action":    {1, records, true},
		"some actions":        {packages / 4, records, false},
		"most of the actions": {packages, records, true},
		"another pack":        {2, packs, true},
	}
	hit, version := 0, 0
	for name, at := range times {
		t.Run(name, func(t *testing.T) {
			if at.long && !full {
				t.Skip("FSK_TEST_FULL=1")
			}
			version++
			w := *w
			w.box = w.box.under()
			w.t = t
			if w.killed(t, version, more(at.n, at.pattern)) {
				hit++
			}
		})
	}
	if full {
		for range 20 {
			version++
			end := time.Now().Add(rand.N(took))
			w.killed(t, version, func() bool { return time.Now().After(end) })
		}
	}
	if hit == 0 {
		t.Error("no program was killed before its end")
	}
}

// killed builds a new version of everything, kills the cache program when it is time, and
// looks at what is left. It reports whether the program was killed before its end.
func (w *goWorld) killed(t *testing.T, version int, now func() bool) (hit bool) {
	w.write("base/base.go", fmt.Sprintf("package base\n\nconst Version = %d\n", version))
	pidFile := filepath.Join(w.root(), "pid"+strconv.Itoa(version))
	cmd := w.goCommand("build", "./...")
	script := filepath.Join(w.root(), "program.sh")
	for i, v := range cmd.Env {
		if program, ok := strings.CutPrefix(v, "GOCACHEPROG="); ok {
			w.write(script, "echo $$ > "+pidFile+".new && mv "+pidFile+".new "+pidFile+"\nexec "+program+"\n")
			cmd.Env[i] = "GOCACHEPROG=sh " + script
		}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	var ended error
	go func() {
		ended = cmd.Wait()
		close(over)
	}()
	if program := started(pidFile, over); program != nil {
		for !now() && !closed(over) {
			time.Sleep(pause)
		}
		program.Kill()
	}
	select {
	case <-over:
		hit = !statsForm.MatchString(out.String()) // which would be its last word
		t.Logf("killed: %t, and the go command: %v", hit, ended)
	case <-time.After(2 * limit):
		cmd.Process.Kill()
		t.Fatal("the go command hangs")
	}
	w.wantClean("leftover-temp", "no-index")
	if b := w.build("build", "./..."); b.refused > 0 || len(b.warnings) > 0 {
		t.Errorf("the next build: %+v", b)
	}
	if b := w.build("build", "-x", "./..."); b.compiled > 0 || b.refused > 0 {
		t.Errorf("and once more: %+v", b)
	}
	return hit
}

// pause is how long to wait before looking again whether something has happened.
const pause = 200 * time.Microsecond

// started returns the process that has written its number to a file, or nil if there is
// none before all is over.
func started(pidFile string, over <-chan struct{}) *os.Process {
	for !closed(over) {
		raw, err := os.ReadFile(pidFile)
		if err != nil {
			time.Sleep(pause)
			continue
		}
		pid, _ := strconv.Atoi(strings.TrimSpace(string(raw)))
		program, err := os.FindProcess(pid)
		if err != nil {
			return nil
		}
		return program
	}
	return nil
}
