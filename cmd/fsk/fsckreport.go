package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fsk/cmd/fsk/config"
	"fsk/objects"
	"fsk/refs"
	"fsk/seal"
)

const (
	// shownPaths is how many findings of one reason are shown to people, and shownLines
	// how many of all reasons, but one of each; --json has all.
	shownPaths = 10
	shownLines = 18
	// shownChanges is how many changes are shown.
	shownChanges = 10
)

// A fsckReport counts findings, and shows a few of each reason when all is done. With
// --json it shows all of them as they come.
type fsckReport struct {
	app      *app
	stats    objects.FsckStats
	refs     refs.CheckStats
	severity map[string]int64
	groups   map[objects.Reason]*findingGroup
	changes  []string // what was done, for people

	resealedRefs map[seal.KeyID]int64 // by the key that had sealed them
}

// A findingGroup is the findings of one reason.
type findingGroup struct {
	count int
	first []objects.Finding
}

func newFsckReport(a *app) *fsckReport {
	return &fsckReport{app: a, severity: make(map[string]int64), groups: make(map[objects.Reason]*findingGroup)}
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
		r.app.code = worst(r.app.code, reasonCode(f.Reason))
	}
	r.severity[string(f.Severity)]++
	g := r.groups[f.Reason]
	if g == nil {
		g = new(findingGroup)
		r.groups[f.Reason] = g
	}
	if g.count++; g.count <= shownPaths {
		g.first = append(g.first, f)
	}
	if !r.app.out.json {
		return
	}
	line := jsonFinding{Type: "finding", Reason: f.Reason, Severity: f.Severity, Path: f.Path, Why: f.Explain(), Next: f.Next}
	if !f.Digest.IsZero() {
		line.Digest = f.Digest.String()
	}
	if !f.Key.IsZero() {
		line.Key = f.Key.String()
	}
	r.app.out.value(line)
}

// changed tells one thing that was done, or with --dry-run would be.
func (r *fsckReport) changed(text string, value any) {
	if r.app.out.json {
		r.app.out.value(value)
		return
	}
	r.changes = append(r.changes, text)
}

// finish prints findings by reason and what to do about them, what was done, and counts.
func (r *fsckReport) finish(cfg *config.Config, wouldReseal bool) {
	out := r.app.out
	out.summary.Objects, out.summary.Bytes = r.stats.Objects, r.stats.Bytes
	out.summary.Findings, out.summary.Reasons = r.severity, r.stats.Reasons
	out.summary.Keys, out.summary.Resealed = byKey(r.stats.Keys), byKey(r.stats.Resealed)
	if out.json {
		return
	}
	r.groupsOf(objects.SeverityError)
	r.groupsOf(objects.SeverityWarning)
	if g := r.groups[objects.LeftoverTemp]; g != nil {
		out.line("note: %d %s (%s)", g.count, objects.LeftoverTemp.Explain(), objects.LeftoverTemp)
	}
	for i, line := range r.changes {
		if i == shownChanges {
			out.line("and %d more", len(r.changes)-i)
			break
		}
		out.line("%s", line)
	}
	verdicts := counts(r.stats.Reasons)
	if verdicts == "" && r.stats.Complete {
		verdicts = ": nothing to check"
	}
	out.line("checked %s, %s%s", plural(r.stats.Objects), formatSize(r.stats.Bytes), verdicts)
	for i := range cfg.Ring.Len() {
		id := cfg.Ring.ID(i)
		out.line("key %s  %s: %s%s%s", id, keyRole(i > 0), plural(r.stats.Keys[id]), r.refsOf(id), r.moved(id, i > 0 && wouldReseal))
	}
	if n := r.refs.Refs + r.refs.Deleted; n > 0 {
		out.line("refs: %d, deleted: %d%s", r.refs.Refs, r.refs.Deleted, counts(r.refs.Reasons))
	}
	if !r.stats.Complete {
		out.line("incomplete: not everything was checked")
	}
}

// refsOf says how many refs a key has sealed.
func (r *fsckReport) refsOf(id seal.KeyID) string {
	switch n := r.refs.Keys[id]; n {
	case 0:
		return ""
	case 1:
		return ", 1 ref"
	default:
		return fmt.Sprintf(", %d refs", n)
	}
}

// moved says how many objects and refs were resealed that a key had sealed, or would be.
func (r *fsckReport) moved(id seal.KeyID, would bool) string {
	switch {
	case would:
		return fmt.Sprintf(", %d would be resealed", r.stats.Keys[id]+r.refs.Keys[id])
	case r.stats.Resealed[id]+r.resealedRefs[id] > 0:
		return fmt.Sprintf(", %d resealed", r.stats.Resealed[id]+r.resealedRefs[id])
	}
	return ""
}

// groupsOf prints the findings of one severity.
func (r *fsckReport) groupsOf(severity objects.Severity) {
	shown := 0
	for _, g := range r.groups {
		if g.first[0].Severity != objects.SeverityNote {
			shown++
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(r.groups)) {
		if g := r.groups[reason]; g.first[0].Severity == severity {
			r.group(g, max(1, shownLines/shown))
		}
	}
}

func (r *fsckReport) group(g *findingGroup, limit int) {
	out, f := r.app.out, g.first[0]
	out.line("%s: %d %s: %s", f.Severity, g.count, f.Reason, f.Reason.Explain())
	for i, f := range g.first {
		if i == limit {
			break
		}
		out.line("  %s%s%s", escape(f.Path), inPack(f), more(f))
	}
	if rest := g.count - min(limit, len(g.first)); rest > 0 {
		out.line("  and %d more", rest)
	}
	var told []string // an object and a ref, or two indexes, may need different things
	for _, f := range g.first {
		if !slices.Contains(told, f.Next) {
			told = append(told, f.Next)
			out.line("  next: %s", f.Next)
		}
	}
}

// more is what a finding says beyond its reason.
func more(f objects.Finding) string {
	if why := f.Explain(); why != f.Reason.Explain() {
		return ": " + escape(why)
	}
	return ""
}

// byKey makes a map that JSON can show.
func byKey(counts map[seal.KeyID]int64) map[string]int64 {
	text := make(map[string]int64)
	for id, n := range counts {
		text[id.String()] = n
	}
	return text
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

// counts lists how many objects have which verdict, after a colon; "" if there are none.
func counts(reasons map[objects.Reason]int64) string {
	if len(reasons) == 0 {
		return ""
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		parts = append(parts, fmt.Sprintf("%d %s", reasons[reason], reason))
	}
	return ": " + strings.Join(parts, ", ")
}
