package objects

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"fsk/objects/packfile"

	"github.com/go-git/go-billy/v5"
)

const (
	packsDir    = objectsDir + "/" + packDir
	packSuffix  = ".pack"
	indexSuffix = ".idx"

	// maxOpenPacks bounds the packs that are held open; each has two descriptors. It is
	// well above the number that a commit tolerates: a lookup asks every pack, so opening
	// them in turn would cost a thousand times as much. Where the system allows fewer
	// descriptors, that is the bound.
	maxOpenPacks = foldPacks + foldPacks/2
	// An index is taken into memory when it has been asked that often, if it is not
	// larger than indexMemory and all that are in memory not larger than that together.
	// Until then a lookup reads the few kilobytes that it needs.
	findsUntilLoaded = 16
	indexMemory      = 16 << 20
	// recheckTime is how long the packs that are held open are taken for what has their
	// names now.
	recheckTime = time.Second
)

// packPath and indexPath return the paths of a pack's files, in the store. They are put
// together without package path, which would clean what is clean: fsck makes one for
// every object.
func packPath(id packfile.ID) string  { return packsDir + "/" + id.String() + packSuffix }
func indexPath(id packfile.ID) string { return packsDir + "/" + id.String() + indexSuffix }

// packs are the packs of a store that were found so far, some of them held open. An
// index is only a hint: what it leads to is verified like every other copy.
type packs struct {
	fs billy.Filesystem

	listing  sync.Mutex  // held while the directory is read
	checking sync.Mutex  // held while what is held open is looked at
	stale    atomic.Bool // that should be done now

	all atomic.Pointer[[]*pack] // in no order; the slice is replaced under mu, never changed

	// mu is held for moments. Nothing is opened or read meanwhile, so that a slow disk
	// stops only those who need it.
	mu     sync.Mutex
	opened []*pack // held open, longest first
	memory int64   // of indexes
	timed  bool    // stale will be set
}

func newPacks() *packs {
	s := new(packs)
	s.all.Store(new([]*pack))
	return s
}

// A pack is a pack and its index.
type pack struct {
	id    packfile.ID
	name  string // the id as text, and the paths of the files: made once, for every lookup
	path  string
	index string
	finds atomic.Int32
	open  atomic.Pointer[openPack] // nil if it is not held open; set under packs.mu
}

func newPack(id packfile.ID) *pack {
	return &pack{id: id, name: id.String(), path: packPath(id), index: indexPath(id)}
}

// known returns the packs that were found so far.
func (s *packs) known() []*pack { return *s.all.Load() }

// list looks for packs again: known returns them afterwards, the same ones if none came
// or went. A pack is one when it has an index.
func (s *packs) list(ctx context.Context) error {
	s.listing.Lock() // an older look must not replace a newer one
	defer s.listing.Unlock()
	found := make(map[packfile.ID]bool)
	err := names(ctx, s.fs, packsDir, func(name string) error {
		if text, ok := strings.CutSuffix(name, indexSuffix); ok {
			if id, ok := packfile.ParseID(text); ok {
				found[id] = true
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.known()
	all := make([]*pack, 0, len(found))
	for _, p := range before {
		if found[p.id] {
			all = append(all, p)
			delete(found, p.id)
		} else {
			s.shut(p)
		}
	}
	if len(all) == len(before) && len(found) == 0 {
		return nil
	}
	for id := range found {
		all = append(all, newPack(id))
	}
	s.all.Store(&all)
	return nil
}

// acquire opens a pack, if it is not open, for use until it is released. With again
// set it opens it anew: somebody may have replaced its files. reused tells that the
// files were open before.
func (s *packs) acquire(p *pack, again bool) (o *openPack, reused bool, err error) {
	if o := p.open.Load(); !again && o.hold() {
		if p.finds.Add(1) == findsUntilLoaded {
			s.load(p, o)
		}
		return o, true, nil
	}
	o, err = s.openPack(p.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if isMissing(err) { // one that comes again under this name is a new one
		all := slices.DeleteFunc(slices.Clone(s.known()), func(other *pack) bool { return other == p })
		s.all.Store(&all)
	}
	if again || err != nil {
		s.shut(p)
	}
	if err != nil {
		return nil, false, err
	}
	if other := p.open.Load(); other.hold() { // somebody else was faster
		o.release()
		return other, true, nil
	}
	for len(s.opened) >= maxOpenPacks {
		s.shut(s.opened[0])
	}
	o.hold() // for the set
	p.finds.Store(1)
	p.open.Store(o)
	s.opened = append(s.opened, p)
	s.remind()
	return o, false, nil
}

// shut ends holding a pack open. mu is held.
func (s *packs) shut(p *pack) {
	o := p.open.Load()
	if o == nil {
		return
	}
	p.open.Store(nil)
	s.memory -= o.memory
	o.memory = 0
	if i := slices.Index(s.opened, p); i >= 0 {
		s.opened = slices.Delete(s.opened, i, i+1)
	}
	o.release()
}

// reopen ends holding a pack open, whose index was just replaced.
func (s *packs) reopen(id packfile.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.known() {
		if p.id == id {
			s.shut(p)
		}
	}
}

// shed ends holding the pack open that was opened first, to give its descriptors back.
// It reports false if there is none.
func (s *packs) shed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.opened) == 0 {
		return false
	}
	s.shut(s.opened[0])
	return true
}

// close ends holding any pack open.
func (s *packs) close() {
	for s.shed() {
	}
}

// recheck ends holding those packs open whose names stand for other files by now, or
// for none: another process has removed an object, or resealed them. It does nothing
// if that was done within recheckTime, or if somebody else is about it: readers do not
// wait for each other.
func (s *packs) recheck() {
	if !s.stale.Load() || !s.checking.TryLock() {
		return
	}
	defer s.checking.Unlock()
	s.mu.Lock()
	s.stale.Store(false) // what changes from now on is for the next time
	s.timed = false
	opened := slices.Clone(s.opened)
	if len(opened) > 0 {
		s.remind()
	}
	s.mu.Unlock()
	for _, p := range opened {
		o := p.open.Load()
		if !o.hold() {
			continue
		}
		if !o.isCurrent(p) {
			s.mu.Lock()
			if p.open.Load() == o {
				s.shut(p)
			}
			s.mu.Unlock()
		}
		o.release()
	}
}

// remind has recheck do something after recheckTime. A timer sets a flag, because to
// ask for the time would cost every read more. mu is held.
func (s *packs) remind() {
	if !s.timed {
		s.timed = true
		time.AfterFunc(recheckTime, func() { s.stale.Store(true) })
	}
}

// load takes the index of a pack into memory, if there is room.
func (s *packs) load(p *pack, o *openPack) {
	size := o.files[1].Size()
	s.mu.Lock()
	room := p.open.Load() == o && o.memory == 0 && size+s.memory <= indexMemory // the count of finds may come round
	if room {
		s.memory += size
		o.memory = size
	}
	s.mu.Unlock()
	if room {
		o.load()
	}
}

// with appends the digests in the index of a pack that begin with prefix. That of a pack
// that is gone is an error with the reason Missing.
func (s *packs) with(p *pack, prefix []byte, digests []Digest) ([]Digest, error) {
	o, _, err := s.acquire(p, false)
	if err != nil {
		return digests, err
	}
	defer o.release()
	var first Digest
	copy(first[:], prefix)
	for e, err := range o.index.Load().From(first) {
		d := Digest(e.Digest)
		if err != nil && d.IsZero() {
			return digests, indexError(indexPath(p.id), err)
		}
		if !bytes.HasPrefix(d[:], prefix) {
			break
		}
		digests = append(digests, d)
	}
	return digests, nil
}

// find returns the copy of an object in a pack, or nil if the pack has none, is gone,
// or has an index in which nothing can be found, which is for fsck to report. reused
// tells that the pack was held open before.
func (s *packs) find(p *pack, d Digest, again bool) (src *source, reused bool, err error) {
	var e packfile.Entry
	var ok bool
	asked := p.open.Load().inMemory()
	if asked != nil && !again { // most packs do not have the object, and need not be held to know
		if e, ok, err = asked.Find(d); !ok && err == nil {
			return nil, true, nil
		}
	}
	o, reused, failed := s.acquire(p, again)
	if failed != nil {
		var e *Error
		if errors.As(failed, &e) && e.Reason == IOError {
			return nil, false, about(d, failed)
		}
		return nil, false, nil
	}
	if index := o.index.Load(); index != asked || again {
		e, ok, err = index.Find(d)
	}
	if err == nil && ok {
		err = e.Check(o.file.Size())
	}
	if err == nil && ok {
		return o.source(p, d, e), reused, nil
	}
	o.release()
	var damage *packfile.Error
	switch {
	case errors.As(err, &damage):
		return nil, reused, &Error{Digest: d, Reason: Corrupt, Path: p.index, Err: err}
	case err != nil:
		return nil, reused, &Error{Digest: d, Reason: IOError, Path: p.index, Err: err}
	}
	return nil, reused, nil
}
