//go:build !linux

package rootfs

func variants() []variant { return []variant{{"portable", newPortable}} }
