package main

import (
	"iter"

	"fsk/objects"
	"fsk/refs"
)

// checkRefs reports what is to be said of the refs of all namespaces, and counts them. If
// they are to be resealed, that comes first: what cannot be is a finding of the check.
func (f *fsck) checkRefs(reseal bool) error {
	a, r := f.app, f.report
	store, err := a.refs.all()
	if err != nil {
		r.stats.Complete = false
		return err
	}
	if reseal {
		var stats refs.ResealStats
		for _, err := range store.Reseal(a.ctx, &stats) {
			if err != nil {
				r.stats.Complete = false
				return err
			}
		}
		r.resealedRefs = stats.Resealed
	}
	for finding, err := range store.Check(a.ctx, &r.refs) {
		if err != nil {
			r.stats.Complete = false
			return err
		}
		if finding.Path == "refs" { // the walk over the store has reported it
			continue
		}
		f.found(finding)
		if err := a.out.failed; err != nil {
			return err
		}
	}
	a.out.summary.Refs = r.refs.Refs
	r.stats.Complete = r.stats.Complete && r.refs.Complete
	return nil
}

// setRefsAside moves the records that the check found to be wrong.
func (f *fsck) setRefsAside(dryRun bool) iter.Seq2[objects.Moved, error] {
	return func(yield func(objects.Moved, error) bool) {
		store, err := f.app.refs.all()
		if err != nil {
			yield(objects.Moved{}, err)
			return
		}
		stats := &f.report.refs
		store.Quarantine(f.app.ctx, f.wrong, objects.QuarantineOptions{
			Anyway: f.Yes, Checked: stats.Refs + stats.Deleted, DryRun: dryRun,
		})(yield)
	}
}
