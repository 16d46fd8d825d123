package objects

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/zeebo/blake3"
)

// DigestSize is the size of the text form of a digest.
const DigestSize = 2 * len(Digest{})

// A Digest is the BLAKE3-256 of a payload and the name of an object. It is
// comparable and can be a map key. Its text form is 64 lowercase hexadecimal digits.
type Digest [32]byte

// Sum returns the digest of payload.
func Sum(payload []byte) Digest { return blake3.Sum256(payload) }

// ParseDigest reads the text form, exactly 64 lowercase hexadecimal digits. The
// error is an [*Error] with the reason [BadName].
func ParseDigest(s string) (d Digest, err error) {
	if len(s) != DigestSize {
		return Digest{}, errNoDigest
	}
	for i := range d {
		high, low := hexDigit[s[2*i]], hexDigit[s[2*i+1]]
		if high > 15 || low > 15 {
			return Digest{}, errNoDigest
		}
		d[i] = high<<4 | low
	}
	return d, nil
}

var errNoDigest = badName("a digest has 64 lowercase hexadecimal digits")

// hexDigit is the value of every lowercase hexadecimal digit, and 255 for all else.
var hexDigit = func() (value [256]byte) {
	for i := range value {
		value[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		value[c] = byte(i)
	}
	return value
}()

// String returns the text form.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d is the zero Digest, which is no payload's that anybody knows.
func (d Digest) IsZero() bool { return d == Digest{} }

// Compare orders digests as their text forms are ordered.
func (d Digest) Compare(other Digest) int { return bytes.Compare(d[:], other[:]) }

// MarshalText returns the text form. It never fails.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is [ParseDigest].
func (d *Digest) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDigest(string(text))
	return err
}

// isHex reports whether s has only lowercase hexadecimal digits.
func isHex(s string) bool {
	for i := range len(s) {
		if hexDigit[s[i]] > 15 {
			return false
		}
	}
	return true
}

func badName(format string, args ...any) *Error {
	return &Error{Reason: BadName, Err: fmt.Errorf(format, args...)}
}
