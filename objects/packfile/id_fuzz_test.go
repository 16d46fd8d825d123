package packfile_test

import (
	"strings"
	"testing"

	"fsk/objects/packfile"
)

func FuzzParseID(f *testing.F) {
	text := strings.Repeat("0123456789abcdef", 4)
	for _, s := range []string{"", text, strings.ToUpper(text), text + "0", text[1:], text[:63] + "\n", text + ".pack", "../" + text[3:]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := packfile.ParseID(s)
		wellFormed := len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
		if ok != wellFormed || ok && id.String() != s {
			t.Fatalf("ParseID(%q) = %v, %t", s, id, ok)
		}
	})
}
