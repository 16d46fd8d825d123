package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A completionShell asks a shell what can take the place of the last word.
type completionShell struct {
	name string
	args func(script string, words []string) []string
}

var completionShells = []completionShell{
	{"bash", func(script string, words []string) []string {
		return append([]string{"--noprofile", "--norc", "-c", `source "$0" && complete -p fsk >/dev/null || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _fsk; printf '%s\n' "${COMPREPLY[@]}"`, script}, words...)
	}},
	// The functions of zsh that show what was found work at a prompt only.
	{"zsh", func(script string, words []string) []string {
		return append([]string{"-f", "-c", `compdef() { [[ $1 = _fsk && $2 = fsk ]] || exit 1 }
source "$0" || exit 1
show() { local w; for w; do [[ $w = ${current#*=}* ]] && print -r -- ${w%%:*}; done }
compset() { :; }
compadd() { show "${@[2,-1]}" }
_describe() { show "${(@P)@[-1]}" }
_files() { local f; for f in ${current}*(N); do [[ $1 != -/ || -d $f ]] && print -r -- $f; done }
words=("$@") CURRENT=$#; _fsk; :`, script}, words...)
	}},
	{"fish", func(script string, words []string) []string {
		return []string{"--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, script, strings.Join(words, " ")}
	}},
}

// TestCompletion sources the completion in each shell that is installed.
func TestCompletion(t *testing.T) {
	b := newBox(t).with("FLECHE_SECRET_KEY")
	b.mkdir("work/folder")
	b.write("file with space", "")
	b.write("filed", "")
	for _, shell := range completionShells {
		t.Run(shell.name, func(t *testing.T) {
			program, err := exec.LookPath(shell.name)
			if err != nil {
				t.Skipf("needs %s, which is not installed", shell.name)
			}
			r := b.run("!", "completion", shell.name)
			if r.code != 0 || r.err != "" {
				t.Fatalf("fsk completion %s: exit %d, %s", shell.name, r.code, r.err)
			}
			script := filepath.Join(b.root(), "completion."+shell.name)
			if err := os.WriteFile(script, []byte(r.out), 0o644); err != nil {
				t.Fatal(err)
			}
			complete := func(words ...string) []string {
				cmd := exec.Command(program, shell.args(script, words)...)
				cmd.Dir, cmd.Env = b.dir, b.environ()
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%q: %v: %s", words, err, out)
				}
				return completed(string(out))
			}
			checkCompletion(t, shell.name, complete)
			if got, want := complete("fsk", ""), commandsOf(t, b); !slices.Equal(got, want) {
				t.Errorf("commands %q, want those of the help page, %q", got, want)
			}
		})
	}
}

func checkCompletion(t *testing.T, shell string, complete func(...string) []string) {
	for _, test := range []struct {
		words []string
		want  []string
	}{
		{[]string{"fsk", "ke"}, []string{"key"}},
		{[]string{"fsk", "key", ""}, []string{"ls", "new"}},
		{[]string{"fsk", "--json", "key", "n"}, []string{"new"}},
		{[]string{"fsk", "--store", "key", "fsc"}, []string{"fsck"}},
		{[]string{"fsk", "key", "ls", "--color", ""}, []string{"always", "auto", "never"}},
		{[]string{"fsk", "--color", "a"}, []string{"always", "auto"}},
		{[]string{"fsk", "completion", ""}, []string{"bash", "fish", "zsh"}},
		{[]string{"fsk", "cat", "--o"}, []string{"--offset", "--output"}},
		{[]string{"fsk", "add", "--rec"}, []string{"--recursive"}},
		{[]string{"fsk", "stat", "--rec"}, nil},
		{[]string{"fsk", "--cache", ""}, nil},
		{[]string{"fsk", "stat", ""}, nil},
		{[]string{"fsk", "init", "f"}, []string{"folder"}},
		{[]string{"fsk", "--store", "f"}, []string{"folder"}},
		{[]string{"fsk", "add", "fi"}, []string{"file with space", "filed"}},
		{[]string{"fsk", "hook", "pin", "fi"}, []string{"file with space", "filed"}},
		{[]string{"fsk", "cat", "-o", "file"}, []string{"file with space", "filed"}},
		{[]string{"fsk", "--config", "filed"}, []string{"filed"}},
	} {
		if got := complete(test.words...); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.words, got, test.want)
		}
	}
	// bash makes three words of it.
	words := []string{"fsk", "--color=a"}
	if shell == "bash" {
		words = []string{"fsk", "--color", "=", "a"}
	}
	if got := complete(words...); !slices.Equal(got, []string{"always", "auto"}) {
		t.Errorf("%q: %q", words, got)
	}
}

// completed returns the words of an output, without what a shell adds to them.
func completed(out string) (words []string) {
	for line := range strings.Lines(out) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		word = strings.TrimPrefix(strings.TrimSuffix(word, "/"), "--color=")
		if word = strings.ReplaceAll(word, `\ `, " "); word != "" {
			words = append(words, word)
		}
	}
	slices.Sort(words)
	return slices.Compact(words)
}

var helpEntry = regexp.MustCompile(`(?m)^  ([a-z][a-z -]*[a-z])(  | <| \[|$)`)

// pagesOf returns the commands that have a help page, as the page of all names them.
func pagesOf(t *testing.T, b *box) (pages [][]string) {
	t.Helper()
	_, list, found := strings.Cut(b.run("!", "--help").out, "\nCommands:\n")
	for _, m := range helpEntry.FindAllStringSubmatch(list, -1) {
		pages = append(pages, strings.Fields(m[1]))
	}
	if !found || len(pages) < 12 {
		t.Fatalf("only %q in\n%s", pages, list)
	}
	return pages
}

func commandsOf(t *testing.T, b *box) (names []string) {
	t.Helper()
	for _, page := range pagesOf(t, b) {
		names = append(names, page[0])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestHelpPagesHaveExamples: every page has one, of the command that it is about, with
// options that the page explains.
func TestHelpPagesHaveExamples(t *testing.T) {
	b := newBox(t)
	pages := [][]string{{}}
	for _, page := range pagesOf(t, b) {
		for n := range page {
			pages = append(pages, page[:n+1])
		}
	}
	example := regexp.MustCompile(`(?m)^Example: (.*)$`)
	option := regexp.MustCompile(`(?:^| )(--?[a-z][a-z-]*)`)
	for _, page := range pages {
		out := b.run(slices.Concat([]string{"!"}, page, []string{"--help"})...).out
		m := example.FindStringSubmatch(out)
		if m == nil || !strings.Contains(m[1], strings.Join(append([]string{"fsk"}, page...), " ")) {
			t.Errorf("%q: no example of it on the page\n%s", page, out)
			continue
		}
		first, _, _ := strings.Cut(m[1], " | ")
		for _, o := range option.FindAllStringSubmatch(first, -1) {
			if strings.Count(out, o[1]) < 2 {
				t.Errorf("%q: the example has %s, which is not explained", page, o[1])
			}
		}
	}
}
