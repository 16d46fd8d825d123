package objects

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// survey looks at every pack, gives those an index that need nothing else, and returns
// the others that are to be copied.
func (r *rewriter) survey() ([]packSource, error) {
	var sources []packSource
	ids, err := r.packIDs()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		file, err := durable.OpenRegular(r.db.fs, packPath(id))
		switch reason := reasonOf(err); {
		case err == nil:
		case reason == Missing: // an index alone, or both went meanwhile
			sources = append(sources, packSource{id, true})
			continue
		case reason == NotRegular: // for fsck to report
			continue
		default:
			return nil, fault(Digest{}, packPath(id), err)
		}
		size := file.Size()
		sound, err := r.mendIndex(id, file)
		file.Close()
		switch {
		case err != nil:
			return nil, putError(Digest{}, err)
		case !sound:
			sources = append(sources, packSource{id, true})
		case size < smallPack:
			sources = append(sources, packSource{id, false})
		}
	}
	return sources, nil
}

// packIDs returns the ids of all packs and indexes, in order.
func (r *rewriter) packIDs() (ids []packfile.ID, err error) {
	dir := path.Join(objectsDir, packDir)
	err = r.db.names(r.ctx, dir, func(name string) error {
		if suffix := path.Ext(name); suffix == packSuffix || suffix == indexSuffix {
			if id, ok := packfile.ParseID(strings.TrimSuffix(name, suffix)); ok {
				ids = append(ids, id)
			}
		}
		return nil
	})
	slices.SortFunc(ids, func(a, b packfile.ID) int { return Digest(a).Compare(Digest(b)) })
	return slices.Compact(ids), err
}

// mendIndex reports whether a pack is sound: its objects are all whole, and it has an
// index that fits, which it makes if there is none.
func (r *rewriter) mendIndex(id packfile.ID, file durable.RegularFile) (sound bool, err error) {
	var entries []packfile.Entry
	err = r.scan(file, func(o packfile.Object) error {
		entries = append(entries, o.Entry)
		return nil
	})
	if isDamage(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
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
	unlock, err := r.db.lock.Shared(r.ctx) // nobody removes a pack meanwhile
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
	if err := index.Commit(indexPath(id)); err != nil {
		return false, err
	}
	r.db.packs.reopen(id)
	r.stats.Indexes++
	return true, nil
}

func isDamage(err error) bool {
	var damage *packfile.Error
	return errors.As(err, &damage)
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

// scan calls visit for each object of a pack.
func (r *rewriter) scan(file durable.RegularFile, visit func(packfile.Object) error) error {
	for o, err := range packfile.Scan(io.NewSectionReader(file, 0, file.Size()), file.Size()) {
		if err == nil {
			err = r.ctx.Err()
		}
		if err == nil {
			err = visit(o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// looseObjects counts small loose objects, up to enough.
func (r *rewriter) looseObjects(enough int) (n int, err error) {
	errEnough := errors.New("enough")
	err = r.eachLoose(func(Digest) error {
		if n++; n == enough {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return n, err
}

func (r *rewriter) eachLoose(visit func(Digest) error) error {
	dirs, err := r.db.fanOutDirs(r.ctx)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		digests, err := r.db.looseIn(r.ctx, dir, "", nil)
		if err != nil {
			return err
		}
		for _, d := range digests {
			if info, err := r.db.fs.Lstat(loosePath(d)); err != nil || info.Size() > packfile.MaxPayload {
				continue // gone, or not for a pack
			}
			if err := visit(d); err != nil {
				return err
			}
		}
	}
	return nil
}
