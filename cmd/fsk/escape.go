package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape makes a text from outside safe to show on a terminal: whatever is not
// printable, a control character or one that changes the direction of writing, is
// written as in a Go string.
func escape(s string) string {
	if printable(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// escapePath writes a path as b3sum does: a line whose path has a backslash or a
// line feed begins with a backslash, and has these two escaped.
func escapePath(path string) (prefix, escaped string) {
	if !strings.ContainsAny(path, "\\\n") {
		return "", path
	}
	return `\`, strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(path)
}

// jsonLine encodes a value as one line of ASCII where a character could do harm.
func jsonLine(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	line := b.Bytes()
	if printable(string(line[:len(line)-1])) {
		return line, nil
	}
	safe := make([]byte, 0, 2*len(line))
	for _, r := range string(line[:len(line)-1]) {
		switch {
		case unicode.IsPrint(r):
			safe = utf8.AppendRune(safe, r)
		case r < 0x10000:
			safe = fmt.Appendf(safe, `\u%04x`, r)
		default:
			high, low := (r-0x10000)>>10+0xd800, (r-0x10000)&0x3ff+0xdc00
			safe = fmt.Appendf(safe, `\u%04x\u%04x`, high, low)
		}
	}
	return append(safe, '\n'), nil
}
