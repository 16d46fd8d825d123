package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fsk/cmd/fsk/config"
	"fsk/objects"
)

type fsckCmd struct {
	Jobs    int      `short:"j" placeholder:"N" help:"Check this many objects at once. Default: one for each processor."`
	Objects []string `arg:"" optional:"" name:"object" help:"Check only these."`
}

// Help is the end of the help page.
func (fsckCmd) Help() string {
	return "Exits with 0 if there is nothing but notes, 1 if there are findings, 3 if not everything could be checked.\n\nExample: fsk fsck --json"
}

// shownPaths is how many findings of one reason are shown to people; --json has all.
const shownPaths = 10

func (c *fsckCmd) Run(a *app) error {
	if c.Jobs < 0 {
		return &usage{problem: "-j is negative", hint: "fsk fsck --help"}
	}
	db, cfg, err := a.openStore(false)
	if err != nil {
		return err
	}
	options := objects.FsckOptions{Workers: c.Jobs}
	for _, name := range c.Objects {
		d, err := a.resolve(db, name)
		if err != nil {
			a.reportOn(name, err)
			continue
		}
		options.Objects = append(options.Objects, d)
	}
	if len(c.Objects) > 0 && options.Objects == nil {
		return nil
	}
	bar := a.out.startProgress(a.ctx, "checked", func(ctx context.Context) int64 {
		if options.Objects != nil {
			return int64(len(options.Objects))
		}
		return countObjects(ctx, db)
	})
	options.Progress = bar.set
	r := &fsckReport{app: a, count: make(map[objects.Reason]int), severity: make(map[string]int64)}
	for f, err := range db.Fsck(a.ctx, options, &r.stats) {
		if err != nil {
			a.report(err)
			break
		}
		r.finding(f)
		if a.out.failed != nil {
			return nil
		}
	}
	r.finish(cfg)
	return nil
}

// A fsckReport shows findings as they come, a few of each reason, and then counts.
type fsckReport struct {
	app      *app
	stats    objects.FsckStats
	count    map[objects.Reason]int
	severity map[string]int64
	next     []objects.Finding // the first of each reason that matters
}

type jsonFinding struct {
	Type     string           `json:"type"`
	Reason   objects.Reason   `json:"reason"`
	Severity objects.Severity `json:"severity"`
	Path     string           `json:"path"`
	Digest   string           `json:"digest,omitempty"`
	Key      string           `json:"key,omitempty"`
	Why      string           `json:"why"`
	Next     string           `json:"next"`
}

func (r *fsckReport) finding(f objects.Finding) {
	if f.Severity != objects.SeverityNote {
		code := exitMiss
		if f.Reason == objects.IOError {
			code = exitIncomplete
		}
		r.app.code = worst(r.app.code, code)
	}
	r.severity[string(f.Severity)]++
	r.count[f.Reason]++
	why := f.Explain()
	out := r.app.out
	if out.json {
		line := jsonFinding{Type: "finding", Reason: f.Reason, Severity: f.Severity, Path: f.Path, Why: why, Next: f.Next}
		if !f.Digest.IsZero() {
			line.Digest = f.Digest.String()
		}
		if !f.Key.IsZero() {
			line.Key = f.Key.String()
		}
		out.value(line)
		return
	}
	if f.Severity == objects.SeverityNote {
		return // counted at the end
	}
	if r.count[f.Reason] == 1 {
		r.next = append(r.next, f)
	}
	if r.count[f.Reason] <= shownPaths {
		out.line("%s: %s%s: %s (%s)", f.Severity, escape(f.Path), inPack(f), escape(why), f.Reason)
	}
}

// inPack names the object of a finding whose path does not.
func inPack(f objects.Finding) string {
	if f.Digest.IsZero() || strings.HasSuffix(f.Path, f.Digest.String()[2:]) {
		return ""
	}
	return ": object " + f.Digest.String()
}

// finish prints what was not shown, what to do, and the counts.
func (r *fsckReport) finish(cfg *config.Config) {
	out := r.app.out
	out.summary.Objects, out.summary.Bytes = r.stats.Objects, r.stats.Bytes
	out.summary.Findings, out.summary.Reasons = r.severity, r.stats.Reasons
	out.summary.Keys = make(map[string]int64)
	for id, n := range r.stats.Keys {
		out.summary.Keys[id.String()] = n
	}
	if out.json {
		return
	}
	for _, f := range r.next {
		if more := r.count[f.Reason] - shownPaths; more > 0 {
			out.line("%s: %d more like this (%s)", f.Severity, more, f.Reason)
		}
	}
	for _, f := range r.next {
		out.line("next: %s: %s", f.Reason, f.Next)
	}
	if n := r.count[objects.LeftoverTemp]; n > 0 {
		out.line("note: %d %s (%s)", n, objects.LeftoverTemp.Explain(), objects.LeftoverTemp)
	}
	out.line("checked %s, %s: %s", plural(r.stats.Objects), formatSize(r.stats.Bytes), counts(r.stats.Reasons))
	for i := range cfg.Ring.Len() {
		role := keyRole(i > 0)
		out.line("key %s  %s: %s", cfg.Ring.ID(i), role, plural(r.stats.Keys[cfg.Ring.ID(i)]))
	}
	if !r.stats.Complete {
		out.line("incomplete: not everything was checked")
	}
}

// plural counts objects in words.
func plural(n int64) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

// countObjects counts the objects by their names. What cannot be listed is not counted.
func countObjects(ctx context.Context, db *objects.DB) (n int64) {
	for _, err := range db.All(ctx) {
		if err == nil {
			n++
		}
	}
	return n
}

// counts lists how many objects have which verdict.
func counts(reasons map[objects.Reason]int64) string {
	if len(reasons) == 0 {
		return "nothing to check"
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		parts = append(parts, fmt.Sprintf("%d %s", reasons[reason], reason))
	}
	return strings.Join(parts, ", ")
}
