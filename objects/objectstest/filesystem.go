package objectstest

import (
	"testing"

	"github.com/go-git/go-billy/v5"
)

// A claim is one thing that fsk needs of a filesystem, and how to see it.
type claim struct {
	name  string
	check func(t *testing.T, fsys billy.Filesystem)
}

// TestFilesystem is the conformance suite of the filesystems that fsk can keep a
// store on. newFS returns an empty filesystem each time it is called, which may use
// t to clean up. Claims about optional abilities are skipped where they are absent,
// so a filesystem that passes is correct, but not therefore confined or durable.
// The suite calls from several goroutines at once.
func TestFilesystem(t *testing.T, newFS func(t *testing.T) billy.Filesystem) {
	groups := []struct {
		name   string
		claims []claim
	}{
		{"file", fileClaims},
		{"name", nameClaims},
		{"dir", dirClaims},
		{"ability", abilityClaims},
		{"link", linkClaims},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, c := range g.claims {
				t.Run(c.name, func(t *testing.T) { c.check(t, newFS(t)) })
			}
		})
	}
}
