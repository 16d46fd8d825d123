package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"fsk/cmd/fsk/config"
	"fsk/hooks"
	"fsk/objects"
	"fsk/objects/fleche"
)

type fsckCmd struct {
	Jobs    int      `short:"j" placeholder:"N" help:"Check this many objects at once. Default: one for each processor."`
	Policy  bool     `help:"Tell also which objects the policies and hooks in force would refuse."`
	Objects []string `arg:"" optional:"" name:"object" help:"Check only these."`
	repairs
}

// Help is the end of the help page.
func (fsckCmd) Help() string {
	return "Changes nothing without one of --reseal, --quarantine, --adopt, --adopt-all-unsealed and --prune, which may be used together, and are done in the order adopt, reseal, quarantine, prune. Exits with 0 if there is nothing but notes, 1 if there are findings, 3 if not everything could be checked.\n\nExample: fsk fsck --reseal"
}

func (c *fsckCmd) Run(a *app) error {
	if c.Jobs < 0 {
		return &usage{problem: "-j is negative", hint: "fsk fsck --help"}
	}
	if err := c.repairs.validate(len(c.Objects) > 0); err != nil {
		return err
	}
	if is, err := a.onFleche(func(values *fleche.Cache) error { return c.checkValues(a, values) }); is || err != nil {
		return err
	}
	db, cfg, err := a.openStore(false)
	if err != nil {
		return err
	}
	if err := c.needKey(cfg); err != nil {
		return err
	}
	chosen := a.chosen(db, c.Objects)
	if len(c.Objects) > 0 && chosen == nil {
		return nil
	}
	f := newFsck(a, c.repairs)
	options := objects.FsckOptions{Workers: c.Jobs, Objects: chosen}
	if err := f.adopt(db, options); err != nil {
		return err
	}
	f.onStore(db, options)
	if c.Policy {
		f.ask = func() error { return f.askPolicy(db, chosen) }
	}
	return f.run()
}

// needKey refuses to seal without a key.
func (c *fsckCmd) needKey(cfg *config.Config) error {
	if c.seals() && cfg.Ring.Len() == 0 {
		return &usage{problem: "security is off: there is no key to seal with", hint: "set FLECHE_SECRET_KEY"}
	}
	return nil
}

// chosen resolves the objects that were named.
func (a *app) chosen(db *objects.DB, names []string) (digests []objects.Digest) {
	for _, name := range names {
		d, err := a.resolve(db, name)
		if err != nil {
			a.reportOn(name, err)
			continue
		}
		digests = append(digests, d)
	}
	return digests
}

// A fsck is one run of the command, on a store or on a cache of fleche.
type fsck struct {
	repairs
	app    *app
	report *fsckReport
	wrong  []objects.Finding // of severity error, kept for the quarantine

	// What there is to be checked, and how.
	total       func(ctx context.Context) int64
	check       func(progress func(objects, bytes int64)) iter.Seq2[objects.Finding, error]
	reseal      func(progress func(objects, bytes int64)) iter.Seq2[objects.Finding, error]
	setAside    func() iter.Seq2[objects.Moved, error]
	removeTemps func() iter.Seq2[string, error]
	names       func() error // checks refs; nil if there are none, or objects were chosen
	ask         func() error // asks the policies; nil if that is not wanted
}

func newFsck(a *app, r repairs) *fsck { return &fsck{repairs: r, app: a, report: newFsckReport(a)} }

// onStore makes the run one on a store.
func (f *fsck) onStore(db *objects.DB, options objects.FsckOptions) {
	ctx := f.app.ctx
	f.total = func(ctx context.Context) int64 {
		if options.Objects != nil {
			return int64(len(options.Objects))
		}
		return countObjects(ctx, db)
	}
	with := func(progress func(objects, bytes int64)) objects.FsckOptions {
		options.Progress = progress
		return options
	}
	f.check = func(progress func(objects, bytes int64)) iter.Seq2[objects.Finding, error] {
		return db.Fsck(ctx, with(progress), &f.report.stats)
	}
	f.reseal = func(progress func(objects, bytes int64)) iter.Seq2[objects.Finding, error] {
		return db.Reseal(ctx, with(progress), &f.report.stats)
	}
	f.setAside = func() iter.Seq2[objects.Moved, error] {
		return db.Quarantine(ctx, f.wrong, objects.QuarantineOptions{Anyway: f.Yes, Checked: f.report.stats.Objects, DryRun: f.DryRun})
	}
	f.removeTemps = func() iter.Seq2[string, error] { return db.Prune(ctx, f.DryRun) }
	if options.Objects == nil {
		f.names = func() error { return f.checkRefs(f.Reseal && !f.DryRun) }
	}
}

// run checks, mends what it is asked to mend, and reports.
func (f *fsck) run() error {
	err := f.walk()
	if err == nil && f.names != nil {
		err = f.names()
	}
	if err == nil && f.ask != nil {
		err = f.ask()
	}
	if err == nil && f.Quarantine {
		err = f.quarantine()
	}
	if err == nil && f.Prune {
		err = f.prune()
	}
	if f.app.out.failed != nil {
		return nil
	}
	f.app.report(err)
	f.report.finish(f.app.cfg, f.DryRun && f.Reseal)
	return nil
}

// walk checks everything, or what was chosen, and reseals if that is asked for.
func (f *fsck) walk() error {
	progress := f.app.out.startProgress(f.app.ctx, "checked", f.total)
	walk := f.check
	if f.Reseal && !f.DryRun {
		walk = f.reseal
	}
	for finding, err := range walk(progress.set) {
		if err != nil {
			return err
		}
		f.found(finding)
		if err := f.app.out.failed; err != nil {
			return err
		}
	}
	return nil
}

// found reports a finding, and keeps it if it is to be moved aside.
func (f *fsck) found(finding objects.Finding) {
	f.report.finding(finding)
	if f.Quarantine && finding.Severity == objects.SeverityError {
		f.wrong = append(f.wrong, finding)
	}
}

// askPolicy reports what the policies would refuse. Nothing is released.
func (f *fsck) askPolicy(db *objects.DB, chosen []objects.Digest) error {
	one := func(d objects.Digest) error {
		finding, refused, err := hooks.Check(f.app.ctx, db, d)
		if err != nil {
			return err
		}
		if refused {
			f.report.finding(finding)
		}
		return f.app.out.failed
	}
	for _, d := range chosen {
		if err := one(d); err != nil {
			return err
		}
	}
	if chosen != nil {
		return nil
	}
	for d, err := range db.All(f.app.ctx) {
		if err != nil {
			continue // the check has reported it
		}
		if err := one(d); err != nil {
			return err
		}
	}
	return f.app.ctx.Err()
}

// inPack names the object of a finding whose path does not.
func inPack(f objects.Finding) string {
	if f.Digest.IsZero() || strings.HasSuffix(f.Path, f.Digest.String()[2:]) {
		return ""
	}
	return ": object " + f.Digest.String()
}

// plural counts objects in words.
func plural(n int64) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}
