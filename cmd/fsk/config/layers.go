package config

import (
	"io/fs"
	"path/filepath"
)

// layers are the files that were read.
type layers struct {
	merged []*file // whose tables count, nearest first
	all    []*file // whose policies count, nearest first: merged, and own if there is one
	own    *file   // the user's own, or the one named by --config; may be nil
}

func (in *Input) layers(w *walk) (l layers, err error) {
	if in.File != "" {
		path := in.abs(in.File)
		l.own, err = readFile(path, in.UID)
		if err == nil && l.own == nil {
			err = &Error{File: path, Problem: "there is no such file", Err: fs.ErrNotExist}
		}
		if err != nil {
			return l, err
		}
		l.own.own = true
		l.merged, l.all = []*file{l.own}, []*file{l.own}
		return l, nil
	}
	var stopped bool
	if l.merged, stopped, err = w.files(); err != nil {
		return l, err
	}
	l.all = l.merged
	dir := in.xdg("XDG_CONFIG_HOME", ".config")
	if dir == "" {
		return l, nil
	}
	l.own, err = readFile(filepath.Join(dir, "fleche", "cache.toml"), in.UID)
	if err != nil || l.own == nil {
		return l, err
	}
	l.own.own = true
	l.all = append(l.all, l.own)
	if !stopped {
		l.merged = l.all
	}
	return l, nil
}

// selected finds the cache in use and its section, which is nil if none is selected.
func (l *layers) selected(in *Input) (name string, s *section, err error) {
	name = in.Cache
	var by *file // the file that selects it, if --cache does not
	if name == "" {
		for _, f := range l.merged {
			if _, ok := f.tree[defaultTable]; ok {
				if name, err = f.selected(); err != nil {
					return "", nil, err
				}
				by = f
				break
			}
		}
	}
	if name == "" {
		return "", nil, nil
	}
	if name != defaultTable {
		for _, f := range l.merged {
			if _, ok := f.tree[name]; ok {
				s, err = f.section(name, in.Home)
				return name, s, err
			}
		}
	}
	switch {
	case by == nil:
		return "", nil, &Error{File: "--cache", Problem: "no configuration file has a section for this cache",
			Hint: "fsk status lists the files that are read"}
	case name == "memory" || name == "void":
		return "", nil, nil // fleche's own, which leave nothing on a disk
	}
	return "", nil, by.fault("no configuration file has a section for this cache", "", defaultTable, cacheKey)
}

// ownSection finds the cache that the user's own file selects and has a section
// for: the one that counts where a walked file has no say.
func (l *layers) ownSection(in *Input, name string, selected *section) (string, *section, error) {
	if l.own == nil {
		return "", nil, nil
	}
	if selected != nil && selected.file.own {
		return name, selected, nil
	}
	if in.Cache == "" {
		var err error
		if name, err = l.own.selected(); err != nil {
			return "", nil, err
		}
	}
	if _, ok := l.own.tree[name]; !ok || name == defaultTable {
		return "", nil, nil
	}
	s, err := l.own.section(name, in.Home)
	return name, s, err
}
