package objects

import (
	"context"
	"io"
	"sync/atomic"

	"fsk/objects/durable"
	"fsk/objects/packfile"
	"fsk/seal"

	"github.com/zeebo/blake3"
)

// stream writes the first n bytes of first, then all of r, then the trailer to f.
// It returns the digest and the size of the payload. The digest, the seal and the
// writing have a goroutine each. The buffer first belongs to the pool afterwards.
func (db *DB) stream(ctx context.Context, f *durable.File, first *[]byte, n int, r io.Reader) (d Digest, size int64, err error) {
	hash := blake3.New()
	out := &fileLane{f: f}
	lane := []func([]byte){func(p []byte) { hash.Write(p) }, out.write}
	var mac *seal.Writer
	if db.ring.Len() > 0 {
		mac = db.ring.Only(0).NewWriter()
		lane = append(lane, func(p []byte) { mac.Write(p) })
	}
	l := newLanes(&db.bufs, lane...)
	size, err = db.fill(ctx, l, out, first, n, r)
	l.finish()
	if failure := out.failure.Load(); failure != nil { // it came before what the reading then found
		return d, size, putError(d, *failure)
	}
	if err != nil {
		return d, size, err
	}
	hash.Sum(d[:0])
	if mac != nil {
		if _, err := f.Write(mac.AppendTrailer(nil)); err != nil {
			return d, size, putError(d, err)
		}
	}
	return d, size, nil
}

// fill sends the first n bytes of first and all of r to the lanes. It ends early when the context does,
// when the payload is over the limit, or when out has failed.
func (db *DB) fill(ctx context.Context, l *lanes, out *fileLane, first *[]byte, n int, r io.Reader) (size int64, err error) {
	b := <-l.free
	b.buf = first
	for end := false; ; {
		size += int64(n)
		if size > db.opts.MaxObjectSize {
			err = &Error{Reason: TooLarge, Err: overLimit(db.opts.MaxObjectSize)}
		} else if err == nil {
			err = ctx.Err()
		}
		if err != nil || out.failure.Load() != nil {
			l.drop(b)
			return size, err
		}
		b.data = (*b.buf)[:n]
		l.send(b)
		if end {
			return size, nil
		}
		b = l.next()
		n, end, err = readChunk(r, *b.buf)
	}
}

// readFirst reads the beginning of a payload, of which end says that it is all: one byte
// more than a chunk, so that what belongs in a pack is known to end.
func readFirst(r io.Reader, buf []byte) (n int, end bool, err error) {
	return readUpTo(r, buf[:packfile.MaxPayload+1])
}

// readChunk reads the next chunk of a payload.
func readChunk(r io.Reader, buf []byte) (n int, end bool, err error) {
	return readUpTo(r, buf[:chunkSize])
}

// readUpTo reads until buf is full or r ends. Unlike [io.ReadFull] it tells the end of
// r from an r that fails with [io.ErrUnexpectedEOF], such as a connection that broke
// off: what came of that is not a payload.
func readUpTo(r io.Reader, buf []byte) (n int, end bool, err error) {
	for n < len(buf) && err == nil {
		var m int
		m, err = r.Read(buf[n:])
		n += m
	}
	if err == io.EOF {
		return n, true, nil
	}
	return n, false, err
}

// A fileLane writes blocks to a file until that fails.
type fileLane struct {
	f       *durable.File
	failure atomic.Pointer[error]
}

func (l *fileLane) write(p []byte) {
	if l.failure.Load() != nil {
		return
	}
	if _, err := l.f.Write(p); err != nil {
		l.failure.Store(&err)
	}
}
