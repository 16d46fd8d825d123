package main_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/blake3"
)

// What an attacker who knows the format can make, without the code under test.

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func digestOf(payload string) string {
	sum := blake3.Sum256([]byte(payload))
	return hex.EncodeToString(sum[:])
}

// trailer is the seal of a payload under a key of hexadecimal digits.
func trailer(t testing.TB, key, payload string) string {
	t.Helper()
	mac := hmac.New(sha256.New, unhex(t, key))
	mac.Write([]byte(payload))
	return hex.EncodeToString(mac.Sum(nil))
}

func sealed(t testing.TB, key, payload string) string { return payload + trailer(t, key, payload) }

// object is the path of an object's file.
func (b *box) object(digest string) string {
	return filepath.Join(b.store, "objects", digest[:2], digest[2:])
}

// plant puts bytes in the place of an object, whatever is there.
func (b *box) plant(digest, stored string) {
	b.t.Helper()
	b.clear(digest)
	b.write(b.object(digest), stored)
}

// clear takes away what is in the place of an object, and makes its directory.
func (b *box) clear(digest string) string {
	b.t.Helper()
	path := b.object(digest)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		b.t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// write makes a file; a relative name is in the working directory.
func (b *box) write(name, content string) string {
	b.t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(b.dir, name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return name
}

func (b *box) read(name string) string {
	b.t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(content)
}

// leftovers returns the temporary files of the store.
func (b *box) leftovers() []string {
	b.t.Helper()
	entries, err := os.ReadDir(filepath.Join(b.store, "tmp"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// wantMiss wants a read that releases nothing and gives the reason, in the message and
// in JSON, from cat, from stat and from fsck.
func (b *box) wantMiss(digest, reason string) {
	b.t.Helper()
	r := b.run("cat", digest)
	if r.code != 1 || r.out != "" || !strings.HasSuffix(r.err, "("+reason+")\n") || !strings.Contains(r.err, digest) {
		b.t.Errorf("cat: exit %d, stdout %.100q, stderr %q, want 1, nothing and %s", r.code, r.out, r.err, reason)
	}
	if r.took > 10e9 {
		b.t.Errorf("cat took %v", r.took)
	}
	r = b.run("--json", "cat", digest)
	list := lines(b.t, r.err)
	if e := find(list, "error"); r.code != 1 || r.out != "" || e == nil || e["reason"] != reason {
		b.t.Errorf("cat --json: exit %d, stdout %.100q, stderr %s", r.code, r.out, r.err)
	}
	r = b.run("--json", "stat", digest)
	list = lines(b.t, r.out)
	if o := find(list, "object"); r.code != 1 || r.err != "" || o == nil || o["reason"] != reason || o["digest"] != digest {
		b.t.Errorf("stat --json: exit %d, stdout %s, stderr %q, want %s", r.code, r.out, r.err, reason)
	}
	r = b.run("--json", "fsck", digest)
	list = lines(b.t, r.out)
	if f := find(list, "finding"); r.code != 1 || r.err != "" || f == nil || f["reason"] != reason || f["severity"] != "error" || f["next"] == "" {
		b.t.Errorf("fsck --json: exit %d, stdout %s, stderr %q, want %s", r.code, r.out, r.err, reason)
	}
	if out := b.input(digest+"\n").run("cat", "--batch"); out.code != 1 || out.out != digest+" "+reason+"\n" || out.err != "" {
		b.t.Errorf("cat --batch: exit %d, stdout %.200q, stderr %q", out.code, out.out, out.err)
	}
}

// wantPayload wants a read that succeeds.
func (b *box) wantPayload(digest, payload string) {
	b.t.Helper()
	if r := b.run("cat", digest); r.code != 0 || r.out != payload || r.err != "" {
		b.t.Errorf("cat %s: exit %d, %d bytes, stderr %q, want %d bytes", digest, r.code, len(r.out), r.err, len(payload))
	}
}

// wantClean wants that fsck finds nothing but notes of the allowed reasons. A pack without
// index, which an add leaves that was killed, is a warning and is allowed likewise.
func (b *box) wantClean(allowed ...string) {
	b.t.Helper()
	r := b.run("--json", "fsck")
	worst := 0
	for _, v := range lines(b.t, r.out) {
		if v["type"] != "finding" {
			continue
		}
		if v["reason"] == "no-index" {
			worst = 1
		} else if v["severity"] != "note" {
			b.t.Errorf("fsck: finding %v", v)
		}
		if !slices.Contains(allowed, v["reason"].(string)) {
			b.t.Errorf("fsck: finding %v", v)
		}
	}
	if r.code != worst || r.err != "" {
		b.t.Errorf("fsck: exit %d, stdout %s, stderr %q", r.code, r.out, r.err)
	}
}
