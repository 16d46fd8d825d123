package seal

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A KeyError tells which key of the input cannot be used and why. It never
// holds any of the key's text.
type KeyError struct {
	Position int    // of the key in the input, from 1; 0 for the input as a whole
	Problem  string // what is wrong
}

func (e *KeyError) Error() string {
	if e.Position == 0 {
		return e.Problem
	}
	return fmt.Sprintf("key %d %s", e.Position, e.Problem)
}

// A Warning tells what should be known about a key that is used all the same,
// or that was folded into an equal one.
type Warning struct {
	Position int    // of the key in the input, from 1
	Problem  string // what should be known
}

func (w Warning) String() string { return fmt.Sprintf("key %d %s", w.Position, w.Problem) }

// ParseKeys reads keys in the form of the variable FLECHE_SECRET_KEY: hexadecimal
// digits of either case, an even number for each key, keys separated by colons.
// An empty string or segment is an error, never a ring without keys, and so is
// any other character, a space or a line end included. All errors are of type
// [*KeyError].
func ParseKeys(s string) (*Ring, error) {
	if s == "" {
		return nil, &KeyError{Problem: "no key given: the value is set but empty"}
	}
	return ParseKeyList(strings.Split(s, ":"))
}

// ParseKeyList reads one key from each string, in the form that [ParseKeys] has
// between colons. An empty list is an error. All errors are of type [*KeyError].
func ParseKeyList(list []string) (*Ring, error) {
	keys := make([][]byte, len(list))
	for i, s := range list {
		secret, err := hex.DecodeString(s)
		switch {
		case s == "":
			return nil, &KeyError{Position: i + 1, Problem: "is empty"}
		case err != nil && strings.Trim(s, "0123456789abcdefABCDEF") != "":
			return nil, &KeyError{Position: i + 1, Problem: "has a character that is not a hexadecimal digit"}
		case err != nil:
			return nil, &KeyError{Position: i + 1, Problem: "has an odd number of hexadecimal digits"}
		}
		keys[i] = secret
	}
	return NewRing(keys...)
}
