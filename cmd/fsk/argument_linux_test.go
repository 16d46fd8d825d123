package main_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// A24 and A25 on the system calls: a name that cannot be one leads to no file, neither
// in the store, beyond its mark, nor where the name points.
func TestBadNameOpensNothing(t *testing.T) {
	b := newBox(t)
	b.add("payload")
	for i, name := range badNames {
		if !full && i%4 != 0 {
			continue
		}
		for _, command := range []string{"cat", "stat", "rm", "fsck"} {
			if !full && command != "cat" && i%16 != 0 {
				continue
			}
			traced, log := b.traced("-e", "trace=file")
			if r := traced.run(command, "--", name); r.code != 2 {
				t.Errorf("%s %q: exit %d, %s", command, name, r.code, r.err)
			}
			for _, call := range opened(t, log, filepath.Base(b.store), "passwd", "/etc/x", `"objects`, `"refs`) {
				allowed := strings.HasPrefix(call, "execve(") || strings.Contains(call, `"fsk-store"`) ||
					strings.Contains(call, `"`+b.store+`"`) || strings.Contains(call, b.store+`>, "."`)
				if !allowed {
					t.Errorf("%s %q: %s", command, name, call)
				}
			}
		}
	}
}
