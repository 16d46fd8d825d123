package refs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"fsk/objects"
)

// All yields the refs of the namespace whose names begin with prefix, which may be "",
// in the order of their names, verified like by [Store.Get] but of any age. Deleted refs
// and those of other namespaces are left out. An error is an [*Error] for one ref or
// directory, after which the listing goes on, or that of the context, which ends it. A
// ref that has gone is not noticed: nothing leads to it. Memory is bounded by the names
// in one directory.
func (s *Store) All(ctx context.Context, prefix string) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		for e, err := range s.entries(ctx, prefix) {
			if err != nil {
				if !yield(Ref{}, err) {
					return
				}
				continue
			}
			if e.name == (Name{}) {
				continue
			}
			if ref, err, ok := s.listed(ctx, e); ok && !yield(ref, err) {
				return
			}
		}
	}
}

// listed gives the verdict on an entry of a listing; it reports false if it is left out.
func (s *Store) listed(ctx context.Context, e entry) (ref Ref, err error, ok bool) {
	mark, err := s.mark(e.name)
	if err != nil {
		return Ref{}, err, true
	}
	err = e.err
	if err == nil {
		ref, err = s.verify(e.name, e.raw)
	}
	if err = mark.compare(e.name, ref, err); err == nil {
		err = s.raise(ref, mark)
	} else {
		// The file was read before the mark, so both may be right: this decides.
		ref, err = s.current(ctx, e.name)
	}
	switch {
	case ctx.Err() != nil: // the walk ends with that
		return Ref{}, nil, false
	case err == nil:
		return ref, nil, !ref.Deleted()
	}
	foreign := reasonIn(err) == objects.WrongNamespace && mark == Mark{}
	return Ref{}, err, !foreign && reasonIn(err) != objects.Missing
}

// Log yields the records of a ref from the present one back to the first that is kept;
// records that deleted it, too. The present one is verified like by [Store.Get], and the
// others by the chain: digest, name, namespace and number of each must be those that
// the next one says. The first error ends it: an [*Error], or that of the context.
func (s *Store) Log(ctx context.Context, name Name) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		ref, err := s.current(ctx, name)
		if !yield(ref, err) || err != nil {
			return
		}
		for ref, err := range s.history(ctx, ref) {
			if !yield(ref, err) {
				return
			}
		}
	}
}

// history yields the records before one.
func (s *Store) history(ctx context.Context, ref Ref) iter.Seq2[Ref, error] {
	return func(yield func(Ref, error) bool) {
		buf := make([]byte, MaxSize)
		for !ref.Prev.IsZero() {
			before, err := s.before(ctx, ref, buf)
			if !yield(before, err) || err != nil {
				return
			}
			ref = before
		}
	}
}

// before reads the record before one.
func (s *Store) before(ctx context.Context, ref Ref, buf []byte) (Ref, error) {
	fail := func(reason objects.Reason, why error) (Ref, error) {
		return Ref{}, &Error{Name: ref.Name, Reason: reason, Path: pathOf(ref.Name.String()),
			Err: fmt.Errorf("the record before number %d, object %s: %w", ref.Seq, ref.Prev, why)}
	}
	info, err := s.db.GetInto(ctx, ref.Prev, buf)
	if err == io.ErrShortBuffer {
		if info, err = s.db.Stat(ctx, ref.Prev); err == nil {
			return fail(objects.MalformedRef, errors.New("larger than a record"))
		}
	}
	var miss *objects.Error
	switch {
	case errors.As(err, &miss):
		return fail(miss.Reason, errors.New(miss.Explain()))
	case err != nil:
		return Ref{}, err
	}
	r, err := Parse(buf[:info.Size])
	if err != nil || r.Seal != "" {
		return fail(objects.MalformedRef, errors.New(objects.MalformedRef.Explain()))
	}
	if r.Name != ref.Name || r.Namespace != ref.Namespace || r.Seq+1 != ref.Seq {
		return fail(objects.MalformedRef, errors.New("not the record of this ref that came before"))
	}
	return Ref{Record: r, Reason: info.Reason, Key: info.Key, Retired: info.Retired, BodyDigest: ref.Prev}, nil
}
