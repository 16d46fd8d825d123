package refs_test

import (
	"errors"
	"testing"

	"fsk/objects"
	"fsk/refs"
)

// The reason stands at the end of the text once, also if an object is the cause.
func TestErrorNamesReasonOnce(t *testing.T) {
	name, err := refs.ParseName("builds/main")
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("write tmp/x: no space left on device")
	d := objects.Sum([]byte("x"))
	for _, tt := range []struct {
		cause error
		want  string
	}{
		{full, "ref builds/main: write tmp/x: no space left on device (io-error)"},
		{&objects.Error{Reason: objects.IOError, Err: full}, "ref builds/main: write tmp/x: no space left on device (io-error)"},
		{&objects.Error{Digest: d, Reason: objects.IOError, Err: full}, "ref builds/main: object " + d.String() + ": write tmp/x: no space left on device (io-error)"},
		{&objects.Error{Digest: d, Reason: objects.Corrupt}, "ref builds/main: object " + d.String() + ": " + objects.Corrupt.Explain() + " (corrupt) (io-error)"},
	} {
		e := &refs.Error{Name: name, Reason: objects.IOError, Err: tt.cause}
		if e.Error() != tt.want {
			t.Errorf("%q, want %q", e.Error(), tt.want)
		}
	}
}
