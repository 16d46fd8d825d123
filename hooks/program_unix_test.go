//go:build unix

package hooks_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fsk/hooks"
	"fsk/objects"
	"fsk/seal"
)

// patience is a timeout that is never reached, unless something hangs.
const patience = time.Minute

// script writes an executable file.
func script(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	writeProgram(t, path, text)
	return path
}

func writeProgram(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func pin(t testing.TB, path string) objects.Digest {
	t.Helper()
	d, err := hooks.Pin(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// program makes a hook of a shell script.
func program(t testing.TB, text string, change ...func(*hooks.ProgramOptions)) *hooks.Program {
	t.Helper()
	path := script(t, "#!/bin/sh\n"+text+"\n")
	o := hooks.ProgramOptions{Run: []string{path}, BLAKE3: pin(t, path), Timeout: patience, Env: os.Environ(), TempDir: t.TempDir()}
	for _, c := range change {
		c(&o)
	}
	p, err := hooks.NewProgram(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ask(t testing.TB, p *hooks.Program, payload string) error {
	t.Helper()
	info := objects.Info{Digest: objects.Sum([]byte(payload)), Size: int64(len(payload)), Reason: objects.OK, Key: seal.KeyID{7}}
	return p.PreRead(t.Context(), info, strings.NewReader(payload))
}

// wantFailed wants an error that says that there was no answer.
func wantFailed(t testing.TB, err error, says string) {
	t.Helper()
	if !errors.Is(err, objects.ErrHookFailed) || !strings.Contains(err.Error(), says) {
		t.Errorf("error %v, want a failure that says %q", err, says)
	}
}

func TestProgramAnswers(t *testing.T) {
	long := strings.Repeat("x", 3000)
	for _, tt := range []struct {
		claim, text string
		says        string // "" if it allows
	}{
		{"exit 0 allows", "exit 0", ""},
		{"exit 0 allows whatever it writes", "echo no; echo no >&2", ""},
		{"exit 1 denies without a word", "exit 1", "refused without a word, with exit status 1"},
		{"exit 255 denies", "exit 255", "refused without a word, with exit status 255"},
		{"the last line is the reason", "echo one >&2; echo two >&2; exit 1", "two"},
		{"blank lines are not lines", "printf 'why\\n\\n  \\n' >&2; exit 1", "why"},
		{"a line without an end", "printf 'why' >&2; exit 1", "why"},
		{"standard output is not the reason", "echo out; exit 3", "refused without a word, with exit status 3"},
		{"control characters are escaped", `printf 'a\033[31mb\177\200c' >&2; exit 1`, `a\x1b[31mb\x7f\x80c`},
		{"a carriage return hides nothing", `printf 'hidden\rshown\n' >&2; exit 1`, "shown"},
		{"a long line is cut", "echo " + long + " >&2; exit 1", strings.Repeat("x", 199) + "…"},
		{"it reads the payload", `test "$(cat)" = "the payload" || exit 1`, ""},
		{"it sees the end of the payload", "wc -c | grep -q '^ *11$'", ""},
		{"it knows the object", `test "$FSK_SIZE/$FSK_REASON/$FSK_KEY_ID" = 11/ok/0700000000000000`, ""},
		{"it knows the digest", `test $FSK_DIGEST = ` + objects.Sum([]byte("the payload")).String(), ""},
		{"it works in /", `test "$(pwd)" = /`, ""},
		{"it leads a process group", "test ! -e /proc/self/stat || test $(cut -d ' ' -f 5 /proc/$$/stat) = $$", ""},
		{"it has no other descriptors", "for fd in 4 5 6 7 8 9; do if test -e /proc/$$/fd/$fd; then echo $fd >&2; exit 1; fi; done", ""},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			p := program(t, tt.text)
			for range 2 {
				err := ask(t, p, "the payload")
				var d *hooks.Denial
				switch {
				case tt.says == "" && err != nil:
					t.Errorf("PreRead = %v, want nil", err)
				case tt.says != "" && (!errors.As(err, &d) || d.Why != tt.says || d.Policy != p.String() || errors.Is(err, objects.ErrHookFailed)):
					t.Errorf("PreRead = %v, want the denial %q", err, tt.says)
				}
			}
		})
	}
}

func TestProgramGetsItsArguments(t *testing.T) {
	p := program(t, `test "$#:$1:$2" = '2:a b:$(x)'`, func(o *hooks.ProgramOptions) { o.Run = append(o.Run, "a b", "$(x)") })
	if err := ask(t, p, ""); err != nil {
		t.Error(err)
	}
}

// TestProgramHasNoKey: neither the variable of the keys nor another one with a key in it
// is handed on, and what describes the object cannot be given from outside.
func TestProgramHasNoKey(t *testing.T) {
	const key1, key2 = "a7c1e95b3d0f286417b8ca6e5d920f33", "5f0d83c6b29e14a7708fe1d25c3ab946"
	out := filepath.Join(t.TempDir(), "env")
	p := program(t, "env > "+out+"; ulimit -c >> "+out, func(o *hooks.ProgramOptions) {
		o.Env = []string{"PATH=" + os.Getenv("PATH"), "FLECHE_SECRET_KEY=" + key1 + ":" + strings.ToUpper(key2), "KEEP=me",
			"COPY=" + strings.ToUpper(key1), "LINE=FLECHE_SECRET_KEY='" + key2 + "'", "FSK_DIGEST=forged", "FSK_KEY_ID=forged", "no variable"}
	})
	if err := ask(t, p, "x"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{key1, key2, "FLECHE", "COPY=", "LINE=", "forged", "no variable"} {
		if strings.Contains(strings.ToLower(string(text)), strings.ToLower(bad)) {
			t.Errorf("the program sees %q:\n%s", bad, text)
		}
	}
	if !strings.Contains(string(text), "KEEP=me\n") || strings.Count(string(text), "FSK_DIGEST=") != 1 {
		t.Errorf("the environment is\n%s", text)
	}
}

// TestProgramSizes: empty, in memory, and through a pipe, each read and not read.
func TestProgramSizes(t *testing.T) {
	for _, size := range []int{0, 1, 1 << 20, 64 << 20, 64<<20 + 1} {
		payload := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		info := objects.Info{Size: int64(size), Reason: objects.OK}
		for claim, text := range map[string]string{
			"reads all":        fmt.Sprintf(`test $(wc -c) -eq %d && test "$FSK_SIZE" = %[1]d`, size),
			"reads some":       "head -c 10 >/dev/null",
			"reads nothing":    "exit 0",
			"closes its input": "exec <&-; exit 0",
		} {
			t.Run(fmt.Sprintf("%d/%s", size, claim), func(t *testing.T) {
				if err := program(t, text).PreRead(t.Context(), info, bytes.NewReader(payload)); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A breaking reader fails after some bytes.
type breaking struct {
	good int64
	err  error
}

func (b breaking) ReadAt(p []byte, off int64) (int, error) {
	if n := max(0, b.good-off); n < int64(len(p)) {
		return int(n), b.err
	}
	return len(p), nil
}

// TestPayloadThatCannotBeRead: an answer about a part of the payload is none.
func TestPayloadThatCannotBeRead(t *testing.T) {
	p := program(t, "cat >/dev/null; exit 0")
	for _, size := range []int64{3 << 20, 100 << 20} {
		err := p.PreRead(t.Context(), objects.Info{Size: size}, breaking{size - 1, errors.New("bad sector")})
		wantFailed(t, err, "the payload could not be read")
	}
}

// TestManyAtOnce asks one program from several goroutines.
func TestManyAtOnce(t *testing.T) {
	p := program(t, `test "$(cat)" = "$FSK_DIGEST"`)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 5 {
				d := objects.Sum([]byte{byte(i), byte(j)})
				if err := p.PreRead(t.Context(), objects.Info{Digest: d, Size: 64}, strings.NewReader(d.String())); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestNewProgramRefuses(t *testing.T) {
	good := hooks.ProgramOptions{Run: []string{"/bin/sh"}, BLAKE3: objects.Digest{1}}
	for claim, change := range map[string]func(*hooks.ProgramOptions){
		"no program":         func(o *hooks.ProgramOptions) { o.Run = nil },
		"an empty path":      func(o *hooks.ProgramOptions) { o.Run = []string{""} },
		"a relative path":    func(o *hooks.ProgramOptions) { o.Run = []string{"bin/sh"} },
		"a name":             func(o *hooks.ProgramOptions) { o.Run = []string{"sh"} },
		"NUL in an argument": func(o *hooks.ProgramOptions) { o.Run = []string{"/bin/sh", "a\x00b"} },
		"no digest":          func(o *hooks.ProgramOptions) { o.BLAKE3 = objects.Digest{} },
		"a negative timeout": func(o *hooks.ProgramOptions) { o.Timeout = -1 },
		"a long timeout":     func(o *hooks.ProgramOptions) { o.Timeout = hooks.MaxTimeout + 1 },
	} {
		o := good
		change(&o)
		if p, err := hooks.NewProgram(o); err == nil || p != nil {
			t.Errorf("%s: NewProgram = %v, %v", claim, p, err)
		}
	}
	p, err := hooks.NewProgram(good)
	if err != nil || p.Timeout() != hooks.DefaultTimeout {
		t.Errorf("NewProgram = %v, %v", p, err)
	}
}

// TestProgramThroughTheStore: what the program says is what the reader gets.
func TestProgramThroughTheStore(t *testing.T) {
	fsys, ring := newStore(t), ringOf(t, "k")
	put, err := open(t, fsys, ring, nil).Put(t.Context(), []byte("payload"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]objects.Reason{
		"test $FSK_KEY_ID = " + ring.ID(0).String(): objects.OK,
		"exit 1":        objects.Denied,
		"kill -KILL $$": objects.HookFailed,
	} {
		wantRelease(t, open(t, fsys, ring, program(t, text)), put.Digest, "payload", want)
	}
}
