package packfile

import (
	"encoding/binary"
	"errors"
	"io"
	"iter"
)

// batchSize is how much of a pack a Scanner reads at once. The largest object and the
// magic fit in, so that a read brings at least one whole object.
const batchSize = 2 << 20

// A Scanner reads a pack from its beginning to its end. It is for one goroutine at a
// time, but the batches that it has filled can be used by others while it goes on.
type Scanner struct {
	r     io.Reader
	size  int64
	next  int64  // offset of the first byte that was not delivered yet
	carry []byte // what was read from there on
	count int    // objects before it
	err   error  // of the next call
}

// NewScanner returns a Scanner of a pack of size bytes, which it reads from r in
// pieces of up to 2 MiB. It reads no more than size bytes; fewer are an error.
func NewScanner(r io.Reader, size int64) *Scanner {
	return &Scanner{r: r, size: max(0, size)}
}

// Next fills b with the next objects, at least one. At the end of the pack the error
// is [io.EOF]; it is an [*Error] if the rest is no part of a pack, and otherwise that
// of the reader. All whole objects before an error are delivered first. After an error
// b is empty, and every later call returns the same error.
func (s *Scanner) Next(b *Batch) error {
	*b = Batch{buf: b.buf[:0]}
	if s.err != nil {
		return s.err
	}
	want := int(min(s.size-s.next, batchSize))
	if cap(b.buf) < want {
		b.buf = make([]byte, 0, want)
	}
	buf := b.buf[:want]
	have := copy(buf, s.carry)
	n, err := io.ReadFull(s.r, buf[have:])
	buf = buf[:have+n]

	end := 0
	if s.next == 0 {
		if end = s.magic(buf, err); s.err != nil {
			return s.err
		}
	}
	b.start, b.base = end, s.next
	for s.err == nil {
		n := s.frame(buf[end:], b.base+int64(end))
		if n == 0 {
			break
		}
		end += n
		b.count++
		s.count++
	}
	b.buf = buf[:end]
	s.next = b.base + int64(end)
	rest := buf[end:]
	if s.err == nil {
		s.stop(len(rest), err)
	}
	s.carry = append(s.carry[:0], rest...) // the buffer now belongs to the batch
	if b.count == 0 {
		return s.err
	}
	return nil
}

// magic returns where the first object begins, or sets the error.
func (s *Scanner) magic(buf []byte, err error) int {
	n := min(len(buf), len(packMagic))
	switch {
	case string(buf[:n]) != packMagic[:n]:
		s.err = packError(BadMagic, 0)
	case n < len(packMagic) && (err == nil || isEOF(err)):
		s.err = packError(Truncated, 0)
	case n < len(packMagic):
		s.err = err
	}
	return n
}

// frame returns how many of the bytes at offset are one object, or 0 if they are only
// a part of it. What cannot be an object sets the error.
func (s *Scanner) frame(buf []byte, offset int64) int {
	if len(buf) < HeaderSize {
		return 0
	}
	length := binary.BigEndian.Uint64(buf[HeaderSize-8:])
	switch {
	case length > MaxStored:
		s.err = packError(TooLong, offset)
		return 0
	case HeaderSize+int64(length) > s.size-offset:
		s.err = packError(Truncated, offset)
		return 0
	case s.count == MaxObjects:
		s.err = packError(TooMany, offset)
		return 0
	case HeaderSize+int(length) > len(buf):
		return 0
	}
	return HeaderSize + int(length)
}

// stop sets the error that follows a batch, if one does: rest is how much was read
// of an object after it, err the error of reading.
func (s *Scanner) stop(rest int, err error) {
	switch {
	case err != nil && !isEOF(err):
		s.err = err
	case err != nil:
		s.err = packError(Truncated, s.next)
	case s.next == s.size:
		s.err = io.EOF
	case s.next+int64(rest) == s.size:
		s.err = packError(Truncated, s.next)
	}
}

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// An Object is an object as it is in a pack. Nobody has verified it.
type Object struct {
	Entry
	Stored []byte // the stored bytes, in the memory of the batch
}

// A Batch is some objects of a pack that follow one another. The zero Batch is empty;
// a [Scanner] fills it and uses its memory again, at most 2 MiB.
type Batch struct {
	buf   []byte
	start int   // of the first object in buf
	base  int64 // offset of buf in the pack
	count int
}

// Len returns the number of objects.
func (b *Batch) Len() int { return b.count }

// Objects yields the objects in the order of the pack. They are valid until the batch
// is filled again.
func (b *Batch) Objects() iter.Seq[Object] {
	return func(yield func(Object) bool) {
		for at := b.start; at < len(b.buf); {
			header := b.buf[at:]
			at += HeaderSize
			length := int(binary.BigEndian.Uint64(header[HeaderSize-8:])) // was checked
			o := Object{Stored: b.buf[at : at+length : at+length]}
			o.Digest, o.Offset, o.Length = [32]byte(header), b.base+int64(at), length
			if !yield(o) {
				return
			}
			at += length
		}
	}
}

// Offset returns where [Batch.Raw] begins in the pack.
func (b *Batch) Offset() int64 { return b.base + int64(b.start) }

// Raw returns the headers and stored bytes of all objects as they are in the pack,
// without the magic. The Stored of its objects are part of it, so that they can be
// changed, but for their length, and written with one call.
func (b *Batch) Raw() []byte { return b.buf[b.start:] }

// Scan yields the objects of a pack of size bytes in order, and last the error, if
// there is one, with a zero Object: what [Scanner.Next] returns but for [io.EOF]. An
// object is valid until the next one. It can be ranged over once, as it uses up r.
func Scan(r io.Reader, size int64) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		s := NewScanner(r, size)
		for b := new(Batch); ; {
			switch err := s.Next(b); {
			case err == io.EOF:
				return
			case err != nil:
				yield(Object{}, err)
				return
			}
			for o := range b.Objects() {
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}
