package refs

import (
	"context"
	"errors"
	"iter"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/seal"
)

// resealRound is how many records are resealed under one lock, with one sync of each
// directory: few enough that an update does not wait long.
const resealRound = 64

// ResealStats counts what [Store.Reseal] has done.
type ResealStats struct {
	Resealed map[seal.KeyID]int64 // records, by the key that had sealed them
	Current  int64                // records that the first key had sealed already
	Refused  int64                // records that were left alone because they did not verify
}

// Reseal replaces the seal of every record, of all namespaces, that a retired key sealed
// by one of the first key. Body and history stay as they are, so readers with marks
// notice nothing; the history itself is objects, which are resealed like others. What
// does not verify is left alone and yielded as a finding. It fills stats, which may be
// nil, as it goes. It may be interrupted, and run again, at any time; readers always find
// the old record or the new one. The error ends it: of the context, of writing, or that
// there is no key.
func (s *Store) Reseal(ctx context.Context, stats *ResealStats) iter.Seq2[objects.Finding, error] {
	return func(yield func(objects.Finding, error) bool) {
		if stats == nil {
			stats = new(ResealStats)
		}
		*stats = ResealStats{Resealed: make(map[seal.KeyID]int64)}
		if s.ring.Len() == 0 {
			yield(objects.Finding{}, errors.New("refs.Reseal: there is no key"))
			return
		}
		var names []Name
		for e, err := range s.entries(ctx, "") {
			f, retired := s.triage(e, err, stats)
			switch {
			case ctx.Err() != nil:
				yield(objects.Finding{}, ctx.Err())
				return
			case f != nil && !yield(*f, nil):
				return
			case retired:
				names = append(names, e.name)
			}
			if len(names) == resealRound {
				if err := s.resealAll(ctx, names, stats); err != nil {
					yield(objects.Finding{}, err)
					return
				}
				names = names[:0]
			}
		}
		if err := s.resealAll(ctx, names, stats); err != nil {
			yield(objects.Finding{}, err)
		}
	}
}

// triage tells what is to be done with a file: nothing, report it, or reseal it.
func (s *Store) triage(e entry, err error, stats *ResealStats) (f *objects.Finding, retired bool) {
	var ref Ref
	switch {
	case err != nil:
	case e.name == (Name{}): // no record
		return nil, false
	case e.err != nil:
		err = e.err
	default:
		ref, err = s.judge(e.name, e.raw)
	}
	switch {
	case err == nil && ref.Retired:
		return nil, true
	case err == nil:
		stats.Current++
		return nil, false
	case reasonIn(err) == objects.Missing: // it has gone meanwhile
		return nil, false
	}
	stats.Refused++
	found := refFinding(pathOf(e.below), err)
	return &found, false
}

// resealAll reseals some records. They are read again under the lock: somebody may have
// set a ref meanwhile, and his record must not be replaced by an older one.
func (s *Store) resealAll(ctx context.Context, names []Name, stats *ResealStats) error {
	if len(names) == 0 {
		return nil
	}
	thaw, err := s.Freeze(ctx)
	if err != nil {
		return err
	}
	defer thaw()
	former := make(map[seal.KeyID]int64)
	published := make(map[string]bool)
	for _, name := range names {
		raw, err := s.load(name.String())
		if err != nil && reasonIn(err) != objects.Missing {
			return about(name, err)
		}
		ref, bad := s.judge(name, raw)
		if err != nil || bad != nil || !ref.Retired {
			continue // it is not what it was; the next run tells
		}
		if err := s.replaceSeal(ref); err != nil {
			return writeError(name, err)
		}
		published[pathOf(name.String())] = true
		former[ref.Key]++
	}
	if err := s.writer.SyncNames(published); err != nil {
		return writeError(Name{}, err)
	}
	for id, n := range former {
		stats.Resealed[id] += n
	}
	return nil
}

// replaceSeal publishes a verified record with the seal of the first key. The caller
// syncs the name.
func (s *Store) replaceSeal(ref Ref) error {
	raw, err := s.encode(&ref.Record)
	if err != nil {
		return err
	}
	f, err := s.writer.Create()
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(raw); err != nil {
		return err
	}
	if err := f.Finish(); err != nil {
		return err
	}
	err = f.Publish(pathOf(ref.Name.String()))
	if errors.Is(err, durable.ErrPublish) && s.isPresent(ref.Name, raw) {
		return nil // a rename over a network that was reported as failed
	}
	return err
}
