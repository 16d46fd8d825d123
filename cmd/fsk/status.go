package main

import (
	"errors"
	"fmt"
	"io/fs"

	"fsk/cmd/fsk/config"
	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/rootfs"
	"fsk/seal"
)

type statusCmd struct{}

// Help is the end of the help page.
func (statusCmd) Help() string {
	return "Exits with 0 also if security is off or there is no store yet.\n\nExample: fsk status --json"
}

// A status is what fsk status shows. Its JSON is one line of the type "status".
type status struct {
	Type        string       `json:"type"`
	Store       string       `json:"store"`
	StoreFrom   string       `json:"store_from"`
	State       string       `json:"state"`          // "store", "cache" of fleche, or why there is none
	Kind        string       `json:"kind,omitempty"` // values.type of a cache of fleche
	Objects     *int64       `json:"objects,omitempty"`
	Security    string       `json:"security"` // "on" or "off"
	Keys        []seal.KeyID `json:"keys"`
	KeysFrom    string       `json:"keys_from,omitempty"`
	RequireSeal bool         `json:"require_seal"`
	KeyPolicy   string       `json:"key_policy"`
	MaxSize     int64        `json:"max_object_size"`
	Deny        int          `json:"deny"`
	Durability  string       `json:"durability"`
	Filesystem  string       `json:"filesystem"`
	Files       []string     `json:"files"`
}

func (c *statusCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	s, err := a.status(cfg)
	if err != nil {
		return err
	}
	if a.out.json {
		a.out.value(s)
		return nil
	}
	s.print(a.out, cfg)
	return nil
}

func (a *app) status(cfg *config.Config) (*status, error) {
	s := &status{
		Type: "status", Store: cfg.Store, StoreFrom: cfg.StoreFrom, State: "store",
		Security: "off", Keys: []seal.KeyID{}, KeysFrom: cfg.KeysFrom,
		RequireSeal: cfg.Policy.RequireSeal, KeyPolicy: "any", MaxSize: cfg.Policy.MaxObjectSize,
		Deny: len(cfg.Policy.Deny), Durability: cfg.Durability.String(), Files: append([]string{}, cfg.Files...),
	}
	if cfg.Ring.Len() > 0 {
		s.Security = "on"
	}
	for i := range cfg.Ring.Len() {
		s.Keys = append(s.Keys, cfg.Ring.ID(i))
	}
	if cfg.Policy.FirstKeyOnly {
		s.KeyPolicy = "first"
	}
	if s.MaxSize == 0 {
		s.MaxSize = objects.DefaultMaxObjectSize
	}
	return s, a.statusOfStore(cfg, s)
}

// statusOfStore looks at the store itself. That there is none is no error here.
func (a *app) statusOfStore(cfg *config.Config, s *status) error {
	fsys, err := rootfs.Open(cfg.Store)
	if errors.Is(err, fs.ErrNotExist) {
		s.State = "there is no such directory"
		return nil
	}
	if err != nil {
		return err
	}
	defer fsys.Close()
	s.Filesystem = abilities(durable.AbilitiesOf(fsys))
	if cfg.Type != config.TypeFsk {
		return a.statusOfFleche(cfg, s, fsys)
	}
	db, err := objects.Open(fsys, cfg.Ring, options(cfg))
	if errors.Is(err, objects.ErrNotStore) {
		s.State = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	s.Durability = db.Durability().String()
	var n int64
	for _, err := range db.All(a.ctx) {
		if err != nil {
			a.report(err)
			continue
		}
		n++
	}
	s.Objects = &n
	return a.ctx.Err()
}

// abilities tells what the filesystem can do for the promises of the store.
func abilities(has durable.Abilities) string {
	sync, lock, confined := "cannot sync", "no lock among processes", "links are looked for before opening"
	if has.Sync {
		sync = "syncs"
	}
	if has.Lock {
		lock = "locks"
	}
	if has.Confined {
		confined = "opens no links"
	}
	return sync + ", " + lock + ", " + confined
}

func (s *status) print(p *printer, cfg *config.Config) {
	p.line("store: %s (%s)", escape(s.Store), escape(s.StoreFrom))
	if s.Kind != "" {
		p.line("type: %s: a Python cache of fleche, whose names are not digests and cannot be checked", s.Kind)
	}
	if s.Objects != nil {
		p.line("objects: %d", *s.Objects)
	} else {
		p.line("objects: none: %s", escape(s.State))
	}
	p.line("security: %s", s.Security)
	for i, id := range s.Keys {
		role := keyRole(i > 0)
		p.line("key: %s %s (%s)", id, role, escape(s.KeysFrom))
	}
	p.line("durability: %s", s.Durability)
	if s.Filesystem != "" {
		p.line("filesystem: %s", s.Filesystem)
	}
	p.line("policy: require_seal: %t%s", s.RequireSeal, from(cfg.Policy.RequireSealFrom))
	p.line("policy: keys: %s%s", s.KeyPolicy, from(cfg.Policy.FirstKeyOnlyFrom))
	p.line("policy: max_object_size: %s%s", formatSize(s.MaxSize), from(cfg.Policy.MaxObjectSizeFrom))
	p.line("policy: deny: %d objects", s.Deny)
	for _, f := range s.Files {
		p.line("configuration: %s", escape(f))
	}
}

// from says where a setting comes from, if it is not the default.
func from(where string) string {
	if where == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", escape(where))
}
