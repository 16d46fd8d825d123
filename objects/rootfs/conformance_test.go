package rootfs

import (
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects/objectstest"
)

// variant is one of the backends of this system.
type variant struct {
	name string
	new  func(dir string) (backend, error)
}

// open opens a directory with the backend, and closes it at the end of the test.
func (v variant) open(t testing.TB, dir string) *FS {
	t.Helper()
	f, err := open(dir, v.new)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// eachVariant runs a test on every backend.
func eachVariant(t *testing.T, test func(t *testing.T, v variant)) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) { test(t, v) })
	}
}

func TestConformance(t *testing.T) {
	eachVariant(t, func(t *testing.T, v variant) {
		objectstest.TestFilesystem(t, func(t *testing.T) billy.Filesystem { return v.open(t, t.TempDir()) })
	})
}
