package main_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A10 to A13 for packs: whatever is in the place of a pack, of its index or of their
// directory, no command hangs, nothing behind a link is read or changed, and good objects
// stay good.
func TestWhatIsNoPack(t *testing.T) {
	for _, test := range specials {
		for _, which := range []string{"pack", "idx"} {
			if test.reason != "not-regular" {
				continue
			}
			t.Run(which+", "+test.claim, func(t *testing.T) {
				t.Parallel()
				b, good, bad := hostileWorld(t, hostile{})
				_, places := packBytes(b.sealedRecords("p", 3)...)
				_, id := indexBytes(places...)
				path := filepath.Join(b.store, "objects/pack", id+"."+which)
				content := b.read(path)
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				if err := test.plant(t, b, path, content); err != nil {
					t.Fatal(err)
				}
				outside := listing(t, b.dir)
				if released := b.wantGenuine(bad); len(released) > 0 {
					t.Errorf("released: %q", released)
				}
				if r := b.run("fsck"); r.code != 1 || !strings.Contains(r.out, "error: 1 not-regular: ") {
					t.Errorf("fsck: exit %d, %s%s", r.code, r.out, r.err)
				}
				b.afterAttack(good, bad)
				if after := listing(t, b.dir); !slices.Equal(outside, after) {
					t.Errorf("outside there was %q, and is %q", outside, after)
				}
			})
		}
	}
}

// afterAttack runs the commands that change something: each ends soon, and good objects
// stay.
func (b *box) afterAttack(good, bad map[string]string) {
	b.t.Helper()
	digests := slices.Sorted(maps.Keys(bad))
	for _, args := range [][]string{{"pack"}, {"rm", digests[0]}, {"add", filepath.Join(b.root(), "p 0")}, {"pack"}, {"ls"}, {"status"}} {
		if args[0] == "add" {
			b.write(args[1], "p 0")
		}
		r := b.run(args...)
		// A directory cannot be replaced, and pack says so.
		if r.code != 0 && r.err == "" || r.code > 1 && !strings.Contains(r.err, "is a directory") {
			b.t.Errorf("%q: exit %d, %s%s", args, r.code, r.out, r.err)
		}
		b.wantAll("after "+args[0], good)
	}
	b.wantAll("added again", map[string]string{digestOf("p 0"): "p 0"})
}

// A38: a pack or an index that is larger than any disk costs no more than the objects that
// a pack may have.
func TestGiantPack(t *testing.T) {
	most := int64(400) // MiB
	for _, which := range []string{"pack", "idx"} {
		t.Run(which, func(t *testing.T) {
			b, good, bad := hostileWorld(t, hostile{})
			_, places := packBytes(b.sealedRecords("p", 3)...)
			_, id := indexBytes(places...)
			if err := os.Truncate(filepath.Join(b.store, "objects/pack", id+"."+which), 1<<40); err != nil {
				t.Skip("no sparse files here:", err)
			}
			if released := b.wantGenuine(bad); (len(released) == len(bad)) != (which == "pack") {
				t.Errorf("released: %q", released)
			}
			m, peak := b.measured()
			commands := [][]string{{"ls"}, {"status"}, {"rm", digestOf("p 1")}, {"add", b.write("again", "p 2")}, {"pack"}, {"rm", digestOf("p 1")}}
			if full || which == "idx" { // a million findings take some seconds
				commands = append([][]string{{"fsck"}}, commands...)
			}
			for _, args := range commands {
				r := m.run(args...)
				t.Logf("%s: exit %d after %v, %d MiB", args[0], r.code, r.took, peak())
				if r.code > 1 || peak() > most {
					t.Errorf("%q: exit %d after %v, %d MiB: %s%s", args, r.code, r.took, peak(), r.out, r.err)
				}
				b.wantAll("after "+args[0], good)
			}
		})
	}
}
