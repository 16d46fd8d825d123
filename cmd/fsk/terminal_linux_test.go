package main_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal runs fsk with standard output and error on a new terminal and returns what it
// shows and the exit code.
func (b *box) terminal(args ...string) (shown string, code int) {
	b.t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		b.t.Skipf("no terminals here: %v", err)
	}
	defer unix.Close(master)
	unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		b.t.Skipf("no terminals here: %v", err)
	}
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		b.t.Skipf("no terminals here: %v", err)
	}
	defer slave.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), limit)
	defer cancel()
	cmd := b.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = slave, slave
	cmd.Run()
	text := make([]byte, 1<<16)
	for len(shown) < 1<<16 {
		n, err := unix.Read(master, text)
		if n <= 0 || err != nil {
			break
		}
		shown += string(text[:n])
	}
	return strings.ReplaceAll(shown, "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

// A36 on a terminal: text is shown, what could control the terminal is refused with a
// hint, names are escaped.
func TestTerminal(t *testing.T) {
	b := newBox(t).with("NO_COLOR=1", "TERM=xterm")
	text := b.add("two lines\nof text, \u00e9\n")
	if shown, code := b.terminal("cat", text); code != 0 || shown != "two lines\nof text, \u00e9\n" {
		t.Errorf("text: exit %d, %q", code, shown)
	}
	for claim, payload := range map[string]string{
		"escape sequence": "\x1b[31mred", "NUL": "a\x00b", "bell": "\a", "C1": "\u009b31m", "direction of writing": "\u202eabc", "no UTF-8": "\xff\xfe", "carriage return": "a\rb", "delete": "\x7f",
	} {
		digest := b.add("text\n" + payload)
		shown, code := b.terminal("cat", digest)
		if code != 2 || !strings.Contains(shown, "fsk: hint: fsk cat -o FILE, or a pipe\n") || strings.Contains(shown, payload) {
			t.Errorf("%s: exit %d, %q", claim, code, shown)
		}
		b.wantPayload(digest, "text\n"+payload)
	}
	for _, name := range evil {
		if strings.Contains(name, "/") {
			continue
		}
		file := b.write("dir/"+name, "x")
		shown, _ := b.terminal("add", "--", file)
		wantPrintable(t, "terminal", shown)
	}
	color := b.with("NO_COLOR")
	if shown, _ := color.terminal("cat", "0000"); shown != "fsk: \x1b[1;31merror\x1b[0m: 0000: no such object (missing)\n" {
		t.Errorf("colored: %q", shown)
	}
	for _, plain := range []*box{b, color.with("TERM=dumb")} {
		if shown, _ := plain.terminal("cat", "0000"); shown != "fsk: error: 0000: no such object (missing)\n" {
			t.Errorf("plain: %q", shown)
		}
	}
	if shown, _ := color.terminal("--color", "never", "cat", "0000"); strings.Contains(shown, "\x1b") {
		t.Errorf("--color never: %q", shown)
	}
}
