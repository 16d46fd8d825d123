package main_test

import (
	"fmt"
	"path/filepath"
	"testing"
)

// F14 with packs: a writer that is slow between a pack and its index is at work. Who
// checks meanwhile finds nothing wrong, as always while somebody writes.
func TestCheckWhileAPackIsPublished(t *testing.T) {
	b := newBox(t)
	b.add("first")
	for i := range 10 {
		b.write(fmt.Sprintf("many/file%d", i), fmt.Sprint("content ", i))
	}
	slow, _ := b.traced("-e", "trace=renameat,renameat2", "-e", "inject=renameat,renameat2:delay_exit=700ms")
	done := make(chan result, 1)
	go func() { done <- slow.run("add", "-r", "many") }()
	if !eventually(func() bool {
		packs, _ := filepath.Glob(filepath.Join(b.store, "objects/pack/*.pack"))
		return len(packs) > 0
	}) {
		t.Error("no pack appears")
	}
	r := b.run("fsck")
	if r.code != 0 {
		t.Errorf("fsck meanwhile: exit %d, %s", r.code, r.out)
	}
	if r := <-done; r.code != 0 {
		t.Errorf("add: exit %d, %s", r.code, r.err)
	}
	b.wantClean()
}
