package marks

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/rootfs"
	"fsk/refs"
)

const (
	tmpDir   = "tmp"
	lockName = "lock"
	suffix   = ".new" // of the name of the second file

	// lockWait is how long to wait for others, who hold the lock for milliseconds.
	lockWait = 10 * time.Second
	// maxRecent is how many marks the second file has at most.
	maxRecent = 512
	// maxPending is how many changes are in memory at most: a few megabytes.
	maxPending = 1 << 14
)

// Marks are those of one store and namespace. Changes are kept in memory until
// [Marks.Flush]. It may be used by several goroutines at once.
type Marks struct {
	dir  string
	file string // name of the first file
	warn func(error)

	mu       sync.Mutex
	disk     *disk // nil before the first look
	last     line  // that was found there last: who asks for a mark often raises it next
	pending  map[key]change
	rejected bool // writing failed once, and was told
}

// A key stands for the name of a ref: its BLAKE3.
type key = objects.Digest

// A change is a mark that is to be written.
type change struct {
	mark  refs.Mark
	reset bool // also over a higher one
}

var _ refs.Marks = (*Marks)(nil)

// New returns the marks of a store, named by its absolute path without links, and a
// namespace. They are kept in the directory dir, which is made when there is something
// to write. warn is told, once, why they cannot be written. New touches nothing.
func New(dir, store, namespace string, warn func(error)) *Marks {
	id := objects.Sum([]byte(store + "\x00" + namespace))
	return &Marks{dir: dir, file: id.String(), warn: warn, pending: make(map[key]change)}
}

// Mark returns the mark of a ref as it was when this Marks first looked, or as it has
// changed it since: never a higher one than a record that is read later has.
func (m *Marks) Mark(name refs.Name) (refs.Mark, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(keyOf(name))
}

// find looks for a mark in memory, and then on the disk. mu is held.
func (m *Marks) find(k key) (refs.Mark, error) {
	if c, ok := m.pending[k]; ok {
		return c.mark, nil
	}
	if m.disk == nil {
		d, err := openDisk(m.dir, m.file)
		if err != nil {
			return refs.Mark{}, err
		}
		m.disk = d
	}
	if m.last.key != k {
		mark, err := m.disk.find(k)
		if err != nil {
			return refs.Mark{}, err
		}
		m.last = line{k, mark}
	}
	return m.last.mark, nil
}

// Raise remembers a mark unless one at least as high is remembered.
func (m *Marks) Raise(name refs.Name, mark refs.Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := keyOf(name)
	was, err := m.find(k)
	if err != nil || mark.Seq <= was.Seq {
		return err
	}
	m.pending[k] = change{mark, m.pending[k].reset}
	if len(m.pending) >= maxPending {
		m.flush()
	}
	return nil
}

// Reset remembers a mark whatever is remembered.
func (m *Marks) Reset(name refs.Name, mark refs.Mark) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending[keyOf(name)] = change{mark, true}
	return nil
}

// Flush writes what has changed, and gives back what is open. Afterwards the Marks can be
// used again.
func (m *Marks) Flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flush()
	m.forget()
}

// flush drops what it cannot write: memory is bounded. mu is held.
func (m *Marks) flush() {
	if len(m.pending) == 0 {
		return
	}
	err := m.write()
	if err != nil && !m.rejected {
		m.rejected = true
		m.warn(err)
	}
	clear(m.pending)
	m.forget()
}

// forget gives back what is open; what is on the disk is looked at again. mu is held.
func (m *Marks) forget() {
	m.disk.close()
	m.disk, m.last = nil, line{}
}

// write changes the files. They are read again under the lock, because others may have
// changed them.
func (m *Marks) write() error {
	if err := os.MkdirAll(m.dir, 0o700); err != nil { // the user's own, as its specification says
		return err
	}
	fsys, err := rootfs.Create(m.dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	unlock, err := durable.NewLock(fsys, lockName, lockWait).Exclusive(context.Background())
	if err != nil {
		return err
	}
	defer unlock()
	d, err := openDisk(m.dir, m.file)
	if err != nil {
		return err
	}
	defer d.close()
	recent, changed, err := d.merge(m.pending)
	if err != nil || !changed {
		return err
	}
	w := durable.NewWriter(fsys, tmpDir, durable.Full)
	// The changes come to the second file first, also if that is to be emptied next: it
	// counts more, so whenever this is interrupted it must have the latest.
	if err := writeTable(w, m.file+suffix, recent); err != nil {
		return err
	}
	if len(recent) <= maxRecent {
		return nil
	}
	if err := d.rewrite(w, m.file, recent); err != nil {
		return err
	}
	return writeTable(w, m.file+suffix, nil)
}

func keyOf(name refs.Name) key { return objects.Sum([]byte(name.String())) }

// A disk is the two files, open. A nil one is as good as none.
type disk struct{ recent, all *table }

// openDisk opens the files, which need not be there. The second one comes first: if the
// marks move to the first one meanwhile, they are found there.
func openDisk(dir, file string) (*disk, error) {
	fsys, err := rootfs.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return new(disk), nil
	}
	if err != nil {
		return nil, err
	}
	defer fsys.Close()
	d := new(disk)
	if d.recent, err = openTable(fsys, file+suffix); err == nil {
		d.all, err = openTable(fsys, file)
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *disk) close() {
	if d != nil {
		d.recent.close()
		d.all.close()
	}
}

func (d *disk) find(k key) (refs.Mark, error) {
	mark, ok, err := d.recent.find(k)
	if !ok && err == nil {
		mark, _, err = d.all.find(k)
	}
	return mark, err
}

// merge returns what the second file is to have, and whether that is new.
func (d *disk) merge(pending map[key]change) (recent map[key]refs.Mark, changed bool, err error) {
	recent = make(map[key]refs.Mark)
	for l, err := range d.recent.lines() {
		if err != nil {
			return nil, false, err
		}
		recent[l.key] = l.mark
	}
	for k, c := range pending {
		was, err := d.find(k)
		if err != nil {
			return nil, false, err
		}
		if c.reset && was != c.mark || c.mark.Seq > was.Seq {
			recent[k], changed = c.mark, true
		}
	}
	return recent, changed, nil
}
