//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package rootfs

import (
	"errors"
	"os"
)

func lock(*os.File, bool, bool) error { return errors.ErrUnsupported }
func unlock(*os.File) error           { return errors.ErrUnsupported }
