package config

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fsk/hooks"
	"fsk/objects"
	"fsk/seal"
)

const (
	digest1 = "0000000000000000000000000000000000000000000000000000000000000001"
	digest2 = "0000000000000000000000000000000000000000000000000000000000000002"
	useC    = "[default]\ncache='c'\n[c]\n"
)

func TestPreRead(t *testing.T) {
	const hook = "[[c.policy.pre_read]]\nrun=['/bin/true']\nblake3='" + digest1 + "'\n"
	w := newWorld(t)
	w.write(walked, "[default]\ncache='c'\n"+hook)
	w.fails("c.policy.pre_read", "found by walking up", "cache.toml")
	w.in.Store = "/x"
	w.fails("found by walking up")
	w.in.File = filepath.Join(w.root, walked)
	if p := w.load().Policy.PreRead; len(p) != 1 || p[0].From != w.in.File+" [c]" {
		t.Errorf("with --config: %+v", p)
	}

	// A walked file takes nothing away from the user's own.
	w = newWorld(t)
	w.write(own, "[default]\ncache='c'\n"+hook+"timeout='1m30s'\n[[c.policy.pre_read]]\nrun=['/bin/false', '-x']\nblake3='"+digest2+"'\n[d.policy]\npre_read=[]\n")
	w.write(walked, "[default]\nroot=true\ncache='d'\n[d]\n")
	p := w.load().Policy.PreRead
	if len(p) != 2 {
		t.Fatalf("PreRead = %+v", p)
	}
	for i, want := range []struct {
		run     string
		pin     string
		timeout time.Duration
	}{{"/bin/true", digest1, 90 * time.Second}, {"/bin/false -x", digest2, hooks.DefaultTimeout}} {
		h := p[i].Program
		if strings.Join(h.Run(), " ") != want.run || h.BLAKE3().String() != want.pin || h.Timeout() != want.timeout || !strings.HasSuffix(p[i].From, "cache.toml [c]") {
			t.Errorf("hook %d: %v %v %v from %s", i, h.Run(), h.BLAKE3(), h.Timeout(), p[i].From)
		}
	}
	w.write(own, "[default]\ncache='c'\n[c.policy]\npre_read=[{run=['/bin/true'], blake3='"+digest1+"'}]\n")
	if p := w.load().Policy.PreRead; len(p) != 1 {
		t.Errorf("an inline table: %+v", p)
	}
}

func TestPreReadFaults(t *testing.T) {
	const good = "[[c.policy.pre_read]]\nrun=['/bin/true']\nblake3='" + digest1 + "'\n" // lines 4 to 6
	for _, tt := range []struct{ name, text, want string }{
		{"no list", "policy.pre_read='" + canary + "'\n", ":4:8: c.policy.pre_read: must be tables"},
		{"a table", "policy.pre_read={run=['/x']}\n", ":4:8: c.policy.pre_read: must be tables"},
		{"a list of something else", "policy.pre_read=['" + canary + "']\n", ":4:8: c.policy.pre_read: must be tables"},
		{"nothing in it", "[[c.policy.pre_read]]\n", ":4:12: c.policy.pre_read: program 1: run must be"},
		{"no digest", "[[c.policy.pre_read]]\nrun=['/bin/true']\n", ":4:12: c.policy.pre_read: program 1: blake3 must be"},
		{"the second", good + "[[c.policy.pre_read]]\nrun=['/bin/true']\n", ":7:12: c.policy.pre_read: program 2: blake3 must be"},
		{"the second of inline tables", "policy.pre_read=[{run=['/x'], blake3='" + digest1 + "'}, {run=['/x']}]\n", ":4:8: c.policy.pre_read: program 2: blake3 must be"},
		{"unknown key", good + "env='" + canary + "'\n", ":4:12: c.policy.pre_read: program 1: unknown key env"},
		{"a secret as a key", good + canary + "=1\n", "unknown key …"},
		{"a relative path", "[[c.policy.pre_read]]\nrun=['true']\n", "program 1: run must be"},
		{"a home directory", "[[c.policy.pre_read]]\nrun=['~/bin/true']\n", "program 1: run must be"},
		{"a string", "[[c.policy.pre_read]]\nrun='/bin/true " + canary + "'\n", "program 1: run must be"},
		{"an empty list", "[[c.policy.pre_read]]\nrun=[]\n", "program 1: run must be"},
		{"a number", "[[c.policy.pre_read]]\nrun=['/bin/true', 5]\n", "run must be a list of strings"},
		{"NUL", strings.Replace(good, "'/bin/true'", "'/bin/true', \"a\\u0000\"", 1), "NUL"},
		{"a digest in upper case", strings.Replace(good, digest1, strings.ToUpper(canary), 1), "blake3 must be"},
		{"a zero digest", strings.Replace(good, digest1, strings.Repeat("0", 64), 1), "blake3 must be"},
		{"a timeout of zero", good + "timeout='0s'\n", "timeout must be"},
		{"a negative timeout", good + "timeout='-1s'\n", "timeout must be"},
		{"a long timeout", good + "timeout='2h'\n", "timeout must be"},
		{"a number as timeout", good + "timeout=10\n", "timeout must be"},
		{"a timeout without unit", good + "timeout='10'\n", "timeout must be"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.write(own, useC+tt.text)
			want := tt.want
			if want[0] == ':' {
				want = path + want
			}
			w.fails(want)
		})
	}
}

// Nothing in a store is executed or read as configuration, whatever name leads to it.
func TestNothingOfAStore(t *testing.T) {
	for _, store := range []string{"home/s", "home/other"} { // the one in use, and another one
		w := newWorld(t)
		for _, dir := range []string{"home/s", "home/other"} {
			w.write(dir+"/fsk-store", "fsk-store 1\n")
		}
		inside := w.write(store+"/hooks/pre-read", "")
		w.mkdir(filepath.Join(w.root, "elsewhere"))
		if err := os.Symlink(inside, filepath.Join(w.root, "elsewhere", "link")); err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(filepath.Dir(inside), filepath.Join(w.root, "elsewhere", "dir")); err != nil {
			t.Skip(err)
		}
		for _, path := range []string{inside, w.root + "/elsewhere/link", w.root + "/elsewhere/dir/pre-read", w.root + "/elsewhere/dir/absent",
			filepath.Join(w.root, store, "objects/ab/x"), filepath.Join(w.root, store) + "/../" + filepath.Base(store) + "/x"} {
			text := useC + "values.root='" + w.home + "/s'\n"
			hook := func(run string) string {
				return text + "[[c.policy.pre_read]]\nrun=[" + run + "]\nblake3='" + digest1 + "'\n"
			}
			w.write(own, hook(strconv.Quote(path)))
			w.fails("argument 0 is inside a store")
			w.write(own, hook("'/bin/sh', '-e', "+strconv.Quote(path)))
			w.fails("argument 2 is inside a store")
			w.write(own, text+"policy.deny_file="+strconv.Quote(path)+"\n")
			w.fails("c.policy.deny_file", "inside a store")
		}
	}
}

func TestKeyIDs(t *testing.T) {
	ring, err := seal.ParseKeys(canary + ":" + canary2)
	if err != nil {
		t.Fatal(err)
	}
	a, b := ring.ID(0).String(), ring.ID(1).String()
	w := newWorld(t)
	mine := w.write(own, useC+"policy.keys=['"+a+"', '"+b+"']\n")
	near := w.write(walked, useC+"policy.keys=['"+b+"']\n")
	p := w.load().Policy
	if len(p.KeyLists) != 2 || len(p.KeyLists[0].IDs) != 2 || p.KeyLists[0].From != mine+" [c]" ||
		p.KeyLists[1].IDs[0] != ring.ID(1) || p.KeyLists[1].From != near+" [c]" || p.FirstKeyOnly {
		t.Errorf("policy %+v", p)
	}
	for text, want := range map[string]string{
		"[]":                              "names no key",
		"[5]":                             "entry 1 is not a key id",
		"['" + a + "', '" + canary + "']": "entry 2 is not a key id",
		"['" + strings.ToUpper(a) + "']":  "entry 1 is not a key id",
		"['" + a[:15] + "']":              "entry 1 is not a key id",
		"['first']":                       "entry 1 is not a key id",
		"['" + a[:14] + "g0']":            "entry 1 is not a key id",
		"5":                               `must be "any", "first" or a list`,
		"'" + a + "'":                     `must be "any", "first" or a list`,
		"''":                              `must be "any", "first" or a list`,
		"true":                            `must be "any", "first" or a list`,
	} {
		path := w.write(walked, useC+"policy.keys="+text+"\n")
		w.fails(path+":4:8: c.policy.keys: ", want)
	}
}

func TestDenyFile(t *testing.T) {
	w := newWorld(t)
	w.write("home/project/revoked", "# two\n"+digest2+"\n"+digest1+"\n")
	w.write(walked, useC+"policy.deny_file='revoked'\npolicy.deny=['"+digest1+"']\n")
	p := w.load().Policy
	if len(p.Deny) != 2 || p.Deny[0].List.Len() != 1 || p.Deny[1].List.Len() != 2 || !strings.HasSuffix(p.Deny[1].From, "fleche.toml [c] deny_file") {
		t.Errorf("policy %+v", p)
	}
	d, _ := objects.ParseDigest(digest2)
	if err := p.Deny[1].List.PreRead(t.Context(), objects.Info{Digest: d}, nil); err == nil {
		t.Error("what is on the list is let through")
	}
	w.write("home/revoked", "")
	w.write(walked, useC+"policy.deny_file='~/revoked'\n")
	if p := w.load().Policy; len(p.Deny) != 1 || p.Deny[0].List.Len() != 0 {
		t.Errorf("an empty list: %+v", p)
	}

	big := w.write("home/big", "")
	if err := os.Truncate(big, MaxDenyFileSize+1); err != nil {
		t.Fatal(err)
	}
	w.write("home/cut", digest1)
	w.write("home/bad", digest1+"\n"+canary+"0\n")
	for text, want := range map[string]string{
		"'nowhere'":         "the list cannot be read",
		"'/proc/nowhere/x'": "the list cannot be read",
		"'" + canary + "'":  "the list cannot be read",
		"'~/cut'":           "the list has a fault: line 1: does not end in a line feed",
		"'~/bad'":           "the list has a fault: line 2: is not a digest",
		"'~/big'":           "the list is larger than 512 MiB",
		"'~/.config'":       "",
		"'~bob/x'":          "starts with",
		"''":                "must not be empty",
		"['~/revoked']":     "must be a string",
	} {
		w.mkdir(filepath.Join(w.home, ".config"))
		path := w.write(walked, useC+"policy.deny_file="+text+"\n")
		w.fails(path+":4:8: c.policy.deny_file: ", want)
	}
}
