package seal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"fsk/seal"
)

// FuzzParseKeys compares with what the format says: what is accepted is hexadecimal
// throughout and loses no key; what is refused is told by position, never by text.
func FuzzParseKeys(f *testing.F) {
	k := strings.Repeat("5ca1ab1e", 8)
	for _, s := range []string{"", ":", k, k + ":" + k, k + "::", "aa:BB", "abc", " ", "aa:aa00", strings.Repeat("ab:", 20) + "cd", "\u0661\u0662", "0x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ring, err := seal.ParseKeys(s)
		wellFormed := true
		distinct := make(map[string]bool)
		for _, segment := range strings.Split(s, ":") {
			wellFormed = wellFormed && segment != "" && len(segment)%2 == 0 && strings.Trim(segment, "0123456789abcdefABCDEF") == ""
			distinct[strings.ToLower(segment)] = true
		}
		if err != nil {
			var e *seal.KeyError
			if ring != nil || !errors.As(err, &e) {
				t.Fatalf("ParseKeys = %v, %v", ring, err)
			}
			if wellFormed && len(distinct) <= seal.MaxKeys {
				t.Fatalf("refuses well-formed keys: %v", err)
			}
			// The words of the errors themselves have windows of six letters a to f nowhere.
			if w := leaks(err.Error(), s); w != "" && strings.Trim(w, "0123456789abcdef") == "" {
				t.Fatalf("the error shows %q of the input", w)
			}
			return
		}
		if !wellFormed {
			t.Fatalf("accepts %q", s)
		}
		if ring.Len() == 0 || ring.Len() > len(distinct) {
			t.Fatalf("%d keys of %d segments", ring.Len(), len(distinct))
		}
		payload := []byte("payload")
		for _, segment := range strings.Split(s, ":") {
			if _, ok := ring.Verify(payload, hmacHex(unhex(t, segment), payload)); !ok {
				t.Fatal("a key was lost")
			}
		}
		first, _, _ := strings.Cut(s, ":")
		if !bytes.Equal(ring.AppendTrailer(nil, payload), hmacHex(unhex(t, first), payload)) {
			t.Fatal("the first key does not seal")
		}
	})
}
