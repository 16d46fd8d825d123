package rootfs

import (
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"fsk/objects/durable"
)

var _ durable.Toucher = (*regular)(nil)

// Touch sets the modification time; see [durable.Toucher]. It is the open file that is
// looked at and touched, whatever has its name now.
func (r *regular) Touch(age time.Duration) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.fd < 0 {
		return pathError("touch", r.name, fs.ErrClosed)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(r.fd, &stat); err != nil {
		return pathError("touch", r.name, err)
	}
	if stat.Nlink != 1 || time.Since(time.Unix(stat.Mtim.Unix())).Abs() <= age {
		return nil
	}
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, {Nsec: unix.UTIME_NOW}}
	return pathError("touch", r.name, unix.UtimesNanoAt(r.fd, "", times, unix.AT_EMPTY_PATH))
}
