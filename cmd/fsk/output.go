package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"fsk/objects"
	"fsk/refs"
)

// A printer writes results to standard output and all else to standard error, as
// text or as JSON Lines. It is for one goroutine.
type printer struct {
	stdout, stderr io.Writer
	results        *bufio.Writer
	json           bool
	jsonTo         io.Writer // where JSON goes: stderr if stdout carries a payload
	quiet          bool
	color          string
	toTerminal     bool      // results go to a terminal
	bar            *progress // on the terminal of stderr, or nil
	summary        summary
	failed         error // the first error of writing results
}

// A summary ends every JSON output.
type summary struct {
	Type     string                   `json:"type"`
	Objects  int64                    `json:"objects"`
	Refs     int64                    `json:"refs,omitempty"`
	Bytes    int64                    `json:"bytes"`
	Errors   int64                    `json:"errors"`
	Warnings int64                    `json:"warnings"`
	Findings map[string]int64         `json:"findings,omitempty"` // fsck: by severity
	Reasons  map[objects.Reason]int64 `json:"reasons,omitempty"`  // fsck: objects by verdict
	Keys     map[string]int64         `json:"keys,omitempty"`     // fsck: objects by key id
	Resealed map[string]int64         `json:"resealed,omitempty"` // fsck: resealed objects by the id of the key before
	Complete bool                     `json:"complete"`
}

func newPrinter(stdout, stderr io.Writer) *printer {
	p := &printer{stdout: stdout, stderr: stderr, results: bufio.NewWriter(stdout)}
	p.jsonTo = p.results
	p.toTerminal = isTerminal(stdout)
	p.summary.Type = "summary"
	return p
}

func (p *printer) configure(g globals) {
	p.json, p.quiet, p.color = g.JSON, g.Quiet, g.Color
}

// payloadOnStdout makes room for a payload: JSON goes to stderr from now on.
func (p *printer) payloadOnStdout() { p.jsonTo = p.stderr }

// line writes a line of text to the results.
func (p *printer) line(format string, args ...any) {
	p.clearBar()
	fmt.Fprintf(p.results, format+"\n", args...)
}

// flush brings the results out. Whoever waits for them sees them now.
func (p *printer) flush() error {
	if err := p.results.Flush(); err != nil && p.failed == nil {
		p.failed = err
	}
	return p.failed
}

// value writes one JSON value.
func (p *printer) value(v any) {
	line, err := jsonLine(v)
	if err == nil {
		_, err = p.jsonTo.Write(line)
	}
	if err != nil && p.failed == nil {
		p.failed = err
	}
}

// A jsonObject is the line of one object. Key and retired are there if a key of the
// ring sealed it, size if what is stored tells it.
type jsonObject struct {
	Type    string         `json:"type"`
	Digest  objects.Digest `json:"digest"`
	Size    *int64         `json:"size,omitempty"`
	Reason  objects.Reason `json:"reason,omitempty"`
	Key     string         `json:"key,omitempty"`
	Retired *bool          `json:"retired,omitempty"`
	Path    *string        `json:"path,omitempty"`
	Where   string         `json:"where,omitempty"`
}

// object counts an object and, with --json, writes its line. path may be nil.
func (p *printer) object(info objects.Info, path *string) {
	p.summary.Objects++
	p.summary.Bytes += max(0, info.Size)
	if !p.json {
		return
	}
	o := jsonObject{Type: "object", Digest: info.Digest, Reason: info.Reason, Path: path, Where: info.Where}
	if info.Size >= 0 {
		o.Size = &info.Size
	}
	if !info.Key.IsZero() {
		o.Key, o.Retired = info.Key.String(), &info.Retired
	}
	p.value(o)
}

// A jsonError is the line of an error.
type jsonError struct {
	Type   string         `json:"type"`
	What   string         `json:"what,omitempty"`
	Why    string         `json:"why"`
	Reason objects.Reason `json:"reason,omitempty"`
	Digest string         `json:"digest,omitempty"`
	Path   string         `json:"path,omitempty"` // of the file in the store
	Hint   string         `json:"hint,omitempty"`
}

// describe puts into words what an error is about, and why it happened.
func describe(what string, err error) jsonError {
	e := jsonError{Type: "error", What: what, Why: err.Error(), Hint: hintOf(err)}
	var (
		object *objects.Error
		ref    *refs.Error
	)
	switch code := exitCode(err); {
	case code == exitInterrupted:
		e.Why = "interrupted"
	case errors.As(err, &ref):
		e.Why, e.Reason, e.Path = ref.Explain(), ref.Reason, ref.Path
		switch {
		case what == "" && ref.Name != (refs.Name{}):
			e.What = "ref " + ref.Name.String()
		case what == "":
			e.What = ref.Path
		}
	case !errors.As(err, &object):
		if code == exitIncomplete {
			e.Reason = objects.IOError
		}
	default:
		e.Why, e.Reason, e.Path = object.Explain(), object.Reason, object.Path
		if !object.Digest.IsZero() {
			e.Digest = object.Digest.String()
		}
		switch {
		case isDigits(what) && strings.HasPrefix(e.Digest, what): // a file may have such a name, too
			e.What = "object " + e.Digest // in full, also where it was named by its first digits
		case what == "", isDigits(what) && strings.HasPrefix(object.Path, what): // a value of fleche, likewise
			e.What = object.Path
		}
	}
	return e
}

// failure writes an error. what is the file or object that it is about, if the error
// does not say so itself.
func (p *printer) failure(what string, err error) {
	p.summary.Errors++
	e := describe(what, err)
	if p.json {
		p.value(e)
		return
	}
	text := escape(e.Why)
	if e.Digest != "" && e.What != "object "+e.Digest && e.Reason != objects.TooLarge { // the trouble is not with the file or ref that is named
		text = "object " + e.Digest + ": " + text
	}
	if e.What != "" {
		text = escape(e.What) + ": " + text
	}
	if e.Reason != "" {
		text += " (" + string(e.Reason) + ")"
	}
	p.message("error", red, text)
	if e.Hint != "" {
		p.message("hint", bold, escape(e.Hint))
	}
}

// warning writes what should be known, unless it is not wanted.
func (p *printer) warning(text string) {
	p.summary.Warnings++
	switch {
	case p.quiet:
	case p.json:
		p.value(struct {
			Type string `json:"type"`
			Why  string `json:"why"`
		}{"warning", text})
	default:
		p.message("warning", yellow, escape(text))
	}
}

func (p *printer) message(kind string, style style, text string) {
	p.clearBar()
	fmt.Fprintf(p.stderr, "fsk: %s: %s\n", p.styled(p.stderr, style, kind), text)
}

func (p *printer) clearBar() {
	if p.bar != nil {
		p.bar.clear()
	}
}

// finish writes what must come last and returns the exit code.
func (p *printer) finish(code int) int {
	if p.bar != nil {
		p.bar.end()
	}
	if p.json {
		p.summary.Complete = code < exitUsage
		p.value(p.summary)
	}
	if err := p.flush(); err != nil {
		code = worst(code, exitIncomplete)
		if !errors.Is(err, syscall.EPIPE) { // who closed the pipe does not want to hear of it
			fmt.Fprintf(p.stderr, "fsk: error: standard output: %s (%s)\n", escape(err.Error()), objects.IOError)
		}
	}
	return code
}
