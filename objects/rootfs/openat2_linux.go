package rootfs

import (
	"io/fs"

	"golang.org/x/sys/unix"

	"fsk/objects/durable"
)

// openat2 opens a name below an open directory. A link anywhere in it is ELOOP,
// but for O_NOFOLLOW with O_PATH, which opens a link in the last place itself.
func openat2(dir int, name string, flags int, mode fs.FileMode) (int, error) {
	flags |= unix.O_CLOEXEC
	if flags&unix.O_PATH == 0 {
		flags |= unix.O_LARGEFILE // this call, unlike openat, does not add it
	}
	how := unix.OpenHow{
		Flags:   uint64(flags),
		Mode:    uint64(mode.Perm()),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	raced, stale := 0, false
	for {
		fd, err := unix.Openat2(dir, name, &how)
		switch {
		case err == unix.EINTR:
			continue
		case (err == unix.EAGAIN || err == unix.EXDEV) && raced < maxTries:
			raced++ // the kernel could not be sure because of a rename or mount meanwhile
			continue
		case err == unix.ESTALE && !stale:
			stale = true // NFS: a cached directory entry was out of date, and now is dropped
			continue
		case err != nil:
			return -1, err
		}
		return fd, nil
	}
}

// openPath opens a directory as a starting point only, for which the permission to
// search it is enough.
func openPath(dir int, name string) (int, error) {
	fd, err := openat2(dir, name, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err == unix.ELOOP {
		return -1, durable.ErrUnsafePath
	}
	return fd, err
}

// retry calls do until a signal does not interrupt it.
func retry[T any](do func() (T, error)) (T, error) {
	for {
		if v, err := do(); err != unix.EINTR {
			return v, err
		}
	}
}
