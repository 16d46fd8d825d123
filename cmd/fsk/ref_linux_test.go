package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A24 on the system calls: a name that cannot be one leads to no file at all.
func TestBadRefNameOpensNothing(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	for i, name := range badNames {
		if !full && i%8 != 0 {
			continue
		}
		for _, args := range [][]string{{"ref", "get", "--", name}, {"ref", "set", "--", name, digest}, {"ref", "rm", "--", name}} {
			traced, log := b.traced("-e", "trace=file")
			if r := traced.run(args...); r.code != 2 {
				t.Errorf("%q: exit %d, %s", args, r.code, r.err)
			}
			for _, call := range opened(t, log, filepath.Base(b.store), "passwd", "/etc/x", `"objects`, `"refs`, ".local") {
				if !strings.HasPrefix(call, "execve(") {
					t.Errorf("%q: %s", args, call)
				}
			}
		}
	}
}

// What is read by its digest costs no call more because there are refs.
func TestReadingByDigestOpensNoRef(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	b.run("ref", "set", "main", digest).want(t, 0, "", "")
	for _, args := range [][]string{{"cat", digest}, {"stat", digest}, {"cat", digest[:8]}, {"ls"}} {
		traced, log := b.traced("-e", "trace=file")
		if r := traced.run(args...); r.code != 0 {
			t.Errorf("%q: exit %d, %s", args, r.code, r.err)
		}
		if calls := opened(t, log, `"refs`, ".local"); len(calls) > 0 {
			t.Errorf("%q: %q", args, calls)
		}
	}
}

// refCalls are the system calls of setting a ref.
var refCalls = []string{"openat2", "write", "fsync", "renameat", "mkdirat", "close", "pread64", "flock", "newfstatat", "lseek", "getdents64", "unlinkat"}

// A refInjection sets a ref that has a value already.
type refInjection struct {
	*box
	old, new string
	log      string
}

func injectRef(b *box, n int, what string) *refInjection {
	if err := os.RemoveAll(b.store); err != nil {
		b.t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(b.env["HOME"], ".local")); err != nil {
		b.t.Fatal(err)
	}
	i := &refInjection{old: b.add("old"), new: b.add(fmt.Sprint("new ", n))}
	b.run("ref", "set", "a/main", i.old).want(b.t, 0, "", "")
	i.box, i.log = b.traced("-e", "trace="+strings.SplitN(what, ":", 2)[0], "-e", "inject="+what)
	return i
}

// after checks that the ref is the old one or the new one, with all of its history, and
// that it can be set again.
func (i *refInjection) after(plain *box, what string, r result) {
	t := plain.t
	t.Helper()
	got := plain.run("ref", "get", "a/main")
	if got.code != 0 || got.out != i.new+"\n" && (got.out != i.old+"\n" || r.code == 0) {
		t.Errorf("%s: exit %d, %q; and then exit %d, %q, %q", what, r.code, r.err, got.code, got.out, got.err)
	}
	if log := plain.run("ref", "log", "a/main"); log.code != 0 || !strings.HasSuffix(log.out, "  "+i.old+"\n") {
		t.Errorf("%s: log: exit %d, %q, %q", what, log.code, log.out, log.err)
	}
	plain.run("ref", "set", "a/main", i.new).want(t, 0, "", "")
	plain.run("ref", "get", "a/main").want(t, 0, i.new+"\n", "")
	plain.wantClean("leftover-temp")
}

// F1 for refs: killed before each system call.
func TestRefKilledAtEverySystemCall(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	b.inMemory()
	eachRefCall(t, b, func(b *box, call string, n int) bool {
		what := fmt.Sprintf("%s:signal=KILL:when=%d", call, n)
		i := injectRef(b, n, what)
		r := i.run("ref", "set", "a/main", i.new)
		if !strings.Contains(b.read(i.log), "killed by SIGKILL") {
			return false
		}
		i.after(b, what, r)
		return true
	})
}

// F3 for refs: each system call fails.
func TestEverySystemCallOfARefFails(t *testing.T) {
	needStrace(t)
	b := newBox(t)
	b.inMemory()
	eachRefCall(t, b, func(b *box, call string, n int) bool {
		errno := errorNames[n%(len(errorNames)-1)]
		what := fmt.Sprintf("%s:error=%s:when=%d", call, errno, n)
		i := injectRef(b, n, what)
		r := i.run("ref", "set", "a/main", i.new)
		if !strings.Contains(b.read(i.log), "INJECTED") {
			return false
		}
		i.after(b, what, r)
		if r.code != 0 && (r.code != 3 && r.code != 2 && r.code != 1 || r.err == "" && call != "write") {
			t.Errorf("%s: exit %d, stderr %q", what, r.code, r.err)
		}
		return true
	})
}

// eachRefCall lets a test go through the system calls until two in a row do not happen;
// the short tests leave some out.
func eachRefCall(t *testing.T, b *box, one func(b *box, call string, n int) bool) {
	for _, call := range refCalls {
		t.Run(call, func(t *testing.T) {
			b := *b
			b.t = t
			runs, misses := 0, 0
			for n := 1; misses < 2 && n < 200; n++ {
				if !full && n > 2 && n%5 != 0 {
					continue
				}
				if one(&b, call, n) {
					runs++
				} else {
					misses++
				}
			}
			t.Logf("%d runs", runs)
		})
	}
}
