package main

import (
	"bufio"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"

	"fsk/objects"
)

// repairs are the options of fsck that change something.
type repairs struct {
	Reseal           bool     `help:"Give every object that a retired key sealed the seal of the first key."`
	Quarantine       bool     `help:"Move what is damaged or forged to the directory quarantine of the store. Nothing is deleted."`
	Adopt            []string `sep:"none" placeholder:"DIGEST" help:"Seal this unsealed or foreign object by the first key: your word that it is what it should be. May be repeated."`
	AdoptAllUnsealed bool     `help:"Seal every unsealed object by the first key, after security was switched on."`
	Prune            bool     `help:"Remove temporary files older than a day."`
	DryRun           bool     `short:"n" help:"Show what would be changed, and change nothing."`
	Yes              bool     `short:"y" help:"Do not ask, nor refuse because it is much."`
}

func (r *repairs) seals() bool { return r.Reseal || r.AdoptAllUnsealed || len(r.Adopt) > 0 }

// validate refuses what has no meaning together.
func (r *repairs) validate(chosen bool) error {
	const hint = "fsk fsck --help"
	switch {
	case chosen && (r.Reseal || r.Prune || r.AdoptAllUnsealed):
		return &usage{problem: "--reseal, --prune and --adopt-all-unsealed are for the whole store, not for chosen objects", hint: hint}
	case r.DryRun && !r.seals() && !r.Quarantine && !r.Prune:
		return &usage{problem: "--dry-run goes with an option that changes something", hint: hint}
	}
	for _, text := range r.Adopt {
		if _, err := objects.ParseDigest(text); err != nil {
			return &usage{problem: fmt.Sprintf("--adopt %s: %s", text, "all 64 digits of a digest are needed"), hint: hint}
		}
	}
	return nil
}

// A change is the JSON line of what was done, or with --dry-run would be.
type change struct {
	Type   string         `json:"type"` // "adopted", "quarantined" or "pruned"
	Digest string         `json:"digest,omitempty"`
	Reason objects.Reason `json:"reason,omitempty"` // what it was
	Path   string         `json:"path,omitempty"`   // where it was
	To     string         `json:"to,omitempty"`     // where it is
	DryRun bool           `json:"dry_run,omitempty"`
}

// did words what was done.
func (f *fsck) did(what string) string {
	if f.DryRun {
		return "would be " + what
	}
	return what
}

// adopt seals the objects that were named, and all unsealed ones if that is asked for.
func (f *fsck) adopt(db *objects.DB, options objects.FsckOptions) error {
	var digests []objects.Digest
	for _, text := range f.Adopt {
		d, _ := objects.ParseDigest(text) // was validated
		digests = append(digests, d)
	}
	if f.AdoptAllUnsealed {
		unsealed, err := f.unsealed(db, options)
		if err != nil {
			return err
		}
		digests = append(digests, unsealed...)
	}
	if len(digests) == 0 {
		return nil
	}
	if f.DryRun {
		for _, d := range digests {
			info, err := db.Check(f.app.ctx, d)
			switch {
			case err != nil:
				return err
			case info.Reason == objects.Unsealed, info.Reason == objects.BadSeal:
				f.adopted(info)
			case !info.Reason.Good():
				f.app.report(&objects.Error{Digest: d, Reason: info.Reason})
			}
		}
		return nil
	}
	for info, err := range db.Adopt(f.app.ctx, digests) {
		var miss *objects.Error
		switch {
		case err == nil:
			f.adopted(info)
		case errors.As(err, &miss) && miss.Reason != objects.IOError:
			f.app.report(err)
		default:
			return err
		}
	}
	return nil
}

func (f *fsck) adopted(info objects.Info) {
	f.report.changed(fmt.Sprintf("%s: %s", f.did("adopted"), info.Digest),
		change{Type: "adopted", Digest: info.Digest.String(), DryRun: f.DryRun})
}

// unsealed returns all unsealed objects, if they are to be adopted after all.
func (f *fsck) unsealed(db *objects.DB, options objects.FsckOptions) (digests []objects.Digest, err error) {
	for finding, err := range db.Fsck(f.app.ctx, options, nil) {
		if err != nil {
			return nil, err
		}
		if finding.Reason == objects.Unsealed {
			digests = append(digests, finding.Digest)
		}
	}
	if len(digests) == 0 || f.DryRun || f.Yes {
		return digests, nil
	}
	question := fmt.Sprintf("%s unsealed: seal all of them by key %s?", plural(int64(len(digests))), f.app.cfg.Ring.ID(0))
	if !f.app.confirm(question) {
		return nil, &refusal{problem: question + " not confirmed, nothing was changed", hint: "--yes if you know where all of them come from"}
	}
	return digests, nil
}

// confirm asks on the terminal. Without one the answer is no.
func (a *app) confirm(question string) bool {
	in, ok := a.stdin.(*os.File)
	if !ok || !isTerminal(in) || !isTerminal(a.out.stderr) {
		return false
	}
	a.out.clearBar()
	fmt.Fprintf(a.out.stderr, "fsk: %s [y/N] ", question)
	answer, _ := bufio.NewReader(&interruptible{ctx: a.ctx, r: in}).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// A refusal is that of a command which would do too much without being told so.
type refusal struct{ problem, hint string }

func (e *refusal) Error() string { return e.problem }

// quarantine moves aside what the check found, if it is neither too many objects nor too
// many refs.
func (f *fsck) quarantine() error {
	parts := []iter.Seq2[objects.Moved, error]{f.setAside()}
	if f.names != nil {
		for _, err := range f.setRefsAside(true) {
			if err != nil {
				return tooMany(err)
			}
		}
		parts = append(parts, f.setRefsAside(f.DryRun))
	}
	for _, part := range parts {
		for m, err := range part {
			if err != nil {
				return tooMany(err)
			}
			f.report.changed(fmt.Sprintf("%s: %s%s (%s)%s", f.did("quarantined"), escape(m.Path), inPack(m.Finding), m.Reason, arrow(m.To)),
				quarantined(m, f.DryRun))
		}
	}
	return nil
}

// tooMany says what to do about that error.
func tooMany(err error) error {
	if errors.Is(err, objects.ErrTooMany) {
		return &refusal{problem: err.Error(), hint: "fsk key ls shows the keys in use; --yes if they are right"}
	}
	return err
}

func arrow(to string) string {
	if to == "" {
		return ""
	}
	return ": " + escape(to)
}

func quarantined(m objects.Moved, dryRun bool) change {
	c := change{Type: "quarantined", Reason: m.Reason, Path: m.Path, To: m.To, DryRun: dryRun}
	if !m.Digest.IsZero() {
		c.Digest = m.Digest.String()
	}
	return c
}

// prune removes old temporary files.
func (f *fsck) prune() error {
	for name, err := range f.removeTemps() {
		if err != nil {
			return err
		}
		f.report.changed(f.did("removed")+": "+escape(name), change{Type: "pruned", Path: name, DryRun: f.DryRun})
	}
	return nil
}
