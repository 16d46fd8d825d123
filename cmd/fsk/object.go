package main

import (
	"errors"
	"strings"

	"fsk/objects"
)

// resolve finds the object that an argument names.
func (a *app) resolve(db *objects.DB, name string) (objects.Digest, error) {
	if isDigits(name) {
		return db.Resolve(a.ctx, name)
	}
	if !isRefName(name) {
		return objects.Digest{}, &objects.Error{Reason: objects.BadName,
			Err: errors.New("an object is named by 4 to 64 lowercase hexadecimal digits, or by a ref")}
	}
	return objects.Digest{}, &objects.Error{Reason: objects.Missing, Err: errors.New("no such ref")}
}

// isDigits reports whether s has lowercase hexadecimal digits only; a ref may not.
func isDigits(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// isRefName reports whether s has the form of a ref's name: components
// [a-z0-9][a-z0-9._-]{0,99} joined by slashes, 255 bytes at most, none of which ends
// in "." or ".lock" or is the name of a device on Windows.
func isRefName(s string) bool {
	if len(s) == 0 || len(s) > 255 || isDigits(s) {
		return false
	}
	for component := range strings.SplitSeq(s, "/") {
		if !isRefComponent(component) {
			return false
		}
	}
	return true
}

func isRefComponent(c string) bool {
	if len(c) == 0 || len(c) > 100 || strings.Trim(c, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		return false
	}
	if strings.ContainsAny(c[:1], "._-") || strings.HasSuffix(c, ".") || strings.HasSuffix(c, ".lock") {
		return false
	}
	device, _, _ := strings.Cut(c, ".")
	switch device {
	case "con", "prn", "aux", "nul":
		return false
	}
	port := len(device) == 4 && (strings.HasPrefix(device, "com") || strings.HasPrefix(device, "lpt"))
	return !port || device[3] < '0' || device[3] > '9'
}
