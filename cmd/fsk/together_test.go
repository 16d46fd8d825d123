package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// An asker is a "cat --batch" that stays: it knows packs that have gone meanwhile.
type asker struct {
	b       *box
	stdin   io.WriteCloser
	answers *bufio.Reader
	wait    func() error
}

func (b *box) ask(ctx context.Context) *asker {
	b.t.Helper()
	cmd := b.command(ctx, "cat", "--batch")
	cmd.Stdin = nil
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	return &asker{b, stdin, bufio.NewReader(stdout), cmd.Wait}
}

// wantAll asks for objects one after the other.
func (a *asker) wantAll(want map[string]string) {
	for digest, payload := range want {
		if _, err := io.WriteString(a.stdin, digest+"\n"); err != nil {
			a.b.t.Errorf("cat --batch: %v", err)
			return
		}
		head, err := a.answers.ReadString('\n')
		if want := digest + " " + strconv.Itoa(len(payload)) + "\n"; err != nil || head != want {
			a.b.t.Errorf("cat --batch: %q, %v, want %q", head, err, want)
			return
		}
		got := make([]byte, len(payload)+1)
		if _, err := io.ReadFull(a.answers, got); err != nil || string(got) != payload+"\n" {
			a.b.t.Errorf("cat --batch: other bytes for %s, %v", digest, err)
			return
		}
	}
}

// Item 6 of the issue of packs: two processes add, one packs, two read all that was
// acknowledged, one lists it, and one checks, all at the same time: no error, no miss, no false finding.
func TestProcessesSideBySide(t *testing.T) {
	b := newBox(t)
	duration := 3 * time.Second
	if full {
		duration = time.Minute
	}
	b.add("first")
	end := time.Now().Add(duration)
	going := func() bool { return time.Now().Before(end) && !t.Failed() }
	var (
		mu    sync.Mutex
		acked = map[string]string{digestOf("first"): "first"}
		wg    sync.WaitGroup
		runs  = make(map[string]int)
	)
	count := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		runs[what]++
	}
	snapshot := func() map[string]string {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(acked)
	}
	for k := range 2 {
		wg.Go(func() {
			for round := 0; going(); round++ {
				payloads := make(map[string]string)
				args := []string{"add"}
				for i := range []int{1, 5, 9, 40}[round%4] {
					payload := fmt.Sprintf("%d of round %d of %d%s", i, round, k, strings.Repeat("x", i*i))
					if i == 6 {
						payload = strings.Repeat(payload, 50_000)
					}
					name := b.write(filepath.Join(fmt.Sprint(k), fmt.Sprint(i)), payload)
					payloads[digestOf(payload)] = payload
					args = append(args, name)
				}
				r := b.run(args...)
				if r.code != 0 || r.err != "" || strings.Count(r.out, "\n") != len(args)-1 {
					t.Errorf("add: exit %d, %d lines of %d, %s", r.code, strings.Count(r.out, "\n"), len(args)-1, r.err)
				}
				mu.Lock()
				for line := range strings.Lines(r.out) {
					digest, _, _ := strings.Cut(line, " ")
					payload, ok := payloads[digest]
					if !ok {
						t.Errorf("add printed %q", line)
					}
					acked[digest] = payload
				}
				mu.Unlock()
				count("add")
			}
		})
	}
	wg.Go(func() {
		for going() {
			if r := b.run("pack"); r.code != 0 || r.err != "" {
				t.Errorf("pack: exit %d, %s%s", r.code, r.out, r.err)
			}
			count("pack")
		}
	})
	wg.Go(func() {
		for going() {
			b.wantAll("meanwhile", snapshot())
			count("cat --batch")
		}
	})
	a := b.ask(t.Context())
	wg.Go(func() {
		for going() {
			a.wantAll(snapshot())
			count("round of the cat --batch that stays")
		}
		a.stdin.Close()
		if err := a.wait(); err != nil {
			t.Errorf("cat --batch: %v", err)
		}
	})
	wg.Go(func() {
		for going() {
			before := snapshot()
			r := b.run("ls")
			listed := make(map[string]bool)
			for digest := range strings.Lines(r.out) {
				listed[strings.TrimSuffix(digest, "\n")] = true
			}
			var one string
			for one = range before {
				if !listed[one] {
					t.Errorf("ls: exit %d without %s, which was acknowledged; %s", r.code, one, r.err)
				}
			}
			if r := b.run("stat", one[:16]); r.code != 0 || !strings.HasPrefix(r.out, one) {
				t.Errorf("stat %.16s: exit %d, %s%s", one, r.code, r.out, r.err)
			}
			count("ls")
		}
	})
	wg.Go(func() {
		for going() {
			b.wantClean("leftover-temp")
			count("fsck")
		}
	})
	wg.Wait()
	b.wantAll("in the end", acked)
	b.wantClean()
	if r := b.run("ls"); r.code != 0 || strings.Count(r.out, "\n") != len(acked) {
		t.Errorf("ls: exit %d, %d objects, want %d; %s", r.code, strings.Count(r.out, "\n"), len(acked), r.err)
	}
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	t.Logf("%d objects in %v: %v", len(acked), duration, runs)
}
