package main_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// keyring is the world in which these keys are configured.
func (b *box) keyring(keys ...string) *box {
	return b.with("FLECHE_SECRET_KEY=" + strings.Join(keys, ":"))
}

// addFiles adds files and returns their digests.
func (b *box) addFiles(paths ...string) (digests []string) {
	b.t.Helper()
	r := b.input(strings.Join(paths, "\n")+"\n").run("add", "--stdin-paths")
	if r.code != 0 || r.err != "" {
		b.t.Fatalf("add: exit %d, %s", r.code, r.err)
	}
	for line := range strings.Lines(r.out) {
		digests = append(digests, line[:64])
	}
	return digests
}

// oldStore fills the store with objects sealed by key A: many in packs, some loose, small
// and large.
func (b *box) oldStore(packed, loose int) (digests []string) {
	b.t.Helper()
	var paths []string
	for i := range packed {
		paths = append(paths, b.write(fmt.Sprintf("p%d", i), fmt.Sprintf("packed %d", i)))
	}
	digests = b.keyring(keyA).addFiles(paths...)
	for i := 0; i < loose; i += 7 { // fewer than make a pack
		paths = nil
		for k := range 7 {
			paths = append(paths, b.write(fmt.Sprintf("l%d-%d", i, k), fmt.Sprintf("loose %d-%d", i, k)))
		}
		digests = append(digests, b.keyring(keyA).addFiles(paths...)...)
	}
	large := b.write("large", strings.Repeat("large", 1<<19))
	return append(digests, b.keyring(keyA).addFiles(large)...)
}

// The story of docs/rotation.md: everything is readable at every moment by whoever has
// both keys, while others add and read, and in the end by the new key alone.
func TestRotationStory(t *testing.T) {
	b := newBox(t)
	packed, loose := 2000, 70
	if full {
		packed, loose = 10_000, 700
	}
	digests := b.oldStore(packed, loose)
	both := b.keyring(keyB, keyA)
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	var mu sync.Mutex
	added := make(map[string]string) // acknowledged meanwhile, by digest
	for _, keys := range [][]string{{keyA, keyB}, {keyB, keyA}} {
		others.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				payload := fmt.Sprintf("meanwhile %d by %s", n, digestOf(keys[0]))
				r := b.keyring(keys...).input(payload).run("add", "-")
				if r.code != 0 || r.err != "" {
					t.Errorf("add meanwhile: exit %d, %s", r.code, r.err)
					return
				}
				mu.Lock()
				added[r.out[:64]] = payload
				mu.Unlock()
			}
		})
	}
	var reads atomic.Int32
	others.Go(func() {
		for ctx.Err() == nil {
			r := both.input(strings.Join(digests, "\n")+"\n").run("cat", "--batch")
			reads.Add(1)
			if r.code != 0 || r.err != "" {
				t.Errorf("a miss meanwhile: exit %d, %s", r.code, r.err)
				return
			}
		}
	})
	enough := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return reads.Load() >= 2 && len(added) >= 4
	}
	for n := 0; n < 3 || !enough() && !t.Failed(); n++ {
		if r := both.run("fsck", "--reseal"); r.code != 0 || r.err != "" {
			t.Errorf("reseal: exit %d, %s%s", r.code, r.out, r.err)
		}
	}
	stop()
	others.Wait()
	if r := both.run("fsck", "--reseal"); r.code != 0 || r.err != "" { // after the last writer that used the old key
		t.Fatalf("reseal: exit %d, %s%s", r.code, r.out, r.err)
	}
	alone := b.keyring(keyB)
	list := lines(t, alone.run("--json", "fsck").out)
	if summary := list[len(list)-1]; len(list) != 1 || summary["complete"] != true {
		t.Errorf("fsck with the new key alone: %v", list)
	}
	if r := alone.input(strings.Join(digests, "\n")+"\n").run("cat", "--batch"); r.code != 0 {
		t.Errorf("cat with the new key alone: exit %d, %s", r.code, r.err)
	}
	for digest, payload := range added {
		alone.wantPayload(digest, payload)
	}
	t.Logf("%d reads and %d additions meanwhile", reads.Load(), len(added))
}

// What is wrong is told on one screen, and all of it by --json; others stay untouched by
// what mends the rest.
func TestManyFindings(t *testing.T) {
	b := newBox(t)
	n := 2000
	if full {
		n = 100_000
	}
	var paths []string
	for i := range n {
		paths = append(paths, b.write(fmt.Sprintf("f%d", i), fmt.Sprintf("payload %d", i)))
	}
	digests := b.addFiles(paths...)
	damaged := make(map[string]bool)
	for i := range 50 { // loose copies that are found beside the good ones in the pack
		digest := digests[i*(n/50)]
		name := filepath.Join(b.store, "objects", digest[:2], digest[2:])
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		stored := []string{"damaged", fmt.Sprintf("payload %d", i*(n/50)), "malformed" + strings.Repeat("Z", 64)}[i%3]
		if err := os.WriteFile(name, []byte(stored), 0o444); err != nil {
			t.Fatal(err)
		}
		damaged["objects/"+digest[:2]+"/"+digest[2:]] = true
	}
	r := b.run("fsck")
	if got := strings.Count(r.out, "\n"); r.code != 1 || got > 40 {
		t.Errorf("exit %d, %d lines:\n%s", r.code, got, r.out)
	}
	for _, v := range lines(t, b.run("--json", "fsck").out) {
		if v["type"] != "finding" {
			continue
		}
		if path := v["path"].(string); !damaged[path] || v["next"] == "" || v["severity"] != "error" {
			t.Errorf("finding %v", v)
		} else {
			delete(damaged, path)
		}
	}
	if len(damaged) > 0 {
		t.Errorf("not found: %v", damaged)
	}
	if r := b.run("--json", "fsck", "--quarantine"); r.code != 1 || strings.Count(r.out, `"type":"quarantined"`) != 50 {
		t.Errorf("quarantine: exit %d, %s", r.code, r.err)
	}
	if r := b.run("fsck"); r.code != 0 {
		t.Errorf("afterwards: exit %d\n%s", r.code, r.out)
	}
}

// With a wrong ring everything looks forged: nothing is moved.
func TestQuarantineWithAWrongRing(t *testing.T) {
	b := newBox(t)
	b.oldStore(20, 7)
	wrong := b.keyring(keyB)
	r := wrong.run("fsck", "--quarantine")
	r.want(t, 1, `(?s).*28 bad-seal.*`, `(?s)fsk: error: so many objects fail.*\nfsk: hint: .*--yes.*\n`)
	if list, _ := os.ReadDir(filepath.Join(b.store, "quarantine")); len(list) > 0 {
		t.Errorf("moved: %v", list)
	}
	if r := b.run("fsck"); r.code != 0 {
		t.Errorf("with the right ring: exit %d\n%s", r.code, r.out)
	}
	if r := wrong.run("fsck", "--quarantine", "--yes"); r.code != 1 {
		t.Errorf("--yes: exit %d, %s", r.code, r.err)
	}
	if r := wrong.run("fsck"); r.code != 0 || !strings.Contains(r.out, "checked 0 objects") {
		t.Errorf("afterwards: exit %d\n%s", r.code, r.out)
	}
}
