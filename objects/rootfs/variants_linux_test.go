package rootfs

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// variants leaves out openat2 where the kernel refuses it, as newBackend does.
func variants() []variant {
	v := []variant{{"portable", newPortable}}
	if k, err := newKernel("/"); err == nil {
		k.close()
		v = append(v, variant{"openat2", newKernel})
	}
	return v
}

func TestLinuxUsesOpenat2(t *testing.T) {
	probe, err := newKernel("/")
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		t.Skip("the kernel refuses openat2")
	}
	if err != nil {
		t.Fatal(err)
	}
	probe.close()
	f, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.b.(*kernel); !ok {
		t.Errorf("Open chose %T, want the kernel's confinement", f.b)
	}
}
