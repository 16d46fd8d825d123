package fleche_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/fleche"
	"fsk/objects/rootfs"
	"fsk/seal"
)

var key1, key2, foreignKey = bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32)

func ringOf(t testing.TB, keys ...[]byte) *seal.Ring {
	t.Helper()
	if len(keys) == 0 {
		return seal.Off
	}
	r, err := seal.NewRing(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newDir returns a new value directory on the disk.
func newDir(t testing.TB) (*rootfs.FS, string) {
	t.Helper()
	dir := t.TempDir()
	fsys, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	return fsys, dir
}

func open(t testing.TB, fsys billy.Filesystem, ring *seal.Ring, opts *fleche.Options) *fleche.Cache {
	t.Helper()
	if opts == nil {
		opts = &fleche.Options{Durability: durable.None}
	}
	c, err := fleche.Open(fsys, ring, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// name returns a name for a test.
func name(s string) fleche.Name { return sha256.Sum256([]byte(s)) }

// sealed is written without the code under test.
func sealed(key []byte, pickle string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(pickle))
	return hex.AppendEncode([]byte(pickle), mac.Sum(nil))
}

func compressed(t testing.TB, b []byte) []byte {
	t.Helper()
	level := gzip.DefaultCompression
	if len(b) > 1<<20 {
		level = gzip.BestSpeed // the race detector makes it ten times as slow
	}
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func inflated(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := out.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// put writes a file as fleche does, in place.
func put(t testing.TB, fsys billy.Filesystem, path string, content []byte) {
	t.Helper()
	f, err := fsys.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// contents returns all regular files of a directory by their paths, what a link points to in its
// place, and "FIFO or other" of what is neither.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case d.Type()&fs.ModeSymlink != 0:
			files[rel], err = os.Readlink(path)
		case d.Type().IsRegular():
			var b []byte
			b, err = os.ReadFile(path)
			files[rel] = string(b)
		default:
			files[rel] = "other"
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func fsck(t testing.TB, c *fleche.Cache, opts fleche.FsckOptions) (map[string]objects.Finding, objects.FsckStats) {
	t.Helper()
	var stats objects.FsckStats
	findings := make(map[string]objects.Finding)
	for f, err := range c.Fsck(t.Context(), opts, &stats) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := findings[f.Path]; twice {
			t.Errorf("two findings about %s", f.Path)
		}
		if f.Next == "" || f.Explain() == "" {
			t.Errorf("%s (%s): says too little: next %q, %q", f.Path, f.Reason, f.Next, f.Explain())
		}
		findings[f.Path] = f
	}
	return findings, stats
}

func reseal(t testing.TB, c *fleche.Cache, opts fleche.FsckOptions) (map[string]objects.Reason, objects.FsckStats) {
	t.Helper()
	var stats objects.FsckStats
	findings := make(map[string]objects.Reason)
	for f, err := range c.Reseal(t.Context(), opts, &stats) {
		if err != nil {
			t.Fatal(err)
		}
		findings[f.Path] = f.Reason
	}
	return findings, stats
}

// resealed counts the values that have got another trailer.
func resealed(stats objects.FsckStats) (n int64) {
	for _, of := range stats.Resealed {
		n += of
	}
	return n
}

// prune counts what is removed, or would be.
func prune(t testing.TB, c *fleche.Cache, older time.Duration, dryRun bool) (n int, err error) {
	t.Helper()
	for _, err := range c.Prune(t.Context(), older, dryRun) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// verdict returns that on a value.
func verdict(t testing.TB, c *fleche.Cache, n fleche.Name) fleche.Info {
	t.Helper()
	info, err := c.Check(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// pickle makes the bytes of a large pickle, which compress well.
func pickle(size int) string {
	return strings.Repeat("0123456789abcdef", size/16+1)[:size-1] + "."
}
