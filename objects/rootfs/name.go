package rootfs

import (
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
)

// clean checks a name and returns it in the one form that backends take. It is
// fs.ValidPath, but allows names that are not UTF-8: somebody who checks a disk
// must be able to name what he found there.
func clean(name string) (string, error) {
	if name == "" || name == "." {
		return ".", nil
	}
	if strings.IndexByte(name, 0) >= 0 {
		return "", fs.ErrInvalid
	}
	for rest, more := name, true; more; {
		var element string
		element, rest, more = strings.Cut(rest, "/")
		if element == "" || element == "." || element == ".." {
			return "", fs.ErrInvalid
		}
	}
	// Drives, streams of NTFS and device names have no place in a store.
	if runtime.GOOS == "windows" && (strings.ContainsAny(name, `\:`) || !filepath.IsLocal(name)) {
		return "", fs.ErrInvalid
	}
	return name, nil
}

// cleanEntry is clean for the name of something in a directory: not the root.
func cleanEntry(name string) (string, error) {
	name, err := clean(name)
	if err == nil && name == "." {
		err = fs.ErrInvalid
	}
	return name, err
}

// parent returns the directory of a clean name.
func parent(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return "."
}
