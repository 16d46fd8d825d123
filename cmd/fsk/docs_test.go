package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// docPages are the pages that these tests keep true, relative to the root of the module.
var docPages = []string{
	"README.md", "docs/cli.md", "docs/contributing.md", "docs/durability.md", "docs/embedding.md",
	"docs/format.md", "docs/hooks.md", "docs/performance.md", "docs/recovery.md", "docs/rotation.md", "docs/security.md",
}

// docRoot returns the root of the module.
func docRoot(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func docRead(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(docRoot(t), filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docBuild builds the command and returns the directory it is in.
func docBuild(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	name := filepath.Join(dir, "fsk")
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	docGo(t, "build", "-o", name, "./cmd/fsk")
	return dir
}

// docGo runs the go command in the root of the module.
func docGo(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = docRoot(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// A fence is a fenced block of a page.
type fence struct {
	line int    // of its first line of text, from 1
	lang string // what follows the three backquotes
	text string
}

func fences(t *testing.T, page string) (found []fence) {
	t.Helper()
	var open *fence
	for i, line := range strings.SplitAfter(docRead(t, page), "\n") {
		lang, isFence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case isFence && open == nil:
			open = &fence{line: i + 2, lang: lang}
		case isFence:
			found = append(found, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block has no end", page, open.line)
	}
	return found
}

// docMatch reports whether text is what is expected, where … stands for anything in
// one line.
func docMatch(expected, text string) bool {
	parts := strings.Split(strings.TrimRight(expected, "\n"), "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, "[^\n]*") + "$").MatchString(strings.TrimRight(text, "\n"))
}

func TestDocsListEveryReason(t *testing.T) {
	page := docRead(t, "docs/cli.md")
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(docRoot(t), "objects", "reason.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
			return true
		}
		for _, value := range spec.Values {
			word, err := strconv.Unquote(value.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			if n++; !strings.Contains(page, "\n| `"+word+"` |") {
				t.Errorf("docs/cli.md has no row for the reason %s", word)
			}
		}
		return true
	})
	if n < 15 {
		t.Errorf("found only %d reasons in the source", n)
	}
}

var (
	helpCommand = regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?) {2,}\S`)
	helpLong    = regexp.MustCompile(`(?m)^ +(?:-(\S), )?(--[a-z][a-z0-9-]*)`)
)

// TestDocsListEveryCommand asks the command itself what there is.
func TestDocsListEveryCommand(t *testing.T) {
	page := docRead(t, "docs/cli.md")
	fsk := filepath.Join(docBuild(t), "fsk")
	help := func(args ...string) string {
		out, err := exec.Command(fsk, append(args, "--help")...).Output()
		if err != nil {
			t.Fatalf("fsk %v --help: %v", args, err)
		}
		return string(out)
	}
	_, list, _ := strings.Cut(help(), "Commands:\n")
	commands := helpCommand.FindAllStringSubmatch(list, -1)
	if len(commands) < 10 {
		t.Fatalf("the help lists only %d commands:\n%s", len(commands), list)
	}
	for _, c := range commands {
		if !strings.Contains(page, "fsk "+c[1]) {
			t.Errorf("docs/cli.md does not have the command fsk %s", c[1])
		}
		for _, flag := range helpLong.FindAllStringSubmatch(help(strings.Fields(c[1])...), -1) {
			if !regexp.MustCompile("`" + regexp.QuoteMeta(flag[2]) + "[` ]").MatchString(page) {
				t.Errorf("docs/cli.md does not have the option %s of fsk %s", flag[2], c[1])
			}
			if flag[1] != "" && !regexp.MustCompile("`-"+flag[1]+"[` ]").MatchString(page) {
				t.Errorf("docs/cli.md does not have the option -%s of fsk %s", flag[1], c[1])
			}
		}
	}
}

// TestDocsPrograms builds and runs the Go programs of the pages as packages of this
// module. The block of output that follows a program must be what it prints.
func TestDocsPrograms(t *testing.T) {
	n := 0
	for _, page := range docPages {
		all := fences(t, page)
		for i, f := range all {
			if f.lang != "go" || !strings.HasPrefix(f.text, "package main") {
				continue
			}
			n++
			var output *fence
			if i+1 < len(all) && all[i+1].lang == "output" {
				output = &all[i+1]
			}
			t.Run(fmt.Sprintf("%s:%d", page, f.line), func(t *testing.T) {
				t.Parallel()
				docProgram(t, f, output)
			})
		}
	}
	if n < 5 {
		t.Errorf("found only %d programs", n)
	}
}

func docProgram(t *testing.T, f fence, output *fence) {
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(f.text), 0o600); err != nil {
		t.Fatal(err)
	}
	// An overlay puts the program into the module without writing to it.
	virtual := fmt.Sprintf("docsprogram%d", f.line)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(docRoot(t), virtual, "main.go"): source,
	}})
	if err != nil {
		t.Fatal(err)
	}
	overlayFile, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "program.exe")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	docGo(t, "build", "-overlay", overlayFile, "-o", program, "./"+virtual)
	cmd := exec.Command(program)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if output == nil {
		t.Fatal("no block of output follows the program")
	}
	if !docMatch(output.text, string(out)) {
		t.Errorf("it prints\n%s\ninstead of\n%s", out, output.text)
	}
}

// A step is a command of a session and what it is said to print.
type step struct {
	line              int
	command, expected string
}

// TestDocsSessions runs the sessions of a page one after the other in one shell, in
// an empty directory, with an empty home directory.
func TestDocsSessions(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the sessions use programs as Linux has them")
	}
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	bin := docBuild(t)
	n := 0
	for _, page := range docPages {
		steps := docSteps(t, page)
		if len(steps) == 0 {
			continue
		}
		n++
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			docSession(t, shell, bin, page, steps)
		})
	}
	if n < 3 {
		t.Errorf("found only %d pages with sessions", n)
	}
}

func docSteps(t *testing.T, page string) (steps []step) {
	for _, f := range fences(t, page) {
		if f.lang != "console" {
			continue
		}
		for i, line := range strings.SplitAfter(f.text, "\n") {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{line: f.line + i, command: strings.TrimRight(command, "\n")})
			} else if line != "" {
				if len(steps) == 0 {
					t.Fatalf("%s:%d: output without a command", page, f.line+i)
				}
				steps[len(steps)-1].expected += line
			}
		}
	}
	return steps
}

// docTools are programs that a session may use and a machine may lack.
var docTools = []string{"b3sum", "openssl", "xxd", "od", "cpio"}

// docNeeds are the programs without which the session of a page makes no sense.
var docNeeds = map[string]string{"docs/hooks.md": "python3"}

// endOfStep is what the script prints after a command.
const endOfStep = "\x00end of step\x00"

func docSession(t *testing.T, shell, bin, page string, steps []step) {
	if need := docNeeds[page]; need != "" {
		if _, err := exec.LookPath(need); err != nil {
			t.Skipf("there is no %s", need)
		}
	}
	// The mark leaves the exit status of the command before it as it was.
	script := "mark() { local status=$?; printf '" + strings.ReplaceAll(endOfStep, "\x00", `\0`) + "'; return $status; }\n" +
		"exec 2>&1\n"
	for i, s := range steps {
		for _, tool := range docTools {
			if !regexp.MustCompile(`\b` + tool + `\b`).MatchString(s.command) {
				continue
			}
			if _, err := exec.LookPath(tool); err != nil { // pass this one step
				t.Logf("%s:%d: not run: there is no %s", page, s.line, tool)
				steps[i].expected, s.command = "", "true"
			}
		}
		if strings.HasPrefix(s.command, "go ") { // these run in the repository
			s.command = "(cd '" + docRoot(t) + "' && " + s.command + ")"
		}
		script += s.command + "\nmark\n"
	}
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(home, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell, "-c", script)
	cmd.Dir = work
	cmd.Env = append(docGoEnv(t), "HOME="+home, "LC_ALL=C", "REPO="+docRoot(t),
		"PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	out, err := cmd.Output()
	got := strings.Split(string(out), endOfStep)
	for i, s := range steps {
		if i >= len(got)-1 {
			t.Fatalf("%s:%d: the session ended before $ %s: %v", page, s.line, s.command, err)
		}
		if !docMatch(s.expected, got[i]) {
			t.Errorf("%s:%d: $ %s\nprints\n%s\ninstead of\n%s", page, s.line, s.command, got[i], s.expected)
		}
	}
}

// docGoEnv lets the go command work in another home directory.
func docGoEnv(t *testing.T) (env []string) {
	names := []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"}
	values := strings.Split(docGo(t, append([]string{"env"}, names...)...), "\n")
	for i, name := range names {
		env = append(env, name+"="+values[i])
	}
	return env
}

var (
	docLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	docHead = regexp.MustCompile(`(?m)^#+ (.+)$`)
	docDrop = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestDocsLinks(t *testing.T) {
	for _, page := range docPages {
		for _, m := range docLink.FindAllStringSubmatch(docRead(t, page), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			name := page
			if target != "" {
				name = filepath.ToSlash(filepath.Join(filepath.Dir(page), target))
			}
			if _, err := os.Stat(filepath.Join(docRoot(t), name)); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(docAnchors(docRead(t, name)), anchor) {
				t.Errorf("%s: there is no heading for the link %s", page, m[1])
			}
		}
	}
}

func docAnchors(text string) (anchors []string) {
	for _, m := range docHead.FindAllStringSubmatch(text, -1) {
		text := docDrop.ReplaceAllString(strings.ToLower(m[1]), "")
		anchors = append(anchors, strings.ReplaceAll(text, " ", "-"))
	}
	return anchors
}

// TestDocsNameNoMachine keeps what belongs to one machine out of the pages.
func TestDocsNameNoMachine(t *testing.T) {
	for _, page := range docPages {
		text := []byte(docRead(t, page))
		for _, bad := range []string{os.TempDir() + "/", docRoot(t)} {
			if i := bytes.Index(text, []byte(bad)); i >= 0 {
				t.Errorf("%s:%d: a path of one machine: %s", page, 1+bytes.Count(text[:i], []byte("\n")), bad)
			}
		}
	}
}
