package refs_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"
	"github.com/zeebo/blake3"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/objects/rootfs"
	"fsk/refs"
	"fsk/seal"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(countChild())
	}
	os.Exit(m.Run())
}

var (
	key1, key2, foreignKey = bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32)

	// exampleKey is that of the known answers.
	exampleKey = []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f")
	epoch      = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
)

func clock() time.Time { return epoch }

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

func newRoot(t testing.TB) *rootfs.FS {
	t.Helper()
	fsys, err := rootfs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fsys.Close() })
	makeStore(t, fsys)
	return fsys
}

// makeStore is objects.Init without its syncs, which are slow.
func makeStore(t testing.TB, fsys billy.Filesystem) {
	t.Helper()
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

// A world is a store with its refs.
type world struct {
	*refs.Store
	t  testing.TB
	fs billy.Filesystem
	db *objects.DB
}

// open opens a store that is not synced, with a clock that stands still.
func open(t testing.TB, fsys billy.Filesystem, ring *seal.Ring, opts refs.Options) *world {
	t.Helper()
	opts.Durability = durable.None
	return openDurably(t, fsys, ring, opts)
}

func openDurably(t testing.TB, fsys billy.Filesystem, ring *seal.Ring, opts refs.Options) *world {
	t.Helper()
	db, err := objects.Open(fsys, ring, &objects.Options{Durability: opts.Durability})
	if err != nil {
		t.Fatal(err)
	}
	if opts.Now == nil {
		opts.Now = clock
	}
	s, err := refs.Open(fsys, ring, db, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return &world{s, t, fsys, db}
}

// put stores a payload.
func (w *world) put(payload string) objects.Digest {
	w.t.Helper()
	info, err := w.db.Put(w.t.Context(), []byte(payload))
	if err != nil {
		w.t.Fatal(err)
	}
	return info.Digest
}

// set stores a payload and lets a ref name it.
func (w *world) set(name, payload string) refs.Ref {
	w.t.Helper()
	ref, err := w.Update(w.t.Context(), nameOf(w.t, name), refs.Change{Digest: w.put(payload)})
	if err != nil {
		w.t.Fatal(err)
	}
	return ref
}

func nameOf(t testing.TB, s string) refs.Name {
	t.Helper()
	name, err := refs.ParseName(s)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// wantRef wants a ref to name a payload.
func (w *world) wantRef(name, payload string) {
	w.t.Helper()
	ref, err := w.Get(w.t.Context(), nameOf(w.t, name))
	if err != nil || ref.Digest != digestOf(payload) || ref.Name.String() != name {
		w.t.Errorf("Get(%s) = %s %s, %v, want %s", name, ref.Name, ref.Digest, err, digestOf(payload))
	}
}

// wantMiss wants a ref to be refused for a reason.
func (w *world) wantMiss(name string, want objects.Reason) {
	w.t.Helper()
	ref, err := w.Get(w.t.Context(), nameOf(w.t, name))
	wantError(w.t, "Get("+name+")", err, want)
	if !ref.Digest.IsZero() || ref.Seq != 0 || ref.Attrs != nil {
		w.t.Errorf("Get(%s) returns %+v beside the error", name, ref)
	}
}

func wantError(t testing.TB, what string, err error, want objects.Reason) {
	t.Helper()
	var e *refs.Error
	if !errors.As(err, &e) || e.Reason != want {
		t.Errorf("%s: error %v, want the reason %s", what, err, want)
		return
	}
	if errors.Is(err, fs.ErrNotExist) != (want != objects.IOError) {
		t.Errorf("%s: errors.Is(%v, fs.ErrNotExist) = %t", what, err, want == objects.IOError)
	}
	if !strings.HasSuffix(err.Error(), " ("+string(want)+")") || e.Explain() == "" {
		t.Errorf("%s: the message %q does not tell the reason", what, err)
	}
}

// record is a file of a ref, made without the code under test.
type record struct {
	ns, name, digest string
	seq              int64
	prev             string
	attrs            []string
	key              []byte // nil: plain
}

func (r record) body() string {
	zeros := strings.Repeat("0", 64)
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	text := "fsk-ref 1\nns " + or(r.ns, "default") + "\nname " + r.name + "\ndigest " + or(r.digest, zeros) +
		"\nseq " + strconv.FormatInt(max(r.seq, 1), 10) + "\ntime 2026-11-22T00:00:00Z\nprev " + or(r.prev, zeros) + "\n"
	for _, a := range r.attrs {
		text += "attr " + a + "\n"
	}
	return text
}

func (r record) bytes() []byte {
	if r.key == nil {
		return []byte(r.body())
	}
	return sealText(r.key, r.body())
}

// sealText appends the lines of key and seal to a body.
func sealText(key []byte, body string) []byte {
	var derived [32]byte
	blake3.DeriveKey("fsk 2026-11-22 ref seal v1", key, derived[:])
	var id [8]byte
	blake3.DeriveKey("fsk 2026-11-22 key id v1", key, id[:])
	text := body + "key " + hex.EncodeToString(id[:]) + "\n"
	return []byte(text + "seal " + macOf(derived[:], text) + "\n")
}

func macOf(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func digestOf(payload string) objects.Digest { return blake3.Sum256([]byte(payload)) }

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

// memoryMarks are marks in memory.
type memoryMarks struct {
	mu    sync.Mutex
	marks map[refs.Name]refs.Mark
	err   error // what every method returns
}

func newMarks() *memoryMarks { return &memoryMarks{marks: make(map[refs.Name]refs.Mark)} }

func (m *memoryMarks) Mark(name refs.Name) (refs.Mark, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.marks[name], m.err
}

func (m *memoryMarks) Raise(name refs.Name, mark refs.Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if mark.Seq > m.marks[name].Seq {
		m.marks[name] = mark
	}
	return m.err
}

func (m *memoryMarks) Reset(name refs.Name, mark refs.Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marks[name] = mark
	return m.err
}

// findings collects what Check finds.
func (w *world) findings() (list []objects.Finding, stats refs.CheckStats) {
	w.t.Helper()
	for f, err := range w.Check(w.t.Context(), &stats) {
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, f)
	}
	return list, stats
}

// wantFindings wants Check to find these, as "REASON PATH", notes aside.
func (w *world) wantFindings(want ...string) {
	w.t.Helper()
	found, _ := w.findings()
	var got []string
	for _, f := range found {
		if f.Severity != objects.SeverityNote {
			got = append(got, string(f.Reason)+" "+f.Path)
			if f.Next == "" || f.Explain() == "" {
				w.t.Errorf("the finding %+v does not say what to do", f)
			}
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Errorf("findings %q, want %q", got, want)
	}
}

var background = context.Background()

// seal0 is the ring without keys.
var seal0 = seal.Off

func newFaults(inner billy.Filesystem) *objectstest.FaultFS { return objectstest.NewFaultFS(inner) }
