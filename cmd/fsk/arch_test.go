package main_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport says which packages of this module, and which modules, each package may
// import. A package that is not listed may not exist; an entry for one that does not
// exist yet does no harm. It is about the packages themselves, not their tests.
var mayImport = map[string][]string{
	"fsk/seal":             {"github.com/zeebo/blake3"},
	"fsk/objects":          {"fsk/seal", "fsk/objects/durable", "fsk/objects/internal/multisum", "fsk/objects/packfile", "github.com/go-git/go-billy/v5", "github.com/zeebo/blake3", "golang.org/x/sync"},
	"fsk/objects/durable":  {"github.com/go-git/go-billy/v5", "golang.org/x/sync"},
	"fsk/objects/rootfs":   {"fsk/objects/durable", "github.com/go-git/go-billy/v5", "golang.org/x/sys"},
	"fsk/objects/packfile": {"github.com/zeebo/blake3"},
	"fsk/objects/fleche":   {"fsk/seal", "fsk/objects", "fsk/objects/durable", "github.com/go-git/go-billy/v5"},
	"fsk/refs":             {"fsk/seal", "fsk/objects", "fsk/objects/durable", "github.com/go-git/go-billy/v5"},
	"fsk/hooks":            {"fsk/objects", "fsk/seal", "github.com/zeebo/blake3", "golang.org/x/sys"},

	"fsk/objects/internal/multisum": {"github.com/zeebo/blake3", "golang.org/x/sys"},

	"fsk/objects/objectstest": {"fsk/objects", "fsk/objects/durable", "fsk/seal", "github.com/go-git/go-billy/v5"},

	"fsk/cmd/fsk":         {"fsk/cmd/fsk/config", "fsk/cmd/fsk/gocache", "fsk/cmd/fsk/marks", "fsk/seal", "fsk/objects", "fsk/objects/durable", "fsk/objects/rootfs", "fsk/objects/fleche", "fsk/refs", "fsk/hooks", "github.com/alecthomas/kong", "golang.org/x/sync", "golang.org/x/sys", "golang.org/x/term"},
	"fsk/cmd/fsk/config":  {"fsk/seal", "fsk/objects", "fsk/objects/durable", "fsk/refs", "fsk/hooks", "github.com/pelletier/go-toml/v2"},
	"fsk/cmd/fsk/marks":   {"fsk/objects", "fsk/objects/durable", "fsk/objects/rootfs", "fsk/refs"},
	"fsk/cmd/fsk/gocache": {"fsk/seal", "fsk/objects", "fsk/objects/durable", "fsk/objects/rootfs", "fsk/refs", "fsk/hooks", "github.com/go-git/go-billy/v5", "golang.org/x/sync", "golang.org/x/sys"},
}

// notInLibraries are packages of the standard library that only the command uses:
// libraries neither log nor parse arguments nor talk to a network.
var notInLibraries = []string{"flag", "log", "net", "net/http"}

// A listed is what go list says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
}

func (p listed) ours() bool { return p.Module != nil && p.Module.Path == "fsk" }

// TestImports keeps the arrows between the packages. Direct imports suffice, because
// they are asked of every package, and on every system.
func TestImports(t *testing.T) {
	for _, system := range []string{"linux", "darwin", "windows"} {
		t.Run(system, func(t *testing.T) {
			packages := goListDeps(t, system)
			for path, p := range packages {
				if !p.ours() {
					continue
				}
				allowed, known := mayImport[path]
				if !known {
					t.Errorf("%s has no entry in the table: what may it import?", path)
					continue
				}
				for _, name := range p.Imports {
					if why := forbidden(p, packages[name], name, allowed); why != "" {
						t.Errorf("%s imports %s: %s", path, name, why)
					}
				}
			}
		})
	}
}

func forbidden(from, to listed, name string, allowed []string) string {
	switch {
	case to.Standard:
		if !strings.HasPrefix(from.ImportPath, "fsk/cmd/") && slices.Contains(notInLibraries, name) {
			return "only the command may"
		}
		return ""
	case to.ours():
		name = to.ImportPath
	case to.Module != nil:
		name = to.Module.Path
	}
	if !slices.Contains(allowed, name) {
		return "it may import only the standard library, " + strings.Join(allowed, ", ")
	}
	return ""
}

// goListDeps describes all packages of the module and all that they need.
func goListDeps(t *testing.T, system string) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,Module", "fsk/...")
	cmd.Env = append(cmd.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := make(map[string]listed)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
	if len(packages) < 50 {
		t.Fatalf("go list knows only %d packages", len(packages))
	}
	return packages
}
