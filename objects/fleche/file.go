package fleche

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/seal"
)

// A file is the open file of a value.
type file struct {
	durable.RegularFile
	name       Name
	compressed bool
	limit      int64 // of the pickle bytes
}

// open opens the file of a value and refuses what is far too large by its size alone,
// before anything but its first bytes is read.
func (c *Cache) open(n Name) (*file, error) {
	r, err := durable.OpenRegular(c.fs, n.String())
	if err != nil {
		return nil, fault(n, err)
	}
	f := &file{RegularFile: r, name: n, limit: c.opts.MaxSize}
	most := f.limit + seal.TrailerSize
	if f.compressed, err = isGzip(r); err != nil {
		r.Close()
		return nil, fault(n, err)
	}
	if f.compressed {
		f.limit = c.opts.MaxInflatedSize
		most = f.limit + f.limit/256 + readAhead // what cannot be compressed grows by less
	}
	if r.Size() > most {
		r.Close()
		return nil, f.tooLarge()
	}
	return f, nil
}

// isGzip looks at the first two bytes, as fleche does; no pickle begins like that.
func isGzip(r durable.RegularFile) (bool, error) {
	if r.Size() < 2 {
		return false, nil
	}
	var magic [2]byte
	if n, err := r.ReadAt(magic[:], 0); n < len(magic) {
		if err == nil || err == io.EOF {
			return false, nil // cut off meanwhile: reading will tell
		}
		return false, err
	}
	return magic == [2]byte{0x1f, 0x8b}, nil
}

// A content is one pass over a value: the bytes of its file, or what comes out of them.
type content struct {
	file *file
	raw  *rawReader
	in   io.Reader
}

func (f *file) content(ctx context.Context) *content {
	raw := &rawReader{ctx: ctx, file: f}
	c := &content{file: f, raw: raw, in: raw}
	if f.compressed {
		c.in = newGunzip(raw)
	}
	return c
}

// fill reads into p until it is full or the value ends. The error is an *objects.Error,
// or that of the context.
func (c *content) fill(p []byte) (n int, end bool, err error) {
	for n < len(p) {
		m, err := c.in.Read(p[n:])
		n += m
		if err == io.EOF && c.raw.err == nil {
			return n, true, nil
		}
		if err != nil {
			return n, false, c.fault(err)
		}
	}
	return n, false, c.raw.ctx.Err()
}

// fault tells errors of the file from those of what is in it.
func (c *content) fault(err error) error {
	switch broken := c.raw.err; {
	case broken == nil:
		return &objects.Error{Reason: objects.Corrupt, Path: c.file.name.String(), Err: fmt.Errorf("damaged or tampered with: %w", err)}
	case broken == errShrunk:
		return c.file.refuse(objects.ChangedDuringRead)
	case c.raw.ctx.Err() != nil:
		return c.raw.ctx.Err()
	default:
		return &objects.Error{Reason: objects.IOError, Path: c.file.name.String(), Err: broken}
	}
}

var errShrunk = errors.New("the file was cut off")

// A rawReader reads a file to the size that it had when it was opened.
type rawReader struct {
	ctx  context.Context
	file *file
	off  int64
	err  error // the first one, kept apart from those that the bytes cause
}

func (r *rawReader) Read(p []byte) (n int, err error) {
	if r.err = r.ctx.Err(); r.err != nil {
		return 0, r.err
	}
	left := r.file.Size() - r.off
	if left <= 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), left)]
	n, err = r.file.ReadAt(p, r.off)
	r.off += int64(n)
	switch {
	case n == len(p):
		return n, nil
	case err == nil || err == io.EOF:
		err = errShrunk
	}
	r.err = err
	return n, err
}

func (f *file) refuse(reason objects.Reason) error { return refusal(f.name, reason) }

func (f *file) tooLarge() error {
	return &objects.Error{Reason: objects.TooLarge, Path: f.name.String(), Err: fmt.Errorf("larger than the limit of %d bytes", f.limit)}
}

// texts has what is to be said of a value where the words of the reason are about objects.
var texts = map[objects.Reason]string{
	objects.Corrupt: "damaged or tampered with: it ends neither like a pickle nor like a sealed one",
	objects.Missing: "no such value",
}

// refusal is the error of a value for a reason that says it all.
func refusal(n Name, reason objects.Reason) error {
	e := &objects.Error{Reason: reason, Path: n.String()}
	if text, ok := texts[reason]; ok {
		e.Err = errors.New(text)
	}
	return e
}

// fault makes the error of a value of the failure of a file operation.
func fault(n Name, err error) error {
	switch {
	case errors.Is(err, durable.ErrNotRegular):
		return refusal(n, objects.NotRegular)
	case errors.Is(err, durable.ErrUnsafePath):
		return refusal(n, objects.UnsafePath)
	case errors.Is(err, fs.ErrNotExist):
		return refusal(n, objects.Missing)
	}
	return &objects.Error{Reason: objects.IOError, Path: n.String(), Err: err}
}

// reasonIn returns the reason of an error of this package.
func reasonIn(err error) objects.Reason {
	var e *objects.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return objects.IOError
}
