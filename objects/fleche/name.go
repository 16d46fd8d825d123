package fleche

import (
	"bytes"
	"encoding/hex"
	"errors"

	"fsk/objects"
)

// A Name is the name of a value: 32 bytes, in text 64 lowercase hexadecimal digits. For
// fleche it is the SHA-256 of the value before it was pickled, which nobody can check who
// has the file alone. A Name is comparable and can be a map key.
type Name [32]byte

// nameSize is the size of the text form of a name.
const nameSize = 2 * len(Name{})

// ParseName reads the text form, exactly 64 lowercase hexadecimal digits. The error is
// an [*objects.Error] with the reason [objects.BadName].
func ParseName(s string) (n Name, err error) {
	n, ok := parseName(s)
	if !ok {
		return Name{}, &objects.Error{Reason: objects.BadName, Err: errors.New("the name of a value has 64 lowercase hexadecimal digits")}
	}
	return n, nil
}

func parseName(s string) (n Name, ok bool) {
	if len(s) != nameSize {
		return Name{}, false
	}
	for _, c := range []byte(s) {
		if (c < '0' || '9' < c) && (c < 'a' || 'f' < c) {
			return Name{}, false
		}
	}
	_, err := hex.Decode(n[:], []byte(s))
	return n, err == nil
}

// String returns the text form.
func (n Name) String() string { return hex.EncodeToString(n[:]) }

// MarshalText returns the text form. It never fails.
func (n Name) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, n[:]), nil }

// Compare orders names as their text forms are ordered.
func (n Name) Compare(other Name) int { return bytes.Compare(n[:], other[:]) }
