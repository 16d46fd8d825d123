package config

import "path/filepath"

// An Input is all that the configuration depends on, the disk aside.
type Input struct {
	Store string // --store, "" if not given
	Cache string // --cache, "" if not given
	File  string // --config, "" if not given

	Getenv func(name string) (value string, ok bool) // like os.LookupEnv
	Dir    string                                    // working directory, absolute
	Home   string                                    // home directory; "" if there is none
	UID    int                                       // effective user id; unused on systems without

	Environ []string // for hook programs, like os.Environ; they get it without the keys
	TempDir string   // where private copies of hook programs are made, if need be
}

// abs makes a path that the user typed absolute.
func (in *Input) abs(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(in.Dir, path)
}

// defaultStore returns the user's own store, or "" if there is no place for it.
func (in *Input) defaultStore() string {
	dir := in.xdg("XDG_DATA_HOME", filepath.Join(".local", "share"))
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "fsk")
}

// stateDir returns where the command may remember things, or "" if there is no place.
func (in *Input) stateDir() string {
	dir := in.xdg("XDG_STATE_HOME", filepath.Join(".local", "state"))
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "fsk")
}

// xdg returns a directory of the XDG specification, which says that a relative
// path in a variable is invalid and ignored.
func (in *Input) xdg(variable, below string) string {
	if dir, _ := in.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Clean(dir)
	}
	if !filepath.IsAbs(in.Home) {
		return ""
	}
	return filepath.Join(in.Home, below)
}
