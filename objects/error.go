package objects

import (
	"errors"
	"io/fs"
	"syscall"

	"fsk/objects/durable"
)

var (
	// ErrNotStore is the error of opening a directory that is not a store.
	ErrNotStore = errors.New("not an fsk store")
	// ErrNotEmpty is the error of making a store in a directory with other files.
	ErrNotEmpty = errors.New("the directory is not empty and not an fsk store")
	// ErrHookFailed is wrapped by the error of a [PreReader] that could not decide;
	// the object is then refused with [HookFailed] instead of [Denied].
	ErrHookFailed = errors.New("the hook failed")
)

// An Error tells which object was refused, and why. For every reason but
// [IOError], errors.Is(err, fs.ErrNotExist) holds: to a reader the object is not
// there. A context that ended is reported as its own error, never as an Error.
type Error struct {
	Digest Digest // zero if there is none
	Reason Reason
	Path   string // of the file in the store, "" if there is none
	Err    error  // more about it, may be nil
}

// Error returns what, why, and last the reason in parentheses.
func (e *Error) Error() string {
	text := e.Explain() + " (" + string(e.Reason) + ")"
	if !e.Digest.IsZero() {
		text = "object " + e.Digest.String() + ": " + text
	}
	return text
}

// Explain returns why, without the object and the reason.
func (e *Error) Explain() string {
	if e.Err != nil {
		return e.Err.Error()
	}
	return e.Reason.Explain()
}

// Is makes every reason but [IOError] a kind of [fs.ErrNotExist].
func (e *Error) Is(target error) bool {
	return target == fs.ErrNotExist && e.Reason != IOError
}

// Unwrap returns the cause. A cause that says "not there" is withheld from
// [IOError]: that a file which must be there is not is a fault, not a miss.
func (e *Error) Unwrap() error {
	if e.Reason == IOError && errors.Is(e.Err, fs.ErrNotExist) {
		return nil
	}
	return e.Err
}

// about names the object in an error of this package that names none.
func about(d Digest, err error) error {
	if e, ok := err.(*Error); ok && e.Digest.IsZero() {
		named := *e
		named.Digest = d
		return &named
	}
	return err
}

// reasonOf gives the reason for which a file of the store could not be opened or read.
func reasonOf(err error) Reason {
	switch {
	case errors.Is(err, durable.ErrNotRegular):
		return NotRegular
	case errors.Is(err, durable.ErrUnsafePath):
		return UnsafePath
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // a stray file may sit where a directory would be
		return Missing
	}
	return IOError
}

// fault makes an Error of the failure of a file operation; only a fault of the disk
// needs the cause, the other reasons say it all.
func fault(d Digest, path string, err error) *Error {
	e := &Error{Digest: d, Reason: reasonOf(err), Path: path}
	if e.Reason == IOError {
		e.Err = err
	}
	return e
}

// reasonIn returns the reason of an error of this package.
func reasonIn(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return IOError
}
