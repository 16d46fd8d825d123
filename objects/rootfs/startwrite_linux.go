package rootfs

import (
	"golang.org/x/sys/unix"

	"fsk/objects/durable"
)

var _ durable.WriteStarter = (*file)(nil)

// StartWrite asks the kernel to begin writing a part of the file. Whether it did is
// found out by Sync, so an error of the call means nothing.
func (f *file) StartWrite(off, n int64) {
	conn, err := f.f.SyscallConn()
	if err != nil {
		return
	}
	conn.Control(func(fd uintptr) {
		unix.SyncFileRange(int(fd), off, n, unix.SYNC_FILE_RANGE_WRITE)
	})
}
