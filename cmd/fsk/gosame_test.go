package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// cgoModule has C in it, and something for vet to find.
var cgoModule = map[string]string{
	"go.mod":       "module mixed\n\ngo 1.26\n",
	"main.go":      "package main\n\n// int twice(int n) { return 2 * n; }\nimport \"C\"\n\nfunc double(n int) int {\n\tn = n\n\treturn int(C.twice(C.int(n)))\n}\n\nfunc main() { println(double(21)) }\n",
	"main_test.go": "package main\n\nimport \"testing\"\n\nfunc TestDouble(t *testing.T) {\n\tt.Log(\"tested\")\n\tif double(21) != 42 {\n\t\tt.Fail()\n\t}\n}\n",
}

// A goStep is a run of the go command which may leave a file named result in the
// working directory.
type goStep struct {
	name string
	args []string
	slow bool // only in the long tests
}

// sameWithCgo runs steps on a module with cgo.
func (w *goWorld) sameWithCgo(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("there is no C compiler")
	}
	c := w.fork(t, "cgo")
	c.goEnv = append([]string{"CGO_ENABLED=1"}, c.goEnv...)
	dirs := []string{c.mkdir("mixed"), c.mkdir("mixed elsewhere")}
	for _, dir := range dirs {
		for file, text := range cgoModule {
			// New with each run: what go vet says of a package is cached with the paths of the
			// run before, also where there is no fsk.
			c.write(filepath.Join(dir, file), text+"\n// "+c.root()+"\n")
		}
	}
	c.wantSame(t, dirs, []goStep{
		{"build", []string{"build", "-trimpath", "-o", "result", "."}, false},
		{"vet", []string{"vet", "-trimpath", "."}, true}, // compiles package testing, as what follows does
		{"test", []string{"test", "-trimpath", "-v", "."}, true},
		{"test -c", []string{"test", "-c", "-trimpath", "-o", "result", "."}, true},
	})
}

// sameOfThisModule runs steps on the module that this test is in.
func (w *goWorld) sameOfThisModule(t *testing.T) {
	if !full {
		t.Skip("takes minutes: FSK_TEST_FULL=1")
	}
	here, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	c := w.fork(t, "this")
	dirs := []string{filepath.Join(c.root(), "fsk"), filepath.Join(c.root(), "fsk elsewhere")}
	for _, dir := range dirs { // copies: somebody may be working on it
		if err := os.CopyFS(dir, os.DirFS(here)); err != nil {
			t.Fatal(err)
		}
	}
	result := filepath.Join(c.root(), "result")
	c.wantSame(t, dirs, []goStep{
		{"build", []string{"build", "-trimpath", "-o", result, "./cmd/fsk"}, true},
		{"vet", []string{"vet", "-trimpath", "./..."}, true},
		{"test", []string{"test", "-trimpath", "./seal", "./objects/packfile", "./cmd/fsk/config"}, true},
		{"test -c", []string{"test", "-c", "-trimpath", "-o", result, "./objects"}, true},
	})
}

// wantSame runs steps in directories with the same module, with the cache in the store,
// cold and then warm, and wants them to do what they do without it. Each run has a
// GOCACHE of its own, which is empty.
func (w *goWorld) wantSame(t *testing.T, dirs []string, steps []goStep) {
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			if s.slow && !full {
				t.Skip("FSK_TEST_FULL=1")
			}
			wants := make(map[string]outcome)
			for _, dir := range dirs {
				c := w.at(dir)
				c.t = t
				wants[dir] = c.outcome(c.goWithout(s.args...), s)
			}
			for i, dir := range append([]string{dirs[0]}, dirs...) {
				c := w.at(dir)
				c.t = t
				what := []string{"cold", "warm", "another directory"}[i]
				got, want := c.outcome(c.goCommand(s.args...), s), wants[dir]
				if got.ran != want.ran {
					t.Errorf("%s: %.2000q, want %.2000q", what, got.ran, want.ran)
				}
				if got.result != want.result {
					t.Errorf("%s: another file results, of %d bytes, than without, of %d bytes", what, len(got.result), len(want.result))
				}
				t.Logf("%s: %s", what, got.stats)
				// The go command also keeps what it knows of directories, by their names.
				few := max(fewMisses, got.gets/10)
				if got.misses > few && i > 0 || got.refused > 0 || got.stats == "" {
					t.Errorf("%s: too little of it was there", what)
				}
			}
		})
	}
}

// An outcome is what a step did.
type outcome struct {
	ran             string // how it ended, and what it said
	result          string // the file
	stats           string
	gets            int
	misses, refused int
}

// timing is what differs from run to run of go test.
var timing = regexp.MustCompile(`\(cached\)|\b\d+\.\d+s`)

func (w *goWorld) outcome(cmd *exec.Cmd, s goStep) (o outcome) {
	w.t.Helper()
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	if m := statsForm.FindStringSubmatch(string(out)); m != nil {
		o.stats = m[0]
		hits, _ := strconv.Atoi(m[1])
		o.misses, _ = strconv.Atoi(m[2])
		o.refused, _ = strconv.Atoi(m[3])
		o.gets = hits + o.misses + o.refused
	}
	said := timing.ReplaceAllString(statsForm.ReplaceAllString(string(out), ""), "TIME")
	o.ran = cmd.ProcessState.String() + "\n" + said
	for i, arg := range s.args {
		if arg != "-o" {
			continue
		}
		path := s.args[i+1]
		if !filepath.IsAbs(path) {
			path = filepath.Join(cmd.Dir, path)
		}
		o.result = w.read(path)
		os.Remove(path)
	}
	return o
}
