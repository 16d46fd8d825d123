package config

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	const head = "[default]\ncache='c'\n" // the rest begins in line 3
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "[c]\nvalues.root='s'\nfoo=1\n", ":5:1: c.foo: unknown key"},
		{"the first unknown key", "[c]\n zeta=1\n alpha=2\n", ":4:2: c.zeta: unknown key"},
		{"unknown key in a table", "[c.policy]\nrequireseal=true\n", ":4:1: c.policy.requireseal: unknown key"},
		{"unknown dotted key", "[c]\npolicy.x=1\n", ":4:8: c.policy.x: unknown key"},
		{"unknown key in an inline table", "[c]\nrefs={namespace='a', y=1}\n", ":4:22: c.refs.y: unknown key"},
		{"unknown table", "[c]\n[c.hooks]\nx=1\n", ":4:4: c.hooks: unknown key"},
		{"a key with a strange name", "[c]\n\"a b\\u001b\"=1\n", `:4:1: c."a b\x1b": unknown key`},
		{"a secret as a key", "[c]\n" + canary + "=1\n", ":4:1: c.…: unknown key"},
		{"a secret below secret_key", "[c]\npolicy.secret_key." + short + "=1\n", ":4:8: c.policy.secret_key: unknown key"},
		{"no section", "c=1\n", ":2:1: default.cache: no configuration file has a section"},
		{"a list of sections", "[[c]]\nvalues.root='s'\n", ":3:3: c: is a list of caches"},
		{"unknown type", "[c]\nvalues.type='" + short + "'\n", ":4:8: c.values.type: unknown type"},
		{"unknown template", "[c]\ntemplate='memory'\n", ":4:1: c.template: "},
		{"a root without a template", "[c]\nroot='s'\n", ":4:1: c.root: has a meaning only"},
		{"a cache of fleche without a directory", "[c]\nvalues.type='pickle'\n", ":3:2: c: names no directory"},
		{"a root that is no string", "[c]\nvalues.root=['" + canary + "']\n", ":4:8: c.values.root: must be a string"},
		{"an empty root", "[c]\nvalues.root=''\n", "c.values.root: must not be empty"},
		{"somebody else's home", "[c]\nvalues.root='~bob/s'\n", "c.values.root: starts with"},
		{"a NUL in a root", "[c]\nvalues.root=\"a\\u0000b\"\n", "c.values.root: holds a NUL"},
		{"values that are no table", "[c]\nvalues='" + canary + "'\n", ":4:1: c.values: must be a table"},
		{"durability", "[c]\ndurability='fast'\n", ":4:1: c.durability: must be"},
		{"policy keys", "[c.policy]\nkeys='second'\n", ":4:1: c.policy.keys: must be"},
		{"require_seal", "[c.policy]\nrequire_seal='true'\n", ":4:1: c.policy.require_seal: must be true or false"},
		{"deny of another type", "[c.policy]\ndeny='" + canary + "'\n", ":4:1: c.policy.deny: must be a list"},
		{"deny with upper case", "[c.policy]\ndeny=['" + strings.Repeat("0", 64) + "', '" + strings.ToUpper(canary) + "']\n", ":4:1: c.policy.deny: entry 2 is not"},
		{"deny with a number", "[c.policy]\ndeny=[1]\n", "entry 1 is not"},
		{"pre_read in a walked file", "[[c.policy.pre_read]]\nrun=['/bin/true']\n", ":3:12: c.policy.pre_read: hook programs are not run for a file"},
		{"a namespace", "[c]\nrefs.namespace='CI'\n", ":4:6: c.refs.namespace: is not a namespace"},
		{"a key that is a number", "[c]\nvalues.secret_key=123456\n", ":4:8: c.values.secret_key: must be a string or"},
		{"a key among others that is a number", "[c]\nvalues.secret_key=['" + canary + "', 7]\n", ":4:8: c.values.secret_key: key 2 is not a string"},
		{"no key", "[c]\nvalues.secret_key=[]\n", "c.values.secret_key: no key given"},
		{"an empty key", "[c]\nvalues.secret_key=''\n", "c.values.secret_key: no key given"},
		{"keys with colons in a list", "[c]\nvalues.secret_key=['" + canary + ":" + canary2 + "']\n", "key 1 has a character"},
		{"a key in an inline table", "[c]\nvalues={secret_key='" + canary + "x'}\n", ":4:9: c.values.secret_key: key 1 has a character"},
		{"syntax", "[c]\nvalues.secret_key = " + canary + "\n", ":4:2"},
		{"an open string", "[c]\nvalues.secret_key = \"" + canary + "\n", ":4:86: TOML syntax error"},
		{"a secret given twice", "[c]\nvalues.secret_key='" + canary + "'\nvalues.secret_key='" + canary2 + "'\n", ":5:1: values.secret_key: is defined twice"},
		{"a secret that is a key twice", "[c]\n" + canary + "=1\n" + canary + "=2\n", ":5:1: …: is defined twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			path := w.write(walked, head+tt.text)
			want := tt.want
			if want[0] == ':' {
				want = path + want
			}
			w.fails(want)
		})
	}
}

func TestCacheWithoutSection(t *testing.T) {
	w := newWorld(t)
	path := w.write(walked, "[default]\n cache='nowhere'\n")
	w.fails(path + ":2:2: default.cache: no configuration file has a section")
	w.write(walked, "c=1\n[default]\ncache='c'\n")
	w.fails(path + ":1:1: c: must be a table")
	w.in.Cache = "memory"
	w.fails("--cache: no configuration file has a section")
	w.in.Cache = "default"
	w.fails("--cache: no configuration file has a section")
}

func TestAcceptedKeys(t *testing.T) {
	for name, text := range map[string]string{
		"fleche's own keys":         "[default]\ncache='c'\nmetadata=['Runtime']\n[c]\nvalues.root='s'\nvalues.compress=true\ncalls.type='sql'\ncalls.url='x'\nread_only=true\nmax_size=3\nmetadata=[]\ntemplate='anything'\nvalues.type='dill'\n",
		"a section not in use":      "[other]\nnonsense=1\nvalues.type='what'\n[other.policy]\npre_read='x'\n",
		"a list that is not in use": "[[stack]]\nvalues.type='memory'\n",
		"tables":                    "[default]\ncache='c'\n[c.values]\ntype='fsk'\nroot='s'\n[c.refs]\nnamespace='a'\n[c.policy]\nkeys='any'\n",
		"dots":                      "default.cache='c'\nc.values.type='fsk'\nc.values.root='s'\nc.refs.namespace='a'\nc.policy.keys='any'\n",
		"quotes and escapes":        "[\"default\"]\n\"c\\u0061che\"='c'\n['c'.values]\ntype='fsk'\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write(walked, text)
			w.load()
		})
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "17B": 17, "8GiB": 8 << 30, "512MiB": 512 << 20, "100MB": 100e6, "3kB": 3000, "3KB": 3000, "3KiB": 3072,
		"2GB": 2e9, "2TB": 2e12, "8388607TiB": 8388607 << 40, "9223372036854775807": 1<<63 - 1,
		"8388608TiB": 0, "9223372036854775808": 0, "99999999999999999999TB": 0, "": 0, "GiB": 0, "0": 0, "08": 0, "0GiB": 0,
		"-1": 0, "+1": 0, "1 GiB": 0, " 1": 0, "1\n": 0, "1.5GiB": 0, "1gib": 0, "1G": 0, "1GiBGiB": 0, "1e3": 0, "1_000": 0, "0x10": 0, "１": 0,
	} {
		if got, ok := ParseSize(text); got != want || ok != (want != 0) {
			t.Errorf("ParseSize(%q) = %d, %t; want %d", text, got, ok, want)
		}
	}
	for text, want := range map[string]int64{"1024": 1024, "'1KiB'": 1024, "0": 0, "-1": 0, "1.5": 0, "true": 0, "[1]": 0, "'0'": 0} {
		w := newWorld(t)
		w.write(walked, "[default]\ncache='c'\n[c.policy]\nmax_object_size="+text+"\n")
		if want == 0 {
			w.fails(":4:1: c.policy.max_object_size: is not a size")
		} else if got := w.load().Policy.MaxObjectSize; got != want {
			t.Errorf("max_object_size = %s gave %d", text, got)
		}
	}
}

// Every key of a document is found where it stands.
func TestLocate(t *testing.T) {
	const doc = "a=1\nb.c=2\n[d]\n e = { f = { g = 1 } }\n[d.h.\"i j\"]\nk=1\r\n[[l.m]]\nn=1\n[[l.m]]\no=1\n"
	for path, want := range map[string]string{
		"a": "1:1", "b": "2:1", "b.c": "2:3", "d": "3:2", "d.e": "4:2", "d.e.f": "4:8", "d.e.f.g": "4:14",
		"d.h": "5:4", "d.h.i j": "5:6", "d.h.i j.k": "6:1", "l": "7:3", "l.m": "7:5", "l.m.o": "10:1", "x": "0:0", "a.b": "0:0", "d.e.g": "0:0",
	} {
		parts := strings.Split(path, ".")
		last := parts[len(parts)-1]
		_, line, column := locate([]byte(doc), parts[:len(parts)-1], func(key string) bool { return key == last })
		if got := strconv.Itoa(line) + ":" + strconv.Itoa(column); got != want {
			t.Errorf("locate(%s) = %s, want %s", path, got, want)
		}
	}
}

// A file costs little, whatever is in it. A quarter of the largest size will do: the
// worst cases grow with its square, and the race detector makes them 20 times slower.
func TestCostlyFiles(t *testing.T) {
	repeat := func(line func(i int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < MaxFileSize/4; i++ {
			b.WriteString(line(i))
		}
		return b.String()
	}
	n := strconv.Itoa
	const head = "[default]\ncache='c'\n[c]\n"
	for name, text := range map[string]string{
		"unknown keys":  head + repeat(func(i int) string { return "k" + n(i) + "=1\n" }),
		"tables":        repeat(func(i int) string { return "[k" + n(i) + "]\n" }),
		"lists":         repeat(func(i int) string { return "[[k]]\n" }),
		"a deep table":  "[" + repeat(func(i int) string { return "a." }) + "a]\n",
		"a deep key":    repeat(func(i int) string { return "a." }) + "a=1\n",
		"deep lists":    "a=" + repeat(func(i int) string { return "[" }),
		"deep tables":   "a=" + repeat(func(i int) string { return "{a=" }),
		"inline tables": head + "values={" + repeat(func(i int) string { return "k" + n(i) + "={}," }) + "z=1}\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write(walked, text)
			start := time.Now()
			_, err := Load(w.in)
			if took := time.Since(start); took > 30*time.Second { // milliseconds on a machine that does nothing else
				t.Errorf("took %v (%v)", took, err)
			}
		})
	}
}
