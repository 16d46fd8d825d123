package main

import (
	"errors"
	"strings"

	"fsk/objects"
	"fsk/refs"
)

// resolve finds the object that an argument names.
func (a *app) resolve(db *objects.DB, name string) (objects.Digest, error) {
	if d, err := objects.ParseDigest(name); err == nil {
		return d, nil
	}
	if isDigits(name) {
		return db.Resolve(a.ctx, name)
	}
	ref, err := refs.ParseName(name)
	if err != nil {
		return objects.Digest{}, &objects.Error{Reason: objects.BadName,
			Err: errors.New("an object is named by 4 to 64 lowercase hexadecimal digits, or by a ref")}
	}
	named, err := a.refs.get(a.ctx, ref)
	return named.Digest, err
}

// isDigits reports whether s has lowercase hexadecimal digits only; a ref may not.
func isDigits(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
