package objects

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// mendIndex reports whether the objects of a pack, which were found in it, can be found
// through its index. It makes an index if there is none that fits.
func (r *rewriter) mendIndex(id packfile.ID, entries []packfile.Entry) (sound bool, err error) {
	if fits, err := r.indexFits(id, entries); fits || err != nil {
		return fits, err
	}
	index, err := r.writer.Create()
	if err != nil {
		return false, err
	}
	defer index.Discard()
	made, err := packfile.WriteIndex(index, entries)
	if isDamage(err) || err == nil && made != id {
		return false, nil // the name is not that of these objects, so the pack gets another
	}
	if err != nil {
		return false, err
	}
	unlock, err := r.db.lock.Exclusive(r.ctx) // nobody removes the pack meanwhile, or publishes it
	if err != nil {
		return false, err
	}
	defer unlock()
	if _, err := r.db.fs.Lstat(packPath(id)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errChanged
		}
		return false, err
	}
	if info, err := r.db.fs.Lstat(indexPath(id)); err == nil && info.IsDir() { // no file can be renamed over it
		if err := r.setDamagedAside(indexPath(id)); err != nil {
			return false, err
		}
	}
	if err := index.Commit(indexPath(id)); err != nil {
		return false, err
	}
	r.db.packs.reopen(id)
	r.stats.Indexes++
	return true, nil
}

// indexFits reports whether the index of a pack has exactly these entries. The error is
// that of reading it.
func (r *rewriter) indexFits(id packfile.ID, entries []packfile.Entry) (bool, error) {
	f, err := durable.OpenRegular(r.db.fs, indexPath(id))
	if err != nil {
		if reasonOf(err) == IOError {
			return false, err
		}
		return false, nil
	}
	defer f.Close()
	x, err := packfile.OpenIndex(f, f.Size())
	if err == nil {
		err = x.Verify(id)
	}
	if err == nil {
		for _, err = range x.Compare(entries) {
			break
		}
	}
	if err != nil && !isDamage(err) {
		return false, err
	}
	return err == nil, nil
}

// mend copies what is whole in a damaged pack to a new one, and sets the old one aside.
// What is sealed by no key of the ring but has the right digest is copied, too: with
// another ring it may be good. Of an index without a pack nothing is left to copy.
func (r *rewriter) mend(id packfile.ID) error {
	m := newRewriter(r.ctx, r.db, nil)
	m.careful, m.unsure, m.asides = true, true, newAsides(r.db)
	defer m.discard()
	defer m.asides.discard()
	if err := m.salvage(id); err != nil {
		return err
	}
	err := m.flush()
	r.stats.Objects += m.stats.Objects
	r.stats.Bytes += m.stats.Bytes
	r.stats.Packs += m.stats.Packs
	r.stats.Damaged += m.stats.Damaged
	r.setAside = append(append(r.setAside, m.asides.moved...), m.setAside...)
	r.mended = append(r.mended, m.made...)
	return err
}

// salvage copies the objects of a damaged pack: first the good ones. The pack is retired
// before its index: an index alone is damage, too, and is not taken for a pack that waits
// for its index.
func (r *rewriter) salvage(id packfile.ID) error {
	o := r.use(packPath(id), indexPath(id))
	o.retire = r.setDamagedAside
	file, err := durable.OpenRegular(r.db.fs, packPath(id))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			o.retire = r.setIndexAside
		}
		return ifThere(err)
	}
	defer file.Close()
	for _, wanted := range []func(verdict) bool{
		func(v verdict) bool { return v.reason.Good() },
		func(v verdict) bool { return v.size >= 0 && v.reason != WrongName },
	} {
		for o, err := range r.remains(id, file) {
			if err != nil {
				return err
			}
			if r.copied[o.Digest] || !wanted(r.db.judge(o.Digest, o.Stored)) {
				continue
			}
			if err := r.add(o.Digest, o.Stored); err != nil {
				return err
			}
		}
	}
	return nil
}

// setDamagedAside moves a pack that is damaged, or its index, to the quarantine directory.
func (r *rewriter) setDamagedAside(name string) error {
	reason := BadIndex
	if path.Ext(name) == packSuffix {
		reason = BadPack
		r.stats.Damaged++
	}
	set := newAsides(r.db)
	defer set.discard()
	if err := set.addFile(Finding{Reason: reason, Severity: SeverityError, Path: name, Next: next[reason]}, nil); err != nil {
		return err
	}
	err := set.publish()
	r.setAside = append(r.setAside, set.moved...)
	return err
}

// setIndexAside moves an index that has no pack. It counts as one: all that was in it is lost.
func (r *rewriter) setIndexAside(name string) error {
	r.stats.Damaged++
	return r.setDamagedAside(name)
}

// remains yields what is left of a damaged pack: the objects before the damage, and
// those that are found through its index only, because the damage hides them from who
// reads the pack from its beginning, but not from a reader. An object may come twice. An
// error comes last, and is not about damage.
func (r *rewriter) remains(id packfile.ID, file durable.RegularFile) iter.Seq2[packfile.Object, error] {
	return func(yield func(packfile.Object, error) bool) {
		stopped := errors.New("stopped")
		err := r.scan(file, func(o packfile.Object) error {
			if !yield(o, nil) {
				return stopped
			}
			return nil
		})
		if err == nil || isDamage(err) {
			err = r.indexed(id, file, func(o packfile.Object) error {
				if !yield(o, nil) {
					return stopped
				}
				return nil
			})
		}
		if err != nil && err != stopped && !isDamage(err) {
			yield(packfile.Object{}, err)
		}
	}
}

// indexed calls visit for each object that the index of a pack leads to.
func (r *rewriter) indexed(id packfile.ID, file durable.RegularFile, visit func(packfile.Object) error) error {
	index, err := durable.OpenRegular(r.db.fs, indexPath(id))
	if err != nil {
		if reasonOf(err) == IOError {
			return err
		}
		return nil
	}
	defer index.Close()
	x, err := packfile.OpenIndex(index, index.Size())
	if err != nil {
		return err
	}
	buf := r.db.bufs.get()
	defer r.db.bufs.put(buf)
	for e, err := range eachBucket(r.ctx, x) {
		switch {
		case err != nil && !isDamage(err):
			return err
		case err != nil || e.Check(file.Size()) != nil:
			continue
		}
		stored := (*buf)[:e.Length]
		if err := readFull(file, stored, e.Offset); err == io.ErrUnexpectedEOF {
			continue
		} else if err != nil {
			return err
		}
		if err := visit(packfile.Object{Entry: e, Stored: stored}); err != nil {
			return err
		}
	}
	return nil
}

// eachBucket yields what [packfile.Index.All] does, but goes on with the next first byte
// where the digests are in disorder.
func eachBucket(ctx context.Context, x *packfile.Index) iter.Seq2[packfile.Entry, error] {
	return func(yield func(packfile.Entry, error) bool) {
		for first := range 256 {
			for e, err := range x.From([32]byte{byte(first)}) {
				if e.Digest[0] != byte(first) && (err == nil || isDamage(err)) {
					break
				}
				if ctx.Err() != nil {
					e, err = packfile.Entry{}, ctx.Err()
				}
				if !yield(e, err) {
					return
				}
			}
		}
	}
}
