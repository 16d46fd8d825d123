package refs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"syscall"

	"fsk/objects"
	"fsk/objects/durable"
)

// An Error tells which ref was refused, and why. For every reason but
// [objects.IOError], errors.Is(err, fs.ErrNotExist) holds: to a reader the ref is not
// there. A context that ended is reported as its own error, never as an Error.
type Error struct {
	Name   Name // the zero Name if there is none
	Reason objects.Reason
	Path   string // of the file in the store, "" if there is none
	Err    error  // more about it, may be nil
}

// Error returns what, why, and last the reason in parentheses.
func (e *Error) Error() string {
	text := e.Explain() + " (" + string(e.Reason) + ")"
	switch {
	case e.Name != (Name{}):
		text = "ref " + e.Name.String() + ": " + text
	case e.Path != "":
		text = e.Path + ": " + text
	}
	return text
}

// Explain returns why, without the ref and the reason.
func (e *Error) Explain() string {
	if object, ok := e.Err.(*objects.Error); ok && object.Reason == e.Reason { // whose text would end in the reason, too
		if object.Digest.IsZero() {
			return object.Explain()
		}
		return "object " + object.Digest.String() + ": " + object.Explain()
	}
	if e.Err != nil {
		return e.Err.Error()
	}
	switch e.Reason {
	case objects.Missing:
		return "no such ref"
	case objects.WrongName:
		return "sealed by a key of the ring, but it is another ref under this name"
	}
	return e.Reason.Explain()
}

// Is makes every reason but [objects.IOError] a kind of [fs.ErrNotExist].
func (e *Error) Is(target error) bool {
	return target == fs.ErrNotExist && e.Reason != objects.IOError
}

// Unwrap returns the cause. A cause that says "not there" is withheld from
// [objects.IOError]: that a file which must be there is not is a fault, not a miss.
func (e *Error) Unwrap() error {
	if e.Reason == objects.IOError && errors.Is(e.Err, fs.ErrNotExist) {
		return nil
	}
	return e.Err
}

// reasonOf gives the reason for which a file could not be opened or read.
func reasonOf(err error) objects.Reason {
	switch {
	case errors.Is(err, durable.ErrNotRegular):
		return objects.NotRegular
	case errors.Is(err, durable.ErrUnsafePath):
		return objects.UnsafePath
	case errors.Is(err, io.ErrUnexpectedEOF):
		return objects.ChangedDuringRead
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR): // a ref may be where a directory would be
		return objects.Missing
	}
	return objects.IOError
}

// reasonIn returns the reason of an error of this package.
func reasonIn(err error) objects.Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return objects.IOError
}

// fault makes an Error of the failure of a file operation; only a fault of the disk
// needs the cause, the other reasons say it all.
func fault(path string, err error) *Error {
	e := &Error{Reason: reasonOf(err), Path: path}
	if e.Reason == objects.IOError {
		e.Err = err
	}
	return e
}

// writeError makes the error of writing a ref one about it. Somebody may have put a link
// or a FIFO into the way, which is no fault of the disk; that something is missing is one.
func writeError(name Name, err error) error {
	var known *Error
	switch {
	case err == nil || isContext(err):
		return err
	case errors.As(err, &known):
		return about(name, err)
	}
	e := &Error{Name: name, Reason: objects.IOError, Path: pathOf(name.String()), Err: err}
	var object *objects.Error
	if errors.As(err, &object) {
		e.Reason = object.Reason
	} else if reason := reasonOf(err); reason == objects.UnsafePath || reason == objects.NotRegular {
		e.Reason, e.Err = reason, nil
	}
	return e
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// about names the ref in an error of this package that names none.
func about(name Name, err error) error {
	e, ok := err.(*Error)
	if !ok || e.Name != (Name{}) {
		return err
	}
	named := *e
	named.Name = name
	if named.Path == "" {
		named.Path = pathOf(name.String())
	}
	return &named
}
