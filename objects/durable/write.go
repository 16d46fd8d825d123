package durable

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"github.com/go-git/go-billy/v5"
)

const (
	fileMode = 0o444 // published files are never changed, only replaced
	dirMode  = 0o777 // before umask, so that a group can share a store

	// TempNameSize is the length of the names of temporary files. It is the same for
	// all of them, because memfs renames by prefix.
	TempNameSize = 32
)

// ErrPublish is in the chain of the error of [File.Commit] when the rename was
// reported as failed. Over a network the rename may have happened all the same: a
// caller who can recognise the file under its name may take that for success,
// once [Writer.SyncName] has made the name durable.
var ErrPublish = errors.New("cannot publish")

// A Writer writes files of one filesystem. It may be used by several goroutines at
// once if the filesystem may.
type Writer struct {
	fs    billy.Filesystem
	tmp   string
	level Level

	mu     sync.Mutex
	linked map[string]bool // directories whose own name is known to be on the disk
	made   int             // how often directories were made, so that a sync before that does not count
}

// NewWriter returns a Writer that makes its temporary files in the directory tmp,
// which must be on the same disk as the files to be published.
func NewWriter(fs billy.Filesystem, tmp string, level Level) *Writer {
	return &Writer{fs: fs, tmp: tmp, level: level, linked: make(map[string]bool)}
}

// A File is a file that is being written and has no name yet that a reader would
// look for. It is for one goroutine, which ends it with [File.Commit] or
// [File.Discard].
type File struct {
	w       *Writer
	f       billy.File
	name    string // of the temporary file
	size    int64  // bytes written
	started int64  // of them, sent on their way to the disk
	failed  bool   // a write failed: there is nothing to publish
	settled bool   // published, or removed
}

// Create opens a new temporary file, which nobody may write to once it is published.
func (w *Writer) Create() (*File, error) { return w.CreateAs(fileMode) }

// CreateAs opens a new temporary file with the permissions perm before umask, for a
// directory in which other programs go on to change files.
func (w *Writer) CreateAs(perm fs.FileMode) (*File, error) {
	var random [TempNameSize / 2]byte
	rand.Read(random[:]) // never fails: it ends the program instead
	name := path.Join(w.tmp, hex.EncodeToString(random[:]))
	f, err := w.create(name, perm)
	if errors.Is(err, fs.ErrNotExist) { // somebody tidied the directory away
		if err := w.fs.MkdirAll(w.tmp, dirMode); err != nil {
			return nil, err
		}
		f, err = w.create(name, perm)
	}
	if err != nil {
		return nil, err
	}
	return &File{w: w, f: f, name: name}, nil
}

// O_EXCL: a name that was guessed and planted beforehand is an error, not a file
// to write through.
func (w *Writer) create(name string, perm fs.FileMode) (billy.File, error) {
	return w.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm.Perm())
}

// Write appends p to the file. After an error the file can only be discarded.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.f.Write(p)
	f.size += int64(n)
	if err == nil && n < len(p) {
		err = pathError("write", f.name, io.ErrShortWrite)
	}
	f.failed = f.failed || err != nil
	if f.size-f.started >= startSize {
		f.start()
	}
	return n, err
}

// startSize is how many bytes are sent to the disk at once while a large file is still
// being written: the disk works while the rest is hashed.
const startSize = 16 << 20

func (f *File) start() {
	if s, ok := f.f.(WriteStarter); ok && f.w.level == Full {
		s.StartWrite(f.started, f.size-f.started)
	}
	f.started = f.size
}

// Name returns the path of the temporary file.
func (f *File) Name() string { return f.name }

// Size returns the number of bytes written so far.
func (f *File) Size() int64 { return f.size }

// Commit does all that it takes to publish the file under name: [File.Finish],
// [File.Publish] and [Writer.SyncName]. When it returns nil the file is as durable as
// the writer's level says. When it fails before the rename nothing has happened and the
// temporary file is removed; when it fails after it, the file is there but may not
// survive a power loss. The file cannot be used afterwards.
func (f *File) Commit(name string) error {
	defer f.Discard()
	if err := f.Finish(); err != nil {
		return err
	}
	if err := f.Publish(name); err != nil {
		return err
	}
	return f.w.SyncName(name)
}

// Finish brings the bytes to the disk and closes the file, for which there remains
// [File.Publish]. Several files can be finished side by side before the first of them
// gets its name. It may be called again after it succeeded.
func (f *File) Finish() error {
	if f.failed {
		return pathError("commit", f.name, errors.New("an earlier write failed"))
	}
	if f.f == nil {
		return nil
	}
	f.failed = true // until all of it is done: an fsync that failed is not repeated
	if end, err := f.f.Seek(0, io.SeekEnd); err != nil {
		return err
	} else if end != f.size { // a filesystem that took the bytes and lost them
		return pathError("write", f.name, io.ErrShortWrite)
	}
	if s, ok := f.f.(Syncer); ok && f.w.level == Full {
		if err := s.Sync(); err != nil {
			return err
		}
	}
	file := f.f
	f.f = nil
	if err := file.Close(); err != nil {
		return err
	}
	f.failed = false
	return nil
}

// Publish gives a finished file its name, replacing what was there, and makes missing
// directories. The name is durable after [Writer.SyncName] only.
func (f *File) Publish(name string) error {
	if f.f != nil || f.failed {
		return pathError("publish", f.name, errors.New("not finished"))
	}
	if err := f.w.rename(f.name, name); err != nil {
		return fmt.Errorf("%w: %w", ErrPublish, err)
	}
	f.settled = true
	return nil
}

// Discard removes the file, unless it was published. It may be called at any time,
// and more than once.
func (f *File) Discard() {
	if f.f != nil {
		f.f.Close()
		f.f = nil
	}
	if !f.settled {
		f.settled = true
		f.w.removeTemp(f.name)
	}
}

// removeTemp waits a little if the process has no descriptor left, since others will be
// given back. What cannot be removed is a leftover that fsck reports.
func (w *Writer) removeTemp(name string) {
	const tries, pause = 20, 5 * time.Millisecond
	for range tries {
		err := w.fs.Remove(name)
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
			return
		}
		time.Sleep(pause)
	}
}

// rename makes the directory of the new name only if it is missing, which is rare.
func (w *Writer) rename(from, to string) error {
	err := w.fs.Rename(from, to)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.fs.MkdirAll(path.Dir(to), dirMode); err != nil {
		return err
	}
	w.forget(path.Dir(to))
	return w.fs.Rename(from, to)
}

// forget takes back that dir and the directories above it were seen synced.
func (w *Writer) forget(dir string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	for ; hasParent(dir); dir = path.Dir(dir) {
		delete(w.linked, dir)
	}
}

// SyncName makes the name of a published file durable: it syncs its directory, and
// above it each directory whose own name this writer has not yet seen synced. That
// a directory was there already does not prove that it was: another process may
// have made it a moment ago. At level [None] it does nothing.
func (w *Writer) SyncName(name string) error {
	if w.level != Full {
		return nil
	}
	dir := path.Dir(name)
	if err := SyncDir(w.fs, dir); err != nil {
		return err
	}
	for ; hasParent(dir); dir = path.Dir(dir) {
		w.mu.Lock()
		known, made := w.linked[dir], w.made
		w.mu.Unlock()
		if known {
			continue
		}
		if err := SyncDir(w.fs, path.Dir(dir)); err != nil {
			return err
		}
		w.mu.Lock()
		w.linked[dir] = w.made == made
		w.mu.Unlock()
	}
	return nil
}

// SyncNames is [Writer.SyncName] for many files, with one sync for each directory.
func (w *Writer) SyncNames(names map[string]bool) error {
	done := make(map[string]bool)
	for name := range names {
		if dir := path.Dir(name); !done[dir] {
			done[dir] = true
			if err := w.SyncName(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// SyncFile makes the bytes of a file that is open for reading durable: somebody else
// wrote it, and may not have synced it yet. Its name needs [Writer.SyncName]. At level
// [None] it does nothing.
func (w *Writer) SyncFile(f RegularFile) error {
	if s, ok := f.(Syncer); ok && w.level == Full {
		return s.Sync()
	}
	return nil
}

// hasParent reports whether dir is not the root of the filesystem.
func hasParent(dir string) bool { return dir != "." && dir != "/" }

// Remove removes a file or an empty directory and makes that durable.
func (w *Writer) Remove(name string) error {
	if err := w.fs.Remove(name); err != nil {
		return err
	}
	if w.level != Full {
		return nil
	}
	return SyncDir(w.fs, path.Dir(name))
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
