package packfile

import (
	"encoding/binary"
	"encoding/hex"
	"math"
)

const (
	// MaxPayload is the size in bytes of the largest payload that belongs in a pack.
	MaxPayload = 1 << 20
	// MaxStored is the largest length of stored bytes: such a payload and its trailer.
	MaxStored = MaxPayload + 64
	// MaxObjects is the largest number of objects of a pack.
	MaxObjects = 1 << 20
	// HeaderSize is the size of the header before the stored bytes of each object.
	HeaderSize = 32 + 8
)

const (
	packMagic  = "fsk-pack 1\n"
	indexMagic = "fsk-idx 1\n"

	firstOffset = 11 + HeaderSize // of the stored bytes of the first object
	headSize    = 10 + 256*4      // of magic and fan-out
	recordSize  = 32 + 8 + 8      // of an entry in an index
	sumSize     = 32
)

// IndexSize returns the size of an index of n objects.
func IndexSize(n int) int64 { return headSize + int64(n)*recordSize + sumSize }

// An Entry tells where in a pack the stored bytes of an object are.
type Entry struct {
	Digest [32]byte
	Offset int64 // of the first stored byte
	Length int   // of the stored bytes
}

// Check returns an [*Error] unless the entry, with its header, lies in a pack of
// packSize bytes and its length is within [MaxStored]. An entry that came from an
// index must be checked before it is used.
func (e Entry) Check(packSize int64) error {
	switch {
	case e.Length < 0 || e.Length > MaxStored:
		return packError(TooLong, e.Offset)
	case e.Offset < firstOffset || e.Offset > packSize-int64(e.Length):
		return packError(OutOfBounds, e.Offset)
	}
	return nil
}

// appendRecord appends the form that e has in an index.
func appendRecord(dst []byte, e Entry) []byte {
	dst = append(dst, e.Digest[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Offset))
	return binary.BigEndian.AppendUint64(dst, uint64(e.Length))
}

// parseRecord reads an entry of an index. If there is no pack in which it could be,
// the problem is not "" and only the digest of the entry is set.
func parseRecord(record []byte) (Entry, Problem) {
	e := Entry{Digest: [32]byte(record)}
	offset, length := binary.BigEndian.Uint64(record[32:]), binary.BigEndian.Uint64(record[40:])
	switch {
	case length > MaxStored:
		return e, TooLong
	case offset < firstOffset || offset > math.MaxInt64-length:
		return e, OutOfBounds
	}
	e.Offset, e.Length = int64(offset), int(length)
	return e, ""
}

// An ID is the name of a pack and its index: the last 32 bytes of the index. Two packs
// with one ID have the same objects, with the same lengths at the same offsets.
type ID [32]byte

// String returns the 64 lowercase hexadecimal digits that name the files.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what [ID.String] returns, and nothing else.
func ParseID(s string) (id ID, ok bool) {
	if len(s) != hex.EncodedLen(len(id)) {
		return ID{}, false
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil || id.String() != s {
		return ID{}, false
	}
	return id, true
}
