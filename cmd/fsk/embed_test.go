package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// embedDir is a module of its own, as those who embed fsk have it.
var embedDir = filepath.Join("..", "..", "testdata", "embed")

// Who embeds the store links nothing that only the command needs.
func TestEmbeddingLinksNoCommand(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", ".")
	cmd.Dir = embedDir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 50 {
		t.Fatalf("only %d packages", len(deps))
	}
	for _, path := range deps {
		if strings.HasPrefix(path, "fsk/cmd/") || strings.Contains(path, "kong") || strings.Contains(path, "go-toml") {
			t.Errorf("it links %s", path)
		}
	}
}

// The tool builds a target once, and then restores it: in another directory, too, but not
// when the store was tampered with.
func TestEmbeddedTool(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	b := newBox(t)
	tool := filepath.Join(b.root(), "mk.exe")
	build := exec.Command("go", "build", "-o", tool, ".")
	build.Dir = embedDir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	mk := func(dir, want string) {
		t.Helper()
		b := b.in(b.mkdir(dir))
		b.write("in.txt", "text")
		b.write("rules", "out.txt: in.txt\n\ttr a-z A-Z < in.txt > out.txt\n")
		cmd := exec.Command(tool, b.store, "rules")
		cmd.Dir, cmd.Env = b.dir, append(b.environ(), "MK_KEY="+keyA)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != want+" out.txt\n" {
			t.Errorf("%v: %q, want %s", err, out, want)
		}
		if made, err := os.ReadFile(filepath.Join(b.dir, "out.txt")); err != nil || string(made) != "TEXT" {
			t.Errorf("made %q, %v", made, err)
		}
	}
	mk("one", "built")
	mk("two", "restored")
	digest := strings.TrimSpace(b.run("ls").out)
	if err := os.Remove(b.object(digest)); err != nil {
		t.Fatal(err)
	}
	b.plant(digest, "EVIL")
	mk("three", "built")
	mk("four", "restored")
	b.wantClean()
}
