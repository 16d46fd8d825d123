package fleche

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"

	"fsk/objects"
)

// memorySize is the size of the pickle up to which it is verified and released in memory.
const memorySize = 64 << 20

// A Reader reads the pickle of one verified value, from its beginning to its end. It is
// for one goroutine at a time. If the file of a large value changes meanwhile it returns
// only genuine bytes, and then an [*objects.Error] with the reason
// [objects.ChangedDuringRead].
type Reader struct {
	c    *Cache
	ch   checked
	left int64 // bytes of the pickle that were not released
	err  error // of an earlier read

	ready []byte // verified, and not yet released
	again *content
	next  int // chunk
	buf   *[]byte
}

// Open verifies a value and returns a Reader of its pickle, which the caller must close.
// The context governs the Reader, too. The error is an [*objects.Error], or that of the
// context.
//
// Up to 64 MiB the pickle is held in memory. A larger one is read, and if it is compressed
// inflated, twice: to verify it, and when the Reader is read.
func (c *Cache) Open(ctx context.Context, n Name) (*Reader, error) {
	ch, err := c.check(ctx, n, memorySize)
	if err != nil {
		return nil, err
	}
	return c.reader(ctx, ch), nil
}

// reader returns a Reader of what was checked. It owns the open file, if there is one.
func (c *Cache) reader(ctx context.Context, ch checked) *Reader {
	r := &Reader{c: c, ch: ch, left: ch.info.Size, ready: ch.memory}
	if ch.file != nil {
		r.again = ch.file.content(ctx)
		r.buf = c.bufs.Get().(*[]byte)
	}
	return r
}

// Get returns the verified pickle of a value of at most [MaxGetSize] bytes. The caller
// owns it. The error is an [*objects.Error], or that of the context.
func (c *Cache) Get(ctx context.Context, n Name) ([]byte, error) {
	r, err := c.Open(ctx, n)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if r.Size() > MaxGetSize {
		return nil, &objects.Error{Reason: objects.TooLarge, Path: n.String(), Err: fmt.Errorf("larger than the limit of %d bytes", MaxGetSize)}
	}
	if r.ch.memory != nil {
		return r.ch.memory, nil
	}
	pickle := make([]byte, r.Size())
	if _, err := io.ReadFull(r, pickle); err != nil {
		return nil, err
	}
	return pickle, nil
}

// Info describes the value.
func (r *Reader) Info() Info { return r.ch.info }

// Size returns the size of the pickle in bytes.
func (r *Reader) Size() int64 { return r.ch.info.Size }

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	if err := r.fetch(); err != nil {
		return 0, err
	}
	n := copy(p, r.ready)
	r.released(n)
	return n, nil
}

// WriteTo implements [io.WriterTo].
func (r *Reader) WriteTo(w io.Writer) (written int64, err error) {
	for {
		if err := r.fetch(); err == io.EOF {
			return written, nil
		} else if err != nil {
			return written, err
		}
		n, err := w.Write(r.ready)
		written += int64(n)
		if err == nil && n < len(r.ready) {
			err = io.ErrShortWrite
		}
		r.released(n)
		if err != nil {
			return written, err
		}
	}
}

func (r *Reader) released(n int) {
	r.ready = r.ready[n:]
	r.left -= int64(n)
}

// fetch makes sure that there are bytes to release. The error [io.EOF] says that
// all were released.
func (r *Reader) fetch() error {
	if r.err == nil && len(r.ready) == 0 {
		if r.left == 0 {
			return io.EOF
		}
		r.ready, r.err = r.load()
	}
	return r.err
}

// load reads the next chunk, and returns what of it belongs to the pickle: the last chunks
// hold the trailer, too.
func (r *Reader) load() ([]byte, error) {
	n, _, err := r.again.fill(*r.buf)
	if err != nil && reasonIn(err) != objects.Corrupt {
		return nil, err
	}
	chunk := (*r.buf)[:n]
	if err != nil || r.next == len(r.ch.sums) || sha256.Sum256(chunk) != r.ch.sums[r.next] {
		return nil, r.ch.file.refuse(objects.ChangedDuringRead)
	}
	r.next++
	return chunk[:min(int64(n), r.left)], nil
}

// Close frees what the Reader holds. Closing again returns [fs.ErrClosed].
func (r *Reader) Close() error {
	if r.err == fs.ErrClosed {
		return fs.ErrClosed
	}
	r.err, r.ready = fs.ErrClosed, nil
	if r.ch.file == nil {
		return nil
	}
	r.c.bufs.Put(r.buf)
	f := r.ch.file
	r.ch.file = nil
	return f.Close()
}
