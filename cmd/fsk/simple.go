package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"fsk/objects"
	"fsk/objects/fleche"
	"fsk/objects/rootfs"
)

type initCmd struct {
	Dir *string `arg:"" optional:"" help:"The directory to make a store of; it must be absent or empty. Default: --store, or .fsk."`
}

// Help is the end of the help page.
func (initCmd) Help() string {
	return "Does nothing if the directory is a store already. Prints its path.\n\nExample: fsk init ~/store"
}

func (c *initCmd) Run(a *app) error {
	if _, err := a.config(); err != nil {
		return err
	}
	dir := ".fsk"
	switch {
	case c.Dir != nil && *c.Dir == "":
		return &usage{problem: "the directory is empty", hint: "fsk init --help"}
	case c.Dir != nil:
		dir = *c.Dir
	case a.globals.Store != nil:
		dir = *a.globals.Store
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	fsys, err := rootfs.Create(dir)
	if err != nil && isNoDirectory(dir) {
		return fmt.Errorf("%s: %w: it is not a directory", dir, objects.ErrNotStore)
	}
	if err != nil {
		return err
	}
	defer fsys.Close()
	if err := objects.Init(fsys); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if a.out.json {
		a.out.value(struct {
			Type string `json:"type"`
			Path string `json:"path"`
		}{"store", dir})
		return nil
	}
	a.out.line("%s", escape(dir))
	return nil
}

type lsCmd struct{}

// Help is the end of the help page.
func (lsCmd) Help() string {
	return "Looks at names only; fsck and stat verify.\n\nExample: fsk ls | fsk cat --batch"
}

func (c *lsCmd) Run(a *app) error {
	if is, err := a.onFleche(a.lsValues); is || err != nil {
		return err
	}
	db, _, err := a.openStore(false)
	if err != nil {
		return err
	}
	for d, err := range db.All(a.ctx) {
		if err != nil {
			a.report(err)
			continue
		}
		a.out.object(objects.Info{Digest: d, Size: -1}, nil)
		if !a.out.json {
			a.out.line("%s", d)
		}
		if a.out.failed != nil {
			return nil
		}
	}
	return nil
}

type statCmd struct {
	Objects []string `arg:"" name:"object" help:"Digests, their first digits, or refs."`
}

// Help is the end of the help page.
func (statCmd) Help() string {
	return "Prints digest, reason, size, id of the key, \"first\" or \"retired\", and where it is stored, with - for what is not known.\n\nExample: fsk stat 8e4c7c1b"
}

func (c *statCmd) Run(a *app) error {
	if is, err := a.onFleche(func(v *fleche.Cache) error { return a.statValues(v, c.Objects) }); is || err != nil {
		return err
	}
	db, _, err := a.openStore(false)
	if err != nil {
		return err
	}
	for _, name := range c.Objects {
		if err := a.stat(db, name); err != nil {
			a.reportOn(name, err)
		}
		if a.ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

func (a *app) stat(db *objects.DB, name string) error {
	d, err := a.resolve(db, name)
	if err != nil {
		return err
	}
	info, err := db.Check(a.ctx, d)
	if err != nil {
		return err
	}
	a.out.object(info, nil)
	if !a.out.json {
		a.out.line("%s  %s  %s  %s  %s  %s", info.Digest, info.Reason, orDash(info.Size >= 0, info.Size),
			orDash(!info.Key.IsZero(), info.Key), orDash(!info.Key.IsZero(), keyRole(info.Retired)), orDash(info.Where != "", info.Where))
	}
	if !info.Reason.Good() {
		a.code = worst(a.code, reasonCode(info.Reason))
	}
	a.unverified(info)
	return nil
}

func orDash(known bool, v any) string {
	if !known {
		return "-"
	}
	return fmt.Sprint(v)
}

type versionCmd struct{}

// Help is the end of the help page.
func (versionCmd) Help() string {
	return "Prints the version of fsk, the version of Go that it was built with, and the system.\n\nExample: fsk version"
}

func (c *versionCmd) Run(a *app) error {
	version := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = info.Main.Version
	}
	if a.out.json {
		a.out.value(struct {
			Type    string `json:"type"`
			Version string `json:"version"`
			Go      string `json:"go"`
		}{"version", version, runtime.Version()})
		return nil
	}
	a.out.line("fsk %s %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
