package main

import (
	"fmt"
	"time"

	"fsk/objects"
	"fsk/refs"
)

type refCmd struct {
	Set    refSetCmd    `cmd:"" help:"Let a name stand for an object."`
	Get    refGetCmd    `cmd:"" help:"Print the digest that a name stands for."`
	Ls     refLsCmd     `cmd:"" help:"List refs and what they name."`
	Rm     refRmCmd     `cmd:"" help:"Delete a ref; its history stays."`
	Log    refLogCmd    `cmd:"" help:"Verify and print the history of a ref."`
	Accept refAcceptCmd `cmd:"" help:"Take the present state of a ref as right."`
}

// parseRef checks the name of a ref before any file is touched.
func parseRef(name string) (refs.Name, error) {
	parsed, err := refs.ParseName(name)
	if err != nil {
		return parsed, &refs.Error{Reason: objects.BadName, Err: err}
	}
	return parsed, nil
}

// withRef parses the name of a ref and opens the store. It returns nil for the refs if the
// name was reported as bad.
func (a *app) withRef(text string) (refs.Name, *refs.Store, error) {
	name, err := parseRef(text)
	if err != nil {
		a.reportOn(text, err)
		return name, nil, nil
	}
	if _, _, err := a.openStore(false); err != nil {
		return name, nil, err
	}
	store, err := a.refs.open()
	return name, store, err
}

// Help is the end of the help page.
func (refCmd) Help() string {
	return "A ref is a name for an object that only who has a key can set.\n\nExample: fsk ref set builds/main 8e4c7c1b"
}

type refSetCmd struct {
	Name      string  `arg:"" help:"The name: parts of a-z, 0-9, '.', '_' and '-', joined by '/'."`
	Object    string  `arg:"" help:"A digest, its first digits, or another ref."`
	Old       *string `placeholder:"DIGEST" help:"Fail unless the ref names this object; 64 zeros: unless there is no such ref."`
	NoHistory bool    `help:"Begin the history anew: do not keep what the ref was."`
}

// Help is the end of the help page.
func (refSetCmd) Help() string {
	return "The object must be there and good. Prints nothing.\n\nExample: fsk ref set builds/main 8e4c7c1b"
}

func (c *refSetCmd) Run(a *app) error {
	change := refs.Change{}
	if c.Old != nil {
		var err error
		if change.Old, err = objects.ParseDigest(*c.Old); err != nil {
			return &usage{problem: "--old takes 64 lowercase hexadecimal digits", hint: "fsk ref set --help"}
		}
		change.Create = change.Old.IsZero()
	}
	a.refs.noHistory = c.NoHistory
	name, store, err := a.withRef(c.Name)
	if store == nil {
		return err
	}
	if change.Digest, err = a.resolve(a.refs.db, c.Object); err != nil {
		a.reportOn(c.Object, err)
		return nil
	}
	return a.setRef(name, change)
}

// setRef sets a ref and prints it with --json.
func (a *app) setRef(name refs.Name, change refs.Change) error {
	store, err := a.refs.open()
	if err != nil {
		return err
	}
	ref, err := store.Update(a.ctx, name, change)
	if err != nil {
		return withAcceptHint(name, err)
	}
	a.out.ref(ref)
	return nil
}

type refGetCmd struct {
	Name   string         `arg:"" help:"The name."`
	MaxAge *time.Duration `placeholder:"DURATION" help:"Refuse a ref that was set longer ago, such as 90m or 24h."`
}

// Help is the end of the help page.
func (refGetCmd) Help() string {
	return "Whether the object is there is not looked at.\n\nExample: fsk cat $(fsk ref get builds/main)"
}

func (c *refGetCmd) Run(a *app) error {
	if c.MaxAge != nil {
		if *c.MaxAge <= 0 {
			return &usage{problem: "--max-age must be more than 0", hint: "fsk ref get --help"}
		}
		a.refs.maxAge = *c.MaxAge
	}
	name, store, err := a.withRef(c.Name)
	if store == nil {
		return err
	}
	ref, err := a.refs.get(a.ctx, name)
	if err != nil {
		return withAcceptHint(name, err)
	}
	a.out.ref(ref)
	a.unverifiedRef(ref)
	if !a.out.json {
		a.out.line("%s", ref.Digest)
	}
	return nil
}

type refLsCmd struct {
	Prefix string `arg:"" optional:"" help:"Only refs whose names begin like this."`
}

// Help is the end of the help page.
func (refLsCmd) Help() string {
	return "Prints digest and name, in the order of the names. Every ref is verified, the objects are not.\n\nExample: fsk ref ls builds/"
}

func (c *refLsCmd) Run(a *app) error {
	if err := refs.CheckPrefix(c.Prefix); err != nil {
		a.reportOn(c.Prefix, &refs.Error{Reason: objects.BadName, Err: err})
		return nil
	}
	if _, _, err := a.openStore(false); err != nil {
		return err
	}
	store, err := a.refs.open()
	if err != nil {
		return err
	}
	for ref, err := range store.All(a.ctx, c.Prefix) {
		if err == nil {
			err = a.refs.allowed(ref)
		}
		if err != nil {
			a.report(err)
			continue
		}
		a.out.ref(ref)
		a.unverifiedRef(ref)
		if !a.out.json {
			a.out.line("%s  %s", ref.Digest, ref.Name)
		}
		if a.out.failed != nil {
			return nil
		}
	}
	return nil
}

type refRmCmd struct {
	Name string `arg:"" help:"The name."`
}

// Help is the end of the help page.
func (refRmCmd) Help() string {
	return "Writes a record that says so, so that an older one that is put back is noticed. The object stays.\n\nExample: fsk ref rm builds/main"
}

func (c *refRmCmd) Run(a *app) error {
	name, store, err := a.withRef(c.Name)
	if store == nil {
		return err
	}
	ref, err := store.Delete(a.ctx, name, objects.Digest{})
	if err != nil {
		return withAcceptHint(name, err)
	}
	a.out.ref(ref)
	return nil
}

type refLogCmd struct {
	Name string `arg:"" help:"The name."`
}

// Help is the end of the help page.
func (refLogCmd) Help() string {
	return "Prints number, time and digest of each record, the newest first; the digest is - where the ref was deleted.\n\nExample: fsk ref log builds/main"
}

func (c *refLogCmd) Run(a *app) error {
	name, store, err := a.withRef(c.Name)
	if store == nil {
		return err
	}
	for ref, err := range store.Log(a.ctx, name) {
		if err == nil {
			err = a.refs.allowed(ref)
		}
		if err != nil {
			return withAcceptHint(name, err)
		}
		a.unverifiedRef(ref)
		a.out.ref(ref)
		if !a.out.json {
			a.out.line("%d  %s  %s", ref.Seq, ref.Time.Format(time.RFC3339), orDash(!ref.Deleted(), ref.Digest))
		}
		if a.out.failed != nil {
			return nil
		}
	}
	return nil
}

type refAcceptCmd struct {
	Name string `arg:"" help:"The name."`
}

// Help is the end of the help page.
func (refAcceptCmd) Help() string {
	return "After rolled-back, ref-gone or ref-fork, once you know how that came about. The record must verify.\n\nExample: fsk ref accept builds/main"
}

func (c *refAcceptCmd) Run(a *app) error {
	if a.globals.NoMarks {
		return &usage{problem: "--no-marks leaves nothing to accept", hint: "fsk ref accept --help"}
	}
	name, store, err := a.withRef(c.Name)
	if store == nil {
		return err
	}
	if a.refs.marks == nil {
		return errNoState
	}
	ref, err := store.Accept(a.ctx, name)
	if err != nil {
		return err
	}
	if ref.Seq > 0 {
		a.out.ref(ref)
	}
	return nil
}

// isRemembered reports whether a reason comes from what was seen before.
func isRemembered(reason objects.Reason) bool {
	return reason == objects.RolledBack || reason == objects.RefGone || reason == objects.RefFork
}

// withAcceptHint tells what to type about a ref that is not what it was.
func withAcceptHint(name refs.Name, err error) error {
	if isRemembered(reasonOf(err)) {
		return &hinted{err, fmt.Sprintf("fsk ref accept %s, once you know how that came about", name)}
	}
	return err
}

// unverifiedRef warns, once, that sealed refs are read without a key.
func (a *app) unverifiedRef(ref refs.Ref) {
	if ref.Reason == objects.OKUnverified && !a.warned {
		a.warned = true
		a.out.warning(fmt.Sprintf("ref %s is sealed, but security is off: its seal was not verified", ref.Name))
	}
}

// A jsonRef is the line of one record of a ref. The digest is left out if it says that the
// ref was deleted.
type jsonRef struct {
	Type      string            `json:"type"`
	Name      string            `json:"name"`
	Namespace string            `json:"namespace"`
	Digest    string            `json:"digest,omitempty"`
	Seq       uint64            `json:"seq"`
	Time      time.Time         `json:"time"`
	Attrs     map[string]string `json:"attrs,omitempty"`
	Reason    objects.Reason    `json:"reason"`
	Key       string            `json:"key,omitempty"`
	Retired   *bool             `json:"retired,omitempty"`
}

// ref counts a ref and, with --json, writes its line.
func (p *printer) ref(ref refs.Ref) {
	p.summary.Refs++
	if !p.json {
		return
	}
	line := jsonRef{Type: "ref", Name: ref.Name.String(), Namespace: ref.Namespace, Seq: ref.Seq, Time: ref.Time,
		Attrs: ref.Attrs, Reason: ref.Reason}
	if !ref.Deleted() {
		line.Digest = ref.Digest.String()
	}
	if !ref.Key.IsZero() {
		line.Key, line.Retired = ref.Key.String(), &ref.Retired
	}
	p.value(line)
}
