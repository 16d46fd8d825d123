package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A special is something that is no file of bytes, or one of too many. It is put in the
// place of a file that had the given bytes.
type special struct {
	claim  string
	plant  func(t *testing.T, b *box, path, content string) error
	reason string // of an object
}

var specials = []special{
	{"A10 link to a file of the system", func(t *testing.T, b *box, path, _ string) error { return os.Symlink("/etc/passwd", path) }, "not-regular"},
	{"A10 link to the right bytes outside", func(t *testing.T, b *box, path, content string) error {
		return os.Symlink(b.write("outside", content), path)
	}, "not-regular"},
	{"A10 link to the right bytes inside", func(t *testing.T, b *box, path, content string) error {
		b.write(filepath.Join(filepath.Dir(path), "inside"), content)
		return os.Symlink("inside", path)
	}, "not-regular"},
	{"A10 link to itself", func(t *testing.T, b *box, path, _ string) error { return os.Symlink(filepath.Base(path), path) }, "not-regular"},
	{"A10 dangling link", func(t *testing.T, b *box, path, _ string) error { return os.Symlink("nowhere", path) }, "not-regular"},
	{"A10 link through /proc", func(t *testing.T, b *box, path, _ string) error { return os.Symlink("/proc/self/fd/0", path) }, "not-regular"},
	{"A12 FIFO", func(t *testing.T, b *box, path, _ string) error { return syscall.Mkfifo(path, 0o666) }, "not-regular"},
	{"A13 directory", func(t *testing.T, b *box, path, _ string) error { return os.Mkdir(path, 0o777) }, "not-regular"},
	{"A13 socket", func(t *testing.T, b *box, path, _ string) error {
		short, err := os.MkdirTemp("", "s") // the path of a socket has about a hundred bytes at most
		if err != nil {
			return err
		}
		t.Cleanup(func() { os.RemoveAll(short) })
		l, err := net.Listen("unix", short+"/s")
		if err != nil {
			return err
		}
		t.Cleanup(func() { l.Close() })
		return os.Rename(short+"/s", path)
	}, "not-regular"},
	{"A13 device of zeros", func(t *testing.T, b *box, path, _ string) error {
		needRoot(t)
		return syscall.Mknod(path, syscall.S_IFCHR|0o666, 1<<8|5)
	}, "not-regular"},
	{"A14 sparse file of a TiB", func(t *testing.T, b *box, path, _ string) error {
		b.write(path, "")
		return os.Truncate(path, 1<<40)
	}, "too-large"},
}

// A10 to A14: what has the name of an object is no file of bytes.
func TestNotRegularObjectIsAMiss(t *testing.T) {
	const payload = "the genuine payload\n"
	for _, test := range specials {
		t.Run(test.claim, func(t *testing.T) {
			b := newBox(t)
			digest := b.add(payload)
			b.add("another")
			if err := test.plant(t, b, b.clear(digest), sealed(t, keyA, payload)); err != nil {
				t.Fatal(err)
			}
			b.wantMiss(digest, test.reason)
			if r := b.run("fsck"); r.code != 1 || !strings.Contains(r.out, digest[2:]) || !strings.Contains(r.out, "error: 1 "+test.reason+": ") {
				t.Errorf("fsck: exit %d, %s", r.code, r.out)
			}
			if r := b.run("ls"); r.code != 0 || strings.Count(r.out, "\n") != 2 {
				t.Errorf("ls: exit %d, %s", r.code, r.out)
			}
		})
	}
}

// A10: strace shows that the target of a link is not opened.
func TestTargetOfALinkIsNotOpened(t *testing.T) {
	needStrace(t)
	for _, which := range []string{"loose", "pack", "index"} {
		t.Run(which, func(t *testing.T) {
			b := newBox(t)
			digest := b.add("payload")
			path := b.object(digest)
			if which != "loose" {
				os.Remove(path)
				id := b.plantPack(b.sealedRecord("payload"), b.sealedRecord("other"))
				path = map[string]string{"pack": b.packFile(id), "index": b.indexFile(id)}[which]
			}
			content := b.read(path)
			target := b.write("target", content)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, path); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"cat", digest}, {"stat", digest}, {"fsck"}, {"ls"}, {"status"}, {"rm", digest}, {"pack"}} {
				traced, log := b.traced("-e", "trace=file,desc")
				traced.run(args...)
				if calls := opened(t, log, target); len(calls) > 0 {
					t.Errorf("fsk %q: %q", args, calls)
				}
			}
			if got := b.read(target); got != content {
				t.Errorf("the target is %q", got)
			}
		})
	}
}

// A11 and A43: a directory of the store is a link. Whatever fsk does, nothing is read,
// written or removed where it leads.
func TestLinkAmongTheDirectories(t *testing.T) {
	const payload = "the genuine payload\n"
	digest := digestOf(payload)
	for _, dir := range []string{"objects", "objects/" + digest[:2], "objects/pack", "tmp", "refs", "quarantine"} {
		for _, where := range []string{"outside", "inside"} {
			t.Run(dir+" "+where, func(t *testing.T) {
				b := newBox(t)
				b.add(payload)
				packed := dir == "objects/pack"
				if packed {
					os.Remove(b.object(digest))
					b.plantPack(b.sealedRecord(payload))
				}
				link := filepath.Join(b.store, dir)
				victim := filepath.Join(b.root(), "victim")
				if where == "inside" {
					victim = filepath.Join(b.store, "victim")
				}
				if err := os.Rename(link, victim); err != nil {
					t.Fatal(err)
				}
				b.write(filepath.Join(victim, "keep"), "keep")
				if err := os.Symlink(victim, link); err != nil {
					t.Fatal(err)
				}
				before := listing(t, victim)
				file := b.write("file", payload)
				other := b.write("other", "another payload")
				for _, args := range [][]string{{"cat", digest}, {"add", file}, {"add", other}, {"ls"}, {"stat", digest}, {"fsck"}, {"rm", digest}, {"fsck", digest}, {"pack"}} {
					r := b.run(args...)
					onPath := packed || strings.HasPrefix("objects/"+digest[:2], dir)
					switch args[0] {
					case "cat", "rm":
						if onPath && (r.code != 1 || r.out != "" || !strings.HasSuffix(r.err, "(unsafe-path)\n")) {
							t.Errorf("%q: exit %d, stdout %q, stderr %q", args, r.code, r.out, r.err)
						}
					case "add":
						if dir == "tmp" && args[1] == other && (r.code == 0 || r.out != "") || onPath && args[1] == file && (r.code != 1 || r.out != "" || !strings.Contains(r.err, "(unsafe-path)")) {
							t.Errorf("%q: exit %d, stdout %q, stderr %q", args, r.code, r.out, r.err)
						}
					case "fsck":
						if len(args) == 1 && (r.code != 1 || !strings.Contains(r.out, "  "+dir+"\n") || !strings.Contains(r.out, " unsafe-path: ")) {
							t.Errorf("%q: exit %d, stdout %q, stderr %q", args, r.code, r.out, r.err)
						}
					}
				}
				if after := listing(t, victim); !slices.Equal(before, after) {
					t.Errorf("the directory behind the link was %q and is %q", before, after)
				}
			})
		}
	}
}

// listing describes every file below a directory: name, inode, mode, size, time.
func listing(t testing.TB, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		list = append(list, fmt.Sprintf("%s %d %v %d %v", path, st.Ino, info.Mode(), st.Size, info.ModTime()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A15: an object that is a hard link to somebody's file is replaced or removed, and the
// file is left as it was.
func TestHardLinkedFileIsLeftAlone(t *testing.T) {
	pack, places := packBytes(newBox(t).sealedRecords("p", 3)...)
	_, id := indexBytes(places...)
	for home, content := range map[string]string{"loose": "the victim's bytes", "loose, alike": "payload", "packed": pack, "packed, cut": pack[:len(pack)-1]} {
		b := newBox(t)
		digest := b.add("payload")
		path := b.clear(digest)
		if strings.HasPrefix(home, "packed") {
			b.plantPack(b.sealedRecords("p", 3)...)
			path = b.packFile(id)
			os.Remove(path)
		}
		victim := b.write(filepath.Join(b.root(), "victim", "file"), content)
		if err := os.Chmod(victim, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(victim, path); err != nil {
			t.Fatal(err)
		}
		before := listing(t, filepath.Dir(victim))
		b.run("fsck")
		if got := b.add("payload"); got != digest {
			t.Errorf("add printed %s", got)
		}
		b.wantPayload(digest, "payload")
		if r := b.run("rm", digest); r.code != 0 {
			t.Errorf("%s: rm: exit %d, %s", home, r.code, r.err)
		}
		b.run("rm", digestOf("p 1"))
		b.run("pack")
		if after := listing(t, filepath.Dir(victim)); !slices.Equal(before, after) || b.read(victim) != content {
			t.Errorf("the victim was %q and is %q", before, after)
		}
	}
}

// A39: what is in the place of an object before it is added.
func TestAddOverWhatIsThere(t *testing.T) {
	const payload = "the genuine payload\n"
	tests := []struct {
		claim string
		plant func(b *box, path string) error
		code  int
	}{
		{"A39 garbage is replaced", func(b *box, path string) error { b.write(path, "garbage"); return nil }, 0},
		{"A39 an empty file is replaced", func(b *box, path string) error { b.write(path, ""); return nil }, 0},
		{"A39 an unsealed copy is replaced by a sealed one", func(b *box, path string) error { b.write(path, payload); return nil }, 0},
		{"A39 a copy sealed by another key is replaced", func(b *box, path string) error { b.write(path, sealed(b.t, keyB, payload)); return nil }, 0},
		{"A39 a malformed trailer is replaced", func(b *box, path string) error { b.write(path, payload+strings.Repeat("X", 64)); return nil }, 0},
		{"A39 another object is replaced", func(b *box, path string) error { b.write(path, sealed(b.t, keyA, "other")); return nil }, 0},
		{"A39 a link is replaced", func(b *box, path string) error { return os.Symlink("/etc/passwd", path) }, 0},
		{"A39 a dangling link is replaced", func(b *box, path string) error { return os.Symlink(filepath.Join(b.dir, "none"), path) }, 0},
		{"A39 a FIFO is replaced", func(b *box, path string) error { return syscall.Mkfifo(path, 0o666) }, 0},
		{"A39 a sparse TiB is replaced", func(b *box, path string) error { b.write(path, ""); return os.Truncate(path, 1<<40) }, 0},
		{"A39 a directory is an error", func(b *box, path string) error { return os.MkdirAll(path+"/sub", 0o777) }, 1},
	}
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			b := newBox(t)
			digest := b.add(payload)
			if err := test.plant(b, b.clear(digest)); err != nil {
				t.Fatal(err)
			}
			file := b.write("file", payload)
			good := b.write("good", "good")
			r := b.run("add", file, good)
			if test.code != 0 {
				r.want(t, test.code, digestOf("good")+"  "+good+"\n", `fsk: error: .*file: .*directory.*\(not-regular\)\n`)
				return
			}
			r.want(t, 0, digest+"  "+file+"\n"+digestOf("good")+"  "+good+"\n", "")
			if got := b.read(b.object(digest)); got != sealed(t, keyA, payload) {
				t.Errorf("stored: %.200q", got)
			}
			b.wantPayload(digest, payload)
			b.wantClean()
		})
	}
}
