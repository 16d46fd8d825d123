package config

import "slices"

// A table is a table of a file, with the path to it for messages. The zero table
// is empty.
type table struct {
	file *file
	path []string
	keys map[string]any
}

// top returns a top-level table, and false if the file has none of that name.
func (f *file) top(name string) (table, bool, error) {
	return table{file: f, keys: f.tree}.sub(name)
}

func (t table) has(key string) bool {
	_, ok := t.keys[key]
	return ok
}

// fault makes an error about a key of the table.
func (t table) fault(key, problem, hint string) error {
	return t.file.fault(problem, hint, append(slices.Clone(t.path), key)...)
}

// entryFault makes an error about table i, from 0, of a list of tables. If they are
// written in one value the place is that of the list.
func (t table) entryFault(key string, i int, problem, hint string) error {
	e := t.file.fault(problem, hint, append(slices.Clone(t.path), key)...)
	seen := -1
	_, line, column := locate(t.file.data, t.path, func(k string) bool {
		if k == key {
			seen++
		}
		return k == key && seen == i
	})
	if line > 0 {
		e.Line, e.Column = line, column
	}
	return e
}

func (t table) sub(key string) (table, bool, error) {
	v, ok := t.keys[key]
	if !ok {
		return table{}, false, nil
	}
	keys, ok := v.(map[string]any)
	if !ok {
		return table{}, false, t.fault(key, "must be a table", "")
	}
	return table{file: t.file, path: append(slices.Clone(t.path), key), keys: keys}, true, nil
}

// str returns a string that is not empty, or "" if the key is absent.
func (t table) str(key string) (string, error) {
	v, ok := t.keys[key]
	if !ok {
		return "", nil
	}
	s, ok := v.(string)
	switch {
	case !ok:
		return "", t.fault(key, "must be a string", "")
	case s == "":
		return "", t.fault(key, "must not be empty", "")
	}
	return s, nil
}

func (t table) bool(key string) (bool, error) {
	v, ok := t.keys[key]
	if !ok {
		return false, nil
	}
	b, ok := v.(bool)
	if !ok {
		return false, t.fault(key, "must be true or false", "")
	}
	return b, nil
}

// only refuses keys other than the known ones; of several it reports the one that
// stands first in the file.
func (t table) only(known ...string) error {
	unknown := func(key string) bool { return !slices.Contains(known, key) }
	for key := range t.keys {
		if !unknown(key) {
			continue
		}
		key, line, column := locate(t.file.data, t.path, unknown)
		return &Error{File: t.file.path, Line: line, Column: column,
			Key: showKey(append(slices.Clone(t.path), key)), Problem: "unknown key"}
	}
	return nil
}
