package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// resealCalls are the system calls of a reseal, with how many of them short tests leave
// out.
var resealCalls = []struct {
	name string
	step int
}{
	{"openat2", 7}, {"write", 2}, {"fsync", 2}, {"renameat", 1}, {"flock", 1}, {"newfstatat", 7}, {"pread64", 7},
	{"close", 9}, {"getdents64", 5}, {"lseek", 2},
}

// resealed runs fsck --reseal with something injected, on a fresh copy of a store.
// hit tells whether it was.
func resealed(t *testing.T, b *box, template, what string) (r result, hit bool) {
	t.Helper()
	if err := os.RemoveAll(b.store); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", template, b.store).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	traced, log := b.keyring(keyB, keyA).traced("-e", "trace="+strings.SplitN(what, ":", 2)[0], "-e", "inject="+what)
	r = traced.run("fsck", "--reseal", "-j", "1")
	text := b.read(log)
	os.Remove(log)
	return r, strings.Contains(text, "INJECTED") || strings.Contains(text, "killed by SIGKILL")
}

// healed wants that nothing was lost, and that the same command finishes what was begun.
func healed(t *testing.T, b *box, digests []string, what string) {
	t.Helper()
	both := b.keyring(keyB, keyA)
	all := strings.Join(digests, "\n") + "\n"
	if r := both.input(all).run("cat", "--batch"); r.code != 0 {
		t.Errorf("%s: lost: exit %d, %s", what, r.code, r.err)
	}
	for _, v := range lines(t, both.run("--json", "fsck").out) {
		if v["type"] == "finding" && v["reason"] != "retired" && v["reason"] != "leftover-temp" {
			t.Errorf("%s: %v", what, v)
		}
	}
	if r := both.run("fsck", "--reseal"); r.code != 0 {
		t.Errorf("%s: again: exit %d, %s%s", what, r.code, r.out, r.err)
	}
	if r := b.keyring(keyB).input(all).run("cat", "--batch"); r.code != 0 {
		t.Errorf("%s: by the new key alone: exit %d, %s", what, r.code, r.err)
	}
}

// F1, F17: killed before each system call of a reseal, and each of them failing.
func TestResealInterruptedAtEverySystemCall(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	digests := b.oldStore(12, 7)
	template := filepath.Join(b.root(), "template")
	if err := os.Rename(b.store, template); err != nil {
		t.Fatal(err)
	}
	for _, call := range resealCalls {
		t.Run(call.name, func(t *testing.T) {
			b := *b
			b.t = t
			runs := 0
			for n := 1; n < 300; n++ {
				if !full && n > 2 && n%(3*call.step) != 0 {
					continue
				}
				effects := []string{"signal=KILL", "error=EIO", "error=ENOSPC"}
				if !full {
					effects = effects[n%3:][:1]
				}
				if call.name == "close" { // strace leaves the call out, and what no kernel does, the lock stays held
					effects = effects[:1]
					effects[0] = "signal=KILL"
				}
				hit := false
				for _, effect := range effects {
					what := fmt.Sprintf("%s:%s:when=%d", call.name, effect, n)
					r, injected := resealed(t, &b, template, what)
					if !injected {
						continue
					}
					hit, runs = true, runs+1
					if r.code == 0 && strings.Contains(r.out, "incomplete") {
						t.Errorf("%s: exit 0 and incomplete", what)
					}
					healed(t, &b, digests, what)
				}
				if !hit {
					break
				}
			}
			t.Logf("%d runs", runs)
			if runs == 0 {
				t.Error("the call was never made")
			}
		})
	}
}

// F4, F17: a disk that is really full.
func TestResealOnAFullDisk(t *testing.T) {
	needRoot(t)
	b := newBox(t)
	if err := os.Mkdir(b.store, 0o777); err != nil {
		t.Fatal(err)
	}
	mount(t, "tmpfs", b.store, "tmpfs", 0, "size=6m")
	digests := b.oldStore(500, 7)
	filler := filepath.Join(b.store, "tmp", strings.Repeat("f", 32))
	if err := exec.Command("dd", "if=/dev/zero", "of="+filler, "bs=4096").Run(); err == nil {
		t.Fatal("the disk is not full")
	}
	r := b.keyring(keyB, keyA).run("fsck", "--reseal")
	r.want(t, 3, `(?s).*incomplete.*`, `fsk: error: .*no space left on device.*\n`)
	if strings.Contains(r.out, "nothing to check") {
		t.Errorf("fsck --reseal on a full disk: %s", r.out)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	healed(t, b, digests, "full disk")
}
