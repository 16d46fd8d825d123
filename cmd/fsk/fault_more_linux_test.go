package main_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// F25: the directory for temporary files is another filesystem, so that no rename leads
// out of it.
func TestTempDirectoryOnAnotherDisk(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	b.run("ref", "set", "main", digest).want(t, 0, "", "")
	mount(t, "tmpfs", filepath.Join(b.store, "tmp"), "tmpfs", 0, "size=4m")
	before := b.read(b.ref("main"))
	for _, args := range [][]string{{"add", b.write("other", "other")}, {"add", b.write("large", strings.Repeat("l", 2<<20))}} {
		b.run(args...).want(t, 3, "", `fsk: error: [^\n]*invalid cross-device link[^\n]*\(io-error\)\n`)
	}
	if r := b.run("ref", "set", "next", digest); r.code != 3 || !strings.Contains(r.err, "(io-error)") {
		t.Errorf("ref set: exit %d, %s", r.code, r.err)
	}
	for i := range 9 {
		b.write("many/"+strings.Repeat("x", i+1), strings.Repeat("many ", i))
	}
	if r := b.run("add", "-r", "many"); r.code != 3 || r.out != "" || !strings.Contains(r.err, "cross-device") {
		t.Errorf("add of a pack: exit %d, %q, %s", r.code, r.out, r.err)
	}
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	if b.read(b.ref("main")) != before {
		t.Error("the ref has changed")
	}
	b.wantPayload(digest, "payload")
	b.wantClean()
}

// F23: without memory a process may end in any way, but the store is as good as before.
func TestOutOfMemory(t *testing.T) {
	b := newBox(t)
	b.inMemory()
	digest := b.add("payload")
	held := b.add(strings.Repeat("all of it in memory", 3<<20))
	// The Go runtime reserves some 700 MiB of addresses before anything is done.
	ends := 0
	for kib := 740_000; kib <= 800_000; kib += 15_000 {
		b.write("large", strings.Repeat(fmt.Sprint("large ", kib), 1<<18))
		for i := range 20 {
			b.write(fmt.Sprint("many/", i), strings.Repeat(fmt.Sprint("many ", kib), i<<12))
		}
		little := b.under("sh", "-c", `ulimit -v "$0"; exec "$@"`, strconv.Itoa(kib))
		for _, args := range [][]string{{"add", "large"}, {"add", "-r", "many"}, {"pack"}, {"cat", held}} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			out, err := little.command(ctx, args...).CombinedOutput()
			cancel()
			noKey(t, strings.Join(args, " "), string(out[:min(len(out), 1<<18)]))
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if err != nil {
				ends++
			}
			first, _, _ := strings.Cut(string(out[:min(len(out), 100)]), "\n")
			t.Logf("%d KiB, %q: %v: %.60q", kib, args, err, first)
			for line := range strings.Lines(string(out)) {
				if stored, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  "); ok && args[0] == "add" && digestForm.MatchString(stored) {
					b.wantPayload(stored, b.read(filepath.Join(b.dir, path)))
				}
			}
		}
		b.wantPayload(digest, "payload")
		b.wantClean("leftover-temp", "no-index")
	}
	if t.Logf("%d runs ended early", ends); ends == 0 {
		t.Error("there was memory enough for everything")
	}
	if r := b.run("add", "large"); r.code != 0 {
		t.Errorf("with memory again: exit %d, %s", r.code, r.err)
	}
}

// F9: what comes in pieces is read to its end, and what ends early is an error of the
// program that writes it, which nobody can see from here: what came is what is stored.
func TestInputInPieces(t *testing.T) {
	b := newBox(t)
	payload := strings.Repeat("seven b", 100)
	cmd := b.command(t.Context(), "add", "-")
	cmd.Stdin = nil
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(payload); i += 7 {
		if _, err := io.WriteString(stdin, payload[i:i+7]); err != nil {
			t.Fatal(err)
		}
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil || out.String() != digestOf(payload)+"  -\n" {
		t.Errorf("add: %q, %v", out.String(), err)
	}
	b.wantPayload(digestOf(payload), payload)
}

// F20 and A42 for gc: what cannot be read ends it before anything is deleted.
func TestGCStopsAtAFault(t *testing.T) {
	needStrace(t)
	s := &killScene{packScene: packScene{box: newBox(t), claim: "gc", args: []string{"gc", "--max-age", "1d"}}}
	s.prepare()
	kept := digestOf(s.payload("loose", 1))
	s.run("ref", "set", "main", kept).want(t, 0, "", "")
	s.age()
	before := s.run("ls").out
	for _, inject := range []string{"pread64:error=EIO", "fstat:error=EIO"} {
		traced, log := s.traced("-P", s.ref("main"), "-e", "inject="+inject)
		r := traced.run(s.args...)
		if !strings.Contains(s.read(log), "INJECTED") {
			t.Errorf("%s: never happened", inject)
		}
		if r.code != 3 || !strings.Contains(r.err, "io-error") {
			t.Errorf("%s: exit %d, %s%s", inject, r.code, r.out, r.err)
		}
	}
	traced, _ := s.traced("-e", "trace=getdents64", "-e", "inject=getdents64:error=EIO")
	if r := traced.run(s.args...); r.code != 3 {
		t.Errorf("a directory that cannot be listed: exit %d, %s%s", r.code, r.out, r.err)
	}
	if after := s.run("ls").out; after != before {
		t.Errorf("objects were\n%s and are\n%s", before, after)
	}
	if _, err := os.Stat(s.object(kept)); err != nil {
		t.Error(err)
	}
	s.run(s.args...).want(t, 0, "actions: 2, .*; evicted: 2, .*\n", "")
}
