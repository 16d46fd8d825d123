package hooks

import (
	"context"
	"fmt"
	"io"
	"slices"

	"fsk/objects"
	"fsk/seal"
)

var (
	_ objects.PreReader = RequireSeal{}
	_ objects.PreReader = FirstKey{}
	_ objects.PreReader = Keys(nil)
	_ objects.PreReader = MaxSize(0)
)

// RequireSeal refuses every object that no key of the ring sealed: without keys, all.
type RequireSeal struct{}

// PreRead implements [objects.PreReader].
func (p RequireSeal) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error {
	if info.Reason != objects.OK {
		return &Denial{p.String(), "no key of the ring has sealed it"}
	}
	return nil
}

// String returns the name of the policy.
func (RequireSeal) String() string { return "policy require_seal" }

// FirstKey refuses every object that the first key of the ring did not seal, also
// those that no key sealed.
type FirstKey struct{}

// PreRead implements [objects.PreReader].
func (p FirstKey) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error {
	switch {
	case info.Reason != objects.OK:
		return &Denial{p.String(), "no key of the ring has sealed it"}
	case info.Retired:
		return &Denial{p.String(), fmt.Sprintf("sealed by the retired key %s, not by the first", info.Key)}
	}
	return nil
}

// String returns the name of the policy.
func (FirstKey) String() string { return "policy keys" }

// Keys refuses every object that none of these keys sealed. They are named by their
// ids, and count only if they are in the ring. An empty list refuses everything.
type Keys []seal.KeyID

// PreRead implements [objects.PreReader].
func (p Keys) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error {
	switch {
	case info.Reason != objects.OK:
		return &Denial{p.String(), "no key of the ring has sealed it"}
	case !slices.Contains(p, info.Key):
		return &Denial{p.String(), fmt.Sprintf("sealed by the key %s, which is not on the list", info.Key)}
	}
	return nil
}

// String returns the name of the policy.
func (Keys) String() string { return "policy keys" }

// MaxSize refuses payloads of more than this many bytes. The limit of
// [objects.Options] does so before anything is read; this one is for a Chain that has
// it as one of several rules.
type MaxSize int64

// PreRead implements [objects.PreReader].
func (p MaxSize) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error {
	if info.Size > int64(p) {
		return &Denial{p.String(), fmt.Sprintf("%d bytes are more than the limit of %d", info.Size, int64(p))}
	}
	return nil
}

// String returns the name of the policy.
func (MaxSize) String() string { return "policy max_object_size" }
