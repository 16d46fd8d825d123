package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"fsk/seal"
)

// id is the id of a key, by which tests tell keys apart.
func id(t *testing.T, text string) seal.KeyID {
	t.Helper()
	ring, err := seal.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring.ID(0)
}

func TestKeys(t *testing.T) {
	const (
		section = "[default]\ncache='c'\n[c]\nvalues.root='~/s'\n"
		secret  = "values.secret_key='" + canary + "'\n"
	)
	for _, tt := range []struct {
		name  string
		files map[string]string
		env   string // FLECHE_SECRET_KEY
		store string // --store
		cache string // --cache
		key   string // "" if off
		from  string
		warns string
	}{
		{name: "none"},
		{name: "the variable", env: canary2, key: canary2, from: "FLECHE_SECRET_KEY"},
		{name: "a file", files: map[string]string{walked: section + secret}, key: canary, from: "home/project/fleche.toml, [c] values.secret_key"},
		{name: "a file wins over the variable", files: map[string]string{own: section + secret}, env: canary2, key: canary, from: "cache.toml, [c] values.secret_key"},
		{name: "a walked file wins over the variable", files: map[string]string{walked: section + secret}, env: canary2, key: canary, from: "fleche.toml, [c] values.secret_key"},
		{name: "--store: the variable wins", files: map[string]string{own: section + secret}, env: canary2, store: "/x", key: canary2, from: "FLECHE_SECRET_KEY"},
		{name: "--store of the same store: the variable wins", files: map[string]string{walked: section + secret}, env: canary2, store: "../../s", key: canary2, from: "FLECHE_SECRET_KEY"},
		{name: "--store: else the user's own file", files: map[string]string{own: section + secret}, store: "/x", key: canary, from: "cache.toml, [c] values.secret_key"},
		{name: "--store: a walked file has no keys", files: map[string]string{walked: section + secret}, store: "/x", warns: "not used"},
		{name: "--store and --cache: a walked file has no keys", files: map[string]string{walked: section + secret}, store: "/x", cache: "c", warns: "not used"},
		{name: "--store of the same store: a walked file has keys", files: map[string]string{walked: section + secret}, store: "../../s", key: canary, from: "fleche.toml, [c] values.secret_key"},
		{name: "a walked file does not take the user's keys away", files: map[string]string{walked: "[default]\nroot=true\ncache='d'\n[d]\nvalues.root='d'\n", own: section + secret}, store: "/x", key: canary, from: "cache.toml, [c] values.secret_key"},
		{name: "nor for the user's own store", files: map[string]string{walked: "[default]\nroot=true\ncache='d'\n[d]\nvalues.root='~/s'\n", own: section + secret}, key: canary, from: "cache.toml, [c] values.secret_key"},
		{name: "nor replaces them", files: map[string]string{walked: "[default]\ncache='d'\n[d]\nvalues.root='../s'\nvalues.secret_key='" + canary2 + "'\n", own: section + secret}, key: canary, from: "cache.toml, [c] values.secret_key", warns: "not used"},
		{name: "nor for the default store", files: map[string]string{walked: "[default]\ncache='d'\n[d]\nvalues.root='~/.local/share/fsk'\n" + secret}, env: canary2, key: canary2, from: "FLECHE_SECRET_KEY", warns: "not used"},
		{name: "nor below a link", files: map[string]string{walked: "[default]\ncache='d'\n[d]\nvalues.root='link/fsk'\n" + secret, "home/.local/share/x": ""}, env: canary2, key: canary2, from: "FLECHE_SECRET_KEY", warns: "not used"},
		{name: "a walked file without keys for its store", files: map[string]string{walked: "[default]\ncache='d'\n[d]\nvalues.root='d'\n", own: section + secret}, warns: "selects another cache, without keys"},
		{name: "a walked section without a directory has no keys", files: map[string]string{walked: "[default]\ncache='c'\n[c]\n" + secret}, warns: "not used"},
		{name: "the user's own without a directory has", files: map[string]string{own: "[default]\ncache='c'\n[c]\n" + secret}, env: canary2, key: canary, from: "cache.toml, [c] values.secret_key"},
		{name: "the user's own of another store comes after the variable", files: map[string]string{walked: "[default]\ncache='d'\n[d]\n", own: section + secret}, env: canary2, key: canary2, from: "FLECHE_SECRET_KEY"},
		{name: "several in one string", files: map[string]string{walked: section + "values.secret_key='" + canary2 + ":" + canary + "'\n"}, key: canary2, from: "secret_key"},
		{name: "several in a list", files: map[string]string{walked: section + "values.secret_key=['" + canary2 + "','" + canary + "']\n"}, key: canary2, from: "secret_key"},
		{name: "short", env: short, key: short, from: "FLECHE_SECRET_KEY", warns: "FLECHE_SECRET_KEY: key 1 has 3 bytes"},
		{name: "twice", env: canary + ":" + canary + "00", key: canary, from: "FLECHE_SECRET_KEY", warns: "key 2 is the same key as key 1"},
		{name: "upper case", env: strings.ToUpper(canary), key: canary, from: "FLECHE_SECRET_KEY"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for path, text := range tt.files {
				w.write(path, text)
			}
			if tt.name == "nor below a link" {
				w.link("../.local/share", "home/project/link")
			}
			if tt.env != "" {
				w.env["FLECHE_SECRET_KEY"] = tt.env
			}
			w.in.Store, w.in.Cache = tt.store, tt.cache
			c := w.load()
			warnings := strings.Join(c.Warnings, "\n")
			if !strings.HasSuffix(c.KeysFrom, tt.from) || (tt.from == "") != (c.KeysFrom == "") {
				t.Errorf("keys from %q, want %q", c.KeysFrom, tt.from)
			}
			if tt.key == "" && c.Ring != seal.Off || tt.key != "" && (c.Ring.Len() == 0 || c.Ring.ID(0) != id(t, tt.key)) {
				t.Errorf("another ring: %v", c.Ring)
			}
			if !strings.Contains(warnings, tt.warns) || (tt.warns == "") != (warnings == "") {
				t.Errorf("warnings %q, want %q", warnings, tt.warns)
			}
			w.silent(fmt.Sprintf("%v %+v %#v", c, c, c))
		})
	}
}

// Bad keys are errors that name the position, also where they would not be used.
func TestBadKeys(t *testing.T) {
	many := make([]string, 17)
	for i := range many {
		many[i] = fmt.Sprintf("%s%02x", canary, i+1)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"set but empty":  {"", "set but empty"},
		"one colon":      {":", "key 1 is empty"},
		"colon at end":   {canary + ":", "key 2 is empty"},
		"colon at start": {":" + canary, "key 1 is empty"},
		"two colons":     {canary + "::" + canary2, "key 2 is empty"},
		"odd":            {canary + ":" + canary2[1:], "key 2 has an odd number"},
		"space":          {canary + ": " + canary2, "key 2 has a character"},
		"line end":       {canary + "\n", "key 1 has a character"},
		"return":         {canary + "\r", "key 1 has a character"},
		"prefix":         {"0x" + canary, "key 1 has a character"},
		"other digits":   {canary + "１２", "key 1 has a character"},
		"too many":       {strings.Join(many, ":"), "key 17 is one too many"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.env["FLECHE_SECRET_KEY"] = tt.text
			w.fails("FLECHE_SECRET_KEY: ", tt.want)
			w.write(own, "[default]\ncache='c'\n[c]\nvalues.secret_key='"+canary+"'\n")
			w.fails("FLECHE_SECRET_KEY: ", tt.want)

			w = newWorld(t)
			w.write(walked, "[default]\ncache='c'\n[c]\nvalues.root='s'\nvalues.secret_key="+fmt.Sprintf("%q", tt.text)+"\n")
			w.fails("c.values.secret_key: ", ":5:8")
			w.in.Store = filepath.Join(w.root, "elsewhere") // not used, but checked
			w.fails("c.values.secret_key: ", ":5:8")
		})
	}
}

func TestVariables(t *testing.T) {
	for text, want := range map[string]string{"": "", "0": "", "1": "sealing is required", "true": "must be 1 or 0", " 1": "must be 1 or 0", "2": "must be 1 or 0"} {
		w := newWorld(t)
		w.env["FSK_REQUIRE_SEAL"] = text
		if want == "" {
			if c := w.load(); c.Policy.RequireSeal {
				t.Errorf("FSK_REQUIRE_SEAL=%q requires seals", text)
			}
			continue
		}
		w.fails("FSK_REQUIRE_SEAL: " + want)
		w.env["FLECHE_SECRET_KEY"] = canary
		if want[0] == 's' {
			if c := w.load(); !c.Policy.RequireSeal || c.Policy.RequireSealFrom != "FSK_REQUIRE_SEAL" {
				t.Errorf("FSK_REQUIRE_SEAL=%q: %+v", text, c.Policy)
			}
		}
	}
	w := newWorld(t)
	w.env["FSK_STORE"] = ""
	w.fails("FSK_STORE: is set but empty")
}
