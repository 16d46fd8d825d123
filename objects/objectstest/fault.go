package objectstest

import (
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/go-git/go-billy/v5"
)

// A FaultMode says what a call that fails does besides.
type FaultMode int

const (
	// FailBefore: the call does nothing and reports the error. Close and unlock
	// close and unlock all the same, as a kernel does.
	FailBefore FaultMode = iota
	// FailHalf is FailBefore, but Write writes the first half of its bytes, and
	// Read and ReadAt read the first half.
	FailHalf
	// FailAfter: the call does its work and then reports the error, like a rename
	// over a network whose answer was lost. What an opening call opened is closed.
	FailAfter
)

// A FaultFS counts the calls to a filesystem and its files and lets chosen ones
// fail. It may be used by several goroutines at once; which of their calls is the
// nth is then for chance to say.
//
// The usual loop goes on until a run needs fewer calls than n:
//
//	for n := 1; ; n++ {
//		inner := …                   // the old state
//		faults := objectstest.NewFaultFS(inner)
//		faults.FailAt(n, false, syscall.EIO)
//		err := change(faults.FS())
//		…                            // look at inner: old state or new, no third
//		if faults.Calls() < n {
//			break
//		}
//	}
//
// Every method of a filesystem and of its files is a call, but for Join, Root, Name
// and Size. So are the methods of the optional abilities; a listing by Names is two
// calls, one before the first name and one after the last. What a failed call
// reports is a [*fs.PathError] or [*os.LinkError] around the given error.
type FaultFS struct {
	fs billy.Filesystem

	mu      sync.Mutex
	at      int // 0: never
	forever bool
	err     error
	mode    FaultMode
	log     []string
}

// NewFaultFS puts inner behind a FaultFS that lets every call pass until
// [FaultFS.FailAt] is called.
func NewFaultFS(inner billy.Filesystem) *FaultFS {
	f := new(FaultFS)
	f.fs = f.wrap(inner)
	return f
}

// FS returns the filesystem that fails. It has those optional abilities of package
// durable that the one behind it has, and its files are durable.Syncer if those
// behind it are.
func (f *FaultFS) FS() billy.Filesystem { return f.fs }

// FailAt begins to count anew, and lets call n from now, the first being 1, fail
// with err; with forever all calls after it, too. With n = 0 no call fails.
func (f *FaultFS) FailAt(n int, forever bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at, f.forever, f.err, f.log = n, forever, err, nil
}

// SetMode says what calls that fail do besides; it is [FailBefore] at first.
func (f *FaultFS) SetMode(mode FaultMode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mode = mode
}

// Calls returns the number of calls since the last FailAt, or since the beginning.
func (f *FaultFS) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.log)
}

// Log returns those calls in order: the operation and the name, as in
// "sync tmp/0123". An operation is called what the method is called, in lower
// case; a Rename has both names.
func (f *FaultFS) Log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// A fault is what a call has to do other than its work. The zero fault is none.
type fault struct {
	err  error
	mode FaultMode
}

// count notes a call and says whether it is to fail.
func (f *FaultFS) count(op, name string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log = append(f.log, op+" "+name)
	if n := len(f.log); f.at == 0 || n < f.at || n > f.at && !f.forever {
		return fault{}
	}
	return fault{err: &fs.PathError{Op: op, Path: name, Err: f.err}, mode: f.mode}
}

// before reports whether the work is to be left out.
func (x fault) before() bool { return x.err != nil && x.mode != FailAfter }

// call does the work of a call that returns nothing but an error.
func (f *FaultFS) call(op, name string, do func() error) error {
	x := f.count(op, name)
	if x.before() {
		return x.err
	}
	return x.or(do())
}

// or returns the error that the work gave, or else the fault's.
func (x fault) or(err error) error {
	if err != nil {
		return err
	}
	return x.err
}

// end does work that a fault must not prevent, since a kernel does it whatever it
// reports: to close and to unlock.
func (f *FaultFS) end(op, name string, do func() error) error {
	return f.count(op, name).or(do())
}

// get does the work of a call that returns a value.
func get[T any](f *FaultFS, op, name string, do func() (T, error)) (v T, err error) {
	x := f.count(op, name)
	if x.before() {
		return v, x.err
	}
	done, err := do()
	if err := x.or(err); err != nil {
		return v, err
	}
	return done, nil
}

// open does the work of a call that opens something, and closes it again if the
// call fails afterwards: the caller gets nothing that he could close.
func open[T any](f *FaultFS, op, name string, do func() (T, error), undo func(T) error) (v T, err error) {
	x := f.count(op, name)
	if x.before() {
		return v, x.err
	}
	done, err := do()
	if err != nil {
		return v, err
	}
	if x.err != nil {
		undo(done)
		return v, x.err
	}
	return done, nil
}

// transfer does the work of a call that moves bytes.
func (f *FaultFS) transfer(op, name string, p []byte, do func([]byte) (int, error)) (int, error) {
	x := f.count(op, name)
	switch {
	case x.err != nil && x.mode == FailHalf:
		n, err := do(p[:len(p)/2])
		if err == nil {
			err = x.err
		}
		return n, err
	case x.before():
		return 0, x.err
	}
	n, err := do(p)
	return n, x.or(err)
}

func linkFault(err error, from, to string) error {
	if e, ok := err.(*fs.PathError); ok && e.Op == "rename" {
		return &os.LinkError{Op: e.Op, Old: from, New: to, Err: e.Err}
	}
	return err
}
