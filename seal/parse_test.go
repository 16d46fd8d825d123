package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"fsk/seal"
)

// leaks returns a window of six characters of a secret that is in the text, or "".
func leaks(text, secret string) string {
	text, secret = strings.ToLower(text), strings.ToLower(secret)
	for i := range max(0, len(secret)-5) {
		if strings.Contains(text, secret[i:i+6]) {
			return secret[i : i+6]
		}
	}
	return ""
}

func manyKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("%064x", uint64(0xc0ffee00)+uint64(i))
	}
	return keys
}

func TestParseKeysRefuses(t *testing.T) {
	const k = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e"
	tests := []struct {
		name     string
		input    string
		position int
	}{
		{"empty string", "", 0},
		{"colon alone", ":", 1},
		{"empty segment at the end", k + ":", 2},
		{"empty segment at the beginning", ":" + k, 1},
		{"empty segment in the middle", k + "::" + k, 2},
		{"empty segment as a third key", k + ":" + "00" + k + "::", 3},
		{"odd number of digits", k[1:], 1},
		{"odd number of digits in the second key", k + ":" + k[1:], 2},
		{"one digit", "a", 1},
		{"space alone", " ", 1},
		{"space before", " " + k, 1},
		{"space after", k + " ", 1},
		{"two spaces after, an even length", k + "  ", 1},
		{"space inside", k[:32] + " " + k[32:], 1},
		{"space after the colon", k + ": " + k, 2},
		{"tab", k + "\t", 1},
		{"line feed after", k + "\n", 1},
		{"carriage return and line feed after", k + "\r\n", 1},
		{"line feed in place of the colon", k + "\n" + k, 1},
		{"zero byte", k + "\x00\x00", 1},
		{"0x before", "0x" + k, 1},
		{"letter g", k[:62] + "gg", 1},
		{"full-width digits", "\uff11\uff12" + k, 1},
		{"arabic digits", "\u0661\u0662", 1},
		{"not UTF-8", "\xff\xfe", 1},
		{"byte order mark", "\ufeff" + k, 1},
		{"comma as separator", k + "," + k, 1},
		{"semicolon as separator", k + ";" + k, 1},
		{"quoted", `"` + k + `"`, 1},
		{"minus", "-" + k + "0", 1},
		{"base64", "XKGrHlyhqx5coaseXKGrHlyhqx5coaseXKGrHlyhqx4=", 1},
		{"bad third key behind good ones", k + ":00" + k + ":zz" + k, 3},
		{"seventeen keys", strings.Join(manyKeys(17), ":"), 17},
		{"seventeen keys and duplicates among them", k + ":" + k + ":" + strings.Join(manyKeys(16), ":"), 18},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring, err := seal.ParseKeys(test.input)
			if ring != nil {
				t.Errorf("ParseKeys gives the ring %v beside the error", ring)
			}
			var e *seal.KeyError
			if !errors.As(err, &e) {
				t.Fatalf("ParseKeys: error %v, want a *KeyError", err)
			}
			if e.Position != test.position {
				t.Errorf("position %d, want %d", e.Position, test.position)
			}
			if e.Position > 0 && !strings.Contains(e.Error(), fmt.Sprintf("key %d ", e.Position)) {
				t.Errorf("the error %q does not name position %d", e, e.Position)
			}
			if w := leaks(fmt.Sprintf("%v %+v %#v", e, e, *e), test.input); w != "" {
				t.Errorf("the error shows %q of the input: %v", w, e)
			}
		})
	}
}

func TestParseKeysAccepts(t *testing.T) {
	tests := []struct {
		name  string
		input string
		keys  []string
	}{
		{"one key", "00ff10", []string{"\x00\xff\x10"}},
		{"capitals", "DEADBEEF", []string{"\xde\xad\xbe\xef"}},
		{"mixed case", "dEaDBeeF", []string{"\xde\xad\xbe\xef"}},
		{"one byte", "aa", []string{"\xaa"}},
		{"zero byte", "00", []string{"\x00"}},
		{"three keys in order", "aa:bb:cc", []string{"\xaa", "\xbb", "\xcc"}},
		{"100 bytes", strings.Repeat("61", 100), []string{strings.Repeat("a", 100)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring, err := seal.ParseKeys(test.input)
			if err != nil {
				t.Fatal(err)
			}
			if ring.Len() != len(test.keys) {
				t.Fatalf("Len = %d, want %d", ring.Len(), len(test.keys))
			}
			payload := []byte("payload")
			if got, want := ring.AppendTrailer(nil, payload), hmacHex([]byte(test.keys[0]), payload); !bytes.Equal(got, want) {
				t.Errorf("the first key seals %s, want %s", got, want)
			}
			for n, key := range test.keys {
				if i, ok := ring.Verify(payload, hmacHex([]byte(key), payload)); !ok || i != n {
					t.Errorf("key %d verifies as %d, %t", n, i, ok)
				}
			}
		})
	}
}

func TestSixteenKeysAreAllowed(t *testing.T) {
	keys := manyKeys(seal.MaxKeys)
	// Duplicates do not count, wherever they are.
	ring, err := seal.ParseKeyList(slices.Concat(keys, keys[:4]))
	if err != nil {
		t.Fatal(err)
	}
	if ring.Len() != seal.MaxKeys {
		t.Errorf("Len = %d, want %d", ring.Len(), seal.MaxKeys)
	}
}

func TestParseKeyListRefuses(t *testing.T) {
	tests := []struct {
		name     string
		list     []string
		position int
	}{
		{"nil", nil, 0},
		{"no element", []string{}, 0},
		{"an empty string", []string{""}, 1},
		{"an empty string behind a key", []string{"aabb", ""}, 2},
		{"two keys in one string", []string{"aabb", "aabb:ccdd"}, 2},
		{"seventeen", manyKeys(17), 17},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring, err := seal.ParseKeyList(test.list)
			var e *seal.KeyError
			if !errors.As(err, &e) || ring != nil || e.Position != test.position {
				t.Errorf("ParseKeyList = %v, %v, want an error for position %d", ring, err, test.position)
			}
		})
	}
}

func TestNewRingRefuses(t *testing.T) {
	tests := []struct {
		name     string
		keys     [][]byte
		position int
	}{
		{"no key", nil, 0},
		{"nil key", [][]byte{nil}, 1},
		{"empty key", [][]byte{{}}, 1},
		{"empty key behind a good one", [][]byte{keyN(1), {}}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring, err := seal.NewRing(test.keys...)
			var e *seal.KeyError
			if !errors.As(err, &e) || ring != nil || e.Position != test.position {
				t.Errorf("NewRing = %v, %v, want an error for position %d", ring, err, test.position)
			}
		})
	}
}
