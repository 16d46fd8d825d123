package gocache

import (
	"errors"
	"io"
	"time"
)

// memorySize is the size up to which a body is read into a buffer that is used again.
const memorySize = 1 << 20

// put answers a put whose body is read from r, which is read no more when put returns.
// finish has what remains to be done, and may be done beside other requests.
func (s *Server) put(req request, body io.Reader) (finish func()) {
	s.stats.Puts.Add(1)
	action, ok := toID(req.ActionID)
	output, ok2 := toID(req.OutputID)
	if !ok || !ok2 {
		return func() { s.out.send(response{ID: req.ID, Err: "not an action or not an output"}) }
	}
	if req.BodySize > memorySize {
		f, err := s.plain.place(output, func(w io.Writer) error { return copyBody(w, body, req.BodySize) })
		return func() { s.placed(req, action, output, f, err) }
	}
	buf := buffers.Get().(*[memorySize]byte)
	n, err := io.ReadFull(body, buf[:req.BodySize])
	return func() {
		defer buffers.Put(buf)
		var f *plainFile
		if err == nil {
			f, err = s.plain.place(output, func(w io.Writer) error { _, err := w.Write(buf[:n]); return err })
		}
		s.placed(req, action, output, f, err)
	}
}

func copyBody(w io.Writer, body io.Reader, size int64) error {
	buf := buffers.Get().(*[memorySize]byte)
	defer buffers.Put(buf)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, body, buf[:])
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// placed answers a put with the plain file, and has it kept.
func (s *Server) placed(req request, action, output id, f *plainFile, err error) {
	if err == nil && f.size != req.BodySize {
		err = errors.New("another output has this name")
	}
	if err != nil { // without a file the go command cannot go on
		s.out.send(response{ID: req.ID, Err: "fsk go-cache: no plain file for the output: " + err.Error()})
		return
	}
	h := held{entry{output: output, size: f.size, time: time.Now()}, f}
	s.remember(action, h)
	s.out.send(response{ID: req.ID, Size: f.size, DiskPath: f.path})
	s.keep(kept{action, h})
}
