package objects

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"

	"fsk/objects/durable"
	"fsk/objects/packfile"

	"github.com/zeebo/blake3"
)

// An original is a file, or a pack and its index, that was copied to a new pack.
type original struct {
	paths  []string
	seen   []fs.FileInfo           // when it was copied; nil for an absent file
	retire func(name string) error // what to do with each file, in order; nil to keep them
}

// use remembers which files have these names now, before they are copied.
func (r *rewriter) use(paths ...string) *original {
	o := &original{paths: paths}
	for _, name := range paths {
		info, _ := r.db.fs.Lstat(name)
		o.seen = append(o.seen, info)
	}
	r.used = append(r.used, o)
	return o
}

// unchanged reports whether the names still stand for the files that were copied.
func (o *original) unchanged(db *DB) bool {
	for i, name := range o.paths {
		now, err := db.fs.Lstat(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) || !durable.SameFile(o.seen[i], now) {
			return false
		}
	}
	return true
}

// flush publishes the pack that is being written, if any, and retires what was copied
// to it. The bytes are on the disk before the lock is taken. Under it, nothing is
// published if somebody has touched an original meanwhile: an object may have been
// removed, or resealed, and must not come back as it was.
func (r *rewriter) flush() error {
	if len(r.used) == 0 {
		return nil
	}
	var id packfile.ID
	var index *durable.File
	if r.w != nil {
		var err error
		if index, err = r.writer.Create(); err != nil {
			return err
		}
		defer index.Discard()
		if id, err = r.w.Finish(index); err != nil {
			return err
		}
		if err := finishPack(r.tmp, index); err != nil {
			return err
		}
		if name := packPath(id); r.asides != nil && r.isOriginal(name) { // a damaged pack of which the objects are whole
			if err := r.asides.addReplaced(newFinding(BadPack, SeverityError, name)); err != nil {
				return err
			}
			r.stats.Damaged++
		}
	}
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	for _, o := range r.used {
		if !o.unchanged(r.db) {
			return errChanged
		}
	}
	if r.w != nil {
		if err := r.mayPublish(packPath(id)); err != nil {
			return err
		}
	}
	if r.asides != nil { // nothing is replaced or retired before it
		if err := r.asides.publish(); err != nil {
			return err
		}
	}
	if r.w != nil {
		if err := publishPack(id, r.tmp, index); err != nil {
			return err
		}
		if err := r.writer.SyncName(packPath(id)); err != nil {
			return err
		}
		r.w, r.tmp = nil, nil
		r.stats.Packs++
		r.published[packPath(id)] = true
		r.made = append(r.made, id)
		r.db.packs.reopen(id)
	}
	return r.retire()
}

// mayPublish refuses to replace a pack that has the same objects, of the same lengths, by
// one of which it is not sure that the objects in it are at least as good.
func (r *rewriter) mayPublish(name string) error {
	if !r.unsure || r.published[name] || r.isOriginal(name) {
		return nil
	}
	file, err := durable.OpenRegular(r.db.fs, name)
	if reasonOf(err) != IOError && err != nil {
		return nil // there is none
	}
	if err != nil {
		return err
	}
	defer file.Close()
	sum := blake3.New()
	if _, err := io.Copy(sum, io.NewSectionReader(file, 0, file.Size())); err != nil {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), r.sum.Sum(nil)) {
		return &Error{Reason: BadPack, Path: name, Err: errors.New("two packs have the same objects with other bytes: run fsk pack with all keys first")}
	}
	return nil
}

// isOriginal reports whether the pack was copied from this one, which is unchanged.
func (r *rewriter) isOriginal(name string) bool {
	return slices.ContainsFunc(r.used, func(o *original) bool { return o.retire != nil && slices.Contains(o.paths, name) })
}

func (r *rewriter) lock() (func(), error) {
	if r.tryLock {
		return r.db.lock.TryExclusive(r.ctx)
	}
	return r.db.lock.Exclusive(r.ctx)
}

// retire retires the originals, which are unchanged, but not what was just published
// under the same name, and makes that durable. The lock is held.
func (r *rewriter) retire() error {
	for _, o := range r.used {
		if o.retire == nil || slices.ContainsFunc(o.paths, func(name string) bool { return r.published[name] }) {
			continue
		}
		for i, name := range o.paths {
			if o.seen[i] == nil {
				continue
			}
			if err := o.retire(name); err != nil {
				return err
			}
			r.touched[name] = true
		}
	}
	r.used = nil
	err := r.writer.SyncNames(r.touched)
	clear(r.touched)
	return err
}

// remove is for originals of which everything was copied.
func (r *rewriter) remove(name string) error {
	r.stats.Removed++
	return r.db.fs.Remove(name)
}
