package objects

import (
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// survey looks at every pack, mends those that are damaged, and returns the small ones
// whose objects are all good. One with an object that is not stays as it is: what is good
// in it would be copied again each time.
func (r *rewriter) survey() (small []packfile.ID, err error) {
	ids, err := r.packIDs()
	if err != nil {
		return nil, err
	}
	for len(ids) > 0 {
		id := ids[0]
		good, size, err := r.inspect(id)
		ids = append(ids[1:], r.mended...)
		r.mended = nil
		switch {
		case err != nil:
			return nil, err
		case size >= smallPack || size == 0:
		case good && !slices.Contains(small, id): // what took the place of a damaged pack may have been there before
			small = append(small, id)
		case good:
		default:
			r.stats.Skipped++
		}
	}
	return small, nil
}

// inspect mends a pack if need be. It reports its size, 0 if there is no pack to be
// gathered, and if it is small whether all that is in it is good.
func (r *rewriter) inspect(id packfile.ID) (good bool, size int64, err error) {
	file, err := durable.OpenRegular(r.db.fs, packPath(id))
	switch reason := reasonOf(err); {
	case err == nil:
	case reason == Missing: // an index alone, or both went meanwhile
		return false, 0, r.mend(id)
	case reason == NotRegular: // for fsck to report
		return false, 0, nil
	default:
		return false, 0, fault(Digest{}, packPath(id), err)
	}
	defer file.Close()
	size, good = file.Size(), true
	var entries []packfile.Entry
	err = r.scan(file, func(o packfile.Object) error {
		entries = append(entries, o.Entry)
		good = good && (size >= smallPack || r.db.judge(o.Digest, o.Stored).reason.Good())
		return nil
	})
	if err != nil && !isDamage(err) {
		return false, 0, err
	}
	if err == nil {
		if sound, err := r.mendIndex(id, entries); sound || err != nil {
			return good, size, err
		}
	}
	return false, 0, r.mend(id)
}

// packIDs returns the ids of all packs and indexes, in order.
func (r *rewriter) packIDs() (ids []packfile.ID, err error) {
	dir := path.Join(objectsDir, packDir)
	err = r.db.names(r.ctx, dir, func(name string) error {
		if id, ok := packID(name); ok {
			ids = append(ids, id)
		}
		return nil
	})
	slices.SortFunc(ids, func(a, b packfile.ID) int { return Digest(a).Compare(Digest(b)) })
	return slices.Compact(ids), err
}

// packID returns the id in the name of a pack or an index.
func packID(name string) (packfile.ID, bool) {
	suffix := path.Ext(name)
	id, ok := packfile.ParseID(strings.TrimSuffix(name, suffix))
	return id, ok && (suffix == packSuffix || suffix == indexSuffix)
}

func isDamage(err error) bool {
	var damage *packfile.Error
	return errors.As(err, &damage)
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
