package gocache

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// The commands of the protocol.
const (
	cmdGet   = "get"
	cmdPut   = "put"
	cmdClose = "close"
)

// A request is what the go command asks for. The body of a put follows it.
type request struct {
	ID       int64
	Command  string
	ActionID []byte
	OutputID []byte
	BodySize int64
}

// A response answers the request with its ID.
type response struct {
	ID            int64
	Err           string     `json:",omitempty"`
	KnownCommands []string   `json:",omitempty"`
	Miss          bool       `json:",omitempty"`
	OutputID      []byte     `json:",omitempty"`
	Size          int64      `json:",omitempty"`
	Time          *time.Time `json:",omitempty"`
	DiskPath      string     `json:",omitempty"`
}

// An id is the SHA-256 by which the go command knows an action or an output.
type id [32]byte

func (x id) String() string { return hex.EncodeToString(x[:]) }

// parseID takes the text of an id.
func parseID(text string) (x id, ok bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(x) || hex.EncodeToString(b) != text {
		return id{}, false
	}
	return id(b), true
}

// toID takes the bytes of an id from a request.
func toID(b []byte) (x id, ok bool) {
	if len(b) != len(x) {
		return id{}, false
	}
	return id(b), true
}

const (
	// maxLine bounds a request without its body, which has about 200 bytes.
	maxLine = 64 << 10
	// maxBody bounds a body, so that the length of its encoding fits.
	maxBody = 1 << 50
)

// requests reads requests from the go command.
type requests struct {
	r *bufio.Reader
}

func newRequests(r io.Reader) *requests { return &requests{bufio.NewReaderSize(r, maxLine)} }

// next reads the next request. At the end the error is io.EOF.
func (q *requests) next() (request, error) {
	line := []byte(nil)
	for len(line) == 0 {
		text, err := q.r.ReadSlice('\n')
		if err == io.EOF && len(text) > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return request{}, err
		}
		line = text[:len(text)-1]
	}
	var req request
	if err := json.Unmarshal(line, &req); err != nil {
		return request{}, fmt.Errorf("not a request: %w", err)
	}
	if req.BodySize < 0 || req.BodySize > maxBody {
		return request{}, errors.New("not a request: the size of its body")
	}
	return req, nil
}

// body calls use with the body of a request, which must be read before the next request
// is. What use leaves unread is skipped. The error is that of the protocol, after which
// nothing more can be read; that of use is for use to keep.
func (q *requests) body(size int64, use func(io.Reader)) error {
	if size == 0 {
		use(eof{})
		return nil
	}
	if err := q.expect('"'); err != nil {
		return err
	}
	encoded := &io.LimitedReader{R: q.r, N: (size + 2) / 3 * 4}
	decoded := &counted{r: base64.NewDecoder(base64.StdEncoding.Strict(), encoded)}
	use(decoded)
	if _, err := io.Copy(io.Discard, decoded); err != nil {
		return fmt.Errorf("not the body of a request: %w", err)
	}
	if decoded.n != size || encoded.N != 0 {
		return errors.New("not the body of a request: it has another length")
	}
	return q.expect('"')
}

// expect skips line ends up to a character.
func (q *requests) expect(c byte) error {
	for {
		switch got, err := q.r.ReadByte(); {
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		case got == c:
			return nil
		case got != '\n':
			return errors.New("not the body of a request")
		}
	}
}

// counted counts what was read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// eof is an empty body.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// answers writes responses, of several goroutines, each by one call.
type answers struct {
	mu     sync.Mutex
	w      io.Writer
	failed error
}

func (a *answers) send(r response) {
	line, err := json.Marshal(r)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		_, err = a.w.Write(append(line, '\n'))
	}
	if err != nil && a.failed == nil {
		a.failed = err
	}
}

func (a *answers) err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed
}
