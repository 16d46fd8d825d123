package main_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sharing is the group of those who share a store. Each of them has another group of his
// own, as is usual.
const sharing = 64000

// anotherUser has two users of a group share a store: what one stores the other builds
// with, replaces, evicts and reseals.
func (w *goWorld) anotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("needs setpriv")
	}
	w.letOthersIn()
	c := w.fork(t, "group")
	if err := os.RemoveAll(c.store); err != nil {
		t.Fatal(err)
	}
	// What docs/cli.md says: a directory of the group, with its setgid bit, and a umask
	// that leaves the group its rights.
	for _, err := range []error{os.Mkdir(c.store, 0o700), os.Chown(c.store, 0, sharing), os.Chmod(c.store, fs.ModeSetgid|0o770)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ann, bob := c.user(64001, "007"), c.user(64002, "007")
	if out, err := ann.goCommand("version").CombinedOutput(); err != nil {
		t.Skipf("other users have no go command: %v: %s", err, out)
	}
	if r := ann.run("init"); r.code != 0 {
		t.Fatalf("init: exit %d, %s", r.code, r.err)
	}
	// What uses the standard library takes long to compile.
	what := "./other"
	if full {
		what = "."
	}
	want := w.result(what)
	if b := ann.result(what); b.program != want.program || b.refused > 0 {
		t.Errorf("the first user: the same result: %t; %+v", b.program == want.program, b)
	}
	if b := bob.result(what); b.program != want.program || b.refused > 0 || b.compiled > 0 {
		t.Errorf("the other user: the same result: %t; %+v", b.program == want.program, b)
	}
	if b := bob.build("build", "-x", "-trimpath", "-gcflags=-N", "./other"); b.compiled == 0 || b.refused > 0 {
		t.Errorf("%+v", b)
	}
	if b := ann.build("build", "-x", "-trimpath", "-gcflags=-N", "./other"); b.compiled > 0 {
		t.Errorf("what the other user stored is built again: %+v", b)
	}
	for _, u := range []*goWorld{ann, bob} {
		u.wantClean()
		if r := u.run("pack"); r.code != 0 || r.err != "" {
			t.Errorf("pack: exit %d, %s", r.code, r.err)
		}
	}
	old := time.Now().Add(-3 * time.Hour)
	aged := 0
	c.records(func(path string, raw []byte) {
		if aged++; aged%3 == 0 {
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
	})
	c.walk("objects", func(path string, _ []byte) { os.Chtimes(path, old, old) })
	bob.run("gc", "--max-age", "2h").want(t, 0, `actions: .*; evicted: [1-9].*\n`, "")
	both := "FLECHE_SECRET_KEY=" + keyB + ":" + keyA
	bob.with(both).run("fsck", "--reseal").want(t, 0, `(?s).*`, "")
	if b := ann.with("FLECHE_SECRET_KEY=" + keyB).result(what); b.program != want.program || b.refused > 0 {
		t.Errorf("after gc and reseal of the other user: the same result: %t; %+v", b.program == want.program, b)
	}
	ann.with("FLECHE_SECRET_KEY=" + keyB).wantClean()
	c.wantModes(t)

	// What one made whose umask keeps the group out costs the others time, and nothing else.
	err := filepath.WalkDir(c.store, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			err = os.Chmod(path, fs.ModeSetgid|0o750)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	bob = bob.with("FLECHE_SECRET_KEY=" + keyB)
	if b := bob.result(what); b.program != want.program || b.compiled > 0 || b.refused > 0 {
		t.Errorf("in a store of others: the same result: %t; %+v", b.program == want.program, b)
	}
	b := bob.build("build", "-x", "-trimpath", "-gcflags=-l", "./other")
	if len(b.warnings) != 1 || !strings.Contains(b.warnings[0], "not kept any more") || b.compiled == 0 {
		t.Errorf("something new, in a store of others: %q; %+v", b.warnings, b)
	}
}

// user is the same world as another user sees it, in a directory of his own.
func (w *goWorld) user(id int, umask string) *goWorld {
	w.t.Helper()
	home := w.mkdir(fmt.Sprint("user", id))
	c := w.at(w.module(filepath.Join(filepath.Base(home), "module")))
	err := filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = os.Chown(path, id, id)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	c.box = c.box.with("HOME="+home, "TMPDIR="+home)
	c.box = c.box.under("setpriv", "--reuid", strconv.Itoa(id), "--regid", strconv.Itoa(id), "--groups", strconv.Itoa(sharing),
		"sh", "-c", "umask "+umask+`; exec "$@"`, "sh")
	c.goEnv = slices.Concat(w.goEnv[:len(w.goEnv)-2:len(w.goEnv)-2], []string{"GOPATH=" + home}, w.goEnv[len(w.goEnv)-1:])
	return c
}

// wantModes wants everything in the store to belong to the group, which may do with it
// what the umask allows.
func (w *goWorld) wantModes(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(w.store, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o440)
		switch {
		case e.IsDir():
			want = fs.ModeDir | fs.ModeSetgid | 0o770
		case strings.Contains(e.Name(), "lock"):
			want = 0o660
		}
		if info.Mode() != want {
			t.Errorf("%s: mode %s, want %s", path, info.Mode(), want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// letOthersIn lets other users come to the world through the directories above it.
func (b *box) letOthersIn() {
	b.t.Helper()
	for dir := b.root(); dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode()&0o001 == 0 {
			if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}
