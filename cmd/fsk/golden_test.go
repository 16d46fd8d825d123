package main_test

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/zeebo/blake3"
)

// The keys of testdata/store-v1, in order.
const (
	goldenNew = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	goldenOld = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
)

// A goldenStore is a store of version 1 and what is in it.
type goldenStore struct {
	name, keys    string
	objects, refs [][]string
	before        map[string][][]string // the records before, by the name of the ref
}

func goldenDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../testdata/store-v1")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func goldenStores(t *testing.T) []goldenStore {
	t.Helper()
	stores := []goldenStore{{name: "sealed", keys: goldenNew + ":" + goldenOld}, {name: "plain"}, {name: "damaged", keys: goldenNew + ":" + goldenOld}}
	for i := range stores {
		s := &stores[i]
		s.before = make(map[string][][]string)
		text, err := os.ReadFile(filepath.Join(goldenDir(t), s.name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			switch words := strings.Fields(line); words[0] {
			case "object":
				s.objects = append(s.objects, words[1:])
			case "ref":
				s.refs = append(s.refs, words[1:])
			case "before":
				s.before[words[1]] = append(s.before[words[1]], words[2:])
			}
		}
		if len(s.objects) < 13 || len(s.refs) < 1 {
			t.Fatalf("%s: only %d objects and %d refs", s.name, len(s.objects), len(s.refs))
		}
	}
	return stores
}

// box is a world in which the golden store is the store.
func (s goldenStore) box(t *testing.T) *box {
	b := newBox(t).with("FLECHE_SECRET_KEY")
	if s.keys != "" {
		b = b.with("FLECHE_SECRET_KEY=" + s.keys)
	}
	b.store = filepath.Join(goldenDir(t), s.name)
	return b
}

// TestGoldenStoreIsRead reads the stores that version 1 made (D11): every object and ref
// has the verdict that it had, and the bytes.
func TestGoldenStoreIsRead(t *testing.T) {
	for _, s := range goldenStores(t) {
		t.Run(s.name, func(t *testing.T) {
			b := s.box(t)
			s.wantObjects(t, b)
			s.wantPayloads(t, b)
			for _, ref := range s.refs {
				t.Run("ref "+ref[0], func(t *testing.T) {
					b := *b
					b.t = t
					s.wantRef(&b, ref)
				})
			}
		})
	}
}

func (s goldenStore) wantObjects(t *testing.T, b *box) {
	t.Helper()
	args, bad := []string{"--json", "stat"}, 0
	for _, o := range s.objects {
		args = append(args, o[0])
	}
	for i, line := range lines(t, b.run(args...).out) {
		if line["type"] != "object" {
			continue
		}
		want := s.objects[i]
		size, key, where := "-", "-", line["where"]
		if reason, _ := line["reason"].(string); strings.HasPrefix(reason, "ok") {
			size = strconv.Itoa(int(line["size"].(float64)))
			if id, ok := line["key"].(string); ok {
				key = id
			}
		} else {
			bad++
		}
		if got := []string{line["digest"].(string), line["reason"].(string), size, key, where.(string)}; !slices.Equal(got, want) {
			t.Errorf("object %q, want %q", got, want)
		}
	}
	if list := strings.Count(b.run("ls").out, "\n"); list != len(s.objects) {
		t.Errorf("ls lists %d objects, want %d", list, len(s.objects))
	}
	if r := b.run("fsck"); (r.code == 0) != (bad == 0) {
		t.Errorf("fsck of %d bad objects: exit %d: %s", bad, r.code, r.out)
	}
}

func (s goldenStore) wantPayloads(t *testing.T, b *box) {
	t.Helper()
	var input strings.Builder
	for _, o := range s.objects {
		input.WriteString(o[0] + "\n")
	}
	out := b.input(input.String()).run("cat", "--batch").out
	for _, o := range s.objects {
		head, rest, _ := strings.Cut(out, "\n")
		if out = rest; !strings.HasPrefix(o[1], "ok") {
			if head != o[0]+" "+o[1] {
				t.Errorf("cat --batch says %q of %q", head, o)
			}
			continue
		}
		size, _ := strconv.Atoi(o[2])
		if head != o[0]+" "+o[2] || len(rest) < size+1 {
			t.Fatalf("cat --batch says %q of %q", head, o)
		}
		if sum := blake3.Sum256([]byte(rest[:size])); hex.EncodeToString(sum[:]) != o[0] {
			t.Errorf("object %s has other bytes", o[0])
		}
		out = rest[size+1:]
	}
}

// wantRef wants a ref to name what it named, and its history to be what it was.
func (s goldenStore) wantRef(b *box, ref []string) {
	b.t.Helper()
	name, reason, digest, seq := ref[0], ref[1], ref[2], ref[3]
	r := b.run("ref", "get", name)
	if digest != "-" {
		r.want(b.t, 0, digest+"\n", ".*")
	} else {
		r.want(b.t, 1, "", `(?s).*\(`+reason+`\)\n(fsk: hint: .*\n)?`)
	}
	if seq == "-" { // nothing is known of a record that is refused
		return
	}
	log := ""
	for _, record := range append([][]string{ref[1:]}, s.before[name]...) {
		log += record[2] + "  [^ ]+  " + record[1] + "\n"
	}
	b.run("ref", "log", name).want(b.t, 0, log, ".*")
}

// TestGoldenStoreIsUsed goes on with a copy of the golden store, as one does with an old
// store: what is in it stays, and is then sealed by the first key alone.
func TestGoldenStoreIsUsed(t *testing.T) {
	s := goldenStores(t)[0]
	b := s.box(t)
	b.store = filepath.Join(b.root(), "copy")
	if err := os.CopyFS(b.store, os.DirFS(filepath.Join(goldenDir(t), s.name))); err != nil {
		t.Fatal(err)
	}
	b.add("new")
	if r := b.run("pack"); r.code != 0 {
		t.Errorf("pack: exit %d, %s", r.code, r.err)
	}
	if r := b.run("fsck", "--reseal"); r.code != 0 {
		t.Errorf("fsck --reseal: exit %d, %s", r.code, r.out)
	}
	s.wantPayloads(t, b.with("FLECHE_SECRET_KEY="+goldenNew))
}

// TestReaderAgrees runs the reader that was written from docs/format.md alone.
func TestReaderAgrees(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3, which is not installed")
	}
	reader, err := filepath.Abs("../../testdata/reader.py")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range goldenStores(t) {
		b := s.box(t)
		cmd := exec.Command(python, "-B", reader, b.store)
		cmd.Env = b.environ()
		out, err := cmd.Output()
		if want := b.read(b.store + ".txt"); string(out) != want {
			t.Errorf("%s: the reader finds\n%s%v, want\n%s", s.name, out, err, want)
		}
		if all := err == nil; all != (s.name != "damaged") {
			t.Errorf("%s: the reader takes all of it for good: %t, %v", s.name, all, err)
		}
	}
}
