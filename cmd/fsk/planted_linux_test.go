package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A26: executables and configuration under every plausible name in the store are not
// run, not opened, and change nothing, also for who works inside of it.
func TestPlantedFilesAreIgnored(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	pwned := filepath.Join(b.root(), "pwned")
	script := "#!/bin/sh\ntouch " + pwned + "\n"
	config := fmt.Sprintf("[default]\ncache = \"x\"\n[x]\nvalues.root = %q\nvalues.secret_key = %q\n", filepath.Join(b.root(), "elsewhere"), strings.Repeat("ee", 32))
	var planted []string
	for _, dir := range []string{"", "objects/", "objects/" + digest[:2] + "/", "refs/", "tmp/", "quarantine/", ".fsk/", ".git/", "objects/info/"} {
		for _, name := range []string{"hooks/pre-read", "hooks/pre_read", "hooks/post-add", "pre-read", "config", "config.toml", "fleche.toml",
			"cache.toml", ".fleche.toml", "fleche/cache.toml", "info/alternates", "alternates", "HEAD", "fsk", "sh", "git", ".env", ".fskrc", "fsk.toml"} {
			text := config
			if !strings.HasSuffix(name, "toml") && name != "config" && name != ".env" {
				text = script
			}
			path := b.write(filepath.Join(b.store, dir+name), text)
			if err := os.Chmod(path, 0o755); err != nil {
				t.Fatal(err)
			}
			if dir != "refs/" { // what is there is checked as a ref, and is none
				planted = append(planted, "/"+dir+name)
			}
		}
	}
	file := b.write("file", "another payload")
	commands := [][]string{
		{"!", "status"}, {"status"}, {"ls"}, {"cat", digest}, {"stat", digest}, {"fsck"}, {"key", "ls"}, {"version"}, {"add", file},
		{"--json", "fsck"}, {"!", "--store", ".", "ls"}, {"key", "new"}, {"rm", digestOf("another payload")},
		{"pack"}, {"hook", "test", digest}, {"hook", "pin", "/bin/sh"}, {"cat", "-o", filepath.Join(b.dir, "out"), digest}, {"!", "init", filepath.Join(b.dir, "new")},
	}
	// What has the name of a planted file may be looked at, to say that it is ignored,
	// but it is opened by nobody.
	for _, cwd := range []string{b.store, filepath.Join(b.store, "objects"), filepath.Join(b.store, ".fsk")} {
		for _, args := range commands {
			if !full && cwd != b.store && len(args) > 1 {
				continue
			}
			if args[0] == "!" && len(args) > 2 && cwd != b.store {
				continue
			}
			traced, log := b.in(cwd).traced("-e", "trace=execve,execveat,open,openat,openat2,readlink,chdir")
			traced = traced.with("PATH=" + cwd + ":" + os.Getenv("PATH"))
			traced.wrap[0] = needStrace(t)
			r := traced.run(args...)
			if r.code > 1 {
				t.Errorf("%q in %s: exit %d, %s", args, cwd, r.code, r.err)
			}
			if strings.Contains(r.out, "elsewhere") || strings.Contains(r.out, "eeeeeeee") {
				t.Errorf("%q in %s: a planted configuration was used: %s", args, cwd, r.out)
			}
			if run := executed(t, log); len(run) > 0 {
				t.Errorf("%q in %s: runs %q", args, cwd, run)
			}
			for _, call := range trace(t, log) {
				if name, ok := strings.CutPrefix(openName(call.rest), b.store); ok && call.name != "execve" && slices.Contains(planted, name) {
					t.Errorf("%q in %s: %s(%s", args, cwd, call.name, call.rest)
				}
			}
		}
	}
	if _, err := os.Lstat(pwned); err == nil {
		t.Error("a planted program was run")
	}
	if _, err := os.Lstat(filepath.Join(b.root(), "elsewhere")); err == nil {
		t.Error("a planted configuration was used")
	}
	b.wantPayload(digest, "payload")
	r := b.in(b.store).run("!", "status")
	if !strings.Contains(r.err, "fleche.toml: ignored, because it is inside the store "+b.store) {
		t.Errorf("status in the store: stderr %q", r.err)
	}
}

// openName is the absolute path that a call names: strace shows the path of the
// directory's descriptor in angle brackets before the name.
func openName(rest string) string {
	before, rest, _ := strings.Cut(rest, `"`)
	name, _, _ := strings.Cut(rest, `"`)
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	_, dir, _ := strings.Cut(before, "<")
	dir, _, _ = strings.Cut(dir, ">")
	return filepath.Join(dir, name)
}

// A43 for the lock and the mark: what leads out of the store is not locked, and a store
// whose mark is a link is none.
func TestLinkInThePlaceOfLockAndMark(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	victim := b.write("victim", "text")
	lock := filepath.Join(b.store, "lock")
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, lock); err != nil {
		t.Fatal(err)
	}
	before := listing(t, victim)
	traced, log := b.input("more").traced("-e", "trace=file,desc")
	r := traced.run("add", "-")
	r.want(t, 1, "", `fsk: error: -: .*lock.*\(not-regular\)\n`)
	if calls := opened(t, log, victim); len(calls) > 0 {
		t.Errorf("add: %q", calls)
	}
	b.wantPayload(digest, "payload")
	if r := b.run("fsck"); r.code != 1 || !strings.Contains(r.out, "\n  lock\n") {
		t.Errorf("fsck: exit %d, %s", r.code, r.out)
	}
	if after := listing(t, victim); !slices.Equal(before, after) {
		t.Errorf("the victim was %q and is %q", before, after)
	}
	mark := filepath.Join(b.store, "fsk-store")
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(b.write("mark", "fsk-store 1\n"), mark); err != nil {
		t.Fatal(err)
	}
	r = b.run("cat", digest)
	r.want(t, 2, "", `fsk: error: .*: not an fsk store: fsk-store: not a regular file\nfsk: hint: .*\n`)
}
