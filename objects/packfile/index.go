package packfile

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// An Index tells where the objects of a pack are. It can be used by several goroutines
// at once. Use it as a hint only: see the package comment.
type Index struct {
	head []byte // magic and fan-out
	n    int

	// One of the two is nil.
	mem []byte
	r   io.ReaderAt

	windows sync.Pool // *window, for Find in r
}

// ParseIndex returns the Index that b is, which must not be changed any more. The
// error is an [*Error] if the magic, the size or the fan-out are wrong; what follows
// is not looked at.
func ParseIndex(b []byte) (*Index, error) {
	x := &Index{mem: b}
	if err := x.setSize(int64(len(b))); err != nil {
		return nil, err
	}
	x.head = b[:headSize]
	if err := x.checkHead(); err != nil {
		return nil, err
	}
	return x, nil
}

// OpenIndex returns the Index that is the first size bytes of r; r must have no more.
// It reads 1034 bytes and checks what [ParseIndex] does.
func OpenIndex(r io.ReaderAt, size int64) (*Index, error) {
	x := &Index{r: r}
	if err := x.setSize(size); err != nil {
		return nil, err
	}
	x.head = make([]byte, headSize)
	if err := x.readFull(x.head, 0); err != nil {
		return nil, err
	}
	if err := x.checkHead(); err != nil {
		return nil, err
	}
	return x, nil
}

// setSize finds out for how many objects an index of this size is.
func (x *Index) setSize(size int64) error {
	n := (size - IndexSize(0)) / recordSize
	if size < IndexSize(0) || n > MaxObjects || IndexSize(int(n)) != size {
		return indexError(BadSize, 0)
	}
	x.n = int(n)
	return nil
}

func (x *Index) checkHead() error {
	if string(x.head[:len(indexMagic)]) != indexMagic {
		return indexError(BadMagic, 0)
	}
	for b := range 256 {
		if lo, hi := x.bucket(byte(b)); lo > hi || hi > x.n {
			return indexError(BadFanOut, fanOutAt(b))
		}
	}
	if x.count(255) != x.n {
		return indexError(BadSize, fanOutAt(255))
	}
	return nil
}

// fanOutAt is the offset of a number of the fan-out.
func fanOutAt(b int) int64 { return int64(len(indexMagic) + 4*b) }

// count returns how many objects have a digest whose first byte is at most b. It is
// no more than n, once the head was checked.
func (x *Index) count(b byte) int {
	n := binary.BigEndian.Uint32(x.head[fanOutAt(int(b)):])
	return int(min(n, MaxObjects+1)) // for an int of 32 bits
}

// bucket returns from where and up to where the digests begin with b.
func (x *Index) bucket(b byte) (lo, hi int) {
	if b > 0 {
		lo = x.count(b - 1)
	}
	return lo, x.count(b)
}

// Len returns the number of objects.
func (x *Index) Len() int { return x.n }

// records returns the entries lo to hi, as they are in the index; buf is large enough
// for them.
func (x *Index) records(lo, hi int, buf []byte) ([]byte, error) {
	if x.mem != nil {
		return x.mem[headSize+lo*recordSize : headSize+hi*recordSize], nil
	}
	buf = buf[:(hi-lo)*recordSize]
	return buf, x.readFull(buf, headSize+int64(lo)*recordSize)
}

// readFull reads all of p, or says why not.
func (x *Index) readFull(p []byte, offset int64) error {
	n, err := x.r.ReadAt(p, offset)
	switch {
	case n >= len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return indexError(Truncated, offset+int64(n))
	}
	return err
}
