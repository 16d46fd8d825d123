package main

import (
	"context"
	"fmt"

	"fsk/objects"
)

type packCmd struct{}

// Help is the end of the help page.
func (packCmd) Help() string {
	return "Copies loose objects and small packs, as they are and verified, to packs of about a gigabyte, removes what was copied, and makes missing or damaged indexes anew. Others may read and write meanwhile.\n\nExample: fsk pack"
}

// A jsonPack is the line of what was done.
type jsonPack struct {
	Type    string `json:"type"`
	Objects int64  `json:"objects"`
	Bytes   int64  `json:"bytes"`
	Packs   int    `json:"packs"`
	Removed int    `json:"removed"`
	Indexes int    `json:"indexes"`
	Damaged int    `json:"damaged"`
	Skipped int    `json:"skipped"`
}

func (c *packCmd) Run(a *app) error {
	db, _, err := a.openStore(false)
	if err != nil {
		return err
	}
	bar := a.out.startProgress(a.ctx, "packed", func(context.Context) int64 { return 0 }) // known only when all is looked at
	s, err := db.Pack(a.ctx, func(s objects.PackStats) { bar.set(s.Objects, s.Bytes) })
	a.out.summary.Objects, a.out.summary.Bytes = s.Objects, s.Bytes
	switch {
	case a.out.json:
		a.out.value(jsonPack{"pack", s.Objects, s.Bytes, s.Packs, s.Removed, s.Indexes, s.Damaged, s.Skipped})
	case err == nil && s == objects.PackStats{Skipped: s.Skipped}:
		a.out.line("nothing to pack")
	case err == nil:
		a.out.line("packed: %s, %s; packs made: %d; files removed: %d; indexes made: %d; damaged packs set aside: %d",
			plural(s.Objects), formatSize(s.Bytes), s.Packs, s.Removed, s.Indexes, s.Damaged)
	}
	if s.Skipped > 0 {
		stay := "1 pack stays as it is, because an object in it does not verify"
		if s.Skipped > 1 {
			stay = fmt.Sprintf("%d packs stay as they are, because an object in each does not verify", s.Skipped)
		}
		a.out.warning(stay + ": fsk fsck tells which")
	}
	return err
}
