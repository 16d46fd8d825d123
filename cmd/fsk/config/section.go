package config

import (
	"path/filepath"
	"strings"

	"fsk/objects/durable"
	"fsk/refs"
	"fsk/seal"
)

// The kinds of stores that a section can name: one of fsk, and the value
// directories of fleche.
const (
	TypeFsk         = "fsk"
	TypePickle      = "pickle"
	TypeCloudpickle = "cloudpickle"
	TypeDill        = "dill"
)

const (
	cacheKey    = "cache"
	rootKey     = "root"
	typeKey     = "type"
	templateKey = "template"
	valuesKey   = "values"
	policyKey   = "policy"
	refsKey     = "refs"

	durabilityKey = "durability"
	namespaceKey  = "namespace"
)

// A section is what a file says about one cache, its policy aside.
type section struct {
	file       *file
	name       string
	kind       string     // one of the Type constants
	dir        string     // of the store, absolute; "" if the section names none
	ring       *seal.Ring // nil without a secret_key
	durability durable.Level
	namespace  string
}

// String names the section and its file.
func (s *section) String() string { return s.file.path + " [" + showKey([]string{s.name}) + "]" }

// isRoot reports whether the file ends the walk.
func (f *file) isRoot() (bool, error) {
	t, _, err := f.top(defaultTable)
	if err != nil {
		return false, err
	}
	return t.bool(rootKey)
}

// selected returns the name of the cache that the file's [default] selects, "" if
// none.
func (f *file) selected() (string, error) {
	t, _, err := f.top(defaultTable)
	if err != nil {
		return "", err
	}
	return t.str(cacheKey)
}

// section reads a cache's section. It returns nil without an error if the file has none.
func (f *file) section(name, home string) (*section, error) {
	if _, isList := f.tree[name].([]any); isList {
		return nil, f.fault("is a list of caches, not one", "name another cache with --cache", name)
	}
	t, ok, err := f.top(name)
	if !ok || err != nil {
		return nil, err
	}
	// The keys of the second line are fleche's own.
	err = t.only(valuesKey, durabilityKey, refsKey, policyKey,
		"calls", "metadata", templateKey, rootKey, "read_only", "max_size", "pool")
	if err != nil {
		return nil, err
	}
	s := &section{file: f, name: name, namespace: defaultTable}
	values, _, err := t.sub(valuesKey)
	if err != nil {
		return nil, err
	}
	if err := s.locate(t, values, home); err != nil {
		return nil, err
	}
	if s.ring, err = parseSecretKey(values); err != nil {
		return nil, err
	}
	level, err := t.str(durabilityKey)
	if err != nil {
		return nil, err
	}
	if level != "" {
		if s.durability, err = durable.ParseLevel(level); err != nil {
			return nil, t.fault(durabilityKey, `must be "full" or "none"`, "")
		}
	}
	return s, s.readNamespace(t)
}

// locate finds out what kind of store the section names, and where it is.
func (s *section) locate(t, values table, home string) error {
	kind, err := values.str(typeKey)
	if err != nil {
		return err
	}
	template, err := t.str(templateKey)
	if err != nil {
		return err
	}
	switch {
	case kind != "":
		if !isType(kind) {
			return values.fault(typeKey, "unknown type", unknownTypeHint)
		}
		s.kind = kind
	case template != "":
		if !isType(template) || template == TypeFsk {
			return t.fault(templateKey, "the values of this template cannot be used", unknownTypeHint)
		}
		s.kind = template
	default:
		s.kind = TypeFsk
	}

	var suffix string
	from := values
	if !values.has(rootKey) && t.has(rootKey) {
		if template == "" {
			return t.fault(rootKey, "has a meaning only together with a template", "write values.root")
		}
		from, suffix = t, valuesKey
	}
	root, err := from.str(rootKey)
	switch {
	case err != nil:
		return err
	case root == "" && s.kind != TypeFsk:
		return s.file.fault("names no directory", "set values.root", s.name)
	case root == "":
		return nil
	}
	dir, why := expand(root, filepath.Dir(s.file.path), home)
	if why != "" {
		return from.fault(rootKey, why, "")
	}
	s.dir = filepath.Join(dir, suffix)
	return nil
}

const unknownTypeHint = `fsk knows "fsk", "pickle", "cloudpickle" and "dill"; name another cache with --cache`

func isType(kind string) bool {
	switch kind {
	case TypeFsk, TypePickle, TypeCloudpickle, TypeDill:
		return true
	}
	return false
}

// expand makes a path of a file absolute, or says why it cannot.
func expand(path, base, home string) (abs, why string) {
	if strings.IndexByte(path, 0) >= 0 {
		return "", "holds a NUL byte"
	}
	if path[0] == '~' {
		if len(path) > 1 && !isSeparator(path[1]) {
			return "", `starts with "~" but not with "~/"; write "./~" for a directory of that name`
		}
		if !filepath.IsAbs(home) {
			return "", "needs a home directory, and there is none"
		}
		return filepath.Join(home, path[1:]), ""
	}
	if filepath.IsAbs(path) {
		return filepath.Clean(path), ""
	}
	return filepath.Join(base, path), ""
}

func isSeparator(c byte) bool { return c == '/' || c == filepath.Separator }

// readNamespace reads refs.namespace.
func (s *section) readNamespace(t table) error {
	sub, ok, err := t.sub(refsKey)
	if !ok || err != nil {
		return err
	}
	if err := sub.only(namespaceKey); err != nil {
		return err
	}
	name, err := sub.str(namespaceKey)
	if name == "" || err != nil {
		return err
	}
	if refs.CheckNamespace(name) != nil {
		return sub.fault(namespaceKey, "is not a namespace",
			"use lowercase letters, digits, '.', '_' and '-', in parts joined by '/'")
	}
	s.namespace = name
	return nil
}
