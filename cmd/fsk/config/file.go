package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pelletier/go-toml/v2"
)

// MaxFileSize is the size in bytes above which a file is refused unread. The time
// that the TOML library takes grows with the square of the number of tables; at
// this size it is half a second at worst.
const MaxFileSize = 128 << 10

const (
	notRegular = "is not a regular file (links are not followed)"

	defaultTable = "default"
	secretKey    = "secret_key"
)

// A file is a configuration file that was read, is believed, and parses.
type file struct {
	path string
	own  bool // the user's own, or named by --config; not found by walking
	data []byte
	tree map[string]any
}

// readFile reads a file and decides whether it is believed. It returns nil without
// an error if there is none.
func readFile(path string, uid int) (*file, error) {
	fd, err := open(path)
	if err != nil {
		if isAbsent(err) {
			return nil, nil
		}
		if fi, lerr := os.Lstat(path); lerr == nil && !fi.Mode().IsRegular() {
			return nil, &Error{File: path, Problem: notRegular}
		}
		return nil, ioError(path, err)
	}
	defer fd.Close()
	fi, err := fd.Stat()
	if err != nil {
		return nil, ioError(path, err)
	}
	f := &file{path: path}
	if err := f.check(fi, uid); err != nil {
		return nil, err
	}
	// The size is known only as long as nobody writes.
	f.data, err = io.ReadAll(io.LimitReader(fd, MaxFileSize+1))
	if err != nil {
		return nil, ioError(path, err)
	}
	if len(f.data) > MaxFileSize {
		return nil, tooLarge(path)
	}
	if err := toml.Unmarshal(f.data, &f.tree); err != nil {
		return nil, f.syntaxError(err)
	}
	if why := exposed(fi); why != "" && holdsSecret(f.tree) {
		return nil, &Error{File: path, Problem: why, Hint: "chmod 600 the file"}
	}
	return f, nil
}

// check is asked before a byte is read.
func (f *file) check(fi fs.FileInfo, uid int) error {
	if !fi.Mode().IsRegular() {
		return &Error{File: f.path, Problem: notRegular}
	}
	if why := distrust(fi, uid); why != "" {
		return &Error{File: f.path, Problem: why, Hint: "make it yours and writable by you alone, or remove it"}
	}
	if err := checkDir(filepath.Dir(f.path)); err != nil {
		return err
	}
	if fi.Size() > MaxFileSize {
		return tooLarge(f.path)
	}
	return nil
}

// checkDir refuses a directory in which anybody may replace what is in it.
func checkDir(dir string) error {
	fi, err := os.Stat(dir)
	if err != nil {
		return ioError(dir, err)
	}
	if why := distrustDir(fi); why != "" {
		return &Error{File: dir, Problem: "the directory " + why, Hint: "chmod o-w the directory"}
	}
	return nil
}

// syntaxError uses the position and the key of the library's error and none of its
// texts, which quote the source.
func (f *file) syntaxError(err error) error {
	e := &Error{File: f.path, Problem: "is not valid TOML"}
	var d *toml.DecodeError
	if errors.As(err, &d) {
		e.Line, e.Column = d.Position()
		e.Problem = "TOML syntax error"
		if key := d.Key(); len(key) > 0 {
			e.Key, e.Problem = showKey(key), "is defined twice, or as two different things"
		}
	}
	return e
}

// holdsSecret reports whether there is a secret_key anywhere below v.
func holdsSecret(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, below := range v {
			if key == secretKey || holdsSecret(below) {
				return true
			}
		}
	case []any:
		for _, below := range v {
			if holdsSecret(below) {
				return true
			}
		}
	}
	return false
}

func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

func tooLarge(path string) error {
	return &Error{File: path, Problem: "is larger than 128 KiB"}
}

// ioError leaves out the path that an error of package os repeats.
func ioError(path string, err error) error {
	return &Error{File: path, Problem: "cannot be read: " + withoutPath(err).Error(), Err: err}
}

func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
