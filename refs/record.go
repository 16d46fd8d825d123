package refs

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"fsk/objects"
	"fsk/seal"
)

const (
	// MaxSize is the largest size of a record in bytes.
	MaxSize = 4096
	// MaxAttrs is the largest number of attributes of a ref.
	MaxAttrs = 16

	maxAttrName  = 32
	maxAttrValue = 512

	header     = "fsk-ref 1\n"
	timeFormat = "2006-01-02T15:04:05Z"
	sealPrefix = "seal "
	sealLine   = len(sealPrefix) + seal.TrailerSize + len("\n")
	keyLine    = len("key ") + 2*len(seal.KeyID{}) + len("\n")

	sealContext = "fsk 2026-11-22 ref seal v1"
)

// A Record is the content of the file of a ref. That it has the form of one says nothing
// about who made it.
type Record struct {
	Namespace string
	Name      Name
	Digest    objects.Digest    // of the object that the ref names; zero if it was deleted
	Seq       uint64            // 1 for the first record of a ref
	Time      time.Time         // by the writer's clock, in UTC and whole seconds
	Prev      objects.Digest    // BLAKE3 of the former record's body; zero if it is not kept
	Attrs     map[string]string // may be nil
	KeyHint   seal.KeyID        // what the record says of the key that sealed it
	Seal      string            // 64 hexadecimal digits; "" if it is plain
}

// Deleted reports whether the record says that there is no such ref any more.
func (r Record) Deleted() bool { return r.Digest.IsZero() }

// Body returns the lines that a new seal does not change. Its BLAKE3 is what the next
// record calls prev.
func (r Record) Body() []byte {
	b := make([]byte, 0, 512)
	b = fmt.Appendf(b, "%sns %s\nname %s\ndigest %s\nseq %d\ntime %s\nprev %s\n",
		header, r.Namespace, r.Name, r.Digest, r.Seq, r.Time.Format(timeFormat), r.Prev)
	for _, name := range slices.Sorted(maps.Keys(r.Attrs)) {
		b = fmt.Appendf(b, "attr %s %s\n", name, r.Attrs[name])
	}
	return b
}

// Marshal returns the bytes of the file. For a record that [Parse] returned they are
// those that it was given.
func (r Record) Marshal() []byte {
	b := r.Body()
	if r.Seal == "" {
		return b
	}
	return fmt.Appendf(b, "key %s\n%s%s\n", r.KeyHint, sealPrefix, r.Seal)
}

// seal seals the record with the first key of ring; its id is that of the key from
// which this one is derived.
func (r *Record) seal(ring *seal.Ring, id seal.KeyID) {
	r.KeyHint = id
	sealed := fmt.Appendf(r.Body(), "key %s\n", id)
	r.Seal = string(ring.AppendTrailer(nil, sealed))
}

// split returns what the seal of a sealed record covers, and the seal.
func split(raw []byte) (sealed, trailer []byte) {
	end := len(raw) - sealLine
	return raw[:end], raw[end+len(sealPrefix) : len(raw)-1]
}

// bodyOf returns the body of a record in the bytes of its file.
func (r Record) bodyOf(raw []byte) []byte {
	if r.Seal == "" {
		return raw
	}
	return raw[:len(raw)-sealLine-keyLine]
}
