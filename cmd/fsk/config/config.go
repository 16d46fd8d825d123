package config

import (
	"fsk/objects/durable"
	"fsk/seal"
)

// A Config is what holds for one run of the command. Paths in it are as they are
// on the disk: escape them before printing. Names of sections in the From fields
// have the form that messages give them.
type Config struct {
	Store     string // absolute directory; it may not exist
	StoreFrom string // "--store", "FSK_STORE", file and section, path of the .fsk directory, "default"
	MayCreate bool   // whether add may make the store if it does not exist
	Cache     string // name of the cache in use, whose section has the policy; "" if none is
	Type      string // TypeFsk, TypePickle, TypeCloudpickle or TypeDill

	Ring     *seal.Ring // never nil
	KeysFrom string     // variable, or file, section and key; "" if security is off

	Durability durable.Level
	Namespace  string // of refs
	Policy     Policy

	State string // directory in which the command may remember things; "" if there is no place

	Files    []string // that were read, nearest first
	Warnings []string
}

// Load reads the configuration. Its errors are of type [*Error].
func Load(in Input) (*Config, error) {
	env, err := in.environment()
	if err != nil {
		return nil, err
	}
	w := newWalk(&in)
	l, err := in.layers(w)
	if err != nil {
		return nil, err
	}
	name, selected, err := l.selected(&in)
	if err != nil {
		return nil, err
	}
	ownName, own, err := l.ownSection(&in, name, selected)
	if err != nil {
		return nil, err
	}

	c := &Config{Type: TypeFsk, Namespace: defaultTable, State: in.stateDir(), Cache: name}
	for _, f := range l.all {
		c.Files = append(c.Files, f.path)
	}
	named, err := c.chooseStore(&in, env, selected, w)
	if err != nil {
		return nil, err
	}
	c.Warnings = w.warnings
	settings := c.chooseSettings(&in, selected, own)
	c.MayCreate = c.MayCreate && c.Type == TypeFsk
	c.chooseKeys(env, selected, settings, own, named)
	if err := c.choosePolicy(&in, env, l, name, ownName); err != nil {
		return nil, err
	}
	return c, nil
}

// chooseStore sets which store is meant, and reports whether the command line or
// the environment names it.
func (c *Config) chooseStore(in *Input, env environment, selected *section, w *walk) (named bool, err error) {
	c.MayCreate = true
	switch {
	case in.Store != "":
		c.Store, c.StoreFrom = in.abs(in.Store), "--store"
		return true, nil
	case env.store != "":
		c.Store, c.StoreFrom = in.abs(env.store), storeVariable
		return true, nil
	case selected != nil && selected.dir != "":
		c.Store, c.StoreFrom = selected.dir, selected.String()
		return false, nil
	}
	found, err := w.store()
	if err != nil {
		return false, err
	}
	if found != "" {
		c.Store, c.StoreFrom, c.MayCreate = found, found, false
		return false, nil
	}
	if c.Store = in.defaultStore(); c.Store == "" {
		return false, &Error{Problem: "no store is named, and there is no home directory for the default one",
			Hint: "name one with --store"}
	}
	c.StoreFrom = "default"
	return false, nil
}

// isFor reports whether the section is about the store: it names it, or it names
// none and is in the user's own file.
func (s *section) isFor(store string) bool {
	if s.dir == "" {
		return s.file.own
	}
	return sameDir(s.dir, store)
}

// chooseSettings takes type, durability and namespace from the section that has
// the say about the store, and returns it, or nil if none has.
func (c *Config) chooseSettings(in *Input, selected, own *section) *section {
	s := selected
	if s != nil && !s.file.own && c.isUsersOwn(in, own) {
		s = nil
	}
	if s == nil || in.Cache == "" && !s.isFor(c.Store) {
		if s = own; s == nil || !s.isFor(c.Store) {
			return nil
		}
	}
	c.Type, c.Durability, c.Namespace = s.kind, s.durability, s.namespace
	return s
}

// isUsersOwn reports whether the store is one that no walked file decides about.
func (c *Config) isUsersOwn(in *Input, own *section) bool {
	return own != nil && own.dir != "" && sameDir(own.dir, c.Store) || sameDir(in.defaultStore(), c.Store)
}

// choosePolicy adds up the policies of the cache in use and of the user's own.
func (c *Config) choosePolicy(in *Input, env environment, l layers, name, ownName string) error {
	p := &c.Policy
	if env.require {
		p.RequireSeal, p.RequireSealFrom = true, requireVariable
	}
	// The user's own file first: what it allows bounds what the others can.
	if l.own != nil && ownName != "" && ownName != name {
		if err := p.add(in, c.Store, l.own, ownName); err != nil {
			return err
		}
	}
	for i := len(l.all) - 1; i >= 0 && name != ""; i-- {
		if err := p.add(in, c.Store, l.all[i], name); err != nil {
			return err
		}
	}
	if p.RequireSeal && c.Ring.Len() == 0 {
		return &Error{File: p.RequireSealFrom, Problem: "sealing is required, but there is no key for this store",
			Hint: "set " + keyVariable + " or values." + secretKey}
	}
	return nil
}
