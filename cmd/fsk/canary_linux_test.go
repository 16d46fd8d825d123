package main_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A33: no command, however it ends, shows a key, passes it on, or writes it to a file.
// That no output holds one is checked after every run in all tests; here are the files,
// the arguments of the process, and its core.
func TestKeysDoNotLeak(t *testing.T) {
	b := newBox(t).with("FLECHE_SECRET_KEY=" + keyA + ":" + keyB)
	file := b.write("file", "payload")
	digest := digestOf("payload")
	b.run("init", "x")
	commands := [][]string{
		{"--help"}, {"add", "--help"}, {"status", "--help"}, {"!"}, {"!", "--nosuch"}, {"init"}, {"init", b.dir}, {"init", "/proc/nosuch"},
		{"add", file}, {"add", "nosuch"}, {"add", b.dir}, {"add", "-r", b.dir}, {"cat", digest}, {"cat", "0000"}, {"cat", "X"}, {"cat", "-o", "out", digest},
		{"cat", "-o", "/proc/nosuch/x", digest}, {"cat", "--offset", "99", digest}, {"ls"}, {"stat", digest, "0000"}, {"fsck"}, {"fsck", "-j", "0"}, {"key", "ls"},
		{"status"}, {"version"}, {"--cache", "nosuch", "ls"}, {"--config", "nosuch", "ls"}, {"!", "--store", "/proc", "ls"}, {"!", "--store", file, "ls"}, {"rm", digest}, {"rm", digest},
	}
	for _, damage := range []string{"", sealed(t, keyA, "other"), "payload"} {
		if damage != "" {
			b.plant(digest, damage)
		}
		for _, args := range commands {
			b.run(args...)
			if args[0] != "!" {
				b.run(append([]string{"--json"}, args...)...)
			}
		}
	}
	searchFiles(t, b.root())

	// A file with keys: whatever is wrong with it, its lines are not shown.
	for i, text := range []string{
		"[m]\nvalues.secret_key = \"" + keyA + "\n", "[m]\nvalues.secret_key = " + keyA + "\n", "[m]\nvalues.secret_key = [\"" + keyA + "\", 5]\n",
		"[m]\nvalues.secret_key = \"" + keyA + "g\"\n", "[m]\nvalues.secret_key." + keyA + " = 1\n", "[m]\n" + keyA + " = 1\n", "secret_key = \"" + keyA + "\"\n[default]\ncache = 5\n",
		"[m]\nvalues.secret_key = \"" + keyA + "\"\nvalues.secret_key = \"" + keyA + "\"\n", "[m]\nvalues = \"" + keyA + "\"\n", "[" + keyA + "]\nx = 1\n[" + keyA + "]\n",
		"[m]\nvalues.type = \"" + keyA + "\"\n", "[m]\ndurability = \"" + keyA + "\"\n", "[m.policy]\ndeny = [\"" + keyA + "x\"]\n", "[m.policy]\nkeys = \"" + keyA + "\"\n", "[default]\ncache = \"" + keyA + "\"\n",
		"[m]\nvalues.root = \"~" + keyA + "\"\n", "[m]\nrefs.namespace = \"/" + keyA + "\"\n", "[m.policy]\nmax_object_size = \"" + keyA + "\"\n", "\x00" + keyA, keyA, "[m]\nvalues.secret_key = \"" + keyA + ":\"\n",
	} {
		path := b.write("config"+strconv.Itoa(i), text)
		os.Chmod(path, 0o600)
		args := []string{"--config", path, "--cache", "m", "status"}
		if strings.Contains(text, "cache = ") {
			args = []string{"--config", path, "status"}
		}
		if r := b.with("FLECHE_SECRET_KEY").run(args...); r.code != 2 || !strings.Contains(r.err, path) || strings.Contains(r.err, "goroutine") {
			if !strings.HasPrefix(text, "["+keyA) || r.code != 2 {
				t.Errorf("%q: exit %d, %s", text, r.code, r.err)
			}
		}
		os.Remove(path)
	}
}

// searchFiles looks for a key in every file, by its digits and by its bytes.
func searchFiles(t *testing.T, root string) {
	t.Helper()
	files := 0
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		noKey(t, "name", path)
		if info.Mode().IsRegular() {
			files++
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			noKey(t, path, string(text))
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Errorf("searched %d files: %v", files, err)
	}
}

// A33 while it runs: the key is in no argument, and no core file will be written.
func TestRunningProcessShowsNoKey(t *testing.T) {
	b := newBox(t)
	b.add("payload")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := b.command(ctx, "add", "-")
	cmd.Stdin = nil
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	proc := "/proc/" + strconv.Itoa(cmd.Process.Pid) + "/"
	if !eventually(func() bool {
		limits, _ := os.ReadFile(proc + "limits")
		for line := range strings.Lines(string(limits)) {
			if strings.HasPrefix(line, "Max core file size") {
				return strings.Fields(line)[4] == "0"
			}
		}
		return false
	}) {
		t.Error("the limit of core files is not 0")
	}
	cmdline, err := os.ReadFile(proc + "cmdline")
	if err != nil {
		t.Fatal(err)
	}
	noKey(t, "cmdline", string(cmdline))
}
