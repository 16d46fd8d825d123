package main_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Killed at any time, the program leaves no ref without its object.
func TestGoCacheKilled(t *testing.T) {
	b := newBox(t)
	b.add("makes the store")
	kept := func() int { return len(b.run("ls").out) / 65 }
	for round, after := range []int{1, 400, 513, 600, 900, 1100, 1200} {
		cmd := b.command(t.Context(), "go-cache")
		cmd.Stdin = nil
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			for i := range 1200 {
				if _, err := io.WriteString(in, putRequest(i+1, fmt.Sprint("output ", round, " ", i%1000))); err != nil {
					return
				}
			}
		}()
		answers := bufio.NewScanner(out)
		for range after {
			if !answers.Scan() {
				t.Fatal("no answer")
			}
		}
		if after == 1200 && !eventually(func() bool { return kept() >= 500 }) { // that it is killed before anything is kept proves little
			t.Errorf("only %d objects are kept", kept())
		}
		cmd.Process.Kill()
		cmd.Wait()
		b.wantClean("leftover-temp")
	}
	left, err := filepath.Glob(filepath.Join(b.root(), "fsk-go-cache-*"))
	if err != nil || len(left) == 0 {
		t.Errorf("left behind: %v, %v; want plain files to be swept", left, err)
	}
	swept := func() bool {
		b.input(`{"ID":1,"Command":"close"}`+"\n").run("go-cache").want(t, 0, "(?s).*", "")
		left, _ := filepath.Glob(filepath.Join(b.root(), "fsk-go-cache-*"))
		return len(left) == 0
	}
	if !eventually(swept) {
		t.Error("not swept")
	}
}

func putRequest(n int, body string) string {
	sum := sha256.Sum256([]byte(body))
	line, _ := json.Marshal(map[string]any{"ID": n, "Command": "put", "ActionID": sum[:], "OutputID": sum[:], "BodySize": len(body)})
	return string(line) + "\n\"" + base64.StdEncoding.EncodeToString([]byte(body)) + "\"\n"
}

// A store that cannot be used costs a warning, said once, and no build.
func TestGoCacheWithoutStore(t *testing.T) {
	b := newBox(t)
	request := putRequest(1, "body") + putRequest(2, "another") + `{"ID":3,"Command":"close"}` + "\n"
	for name, world := range map[string]*box{
		"require_seal without keys": b.with("FLECHE_SECRET_KEY", "FSK_REQUIRE_SEAL=1"),
		"bad key":                   b.with("FLECHE_SECRET_KEY=zz"),
		"no store":                  func() *box { c := *b; c.store = b.write("file", "text"); return &c }(),
	} {
		t.Run(name, func(t *testing.T) {
			r := world.input(request).run("go-cache", "--stats")
			r.want(t, 0, "(?s)"+`\{"ID":0,"KnownCommands":\["get","put","close"\]\}`+"\n(.*DiskPath.*\n){2}"+`\{"ID":3\}`+"\n",
				`fsk: warning: go cache: works without a store: .*`+"\n(fsk: hint: .*\n)?"+`fsk: go cache: .*; 2 puts, 0 kept; .*security: off`+"\n")
		})
	}
	t.Run("plain", func(t *testing.T) {
		b.with("FLECHE_SECRET_KEY").input(request).run("go-cache", "--stats").want(t, 0, "(?s).*", `fsk: go cache: .*; 2 puts, 2 kept; .*security: off`+"\n")
	})
	t.Run("json", func(t *testing.T) {
		r := b.with("FLECHE_SECRET_KEY").input(request).run("--json", "go-cache", "--stats")
		if line := find(lines(t, r.err), "go-cache"); r.code != 0 || line["puts"] != 2.0 || strings.Contains(r.out, "summary") {
			t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.out, r.err)
		}
	})
}

// The record of an action has to be sealed by a key of the list, not its object alone:
// else whoever has another key of the ring could name any object on it as the output.
func TestGoCacheKeyList(t *testing.T) {
	b := newBox(t)
	listed, other := strings.Repeat("11", 32), strings.Repeat("22", 32)
	both := b.with("FLECHE_SECRET_KEY=" + other + ":" + listed)
	id := strings.Fields(b.with("FLECHE_SECRET_KEY="+listed).run("key", "ls").out)[0]
	b.with("FLECHE_SECRET_KEY="+other).input(putRequest(1, "body")+`{"ID":2,"Command":"close"}`+"\n").run("go-cache").want(t, 0, "(?s).*", "")
	b.with("FLECHE_SECRET_KEY="+listed).input("body").run("add", "-").want(t, 0, ".*\n", "")
	b.write("fleche.toml", "[default]\ncache = 'c'\n[c]\npolicy.keys = ['"+id+"']\n")

	sum := sha256.Sum256([]byte("body"))
	line, _ := json.Marshal(map[string]any{"ID": 1, "Command": "get", "ActionID": sum[:]})
	get := string(line) + "\n" + `{"ID":2,"Command":"close"}` + "\n"
	both.input(get).run("go-cache").want(t, 0, `(?s).*"Miss":true.*`, `fsk: warning: go cache: action .*: sealed by key .*, which is not on the list of .* \(denied\): the action is done again`+"\n")
	b.with("FLECHE_SECRET_KEY="+listed).input(putRequest(1, "body")+`{"ID":2,"Command":"close"}`+"\n").run("go-cache").want(t, 0, "(?s).*", "")
	both.input(get).run("go-cache").want(t, 0, `(?s).*"DiskPath":.*`, "")
}

// fsk gc from outside: what it takes, what it tells, and its exit codes.
func TestGC(t *testing.T) {
	b := newBox(t)
	request := putRequest(1, "one") + putRequest(2, strings.Repeat("two", 1000)) + `{"ID":3,"Command":"close"}` + "\n"
	b.input(request).run("go-cache").want(t, 0, "(?s).*", "")
	kept := b.add("kept")
	old := time.Now().Add(-48 * time.Hour)
	w := &goWorld{box: b}
	for _, dir := range []string{"objects", "refs/go"} {
		w.walk(dir, func(path string, _ []byte) {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		})
	}
	b.run("gc").want(t, 2, "", "fsk: error: .*\nfsk: hint: .*\n")
	for _, bad := range []string{"--max-age=0", "--max-age=-1h", "--max-age=1", "--max-size=0", "--max-size=-1", "--max-size=x", "--max-age=999999999d"} {
		b.run("gc", bad).want(t, 2, "", "fsk: error: .*\nfsk: hint: .*\n")
	}
	b.run("gc", "--max-age", "3d").want(t, 0, "actions: 2, .*; evicted: 0, with 0 objects, 0 B; quarantined: 0\n", "")
	b.run("gc", "--max-age", "1d", "--dry-run").want(t, 0, "actions: 2, .*; would be evicted: 2, with 2 objects, .*; would be quarantined: 0\n", "")
	b.run("ref", "set", "main", kept).want(t, 0, "", "")
	good := b.read(filepath.Join(b.store, "refs", "main"))
	w.overwrite(filepath.Join(b.store, "refs", "main"), []byte(strings.Replace(good, "seq 1", "seq 2", 1)))
	b.run("gc", "--max-age", "1d").want(t, 1, "", `fsk: error: .*\(bad-seal\)`+"\n")
	w.overwrite(filepath.Join(b.store, "refs", "main"), []byte(good))
	r := b.run("--json", "gc", "--max-age", "1d")
	if line := find(lines(t, r.out), "gc"); r.code != 0 || line["evicted"] != 2.0 || line["objects"] != 2.0 || line["freed"] != 3003.0 {
		t.Errorf("exit %d, %s%s", r.code, r.out, r.err)
	}
	b.run("ls").want(t, 0, kept+"\n", "")
	b.wantClean()
}

// F27: fsk gc removes temporary files that were left behind a day ago, and no others,
// but none if it ends because of a ref that it cannot trust.
func TestGCRemovesTemporaryFiles(t *testing.T) {
	b := newBox(t)
	b.run("ref", "set", "main", b.add("kept")).want(t, 0, "", "")
	tmp := func(digit string) string { return filepath.Join(b.store, "tmp", strings.Repeat(digit, 32)) }
	for name, age := range map[string]time.Duration{tmp("0"): 25 * time.Hour, tmp("1"): 100 * time.Hour, tmp("2"): 23 * time.Hour, tmp("3"): -25 * time.Hour} {
		when := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(name, nil, 0o444), os.Chtimes(name, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	left := func(want ...string) {
		t.Helper()
		got, err := filepath.Glob(filepath.Join(b.store, "tmp", "*"))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("left: %q, %v; want %q", got, err, want)
		}
	}
	const none = "actions: 0, 0 B; (would be )?evicted: 0, with 0 objects, 0 B; (would be )?quarantined: 0\n"
	b.run("gc", "--max-age", "1d", "--dry-run").want(t, 0, none+"temporary files: would be removed: 2\n", "")
	main := filepath.Join(b.store, "refs", "main")
	good := b.read(main)
	w := &goWorld{box: b}
	w.overwrite(main, []byte("broken"))
	b.run("gc", "--max-age", "1d").want(t, 1, "", "fsk: error: .*\n")
	w.overwrite(main, []byte(good))
	left(tmp("0"), tmp("1"), tmp("2"), tmp("3"))
	r := b.run("--json", "gc", "--max-age", "1d")
	if line := find(lines(t, r.out), "gc"); r.code != 0 || line["temporary"] != 2.0 {
		t.Errorf("exit %d, %s%s", r.code, r.out, r.err)
	}
	left(tmp("2"), tmp("3"))
	b.run("gc", "--max-age", "1d").want(t, 0, none, "")
	b.wantClean("leftover-temp")
}
