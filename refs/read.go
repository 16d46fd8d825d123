package refs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"fsk/objects"
	"fsk/objects/durable"
)

// Get returns a ref, verified and held against its mark. The error is an [*Error], or
// that of the context. A ref that was deleted is [objects.Missing].
func (s *Store) Get(ctx context.Context, name Name) (Ref, error) {
	ref, err := s.current(ctx, name)
	switch {
	case err != nil:
		return Ref{}, err
	case ref.Deleted():
		return Ref{}, &Error{Name: name, Reason: objects.Missing, Path: pathOf(name.String())}
	}
	if age := s.opts.Now().Sub(ref.Time).Abs(); s.opts.MaxAge > 0 && age > s.opts.MaxAge {
		return Ref{}, &Error{Name: name, Reason: objects.RefExpired, Path: pathOf(name.String()),
			Err: fmt.Errorf("set at %s, which is more than %s from now", ref.Time.Format(timeFormat), s.opts.MaxAge)}
	}
	return ref, nil
}

// current is Get for a ref that may have been deleted, of any age.
func (s *Store) current(ctx context.Context, name Name) (Ref, error) {
	if name == (Name{}) {
		return Ref{}, &Error{Reason: objects.BadName, Err: errors.New("no name")}
	}
	if err := ctx.Err(); err != nil {
		return Ref{}, err
	}
	mark, err := s.mark(name)
	if err != nil {
		return Ref{}, err
	}
	ref, err := s.read(name)
	if err := mark.compare(name, ref, err); err != nil {
		return Ref{}, err
	}
	if err := s.raise(ref, mark); err != nil {
		return Ref{}, err
	}
	return ref, nil
}

// read verifies the record of a ref, and notes that it was used.
func (s *Store) read(name Name) (Ref, error) {
	f, err := durable.OpenRegular(s.fs, pathOf(name.String()))
	if err != nil {
		return Ref{}, about(name, fault(pathOf(name.String()), err))
	}
	defer f.Close()
	raw, err := content(f, pathOf(name.String()))
	if err != nil {
		return Ref{}, about(name, err)
	}
	ref, err := s.verify(name, raw)
	if t, ok := f.(durable.Toucher); ok && err == nil && s.opts.Touch > 0 {
		t.Touch(s.opts.Touch) // what was not noted is evicted a little earlier
	}
	return ref, err
}

// verify gives the verdict on the bytes of a ref's file, which nobody else may change.
func (s *Store) verify(name Name, raw []byte) (Ref, error) {
	ref, err := s.judge(name, raw)
	if err == nil && ref.Namespace != s.opts.Namespace {
		err = &Error{Name: name, Reason: objects.WrongNamespace, Path: pathOf(name.String())}
	}
	if err != nil {
		return Ref{}, err
	}
	return ref, nil
}

// judge is verify for whoever takes the namespace from the record itself, which the
// seal covers: to check refs, not to release what they name. It is the raw bytes on
// the disk that the seal is compared with.
func (s *Store) judge(name Name, raw []byte) (Ref, error) {
	record, err := Parse(raw)
	if err != nil {
		return Ref{}, about(name, err)
	}
	ref := Ref{Record: record, Reason: objects.OKPlain, BodyDigest: objects.Sum(record.bodyOf(raw))}
	refuse := func(reason objects.Reason) (Ref, error) {
		return ref, &Error{Name: name, Reason: reason, Path: pathOf(name.String())}
	}
	switch {
	case record.Seal == "" && s.ring.Len() > 0:
		return refuse(objects.Unsealed)
	case record.Seal != "" && s.ring.Len() == 0:
		ref.Reason = objects.OKUnverified
	case record.Seal != "":
		i, ok := s.sealer.Verify(split(raw))
		if !ok {
			return refuse(objects.BadSeal)
		}
		ref.Reason, ref.Key, ref.Retired = objects.OK, s.ring.ID(i), i > 0
	}
	if record.Name != name {
		return refuse(objects.WrongName)
	}
	return ref, nil
}

// load reads the file with this path below refs: one that is opened once, is regular,
// and is not larger than a record may be.
func (s *Store) load(below string) ([]byte, error) {
	f, err := durable.OpenRegular(s.fs, pathOf(below))
	if err != nil {
		return nil, fault(pathOf(below), err)
	}
	defer f.Close()
	return content(f, pathOf(below))
}

// content reads an open file that has this path in the store.
func content(f durable.RegularFile, name string) ([]byte, error) {
	if f.Size() > MaxSize {
		return nil, &Error{Reason: objects.MalformedRef, Path: name, Err: fmt.Errorf("larger than %d bytes: not a ref record", MaxSize)}
	}
	raw := make([]byte, f.Size())
	n, err := f.ReadAt(raw, 0)
	if n < len(raw) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fault(name, err)
	}
	return raw, nil
}

// isPresent reports whether the file of a ref has these bytes.
func (s *Store) isPresent(name Name, raw []byte) bool {
	found, err := s.load(name.String())
	return err == nil && bytes.Equal(found, raw)
}
