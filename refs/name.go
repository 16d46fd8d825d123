package refs

import (
	"errors"
	"strings"
)

const (
	maxName      = 255
	maxComponent = 100
	alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
)

var (
	errForm   = errors.New("not a name: it has lowercase letters, digits, '.', '_' and '-', in parts joined by '/'")
	errPart   = errors.New("not a name: each part begins with a letter or digit, does not end in '.' or '.lock', and is no device of Windows such as con")
	errLong   = errors.New("not a name: it has at most 255 bytes, and each part at most 100")
	errDigits = errors.New("not a name: hexadecimal digits alone are a digest")
)

// A Name is the name of a ref that was checked. The zero Name is none.
type Name struct{ text string }

// ParseName checks the name of a ref.
func ParseName(s string) (Name, error) {
	if err := checkForm(s); err != nil {
		return Name{}, err
	}
	if strings.Trim(s, "0123456789abcdef") == "" {
		return Name{}, errDigits
	}
	return Name{s}, nil
}

// String returns the name.
func (n Name) String() string { return n.text }

// CheckNamespace returns an error unless s may be a namespace, which unlike a ref
// may have hexadecimal digits alone.
func CheckNamespace(s string) error {
	return checkForm(s)
}

// CheckPrefix returns an error unless the name of some ref begins with s, which may be "".
func CheckPrefix(s string) error {
	if s == "" || checkForm(s) == nil {
		return nil
	}
	return checkForm(s + "x")
}

// checkForm returns what a name may not be, and nil for one that may.
func checkForm(s string) error {
	if strings.Trim(s, alphanumeric+"._-/") != "" {
		return errForm
	}
	if len(s) > maxName {
		return errLong
	}
	for component := range strings.SplitSeq(s, "/") {
		if err := checkComponent(component); err != nil {
			return err
		}
	}
	return nil
}

func checkComponent(c string) error {
	switch {
	case c == "":
		return errForm
	case len(c) > maxComponent:
		return errLong
	case strings.ContainsAny(c[:1], "._-"), strings.HasSuffix(c, "."), strings.HasSuffix(c, ".lock"), isDevice(c):
		return errPart
	}
	return nil
}

// isDevice reports whether Windows takes the component for a device, which it does
// whatever follows a dot.
func isDevice(c string) bool {
	stem, _, _ := strings.Cut(c, ".")
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	port := len(stem) == 4 && (strings.HasPrefix(stem, "com") || strings.HasPrefix(stem, "lpt"))
	return port && '0' <= stem[3] && stem[3] <= '9'
}
