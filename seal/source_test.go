package seal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestComparesMACsInConstantTime reads the source of the package (A35): seals are
// compared by hmac.Equal, and what could compare bytes in another way is not used,
// not even imported.
func TestComparesMACsInConstantTime(t *testing.T) {
	equal := 0
	for name, file := range sources(t) {
		for _, imported := range file.Imports {
			switch path := strings.Trim(imported.Path.Value, `"`); path {
			case "bytes", "reflect", "slices", "unsafe", "os", "io/ioutil":
				t.Errorf("%s imports %s", name, path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if (n.Op == token.EQL || n.Op == token.NEQ) && (ofMAC(n.X) || ofMAC(n.Y)) {
					t.Errorf("%s: a MAC is compared by %s", name, n.Op)
				}
			case *ast.SelectorExpr:
				pkg, _ := n.X.(*ast.Ident)
				switch {
				case pkg == nil:
				case pkg.Name == "hmac" && n.Sel.Name == "Equal":
					equal++
				case pkg.Name == "strings" && (n.Sel.Name == "Compare" || n.Sel.Name == "EqualFold"):
					t.Errorf("%s uses strings.%s", name, n.Sel.Name)
				case pkg.Name == "subtle":
					t.Errorf("%s uses subtle.%s where hmac.Equal does it", name, n.Sel.Name)
				}
			}
			return true
		})
	}
	if equal == 0 {
		t.Error("hmac.Equal is not used at all")
	}
}

// ofMAC reports whether an expression may be a seal: it mentions one of the names
// under which the package keeps them. A length is none.
func ofMAC(e ast.Expr) (found bool) {
	if call, ok := e.(*ast.CallExpr); ok {
		if f, ok := call.Fun.(*ast.Ident); ok && f.Name == "len" {
			return false
		}
	}
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			switch strings.ToLower(id.Name) {
			case "trailer", "sum", "text", "seal", "tag", "digest", "want", "got":
				found = true
			}
		}
		return !found
	})
	return found
}

// TestPureComputation holds the package to what it says: no files, no environment.
func TestPureComputation(t *testing.T) {
	allowed := map[string]bool{"github.com/zeebo/blake3": true}
	for name, file := range sources(t) {
		for _, imported := range file.Imports {
			path := strings.Trim(imported.Path.Value, `"`)
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && !allowed[path] || first == "fsk" {
				t.Errorf("%s imports %s", name, path)
			}
			if path == "os" || path == "log" || path == "net" || path == "syscall" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]*ast.File)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
	}
	if len(files) == 0 {
		t.Fatal(fs.ErrNotExist)
	}
	return files
}
