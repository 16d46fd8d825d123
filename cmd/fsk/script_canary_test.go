package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// watchKeys remembers which files of a script hold a key from the beginning. In the end no
// other one may, but for copies of these.
func watchKeys(t testing.TB, env *testscript.Env) {
	own := make(map[string]bool)
	for _, text := range keyFiles(t, env.WorkDir) {
		own[text] = true
	}
	env.Defer(func() {
		for path, text := range keyFiles(t, env.WorkDir) {
			if !own[text] {
				t.Errorf("%s: %q of a key is in the file %s", filepath.Base(env.WorkDir), shownKey(path+text), path)
			}
		}
	})
}

// keyFiles returns the files below a directory that show a key, in name or content.
func keyFiles(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case os.IsPermission(err):
			return nil // a script took the permission away
		case err != nil:
			return err
		case !e.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil && !os.IsPermission(err) {
			return err
		}
		if path, _ = filepath.Rel(dir, path); shownKey(path+string(text)) != "" {
			found[path] = string(text)
		}
		return nil
	})
	if err != nil {
		t.Errorf("searching %s: %v", dir, err)
	}
	return found
}

// TestKeyFilesAreFound: a key that is there is found, so that none found means none there.
func TestKeyFilesAreFound(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"clean": "payload", "digits": "x" + strings.ToUpper(keyA) + "y", "piece/" + keyB[20:36]: "", "raw": string(unhex(t, keyB)), "env": "A=b\nFLECHE_SECRET_KEY=" + keyB,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if found := keyFiles(t, dir); len(found) != 4 || found["clean"] != "" {
		t.Errorf("found %q", found)
	}
}

// fskUnwatched are lines of a script that run fsk without looking at what it prints.
var fskUnwatched = regexp.MustCompile(`(?m)^(\[[^]]*\] *)*(! *)?exec .*\bfsk .*$`)

// TestScriptsAreWatched: only status looks for keys, so only status may run fsk.
func TestScriptsAreWatched(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join("..", "..", "testdata", "script", "*.txtar"))
	if err != nil || len(scripts) < 20 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range fskUnwatched.FindAllString(string(text), -1) {
			t.Errorf("%s: %s", filepath.Base(script), line)
		}
	}
}
