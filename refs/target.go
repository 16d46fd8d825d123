package refs

import (
	"context"
	"errors"
	"iter"

	"fsk/objects"
)

// A Role says how a ref reaches an object.
type Role int

const (
	// Named: the ref names the object.
	Named Role = iota
	// Attribute: an attribute of the ref is the digest, or looks like one.
	Attribute
	// History: the object is the body of a record that came before.
	History
	// Former: a record that came before names the object, or one of its attributes does.
	Former
)

// A Target is an object that a ref reaches. The object need not be there.
type Target struct {
	Ref    Ref // the present record, which may say that the ref was deleted
	Digest objects.Digest
	Role   Role
}

// Targets yields all that the refs of all namespaces reach, in no order, some of it more
// than once. The first ref that cannot be read or trusted, with its history, ends it with
// an error, and so does a file that does not belong there, which may have been a ref:
// whoever deletes what is not yielded must delete nothing then. To keep it true until the
// end of deleting, see [Store.Freeze].
func (s *Store) Targets(ctx context.Context) iter.Seq2[Target, error] {
	return func(yield func(Target, error) bool) {
		for ref, err := range s.Records(ctx) {
			if err != nil {
				yield(Target{}, err)
				return
			}
			stopped := false
			failed := s.reachAll(ctx, ref, func(t Target, err error) bool {
				stopped = !yield(t, err)
				return !stopped
			})
			if failed != nil {
				yield(Target{}, failed)
			}
			if failed != nil || stopped {
				return
			}
		}
	}
}

// reachAll yields what a ref reaches, with its history. The error is that of the history.
func (s *Store) reachAll(ctx context.Context, ref Ref, yield func(Target, error) bool) error {
	if !reach(ref, ref.Record, Named, Attribute, yield) {
		return nil
	}
	for before, err := range s.history(ctx, ref) {
		if err != nil {
			return err
		}
		if !yield(Target{ref, before.BodyDigest, History}, nil) || !reach(ref, before.Record, Former, Former, yield) {
			return nil
		}
	}
	return nil
}

// reach yields what a record names.
func reach(ref Ref, r Record, named, attribute Role, yield func(Target, error) bool) bool {
	if !r.Deleted() && !yield(Target{ref, r.Digest, named}, nil) {
		return false
	}
	for _, value := range r.Attrs {
		if d, err := objects.ParseDigest(value); err == nil && !yield(Target{ref, d, attribute}, nil) {
			return false
		}
	}
	return true
}

// Records yields the present records of all namespaces in the order of their names, also
// those that say that a ref was deleted, verified but not held against marks: to check
// or keep what they name, not to release it. An error is an [*Error] for one file or
// directory, also one that does not belong there, after which the iteration goes on; or
// that of the context, which ends it.
func (s *Store) Records(ctx context.Context) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		for e, err := range s.entries(ctx, "") {
			ref := Ref{}
			switch {
			case err != nil:
			case e.name == (Name{}):
				err = stray(e)
			case e.err != nil:
				err = e.err
			default:
				ref, err = s.judge(e.name, e.raw)
			}
			if err != nil && reasonIn(err) == objects.Missing { // it has gone meanwhile
				continue
			}
			if err != nil {
				ref = Ref{}
			}
			if !yield(ref, err) {
				return
			}
		}
	}
}

// stray is the error of a file that does not belong there, which may have been a ref.
func stray(e entry) error {
	return &Error{Reason: objects.Stray, Path: pathOf(e.below), Err: errors.New(pathOf(e.below) + " does not belong there")}
}
