package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"fsk/objects"
)

const (
	// maxLine limits a line of --batch, in bytes.
	maxLine = 1 << 20
	// questionLines is how many lines are answered by one worker in one go, if they are
	// there already.
	questionLines = 256
	// inlineSize is the size up to which a payload is copied to the other answers, and
	// answerSize that at which these are passed on.
	inlineSize = 64 << 10
	answerSize = 256 << 10
)

// A question is some lines of --batch, each with its line end, and answers its answers,
// in order.
type question struct {
	lines   string
	answers chan *answer
}

// An answer is the text for some lines, after which a payload may follow that is
// streamed. Answers are used again: memory that was touched before costs a tenth of new
// memory.
type answer struct {
	text    []byte
	replies []reply
	payload *objects.Reader
	line    string // of the payload, or of err
	err     error  // ends the batch
}

// A reply is what is to be counted for one line.
type reply struct {
	info objects.Info
	miss objects.Reason // "" if there is a payload
}

// catBatch answers one object a line, in order, on all processors. Every answer is
// whole: an object is announced when it is verified. An answer that breaks off after
// that ends the command, because the reader counts on the announced size.
func catBatch(a *app, db *objects.DB) error {
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	b := &batch{app: a, db: db, ctx: ctx, jobs: make(chan question), order: make(chan question, 2*runtime.GOMAXPROCS(0))}
	for range runtime.GOMAXPROCS(0) {
		go func() {
			buf := make([]byte, inlineSize)
			for q := range b.jobs {
				b.answer(q, buf)
			}
		}()
	}
	go b.read()
	w := bufio.NewWriterSize(a.out.stdout, answerSize)
	for q := range b.order {
		for answer := range q.answers {
			if err := b.write(w, answer); err != nil {
				a.reportRead(answer.line, err)
				return nil
			}
			b.used.Put(answer)
		}
		if len(b.order) == 0 { // whoever asks one at a time waits for the answer
			if err := w.Flush(); err != nil {
				a.reportRead("", &outputError{err})
				return nil
			}
		}
	}
	if err := w.Flush(); err != nil {
		a.reportRead("", &outputError{err})
	}
	if err := a.ctx.Err(); err != nil {
		return err
	}
	if b.inputErr != nil {
		a.reportOn("standard input", b.inputErr)
	}
	return nil
}

type batch struct {
	app      *app
	db       *objects.DB
	ctx      context.Context
	jobs     chan question
	order    chan question // closed at the end
	used     sync.Pool     // of *answer
	inputErr error         // set before order is closed
}

// newAnswer returns an answer without text.
func (b *batch) newAnswer() *answer {
	a, ok := b.used.Get().(*answer)
	if !ok {
		return &answer{text: make([]byte, 0, answerSize+2*inlineSize)}
	}
	*a = answer{text: a.text[:0], replies: a.replies[:0]}
	return a
}

// read asks what the lines of standard input ask.
func (b *batch) read() {
	defer close(b.order)
	defer close(b.jobs)
	in := bufio.NewReaderSize(&interruptible{ctx: b.ctx, r: b.app.stdin}, maxLine)
	var lines []byte
	n := 0
	for {
		line, err := in.ReadSlice('\n')
		if err == nil || err == io.EOF && len(line) > 0 {
			lines = append(append(lines, bytes.TrimSuffix(line, []byte{'\n'})...), '\n')
			n++
		}
		if n > 0 && (err != nil || n == questionLines || in.Buffered() == 0) {
			if !b.ask(string(lines)) {
				return
			}
			lines, n = lines[:0], 0
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, bufio.ErrBufferFull):
			b.inputErr = fmt.Errorf("a line is longer than %d bytes", maxLine)
		case err != io.EOF && b.ctx.Err() == nil:
			b.inputErr = err
		}
		return
	}
}

func (b *batch) ask(lines string) bool {
	q := question{lines: lines, answers: make(chan *answer, 1)}
	select {
	case b.order <- q:
	case <-b.ctx.Done():
		return false
	}
	b.jobs <- q // always taken: a worker ends only when jobs is closed
	return true
}

// answer answers the lines of a question. Answers are passed on when they are large, so
// that memory is bounded. Lines that are digests are asked for together.
func (b *batch) answer(q question, buf []byte) {
	defer close(q.answers)
	now := b.newAnswer()
	pass := func() bool {
		select {
		case q.answers <- now:
			return true
		case <-b.ctx.Done():
			if now.payload != nil {
				now.payload.Close()
			}
			return false
		}
	}
	answered := func() (more bool) {
		if now.payload == nil && now.err == nil && len(now.text) < answerSize {
			return true
		}
		last := now.err != nil
		if !pass() || last {
			return false
		}
		now = b.newAnswer()
		return true
	}
	var digests []objects.Digest
	var lines []string // of the digests
	together := func() (more bool) {
		i := 0
		for o, err := range b.db.GetEach(b.ctx, digests, buf) {
			b.reply(now, lines[i], digests[i], o, err)
			if !answered() {
				return false
			}
			i++
		}
		digests, lines = digests[:0], lines[:0]
		return true
	}
	for line := range strings.Lines(q.lines) {
		line = line[:len(line)-1]
		if d, err := objects.ParseDigest(line); err == nil {
			digests, lines = append(digests, d), append(lines, line)
			continue
		}
		if !together() {
			return
		}
		b.replyToName(now, line, buf)
		if !answered() {
			return
		}
	}
	if together() {
		pass()
	}
}

// replyToName appends the answer to a line that is no digest.
func (b *batch) replyToName(to *answer, name string, buf []byte) {
	d, err := b.app.resolve(b.db, name)
	if err != nil {
		to.miss(name, err)
		return
	}
	info, err := b.db.GetInto(b.ctx, d, buf)
	b.reply(to, name, d, objects.Object{Info: info, Payload: buf[:info.Size]}, err)
}

// reply appends the answer to one line.
func (b *batch) reply(to *answer, line string, d objects.Digest, o objects.Object, err error) {
	if err == nil {
		to.announce(o.Info)
		to.text = append(append(to.text, o.Payload...), '\n')
		return
	}
	var r *objects.Reader
	if err == io.ErrShortBuffer {
		r, err = b.db.Open(b.ctx, d)
	}
	if err != nil {
		to.miss(line, err)
		return
	}
	to.announce(r.Info())
	to.line, to.payload = line, r
}

// announce appends the line before a payload.
func (a *answer) announce(info objects.Info) {
	a.replies = append(a.replies, reply{info: info})
	a.text = append(hex.AppendEncode(a.text, info.Digest[:]), ' ')
	a.text = append(strconv.AppendInt(a.text, info.Size, 10), '\n')
}

// miss appends the answer to a line that has no payload. An error that is not about the
// object ends the batch.
func (a *answer) miss(line string, err error) {
	reason := reasonOf(err)
	if reason == "" {
		a.line, a.err = line, err
		return
	}
	a.text = fmt.Appendf(a.text, "%s %s\n", escape(line), reason)
	a.replies = append(a.replies, reply{miss: reason})
}

// write writes an answer and counts it.
func (b *batch) write(w *bufio.Writer, answer *answer) error {
	for _, r := range answer.replies {
		if r.miss == "" {
			b.app.unverified(r.info)
			b.app.out.object(r.info, nil)
			continue
		}
		b.app.out.summary.Errors++
		code := exitMiss
		if r.miss == objects.IOError {
			code = exitIncomplete
		}
		b.app.code = worst(b.app.code, code)
	}
	if _, err := w.Write(answer.text); err != nil {
		return &outputError{err}
	}
	if answer.payload == nil {
		return answer.err
	}
	defer answer.payload.Close()
	if _, err := answer.payload.WriteTo(output{w}); err != nil {
		return err
	}
	if err := w.WriteByte('\n'); err != nil {
		return &outputError{err}
	}
	return nil
}
