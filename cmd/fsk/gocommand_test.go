package main_test

import (
	"bytes"
	"crypto/rand"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A goWorld is a box with a small module, which the go command builds with a cache in the
// store of the box.
type goWorld struct {
	*box
	goEnv []string
}

// The word that the program prints, and another one of the same length.
const (
	genuineWord = "genuine-word"
	patchedWord = "patched-word"
)

var goModule = map[string]string{
	"go.mod":           "module small\n\ngo 1.26\n",
	"main.go":          "package main\n\nimport (\n\t\"os\"\n\n\t\"small/word\"\n)\n\nfunc main() { os.Stdout.WriteString(word.Word() + \"\\n\") }\n",
	"word/word.go":     "package word\n\nfunc Word() string { return \"" + genuineWord + "\" }\n",
	"other/other.go":   "package other\n\nfunc Other() int { return 1 }\n",
	"word/one_test.go": "package word\n\nimport \"testing\"\n\nfunc TestWord(t *testing.T) {\n\tif len(Word()) != 12 {\n\t\tt.Fail()\n\t}\n}\n",
}

func newGoWorld(t testing.TB) *goWorld {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		t.Skip("there is no go command")
	}
	b := newBox(t)
	values := strings.Split(string(out), "\n")
	w := &goWorld{box: b, goEnv: []string{
		"GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOWORK=off", "GOROOT=" + values[0],
		"GOMODCACHE=" + values[2], "GOPATH=" + values[3], "OWNCACHE=" + values[1],
	}}
	w.module("work")
	return w
}

// module writes the module to a directory.
func (w *goWorld) module(name string) string {
	w.t.Helper()
	dir := w.mkdir(name)
	for file, text := range goModule {
		w.write(filepath.Join(dir, file), text)
	}
	return dir
}

// goCommand prepares the go command, without a cache but that of the store.
func (w *goWorld) goCommand(args ...string) *exec.Cmd {
	w.t.Helper()
	line := slices.Concat(w.wrap, []string{"go"}, args)
	cmd := exec.CommandContext(w.t.Context(), line[0], line[1:]...)
	cmd.Dir = w.dir
	cmd.Env = append(w.environ(), w.goEnv...)
	cmd.Env = append(cmd.Env, "GOCACHE="+filepath.Join(w.env["TMPDIR"], "gocache"+rand.Text()),
		"GOCACHEPROG="+os.Getenv("FSK_TEST_BINARY")+" --store "+w.store+" go-cache --stats")
	return cmd
}

// goWithout prepares the go command with the cache that it has without fsk.
func (w *goWorld) goWithout(args ...string) *exec.Cmd {
	w.t.Helper()
	cmd := w.goCommand(args...)
	cmd.Env = append(cmd.Env, "GOCACHEPROG=", "GOCACHE="+strings.TrimPrefix(w.goEnv[len(w.goEnv)-1], "OWNCACHE="))
	return cmd
}

// A built is what a run of the go command did.
type built struct {
	out, err     string
	hits, misses int
	refused      int
	compiled     int // packages, if it was told to show that with -x
	warnings     []string
	program      string // the file
}

var statsForm = regexp.MustCompile(`fsk: go cache: \d+ gets: (\d+) hits, (\d+) misses, (\d+) refused; .*; security: on\n`)

// build runs the go command, which must succeed.
func (w *goWorld) build(args ...string) built {
	w.t.Helper()
	cmd := w.goCommand(args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		w.t.Fatalf("go %v: %v\n%s%s", args, err, out.String(), stderr.String())
	}
	noKey(w.t, "go", out.String()+stderr.String())
	b := built{out: out.String(), err: stderr.String()}
	b.compiled = strings.Count(b.err, "/compile -o ") + strings.Count(b.err, "/asm -p ")
	m := statsForm.FindStringSubmatch(b.err)
	if m == nil {
		w.t.Fatalf("go %v: no stats: %q", args, b.err)
	}
	b.hits, _ = strconv.Atoi(m[1])
	b.misses, _ = strconv.Atoi(m[2])
	b.refused, _ = strconv.Atoi(m[3])
	for line := range strings.Lines(b.err) {
		if strings.HasPrefix(line, "fsk: warning: ") {
			b.warnings = append(b.warnings, line)
		}
	}
	return b
}

// result builds a package and returns the file that results as the program.
func (w *goWorld) result(what string) built {
	w.t.Helper()
	path := filepath.Join(w.dir, "result")
	os.Remove(path) // the go command would take it for up to date
	b := w.build("build", "-x", "-trimpath", "-o", path, what)
	b.program = w.read(path)
	return b
}

// program builds the program and runs it.
func (w *goWorld) program() (built, string) {
	w.t.Helper()
	b := w.result(".")
	path := filepath.Join(w.dir, "result")
	out, err := exec.Command(path).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	os.Remove(path)
	return b, strings.TrimSpace(string(out))
}

// with is the same world with other variables.
func (w *goWorld) with(vars ...string) *goWorld {
	return &goWorld{w.box.with(vars...), w.goEnv}
}

// at is the same world in another directory.
func (w *goWorld) at(dir string) *goWorld { return &goWorld{w.box.in(dir), w.goEnv} }

func (w *goWorld) wantGenuine(what string, b built, word string, refused int) {
	w.t.Helper()
	if word != genuineWord || b.refused != refused || len(b.warnings) != refused {
		w.t.Errorf("%s: the program prints %q; %+v, want %d refused", what, word, b, refused)
	}
}

// fork copies the world's store.
func (w *goWorld) fork(t *testing.T, name string) *goWorld {
	c := *w.box
	c.t, c.store = t, filepath.Join(w.root(), "store-"+name)
	if err := os.CopyFS(c.store, os.DirFS(w.store)); err != nil {
		t.Fatal(err)
	}
	return &goWorld{&c, w.goEnv}
}

// wantWarm wants a program to be built without compiling anything.
func (w *goWorld) wantWarm(what, program string) {
	w.t.Helper()
	b, word := w.program()
	w.wantGenuine(what, b, word, 0)
	if b.compiled > 0 || b.misses > fewMisses || b.program != program {
		w.t.Errorf("%s: compiled %d, hits %d, misses %d, the same program: %t", what, b.compiled, b.hits, b.misses, b.program == program)
	}
}

// fewMisses is how much a warm build may miss: what is linked is not kept, and the go
// command makes an index of a package only when its files are some seconds old.
const fewMisses = 8

// TestGoCommand builds with the real go command: the same program as without, from a
// warm cache, from another directory, with rotated keys, attacked, and beside others.
func TestGoCommand(t *testing.T) {
	w := newGoWorld(t)
	cold, word := w.program()
	w.wantGenuine("cold", cold, word, 0)
	if cold.hits > cold.misses || cold.compiled == 0 {
		t.Errorf("cold: %d hits, %d misses, %d compiled", cold.hits, cold.misses, cold.compiled)
	}

	w.wantWarm("warm", cold.program)
	w.at(w.module("elsewhere")).wantWarm("another directory", cold.program)
	t.Run("without", func(t *testing.T) {
		path := filepath.Join(w.root(), "program")
		if out, err := w.goWithout("build", "-trimpath", "-o", path, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if w.read(path) != cold.program {
			t.Error("another program than with the cache in the store")
		}
	})
	t.Run("keys rotated beside builds", func(t *testing.T) { w.rotation(t, cold.program) })
	t.Run("another user", w.anotherUser)
	t.Run("the same with cgo", w.sameWithCgo)
	t.Run("the same of this module", w.sameOfThisModule)
	t.Run("read only", func(t *testing.T) {
		cmd := w.goCommand("vet", "./other")
		cmd.Env = append(cmd.Env, "GOCACHEPROG="+os.Getenv("FSK_TEST_BINARY")+" --store "+w.store+" go-cache --read-only --stats")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "; 0 puts, 0 kept;") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for name, attack := range goAttacks {
		t.Run(name, func(t *testing.T) {
			if attack.large && !full {
				t.Skip("everything is compiled again: FSK_TEST_FULL=1")
			}
			c := w.fork(t, strings.ReplaceAll(name, " ", "-"))
			attack.do(c)
			b, word := c.program()
			if word != genuineWord || b.refused == 0 || len(b.warnings) != b.refused || !strings.Contains(b.err, "("+attack.reason+")") {
				t.Errorf("the program prints %q; %+v, want %s", word, b, attack.reason)
			}
			b, word = c.program()
			c.wantGenuine("afterwards", b, word, 0)
		})
	}
	t.Run("many at once", w.manyBuilds)
	w.wantClean()
}

// goAttacks are done to the store by somebody without the keys.
var goAttacks = map[string]struct {
	do     func(w *goWorld)
	reason string
	large  bool // nothing is left that is good
}{
	"patched archive": {func(w *goWorld) {
		if n := w.rewrite(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(genuineWord), []byte(patchedWord)) }); n == 0 {
			w.t.Fatal("no file has the word")
		}
	}, "corrupt", false},
	"trailers overwritten": {func(w *goWorld) {
		trailer := regexp.MustCompile(`[0-9a-f]{64}`)
		w.rewrite(func(b []byte) []byte { return trailer.ReplaceAll(b, bytes.Repeat([]byte("0"), 64)) })
	}, "bad-seal", true},
	"actions copied over others": {func(w *goWorld) {
		var last []byte
		w.records(func(path string, raw []byte) {
			if last != nil {
				w.overwrite(path, last)
			}
			last = raw
		})
	}, "wrong-name", true},
}

// rewrite changes the files of objects and tells how many it changed.
func (w *goWorld) rewrite(change func([]byte) []byte) (n int) {
	w.walk("objects", func(path string, raw []byte) {
		if strings.HasSuffix(path, ".idx") {
			return
		}
		if changed := change(raw); !bytes.Equal(raw, changed) {
			w.overwrite(path, changed)
			n++
		}
	})
	return n
}

func (w *goWorld) records(visit func(path string, raw []byte)) { w.walk("refs/go", visit) }

func (w *goWorld) walk(dir string, visit func(path string, raw []byte)) {
	w.t.Helper()
	err := filepath.WalkDir(filepath.Join(w.store, dir), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			visit(path, raw)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *goWorld) overwrite(path string, raw []byte) {
	w.t.Helper()
	if err := os.Remove(path); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o444); err != nil {
		w.t.Fatal(err)
	}
}
