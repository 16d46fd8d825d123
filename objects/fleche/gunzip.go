package fleche

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
)

// maxMembers bounds the members of a gzip file. fleche writes one; each costs time also
// if nothing comes out of it.
const maxMembers = 1024

// readAhead is the size of the pieces in which a compressed file is read.
const readAhead = 64 << 10

// A gunzip reads what Python's gzip.decompress accepts: one member after the other, with
// zero bytes after each, and nothing else. The reader of the standard library takes
// no zeros, and Python no other garbage. Bytes come out before the checksum of their
// member was compared; the end comes only if all checksums fit.
type gunzip struct {
	in      *bufio.Reader
	member  *gzip.Reader
	members int
}

func newGunzip(r io.Reader) *gunzip { return &gunzip{in: bufio.NewReaderSize(r, readAhead)} }

// Read implements [io.Reader].
func (g *gunzip) Read(p []byte) (int, error) {
	for {
		if g.member == nil {
			if err := g.next(); err != nil {
				return 0, err
			}
		}
		n, err := g.member.Read(p)
		if err == io.EOF { // of the member
			err = g.next()
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// next goes to the next member. At the end of the file the error is [io.EOF].
func (g *gunzip) next() (err error) {
	if g.member != nil {
		if err := g.skipZeros(); err != nil {
			return err
		}
	}
	if g.members++; g.members > maxMembers {
		return errors.New("too many members")
	}
	if g.member == nil {
		g.member, err = gzip.NewReader(g.in)
	} else {
		err = g.member.Reset(g.in)
	}
	if err == nil {
		g.member.Multistream(false)
	}
	return err
}

func (g *gunzip) skipZeros() error {
	for {
		c, err := g.in.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			return g.in.UnreadByte()
		}
	}
}
