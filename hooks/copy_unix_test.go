//go:build unix

package hooks_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"fsk/hooks"
	"fsk/objects"
)

// TestProgramFromACopy: where a program cannot be run from memory it is a private copy
// of the bytes that were hashed, of which nothing is left.
func TestProgramFromACopy(t *testing.T) {
	temp := t.TempDir()
	text := `test "$(cat)" = "the payload" || exit 2
echo $(ls -ld "$(dirname "$0")" | cut -c 1-10) $(ls -l "$0" | cut -c 1-10) >&2
exit 1`
	p := program(t, text, func(o *hooks.ProgramOptions) { o.TempDir = temp })
	if err := hooks.UseCopies(p); err != nil {
		t.Fatal(err)
	}
	writeProgram(t, p.Run()[0], "#!/bin/sh\nexit 0\n")
	for range 3 {
		err := ask(t, p, "the payload")
		if err == nil || err.Error() != p.String()+": drwx------ -r-x------" {
			t.Errorf("PreRead = %v, want the modes of directory and copy", err)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestManyCopiesAtOnce(t *testing.T) {
	p := program(t, "exit 0")
	if err := hooks.UseCopies(p); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if err := ask(t, p, "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestCopyThatCannotBeMade(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	os.Chmod(open, 0o777)
	for _, dir := range []string{"", filepath.Join(open, "nowhere"), open} {
		p := program(t, "exit 0", func(o *hooks.ProgramOptions) { o.TempDir = dir })
		if err := hooks.UseCopies(p); err != nil {
			t.Fatal(err)
		}
		if err := ask(t, p, "x"); !errors.Is(err, objects.ErrHookFailed) {
			t.Errorf("with the directory %q: %v", dir, err)
		}
	}
	if left, _ := os.ReadDir(open); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
