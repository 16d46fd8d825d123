package hooks

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// sealedFile makes a file in memory that nobody can change any more, this process
// included, and opens it for reading at its beginning. The error wraps
// [errors.ErrUnsupported] if the kernel does not have or give such files, and is that
// of fill if fill fails.
func sealedFile(name string, executable bool, fill func(io.Writer) error) (*os.File, error) {
	fd, err := memfd(name, executable)
	if err != nil {
		return nil, unsupported(err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if err := fill(f); err != nil {
		return nil, err
	}
	const seals = unix.F_SEAL_WRITE | unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, unsupported(err)
	}
	// For reading only: what is open for writing cannot be run.
	sealed, err := os.Open("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return nil, unsupported(err)
	}
	return sealed, nil
}

func unsupported(err error) error { return fmt.Errorf("%w: %w", errors.ErrUnsupported, err) }

// memfd says whether the file will be run, which newer kernels want to know and older
// ones do not understand.
func memfd(name string, executable bool) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	use := unix.MFD_NOEXEC_SEAL
	if executable {
		use = unix.MFD_EXEC
	}
	fd, err := unix.MemfdCreate(name, flags|use)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, flags)
	}
	return fd, err
}
