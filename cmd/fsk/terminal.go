package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// A style is the number of an ANSI text attribute.
type style string

const (
	bold   style = "1"
	red    style = "1;31"
	yellow style = "1;33"
)

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth returns how many columns the terminal w has, 0 if that is not known.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// styled returns text in a style if it goes to a terminal that can show it, or if
// --color asks for it.
func (p *printer) styled(w io.Writer, s style, text string) string {
	if !p.useColor(w) {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (p *printer) useColor(w io.Writer) bool {
	switch p.color {
	case "always":
		return true
	case "never":
		return false
	}
	return isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
