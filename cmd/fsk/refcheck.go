package main

import "fsk/refs"

// checkRefs reports what is to be said of the refs of all namespaces, and counts them. If
// they are to be resealed, that comes first: what cannot be is a finding of the check.
func (a *app) checkRefs(r *fsckReport, reseal bool) error {
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
	for f, err := range store.Check(a.ctx, &r.refs) {
		if err != nil {
			r.stats.Complete = false
			return err
		}
		if f.Path == "refs" { // the walk over the store has reported it
			continue
		}
		r.finding(f)
		if err := a.out.failed; err != nil {
			return err
		}
	}
	a.out.summary.Refs = r.refs.Refs
	r.stats.Complete = r.stats.Complete && r.refs.Complete
	return nil
}
