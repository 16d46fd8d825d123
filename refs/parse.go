package refs

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fsk/objects"
	"fsk/seal"
)

// Parse reads a record. It accepts the one encoding that [Record.Marshal] gives, and
// nothing else; it does not verify the seal. The error is an [*Error] with the reason
// [objects.MalformedRef].
func Parse(b []byte) (Record, error) {
	if len(b) > MaxSize {
		return Record{}, malformed(fmt.Errorf("larger than %d bytes: not a ref record", MaxSize))
	}
	p := parser{rest: string(b)}
	r := p.record()
	if p.bad || p.rest != "" {
		return Record{}, malformed(fmt.Errorf("not a ref record: line %d is not as it must be", p.line))
	}
	// Whatever the parser lets pass by mistake, two texts are never one record.
	if !bytes.Equal(r.Marshal(), b) {
		return Record{}, malformed(nil)
	}
	return r, nil
}

func malformed(why error) error { return &Error{Reason: objects.MalformedRef, Err: why} }

// A parser goes through a record once. After the first line that is wrong it is bad and
// all that it returns is meaningless.
type parser struct {
	rest string
	line int // the one that was read last, from 1
	bad  bool
}

func (p *parser) record() (r Record) {
	p.check(p.value("fsk-ref") == "1")
	r.Namespace = p.value("ns")
	p.check(CheckNamespace(r.Namespace) == nil)
	r.Name = field(p, "name", ParseName)
	r.Digest = field(p, "digest", objects.ParseDigest)
	r.Seq = field(p, "seq", parseSeq)
	r.Time = field(p, "time", parseTime)
	r.Prev = field(p, "prev", objects.ParseDigest)
	p.check(r.Seq > 1 || r.Prev.IsZero())
	r.Attrs = p.attrs()
	if p.rest == "" || p.bad {
		return r
	}
	r.KeyHint = field(p, "key", parseKeyID)
	r.Seal = p.value("seal")
	p.check(seal.IsTrailer([]byte(r.Seal)))
	return r
}

// value reads a line and returns what follows its first word, which must be the given one.
func (p *parser) value(word string) string {
	if p.bad {
		return ""
	}
	p.line++
	line, rest, ok := strings.Cut(p.rest, "\n")
	found, value, spaced := strings.Cut(line, " ")
	p.rest = rest
	p.check(ok && spaced && found == word)
	return value
}

func (p *parser) check(ok bool) { p.bad = p.bad || !ok }

// field reads a line whose value has a form of its own.
func field[T any](p *parser, word string, parse func(string) (T, error)) T {
	v, err := parse(p.value(word))
	p.check(err == nil)
	return v
}

func (p *parser) attrs() (attrs map[string]string) {
	last := ""
	for !p.bad && strings.HasPrefix(p.rest, "attr ") {
		name, value, ok := strings.Cut(p.value("attr"), " ")
		p.check(ok && name > last && isAttrName(name) && isAttrValue(value) && len(attrs) < MaxAttrs)
		if attrs == nil {
			attrs = make(map[string]string)
		}
		attrs[name] = value
		last = name
	}
	return attrs
}

func isAttrName(s string) bool {
	return 0 < len(s) && len(s) <= maxAttrName && strings.Trim(s, alphanumeric+"-") == ""
}

func isAttrValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxAttrValue
}

func parseSeq(s string) (uint64, error) {
	if strings.Trim(s, "0123456789") != "" || strings.HasPrefix(s, "0") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(s, 10, 64)
}

func parseTime(s string) (time.Time, error) {
	if len(s) != len(timeFormat) {
		return time.Time{}, strconv.ErrSyntax
	}
	return time.Parse(timeFormat, s)
}

// parseKeyID takes upper case, too; Parse compares what comes of it with what it read.
func parseKeyID(s string) (id seal.KeyID, err error) {
	if len(s) != hex.EncodedLen(len(id)) {
		return id, strconv.ErrSyntax
	}
	_, err = hex.Decode(id[:], []byte(s))
	return id, err
}
