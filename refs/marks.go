package refs

import (
	"context"
	"errors"
	"fmt"

	"fsk/objects"
)

// A Mark is the newest record of a ref that was seen. The zero Mark says that none was.
type Mark struct {
	Seq uint64
	// Body is the BLAKE3 of its body; zero if the mark says that it is right that there is
	// no record any more.
	Body objects.Digest
}

// Marks remembers, for the refs of one store and namespace, what was seen of them. It
// must be kept where whoever can write to the store cannot. Its methods may be called by
// several goroutines at once. What they return as an error makes the call fail in which
// they are called; marks that may do without being written report that elsewhere and
// return nil.
type Marks interface {
	// Mark returns the mark of a ref, the zero Mark if it has none.
	Mark(name Name) (Mark, error)
	// Raise remembers a mark unless one with a number at least as high is remembered.
	Raise(name Name, mark Mark) error
	// Reset remembers a mark whatever is remembered.
	Reset(name Name, mark Mark) error
}

// mark returns the mark of a ref. It has to be asked for before the record is read:
// the other way round, somebody could write a new record and raise the mark in between,
// and the older record would seem to have been put back.
func (s *Store) mark(name Name) (Mark, error) {
	if s.opts.Marks == nil {
		return Mark{}, nil
	}
	mark, err := s.opts.Marks.Mark(name)
	return mark, markError(name, err)
}

func markError(name Name, err error) error {
	if err == nil || isContext(err) {
		return err
	}
	return &Error{Name: name, Reason: objects.IOError, Err: fmt.Errorf("marks: %w", err)}
}

// raise remembers a record that was read or written. What no key has verified is not
// remembered: anybody could have given it a number above all that will ever be set.
func (s *Store) raise(ref Ref, mark Mark) error {
	if s.opts.Marks == nil || ref.Reason != objects.OK || ref.Seq <= mark.Seq {
		return nil
	}
	return markError(ref.Name, s.opts.Marks.Raise(ref.Name, Mark{ref.Seq, ref.BodyDigest}))
}

// compare holds what was read of a ref against its mark.
func (m Mark) compare(name Name, ref Ref, err error) error {
	fail := func(reason objects.Reason, format string, args ...any) error {
		return &Error{Name: name, Reason: reason, Path: pathOf(name.String()), Err: fmt.Errorf(format, args...)}
	}
	switch {
	case err != nil && reasonIn(err) == objects.Missing && !m.Body.IsZero():
		return fail(objects.RefGone, "its record number %d was seen before, and there is none now", m.Seq)
	case err != nil:
		return err
	case ref.Seq < m.Seq, ref.Seq == m.Seq && m.Body.IsZero():
		return fail(objects.RolledBack, "this is record number %d, but number %d was seen before", ref.Seq, m.Seq)
	case ref.Seq == m.Seq && ref.BodyDigest != m.Body:
		return fail(objects.RefFork, "another record number %d was seen before", m.Seq)
	}
	return nil
}

// Accept takes the present state of a ref as right, also if the mark says otherwise: the
// record that is there, which must be verified, or that there is none. The number of a
// ref that has gone is kept, so that what is put back later is noticed. The error is
// [objects.Missing] if there is neither a record nor a mark. It writes nothing to the store
// and takes no lock: a record that somebody writes meanwhile is a newer one.
func (s *Store) Accept(ctx context.Context, name Name) (Ref, error) {
	if s.opts.Marks == nil {
		return Ref{}, errors.New("refs.Accept: there are no marks")
	}
	if err := ctx.Err(); err != nil {
		return Ref{}, err
	}
	mark, err := s.mark(name)
	if err != nil {
		return Ref{}, err
	}
	ref, err := s.read(name)
	present := Mark{ref.Seq, ref.BodyDigest}
	if err == nil && ref.Reason != objects.OK {
		return Ref{}, &Error{Name: name, Reason: objects.Unsealed, Path: pathOf(name.String()),
			Err: errors.New("there is no key to verify the record with, and what is not verified is not remembered")}
	}
	if err != nil {
		if reasonIn(err) != objects.Missing || mark == (Mark{}) {
			return Ref{}, err
		}
		present = Mark{Seq: mark.Seq}
	}
	return ref, markError(name, s.opts.Marks.Reset(name, present))
}
