package packfile

import "fmt"

// A Problem says what is wrong with a pack or an index.
type Problem string

// The problems of a pack, of an index, and of the two together.
const (
	// BadMagic: the file does not begin as one of this version does.
	BadMagic Problem = "not a file of this kind and version"
	// Truncated: the file ends inside an object, or before its own size.
	Truncated Problem = "cut off"
	// TooLong: the stored bytes are longer than [MaxStored].
	TooLong Problem = "the length of an object is over the limit"
	// TooMany: there are more than [MaxObjects] objects.
	TooMany Problem = "too many objects"
	// OutOfBounds: an entry leads outside of the pack, or into the header of the first object.
	OutOfBounds Problem = "an entry leads outside of the pack"
	// BadSize: no index has this size, or its objects are not as many as its size says.
	BadSize Problem = "the size is not that of an index of so many objects"
	// BadFanOut: the counts at the head descend, or do not fit the digests that follow.
	BadFanOut Problem = "the fan-out does not fit"
	// BadOrder: the digests do not ascend.
	BadOrder Problem = "the digests are not in ascending order"
	// Duplicate: a digest is there twice.
	Duplicate Problem = "an object is there twice"
	// BadChecksum: the last 32 bytes are not the BLAKE3 of all before.
	BadChecksum Problem = "the checksum does not match"
	// WrongID: the index is sound, but has another name.
	WrongID Problem = "the index belongs under another name"
	// NotIndexed: an object of the pack is not in the index.
	NotIndexed Problem = "an object of the pack is not in the index"
	// NotInPack: the index has an object that the pack does not have.
	NotInPack Problem = "the index has an object that is not in the pack"
	// Misplaced: the index has another offset or length for an object than the pack.
	Misplaced Problem = "the index has a wrong place for an object"
)

// An Error tells what is wrong, and where.
type Error struct {
	Problem Problem
	InIndex bool // the offset is one in the index, not in the pack
	// Offset is where that begins which is wrong: the header of an object, an entry of
	// the index, or a field. For Entry.Check it is the Offset of the entry.
	Offset int64
}

// Error names the file, the offset and the problem.
func (e *Error) Error() string {
	file := "pack"
	if e.InIndex {
		file = "index"
	}
	return fmt.Sprintf("%s, offset %d: %s", file, e.Offset, e.Problem)
}

func packError(p Problem, offset int64) *Error { return &Error{Problem: p, Offset: offset} }

func indexError(p Problem, offset int64) *Error {
	return &Error{Problem: p, InIndex: true, Offset: offset}
}

// recordError is the error of the ith entry of an index.
func recordError(p Problem, i int) *Error { return indexError(p, headSize+int64(i)*recordSize) }
