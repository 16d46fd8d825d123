package refs_test

import (
	"regexp"
	"strings"
	"testing"

	"fsk/refs"
)

var (
	componentForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)
	deviceForm    = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)
)

// FuzzParseName compares with the rules of docs/format.md, word for word.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{"", "main", "builds/main", "a//b", "/a", "a/", "../a", "a/.lock", "x.lock", "con", "com1.txt", "lpt", "abcdef", "a.", "a\n", "Ä", strings.Repeat("a/", 127) + "z", strings.Repeat("g", 101)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		form := len(s) >= 1 && len(s) <= 255
		for c := range strings.SplitSeq(s, "/") {
			form = form && componentForm.MatchString(c) && !strings.ContainsRune(c, '\n') && !deviceForm.MatchString(c) &&
				!strings.HasSuffix(c, ".") && !strings.HasSuffix(c, ".lock")
		}
		if err := refs.CheckNamespace(s); (err == nil) != form {
			t.Fatalf("CheckNamespace(%q) = %v", s, err)
		}
		name, err := refs.ParseName(s)
		if digits := strings.Trim(s, "0123456789abcdef") == ""; (err == nil) != (form && !digits) || err == nil && name.String() != s {
			t.Fatalf("ParseName(%q) = %q, %v", s, name, err)
		}
	})
}
