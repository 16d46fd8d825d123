package refs

import (
	"context"
	"errors"
	"path"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/seal"
)

const (
	refsDir  = "refs"
	tmpDir   = "tmp" // that of the store: a rename does not leave the disk
	lockName = ".lock"

	// defaultNamespace is that of the refs if the options name none.
	defaultNamespace = "default"
	// defaultLockWait is long enough for others to verify large objects and to sync.
	defaultLockWait = time.Minute
)

// Options change how refs are read and written. The zero value is the strictest, but
// for the marks and the age, of which nobody else can know what is right.
type Options struct {
	// Namespace tells the refs of one user of the keys from those of another. "" means
	// "default". It must come from where the keys come from, never from the store.
	Namespace string
	// Marks, if not nil, remembers what was seen, so that an older record is noticed.
	Marks Marks
	// MaxAge, if not 0, makes [Store.Get] refuse a record whose time is further than
	// this from now.
	MaxAge time.Duration
	// Durability is what an acknowledged update survives. The zero value is Full.
	Durability durable.Level
	// LockWait limits the time that an update waits for others. 0 means a minute.
	LockWait time.Duration
	// NoHistory does not keep the records that are replaced: for a cache.
	NoHistory bool
	// Touch, if not 0, has [Store.Get] set the time of the record's file to now, if it is
	// further than this from now: the time of its last use, by which [Store.Evict] goes.
	// Who may not set it, or cannot on this filesystem, reads all the same.
	Touch time.Duration
	// Now is the clock. nil means [time.Now].
	Now func() time.Time
}

// A Store has the refs of a store of objects, in one namespace. It may be used by
// several goroutines at once if its filesystem and marks may.
type Store struct {
	fs     billy.Filesystem
	ring   *seal.Ring // whose ids are shown
	sealer *seal.Ring // derived from ring: it seals and verifies
	db     *objects.DB
	opts   Options
	writer *durable.Writer
	lock   *durable.Lock
}

// A Ref is a record that was verified.
type Ref struct {
	Record
	Reason     objects.Reason // OK, OKPlain or OKUnverified
	Key        seal.KeyID     // of the key that sealed it, zero if none is known
	Retired    bool           // that key is not the first of the ring
	BodyDigest objects.Digest // BLAKE3 of the body, by which marks and history know the record
}

// Open opens the refs of the store in fs. db is that store, opened with the same ring;
// it has the objects that refs name, and their history. A nil ring is an error:
// [seal.Off] says that there are no keys. opts may be nil. Open touches nothing.
func Open(fs billy.Filesystem, ring *seal.Ring, db *objects.DB, opts *Options) (*Store, error) {
	if ring == nil {
		return nil, errors.New("refs.Open: nil ring: seal.Off says that there are no keys")
	}
	if fs == nil || db == nil {
		return nil, errors.New("refs.Open: no filesystem, or no store of objects")
	}
	s := &Store{fs: fs, ring: ring, sealer: ring.Derive(sealContext), db: db}
	if opts != nil {
		s.opts = *opts
	}
	if s.opts.Namespace == "" {
		s.opts.Namespace = defaultNamespace
	}
	if err := CheckNamespace(s.opts.Namespace); err != nil {
		return nil, &Error{Reason: objects.BadName, Err: err}
	}
	if s.opts.LockWait <= 0 {
		s.opts.LockWait = defaultLockWait
	}
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	s.writer = durable.NewWriter(fs, tmpDir, s.opts.Durability)
	s.lock = durable.NewLock(fs, path.Join(refsDir, lockName), s.opts.LockWait)
	return s, nil
}

// Freeze waits for the updates that are at work and keeps others from beginning, in all
// processes, until thaw is called. Who deletes objects that no ref names holds it while
// he looks at [Store.Targets] and deletes: an update makes sure of its object under this
// lock. Take it before the lock of the store.
func (s *Store) Freeze(ctx context.Context) (thaw func(), err error) {
	thaw, err = s.lock.Exclusive(ctx)
	if reasonIs(err, objects.Missing) { // a store whose directory for refs somebody removed
		if err := s.fs.MkdirAll(refsDir, 0o777); err != nil {
			return nil, writeError(Name{}, err)
		}
		thaw, err = s.lock.Exclusive(ctx)
	}
	if err != nil {
		return nil, writeError(Name{}, err)
	}
	return thaw, nil
}

func reasonIs(err error, reason objects.Reason) bool { return err != nil && reasonOf(err) == reason }

// pathOf returns the path, in the store, of what has this path below refs.
func pathOf(below string) string { return path.Join(refsDir, below) }
