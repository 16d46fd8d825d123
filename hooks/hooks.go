// Package hooks has policies that a reader of a store may set: what must hold
// beyond the seal before a payload is released. They implement
// [objects.PreReader], go into the Options of package objects, and can only
// tighten: they are asked about verified objects alone.
//
//	db, err := objects.Open(fs, ring, &objects.Options{
//		PreRead: hooks.Chain{hooks.FirstKey{}, hooks.NewDeny(revoked...)},
//	})
//
// All of them may be used by several goroutines at once.
package hooks

import (
	"context"
	"errors"
	"io"

	"fsk/objects"
)

var (
	_ objects.PreReader = Chain{}
	_ objects.PreReader = FirstKey{}
	_ objects.PreReader = (*Deny)(nil)
)

// A Chain asks policies in order. The first that refuses decides; an empty Chain
// refuses nothing.
type Chain []objects.PreReader

// PreRead implements [objects.PreReader].
func (c Chain) PreRead(ctx context.Context, info objects.Info, payload io.ReaderAt) error {
	for _, p := range c {
		if err := p.PreRead(ctx, info, payload); err != nil {
			return err
		}
	}
	return nil
}

// FirstKey refuses every object that the first key of the ring did not seal, also
// those that no key sealed.
type FirstKey struct{}

var errNotFirstKey = errors.New("policy: not sealed by the first key of the ring")

// PreRead implements [objects.PreReader].
func (FirstKey) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error {
	if info.Reason != objects.OK || info.Retired {
		return errNotFirstKey
	}
	return nil
}

// Deny refuses the objects of a list. Make one with [NewDeny]; asking costs one
// lookup, however long the list is.
type Deny struct {
	digests map[objects.Digest]struct{}
}

// NewDeny returns a Deny for these objects.
func NewDeny(digests ...objects.Digest) *Deny {
	d := &Deny{digests: make(map[objects.Digest]struct{}, len(digests))}
	for _, digest := range digests {
		d.digests[digest] = struct{}{}
	}
	return d
}

var errDenied = errors.New("policy: on the deny list")

// PreRead implements [objects.PreReader].
func (d *Deny) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error {
	if _, denied := d.digests[info.Digest]; denied {
		return errDenied
	}
	return nil
}
