package main_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// F1: killed before each system call of an add, on a store that is absent and on one
// that is there.
func TestKilledAtEverySystemCall(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	b.inMemory()
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			b := *b
			b.t = t
			runs, misses := 0, 0
			for n := 1; misses < 2 && n < 200; n++ {
				if !full && n > 3 && n%(2*call.step) != 0 {
					continue
				}
				hit := false
				for _, fresh := range []bool{true, false} {
					if !full && fresh != (n%2 == 0) {
						continue
					}
					what := fmt.Sprintf("%s:signal=KILL:when=%d", call.name, n)
					i := inject(&b, n, fresh, what)
					r := i.run(i.args()...)
					if !i.injected() {
						continue
					}
					hit, runs = true, runs+1
					i.after(&b, what, r)
				}
				if !hit {
					misses++
				}
			}
			t.Logf("%d runs", runs)
		})
	}
}

// F2: two writers are killed at random times, and then somebody checks.
func TestKilledAtRandomTimes(t *testing.T) {
	b := newBox(t)
	b.add("first")
	rounds := 25
	if full {
		rounds = 500
	}
	paths := make([]string, 30)
	for i := range paths {
		paths[i] = b.write(fmt.Sprintf("file%d", i), strings.Repeat(fmt.Sprint(i), 1<<(i%18)))
	}
	b.write("large", strings.Repeat("large", 1<<20))
	acknowledged := make(map[string]string) // digest to path
	for range rounds {
		var wg sync.WaitGroup
		var outs [2]bytes.Buffer
		for k := range outs {
			cmd := b.command(t.Context(), append([]string{"add", "large"}, paths[15*k:15*k+15]...)...)
			cmd.Stdout = &outs[k]
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				time.Sleep(time.Duration(rand.IntN(60_000)) * time.Microsecond)
				cmd.Process.Kill()
				cmd.Wait()
			})
		}
		wg.Wait()
		for k := range outs {
			for line := range strings.Lines(outs[k].String()) {
				if digest, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  "); ok && strings.HasSuffix(line, "\n") {
					acknowledged[digest] = path
				}
			}
		}
		b.wantClean("leftover-temp", "no-index")
		if rand.IntN(3) == 0 { // begin again: otherwise soon everything is there
			os.RemoveAll(filepath.Join(b.store, "objects"))
			clear(acknowledged)
		}
		var args []string
		for digest := range acknowledged {
			args = append(args, digest)
		}
		if len(args) > 0 {
			if r := b.run(append([]string{"stat"}, args...)...); r.code != 0 {
				t.Fatalf("acknowledged and not there: %s%s", r.out, r.err)
			}
		}
	}
	for digest, path := range acknowledged {
		b.wantPayload(digest, b.read(filepath.Join(b.dir, filepath.Base(path))))
	}
}

// F12, F14 and item 8 of the issue: twenty processes add the same and different files,
// and one checks all the time.
func TestTwentyWritersAndAChecker(t *testing.T) {
	b := newBox(t)
	b.add("first")
	common := make([]string, 20)
	for i := range common {
		common[i] = b.write(fmt.Sprintf("common%d", i), strings.Repeat(fmt.Sprintf("common %d ", i), 1+i*200))
	}
	stop := make(chan struct{})
	var checker, writers sync.WaitGroup
	checks := 0
	checker.Go(func() {
		for !closed(stop) {
			r := b.run("--json", "fsck")
			checks++
			for _, v := range lines(t, r.out) {
				if v["type"] == "finding" && v["reason"] != "leftover-temp" || r.code != 0 {
					t.Errorf("fsck meanwhile: exit %d, %v", r.code, v)
					return
				}
			}
		}
	})
	var mu sync.Mutex
	all := make(map[string]string)
	for k := range 20 {
		writers.Go(func() {
			args := append([]string{"add"}, common...)
			for i := range 5 {
				args = append(args, b.write(fmt.Sprintf("own%d-%d", k, i), fmt.Sprintf("own %d of %d", i, k)))
			}
			r := b.run(args...)
			if r.code != 0 || r.err != "" || strings.Count(r.out, "\n") != 25 {
				t.Errorf("writer %d: exit %d, %d lines, %s", k, r.code, strings.Count(r.out, "\n"), r.err)
			}
			mu.Lock()
			defer mu.Unlock()
			for line := range strings.Lines(r.out) {
				digest, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
				all[digest] = path
			}
		})
	}
	writers.Wait()
	close(stop)
	checker.Wait()
	t.Logf("%d checks meanwhile", checks)
	if len(all) != 120 {
		t.Errorf("%d different objects, want 120", len(all))
	}
	r := b.run("--json", "fsck")
	if list := lines(t, r.out); r.code != 0 || len(list) != 1 || list[0]["objects"].(float64) < 121 { // several packs may have one object
		t.Errorf("fsck afterwards: exit %d, %s", r.code, r.out)
	}
	if r := b.run("ls"); strings.Count(r.out, "\n") != 121 {
		t.Errorf("ls: %d lines, want 121", strings.Count(r.out, "\n"))
	}
	i := 0
	for digest, path := range all {
		if i++; full || i%10 == 0 {
			b.wantPayload(digest, b.read(path))
		}
	}
}
