package main_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
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
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	return dir
}

// goCommand prepares the go command, without a cache but that of the store.
func (w *goWorld) goCommand(args ...string) *exec.Cmd {
	w.t.Helper()
	empty, err := os.MkdirTemp(w.root(), "gocache")
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.CommandContext(w.t.Context(), "go", args...)
	cmd.Dir = w.dir
	cmd.Env = append(w.environ(), w.goEnv...)
	cmd.Env = append(cmd.Env, "GOCACHE="+empty,
		"GOCACHEPROG="+os.Getenv("FSK_TEST_BINARY")+" --store "+w.store+" go-cache --stats")
	return cmd
}

// A built is what a run of the go command did.
type built struct {
	out, err     string
	hits, misses int
	refused      int
	warnings     []string
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

// program builds the program and runs it.
func (w *goWorld) program() (built, string) {
	w.t.Helper()
	path := filepath.Join(w.root(), "program")
	os.Remove(path)
	b := w.build("build", "-trimpath", "-o", path, ".")
	out, err := exec.Command(path).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	return b, strings.TrimSpace(string(out))
}

// with is the same world with other variables.
func (w *goWorld) with(vars ...string) *goWorld {
	return &goWorld{w.box.with(vars...), w.goEnv}
}

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

// fewMisses is how much a warm build may miss: what is linked is not kept, and the go
// command makes an index of a package only when its files are some seconds old.
const fewMisses = 8

// TestGoCommand builds with the real go command: the same program as without, from a
// warm cache, from another directory, with rotated keys, attacked, and beside others.
func TestGoCommand(t *testing.T) {
	w := newGoWorld(t)
	cold, word := w.program()
	w.wantGenuine("cold", cold, word, 0)
	if cold.hits > cold.misses {
		t.Errorf("cold: %+v", cold)
	}
	first := w.read(filepath.Join(w.root(), "program"))

	t.Run("warm", func(t *testing.T) {
		warm, word := w.program()
		w.wantGenuine("warm", warm, word, 0)
		if warm.misses > fewMisses || w.read(filepath.Join(w.root(), "program")) != first {
			t.Errorf("%+v, the same program: %t", warm, w.read(filepath.Join(w.root(), "program")) == first)
		}
	})
	t.Run("another directory", func(t *testing.T) {
		c := *w
		c.box = w.in(w.module("elsewhere"))
		warm, word := c.program()
		c.wantGenuine("elsewhere", warm, word, 0)
		if warm.misses > fewMisses || w.read(filepath.Join(w.root(), "program")) != first {
			t.Errorf("%+v, the same program: %t", warm, w.read(filepath.Join(w.root(), "program")) == first)
		}
	})
	t.Run("without", func(t *testing.T) {
		cmd := w.goCommand("build", "-trimpath", "-o", filepath.Join(w.root(), "program"), ".")
		cmd.Env = append(cmd.Env, "GOCACHEPROG=", "GOCACHE="+strings.TrimPrefix(w.goEnv[len(w.goEnv)-1], "OWNCACHE="))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if w.read(filepath.Join(w.root(), "program")) != first {
			t.Error("another program than with the cache in the store")
		}
	})
	t.Run("rotated keys", func(t *testing.T) {
		warm, word := w.with("FLECHE_SECRET_KEY=" + keyB + ":" + keyA).program()
		w.wantGenuine("new:old", warm, word, 0)
		if warm.misses > fewMisses {
			t.Errorf("%+v", warm)
		}
	})
	t.Run("read only", func(t *testing.T) {
		cmd := w.goCommand("vet", "./other")
		cmd.Env = append(cmd.Env, "GOCACHEPROG="+os.Getenv("FSK_TEST_BINARY")+" --store "+w.store+" go-cache --read-only --stats")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "; 0 puts, 0 kept;") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("test and vet", func(t *testing.T) {
		if !full {
			t.Skip("compiles package testing: FSK_TEST_FULL=1")
		}
		w.build("vet", "./...")
		w.build("test", "./word")
		if b := w.build("test", "./word"); !strings.Contains(b.out, "(cached)") {
			t.Errorf("%+v", b)
		}
		w.build("clean", "-testcache")
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
	t.Run("many at once", func(t *testing.T) { w.manyBuilds(t) })
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

// manyBuilds builds at the same time what none of them has, while gc and fsck run.
func (w *goWorld) manyBuilds(t *testing.T) {
	builds := 4
	if full {
		builds = 10
	}
	var wg sync.WaitGroup
	for range builds {
		wg.Go(func() {
			cmd := w.goCommand("build", "-trimpath", "-gcflags=small/...=-N", "-o", os.DevNull, ".")
			if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "warning") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	for over := false; !over; {
		w.run("gc", "--max-age", "1d", "--max-size", "1MB").want(t, 0, ".*\n", "")
		if r := w.run("fsck"); r.code != 0 {
			t.Errorf("fsck: %d\n%s%s", r.code, r.out, r.err)
		}
		select {
		case <-done:
			over = true
		default:
		}
	}
}
