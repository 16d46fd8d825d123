package main

import (
	"errors"
	"fmt"
	"syscall"

	"fsk/objects"
	"fsk/refs"
)

type rmCmd struct {
	Force   bool     `help:"Also what a ref names or has in its history."`
	Objects []string `arg:"" name:"object" help:"Digests, their first digits, or refs."`
}

// Help is the end of the help page.
func (rmCmd) Help() string {
	return "Removes what is stored under the digest, whatever state it is in. What a ref names, or has in its history, is refused.\n\nExample: fsk rm 8e4c7c1b"
}

func (c *rmCmd) Run(a *app) error {
	db, _, err := a.openStore(false)
	if err != nil {
		return err
	}
	for _, name := range c.Objects {
		d, err := a.resolve(db, name)
		if err == nil {
			err = c.remove(a, db, d)
		}
		if err != nil {
			a.reportOn(name, err)
			if a.ctx.Err() != nil {
				return nil
			}
			continue
		}
		a.out.object(objects.Info{Digest: d, Size: -1}, nil)
	}
	return nil
}

// remove removes an object. No ref is set to it between the look at all refs and the end.
func (c *rmCmd) remove(a *app, db *objects.DB, d objects.Digest) error {
	if c.Force {
		return db.Remove(a.ctx, d)
	}
	store, err := a.refs.all()
	if err != nil {
		return err
	}
	thaw, err := store.Freeze(a.ctx)
	switch {
	case err == nil:
		defer thaw()
	case errors.Is(err, syscall.ENOSPC):
		// A full disk has no room for the file that is locked, so no ref was ever set here;
		// and removing is what helps.
	default:
		return err
	}
	if err := a.unnamed(store, d); err != nil {
		return err
	}
	return db.Remove(a.ctx, d)
}

// unnamed returns an error if a ref of any namespace names an object or has it in its
// history, or may do so.
func (a *app) unnamed(store *refs.Store, d objects.Digest) error {
	refuse := func(reason objects.Reason, format string, args ...any) error {
		return &hinted{&objects.Error{Digest: d, Reason: reason, Err: fmt.Errorf(format, args...)}, "fsk rm --force removes it all the same"}
	}
	for target, err := range store.Targets(a.ctx) {
		var unreadable *refs.Error
		switch {
		case errors.As(err, &unreadable):
			return refuse(unreadable.Reason, "%s may name it and cannot be read: %s", unreadable.Path, unreadable.Explain())
		case err != nil:
			return err
		case target.Digest != d:
		case target.Role == refs.Named:
			return refuse(objects.Denied, "the ref %s names it", target.Ref.Name)
		case target.Role == refs.History:
			return refuse(objects.Denied, "it is in the history of the ref %s", target.Ref.Name)
		}
	}
	return nil
}
