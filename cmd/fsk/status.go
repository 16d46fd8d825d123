package main

import (
	"errors"
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
	KeyPolicy   string       `json:"key_policy"` // "any", "first" or "list"
	KeyLists    []jsonKeys   `json:"key_lists,omitempty"`
	MaxSize     int64        `json:"max_object_size"`
	Deny        int          `json:"deny"`
	PreRead     []jsonHook   `json:"pre_read,omitempty"`
	PolicyFrom  []string     `json:"policy_from,omitempty"` // where the rules come from
	Durability  string       `json:"durability"`
	Filesystem  string       `json:"filesystem"`
	Files       []string     `json:"files"`
}

// A jsonKeys is a list of the keys that may have sealed what is read.
type jsonKeys struct {
	Keys []seal.KeyID `json:"keys"`
	From string       `json:"from"`
}

// A jsonHook is a hook program. Its arguments are not shown: they may hold a secret.
type jsonHook struct {
	Program   string         `json:"program"`
	Arguments int            `json:"arguments"`
	BLAKE3    objects.Digest `json:"blake3"`
	Timeout   string         `json:"timeout"`
	From      string         `json:"from"`
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
		Durability: cfg.Durability.String(), Files: append([]string{}, cfg.Files...),
	}
	s.policy(&cfg.Policy)
	if cfg.Ring.Len() > 0 {
		s.Security = "on"
	}
	for i := range cfg.Ring.Len() {
		s.Keys = append(s.Keys, cfg.Ring.ID(i))
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
	if err != nil && isNoDirectory(cfg.Store) {
		s.State = "it is not a directory"
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
	s.printPolicy(p, &cfg.Policy)
	for _, f := range s.Files {
		p.line("configuration: %s", escape(f))
	}
}
