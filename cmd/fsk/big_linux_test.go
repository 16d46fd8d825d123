package main_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// measured is the same world where the memory of fsk is measured, and the function that
// tells afterwards how many MiB it had at most.
func (b *box) measured() (*box, func() int64) {
	b.t.Helper()
	path, err := exec.LookPath("peak") // which TestMain puts into PATH
	if err != nil {
		b.t.Fatal(err)
	}
	result := filepath.Join(b.root(), "peak")
	return b.under(path, result), func() int64 {
		n, err := strconv.ParseInt(b.read(result), 10, 64)
		if err != nil {
			b.t.Fatal(err)
		}
		return n >> 10
	}
}

// F24: a file of any size goes in and out in bounded memory.
func TestLargeFileInBoundedMemory(t *testing.T) {
	size := int64(200 << 20)
	if full {
		size = 2 << 30
	}
	b := newBox(t)
	b.inMemory()
	path := filepath.Join(b.dir, "large")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Truncate(size)
	f.WriteAt([]byte("not only zeros"), size-100)
	f.Seek(0, io.SeekStart)
	defer f.Close()
	hash := sha256.New()
	io.Copy(hash, f)
	want := hex.EncodeToString(hash.Sum(nil))

	const most = 100 // MiB
	m, peak := b.measured()
	ctx, cancel := context.WithTimeout(t.Context(), 4*limit)
	defer cancel()
	f.Seek(0, io.SeekStart)
	cmd := m.command(ctx, "add", "-")
	cmd.Stdin = f
	out, err := cmd.Output()
	digest, _, _ := strings.Cut(string(out), " ")
	if t.Logf("add -: %d MiB", peak()); err != nil || peak() > most {
		t.Fatalf("add -: %q, %v, %d MiB", out, err, peak())
	}
	if full {
		r := m.run("add", path)
		if t.Logf("add: %d MiB", peak()); r.code != 0 || r.out != digest+"  "+path+"\n" || peak() > most {
			t.Errorf("add: exit %d, %d MiB, %s", r.code, peak(), r.err)
		}
	}
	cmd = m.command(ctx, "cat", digest)
	hash.Reset()
	cmd.Stdout = hash
	if err := cmd.Run(); err != nil || hex.EncodeToString(hash.Sum(nil)) != want {
		t.Errorf("cat: %v, not the same bytes", err)
	}
	if t.Logf("cat: %d MiB", peak()); peak() > most {
		t.Errorf("cat used %d MiB", peak())
	}
	r := m.run("fsck")
	if t.Logf("fsck: %d MiB", peak()); r.code != 0 || peak() > most {
		t.Errorf("fsck: exit %d, %d MiB, %s", r.code, peak(), r.out)
	}
	r = m.run("cat", "--offset", "0", "--length", "3", digest)
	if r.code != 0 || r.out != "\x00\x00\x00" {
		t.Errorf("cat --length: exit %d, %q, %s", r.code, r.out, r.err)
	}
	if !full { // several hundred files at once
		return
	}
	for i := range 200 {
		b.write(filepath.Join("many", string(rune('a'+i%26))+strings.Repeat("x", i)), strings.Repeat("y", 3<<20+i))
	}
	r = m.run("add", "-r", "many")
	if t.Logf("add -r: %d MiB", peak()); r.code != 0 || peak() > 2*most {
		t.Errorf("add -r: exit %d, %d MiB, %s", r.code, peak(), r.err)
	}
}

// A14: the limit is asked before a byte is read, on both sides.
func TestMaxObjectSize(t *testing.T) {
	b := newBox(t)
	small, large := b.add(strings.Repeat("s", 1000)), b.add(strings.Repeat("l", 1001))
	config := b.write("config", "[default]\ncache = \"c\"\n[c.policy]\nmax_object_size = 1000\n")
	r := b.run("--config", config, "cat", large)
	r.want(t, 1, "", `fsk: error: object `+large+`: larger than the limit of 1000 bytes \(too-large\)\n`)
	r = b.run("--config", config, "cat", small)
	r.want(t, 0, "s{1000}", "")
	for _, size := range []int64{1001, 1 << 20, 3 << 20, 1 << 36} {
		path := b.write("file", "")
		os.Truncate(path, size)
		r = b.run("--config", config, "add", path, b.write("good", "good"))
		r.want(t, 1, digestOf("good")+"  .*good\n", `fsk: error: .*file: larger than the limit of 1000 bytes \(too-large\)\n`)
		if r.took > 10e9 {
			t.Errorf("refusing %d bytes took %v", size, r.took)
		}
	}
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	b.wantClean()
}
