package hooks

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxReason = 200 // characters of a reason
	maxSaid   = 4 << 10
)

// A tail counts what is written to it and keeps the last of it.
type tail struct {
	kept  []byte
	count int64
}

func (t *tail) Write(p []byte) (int, error) {
	t.count += int64(len(p))
	t.kept = append(t.kept, p...)
	if extra := len(t.kept) - maxSaid; extra > 0 {
		t.kept = append(t.kept[:0], t.kept[extra:]...)
	}
	return len(p), nil
}

// lastLine returns the last line of a text that is not blank, safe to print and not
// long.
func lastLine(text []byte) string {
	text = bytes.TrimRight(text, " \t\r\n\v\f")
	line := text[bytes.LastIndexByte(text, '\n')+1:]
	if i := bytes.LastIndexByte(line, '\r'); i >= 0 { // a terminal would show only what follows
		line = line[i+1:]
	}
	return cut(printable(strings.TrimSpace(string(line))))
}

func cut(s string) string {
	if utf8.RuneCountInString(s) <= maxReason {
		return s
	}
	runes := []rune(s)
	return string(runes[:maxReason-1]) + "…"
}

// printable writes what could move the cursor, or hide or turn round text, as a Go
// string has it.
func printable(s string) string {
	unsafe := func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
	if !strings.ContainsFunc(s, unsafe) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
