package main_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// Two keys that occur nowhere else, so that any trace of them is a leak.
const (
	keyA = "a7c1e95b3d0f286417b8ca6e5d920f3348f1b60c9ae2d7755e3c04b1896fd2a0"
	keyB = "5f0d83c6b29e14a7708fe1d25c3ab94612d7f80e6b95c3a04179ecd38b2a56f1"
)

// full asks for the long versions of the loops.
var full = os.Getenv("FSK_TEST_FULL") != ""

// limit is how long any run of the command may take: more is a hang.
const limit = 20 * time.Second

// A box is a world for the command: an empty home, a working directory, a store that
// does not exist yet, and an environment in which nothing is inherited.
type box struct {
	t     testing.TB
	dir   string // working directory, in which what a test makes is made
	store string
	env   map[string]string
	stdin string
	wrap  []string // a command that runs the command
}

// newBox makes a world with key A.
func newBox(t testing.TB) *box {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, dir: filepath.Join(root, "work"), store: filepath.Join(root, "store"), env: map[string]string{
		"HOME": filepath.Join(root, "home"), "PATH": os.Getenv("PATH"), "TMPDIR": root, "XDG_RUNTIME_DIR": root, "LC_ALL": "C",
		"FLECHE_SECRET_KEY": keyA,
	}}
	if runtime.GOOS == "windows" {
		b.env["SYSTEMROOT"], b.env["USERPROFILE"] = os.Getenv("SYSTEMROOT"), b.env["HOME"]
	}
	b.mkdir("work")
	b.mkdir("home")
	return b
}

// root is the directory of the whole world.
func (b *box) root() string { return filepath.Dir(b.dir) }

func (b *box) mkdir(name string) string {
	b.t.Helper()
	dir := filepath.Join(b.root(), name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	return dir
}

// inMemory moves the store to a filesystem in memory, if there is one: what these tests
// write would keep the disk busy.
func (b *box) inMemory() {
	b.t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "fsk-test")
	if err != nil {
		return
	}
	b.t.Cleanup(func() { os.RemoveAll(dir) })
	b.store = filepath.Join(dir, "store")
}

// with is the same world with other variables; "NAME" alone takes one away.
func (b *box) with(vars ...string) *box {
	c := *b
	c.env = maps.Clone(b.env)
	for _, v := range vars {
		if name, value, ok := strings.Cut(v, "="); ok {
			c.env[name] = value
		} else {
			delete(c.env, name)
		}
	}
	return &c
}

// input is the same world with something on standard input.
func (b *box) input(text string) *box {
	c := *b
	c.stdin = text
	return &c
}

// under is the same world where another command runs the command.
func (b *box) under(wrap ...string) *box {
	c := *b
	c.wrap = wrap
	return &c
}

// in is the same world in another working directory.
func (b *box) in(dir string) *box {
	c := *b
	c.dir = dir
	return &c
}

func (b *box) environ() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(b.env)) {
		list = append(list, name+"="+b.env[name])
	}
	return list
}

// command prepares fsk, on the store of the box unless the arguments begin with "!".
func (b *box) command(ctx context.Context, args ...string) *exec.Cmd {
	if len(args) > 0 && args[0] == "!" {
		args = args[1:]
	} else {
		args = slices.Concat([]string{"--store", b.store}, args)
	}
	line := slices.Concat(b.wrap, []string{os.Getenv("FSK_TEST_BINARY")}, args)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir, cmd.Env = b.dir, b.environ()
	cmd.Stdin = strings.NewReader(b.stdin)
	cmd.WaitDelay = time.Second
	return cmd
}

// A result is what a run of the command left behind.
type result struct {
	code     int
	out, err string
	took     time.Duration
	state    *os.ProcessState
}

// run runs fsk and checks what must hold for every run: it ends in time, its exit code
// is one of those that are documented, there is no trace of a panic, no key is shown,
// and what it says is safe to show on a terminal.
func (b *box) run(args ...string) result {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := b.command(ctx, args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatalf("fsk %q: %v", args, err)
	}
	r := result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: stderr.String(), took: time.Since(start), state: cmd.ProcessState}
	if ctx.Err() != nil {
		b.t.Fatalf("fsk %q: still running after %v; stderr %q", args, limit, r.err)
	}
	b.check(args, r)
	return r
}

func (b *box) check(args []string, r result) {
	b.t.Helper()
	if !slices.Contains([]int{0, 1, 2, 3, 130}, r.code) && len(b.wrap) == 0 {
		b.t.Errorf("fsk %q: exit code %d, stderr %q", args, r.code, r.err)
	}
	if len(b.wrap) > 0 && strings.HasPrefix(r.err, "runtime: netpollBreak write failed") {
		noKey(b.t, strings.Join(args, " "), r.err)
		return // the write that strace took away was one of the Go runtime, which then ends
	}
	if strings.Contains(r.err, "goroutine ") || strings.Contains(r.err, "panic:") {
		b.t.Errorf("fsk %q: %s", args, r.err)
	}
	noKey(b.t, strings.Join(args, " ")+": output", r.out[:min(len(r.out), 1<<20)]+r.err)
	wantPrintable(b.t, strings.Join(args, " ")+": stderr", r.err)
}

// noKey wants no piece of a key, in any notation, in a text.
func noKey(t testing.TB, what, text string) {
	t.Helper()
	if piece := shownKey(text); piece != "" {
		t.Fatalf("%s: shows %q of a key: %q", what, piece, text)
	}
}

// shownKey returns a piece of a key that is in a text, in digits or in bytes, or "".
func shownKey(text string) string {
	const piece = 12
	lower := strings.ToLower(text)
	for _, key := range []string{keyA, keyB} {
		for i := 0; i+piece <= len(key); i++ {
			if strings.Contains(lower, key[i:i+piece]) {
				return key[i : i+piece]
			}
		}
		raw, _ := hex.DecodeString(key)
		for _, end := range [][]byte{raw[:6], raw[26:]} {
			if strings.Contains(text, string(end)) {
				return string(end)
			}
		}
	}
	return ""
}

// wantPrintable wants nothing that could move the cursor, or hide or turn round text.
func wantPrintable(t testing.TB, what, text string) {
	t.Helper()
	for i, r := range text {
		if r == '\n' {
			continue
		}
		if _, size := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 || !unicode.IsPrint(r) {
			t.Errorf("%s: holds %q at %d: %q", what, r, i, text)
			return
		}
	}
}

// add stores a payload and returns its digest.
func (b *box) add(payload string) string {
	b.t.Helper()
	r := b.input(payload).run("add", "-")
	if r.code != 0 || r.err != "" {
		b.t.Fatalf("add: exit %d, stderr %q", r.code, r.err)
	}
	digest, rest, _ := strings.Cut(r.out, "  ")
	if rest != "-\n" || !digestForm.MatchString(digest) {
		b.t.Fatalf("add printed %q", r.out)
	}
	return digest
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// want wants a run to have ended in one way, with an output and a standard error that
// match whole.
func (r result) want(t testing.TB, code int, out, stderr string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit %d, want %d; stdout %.300q, stderr %q", r.code, code, r.out, r.err)
	}
	if !whole(out).MatchString(r.out) {
		t.Errorf("stdout %.300q does not match %q", r.out, out)
	}
	if !whole(stderr).MatchString(r.err) {
		t.Errorf("stderr %q does not match %q", r.err, stderr)
	}
}

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`\A(?:` + pattern + `)\z`) }

// lines parses JSON Lines: each is one value, the last and no other is the summary.
func lines(t testing.TB, text string) []map[string]any {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Fatalf("no whole lines: %q", text)
	}
	var list []map[string]any
	for line := range strings.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		list = append(list, v)
	}
	for i, v := range list {
		if last := i == len(list)-1; (v["type"] == "summary") != last {
			t.Fatalf("line %d of %d has type %v: %s", i+1, len(list), v["type"], text)
		}
	}
	if _, ok := list[len(list)-1]["complete"].(bool); !ok {
		t.Fatalf("the summary does not say complete: %s", text)
	}
	return list
}

// find returns the first line of a type, or nil.
func find(list []map[string]any, kind string) map[string]any {
	i := slices.IndexFunc(list, func(v map[string]any) bool { return v["type"] == kind })
	if i < 0 {
		return nil
	}
	return list[i]
}

// eventually waits for something that another process does.
func eventually(done func() bool) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if done() {
			return true
		}
	}
	return false
}

// closed reports whether a channel is closed.
func closed(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}
