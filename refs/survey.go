package refs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"fsk/objects"
)

// quarantineDir is where broken records of a cache are moved to, in the store.
const quarantineDir = "quarantine"

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
	broken  []Name                  // records of entries that cannot be trusted
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
			seen.broken = append(seen.broken, e.name)
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

// isBroken tells the reasons for which a record of a cache is moved away: all that are
// about the record itself. What could not be read may be whole.
func isBroken(reason objects.Reason) bool {
	switch reason {
	case objects.MalformedRef, objects.Unsealed, objects.BadSeal, objects.WrongName, objects.NotRegular, objects.ChangedDuringRead:
		return true
	}
	return false
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

// setAside moves broken records to the quarantine directory, if they still are.
func (e *eviction) setAside(ctx context.Context, broken []Name) error {
	if len(broken) == 0 {
		return nil
	}
	s := e.store
	thaw, err := s.Freeze(ctx)
	if err != nil {
		return err
	}
	defer thaw()
	touched := make(map[string]bool)
	for _, name := range broken {
		_, err := s.cachedRecord(name)
		if err == nil || !isBroken(reasonIn(err)) {
			continue
		}
		to, err := s.quarantine(name, reasonIn(err))
		if err != nil {
			return writeError(name, err)
		}
		touched[pathOf(name.String())], touched[to] = true, true
		e.stats.Quarantined++
	}
	return writeError(Name{}, s.writer.SyncNames(touched))
}

// quarantine moves a record to a name that is free and says what it was, beside a note.
func (s *Store) quarantine(name Name, reason objects.Reason) (to string, err error) {
	if err := s.fs.MkdirAll(quarantineDir, 0o777); err != nil {
		return "", err
	}
	from := pathOf(name.String())
	base := path.Join(quarantineDir, strings.ReplaceAll(from, "/", "-")+"."+string(reason))
	to = base
	for n := 1; ; n++ { // what is there was moved before
		_, err := s.fs.Lstat(to)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", err
		}
		to = fmt.Sprintf("%s.%d", base, n)
	}
	f, err := s.writer.Create()
	if err != nil {
		return "", err
	}
	defer f.Discard()
	note := fmt.Sprintf("reason %s\npath %s\ntime %s\n%s\n", reason, from, s.opts.Now().UTC().Format(timeFormat), reason.Explain())
	if _, err := io.WriteString(f, note); err != nil {
		return "", err
	}
	if err := f.Finish(); err != nil {
		return "", err
	}
	if err := f.Publish(to + ".note"); err != nil {
		return "", err
	}
	return to, s.fs.Rename(from, to)
}
