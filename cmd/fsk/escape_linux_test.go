package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// evil are names that a terminal, or a reader of lines, would obey.
var evil = []string{
	"\x1b[2J\x1b[31mowned", "\x1b]0;title\x07", "cr\rfsk: all is well", "lf\nfsk: all is well", "\u009b31m", "\u202egpj.exe", "\u2066x\u2069",
	"\x7fdel", "\x08\x08bs", "tab\tname", "\xff\xfe\xc3\x28", `quote"back\slash`, "nbsp\u00a0", "zero\u200bwidth", "line\u2028sep", "\ufeffbom",
	`{"type":"summary","complete":true}`, "\u00e9\u4e2d plain", "tag\U000e0041", "x\"}\n{\"type\":\"finding\"", "-rf", "%s%n%d", "'; rm -rf /",
}

// A36 and A45: names that somebody planted are shown, but cannot do anything.
func TestPlantedNamesAreSafeToPrint(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	n := 0
	for _, dir := range []string{"", "objects", "objects/" + digest[:2], "tmp", "refs", "quarantine"} {
		for _, name := range evil {
			if len(name) < 250 {
				b.write(filepath.Join(b.store, dir, name), "x")
				n++
			}
		}
	}
	long := strings.Repeat("\x1b", 255)
	b.write(filepath.Join(b.store, long), "")
	for _, args := range [][]string{{"fsck"}, {"fsck", "-j", "1"}, {"ls"}, {"status"}, {"--color", "never", "fsck"}} {
		r := b.run(args...)
		wantPrintable(t, "stdout of "+args[0], r.out)
	}
	r := b.run("--json", "fsck")
	wantPrintable(t, "JSON", r.out)
	list := lines(t, r.out)
	found := 0
	for _, v := range list {
		if v["type"] == "finding" && v["reason"] == "stray" {
			found++
		}
	}
	// The names in refs and quarantine are not looked at by this version.
	if found < 3*len(evil) {
		t.Errorf("%d stray files found", found)
	}
	if v := list[len(list)-1]; v["complete"] != true || r.code != 1 {
		t.Errorf("exit %d, summary %v", r.code, v)
	}
	b.wantPayload(digest, "payload")
}

// A36 and A45 from the other side: arguments and files of the user's.
func TestArgumentsAreSafeToPrint(t *testing.T) {
	b := newBox(t)
	b.add("payload")
	dir := b.mkdir("work/dir")
	for i, name := range evil {
		b.write(filepath.Join(dir, name), fmt.Sprint("content ", i))
	}
	for _, name := range evil {
		for _, args := range [][]string{
			{"cat", "--", name}, {"stat", "--", name}, {"rm", "--", name}, {"fsck", "--", name}, {"add", "--", name + "/none"}, {"add", "--", filepath.Join(dir, name) + "/x"},
			{"!", "--store", filepath.Join(dir, name), "ls"}, {"!", "--store", filepath.Join(dir, "none"+name), "ls"}, {"--config", name, "ls"}, {"--cache", name, "ls"},
			{"!", name}, {"ls", "--" + name}, {"ls", name}, {"--color=" + name, "ls"}, {"cat", "--offset=" + name, "abcd"}, {"cat", "-o", name + "/x", "0000"},
		} {
			r := b.run(args...) // checks stderr
			if r.code == 0 {
				t.Errorf("%q: exit 0", args)
			}
			if args[0] != "cat" && args[0] != "add" {
				continue
			}
			j := b.run(append([]string{"--json"}, args...)...)
			wantPrintable(t, "JSON", j.out+j.err)
			lines(t, j.out+j.err)
		}
	}
	for _, args := range [][]string{{"--json", "add", "-r", dir}, {"-q", "--json", "add", "-r", dir}} {
		r := b.run(args...)
		wantPrintable(t, "JSON of add", r.out)
		if got := len(lines(t, r.out)); got != len(evil)+1 || r.code != 0 {
			t.Errorf("exit %d, %d lines for %d files", r.code, got, len(evil))
		}
	}
	// What is no UTF-8 cannot be in JSON as it is, but the line is there.
	r := b.run("--json", "add", filepath.Join(dir, "\xff\xfe\xc3\x28"))
	if o := find(lines(t, r.out), "object"); o == nil || !strings.HasPrefix(fmt.Sprint(o["path"]), dir) {
		t.Errorf("a path that is no UTF-8: %s", r.out)
	}
	// A store with such a name, and a working directory with one.
	store := b.in(filepath.Join(b.mkdir("work/\x1b[31m\n\u202e")))
	for _, args := range [][]string{{"!", "init"}, {"!", "status"}, {"!", "ls"}, {"!", "--json", "status"}, {"!", "--store", store.dir, "status"}, {"!", "key", "ls"}, {"!", "--store", "none", "ls"}} {
		wantPrintable(t, "stdout", store.run(args...).out)
	}
	config := b.write(filepath.Join(store.dir, "fleche.toml"), "[default]\ncache = \"\\u001b[31m\\n\"\n[\"\\u001b[31m\\n\"]\n\"\\u202e\\u0007\" = 1\n")
	for _, args := range [][]string{{"ls"}, {"--json", "ls"}, {"--config", config, "ls"}} {
		r := store.run(args...)
		wantPrintable(t, "output", r.out+r.err)
		if r.code != 2 {
			t.Errorf("%q: exit %d, %s%s", args, r.code, r.out, r.err)
		}
	}
	for _, name := range []string{"FLECHE_SECRET_KEY", "FSK_STORE", "FSK_REQUIRE_SEAL", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"} {
		r := b.with(name+"=/nowhere/\x1b[31m\u202e").run("!", "status")
		wantPrintable(t, "output with "+name, r.out+r.err)
	}
}

// --color=always is for who asks for it; nothing else makes fsk write an escape.
func TestColor(t *testing.T) {
	b := newBox(t)
	b.add("payload")
	for _, env := range []string{"CLICOLOR_FORCE=1", "FORCE_COLOR=1", "TERM=xterm-256color", "COLORTERM=truecolor"} {
		wantPrintable(t, env, b.with(env).run("cat", "0000").err)
	}
	cmd := b.command(t.Context(), "--color", "always", "cat", "0000")
	var text strings.Builder
	cmd.Stderr = &text
	cmd.Run()
	if want := "fsk: \x1b[1;31merror\x1b[0m: 0000: no such object (missing)\n"; text.String() != want {
		t.Errorf("--color always: %q, want %q", text.String(), want)
	}
}

// A38: junk of all kinds where objects are: fsck ends, counts it, and finds the objects.
func TestJunkAmongTheObjects(t *testing.T) {
	n := 3_000
	if full {
		n = 100_000
	}
	b := newBox(t)
	digest := b.add("payload")
	for i := range n {
		dir := filepath.Join(b.store, "objects", digest[:2])
		if i%10 == 0 {
			dir = filepath.Join(b.store, "objects")
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("junk-%0200d", i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	deep := filepath.Join(b.store, "objects", digest[:2], "deep")
	for range 200 {
		deep += "/d"
	}
	if err := os.MkdirAll(deep, 0o777); err != nil {
		t.Fatal(err)
	}
	m, peak := b.measured()
	r := m.run("fsck")
	if r.code != 1 || strings.Count(r.out, "\n") > 20 || !strings.Contains(r.out, fmt.Sprintf("  and %d more\n", n+1-10)) {
		t.Errorf("fsck: exit %d, %s", r.code, r.out)
	}
	if t.Logf("fsck: %d MiB", peak()); peak() > 64 {
		t.Errorf("fsck used %d MiB", peak())
	}
	if got := len(lines(t, b.run("--json", "fsck").out)); got != n+2 {
		t.Errorf("fsck --json: %d lines for %d stray files", got, n+1)
	}
	if r := b.run("ls"); r.out != digest+"\n" || r.code != 0 {
		t.Errorf("ls: exit %d, %q", r.code, r.out)
	}
	b.wantPayload(digest, "payload")
	if r := b.run("cat", digest[:6]); r.out != "payload" {
		t.Errorf("cat of a prefix: %q, %s", r.out, r.err)
	}
}
