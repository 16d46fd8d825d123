package objects

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"fsk/objects/durable"
	"fsk/objects/packfile"

	"github.com/go-git/go-billy/v5"
)

const (
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
)

// packPath and indexPath return the paths of a pack's files, in the store.
func packPath(id packfile.ID) string  { return path.Join(objectsDir, packDir, id.String()+packSuffix) }
func indexPath(id packfile.ID) string { return path.Join(objectsDir, packDir, id.String()+indexSuffix) }

// packs are the packs of a store that were found so far, some of them held open. An
// index is only a hint: what it leads to is verified like every other copy.
type packs struct {
	fs billy.Filesystem

	listing sync.Mutex // held while the directory is read

	mu     sync.Mutex
	all    []*pack // in no order; the slice is replaced, never changed
	opened []*pack // held open, longest first
	memory int64   // of indexes
}

// A pack is a pack and its index. Its fields belong to packs.mu.
type pack struct {
	id    packfile.ID
	name  string // the id as text, and the paths of the files: made once, for every lookup
	path  string
	index string
	finds int
	open  *openPack // nil if it is not held open
}

func newPack(id packfile.ID) *pack {
	return &pack{id: id, name: id.String(), path: packPath(id), index: indexPath(id)}
}

// An openPack is a pack with its files open: as they were then, whatever is under
// their names now. It stays open until the last user has released it.
type openPack struct {
	set    *packs
	refs   int                            // belongs to set.mu
	index  atomic.Pointer[packfile.Index] // replaced once, by that in memory
	files  []durable.RegularFile          // to be closed at the end
	file   durable.RegularFile            // the pack
	memory int64                          // of the index, if it is in memory
}

// known returns the packs that were found so far.
func (s *packs) known() []*pack {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// list looks for packs again: known returns them afterwards, the same ones if none came
// or went. A pack is one when it has an index.
func (s *packs) list(ctx context.Context) error {
	s.listing.Lock() // an older look must not replace a newer one
	defer s.listing.Unlock()
	found := make(map[packfile.ID]bool)
	for name, err := range durable.Names(s.fs, path.Join(objectsDir, packDir)) {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			break
		}
		if err != nil {
			return dirError(path.Join(objectsDir, packDir), err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if text, ok := strings.CutSuffix(name, indexSuffix); ok {
			if id, ok := packfile.ParseID(text); ok {
				found[id] = true
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*pack, 0, len(found))
	for _, p := range s.all {
		if found[p.id] {
			all = append(all, p)
			delete(found, p.id)
		} else {
			s.shut(p)
		}
	}
	if len(all) == len(s.all) && len(found) == 0 {
		return nil
	}
	for id := range found {
		all = append(all, newPack(id))
	}
	s.all = all
	return nil
}

// acquire opens a pack, if it is not open, for use until it is released. With again
// set it opens it anew: somebody may have replaced its files. reused tells that the
// files were open before.
func (s *packs) acquire(p *pack, again bool) (o *openPack, reused bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if again {
		s.shut(p)
	}
	if p.open != nil {
		p.finds++
		p.open.refs++
		if p.finds == findsUntilLoaded {
			p.open.load()
		}
		return p.open, true, nil
	}
	for len(s.opened) >= maxOpenPacks {
		s.shut(s.opened[0])
	}
	o, err = s.openPack(p.id)
	for isOutOfFiles(err) && len(s.opened) > 0 {
		s.shut(s.opened[0])
		o, err = s.openPack(p.id)
	}
	if isMissing(err) { // one that comes again under this name is a new one
		s.all = slices.DeleteFunc(slices.Clone(s.all), func(other *pack) bool { return other == p })
	}
	if err != nil {
		return nil, false, err
	}
	p.open, p.finds = o, 1
	s.opened = append(s.opened, p)
	o.refs = 2 // the set's and the caller's
	return o, false, nil
}

// isOutOfFiles reports whether the process, or the system, has no descriptor left.
func isOutOfFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// shut ends holding a pack open. mu is held.
func (s *packs) shut(p *pack) {
	if p.open == nil {
		return
	}
	s.drop(p.open)
	p.open = nil
	for i, other := range s.opened {
		if other == p {
			s.opened = append(s.opened[:i:i], s.opened[i+1:]...)
			break
		}
	}
}

// reopen ends holding a pack open, whose index was just replaced.
func (s *packs) reopen(id packfile.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.all {
		if p.id == id {
			s.shut(p)
		}
	}
}

// close ends holding any pack open.
func (s *packs) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.opened) > 0 {
		s.shut(s.opened[0])
	}
}

// drop gives one reference back. mu is held.
func (s *packs) drop(o *openPack) {
	if o.refs--; o.refs > 0 {
		return
	}
	o.shut()
	s.memory -= o.memory
}

func (o *openPack) shut() {
	for _, f := range o.files {
		f.Close() // nothing was written
	}
}

func (o *openPack) release() {
	o.set.mu.Lock()
	defer o.set.mu.Unlock()
	o.set.drop(o)
}

func (s *packs) openPack(id packfile.ID) (*openPack, error) {
	index, err := durable.OpenRegular(s.fs, indexPath(id))
	if err != nil {
		return nil, fault(Digest{}, indexPath(id), err)
	}
	file, err := durable.OpenRegular(s.fs, packPath(id))
	if err != nil {
		index.Close()
		return nil, fault(Digest{}, packPath(id), err)
	}
	o := &openPack{set: s, file: file, files: []durable.RegularFile{file, index}}
	x, err := packfile.OpenIndex(index, index.Size())
	if err != nil {
		file.Close()
		index.Close()
		return nil, indexError(indexPath(id), err)
	}
	o.index.Store(x)
	return o, nil
}

// indexError tells a damaged index, in which nothing can be found, from a fault of the
// disk.
func indexError(name string, err error) error {
	var damage *packfile.Error
	if errors.As(err, &damage) || err == io.ErrUnexpectedEOF || err == io.EOF {
		return &Error{Reason: BadIndex, Path: name, Err: err}
	}
	return &Error{Reason: IOError, Path: name, Err: err}
}

// load takes the index into memory, if there is room. set.mu is held.
func (o *openPack) load() {
	file := o.files[1]
	if size := file.Size(); size+o.set.memory <= indexMemory {
		text := make([]byte, size)
		if readFull(file, text, 0) != nil {
			return // the index on the disk serves as well, and whoever asks it learns why
		}
		if index, err := packfile.ParseIndex(text); err == nil {
			o.index.Store(index)
			o.memory = size
			o.set.memory += size
		}
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

// hasAny reports whether the index of a pack has one of the wanted objects. One that is
// gone, or has no index in which anything can be found, has none.
func (s *packs) hasAny(p *pack, wanted map[Digest]bool) (bool, error) {
	o, _, err := s.acquire(p, true)
	if err != nil {
		if reasonIn(err) == IOError {
			return false, err
		}
		return false, nil
	}
	defer o.release()
	for e, err := range o.index.Load().All() {
		switch {
		case wanted[e.Digest]:
			return true, nil
		case err != nil && !isDamage(err):
			return false, indexError(p.index, err)
		}
	}
	return false, nil
}

// A section is the stored bytes of an object in a pack. Closing it releases the pack.
type section struct {
	pack *openPack
	off  int64
	size int64
}

func (s *section) Size() int64  { return s.size }
func (s *section) Close() error { s.pack.release(); return nil }

func (s *section) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size {
		return 0, io.EOF
	}
	short := s.size-off < int64(len(p))
	if short {
		p = p[:s.size-off]
	}
	n, err := s.pack.file.ReadAt(p, s.off+off)
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

// find returns the copy of an object in a pack, or nil if the pack has none, is gone,
// or has an index in which nothing can be found, which is for fsck to report. reused
// tells that the pack was held open before.
func (s *packs) find(p *pack, d Digest, again bool) (src *source, reused bool, err error) {
	o, reused, err := s.acquire(p, again)
	if err != nil {
		var e *Error
		if errors.As(err, &e) && e.Reason == IOError {
			return nil, false, about(d, err)
		}
		return nil, false, nil
	}
	e, ok, err := o.index.Load().Find(d)
	if err == nil && ok {
		err = e.Check(o.file.Size())
	}
	if err != nil || !ok {
		o.release()
	}
	var damage *packfile.Error
	switch {
	case errors.As(err, &damage):
		return nil, reused, &Error{Digest: d, Reason: Corrupt, Path: p.index, Err: err}
	case err != nil:
		return nil, reused, &Error{Digest: d, Reason: IOError, Path: p.index, Err: err}
	case !ok:
		return nil, reused, nil
	}
	stored := &section{pack: o, off: e.Offset, size: int64(e.Length)}
	return &source{RegularFile: stored, d: d, where: p.name, path: p.path}, reused, nil
}

// Sync makes the pack durable, and its index: without one the pack is not read.
func (s *section) Sync() error {
	for _, f := range s.pack.files {
		if f, ok := f.(durable.Syncer); ok {
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
	return nil
}
