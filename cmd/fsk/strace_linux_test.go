package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

func needTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s, which is not installed", name)
	}
	return path
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// needStrace skips where a process may not be traced.
func needStrace(t testing.TB) string {
	t.Helper()
	strace := needTool(t, "strace")
	if out, err := exec.Command(strace, "-qq", "-e", "trace=none", "true").CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v: %s", err, out)
	}
	return strace
}

// traced is the world in which fsk runs under strace with one running thread as far as
// Go allows, and the file in which the calls will be. Options are those of strace.
func (b *box) traced(options ...string) (*box, string) {
	b.t.Helper()
	log := filepath.Join(b.root(), "strace."+strconv.FormatInt(traces.Add(1), 10))
	line := append([]string{needStrace(b.t), "-f", "-qq", "-y", "-s", "200", "-o", log}, options...)
	return b.with("GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1").under(line...), log
}

// traces numbers the logs of strace.
var traces atomic.Int64

// A syscall is a line of strace: with -f it begins with the number of the thread.
var callForm = regexp.MustCompile(`^\d+ +(\w+)\((.*)$`)

type syscallLine struct{ name, rest string }

// trace parses the calls, with those put together that strace shows in two parts.
func trace(t testing.TB, log string) []syscallLine {
	t.Helper()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	unfinished := make(map[string]string)
	var list []syscallLine
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		thread, rest, _ := strings.Cut(line, " ")
		if begin, ok := strings.CutSuffix(line, " <unfinished ...>"); ok {
			unfinished[thread] = begin
			continue
		}
		if _, end, ok := strings.Cut(rest, " resumed>"); ok {
			line = unfinished[thread] + end
		}
		if m := callForm.FindStringSubmatch(line); m != nil {
			list = append(list, syscallLine{m[1], m[2]})
		}
	}
	return list
}

// opened returns the calls that touch a file whose name holds one of the words.
func opened(t testing.TB, log string, words ...string) []string {
	t.Helper()
	var list []string
	for _, c := range trace(t, log) {
		for _, w := range words {
			if strings.Contains(c.rest, w) {
				list = append(list, c.name+"("+c.rest)
				break
			}
		}
	}
	return list
}

// executed returns the programs that were run beside fsk itself.
func executed(t testing.TB, log string) []string {
	t.Helper()
	var list []string
	for _, c := range trace(t, log) {
		if strings.HasPrefix(c.name, "execve") && !strings.HasPrefix(c.rest, strconv.Quote(os.Getenv("FSK_TEST_BINARY"))) {
			list = append(list, c.rest)
		}
	}
	return list
}
