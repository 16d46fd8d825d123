//go:build unix

package gocache

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUs reports whether a file belongs to the user, or to root if that may be.
func ownedByUs(info fs.FileInfo, orRoot bool) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (int(stat.Uid) == os.Geteuid() || orRoot && stat.Uid == 0)
}

// keepsOthersOut reports whether in a directory of this mode nobody but its owner can
// move or remove what belongs to somebody else.
func keepsOthersOut(mode fs.FileMode) bool {
	return mode.Perm()&0o022 == 0 || mode&fs.ModeSticky != 0
}

func isPrivate(mode fs.FileMode) bool { return mode.Perm() == 0o700 }
