package objects

import (
	"context"
	"errors"
	"hash"
	"io"
	"io/fs"

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
	// maxOriginals is how many loose objects are retired at once: it bounds what has to be
	// remembered of them, and the time for which others are kept out.
	maxOriginals = 1 << 15
)

// PackStats counts what [DB.Pack] did.
type PackStats struct {
	Objects int64 // objects that were copied to new packs
	Bytes   int64 // of their stored bytes
	Packs   int   // packs that were made
	Removed int   // files that were removed, because all that was in them is in new packs
	Indexes int   // indexes that were made anew
	Damaged int   // packs that were set aside, after what is whole in them was copied, and indexes without a pack
	Skipped int   // small packs that stay, because an object in them does not verify
}

// errOther says that the object was copied already, with other stored bytes. Without keys
// nobody knows which of them are better.
var errOther = errors.New("another copy has other bytes")

// errChanged says that somebody replaced or removed what was copied.
var errChanged = errors.New("the store is being changed by others: try again")

// Pack gathers small loose objects and small packs in packs of about a gigabyte, and
// makes missing and damaged indexes anew. Stored bytes are copied as they are, and only
// what verifies is gathered; a loose object that does not, and a pack with one in it,
// stays where it is. A pack that is cut off is moved to the quarantine directory after
// what is whole in it was copied to a new one. Readers and writers may go on meanwhile,
// and when it is interrupted everything is in the old place or in the new one. It needs
// space for one large pack at a time, and some 50 bytes of memory for each object that it
// gathers. A pack takes at most 32,768 loose objects; the next Pack gathers such packs.
// progress may be nil.
func (db *DB) Pack(ctx context.Context, progress func(PackStats)) (stats PackStats, err error) {
	for range maxRounds {
		stats, err = db.packOnce(ctx, progress)
		if !errors.Is(err, errChanged) {
			break
		}
	}
	return stats, putError(Digest{}, err)
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
	if len(sources) < 2 && loose < minPack {
		return r.stats, nil
	}
	return r.stats, r.gather(sources)
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
	touched   map[string]bool   // names whose directories are to be synced
	asides    *asides           // objects to be set aside before their pack is retired, or nil
	setAside  []Moved           // damaged packs and their indexes
	made      []packfile.ID     // packs that were published
	mended    []packfile.ID     // packs that took the place of damaged ones
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
		touched: make(map[string]bool),
	}
}

// gather copies packs and loose objects to new packs, and retires the old ones.
func (r *rewriter) gather(packs []packfile.ID) error {
	for _, id := range packs {
		if err := r.addPack(id); err != nil {
			return err
		}
	}
	if err := r.eachLoose(r.addLoose); err != nil {
		return err
	}
	return r.flush()
}

// addPack copies the objects of a pack that are good. If all are, the pack can be
// retired.
func (r *rewriter) addPack(id packfile.ID) error {
	o := r.use(indexPath(id), packPath(id))
	file, err := durable.OpenRegular(r.db.fs, packPath(id))
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
	if err == nil && whole {
		o.retire = r.remove
	}
	return err
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
	if len(r.used) >= maxOriginals {
		if err := r.flush(); err != nil {
			return err
		}
	}
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
	o.retire = r.remove
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

func (r *rewriter) discard() {
	if r.tmp != nil {
		r.tmp.Discard()
	}
}
