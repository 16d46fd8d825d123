package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz[A-Za-z0-9_]*)\(`)

// TestDocsListEveryFuzzTarget: each is on the page, and has seeds that are committed.
func TestDocsListEveryFuzzTarget(t *testing.T) {
	page := docRead(t, "docs/contributing.md")
	found := 0
	err := filepath.WalkDir(docRoot(t), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range fuzzTarget.FindAllStringSubmatch(string(text), -1) {
			found++
			if !strings.Contains(page, "`"+m[1]+"`") {
				t.Errorf("docs/contributing.md does not list %s", m[1])
			}
			seeds, err := os.ReadDir(filepath.Join(filepath.Dir(path), "testdata", "fuzz", m[1]))
			if err != nil || len(seeds) == 0 {
				t.Errorf("%s has no committed seeds: %v", m[1], err)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 14 {
		t.Errorf("only %d targets found", found)
	}
}
