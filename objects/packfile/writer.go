package packfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// writeBuffer is the size of what a Writer gives to the file at once.
const writeBuffer = 256 << 10

var errFinished = errors.New("packfile: the pack is finished")

// A Writer makes a pack and its index. It is for one goroutine at a time. It keeps 48
// bytes for each object, and allocates nothing else after [NewWriter].
type Writer struct {
	buf      *bufio.Writer
	entries  []Entry
	size     int64
	header   [HeaderSize]byte
	finished bool
}

// NewWriter returns a Writer of a new pack, which it writes to pack in large pieces.
func NewWriter(pack io.Writer) *Writer {
	w := &Writer{buf: bufio.NewWriterSize(nil, writeBuffer)}
	w.Reset(pack)
	return w
}

// Reset begins another pack, as [NewWriter] does, in the memory of the former one.
func (w *Writer) Reset(pack io.Writer) {
	w.buf.Reset(pack)
	w.buf.WriteString(packMagic) // into the buffer, which cannot fail
	w.entries, w.size, w.finished = w.entries[:0], int64(len(packMagic)), false
}

// Add adds an object, whose stored bytes are payload and then trailer; each may be
// empty, so stored bytes can also be given as they are. A digest must not be added
// twice: [Writer.Finish] would refuse the pack. What is over [MaxStored] or
// [MaxObjects] is refused with an [*Error], and the Writer can still be used; after
// any other error the pack is lost.
func (w *Writer) Add(digest [32]byte, payload, trailer []byte) error {
	switch {
	case w.finished:
		return errFinished
	case len(payload) > MaxStored || len(trailer) > MaxStored-len(payload):
		return packError(TooLong, w.size)
	case len(w.entries) == MaxObjects:
		return packError(TooMany, w.size)
	}
	length := len(payload) + len(trailer)
	copy(w.header[:], digest[:])
	binary.BigEndian.PutUint64(w.header[len(digest):], uint64(length))
	for _, part := range [...][]byte{w.header[:], payload, trailer} {
		if _, err := w.buf.Write(part); err != nil {
			return err
		}
	}
	w.entries = append(w.entries, Entry{Digest: digest, Offset: w.size + HeaderSize, Length: length})
	w.size += int64(HeaderSize + length)
	return nil
}

// Len returns the number of objects that were added.
func (w *Writer) Len() int { return len(w.entries) }

// Size returns the size of the pack as it is now, what is still buffered included.
func (w *Writer) Size() int64 { return w.size }

// Finish writes out what is left of the pack, and then its index to index. Only then
// is the pack complete. It can be called once.
func (w *Writer) Finish(index io.Writer) (ID, error) {
	if w.finished {
		return ID{}, errFinished
	}
	w.finished = true
	if err := w.buf.Flush(); err != nil {
		return ID{}, err
	}
	return WriteIndex(index, w.entries)
}
