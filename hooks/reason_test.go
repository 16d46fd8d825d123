package hooks_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"fsk/hooks"
)

// FuzzLastLine: whatever a program writes, the reason is one short line that is safe to
// show.
func FuzzLastLine(f *testing.F) {
	f.Add([]byte("one\ntwo\n\n"))
	f.Add([]byte("a\x1b[31m\u202e\xff\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		line := hooks.LastLine(said)
		if utf8.RuneCountInString(line) > 200 {
			t.Errorf("%d characters", utf8.RuneCountInString(line))
		}
		for _, r := range line {
			if !unicode.IsPrint(r) || r == utf8.RuneError {
				t.Errorf("%q is not safe to print: %q", line, r)
			}
		}
	})
}
