package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zeebo/blake3"
)

// ref is the path of a ref's file.
func (b *box) ref(name string) string { return filepath.Join(b.store, "refs", name) }

// plantRef puts bytes in the place of a ref, whatever is there.
func (b *box) plantRef(name, content string) {
	b.t.Helper()
	if err := os.RemoveAll(b.ref(name)); err != nil {
		b.t.Fatal(err)
	}
	b.write(b.ref(name), content)
}

// refBody is the body of a first record.
func refBody(ns, name, digest string) string {
	zeros := strings.Repeat("0", 64)
	return fmt.Sprintf("fsk-ref 1\nns %s\nname %s\ndigest %s\nseq 1\ntime 2026-11-22T00:00:00Z\nprev %s\n", ns, name, digest, zeros)
}

// sealedRef is a record sealed by a key, made without the code under test.
func sealedRef(t testing.TB, key, body string) string {
	t.Helper()
	var derived [32]byte
	blake3.DeriveKey("fsk 2026-11-22 ref seal v1", unhex(t, key), derived[:])
	text := body + "key 94926d11dd3a2fcc\n"
	return text + "seal " + trailer(t, fmt.Sprintf("%x", derived), text) + "\n"
}

// The attacks on refs: A20, A22 and A23 of the threat model. With a good record in the
// place of the forged one the same commands succeed.
func TestForgedRefIsAMiss(t *testing.T) {
	b := newBox(t)
	digest := b.add("the genuine payload\n")
	body := refBody("default", "main", digest)
	good := sealedRef(t, keyA, body)
	object := b.add(body) // the payload is a record: whoever may add has it sealed
	tests := []struct{ claim, stored, reason string }{
		{"A20 a copy of another ref", sealedRef(t, keyA, refBody("default", "other", digest)), "wrong-name"},
		{"A20 of another namespace", sealedRef(t, keyA, refBody("ci", "main", digest)), "wrong-namespace"},
		{"A22 an object's file", b.read(b.object(object)), "malformed-ref"},
		{"A22 an object's trailer as the seal", body + "key 94926d11dd3a2fcc\nseal " + trailer(t, keyA, body) + "\n", "bad-seal"},
		{"A22 sealed like an object", body + "key 94926d11dd3a2fcc\nseal " + trailer(t, keyA, body+"key 94926d11dd3a2fcc\n") + "\n", "bad-seal"},
		{"A23 unsealed", body, "unsealed"},
		{"A23 edited", strings.Replace(good, "seq 1", "seq 2", 1), "bad-seal"},
		{"A23 CRLF", strings.ReplaceAll(good, "\n", "\r\n"), "malformed-ref"},
		{"A23 an extra field", strings.Replace(good, "seq 1", "mood good\nseq 1", 1), "malformed-ref"},
		{"A23 an attribute added", strings.Replace(good, "key ", "attr size 1\nkey ", 1), "bad-seal"},
		{"A23 fields in another order", strings.Replace(good, "ns default\nname main\n", "name main\nns default\n", 1), "malformed-ref"},
		{"A23 5 MB", good + strings.Repeat("\n", 5<<20), "malformed-ref"},
		{"A23 NUL", strings.Replace(good, "main", "ma\x00n", 1), "malformed-ref"},
		{"A36 an escape", strings.Replace(good, "main", "\x1b[31m", 1), "malformed-ref"},
		{"of a key that is not in the ring", sealedRef(t, keyB, body), "bad-seal"},
		{"of the empty key", sealedRef(t, "", body), "bad-seal"},
		{"empty", "", "malformed-ref"},
	}
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			b := *b
			b.t = t
			b.plantRef("main", test.stored)
			b.wantRefMiss("main", test.reason)
			if got := b.read(b.ref("main")); got != test.stored {
				t.Error("reading has changed the file")
			}
		})
	}
	b.plantRef("main", good)
	b.run("ref", "get", "main").want(t, 0, digest+"\n", "")
	b.run("cat", "main").want(t, 0, "the genuine payload\n", "")
	b.wantClean()
}

// wantRefMiss wants that nothing of a ref is believed, by any command.
func (b *box) wantRefMiss(name, reason string) {
	t := b.t
	t.Helper()
	why := `[^\n]*\(` + reason + `\)\n`
	for _, args := range [][]string{{"ref", "get", name}, {"ref", "log", name}, {"cat", name}, {"stat", name}, {"ref", "set", "copy", name}} {
		b.run(args...).want(t, 1, "", "fsk: error: (ref )?"+name+": "+why)
	}
	list := lines(t, b.run("--json", "ref", "get", name).out)
	if e := find(list, "error"); e == nil || e["reason"] != reason || e["path"] != "refs/"+name {
		t.Errorf("ref get --json: %v", list)
	}
	if r := b.input(name+"\n").run("cat", "--batch"); r.code != 1 || r.out != name+" "+reason+"\n" {
		t.Errorf("cat --batch: exit %d, %q", r.code, r.out)
	}
	if r := b.run("ref", "ls"); r.out != "" || reason != "wrong-namespace" && (r.code != 1 || !strings.Contains(r.err, "("+reason+")")) {
		t.Errorf("ref ls: exit %d, %q, %q", r.code, r.out, r.err)
	}
	if r := b.run("ref", "set", "--old", digestOf("x"), name, digestOf("the genuine payload\n")); r.code != 1 || !strings.Contains(r.err, "("+reason+")") {
		t.Errorf("ref set --old: exit %d, %q", r.code, r.err)
	}
	if reason == "wrong-namespace" { // somebody else's, and as it should be
		return
	}
	r := b.run("--json", "fsck")
	if f := find(lines(t, r.out), "finding"); r.code != 1 || f == nil || f["reason"] != reason || f["path"] != "refs/"+name || f["next"] == "" {
		t.Errorf("fsck: exit %d, %s", r.code, r.out)
	}
}

// A19 and A21: who has seen a newer record notices that an older one, or none, is there;
// who has not does not, unless he says how old it may be.
func TestRolledBackRef(t *testing.T) {
	b := newBox(t)
	one, two := b.add("one"), b.add("two")
	b.run("ref", "set", "main", one).want(t, 0, "", "")
	old := b.read(b.ref("main"))
	b.run("ref", "set", "main", two).want(t, 0, "", "")
	fresh := b.with("XDG_STATE_HOME=" + b.mkdir("fresh"))

	b.plantRef("main", old)
	b.run("ref", "get", "main").want(t, 1, "", `fsk: error: ref main: [^\n]* \(rolled-back\)\nfsk: hint: fsk ref accept main, [^\n]*\n`)
	fresh.run("ref", "get", "main").want(t, 0, one+"\n", "")

	if err := os.Remove(b.ref("main")); err != nil {
		t.Fatal(err)
	}
	b.run("ref", "get", "main").want(t, 1, "", `fsk: error: ref main: [^\n]* \(ref-gone\)\nfsk: hint: [^\n]*\n`)
	b.with("XDG_STATE_HOME="+b.mkdir("never")).run("ref", "get", "main").want(t, 1, "", `fsk: error: ref main: no such ref \(missing\)\n`)

	b.plantRef("main", sealedRef(t, keyA, refBody("default", "main", two)))
	b.plantRef("frozen", sealedRef(t, keyA, refBody("default", "frozen", one)))
	fresh.run("ref", "get", "main").want(t, 1, "", `fsk: error: ref main: [^\n]* \(ref-fork\)\nfsk: hint: [^\n]*\n`)
	b.run("ref", "get", "frozen").want(t, 0, one+"\n", "")
	b.run("ref", "get", "--max-age", "1ms", "frozen").want(t, 1, "", `fsk: error: ref frozen: [^\n]* \(ref-expired\)\n`)
}

// A24: what cannot be the name of a ref.
func TestBadRefNames(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	commands := [][]string{{"ref", "get", "--"}, {"ref", "rm", "--"}, {"ref", "log", "--"}, {"ref", "accept", "--"}}
	for i, name := range badNames {
		for j, command := range commands {
			if !full && (i+j)%4 != 0 {
				continue
			}
			r := b.run(append(command, name)...)
			if r.code != 2 || r.out != "" || !strings.Contains(r.err, "(bad-name)") {
				t.Errorf("%q %q: exit %d, %q, %q", command, name, r.code, r.out, r.err)
			}
		}
		if r := b.run("ref", "set", "--", name, digest); r.code != 2 {
			t.Errorf("ref set %q: exit %d, %s", name, r.code, r.err)
		}
		if r := b.input("x").run("add", "--ref="+name, "-"); r.code != 2 || r.out != "" {
			t.Errorf("add --ref %q: exit %d, %q, %s", name, r.code, r.out, r.err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(b.store, "refs"))
	if err != nil || len(entries) != 0 {
		t.Errorf("refs has %v, %v", entries, err)
	}
	if _, err := os.Lstat(filepath.Join(b.env["HOME"], ".local")); err == nil {
		t.Error("something is remembered of a name that can be none")
	}
}

// Item 3 of the issue, for a ref that was copied with the shell.
func TestCopiedRef(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	b.run("ref", "set", "builds/one", digest).want(t, 0, "", "")
	b.write(b.ref("builds/two"), b.read(b.ref("builds/one")))
	b.run("ref", "get", "builds/two").want(t, 1, "", `fsk: error: ref builds/two: [^\n]* \(wrong-name\)\n`)
	b.run("ref", "ls").want(t, 1, digest+"  builds/one\n", `fsk: error: ref builds/two: [^\n]* \(wrong-name\)\n`)
	b.run("ref", "set", "builds/two", digest).want(t, 0, "", "")
	b.wantClean()
}
