package config

import (
	"strconv"
	"strings"
)

// An Error says what is wrong with the configuration and where. It never holds a
// key, nor any other value of a file.
type Error struct {
	File    string // path, variable or option; "" if the whole configuration is meant
	Line    int    // from 1; 0 if the file as a whole is meant
	Column  int    // from 1, in bytes
	Key     string // path of the key, such as mycache.values.root; "" if there is none
	Problem string
	Hint    string // what to do; may be ""
	Err     error  // the cause, if the operating system gave one
}

// Error returns everything but the hint: file:line:column: key: problem.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			b.WriteString(":" + strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Column))
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Problem)
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

const (
	hidden       = "…"
	hiddenRun    = 8  // hexadecimal digits in a row that may be a secret
	maxShownPart = 64 // bytes of one element of a key's path
)

// showKey writes a key's path so that it can be printed and gives no secret away.
func showKey(path []string) string {
	shown := make([]string, 0, len(path))
	for _, part := range path {
		switch {
		case mayBeSecret(part) || len(part) > maxShownPart:
			shown = append(shown, hidden)
		case isBare(part):
			shown = append(shown, part)
		default:
			shown = append(shown, strconv.QuoteToASCII(part))
		}
		if part == secretKey && len(shown) < len(path) {
			shown = append(shown, hidden) // all of what is below
			break
		}
	}
	return strings.Join(shown, ".")
}

func mayBeSecret(s string) bool {
	run := 0
	for i := range len(s) {
		if !isHexDigit(s[i]) {
			run = 0
			continue
		}
		if run++; run == hiddenRun {
			return true
		}
	}
	return false
}

func isHexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// isBare reports whether TOML takes s as a key without quotes.
func isBare(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && c != '-' {
			return false
		}
	}
	return s != ""
}
