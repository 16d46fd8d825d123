//go:build unix

package objects_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// TestOddFilesAmongThePacks: what is no regular file is a miss at once, and reported.
func TestOddFilesAmongThePacks(t *testing.T) {
	list := texts("p", 3)
	for what, make := range map[string]func(fsys interface {
		billy.Filesystem
		Root() string
	}, name string) error{
		"link": func(fsys interface {
			billy.Filesystem
			Root() string
		}, name string) error {
			return fsys.Symlink("../../fsk-store", name)
		},
		"directory": func(fsys interface {
			billy.Filesystem
			Root() string
		}, name string) error {
			return fsys.MkdirAll(name, 0o777)
		},
		"FIFO": func(fsys interface {
			billy.Filesystem
			Root() string
		}, name string) error {
			return syscall.Mkfifo(fsys.Root()+"/"+name, 0o666)
		},
	} {
		for _, file := range []func(string) string{packFile, indexFile} {
			fsys := newRoot(t)
			id := plantPack(t, fsys, numbered("p", 3)...)
			name := file(id)
			what := what + " as " + name[len(name)-5:]
			remove(t, fsys, name)
			if err := make(fsys, name); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			released, findings := survive(t, fsys, what, list, false)
			if released != 0 || !slices.ContainsFunc(findings, func(f objects.Finding) bool { return f.Path == name && f.Reason == objects.NotRegular }) {
				t.Errorf("%s: %d released, findings %+v", what, released, findings)
			}
			if d := time.Since(start); d > 10*time.Second { // a FIFO that is waited for takes for ever
				t.Errorf("%s: it took %v", what, d)
			}
		}
	}
}
