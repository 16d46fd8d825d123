//go:build unix

package hooks_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fsk/hooks"
	"fsk/objects"
)

// TestProgramThatGivesNoAnswer has all the ways in which a program fails.
func TestProgramThatGivesNoAnswer(t *testing.T) {
	short := func(o *hooks.ProgramOptions) { o.Timeout = 300 * time.Millisecond }
	text := func(text string, change ...func(*hooks.ProgramOptions)) func(t *testing.T) *hooks.Program {
		return func(t *testing.T) *hooks.Program { return program(t, text, change...) }
	}
	file := func(content string, mode os.FileMode) func(t *testing.T) *hooks.Program {
		return func(t *testing.T) *hooks.Program {
			path := filepath.Join(t.TempDir(), "hook")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			os.Chmod(path, mode)
			p, err := hooks.NewProgram(hooks.ProgramOptions{Run: []string{path}, BLAKE3: objects.Sum([]byte(content)), Timeout: patience, TempDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	after := func(do func(path string) error) func(t *testing.T) *hooks.Program {
		return func(t *testing.T) *hooks.Program {
			p := program(t, "exit 0")
			if err := do(p.Run()[0]); err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	for _, tt := range []struct {
		claim string
		make  func(t *testing.T) *hooks.Program
		says  string
	}{
		{"hangs", text("sleep 1000", short), "gave no answer within 300ms and was killed"},
		{"hangs and ignores signals", text("trap '' TERM INT HUP; while :; do sleep 1; done", short), "gave no answer within 300ms and was killed"},
		{"stops itself", text("kill -STOP $$", short), "gave no answer within 300ms and was killed"},
		{"hangs in a child", text("sleep 1000 & wait", short), "gave no answer within 300ms and was killed"},
		{"floods standard output", text("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyy; done", short), "gave no answer within 300ms and was killed"},
		{"floods standard error", text("while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyy >&2; done"), "wrote more than 65536 bytes to standard error"},
		{"floods standard error and ends well", text("head -c 70000 /dev/zero >&2"), "wrote more than 65536 bytes to standard error"},
		{"floods in a child", text("(while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyy >&2; done) & wait"), "wrote more than 65536 bytes to standard error"},
		{"kills itself", text("kill -KILL $$"), "was ended by a signal: killed"},
		{"ends by another signal", text("kill -SEGV $$"), "was ended by a signal: segmentation fault"},
		{"is missing", after(os.Remove), "no such file or directory"},
		{"changed after approval", after(func(path string) error { return os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n#"), 0) }), "is not the one that was approved"},
		{"cut off after approval", after(func(path string) error { return os.Truncate(path, 12) }), "is not the one that was approved"},
		{"empty after approval", after(func(path string) error { return os.Truncate(path, 0) }), "is not the one that was approved"},
		{"a directory", after(func(path string) error { os.Remove(path); return os.Mkdir(path, 0o755) }), "is not a regular one"},
		{"a FIFO", after(func(path string) error { os.Remove(path); return mkfifo(path) }), "is not a regular one"},
		{"not executable", after(func(path string) error { return os.Chmod(path, 0o644) }), "is not executable (mode 0644)"},
		{"a script with a bad interpreter", file("#!/nonexistent/interpreter\n", 0o755), "its interpreter is missing"},
		{"a script without an interpreter", file("exit 0\n", 0o755), "neither a program nor a script"},
		{"an empty program", file("", 0o755), "neither a program nor a script"},
		{"a script whose interpreter is a directory", file("#!/\n", 0o755), "cannot be started"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			p := tt.make(t)
			start := time.Now()
			err := ask(t, p, "payload")
			wantFailed(t, err, tt.says)
			if took := time.Since(start); took > patience/2 {
				t.Errorf("it took %v", took)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), p.String()+": ") || strings.Count(err.Error(), p.Run()[0]) != 1) {
				t.Errorf("the error names the program not once, at its beginning: %v", err)
			}
		})
	}
}

// TestContextEndsInTheProgram: an interrupted read ends at once, and the program too.
func TestContextEndsInTheProgram(t *testing.T) {
	begun := filepath.Join(t.TempDir(), "begun")
	p := program(t, "echo $$ > "+begun+"; sleep 1000")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for ctx.Err() == nil {
			if text, _ := os.ReadFile(begun); bytes.HasSuffix(text, []byte("\n")) {
				cancel()
			}
		}
	}()
	err := p.PreRead(ctx, objects.Info{Size: 1}, strings.NewReader("x"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("PreRead = %v, want context.Canceled", err)
	}
}

// TestProgramLeavesNothingBehind: children that it leaves are killed, and those that
// cannot be found keep nobody waiting.
func TestProgramLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	pid := filepath.Join(dir, "pid")
	p := program(t, "sleep 1000 & echo $! > "+pid+"; echo refused >&2; exit 1")
	if err := ask(t, p, "x"); err == nil || err.Error() != p.String()+": refused" {
		t.Errorf("PreRead = %v", err)
	}
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	if !eventually(func() bool { return !alive(strings.TrimSpace(string(text))) }) {
		t.Error("the child is still there")
	}
}

// TestEscapedChildKeepsNobodyWaiting: a child in a session of its own holds the pipes
// open for as long as it likes.
func TestEscapedChildKeepsNobodyWaiting(t *testing.T) {
	setsid := need(t, "setsid")
	pid := filepath.Join(t.TempDir(), "pid")
	p := program(t, setsid+" sh -c 'echo $$ > "+pid+".new; mv "+pid+".new "+pid+"; sleep 1000' &\n while ! test -e "+pid+"; do sleep 0.01; done; echo refused >&2; exit 1")
	big := int64(80 << 20) // more than fits into a pipe
	for _, size := range []int64{1, big} {
		os.Remove(pid)
		err := p.PreRead(t.Context(), objects.Info{Size: size}, breaking{good: size})
		if err == nil || err.Error() != p.String()+": refused" {
			t.Errorf("PreRead = %v", err)
		}
		if text, err := os.ReadFile(pid); err == nil {
			killGroup(strings.TrimSpace(string(text)))
		}
	}
}

// TestSwappedProgram: while somebody exchanges the file all the time, no other program
// than the pinned one is ever run.
func TestSwappedProgram(t *testing.T) {
	dir := t.TempDir()
	path, ran := filepath.Join(dir, "hook"), filepath.Join(dir, "ran")
	good, bad := "#!/bin/sh\nexit 1\n", "#!/bin/sh\ntouch "+ran+"\nexit 0\n"
	writeProgram(t, path, good)
	sum := pin(t, path)
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
			if i%3 == 0 { // in place
				os.WriteFile(path, []byte(text), 0o755)
				continue
			}
			os.WriteFile(path+".new", []byte(text), 0o755)
			os.Chmod(path+".new", 0o755)
			os.Rename(path+".new", path)
		}
	})
	denied, failed := 0, 0
	for range 150 {
		p, err := hooks.NewProgram(hooks.ProgramOptions{Run: []string{path}, BLAKE3: sum, Timeout: patience, TempDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		switch err := ask(t, p, "x"); {
		case err == nil:
			t.Fatal("let through by another program")
		case errors.Is(err, objects.ErrHookFailed):
			failed++
		default:
			denied++
		}
	}
	close(stop)
	swapper.Wait()
	if _, err := os.Stat(ran); err == nil {
		t.Error("the other program was run")
	}
	if failed == 0 {
		t.Errorf("%d times denied, and never was another program seen: nothing was tested", denied)
	}
}

// TestProgramKeepsItsBytes: what is pinned runs on after its file has changed.
func TestProgramKeepsItsBytes(t *testing.T) {
	p := program(t, "exit 0")
	if err := ask(t, p, "x"); err != nil {
		t.Fatal(err)
	}
	writeProgram(t, p.Run()[0], "#!/bin/sh\nexit 1\n")
	if err := ask(t, p, "x"); err != nil {
		t.Errorf("another program than the one that was verified has answered: %v", err)
	}
}
