package rootfs

import (
	"io"
	"io/fs"
	"os"
)

// pathError is err as the caller should see it: with the operation and the name
// that he gave, in place of what a lower layer knew.
func pathError(op, name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: name, Err: bare(err)}
}

func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: bare(err)}
}

// bare takes off what package os puts around an error: its paths are not relative
// to the root, and the operation would appear twice.
func bare(err error) error {
	for {
		switch e := err.(type) {
		case *fs.PathError:
			err = e.Err
		case *os.LinkError:
			err = e.Err
		case *os.SyscallError:
			err = e.Err
		default:
			return err
		}
	}
}
