package gocache

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-git/go-billy/v5"
)

// plain has the plain files that are handed out, each named by its output. A file is
// written once and never touched again: others have it open.
type plain struct {
	mu     sync.Mutex
	places []Place // that were not tried yet
	dirs   []*dir  // the first is made at the start, others when one is full
	files  map[id]*plainFile
}

// A plainFile is a file that is there, or will be when ready is closed.
type plainFile struct {
	path  string
	size  int64
	err   error
	ready chan struct{}
}

// newPlain makes the directory in the first of the places that can be used.
func newPlain(places []Place) (*plain, error) {
	p := &plain{places: places, files: make(map[id]*plainFile)}
	_, err := p.dir(0)
	return p, err
}

// dir returns the nth directory, which it makes if there are only fewer.
func (p *plain) dir(n int) (*dir, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n < len(p.dirs) {
		return p.dirs[n], nil
	}
	failed := errors.New("no directory for plain files")
	for len(p.places) > 0 {
		place := p.places[0]
		p.places = p.places[1:]
		d, err := makeDir(place.Dir)
		if err == nil {
			d.limit = place.Limit
			p.dirs = append(p.dirs, d)
			return d, nil
		}
		failed = err
	}
	return nil, failed
}

// sweep removes what killed processes left in the places for directories.
func (p *plain) sweep() {
	p.mu.Lock()
	var parents []string
	for _, place := range p.places {
		parents = append(parents, place.Dir)
	}
	own := make(map[string]bool)
	for _, d := range p.dirs {
		parents = append(parents, filepath.Dir(d.path))
		own[d.path] = true
	}
	p.mu.Unlock()
	for _, parent := range parents {
		sweep(parent, own)
	}
}

// place returns the file of an output. If there is none, fill writes it; meanwhile others
// who want it wait. fill is not called if there is one, or somebody else is writing it.
func (p *plain) place(output id, fill func(w io.Writer) error) (*plainFile, error) {
	for {
		p.mu.Lock()
		f, ok := p.files[output]
		if !ok {
			f = &plainFile{ready: make(chan struct{})}
			p.files[output] = f
		}
		p.mu.Unlock()
		if !ok {
			p.write(output, f, fill)
			return f, f.err
		}
		<-f.ready
		if f.err == nil {
			return f, nil
		}
	}
}

// write makes a file. After a failure nothing is left of it, so that it can be made again.
func (p *plain) write(output id, f *plainFile, fill func(w io.Writer) error) {
	defer close(f.ready)
	w := &plainWriter{p: p, name: output.String()}
	f.err = w.open(0)
	if f.err == nil {
		f.err = fill(w)
		f.err = errors.Join(f.err, w.f.Close())
	}
	if f.err == nil {
		f.path, f.size = filepath.Join(w.dir.path, w.name), w.n
		return
	}
	if w.dir != nil {
		w.dir.fs.Remove(w.name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.files, output)
}

// remove removes all directories.
func (p *plain) remove() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, d := range p.dirs {
		d.remove()
	}
}

// A plainWriter writes a plain file. When its disk or its place is full, as that of the
// runtime directory soon is, it goes on in the next directory.
type plainWriter struct {
	p    *plain
	name string
	nth  int
	dir  *dir
	f    billy.File
	n    int64
}

// errPlace is the error of a place whose limit is reached.
var errPlace = errors.New("no more room for plain files there")

func (w *plainWriter) open(nth int) error {
	d, err := w.p.dir(nth)
	if err != nil {
		return err
	}
	if !d.take(0) {
		return w.open(nth + 1)
	}
	f, err := d.fs.OpenFile(w.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w.nth, w.dir, w.f = nth, d, f
	return nil
}

func (w *plainWriter) Write(b []byte) (n int, err error) {
	if w.dir.take(len(b)) {
		n, err = w.f.Write(b)
		w.n += int64(n)
	} else {
		err = errPlace
	}
	if err == nil {
		return n, nil
	}
	if w.move() != nil {
		return n, err
	}
	more, err := w.Write(b[n:])
	return n + more, err
}

// move copies what was written to the next directory.
func (w *plainWriter) move() error {
	old, dir, n := w.f, w.dir, w.n
	if err := w.open(w.nth + 1); err != nil {
		return err
	}
	defer func() {
		old.Close()
		dir.fs.Remove(w.name)
	}()
	w.dir.take(int(n)) // more than its limit is no harm: the next file is not for this place
	_, err := io.Copy(w.f, io.NewSectionReader(old, 0, n))
	return err
}
