package objects

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// noteSuffix ends the name of the note about a file in the quarantine directory.
const noteSuffix = ".note"

// asides are files for the quarantine directory. All that is to be written is on the disk
// before the lock is taken; under it there are only names to give.
type asides struct {
	db      *DB
	writer  *durable.Writer
	waiting []aside
	placed  map[string]bool // names of what was set aside, and of what is there no more: their
	left    map[string]bool // directories are to be synced
	moved   []Moved
}

// An aside is a file that is to be moved, or a copy of an object in a pack, and the note
// about it.
type aside struct {
	f     Finding
	label string
	note  *durable.File
	copy  *durable.File // nil if the file of the finding is moved itself
	seen  fs.FileInfo   // that file, before it was looked at
}

func newAsides(db *DB) *asides {
	return &asides{db: db, writer: durable.NewWriter(db.fs, tmpDir, durable.Full), placed: make(map[string]bool), left: make(map[string]bool)}
}

// addFile prepares moving the file of a finding.
func (a *asides) addFile(f Finding, seen fs.FileInfo) error {
	label := path.Base(f.Path)
	if !f.Digest.IsZero() {
		label = f.Digest.String()
	}
	return a.add(aside{f: f, label: label, seen: seen})
}

// addObject copies the stored bytes of an object of a pack.
func (a *asides) addObject(o packfile.Object, f Finding) error {
	x := aside{f: f, label: f.Digest.String()}
	var err error
	if x.copy, err = a.write(bytes.NewReader(o.Stored)); err != nil {
		return err
	}
	return a.add(x)
}

// addReplaced copies the pack of a finding, which is about to be replaced, so that readers
// find the one or the other at every moment. One that is larger than any that fsk makes is
// moved: to copy it would fill the disk.
func (a *asides) addReplaced(f Finding) error {
	file, err := durable.OpenRegular(a.db.fs, f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	if file.Size() > 2*packSize {
		return a.addFile(f, nil)
	}
	tmp, err := a.write(io.NewSectionReader(file, 0, file.Size()))
	if err != nil {
		return err
	}
	return a.add(aside{f: f, label: path.Base(f.Path), copy: tmp})
}

func (a *asides) add(x aside) (err error) {
	text := fmt.Sprintf("reason %s\npath %s\ntime %s\n%s\n", x.f.Reason, x.f.Path, time.Now().UTC().Format(time.RFC3339), x.f.Reason.Explain())
	if x.note, err = a.write(strings.NewReader(text)); err != nil {
		x.discard()
		return err
	}
	a.waiting = append(a.waiting, x)
	return nil
}

func (a *asides) write(content io.Reader) (*durable.File, error) {
	f, err := a.writer.Create()
	if err != nil {
		return nil, err
	}
	if _, err = io.Copy(f, content); err == nil {
		err = f.Finish()
	}
	if err != nil {
		f.Discard()
		return nil, err
	}
	return f, nil
}

// publish gives everything that was added its name, and makes that durable, also what was
// done before an error. The lock is held.
func (a *asides) publish() error {
	var failed error
	for _, x := range a.waiting {
		if failed = a.place(x); failed != nil {
			break
		}
	}
	a.discard()
	// The quarantine comes first: whatever is lost after that, what was moved is in one
	// place or in both.
	err := a.writer.SyncNames(a.placed)
	if err == nil {
		err = a.writer.SyncNames(a.left)
	}
	clear(a.placed)
	clear(a.left)
	return errors.Join(failed, err)
}

// place moves one file. The note comes first: nothing is set aside without one.
func (a *asides) place(x aside) error {
	to, err := a.free(path.Join(quarantineDir, x.label+"."+string(x.f.Reason)))
	if err != nil {
		return err
	}
	a.placed[to] = true
	if err = x.note.Publish(to + noteSuffix); err == nil {
		if x.copy != nil {
			err = x.copy.Publish(to)
		} else {
			err = a.db.fs.Rename(x.f.Path, to)
			a.left[x.f.Path] = true
		}
	}
	if err != nil {
		if _, there := a.db.fs.Lstat(to); errors.Is(there, fs.ErrNotExist) {
			a.db.fs.Remove(to + noteSuffix) // it is about nothing
		}
		return err
	}
	a.moved = append(a.moved, Moved{x.f, to})
	return nil
}

// free finds a name that is free, as its note's is: what is there was set aside before.
func (a *asides) free(name string) (string, error) {
	for n, free := 1, name; ; n++ {
		taken := false
		for _, name := range []string{free, free + noteSuffix} {
			_, err := a.db.fs.Lstat(name)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
			taken = taken || err == nil
		}
		if !taken {
			return free, nil
		}
		free = fmt.Sprintf("%s.%d", name, n)
	}
}

// discard forgets what waits.
func (a *asides) discard() {
	for _, x := range a.waiting {
		x.discard()
	}
	a.waiting = nil
}

// discard removes temporary files; of those that were published nothing is left.
func (x aside) discard() {
	for _, f := range []*durable.File{x.note, x.copy} {
		if f != nil {
			f.Discard()
		}
	}
}
