package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"fsk/objects"
)

// maxLine limits a line of --batch, in bytes.
const maxLine = 1 << 20

// catBatch answers one object a line, in order. Every answer is whole: an object is
// announced when it is verified. An answer that breaks off after that ends the
// command, because the reader counts on the announced size.
func catBatch(a *app, db *objects.DB) error {
	in := bufio.NewReaderSize(&interruptible{ctx: a.ctx, r: a.stdin}, maxLine)
	w := bufio.NewWriterSize(a.out.stdout, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		if err != nil && (err != io.EOF || len(line) == 0) {
			return a.endBatch(w, err)
		}
		name := strings.TrimSuffix(string(line), "\n")
		if err := a.answer(db, w, name); err != nil {
			a.reportRead(name, err)
			return nil
		}
		if in.Buffered() == 0 { // whoever asks one at a time waits for the answer
			if err := w.Flush(); err != nil {
				a.reportRead(name, &outputError{err})
				return nil
			}
		}
	}
}

// endBatch flushes the answers when no line is left, or none can be read.
func (a *app) endBatch(w *bufio.Writer, err error) error {
	if flush := w.Flush(); flush != nil {
		a.reportRead("", &outputError{flush})
	}
	switch {
	case err == io.EOF:
		return nil
	case errors.Is(err, bufio.ErrBufferFull):
		err = fmt.Errorf("a line is longer than %d bytes", maxLine)
	}
	a.reportOn("standard input", err)
	return nil
}

// answer answers one line. The error ends the batch.
func (a *app) answer(db *objects.DB, w *bufio.Writer, line string) error {
	d, err := a.resolve(db, line)
	var r *objects.Reader
	if err == nil {
		r, err = db.Open(a.ctx, d)
	}
	if err != nil {
		return a.answerMiss(w, line, err)
	}
	defer r.Close()
	a.unverified(r.Info())
	fmt.Fprintf(w, "%s %d\n", d, r.Size())
	if _, err := r.WriteTo(output{w}); err != nil {
		return err
	}
	w.WriteByte('\n')
	a.out.object(r.Info(), nil)
	return nil
}

// answerMiss answers a line with the reason why there is no payload.
func (a *app) answerMiss(w *bufio.Writer, line string, err error) error {
	var miss *objects.Error
	if errors.Is(err, context.Canceled) || !errors.As(err, &miss) {
		return err
	}
	code := exitMiss
	if miss.Reason == objects.IOError {
		code = exitIncomplete
	}
	a.code = worst(a.code, code)
	fmt.Fprintf(w, "%s %s\n", escape(line), miss.Reason)
	return nil
}
