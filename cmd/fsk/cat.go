package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"unicode"
	"unicode/utf8"

	"fsk/objects"
	"fsk/objects/fleche"
)

type catCmd struct {
	Output  *string  `short:"o" placeholder:"FILE" help:"Write to a file, which appears only when it is complete."`
	Offset  int64    `placeholder:"N" help:"Begin at this byte of each payload."`
	Length  *int64   `placeholder:"N" help:"Write at most this many bytes of each payload."`
	Batch   bool     `help:"Read objects from standard input, one a line; answer each with \"<digest> <size>\", the payload and a line end, or with \"<line> <reason>\"."`
	Objects []string `arg:"" optional:"" name:"object" help:"Digests, their first digits, or refs."`

	values *fleche.Cache // instead of a store, or nil
}

// Help is the end of the help page.
func (catCmd) Help() string {
	return "Nothing of an object is written before all of it is verified.\n\nExample: fsk cat -o hello.txt 8e4c7c1b"
}

func (c *catCmd) Run(a *app) error {
	if err := c.validate(); err != nil {
		return err
	}
	a.out.payloadOnStdout()
	if is, err := a.onFleche(func(v *fleche.Cache) error { return c.run(a, nil, v) }); is || err != nil {
		return err
	}
	db, _, err := a.openStore(false)
	if err != nil {
		return err
	}
	return c.run(a, db, nil)
}

// run writes objects of a store, or values of a cache of fleche.
func (c *catCmd) run(a *app, db *objects.DB, values *fleche.Cache) error {
	c.values = values
	switch {
	case c.Batch && values != nil:
		return &usage{problem: "--batch is for fsk stores, and this is a cache of fleche", hint: "fsk cat NAME"}
	case c.Batch:
		return catBatch(a, db)
	case c.Output != nil && *c.Output != stdinPath:
		if err := c.toFile(a, db, *c.Output); err != nil {
			a.reportOn(*c.Output, inputError(err))
		}
		return nil
	}
	return c.all(a, db, a.out.stdout, isTerminal(a.out.stdout))
}

func (c *catCmd) validate() error {
	bad := func(problem string) error { return &usage{problem: problem, hint: "fsk cat --help"} }
	switch {
	case c.Batch && (len(c.Objects) > 0 || c.Output != nil || c.Offset != 0 || c.Length != nil):
		return bad("--batch takes its objects from standard input and goes with no other option")
	case !c.Batch && len(c.Objects) == 0:
		return bad("no object given")
	case c.Output != nil && *c.Output == "":
		return bad("-o is empty")
	case c.Offset < 0:
		return bad("--offset is negative")
	case c.Length != nil && *c.Length < 0:
		return bad("--length is negative")
	}
	return nil
}

// all writes the objects one after the other. It ends at the first that it cannot
// write: what follows a gap would look like what belongs there.
func (c *catCmd) all(a *app, db *objects.DB, w io.Writer, terminal bool) error {
	for _, name := range c.Objects {
		if err := c.one(a, db, name, w, terminal); err != nil {
			a.reportRead(name, err)
			return nil
		}
	}
	return nil
}

func (c *catCmd) one(a *app, db *objects.DB, name string, w io.Writer, terminal bool) error {
	if c.values != nil {
		return c.oneValue(a, name, w, terminal)
	}
	d, err := a.resolve(db, name)
	if err != nil {
		return err
	}
	r, err := db.Open(a.ctx, d)
	if err != nil {
		return err
	}
	defer r.Close()
	a.unverified(r.Info())
	part, err := c.part(r)
	if err != nil {
		return err
	}
	if terminal && !isText(part) {
		return &usage{problem: "binary data is not written to a terminal", hint: "fsk cat -o FILE, or a pipe"}
	}
	if r.Size() > pipeWidth {
		widenPipe(w)
	}
	if _, err := io.Copy(output{w}, part); err != nil {
		return err
	}
	a.out.object(r.Info(), nil)
	return nil
}

// part returns the range of the payload that is asked for.
func (c *catCmd) part(r *objects.Reader) (io.ReadSeeker, error) {
	if c.Offset > r.Size() {
		return nil, &usage{problem: fmt.Sprintf("--offset %d is beyond the end: the payload has %d bytes", c.Offset, r.Size()), hint: "fsk stat OBJECT shows the size"}
	}
	if c.Length == nil {
		_, err := r.Seek(c.Offset, io.SeekStart)
		return r, err
	}
	return io.NewSectionReader(r, c.Offset, min(*c.Length, r.Size()-c.Offset)), nil
}

// toFile writes to a temporary file beside the wanted one, and renames it when all is
// there: an incomplete output is never seen.
func (c *catCmd) toFile(a *app, db *objects.DB, target string) error {
	if info, err := os.Stat(target); err == nil {
		if !info.Mode().IsRegular() { // a device or FIFO is written to, not replaced
			return c.toDevice(a, db, target)
		}
		if target, err = filepath.EvalSymlinks(target); err != nil {
			return err
		}
	}
	temp := filepath.Join(filepath.Dir(target), ".fsk-"+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer os.Remove(temp) // after the rename there is nothing of that name
	defer f.Close()
	if err := c.all(a, db, f, false); err != nil || a.code != exitDone {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temp, target)
}

func (c *catCmd) toDevice(a *app, db *objects.DB, target string) error {
	f, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := c.all(a, db, f, isTerminal(f)); err != nil {
		return err
	}
	return f.Close()
}

// An outputError is a failure of the place that a payload is written to.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

// An output marks the errors of writing, so that they are not taken for those of
// reading the store.
type output struct{ w io.Writer }

func (o output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// reportRead reports an error of copying an object to the output. Who closed the
// pipe does not want to hear of it.
func (a *app) reportRead(name string, err error) {
	var out *outputError
	switch {
	case !errors.As(err, &out):
		a.reportOn(name, err)
	case errors.Is(err, syscall.EPIPE):
		a.code = worst(a.code, exitIncomplete)
	default:
		a.reportOn("output", err)
	}
}

// pipeWidth is the size of a payload from which it pays to ask for a wider pipe.
const pipeWidth = 1 << 20

// maxText is the most that is looked at to see whether a terminal can show it.
const maxText = 1 << 20

// isText reports whether all that r has left can be shown on a terminal, and goes
// back to where r was.
func isText(r io.ReadSeeker) bool {
	start, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	if err != nil || len(text) > maxText || !utf8.Valid(text) {
		return false
	}
	for _, c := range string(text) {
		if !unicode.IsPrint(c) && c != '\n' && c != '\t' {
			return false
		}
	}
	_, err = r.Seek(start, io.SeekStart)
	return err == nil
}
