package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fsk/objects/durable"
)

// Keys of 32 bytes, of which no 6 letters occur in any message by chance.
const (
	canary  = "c4f1e8a7d2b95c0e6f3a81d7b4e29c5fa0d36b8e17c2f49a5b0ed7318f6ca2e4"
	canary2 = "9b3e7f1ca8d05e62f4b7c913ad86e05b2f7c4a19e3d80b65fc21a97e4db8305f"
	short   = "a7c3e9"
)

// A world is a home directory with a working directory two levels below it.
type world struct {
	*testing.T
	root, home, dir string
	env             map[string]string
	in              Input
}

func newWorld(t *testing.T) *world {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, root: root, home: filepath.Join(root, "home"), env: map[string]string{}}
	w.dir = filepath.Join(w.home, "project", "sub")
	w.mkdir(w.dir)
	w.in = Input{Dir: w.dir, Home: w.home, UID: os.Geteuid(), Getenv: func(name string) (string, bool) {
		v, ok := w.env[name]
		return v, ok
	}}
	return w
}

func (w *world) mkdir(path string) {
	w.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		w.Fatal(err)
	}
}

// write makes a file of mode 0600, below the world's root unless absolute.
func (w *world) write(path, text string) string {
	w.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.root, path)
	}
	w.mkdir(filepath.Dir(path))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

func (w *world) load() *Config {
	w.Helper()
	c, err := Load(w.in)
	if err != nil {
		w.Fatalf("Load: %v", err)
	}
	w.silent(strings.Join(c.Warnings, "\n"))
	return c
}

// fails loads and wants an error that contains all of the texts.
func (w *world) fails(texts ...string) *Error {
	w.Helper()
	c, err := Load(w.in)
	var e *Error
	if !errors.As(err, &e) {
		w.Fatalf("Load gave %+v, %v; want an *Error with %q", c, err, texts)
	}
	all := e.Error() + "\n" + e.Hint
	w.silent(all)
	for _, text := range texts {
		if !strings.Contains(all, text) {
			w.Errorf("Load: %q does not contain %q", all, text)
		}
	}
	return e
}

// silent wants no 6 letters of a test key in the text.
func (w *world) silent(text string) {
	w.Helper()
	for _, key := range []string{canary, canary2, short} {
		for i := range len(key) - 5 {
			if strings.Contains(strings.ToLower(text), key[i:i+6]) {
				w.Fatalf("a message tells a part of a key: %q", text)
			}
		}
	}
}

const (
	walked = "home/project/fleche.toml"
	nearer = "home/project/sub/fleche.toml"
	own    = "home/.config/fleche/cache.toml"
)

func TestStore(t *testing.T) {
	const section = "[default]\ncache='c'\n[c]\nvalues.root="
	for _, tt := range []struct {
		name   string
		files  map[string]string // "" is a directory
		env    map[string]string
		change func(*Input)
		want   string // below the root
		from   string
		create bool
	}{
		{name: "the default", want: "home/.local/share/fsk", from: "default", create: true},
		{name: "XDG_DATA_HOME", env: map[string]string{"XDG_DATA_HOME": "/x/y"}, want: "/x/y/fsk", from: "default", create: true},
		{name: "a relative XDG_DATA_HOME is ignored", env: map[string]string{"XDG_DATA_HOME": "x"}, want: "home/.local/share/fsk", from: "default", create: true},
		{name: "a .fsk above", files: map[string]string{"home/project/.fsk": ""}, want: "home/project/.fsk", from: "/home/project/.fsk"},
		{name: "the nearest .fsk", files: map[string]string{"home/.fsk": "", "home/project/sub/.fsk": ""}, want: "home/project/sub/.fsk", from: "sub/.fsk"},
		{name: ".fsk in the home directory", files: map[string]string{"home/.fsk": ""}, want: "home/.fsk", from: "home/.fsk"},
		{name: "no .fsk above the home directory", files: map[string]string{".fsk": ""}, want: "home/.local/share/fsk", from: "default", create: true},
		{name: "no .fsk above a root file", files: map[string]string{"home/.fsk": "", walked: "[default]\nroot = true\n"}, want: "home/.local/share/fsk", from: "default", create: true},
		{name: ".fsk beside a root file", files: map[string]string{"home/project/.fsk": "", walked: "[default]\nroot = true\n"}, want: "home/project/.fsk", from: ".fsk"},
		{name: "a cache wins over .fsk", files: map[string]string{"home/project/.fsk": "", walked: section + "'s'\n"}, want: "home/project/s", from: "home/project/fleche.toml [c]", create: true},
		{name: "a root with ..", files: map[string]string{walked: section + "'../s'\n"}, want: "home/s", from: "[c]", create: true},
		{name: "a root in the home directory", files: map[string]string{walked: section + "'~/s'\n"}, want: "home/s", from: "[c]", create: true},
		{name: "an absolute root", files: map[string]string{walked: section + "'/x/s'\n"}, want: "/x/s", from: "[c]", create: true},
		{name: "the user's own file", files: map[string]string{own: section + "'s'\n"}, want: "home/.config/fleche/s", from: "cache.toml [c]", create: true},
		{name: "XDG_CONFIG_HOME", env: map[string]string{"XDG_CONFIG_HOME": "rel"}, files: map[string]string{own: section + "'/s'\n"}, want: "/s", from: "cache.toml [c]", create: true},
		{name: "the nearest section wins", files: map[string]string{walked: section + "'far'\n", nearer: "[c]\nvalues.root='near'\n"}, want: "home/project/sub/near", from: "sub/fleche.toml [c]", create: true},
		{name: "the nearest default wins", files: map[string]string{walked: section + "'far'\n[d]\nvalues.root='d'\n", nearer: "[default]\ncache='d'\n"}, want: "home/project/d", from: "[d]", create: true},
		{name: "--cache", files: map[string]string{walked: section + "'far'\n[d]\nvalues.root='d'\n"}, change: func(in *Input) { in.Cache = "d" }, want: "home/project/d", from: "[d]", create: true},
		{name: "a section without a directory", files: map[string]string{own: "[default]\ncache='c'\n[c]\n", "home/.fsk": ""}, want: "home/.fsk", from: ".fsk"},
		{name: "fleche's memory", files: map[string]string{walked: "[default]\ncache='memory'\n"}, want: "home/.local/share/fsk", from: "default", create: true},
		{name: "FSK_STORE", files: map[string]string{walked: section + "'s'\n"}, env: map[string]string{"FSK_STORE": "env"}, want: "home/project/sub/env", from: "FSK_STORE", create: true},
		{name: "--store", env: map[string]string{"FSK_STORE": "env"}, change: func(in *Input) { in.Store = "../flag/" }, want: "home/project/flag", from: "--store", create: true},
		{name: "--config is read instead of all", files: map[string]string{"other/f.toml": section + "'s'\n", walked: section + "'no'\n", own: "broken"},
			change: func(in *Input) { in.File = "../../../other/f.toml" }, want: "other/s", from: "f.toml [c]", create: true},
		{name: "a cache of fleche", files: map[string]string{own: "[default]\ncache='c'\n[c]\ntemplate='dill'\nroot='~/r'\n"}, want: "home/r/values", from: "[c]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for path, text := range tt.files {
				if text == "" {
					w.mkdir(filepath.Join(w.root, path))
				} else {
					w.write(path, text)
				}
			}
			if tt.env != nil {
				w.env = tt.env
			}
			if tt.change != nil {
				tt.change(&w.in)
			}
			c := w.load()
			want := tt.want
			if want[0] != '/' {
				want = filepath.Join(w.root, want)
			}
			if c.Store != want || !strings.HasSuffix(c.StoreFrom, tt.from) || c.MayCreate != tt.create {
				t.Errorf("store %q from %q, may create %t; want %q from %q, %t", c.Store, c.StoreFrom, c.MayCreate, want, tt.from, tt.create)
			}
		})
	}
}

func TestNoHome(t *testing.T) {
	w := newWorld(t)
	w.in.Home = ""
	w.fails("no home directory", "--store")
	w.env["XDG_DATA_HOME"] = "/x"
	if c := w.load(); c.Store != "/x/fsk" {
		t.Errorf("store %q", c.Store)
	}
	w.write(walked, "[default]\ncache='c'\n[c]\nvalues.root='~/x'\n")
	w.fails("c.values.root", "home directory")
}

func TestFiles(t *testing.T) {
	w := newWorld(t)
	near, far, mine := w.write(nearer, ""), w.write(walked, ""), w.write(own, "")
	w.write("fleche.toml", "broken") // above the home directory
	if c := w.load(); !slices.Equal(c.Files, []string{near, far, mine}) {
		t.Errorf("files %q", c.Files)
	}
	w.write(nearer, "[default]\nroot=true\n")
	if c := w.load(); !slices.Equal(c.Files, []string{near, mine}) {
		t.Errorf("with a root file: files %q", c.Files)
	}
}

func TestHomeBehindLink(t *testing.T) {
	w := newWorld(t)
	link := filepath.Join(w.root, "link")
	if err := os.Symlink(w.home, link); err != nil {
		t.Skip(err)
	}
	w.in.Home = link
	w.write("fleche.toml", "broken")
	if c := w.load(); len(c.Files) != 0 {
		t.Errorf("files %q", c.Files)
	}
}

// The example of the package comment.
func TestDocumentedExample(t *testing.T) {
	const key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	const example = `[default]
cache = "builds"

[builds]
values.type = "fsk"
values.root = "~/builds"
values.secret_key = "` + key + `"

[builds.policy]
require_seal = true
`
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(example) {
		if !strings.Contains(string(doc), strings.TrimRight("//\t"+line, "\n")) {
			t.Errorf("the package comment lacks %q", line)
		}
	}
	w := newWorld(t)
	mine := w.write(own, example)
	c := w.load()
	if c.Store != filepath.Join(w.home, "builds") || c.Ring.Len() != 1 || !c.Policy.RequireSeal ||
		c.KeysFrom != mine+", [builds] values.secret_key" || c.Policy.RequireSealFrom != mine+" [builds]" {
		t.Errorf("Load = %+v", c)
	}
	w.write(walked, "[default]\ncache='other'\n[other]\nvalues.root='s'\n")
	w.fails("sealing is required", mine)
}

func TestSettings(t *testing.T) {
	const all = "[default]\ncache='c'\n[c]\nvalues.root='s'\nvalues.type='fsk'\ndurability='none'\nrefs.namespace='ci/main'\n"
	w := newWorld(t)
	w.write(walked, all)
	if c := w.load(); c.Durability != durable.None || c.Namespace != "ci/main" {
		t.Errorf("Load = %+v", c)
	}
	w.in.Store = "../s" // the same store
	if c := w.load(); c.Durability != durable.None || c.Namespace != "ci/main" {
		t.Errorf("--store with the store of the section: %+v", c)
	}
	w.in.Store = "../other"
	if c := w.load(); c.Durability != durable.Full || c.Namespace != "default" {
		t.Errorf("another store: %+v", c)
	}
	w.in.Cache = "c"
	if c := w.load(); c.Durability != durable.None || c.Namespace != "ci/main" {
		t.Errorf("--cache and another store: %+v", c)
	}
}
