package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hook writes a shell script and pins it in the user's own configuration. It returns the
// path of the script.
func (b *box) hook(timeout, text string, args ...string) string {
	b.t.Helper()
	path := filepath.Join(b.root(), "hook")
	b.script(path, "#!/bin/sh\n"+text+"\n")
	b.pin(timeout, append([]string{path}, args...)...)
	return path
}

func (b *box) script(path, text string) {
	b.t.Helper()
	b.write(path, text)
	if err := os.Chmod(path, 0o755); err != nil {
		b.t.Fatal(err)
	}
}

// pin makes the user's own configuration one that asks a program.
func (b *box) pin(timeout string, run ...string) {
	b.t.Helper()
	digest := digestOf(b.read(run[0]))
	for i, arg := range run {
		run[i] = strconv.Quote(arg)
	}
	b.write(b.userFile(), fmt.Sprintf("[default]\ncache = \"main\"\n[main]\nvalues.root = %q\n[[main.policy.pre_read]]\nrun = [%s]\nblake3 = %q\ntimeout = %q\n",
		b.store, strings.Join(run, ", "), digest, timeout))
}

// wantRefused reads an object in every way and wants nothing of it, and the reason.
func (b *box) wantRefused(digest, reason, says string) {
	b.t.Helper()
	for _, r := range []result{b.run("cat", digest), b.run("--json", "cat", digest), b.run("cat", "-o", "out", digest), b.input(digest+"\n").run("cat", "--batch")} {
		if r.code != 1 || strings.Trim(r.out, digest+" "+reason+"\n") != "" || !strings.Contains(r.out+r.err, reason) {
			b.t.Errorf("exit %d, stdout %q, stderr %q; want a refusal for %s", r.code, r.out, r.err, reason)
		}
		if r.took > 5*time.Second {
			b.t.Errorf("it took %v", r.took)
		}
		if !strings.Contains(r.out, digest) && !strings.Contains(r.err, says) { // --batch tells the reason alone
			b.t.Errorf("stderr %q does not say %q", r.err, says)
		}
	}
	if _, err := os.Lstat(filepath.Join(b.dir, "out")); err == nil {
		b.t.Error("there is an output")
	}
}

// A28: whatever a hook does instead of answering refuses the object, with the reason, in
// time.
func TestBadHooks(t *testing.T) {
	replace := func(do func(path string) error) func(b *box) {
		return func(b *box) {
			if err := do(b.hook("10s", "exit 0")); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	file := func(text string) func(b *box) {
		return func(b *box) {
			path := filepath.Join(b.root(), "hook")
			b.script(path, text)
			b.pin("10s", path)
		}
	}
	text := func(timeout, text string) func(b *box) { return func(b *box) { b.hook(timeout, text) } }
	for _, test := range []struct {
		claim string
		make  func(b *box)
		says  string
	}{
		{"hangs", text("300ms", "sleep 1000"), "gave no answer within 300ms and was killed"},
		{"hangs and ignores signals", text("300ms", "trap '' TERM INT HUP; while :; do sleep 1; done"), "gave no answer within 300ms"},
		{"waits for its input for ever", text("300ms", "cat; cat <&2; sleep 1000"), "gave no answer within 300ms"},
		{"floods standard output", text("300ms", "exec yes"), "gave no answer within 300ms"},
		{"floods standard error", text("10s", "exec yes >&2"), "wrote more than 65536 bytes to standard error and was killed"},
		{"is killed", text("10s", "kill -KILL $$"), "was ended by a signal: killed"},
		{"crashes", text("10s", "kill -SEGV $$"), "was ended by a signal: segmentation fault"},
		{"is missing", replace(os.Remove), "no such file or directory"},
		{"changed after approval", replace(func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\nexit 0"), 0) }), "is not the one that was approved"},
		{"not executable", replace(func(path string) error { return os.Chmod(path, 0o600) }), "is not executable (mode 0600)"},
		{"a directory", replace(func(path string) error { os.Remove(path); return os.Mkdir(path, 0o755) }), "is not a regular one"},
		{"a FIFO", replace(func(path string) error { os.Remove(path); return syscall.Mkfifo(path, 0o755) }), "is not a regular one"},
		{"a dangling link", replace(func(path string) error { os.Remove(path); return os.Symlink("nowhere", path) }), "no such file or directory"},
		{"a bad interpreter", file("#!/nonexistent/interpreter\n"), "its interpreter is missing"},
		{"no interpreter", file("exit 0\n"), "neither a program nor a script"},
		{"empty", file(""), "neither a program nor a script"},
	} {
		t.Run(test.claim, func(t *testing.T) {
			b := newBox(t)
			digest := b.add("payload")
			test.make(b)
			b.wantRefused(digest, "hook-failed", test.says)
			if r := b.run("stat", digest); r.code != 0 { // releases nothing, asks nobody
				t.Errorf("stat: exit %d, %s", r.code, r.err)
			}
			if left, _ := filepath.Glob(filepath.Join(b.root(), "fsk-hook-*")); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// A28: children that a hook leaves behind are killed, and a hook may answer without
// reading its input.
func TestHookThatLeavesChildren(t *testing.T) {
	b := newBox(t)
	digest := b.add(strings.Repeat("x", 1<<20))
	pid := filepath.Join(b.root(), "pid")
	b.hook("20s", "sleep 1000 & echo $! > "+pid+"\necho 'not wanted' >&2; exit 1")
	b.wantRefused(digest, "denied", "hook: not wanted")
	child, err := strconv.Atoi(strings.TrimSpace(b.read(pid)))
	if err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return !running(child) }) {
		t.Error("the child is still there")
	}
}

func running(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// An interrupted read ends its hook: the exit code is that of an interrupt.
func TestInterruptEndsTheHook(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	pid := filepath.Join(b.root(), "pid")
	b.hook("10m", "echo $$ > "+pid+".new; mv "+pid+".new "+pid+"; sleep 1000")
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		os.Remove(pid)
		cmd := b.command(t.Context(), "cat", digest)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if !eventually(func() bool { _, err := os.Stat(pid); return err == nil }) {
			t.Error("the hook does not start")
		}
		cmd.Process.Signal(signal)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); signal == syscall.SIGTERM && code != 130 {
			t.Errorf("exit code %d, want 130", code)
		}
		hook, err := strconv.Atoi(strings.TrimSpace(b.read(pid)))
		if err != nil {
			t.Fatal(err)
		}
		if !eventually(func() bool { return !running(hook) }) {
			t.Errorf("the hook is still there after %v", signal)
		}
		syscall.Kill(-hook, syscall.SIGKILL) // its child, which nobody kills when fsk is killed
	}
}

// A27: the program is exchanged all the time, and another one than the pinned never runs.
func TestSwappedHook(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	ran := filepath.Join(b.root(), "ran")
	const good = "#!/bin/sh\nexit 1\n"
	bad := "#!/bin/sh\ntouch " + ran + "\nexit 0\n"
	path := b.hook("10s", "exit 1")
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			text := good
			if i%2 == 0 {
				text = bad
			}
			if i%5 == 0 {
				os.WriteFile(path, []byte(text), 0o755) // in place
				continue
			}
			os.WriteFile(path+".new", []byte(text), 0o755)
			os.Chmod(path+".new", 0o755)
			os.Rename(path+".new", path)
		}
	})
	runs := 60
	if full {
		runs = 1000
	}
	count := make(map[bool]int)
	for range runs {
		r := b.run("cat", digest)
		denied, failed := strings.HasSuffix(r.err, "(denied)\n"), strings.HasSuffix(r.err, "(hook-failed)\n")
		if r.code != 1 || r.out != "" || denied == failed {
			t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.out, r.err)
		}
		count[denied]++
	}
	close(stop)
	swapper.Wait()
	if _, err := os.Lstat(ran); err == nil {
		t.Error("the other program was run")
	}
	if count[false] == 0 {
		t.Errorf("the other program was never seen: %v", count)
	}
}

// A27: what is executed is not the file with the pinned name, but what was hashed.
func TestHookRunsFromMemory(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	path := b.hook("10s", "exit 0")
	traced, log := b.traced("-e", "trace=execve,execveat")
	traced.run("cat", digest).want(t, 0, "payload", "")
	var names []string
	for _, call := range executed(t, log) {
		_, name, _ := strings.Cut(call, `"`)
		name, _, _ = strings.Cut(name, `"`)
		names = append(names, name)
	}
	if len(names) == 0 || names[0] != "/proc/self/fd/3" || slices.Contains(names, path) {
		t.Errorf("executed: %q", names)
	}
}

// A33: a hook sees no key, in its environment, its arguments or its descriptors, and
// leaves no core.
func TestHookSeesNoKey(t *testing.T) {
	b := newBox(t).with("FLECHE_SECRET_KEY="+keyA+":"+keyB, "COPY=x"+strings.ToUpper(keyB), "FSK_DIGEST=forged", "KEPT=kept")
	digest := b.add("payload")
	seen := filepath.Join(b.root(), "seen")
	b.hook("10s", "{ env; ulimit -c; pwd; tr '\\0' '\\n' </proc/$$/environ; ls -l /proc/$$/fd; } > "+seen)
	b.run("cat", digest).want(t, 0, "payload", "")
	text := b.read(seen)
	noKey(t, "what the hook sees", text)
	for _, want := range []string{"\nKEPT=kept\n", "\nFSK_DIGEST=" + digest + "\n", "\nFSK_SIZE=7\n", "\nFSK_REASON=ok\n", "\nFSK_KEY_ID=", "\n0\n/\n"} {
		if !strings.Contains("\n"+text, want) {
			t.Errorf("the hook does not see %q:\n%s", want, text)
		}
	}
	for _, bad := range []string{"FLECHE_SECRET_KEY", "COPY=", "forged", b.store} {
		if strings.Contains(text, bad) {
			t.Errorf("the hook sees %q:\n%s", bad, text)
		}
	}
	searchFiles(t, b.root())
}

// A36: what a hook says is safe to show, and it cannot write to standard output.
func TestHookThatWritesEscapes(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	b.hook("10s", `printf 'stdout'; printf 'first\n\033]0;x\007\302\233\342\200\256 last (ok)' >&2; exit 1`)
	b.wantRefused(digest, "denied", "202e last (ok)")
	if r := b.run("cat", digest); !strings.HasSuffix(r.err, `hook: \x1b]0;x\a\u009b\u202e last (ok) (denied)`+"\n") {
		t.Errorf("stderr %q", r.err)
	}
}
