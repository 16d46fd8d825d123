package objects

import (
	"context"
	"io"
	"io/fs"
	"sync"

	"fsk/seal"
)

// A Reader reads the payload of one verified object. It implements [io.Reader],
// [io.Seeker], [io.ReaderAt], [io.WriterTo] and [io.Closer]. ReadAt and Close may be
// called by several goroutines at once, the other methods by one.
//
// What a Reader returns is what was verified. If the stored bytes of a large object
// change meanwhile it returns only genuine bytes and then an [*Error] with the reason
// [ChangedDuringRead].
type Reader struct {
	info Info
	off  int64

	mu      sync.RWMutex // closing waits for reads: a buffer in use must not be given to another object
	payload payload      // nil when closed
}

// A payload is where the bytes of a Reader come from. It releases verified bytes only.
type payload interface {
	io.ReaderAt // called with offsets and lengths within the payload
	// copyTo writes the bytes from off to the end.
	copyTo(w io.Writer, off int64) (int64, error)
	close() error
}

// Open verifies an object of any size up to the limit of the options, asks the hook,
// and returns a Reader of its payload, which the caller must close. The context
// governs the Reader, too. The error is an [*Error], or that of the context.
//
// Up to 64 MiB the payload is held in memory. Larger ones are read twice: to verify
// them, and when the Reader is read.
func (db *DB) Open(ctx context.Context, d Digest) (r *Reader, err error) {
	err = db.find(ctx, d, maxRounds, func(s *source) error {
		open := db.openMemory
		if s.Size() > memorySize+seal.TrailerSize {
			open = db.openChunks
		}
		opened, err := open(ctx, s)
		if err != nil {
			return err
		}
		if err := db.ask(ctx, s, opened); err != nil {
			opened.Close()
			return err
		}
		r = opened
		return nil
	})
	return r, err
}

// openMemory verifies a source in memory and closes it.
func (db *DB) openMemory(ctx context.Context, s *source) (*Reader, error) {
	defer s.Close()
	m := &memory{bufs: &db.bufs}
	if s.Size() <= chunkSize+seal.TrailerSize {
		m.buf = db.bufs.getFor(s.Size())
	} else {
		m.buf = db.bufs.getLarge(s.Size())
	}
	stored := (*m.buf)[:s.Size()]
	info, err := db.load(ctx, s, stored)
	if err != nil {
		m.close()
		return nil, err
	}
	m.payload = stored[:info.Size]
	return &Reader{info: info, payload: m}, nil
}

// openChunks verifies a source in a first pass and keeps it open for the second.
func (db *DB) openChunks(ctx context.Context, s *source) (*Reader, error) {
	r, err := db.judgeChunks(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := db.accept(s, r.info); err != nil {
		s.Close()
		return nil, err
	}
	return r, nil
}

// judgeChunks is openChunks for a source that may turn out not to be good, as the info
// of the Reader tells, which must then not be released.
func (db *DB) judgeChunks(ctx context.Context, s *source) (*Reader, error) {
	sums := newChunkSums(s.Size())
	v, err := db.judgeFile(ctx, s.d, s, sums, nil)
	if err != nil {
		s.Close()
		return nil, s.readError(err)
	}
	info := db.info(s.d, v, s.where)
	return &Reader{info: info, payload: &chunks{ctx: ctx, bufs: &db.bufs, source: s, sums: sums, size: info.Size, cached: -1}}, nil
}

// Info describes the object.
func (r *Reader) Info() Info { return r.info }

// Size returns the size of the payload in bytes.
func (r *Reader) Size() int64 { return r.info.Size }

// ReadAt implements [io.ReaderAt].
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch {
	case r.payload == nil:
		return 0, fs.ErrClosed
	case off < 0:
		return 0, fs.ErrInvalid
	case off >= r.info.Size:
		return 0, io.EOF
	}
	short := r.info.Size-off < int64(len(p))
	if short {
		p = p[:r.info.Size-off]
	}
	n, err := r.payload.ReadAt(p, off)
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.ReadAt(p, r.off)
	r.off += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Seek implements [io.Seeker].
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.off
	case io.SeekEnd:
		offset += r.info.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, fs.ErrInvalid
	}
	r.off = offset
	return offset, nil
}

// WriteTo implements [io.WriterTo]: it writes the payload from the present position
// to the end, verifying large payloads on all cores ahead of the writing.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.payload == nil {
		return 0, fs.ErrClosed
	}
	n, err := r.payload.copyTo(w, min(r.off, r.info.Size))
	r.off += n
	return n, err
}

// Close frees what the Reader holds. Closing again returns [fs.ErrClosed].
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.payload == nil {
		return fs.ErrClosed
	}
	p := r.payload
	r.payload = nil
	return p.close()
}

// memory is a payload in memory that nobody else writes to.
type memory struct {
	payload []byte
	bufs    *bufferPool
	buf     *[]byte // to be returned to bufs, may be nil
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) { return copy(p, m.payload[off:]), nil }

func (m *memory) copyTo(w io.Writer, off int64) (int64, error) {
	n, err := writeFull(w, m.payload[off:])
	return int64(n), err
}

func (m *memory) close() error {
	if m.buf != nil {
		m.bufs.put(m.buf)
		m.buf, m.payload = nil, nil
	}
	return nil
}

// writeFull makes an error of a short write that the writer does not report.
func writeFull(w io.Writer, p []byte) (int, error) {
	n, err := w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
