package main

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzEscape: whatever a name or a message is made of, it is safe to print (S16), and
// nobody is misled about a path.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "plain name", "\x1b[2J", "a\nb\\n", "\u202etxt.exe", "\xff\xfe", "\"quoted\"", "\U000e0001", "tab\t", "\u2028", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shown := escape(s)
		wantSafe(t, shown)
		if printable(s) && shown != s {
			t.Fatalf("escape(%q) = %q, although it is printable", s, shown)
		}
		prefix, escaped := escapePath(s)
		if strings.Contains(escaped, "\n") {
			t.Fatalf("escapePath(%q) = %q", s, escaped)
		}
		if prefix != "" {
			escaped = strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(escaped)
		}
		if escaped != s {
			t.Fatalf("escapePath(%q) means %q", s, escaped)
		}
		line, err := jsonLine(map[string]string{"name": s})
		if err != nil {
			t.Fatal(err)
		}
		wantSafe(t, strings.TrimSuffix(string(line), "\n"))
		var back map[string]string
		if err := json.Unmarshal(line, &back); err != nil || back["name"] != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Fatalf("jsonLine of %q is %s: %v", s, line, err)
		}
	})
}

func wantSafe(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Fatalf("%q holds %q", s, r)
		}
	}
}

// FuzzArguments: any command line is parsed or is a usage error, of exit code 2, and never
// the end of the program.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{"", "add\x00-r\x00.", "cat\x00--offset\x00-1", "fsck\x00-j\x00x", "--store", "--store=\x00ls", "key", "key\x00new\x00x",
		"--color\x00pink\x00ls", "completion\x00tcsh", "--", "-", "add\x00--\x00-x", "-h", "cat\x00-o", "rm", "--json\x00--json\x00ls", "ls\x00--help"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		args := strings.Split(s, "\x00")
		a := &app{ctx: t.Context(), out: newPrinter(io.Discard, io.Discard)}
		parser, err := a.parser(needed(args))
		if err != nil {
			t.Fatal(err)
		}
		_, err = parse(parser, args)
		if err == nil || errors.Is(err, errHelp) {
			return
		}
		if code := exitCode(usageError(err)); code != exitUsage {
			t.Fatalf("%q: %v is exit code %d", args, err, code)
		}
	})
}
