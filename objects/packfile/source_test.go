package packfile_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestEncodesAndDecodesOnly holds the package to what it says: no files, no environment,
// nothing of fsk.
func TestEncodesAndDecodesOnly(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			path := strings.Trim(imported.Path.Value, `"`)
			first, _, _ := strings.Cut(path, "/")
			if strings.Contains(first, ".") && path != "github.com/zeebo/blake3" || first == "fsk" {
				t.Errorf("%s imports %s", name, path)
			}
			switch first {
			case "os", "log", "net", "syscall", "unsafe":
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}
