package main

import (
	"fmt"
	"iter"
	"strings"

	"fsk/cmd/fsk/config"
	"fsk/objects"
)

type fsckCmd struct {
	Jobs    int      `short:"j" placeholder:"N" help:"Check this many objects at once. Default: one for each processor."`
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
	db, cfg, err := a.openStore(false)
	if err != nil {
		return err
	}
	if c.seals() && cfg.Ring.Len() == 0 {
		return &usage{problem: "security is off: there is no key to seal with", hint: "set FLECHE_SECRET_KEY"}
	}
	chosen := a.chosen(db, c.Objects)
	if len(c.Objects) > 0 && chosen == nil {
		return nil
	}
	f := &fsck{repairs: c.repairs, app: a, db: db, cfg: cfg, report: newFsckReport(a)}
	f.options = objects.FsckOptions{Workers: c.Jobs, Objects: chosen}
	return f.run()
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

// A fsck is one run of the command.
type fsck struct {
	repairs
	app     *app
	db      *objects.DB
	cfg     *config.Config
	options objects.FsckOptions
	report  *fsckReport
	wrong   []objects.Finding // of severity error, kept for the quarantine
}

func (f *fsck) run() error {
	if err := f.adopt(); err != nil {
		return err
	}
	err := f.check()
	if err == nil {
		err = f.quarantine()
	}
	if err == nil {
		err = f.prune()
	}
	if f.app.out.failed != nil {
		return nil
	}
	f.app.report(err)
	f.report.finish(f.cfg, f.DryRun && f.Reseal)
	return nil
}

// check checks everything, or the chosen objects, and reseals if that is asked for.
func (f *fsck) check() error {
	progress := f.app.out.startProgress(f.app.ctx, "checked", f.total)
	f.options.Progress = progress.set
	for finding, err := range f.walk() {
		if err != nil {
			return err
		}
		f.report.finding(finding)
		if f.Quarantine && finding.Severity == objects.SeverityError {
			f.wrong = append(f.wrong, finding)
		}
		if err := f.app.out.failed; err != nil {
			return err
		}
	}
	return nil
}

func (f *fsck) walk() iter.Seq2[objects.Finding, error] {
	if f.Reseal && !f.DryRun {
		return f.db.Reseal(f.app.ctx, f.options, &f.report.stats)
	}
	return f.db.Fsck(f.app.ctx, f.options, &f.report.stats)
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
