package refs

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"fsk/objects"
)

// evictFloor is the age below which [Store.Evict] touches nothing: whoever has just
// stored an object has time to name it.
const evictFloor = time.Hour

// evictGroup is how many records are removed under one lock.
const evictGroup = 256

// EvictOptions say what [Store.Evict] evicts. The zero value evicts nothing.
type EvictOptions struct {
	// Entry tells by its name alone whether a ref is an entry of the cache, if it is in
	// the namespace of the store. A record that is broken, so that nobody knows its
	// namespace, is moved to the quarantine directory if this says so; if it does not, or
	// is nil, the record stops it.
	Entry func(Name) bool
	// Size tells the size in bytes of the object that an entry names.
	Size func(Ref) int64
	// MaxAge, if not 0, evicts entries that were not used for so long.
	MaxAge time.Duration
	// MaxSize, if not 0, evicts the entries that were used least lately, until the objects
	// that are named have so many bytes together, each counted once.
	MaxSize int64
	// DryRun looks, and changes nothing.
	DryRun bool
}

// EvictStats count what [Store.Evict] did, or with DryRun would do.
type EvictStats struct {
	Entries     int64 // entries of the cache before, broken ones aside
	Size        int64 // of the objects that they name
	Evicted     int64 // entries that were evicted
	Objects     int64 // objects that were removed with them
	Freed       int64 // of their size
	Quarantined int64 // broken records
	Packs       int   // packs that were written anew
}

// Evict evicts entries of a cache: refs of the namespace that were not used lately, each
// with the object that it names if nothing else reaches that object, which is any other
// ref's target, history or attribute, in any namespace. Nothing else is deleted. Who wants
// to keep an object gives it a ref.
//
// An entry was used last when its file was written, or touched by [Options.Touch].
// Nothing is evicted that was used, or whose object was stored, less than an hour ago by
// the clock of the filesystem, or whose time seems to come from the future. No record of
// what was evicted is kept, so entries should have neither history nor marks.
//
// A ref that is no entry and cannot be read or trusted ends it before anything is
// deleted, with the error of [Store.Targets]. Readers and writers may go on meanwhile.
// All is looked at again under the lock of the refs before it is deleted, the entry
// first; when it is interrupted no entry is without its object.
func (s *Store) Evict(ctx context.Context, o EvictOptions) (EvictStats, error) {
	e := &eviction{store: s, opts: o}
	now, err := s.db.Now()
	if err != nil {
		return e.stats, err
	}
	e.now = now
	seen, err := s.survey(ctx, o.Entry)
	if err != nil {
		return e.stats, err
	}
	if err := e.choose(ctx, seen); err != nil || o.DryRun {
		e.stats.Quarantined = int64(len(seen.broken))
		return e.stats, err
	}
	moved, err := s.setAside(ctx, seen.broken)
	e.stats.Quarantined = int64(len(moved))
	if err != nil {
		return e.stats, err
	}
	return e.stats, e.evict(ctx)
}

// An eviction is one run of Evict.
type eviction struct {
	store *Store
	opts  EvictOptions
	now   time.Time
	// victims are to be evicted: as they were when they were chosen.
	victims map[Name]cached
	remove  map[objects.Digest]bool // objects that are to be removed with them
	stats   EvictStats
}

// choose chooses what is to be evicted, and counts.
func (e *eviction) choose(ctx context.Context, seen *surveyed) error {
	e.victims, e.remove = make(map[Name]cached), make(map[objects.Digest]bool)
	users := make(map[objects.Digest]int)
	all := make(map[objects.Digest]bool)
	for _, c := range seen.entries {
		if users[c.ref.Digest]++; users[c.ref.Digest] == 1 {
			e.stats.Size += e.size(c)
			all[c.ref.Digest] = true
		}
	}
	e.stats.Entries = int64(len(seen.entries))
	settled, err := e.store.db.Settled(ctx, all, evictFloor)
	if err != nil {
		return err
	}
	slices.SortFunc(seen.entries, func(a, b cached) int {
		return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.ref.Name.String(), b.ref.Name.String()))
	})
	left := e.stats.Size
	for _, c := range seen.entries {
		age := e.now.Sub(c.used)
		tooOld := e.opts.MaxAge > 0 && age > e.opts.MaxAge
		tooMuch := e.opts.MaxSize > 0 && left > e.opts.MaxSize
		d := c.ref.Digest
		switch {
		case age < evictFloor, !tooOld && !tooMuch, !settled[d] && !seen.kept[d]:
			continue
		}
		e.victims[c.ref.Name] = c
		e.stats.Evicted++
		if users[d]--; users[d] == 0 && !seen.kept[d] {
			left -= e.size(c)
			e.remove[d] = true
			e.stats.Objects++
			e.stats.Freed += e.size(c)
		}
	}
	return nil
}

func (e *eviction) size(c cached) int64 {
	if e.opts.Size == nil {
		return 0
	}
	return max(0, e.opts.Size(c.ref))
}

// evict removes what was chosen.
func (e *eviction) evict(ctx context.Context) error {
	planned := e.stats
	e.stats.Evicted, e.stats.Objects, e.stats.Freed = 0, 0, 0
	if planned.Evicted == 0 {
		return nil
	}
	sizes := make(map[objects.Digest]int64)
	var alone []Name // whose object stays
	for name, c := range e.victims {
		sizes[c.ref.Digest] = e.size(c)
		if !e.remove[c.ref.Digest] {
			alone = append(alone, name)
		}
	}
	slices.SortFunc(alone, func(a, b Name) int { return cmp.Compare(a.String(), b.String()) })
	for group := range slices.Chunk(alone, evictGroup) {
		if err := e.removeRecords(ctx, group); err != nil {
			return err
		}
	}
	stats, err := e.store.db.RemoveAll(ctx, e.remove, objects.RemoveOptions{MinAge: evictFloor,
		Confirm: func(ctx context.Context, digests []objects.Digest) (map[objects.Digest]bool, func(), error) {
			stay, done, err := e.confirm(ctx, digests)
			if err == nil && len(stay) == 0 {
				for _, d := range digests {
					if size, ok := sizes[d]; ok {
						e.stats.Objects++
						e.stats.Freed += size
						delete(sizes, d)
					}
				}
			}
			return stay, done, err
		}})
	e.stats.Packs = stats.Packs
	return err
}

// removeRecords removes records whose objects stay.
func (e *eviction) removeRecords(ctx context.Context, names []Name) error {
	thaw, err := e.store.Freeze(ctx)
	if err != nil {
		return err
	}
	defer thaw()
	return e.removeUnchanged(names)
}

// confirm looks at all refs again, under the lock, and removes the entries that name the
// objects. If any of these must stay it removes none. The lock is held until done is
// called, so that nobody names what is about to go.
func (e *eviction) confirm(ctx context.Context, digests []objects.Digest) (stay map[objects.Digest]bool, done func(), err error) {
	thaw, err := e.store.Freeze(ctx)
	if err != nil {
		return nil, nil, err
	}
	now, err := e.store.survey(ctx, e.opts.Entry)
	if err != nil {
		return nil, thaw, err
	}
	going := make(map[objects.Digest]bool, len(digests))
	for _, d := range digests {
		going[d] = true
	}
	stay = make(map[objects.Digest]bool)
	for d := range going {
		if now.kept[d] {
			stay[d] = true
		}
	}
	var names []Name
	for _, c := range now.entries {
		if !going[c.ref.Digest] {
			continue
		}
		if was, ok := e.victims[c.ref.Name]; ok && was.same(c) {
			names = append(names, c.ref.Name)
		} else {
			stay[c.ref.Digest] = true
		}
	}
	if len(stay) > 0 {
		maps.DeleteFunc(e.remove, func(d objects.Digest, _ bool) bool { return stay[d] })
		return stay, thaw, nil
	}
	return nil, thaw, e.removeUnchanged(names)
}

// removeUnchanged removes the records of victims that are as they were. The lock is held.
func (e *eviction) removeUnchanged(names []Name) error {
	s := e.store
	removed := make(map[string]bool)
	for _, name := range names {
		now, err := s.cachedRecord(name)
		if err != nil && reasonIn(err) == objects.IOError {
			return err
		}
		if err != nil || !e.victims[name].same(now) {
			continue
		}
		if err := s.fs.Remove(pathOf(name.String())); err != nil {
			return writeError(name, err)
		}
		removed[pathOf(name.String())] = true
		e.stats.Evicted++
	}
	return writeError(Name{}, s.writer.SyncNames(removed))
}

// errUnverified is why nothing is deleted on the word of a record that nobody verified.
var errUnverified = errors.New("the ref is sealed, and there is no key to verify it with")
