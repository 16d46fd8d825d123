package objects

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"

	"fsk/objects/durable"
	"fsk/objects/packfile"
	"fsk/seal"

	"github.com/zeebo/blake3"
)

const (
	// packSize is the size in bytes at which a pack is full and another one begun.
	packSize = 1 << 30
	// smallPack is the size below which a pack is gathered with others.
	smallPack = packSize / 2
)

// PackStats counts what [DB.Pack] did.
type PackStats struct {
	Objects int64 // objects that were copied to new packs
	Bytes   int64 // of their stored bytes
	Packs   int   // packs that were made
	Removed int   // files that were removed, because all that was in them is in new packs
	Indexes int   // indexes that were made anew
	Damaged int   // packs that were set aside, after all that is good in them was copied
}

// errOther says that the object was copied already, with other stored bytes. Without keys
// nobody knows which of them are better.
var errOther = errors.New("another copy has other bytes")

// errChanged says that somebody replaced or removed what was copied.
var errChanged = errors.New("the store is being changed by others: try again")

// Pack gathers small loose objects and small packs in packs of about a gigabyte, and
// makes missing and damaged indexes anew. Stored bytes are copied as they are, and only
// what verifies is copied; a loose object that does not, and a pack with one in it,
// stays where it is. A pack that is cut off is moved to the quarantine directory after
// what is whole and good in it was copied. Readers and writers may go on meanwhile, and
// when it is interrupted everything is in the old place or in the new one. It needs
// space for one large pack at a time. progress may be nil.
func (db *DB) Pack(ctx context.Context, progress func(PackStats)) (stats PackStats, err error) {
	for range maxRounds {
		stats, err = db.packOnce(ctx, progress)
		if !errors.Is(err, errChanged) {
			break
		}
	}
	return stats, err
}

func (db *DB) packOnce(ctx context.Context, progress func(PackStats)) (PackStats, error) {
	r := newRewriter(ctx, db, progress)
	defer r.discard()
	sources, err := r.survey()
	if err != nil {
		return r.stats, err
	}
	loose, err := r.looseObjects(minPack)
	if err != nil {
		return r.stats, err
	}
	mend := slices.ContainsFunc(sources, func(s packSource) bool { return s.damaged })
	if len(sources) < 2 && loose < minPack && !mend {
		return r.stats, nil
	}
	return r.stats, r.gather(sources)
}

// A packSource is a pack whose objects are to be copied.
type packSource struct {
	id      packfile.ID
	damaged bool // to be set aside afterwards
}

// A rewriter copies stored bytes from loose files and packs to new packs, and retires
// what it copied.
type rewriter struct {
	db        *DB
	writer    *durable.Writer // at level Full whatever the DB's: what is removed may have been acknowledged so
	ctx       context.Context
	w         *packfile.Writer
	tmp       *durable.File
	copied    map[Digest]bool
	sums      map[Digest]Digest // without keys: of the stored bytes that were copied
	careful   bool              // it may be unsure
	unsure    bool              // what is copied may be no better than what has the name of the new pack
	used      []*original       // what the pack that is being written was copied from
	published map[string]bool   // packs that were made
	sum       hash.Hash         // of the pack that is being written, if careful
	tryLock   bool              // give up at once if the lock is not free
	stats     PackStats
	progress  func(PackStats)
}

func newRewriter(ctx context.Context, db *DB, progress func(PackStats)) *rewriter {
	return &rewriter{
		db: db, ctx: ctx, progress: progress, unsure: db.ring.Len() == 0, careful: db.ring.Len() == 0,
		writer: durable.NewWriter(db.fs, tmpDir, durable.Full),
		copied: make(map[Digest]bool), sums: make(map[Digest]Digest), published: make(map[string]bool),
	}
}

// gather copies packs and loose objects to new packs, and retires the old ones.
func (r *rewriter) gather(sources []packSource) error {
	for _, s := range sources {
		if err := r.addPack(s); err != nil {
			return putError(Digest{}, err)
		}
	}
	if err := r.eachLoose(r.addLoose); err != nil {
		return putError(Digest{}, err)
	}
	return putError(Digest{}, r.flush())
}

// addPack copies the objects of a pack that are good. If all are, or what remains is to
// be set aside, the pack can be retired.
func (r *rewriter) addPack(source packSource) error {
	o := r.use(indexPath(source.id), packPath(source.id))
	file, err := durable.OpenRegular(r.db.fs, packPath(source.id))
	if errors.Is(err, fs.ErrNotExist) && source.damaged {
		o.retire = r.setAside // an index alone
	}
	if err != nil {
		return ifThere(err)
	}
	defer file.Close()
	whole := true
	err = r.scan(file, func(object packfile.Object) error {
		if !r.db.judge(object.Digest, object.Stored).reason.Good() {
			whole = false
			return nil
		}
		err := r.add(object.Digest, object.Stored)
		if err == errOther {
			whole, err = false, nil
		}
		return err
	})
	if isDamage(err) {
		whole, err = false, nil
	}
	if err == nil && source.damaged {
		err = r.salvage(source.id, file)
	}
	switch {
	case err != nil:
		return err
	case source.damaged:
		o.retire = r.setAside
	case whole:
		o.retire = r.db.fs.Remove
	}
	return nil
}

// salvage copies the objects of a damaged pack that are found through its index only: a
// header that is damaged hides them from the scan, but not from a reader.
func (r *rewriter) salvage(id packfile.ID, file durable.RegularFile) error {
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
		if isDamage(err) {
			return nil
		}
		return err
	}
	buf := r.db.bufs.get()
	defer r.db.bufs.put(buf)
	for e, err := range eachBucket(x) {
		if err == nil {
			err = r.ctx.Err()
		}
		if err != nil && !isDamage(err) {
			return err
		}
		if err != nil || e.Check(file.Size()) != nil || r.copied[e.Digest] {
			continue
		}
		stored := (*buf)[:e.Length]
		if err := readFull(file, stored, e.Offset); err != nil {
			return err
		}
		if !r.db.judge(e.Digest, stored).reason.Good() {
			continue
		}
		if err := r.add(e.Digest, stored); err != nil {
			return err
		}
	}
	return nil
}

// eachBucket yields what [packfile.Index.All] does, but goes on with the next first byte
// where the digests are in disorder.
func eachBucket(x *packfile.Index) iter.Seq2[packfile.Entry, error] {
	return func(yield func(packfile.Entry, error) bool) {
		for first := range 256 {
			for e, err := range x.From([32]byte{byte(first)}) {
				if e.Digest[0] != byte(first) && (err == nil || isDamage(err)) {
					break
				}
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// ifThere makes nothing of the error that there is no file: it went meanwhile.
func ifThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// addLoose copies a loose object, if it is good.
func (r *rewriter) addLoose(d Digest) error {
	o := r.use(loosePath(d))
	s, err := r.db.openLoose(d)
	if err != nil {
		return ifThere(err) // every miss is for fsck to report
	}
	defer s.Close()
	if s.Size() > packfile.MaxPayload+seal.TrailerSize {
		return nil
	}
	buf := r.db.bufs.get()
	defer r.db.bufs.put(buf)
	stored := (*buf)[:s.Size()]
	if _, err := r.db.load(r.ctx, s, stored); err != nil {
		return ifThere(err)
	}
	o.retire = r.db.fs.Remove
	err = r.add(d, stored)
	if err == errOther {
		o.retire, err = nil, nil
	}
	return err
}

// add copies an object, unless it is copied already.
func (r *rewriter) add(d Digest, stored []byte) error {
	var sum Digest
	if r.db.ring.Len() == 0 {
		sum = Sum(stored)
	}
	if r.copied[d] {
		if r.sums[d] != sum {
			return errOther
		}
		return nil
	}
	if r.w != nil && (r.w.Size()+int64(len(stored)) > packSize || r.w.Len() == packfile.MaxObjects) {
		current := r.used[len(r.used)-1] // more of it goes to the next pack
		retire := current.retire
		current.retire = nil
		if err := r.flush(); err != nil {
			return err
		}
		current.retire = retire
		r.used = append(r.used, current)
	}
	if r.w == nil {
		f, err := r.writer.Create()
		if err != nil {
			return err
		}
		r.sum = blake3.New()
		var w io.Writer = f
		if r.careful {
			w = io.MultiWriter(f, r.sum)
		}
		r.tmp, r.w = f, packfile.NewWriter(w)
	}
	r.copied[d] = true
	if r.db.ring.Len() == 0 {
		r.sums[d] = sum
	}
	r.stats.Objects++
	r.stats.Bytes += int64(len(stored))
	if r.progress != nil && r.stats.Objects%1024 == 0 {
		r.progress(r.stats)
	}
	return r.w.Add(d, stored, nil)
}

// setAside moves a file to the quarantine directory.
func (r *rewriter) setAside(name string) error {
	if path.Ext(name) == packSuffix {
		r.stats.Damaged++
	}
	if err := r.db.fs.MkdirAll(quarantineDir, 0o777); err != nil {
		return err
	}
	to := path.Join(quarantineDir, path.Base(name))
	for n := 1; ; n++ { // what is there was set aside before
		if _, err := r.db.fs.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return r.db.fs.Rename(name, to)
		} else if err != nil {
			return err
		}
		to = path.Join(quarantineDir, fmt.Sprintf("%s.%d", path.Base(name), n))
	}
}

func (r *rewriter) discard() {
	if r.tmp != nil {
		r.tmp.Discard()
	}
}
