package refs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"fsk/objects"
	"fsk/objects/durable"
)

// A Change says what a ref is to be, and what it must have been. If it says nothing of
// that, the ref is set whatever it was, also if what was there is not trusted.
type Change struct {
	// Digest is that of the object that the ref is to name.
	Digest objects.Digest
	// Attrs are all the attributes that the ref is to have.
	Attrs map[string]string
	// Old, if not zero, is what the ref must name.
	Old objects.Digest
	// Create says that there must be no such ref, or that it was deleted.
	Create bool
	// Unchecked leaves out to verify that the object is there and good: the caller has just
	// stored it.
	Unchecked bool
}

// maxClaim is the highest number of a record that is not trusted above which its
// replacement is numbered: high enough for every honest one, and low enough that what
// somebody planted never uses the numbers up.
const maxClaim = 1 << 62

// Update sets a ref, also to what it names already, and returns it when it is as durable
// as the options say. The former record's body is kept before.
//
// The error is an [*Error]: [objects.RefConflict] if the ref is not what the change
// expects, or if another name is in the way; a reason of [Store.Get] if what is there is
// not trusted and must not be replaced; [objects.BadName] for attributes that a record
// cannot hold, and [objects.TooLarge] if they are too large together. It is an
// [*objects.Error] if the object is not good, or that of the context. An update that
// failed may have been done nevertheless if the disk or the marks failed at the end; the
// ref is then the old or the new one, and never anything else.
func (s *Store) Update(ctx context.Context, name Name, c Change) (Ref, error) {
	if err := c.check(name); err != nil {
		return Ref{}, err
	}
	return s.change(ctx, name, func(was state) (Record, error) {
		if err := was.expect(c); err != nil {
			return Record{}, err
		}
		if !c.Unchecked {
			if _, err := s.db.Stat(ctx, c.Digest); err != nil {
				return Record{}, err
			}
		}
		return Record{Digest: c.Digest, Attrs: c.Attrs}, nil
	})
}

// Delete deletes a ref, which must name old unless that is zero. It returns the record
// that says so. The error is that of [Store.Update], or [objects.Missing] if there is no
// such ref.
func (s *Store) Delete(ctx context.Context, name Name, old objects.Digest) (Ref, error) {
	return s.change(ctx, name, func(was state) (Record, error) {
		if was.none() {
			return Record{}, &Error{Name: name, Reason: objects.Missing, Path: pathOf(name.String())}
		}
		return Record{}, was.expect(Change{Old: old})
	})
}

func (c Change) check(name Name) error {
	bad := func(format string, args ...any) error {
		return &Error{Name: name, Reason: objects.BadName, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case c.Digest.IsZero():
		return bad("64 zeros are the digest of no object")
	case c.Create && !c.Old.IsZero():
		return bad("it cannot be created and have named something")
	case len(c.Attrs) > MaxAttrs:
		return bad("more than %d attributes", MaxAttrs)
	}
	for key, value := range c.Attrs {
		if !isAttrName(key) || !isAttrValue(value) {
			return bad("not an attribute: names are [a-z0-9-]{1,%d}, values at most %d printable characters", maxAttrName, maxAttrValue)
		}
	}
	return nil
}

// A state is what an update finds in the place of a ref.
type state struct {
	name Name
	ref  Ref   // as far as it could be parsed
	err  error // why it is not trusted, or Missing
}

// none reports whether there is no such ref, or none any more.
func (was state) none() bool {
	return was.err == nil && was.ref.Deleted() || was.err != nil && reasonIn(was.err) == objects.Missing
}

// expect returns an error unless the state is what the change expects.
func (was state) expect(c Change) error {
	conflict := func(format string, args ...any) error {
		return &Error{Name: was.name, Reason: objects.RefConflict, Path: pathOf(was.name.String()), Err: fmt.Errorf(format, args...)}
	}
	switch expects := c.Create || !c.Old.IsZero(); {
	case !expects:
		return nil
	case was.none() && c.Create:
		return nil
	case was.none():
		return conflict("there is no such ref, but it should name %s", c.Old)
	case was.err != nil:
		return was.err
	case c.Create:
		return conflict("it exists already and names %s", was.ref.Digest)
	case was.ref.Digest != c.Old:
		return conflict("it names %s, but it should name %s", was.ref.Digest, c.Old)
	}
	return nil
}

// seq returns the number of the next record.
func (was state) seq(mark Mark) (uint64, error) {
	last := mark.Seq
	if r := was.ref; was.err == nil || r.Name == was.name && r.Seq <= maxClaim {
		last = max(last, r.Seq)
	}
	if last == math.MaxUint64 {
		return 0, &Error{Name: was.name, Reason: objects.RefConflict, Err: errors.New("there is no further number for a record")}
	}
	return last + 1, nil
}

// change replaces the record of a ref by the one that next makes, which needs to say
// only what it names. The lock is held from the look at what is there to the end.
func (s *Store) change(ctx context.Context, name Name, next func(was state) (Record, error)) (Ref, error) {
	if name == (Name{}) {
		return Ref{}, &Error{Reason: objects.BadName, Err: errors.New("no name")}
	}
	thaw, err := s.Freeze(ctx)
	if err != nil {
		return Ref{}, about(name, err)
	}
	defer thaw()
	mark, err := s.mark(name)
	if err != nil {
		return Ref{}, err
	}
	was, err := s.replaceable(name, mark)
	if err != nil {
		return Ref{}, err
	}
	r, err := next(was)
	if err != nil {
		return Ref{}, err
	}
	r.Namespace, r.Name = s.opts.Namespace, name
	r.Time = s.opts.Now().UTC().Truncate(time.Second)
	if r.Seq, err = was.seq(mark); err != nil {
		return Ref{}, err
	}
	if was.err == nil && !s.opts.NoHistory {
		r.Prev = was.ref.BodyDigest
	}
	raw, err := s.encode(&r)
	if err != nil {
		return Ref{}, err
	}
	if !r.Prev.IsZero() {
		if _, err := s.db.Put(ctx, was.ref.Body()); err != nil {
			return Ref{}, writeError(name, err)
		}
	}
	if err := s.publish(name, raw); err != nil {
		return Ref{}, writeError(name, err)
	}
	ref, err := s.judge(name, raw)
	if err != nil {
		return Ref{}, err
	}
	return ref, s.raise(ref, mark)
}

// replaceable looks at what is in the place of a ref. The error says why it must not be
// replaced; what is not trusted may be.
func (s *Store) replaceable(name Name, mark Mark) (state, error) {
	was := state{name: name}
	raw, err := s.load(name.String())
	if err == nil {
		was.ref, err = s.judge(name, raw)
		if was.ref.Seal != "" && s.ring.Len() == 0 {
			return was, &Error{Name: name, Reason: objects.Unsealed, Path: pathOf(name.String()),
				Err: errors.New("the ref is sealed, and there is no key to seal a new record with")}
		}
		if err == nil && was.ref.Namespace != s.opts.Namespace {
			err = &Error{Name: name, Reason: objects.WrongNamespace, Path: pathOf(name.String())}
		}
	}
	was.err = mark.compare(name, was.ref, about(name, err))
	if was.err == nil {
		return was, nil
	}
	switch reasonIn(was.err) {
	case objects.Missing:
		return was, s.free(name)
	case objects.NotRegular:
		return was, s.clear(name)
	case objects.MalformedRef, objects.Unsealed, objects.BadSeal, objects.WrongName, objects.ChangedDuringRead:
		return was, nil
	}
	return was, was.err
}

// encode seals a record, and makes sure that readers will take it.
func (s *Store) encode(r *Record) ([]byte, error) {
	if s.sealer.Len() > 0 {
		r.seal(s.sealer, s.ring.ID(0))
	}
	raw := r.Marshal()
	if len(raw) > MaxSize {
		return nil, &Error{Name: r.Name, Reason: objects.TooLarge, Err: fmt.Errorf("the record would be larger than %d bytes", MaxSize)}
	}
	if _, err := Parse(raw); err != nil { // a clock beyond the year 9999, for example
		return nil, about(r.Name, err)
	}
	return raw, nil
}

// publish brings a record to the disk and gives it its name.
func (s *Store) publish(name Name, raw []byte) error {
	f, err := s.writer.Create()
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(raw); err != nil {
		return err
	}
	err = f.Commit(pathOf(name.String()))
	if errors.Is(err, durable.ErrPublish) && s.isPresent(name, raw) {
		// A rename over a network may have been done although it was reported as failed.
		return s.writer.SyncName(pathOf(name.String()))
	}
	return err
}
