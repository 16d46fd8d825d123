package objects

import (
	"context"
	"io"
	"runtime"
	"sync"
)

// chunks is the payload in a file whose chunks have known sums: every chunk is
// checked again, in a private buffer, before a byte of it is released.
type chunks struct {
	ctx    context.Context
	bufs   *bufferPool
	source *source
	sums   *chunkSums
	size   int64 // of the payload

	mu     sync.Mutex
	cached int64 // number of the chunk in cache, or -1
	cache  *[]byte
}

// load reads chunk i into buf and verifies it. It returns the part that belongs to
// the payload: the last chunks hold the trailer, too.
func (c *chunks) load(i int64, buf *[]byte) ([]byte, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	start := i * chunkSize
	data := (*buf)[:min(chunkSize, c.source.Size()-start)]
	if err := readFull(c.source, data, start); err != nil {
		return nil, c.source.readError(err)
	}
	if !c.sums.matches(i, data) {
		return nil, c.source.refuse(ChangedDuringRead)
	}
	return data[:max(0, min(int64(len(data)), c.size-start))], nil
}

func (c *chunks) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		m, err := c.readChunk(p[n:], off)
		if err != nil {
			return n, err
		}
		n += m
		off += int64(m)
	}
	return n, nil
}

// readChunk copies from the chunk that off is in. It keeps the chunk, since small
// reads tend to follow each other.
func (c *chunks) readChunk(p []byte, off int64) (int, error) {
	i, skip := off/chunkSize, off%chunkSize
	c.mu.Lock()
	if c.cached == i {
		end := min(chunkSize, c.size-i*chunkSize)
		n := copy(p, (*c.cache)[skip:end])
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()
	buf := c.bufs.get()
	data, err := c.load(i, buf)
	if err != nil {
		c.bufs.put(buf)
		return 0, err
	}
	n := copy(p, data[skip:])
	c.mu.Lock()
	old := c.cache
	c.cache, c.cached = buf, i
	c.mu.Unlock()
	if old != nil {
		c.bufs.put(old)
	}
	return n, nil
}

// A verified is a chunk that is ready to be written, or the reason why it is not.
type verified struct {
	buf  *[]byte
	data []byte
	err  error
}

// copyTo verifies a few chunks ahead, on all cores, and writes them in order.
func (c *chunks) copyTo(w io.Writer, off int64) (written int64, err error) {
	ahead := make(chan chan verified, runtime.GOMAXPROCS(0)+1)
	stop := make(chan struct{})
	halt := sync.OnceFunc(func() { close(stop) })
	go func() {
		defer close(ahead)
		for i := off / chunkSize; i*chunkSize < c.size; i++ {
			result := make(chan verified, 1)
			select {
			case ahead <- result:
			case <-stop:
				return
			}
			go func() {
				buf := c.bufs.get()
				data, err := c.load(i, buf)
				result <- verified{buf, data, err}
			}()
		}
	}()
	skip := off % chunkSize
	for result := range ahead {
		v := <-result
		if err == nil {
			err = v.err
		}
		if err == nil {
			var n int
			n, err = writeFull(w, v.data[skip:])
			written += int64(n)
			skip = 0
		}
		if err != nil {
			halt()
		}
		c.bufs.put(v.buf)
	}
	return written, err
}

func (c *chunks) close() error {
	if c.cache != nil {
		c.bufs.put(c.cache)
		c.cache = nil
	}
	return c.source.Close()
}
