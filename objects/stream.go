package objects

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

	"fsk/objects/durable"
	"fsk/seal"

	"github.com/zeebo/blake3"
)

const (
	// chunkSize is the unit in which large payloads are streamed, and checked again
	// before they are released.
	chunkSize = 1 << 20
	// blocksInFlight lets the slowest lane of a stream lag behind the reading without
	// stopping it. Together they bound the memory of a stream.
	blocksInFlight = 8
)

// smallSize is the payload for which a small buffer is enough: a process that reads
// one small object would spend more time on getting a large one than on the object.
const smallSize = 16 << 10

// A bufferPool keeps buffers for the stored bytes of payloads up to a chunk, and up to
// smallSize: memory that was touched before costs a tenth of new memory.
type bufferPool struct{ chunks, small, large sync.Pool }

// get returns a buffer for a chunk and a trailer.
func (p *bufferPool) get() *[]byte { return p.getFor(chunkSize + seal.TrailerSize) }

// getFor returns a buffer for stored bytes of that size, which is at most that of a
// chunk and a trailer.
func (p *bufferPool) getFor(size int64) *[]byte {
	pool, room := &p.chunks, chunkSize+seal.TrailerSize
	if size <= smallSize+seal.TrailerSize {
		pool, room = &p.small, smallSize+seal.TrailerSize
	}
	if b, ok := pool.Get().(*[]byte); ok {
		return b
	}
	b := make([]byte, room)
	return &b
}

// getLarge returns a buffer for stored bytes that are more than a chunk.
func (p *bufferPool) getLarge(size int64) *[]byte {
	if b, ok := p.large.Get().(*[]byte); ok && int64(len(*b)) >= size {
		return b
	}
	const step = 4 << 20 // so that the next one, which is a little larger, fits, too
	b := make([]byte, (size+step-1)/step*step)
	return &b
}

func (p *bufferPool) put(b *[]byte) {
	switch n := len(*b); {
	case n < chunkSize:
		p.small.Put(b)
	case n > chunkSize+seal.TrailerSize:
		p.large.Put(b)
	default:
		p.chunks.Put(b)
	}
}

// A block is a piece of a stream that every lane reads.
type block struct {
	buf  *[]byte
	data []byte
	left atomic.Int32 // lanes that still need it
}

// lanes hand the blocks of one stream to functions that run side by side, each in
// its own goroutine and each seeing all blocks in order. One stream of HMAC is
// slower than all else together, so it gets a core of its own.
type lanes struct {
	bufs *bufferPool
	free chan *block
	in   []chan *block
	done sync.WaitGroup
}

func newLanes(bufs *bufferPool, lane ...func(p []byte)) *lanes {
	l := &lanes{bufs: bufs, free: make(chan *block, blocksInFlight)}
	for range blocksInFlight {
		l.free <- new(block)
	}
	for _, f := range lane {
		in := make(chan *block, blocksInFlight)
		l.in = append(l.in, in)
		l.done.Go(func() {
			for b := range in {
				f(b.data)
				if b.left.Add(-1) == 0 {
					l.free <- b
				}
			}
		})
	}
	return l
}

// next waits for a block to fill; send passes it on.
func (l *lanes) next() *block {
	b := <-l.free
	if b.buf == nil {
		b.buf = l.bufs.get()
	}
	return b
}

func (l *lanes) send(b *block) {
	b.left.Store(int32(len(l.in)))
	for _, in := range l.in {
		in <- b
	}
}

// drop returns a block that is not sent.
func (l *lanes) drop(b *block) { l.free <- b }

// finish waits until all lanes have seen all blocks, and frees the memory. Every
// block must have been sent or dropped.
func (l *lanes) finish() {
	for _, in := range l.in {
		close(in)
	}
	l.done.Wait()
	for range blocksInFlight {
		if b := <-l.free; b.buf != nil {
			l.bufs.put(b.buf)
		}
	}
}

// judgeFile gives the verdict on stored bytes in a file, in one pass and bounded
// memory. If sums is not nil it gets every chunk of the stored bytes; if into is not nil
// they are read into it, and what is judged is what is there then.
// The error is an *Error, or that of the context.
func (db *DB) judgeFile(ctx context.Context, d Digest, f durable.RegularFile, sums *chunkSums, into []byte) (verdict, error) {
	size := f.Size()
	split := size - seal.TrailerSize
	sp := &splitter{split: split, hash: blake3.New()}
	lane := []func([]byte){sp.write}
	macs := make([]*seal.Writer, db.ring.Len())
	for i := range macs {
		mac := db.ring.Only(i).NewWriter()
		macs[i] = mac
		left := split
		lane = append(lane, func(p []byte) {
			p = p[:min(int64(len(p)), left)]
			mac.Write(p)
			left -= int64(len(p))
		})
	}
	l := newLanes(&db.bufs, lane...)
	trailer, err := pump(ctx, l, f, sums, into)
	l.finish()
	if err != nil {
		return verdict{}, err
	}
	e := evidence{size: size, h0: sp.whole() == d, h1: sp.before == d, hx: seal.IsTrailer(trailer)}
	for i, mac := range macs {
		if _, ok := mac.Verify(trailer); ok {
			e.m, e.key = true, i
			break
		}
	}
	return e.verdict(len(macs) > 0), nil
}

// pump reads the whole file into lanes and returns the bytes where a trailer is.
func pump(ctx context.Context, l *lanes, f durable.RegularFile, sums *chunkSums, into []byte) (trailer []byte, err error) {
	size := f.Size()
	split := size - seal.TrailerSize
	for off := int64(0); off < size; off += chunkSize {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(chunkSize, size-off)
		var b *block
		if into != nil {
			b = <-l.free // which needs no buffer
			b.data = into[off : off+n]
		} else {
			b = l.next()
			b.data = (*b.buf)[:n]
		}
		if err := readFull(f, b.data, off); err != nil {
			l.drop(b)
			return nil, err
		}
		if sums != nil { // here rather than in a lane: the bytes are in the cache of this core
			sums.add(b.data)
		}
		if end := off + int64(len(b.data)); end > split {
			trailer = append(trailer, b.data[max(0, split-off):]...)
		}
		l.send(b)
	}
	return trailer, nil
}

// readFull fills p from f at off; bytes that the file should have and has not any
// more are an io.ErrUnexpectedEOF.
func readFull(f io.ReaderAt, p []byte, off int64) error {
	n, err := f.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A splitter computes the digest of a stream and that of its first split bytes.
type splitter struct {
	split  int64
	hash   *blake3.Hasher
	before Digest
}

func (s *splitter) write(p []byte) {
	if 0 <= s.split && s.split < int64(len(p)) {
		s.hash.Write(p[:s.split])
		s.hash.Clone().Sum(s.before[:0]) // of a clone: Sum is free to end a hasher
		p, s.split = p[s.split:], 0
	}
	s.hash.Write(p)
	s.split -= int64(len(p)) // passes below zero once it has been reached
}

func (s *splitter) whole() (d Digest) {
	s.hash.Sum(d[:0])
	return d
}
