package rootfs

import (
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// at calls do with the descriptor of the directory of a name, and the last element.
func (k *kernel) at(name string, do func(dir int, base string) error) error {
	if err := k.acquire(); err != nil {
		return err
	}
	defer k.release()
	dir, base, done, err := k.split(name)
	if err != nil {
		return err
	}
	defer done()
	_, err = retry(func() (struct{}, error) { return struct{}{}, do(dir, base) })
	return err
}

// split opens the directory of a name. The root must be acquired.
func (k *kernel) split(name string) (dir int, base string, done func(), err error) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return k.root, name, func() {}, nil
	}
	fd, err := openPath(k.root, name[:i])
	if err != nil {
		return -1, "", nil, err
	}
	return fd, name[i+1:], func() { unix.Close(fd) }, nil
}

func (k *kernel) mkdir(name string, perm fs.FileMode) error {
	return k.at(name, func(dir int, base string) error {
		return unix.Mkdirat(dir, base, uint32(perm.Perm()))
	})
}

func (k *kernel) rename(from, to string) error {
	return k.at(from, func(oldDir int, oldBase string) error {
		newDir, newBase, done, err := k.split(to)
		if err != nil {
			return err
		}
		defer done()
		return unix.Renameat(oldDir, oldBase, newDir, newBase)
	})
}

func (k *kernel) remove(name string) error {
	return k.at(name, func(dir int, base string) error {
		err := unix.Unlinkat(dir, base, 0)
		if err == unix.EISDIR {
			return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
		}
		return err
	})
}

func (k *kernel) symlink(target, name string) error {
	return k.at(name, func(dir int, base string) error { return unix.Symlinkat(target, dir, base) })
}

func (k *kernel) readlink(name string) (target string, err error) {
	err = k.at(name, func(dir int, base string) error {
		for size := 256; ; size *= 2 {
			buf := make([]byte, size)
			n, err := unix.Readlinkat(dir, base, buf)
			if err != nil {
				return err
			}
			if n < size { // otherwise it may have been cut off
				target = string(buf[:n])
				return nil
			}
		}
	})
	return target, err
}
