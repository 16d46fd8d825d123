//go:build !linux

package rootfs

func newBackend(dir string) (backend, error) { return newPortable(dir) }
