package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// calls are the system calls of an add, with how many of them short tests leave out.
var calls = []struct {
	name string
	step int
}{
	{"openat2", 2}, {"write", 1}, {"fsync", 1}, {"renameat", 1}, {"mkdirat", 1}, {"close", 3}, {"read", 5}, {"pread64", 1}, {"openat", 5},
	{"fstat", 5}, {"flock", 1}, {"newfstatat", 2}, {"lseek", 1}, {"getdents64", 1}, {"unlinkat", 1}, {"fchmod", 1}, {"ftruncate", 1},
}

// errorNames are what a disk, a network or a limit can answer.
var errorNames = []string{"EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE", "EACCES", "ESTALE", "EINTR"}

// An injection runs "add" of some files with something injected into one system call.
type injection struct {
	*box
	files []string // two, or as many as make a pack
	old   string   // digest of an object that was there before
	log   string
}

func (i *injection) args() []string { return append([]string{"add"}, i.files...) }

// inject prepares a store that is absent, or has an object and everything else, and
// files for it, sometimes few and sometimes many.
func inject(b *box, n int, fresh bool, what string) *injection {
	i := &injection{box: b}
	if err := os.RemoveAll(b.store); err != nil {
		b.t.Fatal(err)
	}
	if !fresh {
		i.old = b.add("old payload")
	}
	i.files = []string{b.write("one", fmt.Sprintf("first %d %s", n, what)), b.write("two", strings.Repeat("second ", 10))}
	for k := range 8 * (n / 2 % 2) {
		i.files = append(i.files, b.write(fmt.Sprint("more", k), strings.Repeat("more ", k)))
	}
	i.box, i.log = b.traced("-e", "trace="+strings.SplitN(what, ":", 2)[0], "-e", "inject="+what)
	os.Remove(i.log)
	return i
}

// injected reports whether strace did what it was told.
func (i *injection) injected() bool {
	text := i.read(i.log)
	os.Remove(i.log)
	return strings.Contains(text, "INJECTED") || strings.Contains(text, "killed by SIGKILL")
}

// after checks what must hold whatever happened: what was acknowledged is there, nothing
// is under a name with other bytes, and the command can be run again.
func (i *injection) after(plain *box, what string, r result) {
	t := i.t
	t.Helper()
	payloads := make(map[string]string)
	for _, file := range i.files {
		payloads[file] = i.read(file)
	}
	acknowledged := 0
	for line := range strings.Lines(r.out) {
		digest, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !strings.HasSuffix(line, "\n") {
			continue // cut off, which is no acknowledgement
		}
		if digest != digestOf(payloads[path]) {
			t.Errorf("%s: add printed %q", what, line)
		}
		plain.wantPayload(digest, payloads[path])
		acknowledged++
	}
	if r.code == 0 && acknowledged != len(i.files) {
		t.Errorf("%s: exit 0 and only %d acknowledged: %q", what, acknowledged, r.out)
	}
	if i.old != "" {
		plain.wantPayload(i.old, "old payload")
	}
	if _, err := os.Stat(filepath.Join(plain.store, "fsk-store")); err == nil {
		plain.wantClean("leftover-temp", "no-index")
	}
	again := plain.run(i.args()...)
	if again.code != 0 || strings.Count(again.out, "\n") != len(i.files) {
		t.Errorf("%s: run again: exit %d, %q, %s", what, again.code, again.out, again.err)
	}
	plain.wantClean("leftover-temp", "no-index")
}

// F3: what could not be looked at once is not stored, even if it can be looked at again.
func TestFailedLookIsAnError(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	b.write("one", "payload")
	traced, log := b.traced("-e", "trace=newfstatat", "-e", "inject=newfstatat:error=EIO:when=1")
	r := traced.run("add", "one")
	if !strings.Contains(b.read(log), "INJECTED") {
		t.Skip("this system looks at files by another call")
	}
	if r.code != 3 || r.out != "" || !strings.Contains(r.err, "one: ") {
		t.Errorf("exit %d, %q, %q", r.code, r.out, r.err)
	}
}

// F3: each system call of an add fails in turn, with every error.
func TestEverySystemCallOfAddFails(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	b.inMemory()
	for _, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			b := *b
			b.t = t
			runs, misses := 0, 0
			for n := 1; misses < 2 && n < 200; n++ {
				if !full && n > 3 && n%call.step != 0 {
					continue
				}
				errors := errorNames
				if !full {
					k := n % (len(errors) - 1)
					errors = []string{errors[k], "EINTR"}[:1+n%2]
				}
				hit := false
				for _, e := range errors {
					for _, forever := range []string{"", "+"} {
						if forever != "" && (!full && n%2 == 0 || e == "EINTR") {
							continue
						}
						what := fmt.Sprintf("%s:error=%s:when=%d%s", call.name, e, n, forever)
						i := inject(&b, n, n%2 == 1, what)
						r := i.run(i.args()...)
						if !i.injected() {
							continue
						}
						hit, runs = true, runs+1
						if r.took > 5*time.Second {
							t.Errorf("%s: exit %d after %v: %s", what, r.code, r.took, r.err)
						}
						i.after(&b, what, r)
						if e == "EINTR" && call.name != "close" && call.name != "lseek" && r.code != 0 { // lseek never waits
							t.Errorf("%s: EINTR shows: exit %d, %s", what, r.code, r.err)
						}
						mute := call.name == "write" // standard error is written to as well, and each thread counts for itself
						if r.code != 0 && (r.err == "" && !mute || r.code != 3 && r.code != 2) {
							t.Errorf("%s: exit %d, stderr %q", what, r.code, r.err)
						}
						if left := b.leftovers(); forever == "" && len(left) > 0 {
							t.Errorf("%s: exit %d, left in tmp: %q", what, r.code, left)
						}
					}
				}
				if !hit {
					misses++
				}
			}
			t.Logf("%d runs", runs)
		})
	}
}

// F20: a fault of the disk while reading is no miss, for cat, stat and fsck.
func TestReadErrorIsNoMiss(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	digest := b.add("payload")
	for _, inject := range []string{"pread64:error=EIO", "pread64:error=ESTALE", "openat2:error=EIO", "openat2:error=EACCES", "fstat:error=EIO"} {
		for _, args := range [][]string{{"cat", digest}, {"stat", digest}, {"fsck"}, {"fsck", digest}, {"--json", "fsck"}} {
			if inject[0] == 'o' && strings.Contains(inject, "EACCES") && args[0] == "fsck" {
				continue // one is enough
			}
			traced, _ := b.traced("-P", b.object(digest), "-e", "inject="+inject)
			if inject[0] == 'o' { // the path of what is still to be opened is relative
				traced, _ = b.traced("-P", "objects/"+digest[:2]+"/"+digest[2:], "-e", "inject="+inject)
			}
			r := traced.run(args...)
			if r.code != 3 || !strings.Contains(r.out+r.err, "io-error") || args[0] == "cat" && r.out != "" {
				t.Errorf("%s, %q: exit %d, stdout %q, stderr %q", inject, args, r.code, r.out, r.err)
			}
			if args[0] == "--json" {
				list := lines(t, r.out)
				if f := find(list, "finding"); list[len(list)-1]["complete"] != false || f == nil || f["digest"] != digest {
					t.Errorf("fsck calls itself complete: %s", r.out)
				}
			}
		}
	}
	traced, _ := b.traced("-P", b.object(digest), "-e", "inject=pread64:error=EIO")
	traced.stdin = digest + "\n"
	if r := traced.run("cat", "--batch"); r.code != 3 || r.out != digest+" io-error\n" {
		t.Errorf("cat --batch: exit %d, stdout %q, stderr %q", r.code, r.out, r.err)
	}
	// A directory that cannot be listed may hide objects.
	for _, args := range [][]string{{"ls"}, {"fsck"}, {"cat", digest[:8]}, {"status"}} {
		traced, _ = b.traced("-e", "trace=getdents64", "-e", "inject=getdents64:error=EIO")
		r := traced.run(args...)
		if r.code != 3 || !strings.Contains(r.out+r.err, "io-error") {
			t.Errorf("getdents64, %q: exit %d, stdout %q, stderr %q", args, r.code, r.out, r.err)
		}
	}
	b.wantPayload(digest, "payload")
}

// F6: the disk takes bytes and loses them.
func TestLostWriteIsNoticed(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	b.add("old")
	// Every write of the process says that it wrote everything, and did nothing.
	payload := "payload" // shorter with its trailer than what add prints
	file := b.write("file", payload)
	for n := 1; n <= 4; n++ {
		traced, log := b.traced("-e", "trace=write", "-e", fmt.Sprintf("inject=write:retval=%d:when=%d", len(payload)+64, n))
		r := traced.run("add", file)
		if !strings.Contains(b.read(log), "INJECTED") {
			break
		}
		if strings.Contains(r.out, digestOf(payload)) {
			b.wantPayload(digestOf(payload), payload)
		} else if r.code == 0 && !strings.Contains(b.read(log), "write(1") {
			t.Errorf("write %d lost: exit %d, %q, %s", n, r.code, r.out, r.err)
		}
		b.run("rm", digestOf(payload))
	}
	b.wantClean()
}
