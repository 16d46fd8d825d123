package main_test

import (
	"strings"
	"testing"
)

// badNames cannot name an object: no file of the store is looked for. A24 and A25.
var badNames = []string{
	"", "abc", "AB", strings.Repeat("A", 64), strings.Repeat("a", 63) + "A", strings.Repeat("a", 65),
	"../../etc/passwd", "../x", "/etc/x", "/etc/passwd", "a//b", ".", "..", "a/..", "a/.", "./a", "a/", "/a", "a.lock", "a/b.lock/c",
	"a.", "a./b", "CON", "con", "aux.txt", "nul", "x/com1", "lpt9.x", "A", "Main", "a b", " a", "a ", "a\n", "a\r", "a\tb", "a\x1b[31m", "a\x7f",
	"\u212a", "e\u0301", "\u00e9", "\u202eabc", "\u0661\u0662\u0663\u0664", "\uff11\uff12\uff13\uff14", "\xff\xfe", "a\u009bb",
	strings.Repeat("a", 64) + "\n", "abcd\n", "abcd ", strings.Repeat("x", 5000), strings.Repeat("x", 101), "-", "_a", "a/_b", "a/-b", ".a",
	"a@b", "a{b}", "a*", "a?", `a\b`, "a:b", "~a", "HEAD",
}

// objectCommands are those that take objects.
var objectCommands = [][]string{{"cat"}, {"stat"}, {"rm"}, {"fsck"}, {"cat", "-o", "out"}, {"--json", "stat"}}

func TestArgumentThatNamesNoObject(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	for i, name := range badNames {
		for j, command := range objectCommands {
			if !full && (i+j)%3 != 0 && name != "" {
				continue
			}
			args := append(command[:len(command):len(command)], "--", name)
			r := b.run(args...)
			if r.code != 2 || command[0] != "--json" && r.out != "" && command[0] != "fsck" || !strings.Contains(r.err+r.out, "bad-name") {
				t.Errorf("%q: exit %d, stdout %q, stderr %q", args, r.code, r.out, r.err)
			}
		}
	}
	b.wantPayload(digest, "payload")
}

// In a batch, a bad line has an answer and the rest goes on.
func TestBatchLineThatNamesNoObject(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	var in strings.Builder
	for _, name := range badNames {
		if strings.Contains(name, "\n") {
			continue
		}
		in.WriteString(name + "\n")
	}
	in.WriteString(digest) // the last line may lack its end
	r := b.input(in.String()).run("cat", "--batch")
	for line := range strings.Lines(strings.TrimSuffix(r.out, digest+" 7\npayload\n")) {
		if !strings.HasSuffix(line, " bad-name\n") {
			t.Errorf("answer %q", line)
		}
	}
	if !strings.HasSuffix(r.out, "\n"+digest+" 7\npayload\n") || r.err != "" {
		t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
	if got, want := strings.Count(r.out, " bad-name\n"), strings.Count(in.String(), "\n"); got != want {
		t.Errorf("%d answers to %d bad lines", got, want)
	}
	wantPrintable(t, "batch", r.out)
	if r.code != 1 {
		t.Errorf("exit %d, want 1: some lines were misses", r.code)
	}
}

// Good names of things that are not there are misses, not errors of usage.
func TestNameOfNothing(t *testing.T) {
	b := newBox(t)
	b.add("payload")
	for _, name := range []string{"0000", strings.Repeat("0", 64), "main", "a/b", "builds/main-1.x", strings.Repeat("x", 100), "com", "0x" + strings.Repeat("0", 62), "console", "auxiliary"} {
		for _, command := range objectCommands[:4] {
			r := b.run(append(command[:len(command):len(command)], name)...)
			if r.code != 1 || !strings.Contains(r.err+r.out, "missing") {
				t.Errorf("%q %q: exit %d, stdout %q, stderr %q", command, name, r.code, r.out, r.err)
			}
		}
	}
}

// Every option that fsk does not have, and every value that is none, is an error of usage
// before anything is done.
func TestBadCommandLine(t *testing.T) {
	b := newBox(t)
	file := b.write("file", "x")
	tests := [][]string{
		{}, {"nosuch"}, {"help"}, {"--nosuch"}, {"-x"}, {"add"}, {"add", "--nosuch", file}, {"add", "-x", file}, {"cat"}, {"stat"}, {"rm"}, {"key"},
		{"key", "nosuch"}, {"ls", "extra"}, {"status", "extra"}, {"version", "extra"}, {"init", "a", "b"},
		{"cat", "-x"}, {"cat", "--offset", "x", "abcd"}, {"cat", "--offset", "-1", "abcd"}, {"cat", "--offset=-1", "abcd"}, {"cat", "--length=-1", "abcd"},
		{"cat", "--length", "99999999999999999999", "abcd"}, {"cat", "--batch", "abcd"}, {"cat", "--batch", "-o", "x"}, {"cat", "--batch", "--offset", "1"},
		{"cat", "-o"}, {"fsck", "-j", "x"}, {"fsck", "-j", "-1"}, {"fsck", "-j=-1"}, {"add", "-0", file}, {"add", "--stdin-paths", file},
		{"--color", "sometimes", "ls"}, {"--store"}, {"ls", "--store"}, {"--cache"}, {"--config"}, {"ls", "--json=maybe"},
	}
	for _, args := range tests {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r := b.run(append([]string{"!"}, args...)...)
			r.want(t, 2, "", `fsk: error: .+\nfsk: hint: .+\n`)
		})
	}
	for _, args := range tests {
		r := b.run(append([]string{"!", "--json"}, args...)...)
		text := r.out
		if len(args) > 0 && args[0] == "cat" && text == "" {
			text = r.err
		}
		list := lines(t, text)
		if r.code != 2 || find(list, "error") == nil || list[len(list)-1]["complete"] != false {
			t.Errorf("--json %q: exit %d, stdout %q, stderr %q", args, r.code, r.out, r.err)
		}
	}
	// A dash before a digest is an option, not an object.
	b.add("payload")
	for _, name := range []string{"--help", "-x", "-rf"} {
		r := b.run("cat", "--", name)
		r.want(t, 2, "", `fsk: error: .*\(bad-name\)\n`)
	}
}
