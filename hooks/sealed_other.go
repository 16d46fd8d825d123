//go:build !linux

package hooks

import (
	"errors"
	"io"
	"os"
)

// sealedFile has nothing to offer: only Linux has such files.
func sealedFile(string, bool, func(io.Writer) error) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
