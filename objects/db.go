package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"fsk/objects/durable"
	"fsk/seal"

	"github.com/go-git/go-billy/v5"
)

// The files of a store. Every path in it is made here.
const (
	markName      = "fsk-store"
	mark          = "fsk-store 1\n"
	objectsDir    = "objects"
	packDir       = "pack" // below objectsDir
	refsDir       = "refs"
	quarantineDir = "quarantine"
	tmpDir        = "tmp"
	lockName      = "lock"

	fanOut = 2 // digits of the digest that name the directory of a loose object
)

const (
	// DefaultMaxObjectSize is the limit of an object's payload, in bytes, if the
	// options set none: 8 GiB.
	DefaultMaxObjectSize = 8 << 30
	// MaxGetSize is the limit in bytes of what [DB.Get] returns: 1 GiB.
	MaxGetSize = 1 << 30

	// defaultLockWait is long enough for a writer to sync some gigabytes.
	defaultLockWait = time.Minute
)

// Loose is the [Info.Where] of an object in a file of its own.
const Loose = "loose"

// A PreReader is asked before a payload is released, by [DB.Get], [DB.GetInto],
// [DB.GetEach] or [DB.Open]. It can only tighten: it is asked about verified objects alone.
type PreReader interface {
	// PreRead returns nil to let the payload be released, and otherwise an error that
	// says why not; the caller of the read gets it in an [*Error] with the reason
	// [Denied], or [HookFailed] if it wraps [ErrHookFailed]. It may read the payload,
	// of info.Size bytes and verified like everything that is released, until it
	// returns. It may be called by several goroutines at once.
	PreRead(ctx context.Context, info Info, payload io.ReaderAt) error
}

// Options change how a store is used. The zero value is the strictest.
type Options struct {
	// Durability is what an acknowledged write survives. The zero value is Full.
	Durability durable.Level
	// MaxObjectSize limits the payloads that are read and written, in bytes.
	// 0 means DefaultMaxObjectSize.
	MaxObjectSize int64
	// PreRead, if not nil, is asked before a payload is released.
	PreRead PreReader
	// LockWait limits the time that a writer waits for the lock of the store. 0 means
	// a minute.
	LockWait time.Duration
}

// A DB is an open store. It may be used by several goroutines at once if its
// filesystem may.
type DB struct {
	fs      billy.Filesystem
	canSync bool
	ring    *seal.Ring
	opts    Options
	writer  *durable.Writer
	lock    *durable.Lock
	bufs    bufferPool
	packs   *packs
	folds   folds
}

// An Info describes one object.
type Info struct {
	Digest  Digest
	Size    int64      // of the payload in bytes; -1 if what is stored does not tell
	Reason  Reason     // the verdict
	Key     seal.KeyID // of the key that sealed it, zero if none is known
	Retired bool       // that key is not the first of the ring
	Where   string     // Loose, the id of a pack in hexadecimal, or "" if it was not found
}

// Init makes fs a store. It does nothing if fs is one already, and fails with
// [ErrNotEmpty] if there is anything else in it. Several processes may do it at once.
func Init(fs billy.Filesystem) error {
	switch err := readMark(fs); {
	case err == nil:
		return nil
	case !errors.Is(err, ErrNotStore):
		return err
	}
	if err := checkEmpty(fs); err != nil {
		return err
	}
	// The mark comes first: with it alone the store is whole, because writers make
	// missing directories.
	f, err := durable.NewWriter(fs, tmpDir, durable.Full).Create()
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := io.WriteString(f, mark); err != nil {
		return err
	}
	if err := f.Commit(markName); err != nil {
		return err
	}
	for _, dir := range []string{objectsDir, refsDir, quarantineDir} {
		if err := fs.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	return durable.SyncDir(fs, ".")
}

// checkEmpty lets the directory for temporary files pass, which an Init that was
// interrupted leaves behind, and looks for the mark once more, because another
// process may just have made the store.
func checkEmpty(fs billy.Filesystem) error {
	for name, err := range durable.Names(fs, ".") {
		if err != nil {
			return err
		}
		if name != tmpDir {
			if readMark(fs) == nil {
				return nil
			}
			return ErrNotEmpty
		}
	}
	return nil
}

// readMark returns nil if fs is a store, and an error that wraps ErrNotStore if it
// is none.
func readMark(fsys billy.Filesystem) error {
	f, err := durable.OpenRegular(fsys, markName)
	switch reason := reasonOf(err); {
	case err == nil:
	case reason == IOError:
		return err
	case reason == Missing:
		return ErrNotStore
	default:
		return fmt.Errorf("%w: %s: %s", ErrNotStore, markName, reason.Explain())
	}
	defer f.Close()
	if f.Size() != int64(len(mark)) {
		return fmt.Errorf("%w: %s is not that of version 1", ErrNotStore, markName)
	}
	content := make([]byte, len(mark))
	if _, err := f.ReadAt(content, 0); err != nil && err != io.EOF {
		return err
	}
	if string(content) != mark {
		return fmt.Errorf("%w: %s is not that of version 1", ErrNotStore, markName)
	}
	return nil
}

// Open opens the store in fs. The keys of ring verify what is read, and the first
// seals what is written; [seal.Off] works without keys, and a nil ring is an error.
// opts may be nil. Open reads one small file, writes nothing and takes no lock; the
// error wraps [ErrNotStore] if fs is not a store.
func Open(fs billy.Filesystem, ring *seal.Ring, opts *Options) (*DB, error) {
	if ring == nil {
		return nil, errors.New("objects.Open: nil ring: seal.Off says that there are no keys")
	}
	if err := readMark(fs); err != nil {
		return nil, err
	}
	db := &DB{ring: ring, packs: newPacks(), canSync: durable.AbilitiesOf(fs).Sync}
	if opts != nil {
		db.opts = *opts
	}
	if db.opts.MaxObjectSize <= 0 {
		db.opts.MaxObjectSize = DefaultMaxObjectSize
	}
	if db.opts.LockWait <= 0 {
		db.opts.LockWait = defaultLockWait
	}
	runtime.AddCleanup(db, (*packs).close, db.packs) // a DB need not be closed
	db.fs = relieve(fs, db.packs.shed)
	db.packs.fs = db.fs
	db.writer = durable.NewWriter(db.fs, tmpDir, db.opts.Durability)
	db.lock = durable.NewLock(db.fs, lockName, db.opts.LockWait)
	return db, nil
}

// Close gives back at once the descriptors of the packs that the DB holds open, but for
// those that are being read. It never fails. A DB need not be closed: what it holds is
// given back when nothing refers to it any more. One that is used after Close opens
// again what it needs, and can be closed again. The filesystem is the caller's to close.
func (db *DB) Close() error {
	db.packs.close()
	return nil
}

// Durability returns what an acknowledged write survives: what the options ask for,
// or None if the filesystem cannot sync.
func (db *DB) Durability() durable.Level {
	if !db.canSync {
		return durable.None
	}
	return db.opts.Durability
}

// loosePath returns the path of the loose object, in the store.
func loosePath(d Digest) string {
	text := d.String()
	return objectsDir + "/" + text[:fanOut] + "/" + text[fanOut:]
}

// looseDigest is the inverse of loosePath for the last two elements of a path.
func looseDigest(dir, name string) (Digest, bool) {
	if len(dir) != fanOut || len(name) != DigestSize-fanOut || !isHex(dir) || !isHex(name) {
		return Digest{}, false
	}
	d, err := ParseDigest(dir + name)
	return d, err == nil
}

// looseDigestAt is the inverse of loosePath.
func looseDigestAt(file string) (Digest, bool) {
	dir, name, _ := strings.Cut(strings.TrimPrefix(file, objectsDir+"/"), "/")
	d, ok := looseDigest(dir, name)
	return d, ok && loosePath(d) == file
}
