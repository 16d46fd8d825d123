package hooks

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"fsk/objects"
)

var _ objects.PreReader = (*Deny)(nil)

const (
	// MaxDenied is the largest number of digests that [ReadDeny] takes: 4,194,304,
	// which are 128 MiB of memory.
	MaxDenied = 1 << 22

	maxDenyLine = 1024 // bytes of a comment
)

// Deny refuses the objects of a list. Make one with [NewDeny] or [ReadDeny]. However
// long the list is, asking costs one search in memory: it is sorted.
type Deny struct {
	sorted []objects.Digest
}

// NewDeny returns a Deny for these objects.
func NewDeny(digests ...objects.Digest) *Deny { return newDeny(slices.Clone(digests)) }

// newDeny keeps the list. Lists in files tend to be sorted already.
func newDeny(list []objects.Digest) *Deny {
	if !slices.IsSortedFunc(list, objects.Digest.Compare) {
		slices.SortFunc(list, objects.Digest.Compare)
	}
	return &Deny{sorted: slices.Compact(list)}
}

// A DenyError is the error of [ReadDeny] for a list that is not one.
type DenyError struct {
	Line    int // from 1
	Problem string
}

// Error returns line and problem, never what is in the line.
func (e *DenyError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Problem) }

// ReadDeny reads a list of at most [MaxDenied] digests: lines of 64 lowercase
// hexadecimal digits. A line that is empty, or begins with #, is a comment of at most
// 1024 bytes. Each line ends in a line feed, the last one too, so that a list that
// was cut off is not taken for a shorter one. Anything else is a [*DenyError]: a line
// that were skipped might be the one that matters.
func ReadDeny(r io.Reader) (*Deny, error) {
	var list []objects.Digest
	lines := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) == 0:
			return newDeny(list), nil
		case err == io.EOF:
			return nil, &DenyError{n, "does not end in a line feed: the list may be cut off"}
		case errors.Is(err, bufio.ErrBufferFull), err == nil && len(line) > maxDenyLine:
			return nil, &DenyError{n, "is too long"}
		case err != nil:
			return nil, err
		}
		line = line[:len(line)-1]
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		d, err := objects.ParseDigest(string(line))
		if err != nil {
			return nil, &DenyError{n, "is not a digest of 64 lowercase hexadecimal digits"}
		}
		if len(list) == MaxDenied {
			return nil, &DenyError{n, fmt.Sprintf("is one digest too many: at most %d are allowed", MaxDenied)}
		}
		list = append(list, d)
	}
}

// Len returns the number of objects on the list.
func (d *Deny) Len() int { return len(d.sorted) }

// Digests returns the list, sorted and without repetition. It must not be changed.
func (d *Deny) Digests() []objects.Digest { return d.sorted }

// PreRead implements [objects.PreReader].
func (d *Deny) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error {
	if _, denied := slices.BinarySearchFunc(d.sorted, info.Digest, objects.Digest.Compare); denied {
		return &Denial{d.String(), "it is on the deny list"}
	}
	return nil
}

// String returns the name of the policy.
func (*Deny) String() string { return "policy deny" }
