//go:build !unix

package rootfs

import (
	"errors"
	"os"
)

const openSafely = 0 // these systems have no FIFOs among their files

var errReadOnly = errors.ErrUnsupported

// syncDir does nothing: Windows cannot flush a directory through a handle that
// was opened for reading, and there NTFS writes its journal in the order of the
// operations.
func syncDir(*os.File) error { return nil }
