package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fsk/objects"
)

func (w *world) link(target, path string) {
	w.Helper()
	if err := os.Symlink(target, filepath.Join(w.root, path)); err != nil {
		w.Skip(err)
	}
}

// Nothing in a store is read as configuration.
func TestInsideStore(t *testing.T) {
	for _, marked := range []string{"home/project", "home/project/sub", "home", ""} {
		w := newWorld(t)
		w.write(filepath.Join(marked, "fsk-store"), "fsk-store 1\n")
		w.write(nearer, "broken = "+canary)
		w.mkdir(filepath.Join(w.dir, ".fsk"))
		c := w.load()
		if len(c.Files) != 0 || c.StoreFrom != "default" {
			t.Errorf("marked %q: files %q, store from %q", marked, c.Files, c.StoreFrom)
		}
		if all := strings.Join(c.Warnings, "\n"); len(c.Warnings) != 2 || strings.Count(all, "ignored") != 2 {
			t.Errorf("marked %q: warnings %q", marked, c.Warnings)
		}
	}
	w := newWorld(t)
	w.write("home/project/sub/fsk-store", "fsk-store 1\n")
	w.write(nearer, "broken")
	above := w.write(walked, "[default]\ncache='c'\n[c]\nvalues.root='s'\n")
	if c := w.load(); !slices.Equal(c.Files, []string{above}) {
		t.Errorf("a file above the store: files %q", c.Files)
	}
}

func TestNoMark(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "longer": "fsk-store 1\n\n", "shorter": "fsk-store 1", "another version": "fsk-store 2\n"} {
		w := newWorld(t)
		w.write("home/project/fsk-store", text)
		w.write(nearer, "broken")
		if w.fails("syntax"); t.Failed() {
			t.Fatal(name)
		}
	}
	w := newWorld(t)
	w.write("home/mark", "fsk-store 1\n")
	w.link("../mark", "home/project/fsk-store")
	w.write(nearer, "broken")
	w.fails("syntax")
}

func TestPolicy(t *testing.T) {
	const (
		a = "0000000000000000000000000000000000000000000000000000000000000001"
		b = "0000000000000000000000000000000000000000000000000000000000000002"
	)
	w := newWorld(t)
	w.env["FLECHE_SECRET_KEY"] = canary
	near := w.write(nearer, "[default]\nroot=true\ncache='c'\n[c]\nvalues.root='s'\n[c.policy]\nrequire_seal=false\nkeys='any'\nmax_object_size='2KiB'\ndeny=['"+b+"']\n")
	mine := w.write(own, "[default]\ncache='mine'\n[mine.policy]\nkeys='first'\nmax_object_size='100GiB'\n[c.policy]\nrequire_seal=true\nmax_object_size='1MB'\ndeny=['"+a+"']\n[unused.policy]\npre_read='x'\n")
	p := w.load().Policy
	da, _ := objects.ParseDigest(a)
	db, _ := objects.ParseDigest(b)
	if !p.RequireSeal || p.RequireSealFrom != mine+" [c]" || !p.FirstKeyOnly || p.FirstKeyOnlyFrom != mine+" [mine]" ||
		p.MaxObjectSize != 2048 || p.MaxObjectSizeFrom != near+" [c]" ||
		len(p.Deny) != 2 || !slices.Equal(p.Deny[0].List.Digests(), []objects.Digest{da}) || p.Deny[0].From != mine+" [c]" ||
		!slices.Equal(p.Deny[1].List.Digests(), []objects.Digest{db}) || p.Deny[1].From != near+" [c]" {
		t.Errorf("policy %+v", p)
	}

	// A walked file cannot step out of the user's policy by naming another cache ...
	w.write(nearer, "[default]\ncache='d'\n[d]\nvalues.root='s'\nvalues.secret_key='"+canary2+"'\n[d.policy]\nmax_object_size='200GiB'\n")
	if p := w.load().Policy; !p.FirstKeyOnly || p.MaxObjectSize != 100<<30 {
		t.Errorf("another cache: policy %+v", p)
	}
	// ... but the user can.
	w.in.Cache = "d"
	if p := w.load().Policy; p.FirstKeyOnly || p.MaxObjectSize != 0 {
		t.Errorf("--cache: policy %+v", p)
	}
	w.in.Cache = ""
	delete(w.env, "FLECHE_SECRET_KEY")
	w.write(own, "[default]\ncache='mine'\n[mine.policy]\nrequire_seal=true\n")
	w.write(nearer, "[default]\ncache='d'\n[d]\nvalues.root='s'\n[d.policy]\nrequire_seal=false\n")
	w.fails(mine+" [mine]: sealing is required", "FLECHE_SECRET_KEY")
	w.in.Store = "/x"
	w.fails("sealing is required")
}
