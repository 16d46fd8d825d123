package packfile_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/blake3"

	"fsk/objects/packfile"
)

// The sizes of the formats, as DESIGN.md has them: not taken from the package.
const (
	packMagic  = 11
	headerSize = 40
	indexHead  = 10 + 1024
	recordSize = 48
	maxStored  = 1_048_576 + 64
)

// unhexFile reads a file of hexadecimal digits with comments.
func unhexFile(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			digits.WriteString(strings.TrimSpace(line))
		}
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

func three(t testing.TB) (pack, index []byte) {
	return unhexFile(t, "three.pack.hex"), unhexFile(t, "three.idx.hex")
}

// nameOf is the id that an index gives itself.
func nameOf(index []byte) packfile.ID { return packfile.ID(index[len(index)-32:]) }

// withSum puts the right checksum at the end of an index.
func withSum(index []byte) []byte {
	index = bytes.Clone(index)
	sum := blake3.Sum256(index[:len(index)-32])
	copy(index[len(index)-32:], sum[:])
	return index
}

// open returns the index in both forms: in memory and behind a reader.
func open(t testing.TB, index []byte) map[string]*packfile.Index {
	t.Helper()
	mem, err := packfile.ParseIndex(index)
	if err != nil {
		t.Fatal(err)
	}
	file, err := packfile.OpenIndex(bytes.NewReader(index), int64(len(index)))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*packfile.Index{"memory": mem, "reader": file}
}

// wantProblem fails unless err is an *Error with this problem at this offset.
func wantProblem(t testing.TB, err error, problem packfile.Problem, offset int64) {
	t.Helper()
	var e *packfile.Error
	if !errors.As(err, &e) {
		t.Errorf("error %v, want an *Error: %s", err, problem)
	} else if e.Problem != problem || e.Offset != offset {
		t.Errorf("error %q, want %q at %d", e, problem, offset)
	}
}

// typed fails unless err is an *Error with a text.
func typed(t testing.TB, err error) *packfile.Error {
	t.Helper()
	var e *packfile.Error
	if !errors.As(err, &e) || e.Problem == "" {
		t.Fatalf("error %v of type %T, want an *Error", err, err)
	}
	return e
}

// collect scans a pack.
func collect(pack []byte) (objects []packfile.Object, err error) {
	for o, err := range packfile.Scan(bytes.NewReader(pack), int64(len(pack))) {
		if err != nil {
			return objects, err
		}
		o.Stored = bytes.Clone(o.Stored)
		objects = append(objects, o)
	}
	return objects, nil
}

func entriesOf(objects []packfile.Object) []packfile.Entry {
	var entries []packfile.Entry
	for _, o := range objects {
		entries = append(entries, o.Entry)
	}
	return entries
}

func encode(t testing.TB, entries []packfile.Entry) ([]byte, packfile.ID) {
	t.Helper()
	var index bytes.Buffer
	index.Grow(int(packfile.IndexSize(len(entries))))
	id, err := packfile.WriteIndex(&index, entries)
	if err != nil {
		t.Fatal(err)
	}
	return index.Bytes(), id
}

// randomEntries returns the entries of a pack with n objects of up to 2 KiB.
func randomEntries(n int, seed byte) []packfile.Entry {
	source := rand.NewChaCha8([32]byte{seed})
	random := rand.New(source)
	entries := make([]packfile.Entry, n)
	at := int64(packMagic)
	for i := range entries {
		source.Read(entries[i].Digest[:])
		entries[i].Offset = at + headerSize
		entries[i].Length = random.IntN(2048)
		at += headerSize + int64(entries[i].Length)
	}
	return entries
}

// makePack returns a pack with n objects of the given size.
func makePack(t testing.TB, n, size int) []byte {
	t.Helper()
	var pack bytes.Buffer
	pack.Grow(packMagic + n*(headerSize+size))
	w := packfile.NewWriter(&pack)
	payload := make([]byte, size)
	for i := range n {
		binary.LittleEndian.PutUint32(payload, uint32(i))
		if err := w.Add(blake3.Sum256(payload), payload, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(io.Discard); err != nil {
		t.Fatal(err)
	}
	return pack.Bytes()
}

// raw is an object of a pack with whatever length is said to be there.
func raw(digest byte, length uint64, stored string) []byte {
	b := bytes.Repeat([]byte{digest}, 32)
	b = binary.BigEndian.AppendUint64(b, length)
	return append(b, stored...)
}

func rawPack(objects ...[]byte) []byte {
	return append([]byte("fsk-pack 1\n"), slices.Concat(objects...)...)
}

// rawIndex is an index of these entries as they are, with the right checksum.
func rawIndex(records ...[]byte) []byte {
	index := []byte("fsk-idx 1\n")
	for b := range 256 {
		n := 0
		for _, r := range records {
			if int(r[0]) <= b {
				n++
			}
		}
		index = binary.BigEndian.AppendUint32(index, uint32(n))
	}
	return withSum(append(append(index, slices.Concat(records...)...), make([]byte, 32)...))
}

func rawRecord(digest byte, offset, length uint64) []byte {
	b := bytes.Repeat([]byte{digest}, 32)
	b = binary.BigEndian.AppendUint64(b, offset)
	return binary.BigEndian.AppendUint64(b, length)
}

// counter counts the calls and bytes of a ReaderAt.
type counter struct {
	io.ReaderAt
	calls, bytes int
}

func (c *counter) ReadAt(p []byte, off int64) (int, error) {
	c.calls++
	c.bytes += len(p)
	return c.ReaderAt.ReadAt(p, off)
}
