package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fsk/refs"
)

// FuzzLoad reads any text as the user's own file and as a walked one. It must not
// panic, and no message may hold the key, which stands where the text says KEY.
func FuzzLoad(f *testing.F) {
	const key = "c4f1e8a7d2b9"
	f.Add("[default]\ncache='c'\n[c]\nvalues.secret_key='KEY'\nvalues.root='~/s'\n")
	f.Add("[default]\ncache='c'\n[c]\nvalues.secret_key=['KEY', 'KEYKEY']\n[c.policy]\nrequire_seal=true\n")
	f.Add("[default]\ncache='c'\n[[c.policy.pre_read]]\nrun=['/KEY']\nblake3='KEY'\ntimeout='KEY'\n[[c.policy.pre_read]]\nKEY=1\n")
	f.Add("[default]\ncache='c'\n[c.policy]\nkeys=['KEY']\ndeny_file='KEY'\ndeny=['KEY']\n")
	home := f.TempDir()
	dir := filepath.Join(home, "sub")
	mine := filepath.Join(home, ".config", "fleche", "cache.toml")
	for _, d := range []string{dir, filepath.Dir(mine)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			f.Fatal(err)
		}
	}
	in := Input{Dir: dir, Home: home, UID: os.Geteuid(), Getenv: func(string) (string, bool) { return "", false }}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ReplaceAll(text, "KEY", key)
		for _, path := range []string{filepath.Join(dir, "fleche.toml"), mine} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Load(in)
			os.Remove(path)
			var said string
			var e *Error
			switch {
			case err == nil:
				said = strings.Join(append(c.Warnings, c.StoreFrom, c.KeysFrom, c.Policy.RequireSealFrom), "\n")
				if c.Ring == nil || !filepath.IsAbs(c.Store) || refs.CheckNamespace(c.Namespace) != nil || c.Policy.MaxObjectSize < 0 {
					t.Errorf("Load = %+v", c)
				}
			case errors.As(err, &e):
				said = e.Error() + "\n" + e.Hint
				if e.Key != "" && e.Line == 0 {
					t.Errorf("no place for %q", said)
				}
			default:
				t.Fatalf("an error of type %T", err)
			}
			if strings.Contains(strings.ToLower(said), key) {
				t.Fatalf("a message tells the key: %q", said)
			}
		}
	})
}
