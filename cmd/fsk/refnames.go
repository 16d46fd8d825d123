package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fsk/cmd/fsk/config"
	"fsk/cmd/fsk/marks"
	"fsk/objects"
	"fsk/objects/rootfs"
	"fsk/refs"
)

// refNames are the refs of the store that is open. They are opened when the first name
// asks for them: to read an object by its digest must not cost more because there are
// refs. It may be used by several goroutines at once, but for of and finish.
type refNames struct {
	fs  *rootfs.FS
	db  *objects.DB
	cfg *config.Config

	ignoreMarks bool
	maxAge      time.Duration
	noHistory   bool

	once   sync.Once
	store  *refs.Store
	marks  *marks.Marks // nil: none are kept
	err    error
	asked  atomic.Bool // somebody asked for a ref by its name, or listed refs
	failed error       // why what was seen cannot be remembered; for finish, as the printer is for one goroutine
}

// of says whose refs these are, and whether to leave what was seen of them alone.
func (r *refNames) of(fsys *rootfs.FS, db *objects.DB, cfg *config.Config, ignoreMarks bool) {
	r.fs, r.db, r.cfg, r.ignoreMarks = fsys, db, cfg, ignoreMarks
}

// open opens the refs for somebody who wants to know what they name. What the options say
// is fixed then.
func (r *refNames) open() (*refs.Store, error) {
	r.asked.Store(true)
	return r.all()
}

// all opens the refs to check or keep all of them, for which no marks are needed.
func (r *refNames) all() (*refs.Store, error) {
	r.once.Do(func() {
		options := &refs.Options{Namespace: r.cfg.Namespace, Durability: r.cfg.Durability, MaxAge: r.maxAge, NoHistory: r.noHistory}
		if !r.ignoreMarks {
			if r.err = r.openMarks(); r.err != nil {
				return
			}
		}
		if r.marks != nil { // an interface that holds a nil pointer is not nil
			options.Marks = r.marks
		}
		r.store, r.err = refs.Open(r.fs, r.cfg.Ring, r.db, options)
	})
	return r.store, r.err
}

// openMarks finds the marks of this store. The path is resolved, so that they are the same
// whatever leads to the store.
func (r *refNames) openMarks() error {
	if r.cfg.State == "" {
		r.failed = errNoState
		return nil
	}
	store, err := filepath.EvalSymlinks(r.cfg.Store)
	if err != nil {
		return err
	}
	r.marks = marks.New(r.cfg.State, store, r.cfg.Namespace, func(err error) { r.failed = err })
	return nil
}

var errNoState = errors.New("there is no home directory")

// get returns what a ref names, if the policy lets it.
func (r *refNames) get(ctx context.Context, name refs.Name) (refs.Ref, error) {
	store, err := r.open()
	if err != nil {
		return refs.Ref{}, err
	}
	ref, err := store.Get(ctx, name)
	if err == nil {
		err = r.allowed(ref)
	}
	if err != nil {
		return refs.Ref{}, withAcceptHint(name, err)
	}
	return ref, nil
}

// allowed holds a ref against the policy about keys, which is about objects and refs alike.
func (r *refNames) allowed(ref refs.Ref) error { return refAllowed(&r.cfg.Policy, ref) }

func refAllowed(p *config.Policy, ref refs.Ref) error {
	if p.FirstKeyOnly && ref.Retired {
		return &refs.Error{Name: ref.Name, Reason: objects.Denied,
			Err: fmt.Errorf("sealed by the retired key %s, and only the first key is accepted", ref.Key)}
	}
	for _, list := range p.KeyLists {
		if !slices.Contains(list.IDs, ref.Key) {
			return &refs.Error{Name: ref.Name, Reason: objects.Denied, Err: fmt.Errorf("sealed by key %s, which is not on the list of %s", ref.Key, list.From)}
		}
	}
	return nil
}

// finish remembers what was seen, and tells what could not be done.
func (r *refNames) finish(out *printer) {
	if r.marks != nil {
		r.marks.Flush()
	}
	if r.failed != nil && r.asked.Load() {
		out.warning(fmt.Sprintf("what was seen of refs cannot be remembered: %v", r.failed))
	}
}
