package main_test

import (
	"strings"
	"testing"
)

// A32: what is no key is an error that names the position and shows nothing of it.
func TestBadKeys(t *testing.T) {
	const k = keyA
	many := make([]string, 17)
	for i := range many {
		many[i] = k[:60] + string("0123456789abcdefg"[i]) + "123"
	}
	many[16] = k[:59] + "01234"
	tests := []struct{ claim, keys, says string }{
		{"empty", "", `no key given: the value is set but empty`},
		{"only a colon", ":", `key 1 is empty`},
		{"colon at the end", k + ":", `key 2 is empty`},
		{"colon before", ":" + k, `key 1 is empty`},
		{"two colons", keyB + "::" + k, `key 2 is empty`},
		{"odd number of digits", k[1:], `key 1 has an odd number of hexadecimal digits`},
		{"odd number in the second", k + ":" + keyB[1:], `key 2 has an odd number of hexadecimal digits`},
		{"space in it", k[:30] + " " + k[31:], `key 1 has a character that is not a hexadecimal digit`},
		{"space before", " " + k, `key 1 has a character that is not a hexadecimal digit`},
		{"line feed after it", k + "\n", `key 1 has a character that is not a hexadecimal digit`},
		{"CR after it", k + "\r", `key 1 has a character that is not a hexadecimal digit`},
		{"0x before it", "0x" + k, `key 1 has a character that is not a hexadecimal digit`},
		{"full-width digits", strings.Repeat("\uff11", 64), `key 1 has a character that is not a hexadecimal digit`},
		{"quotes", `"` + k + `"`, `key 1 has a character that is not a hexadecimal digit`},
		{"comma", k + "," + keyB, `key 1 has a character that is not a hexadecimal digit`},
		{"escape sequence", "\x1b[31m" + k, `key 1 has a character that is not a hexadecimal digit`},
		{"no text at all", "not a key", `key 1 has a character that is not a hexadecimal digit`},
		{"17 keys", strings.Join(many, ":"), `key 17 is one too many: at most 16 are allowed`},
	}
	b := newBox(t)
	digest := b.add("payload")
	file := b.write("file", "x")
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			bad := b.with("FLECHE_SECRET_KEY=" + test.keys)
			for _, args := range [][]string{{"cat", digest}, {"add", file}, {"ls"}, {"fsck"}, {"status"}, {"key", "ls"}, {"--json", "stat", digest}} {
				r := bad.run(args...)
				if args[0] == "--json" {
					if e := find(lines(t, r.out), "error"); r.code != 2 || e["why"] != "FLECHE_SECRET_KEY: "+test.says {
						t.Errorf("%q: exit %d, %s", args, r.code, r.out)
					}
				} else {
					r.want(t, 2, "", `fsk: error: FLECHE_SECRET_KEY: `+test.says+`\nfsk: hint: .*\n`)
				}
				for i := 0; i+6 <= len(test.keys) && len(test.keys) > 12; i++ {
					if window := test.keys[i : i+6]; strings.Contains(r.err+r.out, window) {
						t.Fatalf("%q shows %q of the key: %s%s", args, window, r.out, r.err)
					}
				}
			}
		})
	}
	b.wantPayload(digest, "payload")
}

// Keys that work but are worth a warning.
func TestKeysWithWarnings(t *testing.T) {
	tests := []struct {
		claim, keys string
		warnings    int
		ids         int
	}{
		{"two keys", keyA + ":" + keyB, 0, 2},
		{"upper case", strings.ToUpper(keyA), 0, 1},
		{"the same twice", keyA + ":" + keyA, 1, 1},
		{"the same in another case", keyA + ":" + strings.ToUpper(keyA), 1, 1},
		{"K and K with NUL", keyA + ":" + keyA + "00", 1, 1},
		{"31 bytes", keyA[2:], 1, 1},
		{"one byte", "aa", 1, 1},
	}
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			b := newBox(t).with("FLECHE_SECRET_KEY=" + test.keys)
			r := b.run("key", "ls")
			if r.code != 0 || strings.Count(r.err, "fsk: warning: FLECHE_SECRET_KEY: key ") != test.warnings || strings.Count(r.err, "\n") != test.warnings {
				t.Errorf("exit %d, stderr %q, want %d warnings", r.code, r.err, test.warnings)
			}
			if strings.Count(r.out, "\n") != test.ids || !strings.Contains(r.out, "  first  FLECHE_SECRET_KEY\n") {
				t.Errorf("stdout %q", r.out)
			}
			if r := b.run("-q", "key", "ls"); r.err != "" {
				t.Errorf("-q: stderr %q", r.err)
			}
		})
	}
}

// Rotation, as its operator sees it.
func TestRotation(t *testing.T) {
	b := newBox(t)
	old := b.with("FLECHE_SECRET_KEY=" + keyA)
	both := b.with("FLECHE_SECRET_KEY=" + keyB + ":" + keyA)
	onlyNew := b.with("FLECHE_SECRET_KEY=" + keyB)
	digest := old.add("old payload")
	both.wantPayload(digest, "old payload")
	r := both.run("--json", "stat", digest)
	if o := find(lines(t, r.out), "object"); r.code != 0 || o["reason"] != "ok" || o["retired"] != true || o["key"] == nil {
		t.Errorf("stat: exit %d, %s", r.code, r.out)
	}
	newer := both.add("new payload")
	if got := b.read(b.object(newer)); got != sealed(t, keyB, "new payload") {
		t.Error("the new object is not sealed by the first key")
	}
	r = both.run("stat", digest, newer)
	if r.code != 0 || strings.Count(r.out, "  retired  ") != 1 || strings.Count(r.out, "  first  ") != 1 {
		t.Errorf("stat: exit %d, %s", r.code, r.out)
	}
	both.wantClean("retired")
	onlyNew.wantMiss(digest, "bad-seal")
	r = onlyNew.run("cat", digest)
	r.want(t, 1, "", `fsk: error: object `+digest+`: present, but sealed by no key of the ring: tampered with, or a key is missing \(bad-seal\)\n`)
	if r := onlyNew.run("fsck"); r.code != 1 || !strings.Contains(r.out, "sealed by no key of the ring") {
		t.Errorf("fsck: exit %d, %s", r.code, r.out)
	}
	onlyNew.wantPayload(newer, "new payload")
	// Another installation's objects become readable when its key is appended.
	foreign := b.with("FLECHE_SECRET_KEY=" + strings.Repeat("ab", 32))
	other := foreign.add("foreign payload")
	both.wantMiss(other, "bad-seal")
	b.with("FLECHE_SECRET_KEY="+keyB+":"+keyA+":"+strings.Repeat("ab", 32)).wantPayload(other, "foreign payload")
	// What a key of the ring sealed is a duplicate and stays; with only the new key it is
	// stored again.
	if both.add("old payload"); b.read(b.object(digest)) != sealed(t, keyA, "old payload") {
		t.Error("add changed a good object")
	}
	if onlyNew.add("old payload"); b.read(b.object(digest)) != sealed(t, keyB, "old payload") {
		t.Error("add left an object that it cannot verify")
	}
	// Without keys, sealed bytes are never replaced by plain ones.
	off := b.with("FLECHE_SECRET_KEY")
	if off.add("old payload"); b.read(b.object(digest)) != sealed(t, keyB, "old payload") {
		t.Error("add without keys replaced a sealed object")
	}
}
