package main

import (
	"context"
	"iter"

	"fsk/objects"
	"fsk/objects/fleche"
)

// checkValues is fsck on a cache of fleche.
func (c *fsckCmd) checkValues(a *app, values *fleche.Cache) error {
	if err := c.needKey(a.cfg); err != nil {
		return err
	}
	if c.Policy {
		return &usage{problem: "--policy is not for a cache of fleche: cat asks the policies", hint: "fsk fsck --help"}
	}
	if c.AdoptAllUnsealed || len(c.Adopt) > 0 {
		return &usage{problem: "--adopt is not for a cache of fleche: its names are no digests, so nothing says what would be sealed",
			hint: "let Python make the values again"}
	}
	var names []fleche.Name
	for _, arg := range c.Objects {
		name, err := a.resolveValue(values, arg)
		if err != nil {
			a.reportOn(arg, err)
			continue
		}
		names = append(names, name)
	}
	if len(c.Objects) > 0 && names == nil {
		return nil
	}
	f := newFsck(a, c.repairs)
	f.onValues(values, fleche.FsckOptions{Workers: c.Jobs, Names: names})
	return f.run()
}

// onValues makes the run one on a cache of fleche.
func (f *fsck) onValues(values *fleche.Cache, options fleche.FsckOptions) {
	ctx := f.app.ctx
	f.total = func(ctx context.Context) (n int64) {
		for _, err := range values.All(ctx) {
			if err == nil {
				n++
			}
		}
		return n
	}
	with := func(progress func(values, bytes int64)) fleche.FsckOptions {
		options.Progress = progress
		return options
	}
	f.check = func(progress func(values, bytes int64)) iter.Seq2[objects.Finding, error] {
		return values.Fsck(ctx, with(progress), &f.report.stats)
	}
	f.reseal = func(progress func(values, bytes int64)) iter.Seq2[objects.Finding, error] {
		return values.Reseal(ctx, with(progress), &f.report.stats)
	}
	f.setAside = func() iter.Seq2[objects.Moved, error] {
		return values.Quarantine(ctx, fleche.QuarantineOptions{FsckOptions: options, Anyway: f.Yes, DryRun: f.DryRun}, nil)
	}
	f.removeTemps = func() iter.Seq2[string, error] { return values.Prune(ctx, objects.LeftoverAge, f.DryRun) }
}
