package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// pickleHook is the recipe of docs/hooks.md.
func pickleHook(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no hook programs are run on Windows")
	}
	out, err := exec.Command("python3", "-c", "import pickletools, sys; print(sys.executable)").Output()
	if err != nil {
		t.Skipf("there is no python3: %v", err)
	}
	// What is called python3 may be a script that looks for it at length.
	t.Setenv("PATH", filepath.Dir(strings.TrimSpace(string(out)))+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return filepath.Join(docRoot(t), "testdata", "hooks", "pickle-imports")
}

// The hook of the documentation stops a pickle that would run a command, although a right
// key has sealed it, and lets a harmless one through.
func TestPickleHook(t *testing.T) {
	hook := pickleHook(t)
	b := newBox(t)
	b.write(filepath.Join(b.env["HOME"], ".config", "fleche", "cache.toml"), "[default]\ncache = \"main\"\n[main]\n")
	stolen := filepath.Join(b.root(), "stolen")
	harmless := python(t, `import pickle, collections; sys.stdout.buffer.write(pickle.dumps(collections.OrderedDict(a=[1, 2.5, "x"]), 4))`)
	evil := python(t, `
import pickle, os
class Evil:
    def __reduce__(self):
        return os.system, ("touch `+stolen+`",)
sys.stdout.buffer.write(pickle.dumps(Evil(), 4))`)
	good, bad := b.add(harmless), b.add(evil)
	load := exec.Command("python3", "-c", "import pickle, sys; pickle.load(sys.stdin.buffer)")
	load.Stdin = strings.NewReader(b.run("cat", bad).out)
	if out, err := load.CombinedOutput(); err != nil {
		t.Fatalf("the evil pickle cannot be loaded: %v: %s", err, out)
	}
	if err := os.Remove(stolen); err != nil {
		t.Fatalf("the evil pickle does no evil, so nothing would be tested: %v", err)
	}

	r := b.run("hook", "pin", hook, "collections.OrderedDict")
	if r.code != 0 {
		t.Fatal(r.err)
	}
	config := filepath.Join(b.env["HOME"], ".config", "fleche", "cache.toml")
	b.write(config, b.read(config)+strings.Replace(r.out, `"10s"`, `"1m"`, 1))
	b.run("cat", good).want(t, 0, "(?s).*", "")
	r = b.run("cat", bad)
	if r.code != 1 || r.out != "" || !strings.Contains(r.err, "the pickle imports posix.system (denied)\n") {
		t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
	if _, err := os.Lstat(stolen); err == nil {
		t.Error("the pickle was loaded")
	}
}

// python runs a program and returns what it prints.
func python(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.Command("python3", "-c", "import sys\n"+strings.TrimSpace(program)).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Pickles that try to hide what they import. Each is refused; none is loaded.
func TestPickleHookIsNotDeceived(t *testing.T) {
	hook := pickleHook(t)
	for _, test := range []struct{ claim, pickle, says string }{
		{"empty", "", "not a pickle"},
		{"text", "hello", "not a pickle"},
		{"cut off", "\x80\x04N", "not a pickle"},
		{"harmless", "\x80\x04N.", ""},
		{"allowed by GLOBAL", "ccollections\nOrderedDict\n.", ""},
		{"allowed by STACK_GLOBAL", "\x80\x04\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93.", ""},
		{"allowed from the memo", "\x80\x04\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93h\x00h\x01\x93.", ""},
		{"GLOBAL", "cos\nsystem\n.", "imports os.system"},
		{"INST", "(ios\nsystem\n.", "imports os.system"},
		{"STACK_GLOBAL", "\x80\x04\x8c\x02os\x8c\x06system\x93.", "imports os.system"},
		{"STACK_GLOBAL of other strings", "\x80\x04X\x02\x00\x00\x00osVsystem\n\x93.", "imports os.system"},
		{"the memo", "\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93.", "imports os.system"},
		{"the memo, exchanged", "\x80\x04\x8c\x0bcollections\x94\x8c\x02osq\x000h\x00\x8c\x06system\x93.", "imports os.system"},
		{"decoys on the stack", "\x80\x04\x8c\x02os\x8c\x06system\x8c\x0bcollections\x8c\x0bOrderedDict00\x93.", "not plain to see"},
		{"a copy", "\x80\x04\x8c\x02os2\x93.", "not plain to see"},
		{"bytes for a string", "\x80\x04U\x02os\x8c\x06system\x93.", "not plain to see"},
		{"nothing on the stack", "\x80\x04\x93.", "not plain to see"},
		{"a path of attributes", "\x80\x04\x8c\x0bcollections\x8c\x0fabc.sys.modules\x93.", "no plain name"},
		{"an escaped name", "ccollections\nOrdered\\x44ict\n.", "no plain name"},
		{"a line feed in the name", "\x80\x04\x8c\x0ccollections\n\x8c\x0bOrderedDict\x93.", "no plain name"},
		{"an extension", "\x80\x02\x82\x01.", "uses EXT1"},
		{"a persistent id", "Pid\n.", "uses PERSID"},
		{"a second pickle behind", "N.cos\nsystem\n.", "has something behind its end"},
		{"an import behind an allowed one", "ccollections\nOrderedDict\n0cos\nsystem\n.", "imports os.system"},
	} {
		t.Run(test.claim, func(t *testing.T) {
			cmd := exec.Command(hook, "collections.OrderedDict")
			cmd.Stdin = strings.NewReader(test.pickle)
			out, err := cmd.CombinedOutput()
			if refused := err != nil; refused != (test.says != "") || !strings.Contains(string(out), test.says) {
				t.Errorf("%v: %s; want %q", err, out, test.says)
			}
		})
	}
}
