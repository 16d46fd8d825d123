package main

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"fsk/cmd/fsk/config"
	"fsk/cmd/fsk/gocache"
	"fsk/objects"
	"fsk/refs"
)

type gcCmd struct {
	MaxSize *string `placeholder:"SIZE" help:"Evict what was used least lately, until the outputs of the build cache have at most this size, such as 10GiB."`
	MaxAge  *string `placeholder:"DURATION" help:"Evict what was not used for this long, such as 12h or 30d."`
	DryRun  bool    `help:"Tell what would be evicted, change nothing."`
}

// Help is the end of the help page.
func (gcCmd) Help() string {
	return "Evicts actions of fsk go-cache, and with each the object that it names if no ref reaches it otherwise; no other object is deleted, and nothing that was stored or used within the last hour. Removes temporary files that were not written to for a day. A ref of another namespace that does not verify ends it before anything is deleted.\n\nExample: fsk gc --max-size 10GiB"
}

// options reads the options.
func (c *gcCmd) options() (refs.EvictOptions, error) {
	o := refs.EvictOptions{Entry: gocache.IsAction, Size: gocache.SizeOf, DryRun: c.DryRun}
	bad := func(problem string) (refs.EvictOptions, error) {
		return o, &usage{problem: problem, hint: "fsk gc --help"}
	}
	if c.MaxSize == nil && c.MaxAge == nil {
		return bad("--max-size or --max-age must be given")
	}
	var ok bool
	if c.MaxSize != nil {
		if o.MaxSize, ok = config.ParseSize(*c.MaxSize); !ok {
			return bad("--max-size takes a number of bytes, more than 0, or for example 10GiB or 500MB")
		}
	}
	if c.MaxAge != nil {
		if o.MaxAge, ok = parseAge(*c.MaxAge); !ok {
			return bad("--max-age takes a duration, more than 0, for example 90m, 12h or 30d")
		}
	}
	return o, nil
}

// parseAge reads a duration of Go, or days.
func parseAge(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	if digits, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(digits, 10, 32)
		return time.Duration(n) * day, err == nil && n > 0 && n <= uint64(math.MaxInt64/day)
	}
	age, err := time.ParseDuration(text)
	return age, err == nil && age > 0
}

// A jsonGC is the line of what was done.
type jsonGC struct {
	Type        string `json:"type"`
	DryRun      bool   `json:"dry_run"`
	Entries     int64  `json:"entries"`
	Size        int64  `json:"size"`
	Evicted     int64  `json:"evicted"`
	Objects     int64  `json:"objects"`
	Freed       int64  `json:"freed"`
	Quarantined int64  `json:"quarantined"`
	Packs       int    `json:"packs"`
	Temporary   int64  `json:"temporary"`
}

func (c *gcCmd) Run(a *app) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	db, cfg, err := a.openStore(false)
	if err != nil {
		return err
	}
	store, err := refs.Open(a.refs.fs, cfg.Ring, db, &refs.Options{Namespace: gocache.Namespace, NoHistory: true})
	if err != nil {
		return err
	}
	s, err := store.Evict(a.ctx, o)
	var temporary int64
	if err == nil {
		temporary, err = prune(a.ctx, db, o.DryRun)
	}
	if a.out.json {
		a.out.value(jsonGC{"gc", o.DryRun, s.Entries, s.Size, s.Evicted, s.Objects, s.Freed, s.Quarantined, s.Packs, temporary})
		return err
	}
	if err == nil || s.Evicted+s.Quarantined+temporary > 0 {
		c.print(a.out, s, temporary)
	}
	return err
}

// prune removes the temporary files that nobody writes to any more, and counts them.
func prune(ctx context.Context, db *objects.DB, dryRun bool) (n int64, err error) {
	for _, err := range db.Prune(ctx, dryRun) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (c *gcCmd) print(out *printer, s refs.EvictStats, temporary int64) {
	would := ""
	if c.DryRun {
		would = "would be "
	}
	out.line("actions: %d, %s; %sevicted: %d, with %s, %s; %squarantined: %d",
		s.Entries, formatSize(s.Size), would, s.Evicted, plural(s.Objects), formatSize(s.Freed), would, s.Quarantined)
	if temporary > 0 {
		out.line("temporary files: %sremoved: %d", would, temporary)
	}
}
