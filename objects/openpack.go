package objects

import (
	"errors"
	"io"
	"io/fs"
	"sync/atomic"

	"fsk/objects/durable"
	"fsk/objects/packfile"

	"github.com/go-git/go-billy/v5"
)

// An openPack is a pack with its files open: as they were then, whatever is under
// their names now. It stays open until the last user has released it, and nobody waits
// for another one who reads it.
type openPack struct {
	fs     billy.Filesystem
	users  atomic.Int64
	index  atomic.Pointer[packfile.Index] // replaced once, by that in memory
	loaded atomic.Bool                    // it is in memory
	files  [2]durable.RegularFile         // the pack and its index
	seen   [2]fs.FileInfo                 // of them; belongs to packs.checking
	file   durable.RegularFile            // the pack
	memory int64                          // set aside for the index; belongs to packs.mu
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
	o := &openPack{fs: s.fs, file: file, files: [2]durable.RegularFile{file, index}}
	o.users.Store(1)
	x, err := packfile.OpenIndex(index, index.Size())
	if err != nil {
		o.release()
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

// hold makes sure that a pack stays open until release. It reports false if there is no
// pack, or if it is closed already.
func (o *openPack) hold() bool {
	if o == nil {
		return false
	}
	for {
		n := o.users.Load()
		if n == 0 {
			return false
		}
		if o.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (o *openPack) release() {
	if o.users.Add(-1) == 0 {
		for _, f := range o.files {
			f.Close() // nothing was written
		}
	}
}

// inMemory returns the index of a pack, which may be nil, if it can be asked without
// reading, and otherwise nil.
func (o *openPack) inMemory() *packfile.Index {
	if o == nil || !o.loaded.Load() {
		return nil
	}
	return o.index.Load()
}

// load takes the index into memory. If it cannot, that on the disk serves as well, and
// whoever asks it learns why.
func (o *openPack) load() {
	file := o.files[1]
	text := make([]byte, file.Size())
	if readFull(file, text, 0) != nil {
		return
	}
	if index, err := packfile.ParseIndex(text); err == nil {
		o.index.Store(index)
		o.loaded.Store(true)
	}
}

// isCurrent reports whether the names of a pack still stand for the files that are open.
func (o *openPack) isCurrent(p *pack) bool {
	for i, name := range [2]string{p.path, p.index} {
		now, err := o.fs.Lstat(name)
		if err != nil {
			return false
		}
		if o.seen[i] == nil {
			o.seen[i] = durable.Describe(o.files[i])
		}
		if o.seen[i] == nil { // such files cannot be told apart but from now on
			o.seen[i] = now
		}
		if !durable.SameFile(o.seen[i], now) {
			return false
		}
	}
	return true
}

// A section is the stored bytes of an object in a pack. Closing it releases the pack.
type section struct {
	pack *openPack
	off  int64
	size int64
}

// source returns the copy of an object in the pack, which is released when the source is
// closed.
func (o *openPack) source(p *pack, d Digest, e packfile.Entry) *source {
	s := &struct { // one allocation: there is one for every object that is read
		source
		section
	}{section: section{pack: o, off: e.Offset, size: int64(e.Length)}}
	s.source = source{RegularFile: &s.section, d: d, where: p.name, path: p.path}
	return &s.source
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
