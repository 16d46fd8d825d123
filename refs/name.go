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
	errDigits = errors.New("not a name: hexadecimal digits alone are a digest")
)

// A Name is the name of a ref that was checked. The zero Name is none.
type Name struct{ text string }

// ParseName checks the name of a ref.
func ParseName(s string) (Name, error) {
	if !hasForm(s) {
		return Name{}, errForm
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
	if !hasForm(s) {
		return errForm
	}
	return nil
}

// CheckPrefix returns an error unless the name of some ref begins with s, which may be "".
func CheckPrefix(s string) error {
	if s != "" && !hasForm(s) && !hasForm(s+"x") {
		return errForm
	}
	return nil
}

func hasForm(s string) bool {
	if len(s) > maxName {
		return false
	}
	for component := range strings.SplitSeq(s, "/") {
		if !isComponent(component) {
			return false
		}
	}
	return true
}

func isComponent(c string) bool {
	if len(c) == 0 || len(c) > maxComponent || strings.Trim(c, alphanumeric+"._-") != "" {
		return false
	}
	if strings.ContainsAny(c[:1], "._-") || strings.HasSuffix(c, ".") || strings.HasSuffix(c, ".lock") {
		return false
	}
	return !isDevice(c)
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
