package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A29: hooks come from the user's own file alone. What a repository, or whoever can write
// above the working directory, says about them is an error or without effect.
func TestHooksOfSomebodyElse(t *testing.T) {
	pwned := func(b *box) string { return filepath.Join(b.root(), "pwned") }
	// hostile is the configuration of a clone that would run a program of its own, pinned
	// as it should be.
	hostile := func(b *box, head string) {
		clone := b.mkdir("work/clone")
		path := filepath.Join(clone, "hook")
		b.script(path, "#!/bin/sh\ntouch "+pwned(b)+"\nexit 0\n")
		b.write(filepath.Join(clone, "fleche.toml"), fmt.Sprintf("%s\n[[c.policy.pre_read]]\nrun = [%q]\nblake3 = %q\n", head, path, digestOf(b.read(path))))
	}
	for claim, test := range map[string]struct {
		head string
		dir  string
		args []string
		code int
	}{
		"a clone":                      {"[default]\ncache = \"c\"\n[c]", "work/clone", []string{"cat"}, 2},
		"a parent directory":           {"[default]\ncache = \"c\"\n[c]", "work/clone/sub/sub", []string{"cat"}, 2},
		"with root":                    {"[default]\ncache = \"c\"\nroot = true\n[c]", "work/clone", []string{"cat"}, 2},
		"the section of the user's":    {"[default]\ncache = \"c\"\n[c]\nvalues.root = \"../../store\"", "work/clone", []string{"cat"}, 2},
		"a section that is not used":   {"[default]\ncache = \"d\"\n[d]", "work/clone", []string{"cat"}, 0},
		"a section that --cache names": {"[default]\ncache = \"d\"\n[d]", "work/clone", []string{"--cache", "c", "cat"}, 2},
	} {
		t.Run(claim, func(t *testing.T) {
			b := newBox(t)
			digest := b.add("payload")
			hostile(b, test.head)
			r := b.in(b.mkdir(test.dir)).run(append(test.args, digest)...)
			if r.code != test.code || (r.code == 0) != (r.out == "payload") {
				t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.out, r.err)
			}
			if test.code != 0 && (!strings.Contains(r.err, "c.policy.pre_read: hook programs are not run for a file that was found by walking up") || !strings.Contains(r.err, "fsk: hint: ")) {
				t.Errorf("stderr %q", r.err)
			}
			if _, err := os.Lstat(pwned(b)); err == nil {
				t.Error("the hook was run")
			}
		})
	}
}

// A29: nothing that is found by walking up switches the user's hook off.
func TestHookCannotBeSwitchedOff(t *testing.T) {
	for claim, text := range map[string]string{
		"another cache":             "[default]\ncache = \"d\"\n[d]\n",
		"the same cache":            "[default]\ncache = \"main\"\n[main]\n",
		"root":                      "[default]\nroot = true\n",
		"root and another cache":    "[default]\nroot = true\ncache = \"d\"\n[d]\nvalues.root = \"own\"\n",
		"an empty policy":           "[default]\ncache = \"main\"\n[main.policy]\nkeys = \"any\"\nrequire_seal = false\ndeny = []\n",
		"the store by another name": "[default]\ncache = \"d\"\n[d]\nvalues.root = \"../../store\"\n",
	} {
		t.Run(claim, func(t *testing.T) {
			b := newBox(t)
			digest := b.add("payload")
			b.hook("10s", "echo no >&2; exit 1")
			clone := b.mkdir("work/clone")
			b.write(filepath.Join(clone, "fleche.toml"), text)
			b.in(clone).wantRefused(digest, "denied", "hook: no")
		})
	}
}

// A26 and A27: a program, its arguments, and a deny list are not taken out of a store.
func TestHookInTheStore(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	inside := filepath.Join(b.store, "hooks", "pre-read")
	b.script(inside, "#!/bin/sh\nexit 0\n")
	link := filepath.Join(b.dir, "link")
	if err := os.Symlink(inside, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{inside, link} {
		b.pin("10s", path)
		b.run("cat", digest).want(t, 2, "", `fsk: error: .*: main.policy.pre_read: program 1: run: argument 0 is inside a store, where everybody may write\nfsk: hint: .*\n`)
		b.run("--config", b.write("empty", ""), "hook", "pin", path).want(t, 2, "", `fsk: error: .*: is inside a store, where everybody may write\nfsk: hint: .*\n`)
	}
	b.write(b.userFile(), "[default]\ncache = \"main\"\n[main.policy]\ndeny_file = \""+link+"\"\n")
	b.run("cat", digest).want(t, 2, "", `fsk: error: .*: main.policy.deny_file: the list is inside a store, .*\nfsk: hint: .*\n`)
}

// A29: a deny list that a repository names cannot be used to look into files of the user.
func TestDenyFileTellsNothing(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	secret := b.write(filepath.Join(b.env["HOME"], "secret"), keyB+"\nsecret: "+keyA+"\n")
	os.Chmod(secret, 0o600)
	clone := b.mkdir("work/clone")
	b.write(filepath.Join(clone, "fleche.toml"), "[default]\ncache = \"c\"\n[c.policy]\ndeny_file = \"~/secret\"\n")
	r := b.in(clone).run("cat", digest) // which wants no key in the output
	r.want(t, 2, "", `fsk: error: .*/clone/fleche.toml:4:1: c.policy.deny_file: the list has a fault: line 2: is not a digest of 64 lowercase hexadecimal digits\n`)
}
