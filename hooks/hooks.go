// Package hooks has what a reader of a store may ask for beyond the seal before a
// payload is released. A seal says that a key holder stored an object; a policy says
// whether that is enough for this reader.
//
//	deny, err := hooks.ReadDeny(revoked)
//	db, err := objects.Open(fs, ring, &objects.Options{
//		PreRead: hooks.Chain{hooks.FirstKey{}, deny, hooks.MaxSize(1 << 20)},
//	})
//
// Everything here implements [objects.PreReader]. It can only tighten: it is asked about
// objects that were verified, and an object that is a miss stays one whatever a policy
// says of it. Whatever cannot decide refuses.
//
// [RequireSeal], [FirstKey], [Keys], [MaxSize] and [Deny] look at the description of
// an object alone and cost nothing that could be measured beside reading it. [Func] is
// a function of yours, [Chain] asks several, [Audit] writes down what was answered. A
// [Program] is another program that is asked, one process for each read.
//
// The error of what refuses is a [*Denial]; of what could not decide it wraps
// [objects.ErrHookFailed]. All of them may be used by several goroutines at once.
package hooks

import (
	"context"
	"fmt"
	"io"

	"fsk/objects"
)

var (
	_ objects.PreReader = Chain{}
	_ objects.PreReader = Func(nil)
)

// A Denial is the error of a policy that refuses an object.
type Denial struct {
	Policy string // which one, such as "policy deny" or "hook /usr/bin/scan"
	Why    string // safe to print
}

// Error returns which policy refuses, and why.
func (d *Denial) Error() string { return d.Policy + ": " + d.Why }

// NameOf returns the name of a policy as errors and logs have it: what its String
// method returns, or its type.
func NameOf(policy objects.PreReader) string {
	if s, ok := policy.(fmt.Stringer); ok {
		return s.String()
	}
	return fmt.Sprintf("hook of type %T", policy)
}

// A Chain asks policies in order. The first that refuses decides; an empty Chain
// refuses nothing, and a nil policy in it everything.
type Chain []objects.PreReader

// PreRead implements [objects.PreReader].
func (c Chain) PreRead(ctx context.Context, info objects.Info, payload io.ReaderAt) error {
	for _, p := range c {
		if p == nil {
			return fmt.Errorf("%w: a policy is nil", objects.ErrHookFailed)
		}
		if err := p.PreRead(ctx, info, payload); err != nil {
			return err
		}
	}
	return nil
}

// String returns the name of the policy.
func (c Chain) String() string { return fmt.Sprintf("%d policies", len(c)) }

// A Func is a function that is asked. A nil one refuses everything.
type Func func(ctx context.Context, info objects.Info, payload io.ReaderAt) error

// PreRead implements [objects.PreReader].
func (f Func) PreRead(ctx context.Context, info objects.Info, payload io.ReaderAt) error {
	if f == nil {
		return fmt.Errorf("%w: the function is nil", objects.ErrHookFailed)
	}
	return f(ctx, info, payload)
}

// String returns the name of the policy.
func (Func) String() string { return "hook in Go" }
