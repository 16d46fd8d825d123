//go:build unix

package rootfs

import "fsk/objects/durable"

var _ durable.DirSyncer = (*FS)(nil)

// SyncDir forces the names in a directory to the disk.
func (f *FS) SyncDir(dir string) error {
	name, err := clean(dir)
	if err != nil {
		return pathError("syncdir", dir, err)
	}
	d, err := f.b.openDir(name)
	if err != nil {
		return pathError("syncdir", dir, err)
	}
	err = syncDir(d)
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return pathError("syncdir", dir, err)
}
