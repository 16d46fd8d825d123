package main_test

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What other programs make of the output and of the files.

func TestB3sumAcceptsTheOutput(t *testing.T) {
	b3sum, err := exec.LookPath("b3sum")
	if err != nil {
		t.Skip("needs b3sum, which is not installed")
	}
	b := newBox(t)
	for i, name := range []string{"plain", "with space", `back\slash`, "line\nfeed", "both\\\n", `\n`, "é", "-dash", "*star", " leading", "trailing ", "a,b", "sub/dir/file", "tab\tname", "quote'\""} {
		b.write("files/"+name, strings.Repeat("x", i))
	}
	b.write("files/large", strings.Repeat("large", 1<<19))
	for _, args := range [][]string{{"add", "-r", "files"}, {"add", "-r", "files/"}, {"add", "-r", "."}, {"add", "--", "files/-dash", "files/plain"}} {
		r := b.run(args...)
		if r.code != 0 {
			t.Fatalf("%q: exit %d, %s", args, r.code, r.err)
		}
		cmd := exec.Command(b3sum, "-c")
		cmd.Dir, cmd.Stdin = b.dir, strings.NewReader(r.out)
		out, err := cmd.CombinedOutput()
		if n := strings.Count(string(out), ": OK\n"); err != nil || n != strings.Count(r.out, "\n") {
			t.Errorf("%q: %d good of %d: %v\n%s", args, n, strings.Count(r.out, "\n"), err, out)
		}
	}
	// The same lines as b3sum's own.
	own := exec.Command(b3sum, "files/plain", `files/back\slash`, "files/line\nfeed", "files/a,b")
	own.Dir = b.dir
	want, err := own.Output()
	if err != nil {
		t.Fatal(err)
	}
	r := b.run("add", "files/plain", `files/back\slash`, "files/line\nfeed", "files/a,b")
	r.want(t, 0, quoted(string(want)), "")
}

func quoted(s string) string { return `\Q` + s + `\E` }

func TestOpensslMakesTheTrailer(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl, which is not installed")
	}
	for _, key := range []string{keyA, "aa", strings.Repeat(keyB, 3), strings.ToUpper(keyA)} {
		for _, payload := range []string{"", "payload", strings.Repeat("long ", 1<<18)} {
			b := newBox(t).with("FLECHE_SECRET_KEY=" + key)
			r := b.input(payload).run("add", "-")
			digest, _, _ := strings.Cut(r.out, " ")
			stored := b.read(b.object(digest))
			split := len(stored) - 64
			cmd := exec.Command(openssl, "dgst", "-sha256", "-mac", "HMAC", "-macopt", "hexkey:"+key)
			cmd.Stdin = strings.NewReader(stored[:split])
			out, err := cmd.Output()
			if err != nil {
				t.Skipf("openssl: %v", err)
			}
			_, want, _ := strings.Cut(strings.TrimSpace(string(out)), "= ")
			if stored[split:] != want || stored[:split] != payload {
				t.Errorf("trailer %q, openssl gives %q", stored[split:], want)
			}
		}
	}
}

func TestPickleReadsTheFile(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3, which is not installed")
	}
	b := newBox(t)
	out, err := exec.Command(python, "-c", `import pickle, sys; sys.stdout.buffer.write(pickle.dumps({"a": [1, 2.5, "x"], "b": b"\0.\n" * 1000}))`).Output()
	if err != nil {
		t.Skipf("python3: %v", err)
	}
	path := b.object(b.add(string(out)))
	check := `import pickle, sys
with open(sys.argv[1], "rb") as f:
    print(pickle.load(f) == {"a": [1, 2.5, "x"], "b": b"\0.\n" * 1000}, len(f.read()))`
	got, err := exec.Command(python, "-c", check, path).CombinedOutput()
	if err != nil || string(got) != "True 64\n" {
		t.Errorf("pickle.load: %q, %v", got, err)
	}
	// And the seal is the one that Python's hmac makes.
	verify := `import hmac, hashlib, sys
data = open(sys.argv[1], "rb").read()
print(hmac.new(bytes.fromhex(sys.argv[2]), data[:-64], hashlib.sha256).hexdigest().encode() == data[-64:])`
	got, err = exec.Command(python, "-c", verify, path, keyA).CombinedOutput()
	if err != nil || string(got) != "True\n" {
		t.Errorf("hmac: %q, %v", got, err)
	}
}

// A store of any payload can be read without fsk: the name is the digest of the file less
// the trailer.
func TestStoreCanBeReadWithoutFsk(t *testing.T) {
	b := newBox(t)
	b.write("tree/one", "one")
	b.write("tree/sub/two", "two")
	b.write("tree/empty", "")
	if r := b.run("add", "-r", "tree"); r.code != 0 {
		t.Fatal(r.err)
	}
	n := 0
	err := filepath.WalkDir(filepath.Join(b.store, "objects"), func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		n++
		stored := b.read(path)
		payload := stored[:len(stored)-64]
		name := filepath.Base(filepath.Dir(path)) + filepath.Base(path)
		if digestOf(payload) != name || sealed(t, keyA, payload) != stored {
			t.Errorf("%s holds %q", path, stored)
		}
		if _, err := hex.DecodeString(stored[len(payload):]); err != nil {
			t.Error(err)
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o222 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil || n != 3 {
		t.Errorf("%d objects, %v", n, err)
	}
}
