package objects_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-git/go-billy/v5"
	"github.com/zeebo/blake3"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/objects/rootfs"
	"fsk/seal"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(putChild())
	}
	code := m.Run()
	if big.dir != "" {
		os.RemoveAll(big.dir)
	}
	os.Exit(code)
}

var (
	key1, key2, foreignKey = bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32)

	quick = &objects.Options{Durability: durable.None}
)

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

// newRoot returns a new store on the disk.
func newRoot(t testing.TB) *rootfs.FS {
	t.Helper()
	return rootAt(t, t.TempDir())
}

func rootAt(t testing.TB, dir string) *rootfs.FS {
	t.Helper()
	fsys, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	makeStore(t, fsys)
	return fsys
}

// makeStore is Init without its syncs, which are slow.
func makeStore(t testing.TB, fsys billy.Filesystem) {
	t.Helper()
	if _, err := fsys.Lstat("fsk-store"); err == nil {
		return
	}
	write(t, fsys, "fsk-store", []byte("fsk-store 1\n"))
	for _, dir := range []string{"objects", "refs", "quarantine", "tmp"} {
		if err := fsys.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
}

func newMemory(t testing.TB) billy.Filesystem {
	t.Helper()
	fsys := objectstest.NewMemory()
	makeStore(t, fsys)
	return fsys
}

// each runs a test on every kind of filesystem.
func each(t *testing.T, test func(t *testing.T, fsys billy.Filesystem)) {
	t.Run("rootfs", func(t *testing.T) { test(t, newRoot(t)) })
	t.Run("memory", func(t *testing.T) { test(t, newMemory(t)) })
}

func open(t testing.TB, fsys billy.Filesystem, ring *seal.Ring, opts *objects.Options) *objects.DB {
	t.Helper()
	db, err := objects.Open(fsys, ring, opts)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// sealed is what must be in the file of a payload, made without the code under test.
func sealed(key, payload []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(payload)
	return hex.AppendEncode(bytes.Clone(payload), mac.Sum(nil))
}

func digestOf(payload []byte) objects.Digest { return blake3.Sum256(payload) }

// fileOf is where the format says that an object is.
func fileOf(d objects.Digest) string {
	text := hex.EncodeToString(d[:])
	return "objects/" + text[:2] + "/" + text[2:]
}

// plant puts bytes in the place of an object.
func plant(t testing.TB, fsys billy.Filesystem, d objects.Digest, stored []byte) {
	t.Helper()
	write(t, fsys, fileOf(d), stored)
}

func write(t testing.TB, fsys billy.Filesystem, name string, content []byte) {
	t.Helper()
	if err := fsys.MkdirAll(path.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	f, err := fsys.Create(name)
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

func read(t testing.TB, fsys billy.Filesystem, name string) []byte {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// names returns the names in a directory in order, none if it is absent.
func names(t testing.TB, fsys billy.Filesystem, dir string) []string {
	t.Helper()
	var list []string
	for name, err := range durable.Names(fsys, dir) {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// tree returns all that is in a directory of the system: names, modes, contents,
// targets of links.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text := info.Mode().String() + " " + info.ModTime().String()
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			text += " " + string(content)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			text += " -> " + target
		}
		all[strings.TrimPrefix(name, dir)] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// random is the same for the same arguments.
func random(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// wantMiss checks that an error is a refusal for a reason.
func wantMiss(t testing.TB, what string, err error, d objects.Digest, want objects.Reason) {
	t.Helper()
	var e *objects.Error
	if !errors.As(err, &e) {
		t.Errorf("%s: error %v, want the reason %s", what, err, want)
		return
	}
	if e.Reason != want || e.Digest != d {
		t.Errorf("%s: %s of %s, want %s of %s", what, e.Reason, e.Digest, want, d)
	}
	if errors.Is(err, fs.ErrNotExist) != (want != objects.IOError) {
		t.Errorf("%s: errors.Is(%v, fs.ErrNotExist) = %t", what, err, !(want != objects.IOError))
	}
	if !strings.HasSuffix(err.Error(), "("+string(want)+")") {
		t.Errorf("%s: the message %q does not end in the reason", what, err)
	}
}

// wantAll checks that every way to read an object refuses it, and releases nothing.
func wantAll(t testing.TB, db *objects.DB, d objects.Digest, want objects.Reason) {
	t.Helper()
	payload, err := db.Get(t.Context(), d)
	wantMiss(t, "Get", err, d, want)
	if payload != nil {
		t.Errorf("Get returns %d bytes beside the error", len(payload))
	}
	r, err := db.Open(t.Context(), d)
	wantMiss(t, "Open", err, d, want)
	if r != nil {
		t.Error("Open returns a Reader beside the error")
	}
	info, err := db.Stat(t.Context(), d)
	wantMiss(t, "Stat", err, d, want)
	if info != (objects.Info{}) {
		t.Errorf("Stat returns %+v beside the error", info)
	}
	info, err = db.Check(t.Context(), d)
	if err != nil || info.Reason != want || info.Digest != d {
		t.Errorf("Check = %+v, %v, want the reason %s", info, err, want)
	}
	for o, err := range getEach(t, db, d) {
		if err != io.ErrShortBuffer {
			wantMiss(t, "GetEach", err, d, want)
		}
		if o.Payload != nil || o.Info != (objects.Info{}) {
			t.Errorf("GetEach yields %+v beside the error", o)
		}
	}
}

// getEach asks for an object several times at once, so that it is judged beside others.
func getEach(t testing.TB, db *objects.DB, d objects.Digest) iter.Seq2[objects.Object, error] {
	return func(yield func(objects.Object, error) bool) {
		buf := eachBufs.Get().(*[]byte)
		defer eachBufs.Put(buf)
		db.GetEach(t.Context(), slices.Repeat([]objects.Digest{d}, 3), *buf)(yield)
	}
}

// eachBufs are buffers for all that GetInto and GetEach read.
var eachBufs = sync.Pool{New: func() any { b := make([]byte, chunkSize); return &b }}

// wantPayload checks every way to read a good object.
func wantPayload(t testing.TB, db *objects.DB, payload []byte) {
	t.Helper()
	d := digestOf(payload)
	got, err := db.Get(t.Context(), d)
	if err != nil || !bytes.Equal(got, payload) {
		t.Errorf("Get of %d bytes = %d bytes, %v", len(payload), len(got), err)
	}
	r, err := db.Open(t.Context(), d)
	if err != nil {
		t.Errorf("Open: %v", err)
		return
	}
	got, err = io.ReadAll(struct{ io.Reader }{r})
	if err != nil || !bytes.Equal(got, payload) || r.Size() != int64(len(payload)) {
		t.Errorf("the Reader of %d bytes has %d, Size %d, %v", len(payload), len(got), r.Size(), err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	n := 0
	for o, err := range getEach(t, db, d) {
		if n++; len(payload) > chunkSize && err == io.ErrShortBuffer {
			continue
		}
		if err != nil || !bytes.Equal(o.Payload, payload) || o.Info != r.Info() {
			t.Errorf("GetEach of %d bytes yields %d bytes, %+v, %v", len(payload), len(o.Payload), o.Info, err)
		}
	}
	if n != 3 {
		t.Errorf("GetEach yields %d of 3", n)
	}
}

// big is one object over the size that is held in memory, sealed by key1, and its
// payload; the tests share it and do not change it.
var big struct {
	sync.Once
	dir     string
	payload []byte
	digest  objects.Digest
}

// memorySize is up to where payloads are held in memory, and chunkSize the unit of
// reading those above; see Open.
const (
	memorySize = 64 << 20
	chunkSize  = 1 << 20
)

func bigStore(t testing.TB) *rootfs.FS {
	t.Helper()
	big.Do(func() {
		dir, err := os.MkdirTemp("", "fsk-big")
		if err != nil {
			t.Fatal(err)
		}
		big.dir = dir
		big.payload = random(memorySize+chunkSize/2+12345, 42)
		big.digest = digestOf(big.payload)
		fsys := rootAt(t, dir)
		plant(t, fsys, big.digest, sealed(key1, big.payload))
	})
	return rootAt(t, big.dir)
}

// bigCopy returns a store of one's own with the big object.
func bigCopy(t testing.TB) *rootfs.FS {
	t.Helper()
	from := bigStore(t)
	to := newRoot(t)
	plant(t, to, big.digest, read(t, from, fileOf(big.digest)))
	return to
}
