package rootfs

import (
	"os"

	"golang.org/x/sys/windows"

	"fsk/objects/durable"
)

// allBytes is the low and the high half of the length of the locked range: the
// whole file, however long.
const allBytes = ^uint32(0)

func lock(f *os.File, exclusive, wait bool) error {
	var flags uint32
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	if !wait {
		flags |= windows.LOCKFILE_FAIL_IMMEDIATELY
	}
	err := control(f, func(h windows.Handle) error {
		return windows.LockFileEx(h, flags, 0, allBytes, allBytes, new(windows.Overlapped))
	})
	if err == windows.ERROR_LOCK_VIOLATION || err == windows.ERROR_IO_PENDING {
		return durable.ErrLocked
	}
	return err
}

func unlock(f *os.File) error {
	return control(f, func(h windows.Handle) error {
		return windows.UnlockFileEx(h, 0, allBytes, allBytes, new(windows.Overlapped))
	})
}

func control(f *os.File, do func(windows.Handle) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	cerr := conn.Control(func(fd uintptr) { err = do(windows.Handle(fd)) })
	if cerr != nil {
		return cerr
	}
	return err
}
