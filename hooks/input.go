package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

const inputChunk = 1 << 20 // bytes that are read of a payload at once

// An input is the standard input of a program: the payload.
type input struct {
	file *os.File // for the child
	feed *os.File // the end of the pipe that is written to; nil without a pipe
	done chan error
}

// newInput hands the payload over. What it reads is verified.
func newInput(ctx context.Context, size int64, payload io.ReaderAt) (*input, error) {
	if size <= sealedPayload {
		f, err := sealedFile("fsk-payload", false, func(w io.Writer) error { return copyPayload(ctx, w, size, payload) })
		if !errors.Is(err, errors.ErrUnsupported) {
			return &input{file: f}, err
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	in := &input{file: r, feed: w, done: make(chan error, 1)}
	go func() {
		err := copyPayload(ctx, w, size, payload)
		w.Close() // so that the program sees the end
		in.done <- err
	}()
	return in, nil
}

// A payloadError is a failure of reading the payload, not of handing it over.
type payloadError struct{ err error }

func (e *payloadError) Error() string { return "the payload could not be read: " + e.err.Error() }
func (e *payloadError) Unwrap() error { return e.err }

func copyPayload(ctx context.Context, w io.Writer, size int64, payload io.ReaderAt) error {
	buf := make([]byte, min(size, inputChunk))
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := buf[:min(size-off, inputChunk)]
		n, err := payload.ReadAt(part, off)
		if n < len(part) {
			return &payloadError{fmt.Errorf("%d of %d bytes: %w", off+int64(n), size, err)}
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
		off += int64(n)
	}
	return nil
}

// failure ends handing over, and returns why the program was not given what it might
// have read. That it did not want more is none.
func (in *input) failure() error {
	if in.feed == nil {
		return nil
	}
	in.feed.Close() // ends a write for which nobody reads
	err := <-in.done
	in.done <- nil
	if unread := (*payloadError)(nil); errors.As(err, &unread) {
		return err
	}
	return nil
}

// close ends handing over and waits for it: the payload is not read after the answer.
func (in *input) close() {
	in.file.Close()
	in.failure()
}
