package refs

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"fsk/objects"
)

// A cached is the record of an entry of a cache, and when it was used last.
type cached struct {
	ref  Ref
	used time.Time
}

// same reports whether it is the same record, and was not used meanwhile.
func (c cached) same(other cached) bool {
	return c.ref.BodyDigest == other.ref.BodyDigest && c.ref.Digest == other.ref.Digest && c.used.Equal(other.used)
}

// A surveyed is what all refs of a store are, for whoever evicts some of them.
type surveyed struct {
	entries []cached
	kept    map[objects.Digest]bool // what is reached otherwise than by being named by an entry
	broken  []objects.Moved         // records of entries that cannot be trusted
}

// survey looks at all refs of all namespaces. isEntry is [EvictOptions.Entry].
func (s *Store) survey(ctx context.Context, isEntry func(Name) bool) (*surveyed, error) {
	seen := &surveyed{kept: make(map[objects.Digest]bool)}
	keep := func(t Target, err error) bool { seen.kept[t.Digest] = true; return err == nil }
	for e, err := range s.entries(ctx, "") {
		if err != nil {
			return nil, err
		}
		if e.name == (Name{}) {
			return nil, stray(e)
		}
		entry := isEntry != nil && isEntry(e.name)
		ref, err := Ref{}, e.err
		if err == nil {
			ref, err = s.trusted(e.name, e.raw)
		}
		switch reason := reasonIn(err); {
		case err == nil:
		case reason == objects.Missing: // it has gone meanwhile
			continue
		case entry && isBroken(reason):
			seen.broken = append(seen.broken, objects.Moved{Finding: objects.Finding{Path: pathOf(e.name.String())}})
			continue
		default:
			return nil, err
		}
		if !entry || ref.Namespace != s.opts.Namespace || ref.Deleted() || !ref.Prev.IsZero() {
			if err := s.reachAll(ctx, ref, keep); err != nil {
				return nil, err
			}
			continue
		}
		info, err := s.fs.Lstat(pathOf(e.name.String()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, about(e.name, fault(pathOf(e.name.String()), err))
		}
		seen.entries = append(seen.entries, cached{ref, info.ModTime()})
		for _, value := range ref.Attrs {
			if d, err := objects.ParseDigest(value); err == nil {
				seen.kept[d] = true
			}
		}
	}
	return seen, nil
}

// trusted is judge for whoever deletes by what the record says.
func (s *Store) trusted(name Name, raw []byte) (Ref, error) {
	ref, err := s.judge(name, raw)
	if err == nil && ref.Reason == objects.OKUnverified {
		err = &Error{Name: name, Reason: objects.OKUnverified, Path: pathOf(name.String()), Err: errUnverified}
	}
	return ref, err
}

// cachedRecord reads the record of an entry again.
func (s *Store) cachedRecord(name Name) (cached, error) {
	raw, err := s.load(name.String())
	if err != nil {
		return cached{}, about(name, err)
	}
	ref, err := s.trusted(name, raw)
	if err != nil {
		return cached{}, err
	}
	info, err := s.fs.Lstat(pathOf(name.String()))
	if err != nil {
		return cached{}, about(name, fault(pathOf(name.String()), err))
	}
	return cached{ref, info.ModTime()}, nil
}
