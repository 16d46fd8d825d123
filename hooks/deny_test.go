package hooks_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"fsk/hooks"
	"fsk/objects"
)

const (
	zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	ones  = "1111111111111111111111111111111111111111111111111111111111111111"
)

func TestReadDeny(t *testing.T) {
	for _, tt := range []struct {
		claim, text string
		line        int // of the fault, 0 if there is none
		len         int
	}{
		{"nothing", "", 0, 0},
		{"one", ones + "\n", 0, 1},
		{"unsorted and twice", ones + "\n" + zeros + "\n" + ones + "\n", 0, 2},
		{"comments", "# revoked\n\n" + ones + "\n#\n", 0, 1},
		{"a comment of the largest length", "#" + strings.Repeat("x", 1022) + "\n", 0, 0},
		{"a comment that is too long", "#" + strings.Repeat("x", 1023) + "\n", 1, 0},
		{"a line without an end that is long", ones + "\n" + strings.Repeat("#", 1<<20), 2, 0},
		{"cut off in a digest", ones + "\n" + ones[:63], 2, 0},
		{"cut off before the line feed", ones + "\n" + ones, 2, 0},
		{"cut off in a comment", "# rev", 1, 0},
		{"upper case", strings.Repeat("A", 64) + "\n", 1, 0},
		{"63 digits", ones[:63] + "\n", 1, 0},
		{"65 digits", ones + "1\n", 1, 0},
		{"a carriage return", ones + "\r\n", 1, 0},
		{"a space before", " " + ones + "\n", 1, 0},
		{"a space after", ones + " \n", 1, 0},
		{"a line of b3sum", ones + "  file\n", 1, 0},
		{"a comment behind", ones + "#\n", 1, 0},
		{"a line of spaces", " \n", 1, 0},
		{"a byte order mark", "\ufeff" + ones + "\n", 1, 0},
		{"NUL", "\x00\n", 1, 0},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			deny, err := hooks.ReadDeny(strings.NewReader(tt.text))
			var fault *hooks.DenyError
			switch {
			case tt.line == 0 && (err != nil || deny.Len() != tt.len):
				t.Errorf("ReadDeny = %v, %v; want %d digests", deny, err, tt.len)
			case tt.line != 0 && (deny != nil || !errors.As(err, &fault) || fault.Line != tt.line):
				t.Errorf("ReadDeny = %v, %v; want a fault in line %d", deny, err, tt.line)
			}
		})
	}
	if deny, err := hooks.ReadDeny(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(ones + "\n")))); deny != nil || !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("a reader that fails: %v, %v", deny, err)
	}
}

func TestReadDenyIsBounded(t *testing.T) {
	endless := repeat(ones + "\n")
	var fault *hooks.DenyError
	if _, err := hooks.ReadDeny(endless); !errors.As(err, &fault) || fault.Line != hooks.MaxDenied+1 {
		t.Errorf("an endless list: %v", err)
	}
}

// repeat reads as a line again and again, without an end.
type repeat string

func (r repeat) Read(p []byte) (n int, err error) {
	for n+len(r) <= len(p) {
		n += copy(p[n:], r)
	}
	if n == 0 {
		return 0, io.ErrShortBuffer
	}
	return n, nil
}

// FuzzReadDeny: what is accepted has nothing but digests and comments in it, and each
// of its digests is refused.
func FuzzReadDeny(f *testing.F) {
	f.Add(ones + "\n# x\n\n" + zeros + "\n")
	f.Add(ones)
	f.Add("\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		deny, err := hooks.ReadDeny(strings.NewReader(text))
		if err != nil {
			return
		}
		var list []string
		for line := range strings.Lines(text) {
			if line != "\n" && line[0] != '#' {
				list = append(list, line)
			}
		}
		slices.Sort(list)
		list = slices.Compact(list)
		if len(list) != deny.Len() {
			t.Fatalf("%d digests, want %d", deny.Len(), len(list))
		}
		for i, line := range list {
			d := deny.Digests()[i]
			if d.String()+"\n" != line {
				t.Fatalf("%q is read as %s", line, d)
			}
			if deny.PreRead(t.Context(), objects.Info{Digest: d}, nil) == nil {
				t.Fatalf("%s is on the list and let through", d)
			}
		}
	})
}
