package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// An event is what a line of strace means for durability, with random names made equal.
var tempName = regexp.MustCompile(`tmp/[0-9a-f]{32}`)

// events reduces a trace of an add to fsync, rename, mkdir and the acknowledgement, each
// with the path in the store.
func events(t *testing.T, b *box, log string) []string {
	t.Helper()
	base := filepath.Dir(b.store)
	var list []string
	descriptor := regexp.MustCompile(`^(\d+)<([^>]*)>`)
	quoted := regexp.MustCompile(`"([^"]*)"`)
	for _, c := range trace(t, log) {
		m := descriptor.FindStringSubmatch(c.rest)
		if m == nil || !strings.Contains(c.rest, " = ") || strings.Contains(c.rest, " = -1 ") {
			continue
		}
		path := tempName.ReplaceAllString(strings.TrimPrefix(m[2], base+"/"), "tmp/*")
		switch c.name {
		case "fsync", "fdatasync":
			list = append(list, "sync "+path)
		case "mkdirat":
			list = append(list, "mkdir "+path+"/"+quoted.FindStringSubmatch(c.rest)[1])
		case "renameat", "renameat2":
			names := quoted.FindAllStringSubmatch(c.rest, 2)
			list = append(list, "rename to "+names[1][1])
		case "write":
			if m[1] == "1" {
				list = append(list, "acknowledge")
			}
		}
	}
	return list
}

// Item 7 of the issue: what is printed is durable, as the system calls show.
func TestAcknowledgedMeansDurable(t *testing.T) {
	digest := digestOf("payload")
	object := "store/objects/" + digest[:2]
	tests := []struct {
		claim  string
		before func(b *box)
		args   []string
		want   []string // in this order, with anything between
		never  string
	}{
		{"a new object in a new directory", func(b *box) { b.add("first") }, nil,
			[]string{"sync store/tmp/*", "mkdir store/objects/" + digest[:2], "rename to " + digest[2:], "sync " + object, "sync store/objects", "acknowledge"}, ""},
		{"a new object in a directory that is there", func(b *box) {
			b.add("first")
			os.Mkdir(filepath.Dir(b.object(digest)), 0o777)
		}, nil, []string{"sync store/tmp/*", "rename to " + digest[2:], "sync " + object, "sync store/objects", "acknowledge"}, "mkdir"},
		{"a duplicate, which somebody else wrote", func(b *box) { b.add("payload") }, nil,
			[]string{"sync " + object + "/" + digest[2:], "sync " + object, "sync store/objects", "acknowledge"}, "rename"},
		{"a damaged object that is replaced", func(b *box) { b.add("first"); b.plant(digest, "damaged") }, nil,
			[]string{"sync store/tmp/*", "rename to " + digest[2:], "sync " + object, "acknowledge"}, ""},
		{"a new store", func(b *box) {}, nil,
			[]string{"sync store/tmp/*", "rename to fsk-store", "sync store", "rename to " + digest[2:], "sync " + object, "sync store/objects", "acknowledge"}, ""},
		{"a removed object", func(b *box) { b.add("payload") }, []string{"rm", digest}, []string{"sync " + object}, "rename"},
	}
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			b := newBox(t)
			test.before(b)
			traced, log := b.traced("-e", "trace=fsync,fdatasync,renameat,renameat2,mkdirat,write,unlinkat")
			traced.stdin = "payload"
			args := test.args
			if args == nil {
				args = []string{"add", "-"}
			}
			if r := traced.run(args...); r.code != 0 {
				t.Fatalf("exit %d, %s", r.code, r.err)
			}
			got := events(t, b, log)
			at := 0
			for _, e := range got {
				if at < len(test.want) && e == test.want[at] {
					at++
				}
				if test.never != "" && strings.HasPrefix(e, test.never) {
					t.Errorf("%s", e)
				}
			}
			if at < len(test.want) {
				t.Errorf("no %q in its place:\n%s", test.want[at], strings.Join(got, "\n"))
			}
			for i, e := range got {
				if e == "acknowledge" && i != len(got)-1 {
					t.Errorf("after the acknowledgement: %q", got[i+1:])
				}
			}
		})
	}
	t.Run("the directory above a new store", func(t *testing.T) {
		b := newBox(t)
		b.store = filepath.Join(b.root(), "new", "deep", "store")
		traced, log := b.traced("-e", "trace=fsync")
		traced.stdin = "payload"
		traced.run("add", "-")
		text := b.read(log)
		for _, dir := range []string{"/new/deep>", "/new>", b.root() + ">"} {
			if !strings.Contains(text, dir) {
				t.Errorf("%s is not synced:\n%s", dir, text)
			}
		}
	})
	t.Run(`durability = "none" syncs nothing`, func(t *testing.T) {
		b := newBox(t)
		b.add("first")
		config := b.write("config", "[default]\ncache = \"c\"\n[c]\nvalues.root = \""+b.store+"\"\ndurability = \"none\"\n")
		traced, log := b.traced("-e", "trace=fsync,fdatasync,syncfs,sync")
		traced.stdin = "payload"
		if r := traced.run("--config", config, "add", "-"); r.code != 0 {
			t.Fatalf("exit %d, %s", r.code, r.err)
		}
		if calls := trace(t, log); len(calls) > 0 {
			t.Errorf("%q", calls)
		}
		if r := b.run("--config", config, "status"); !strings.Contains(r.out, "\ndurability: none\n") {
			t.Errorf("status: %s", r.out)
		}
		b.wantPayload(digest, "payload")
	})
	t.Run("a read writes nothing, locks nothing and opens few files", func(t *testing.T) {
		b := newBox(t)
		b.add("payload")
		traced, log := b.traced("-e", "trace=desc,file")
		traced.run("cat", digest)
		opens := 0
		for _, c := range trace(t, log) {
			switch {
			case c.name == "fcntl": // the runtime asks how the standard descriptors are open
			case c.name == "flock", c.name == "fsync", strings.Contains(c.rest, "O_CREAT"), strings.Contains(c.rest, "O_WRONLY"), strings.Contains(c.rest, "O_RDWR"),
				c.name == "unlinkat", c.name == "mkdirat", strings.HasPrefix(c.name, "rename"):
				t.Errorf("%s(%s", c.name, c.rest)
			case c.name == "openat2" && !strings.Contains(c.rest, " = -1"):
				opens++
			}
		}
		if opens > 4 {
			t.Errorf("%d files of the store are opened", opens)
		}
	})
}
