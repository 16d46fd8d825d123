package durable

import (
	"errors"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/go-git/go-billy/v5"
)

var (
	// ErrNotRegular is the error of opening something that is there but is not a
	// regular file: a link, directory, FIFO, socket or device.
	ErrNotRegular = errors.New("not a regular file")
	// ErrUnsafePath is the error of a path on whose way to its last element there
	// is a link.
	ErrUnsafePath = errors.New("a link among the directories")
	// ErrLocked is the error of a lock that another holder did not release in time.
	ErrLocked = errors.New("locked by another process")
)

// A RegularFile is a regular file that is open for reading. ReadAt may be called
// by several goroutines at once.
type RegularFile interface {
	io.ReaderAt
	io.Closer
	// Size returns the size in bytes that the open file had when it was opened.
	Size() int64
}

// A Stater is an open file that describes itself, as it is now and whatever its name
// stands for.
type Stater interface {
	Stat() (fs.FileInfo, error)
}

// A RegularOpener opens files that come from a disk which is not trusted.
type RegularOpener interface {
	// OpenRegular opens a regular file for reading. It follows no link, neither as
	// the last element (ErrNotRegular) nor before it (ErrUnsafePath), does not block
	// on a FIFO, and refuses all that is not a regular file with ErrNotRegular.
	OpenRegular(name string) (RegularFile, error)
}

// A Toucher is an open file whose time can be set, to note that it was used.
type Toucher interface {
	// Touch sets the modification time of the open file to now, by the clock of its
	// filesystem, if it is further than age from now. It does nothing to a file that has
	// more names than one, since another may be somebody else's.
	Touch(age time.Duration) error
}

// A NameLister lists directories without a look at their entries.
type NameLister interface {
	// Names yields the names in a directory in no order, a few at a time, so that a
	// directory of any size costs little memory. An error ends the listing. An entry
	// that comes or goes meanwhile is listed or not; neither is an error.
	Names(dir string) iter.Seq2[string, error]
}

// A Syncer is a file whose bytes can be forced to the disk.
type Syncer interface {
	Sync() error
}

// A WriteStarter is a file whose bytes can be sent on their way to the disk before they
// are synced, so that the sync has less to wait for. It is a hint: nothing is promised,
// and nothing reported.
type WriteStarter interface {
	StartWrite(off, n int64)
}

// A DirSyncer forces the names in a directory to the disk.
type DirSyncer interface {
	SyncDir(dir string) error
}

// A Locker locks files among processes; the kernel releases what a process held
// when it ends.
type Locker interface {
	// TryLock takes a lock on a file, which it makes (mode 0666 before umask) if it
	// is absent, and returns what releases it. Shared locks exclude exclusive ones
	// only. Two calls in one process exclude each other like calls in two. If the
	// lock is not free it fails at once with ErrLocked.
	TryLock(name string, exclusive bool) (unlock func() error, err error)
}

// A Queuer is a Locker that lets who wants a lock exclusively be the next to have it.
// Without that, holders of the shared lock who follow one another closely keep him out
// for ever.
type Queuer interface {
	// TryQueue enters the turnstile of the lock on a file, or fails at once with
	// ErrLocked. Who wants the lock shared enters it for the moment in which he tries to
	// take it, together with others like him; who wants it exclusively enters it alone,
	// and stays until he has the lock, so that only its present holders are before him.
	// It is about order only: after any other error one goes on without it.
	TryQueue(name string, exclusive bool) (leave func() error, err error)
}

// Abilities tells which of the optional abilities a filesystem has.
type Abilities struct {
	Sync     bool // directories can be synced; files then can, too
	Names    bool // names are listed without a stat of each
	Lock     bool // shared locks among processes
	Confined bool // opening follows no link and cannot block
}

// AbilitiesOf returns the abilities of fs.
func AbilitiesOf(fs billy.Filesystem) (a Abilities) {
	_, a.Sync = fs.(DirSyncer)
	_, a.Names = fs.(NameLister)
	_, a.Lock = fs.(Locker)
	_, a.Confined = fs.(RegularOpener)
	return a
}
