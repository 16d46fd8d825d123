package main_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Somebody holds the lock: readers do not care, writers wait for what excludes them, and
// waiting can be interrupted.
func TestHeldLock(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	file := b.write("file", "other")
	lock, err := os.OpenFile(filepath.Join(b.store, "lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	hold := func(how int) {
		if err := syscall.Flock(int(lock.Fd()), how); err != nil {
			t.Fatal(err)
		}
	}
	hold(syscall.LOCK_EX)
	for _, args := range [][]string{{"cat", digest}, {"ls"}, {"stat", digest}, {"fsck"}, {"status"}} {
		if r := b.run(args...); r.code != 0 || r.took > 8*time.Second {
			t.Errorf("%q while the lock is held: exit %d after %v, %s", args, r.code, r.took, r.err)
		}
	}
	waits := func(args ...string) (kill func() result, ended <-chan struct{}) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		cmd := b.command(ctx, args...)
		var out, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		return func() result {
			defer cancel()
			cmd.Process.Signal(os.Interrupt)
			<-done
			return result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: stderr.String()}
		}, done
	}
	for _, args := range [][]string{{"add", file}, {"rm", digest}} {
		kill, ended := waits(args...)
		select {
		case <-ended:
			t.Errorf("%q did not wait", args)
		case <-time.After(time.Second): // it listens for signals by now
		}
		if r := kill(); r.code != 130 || r.out != "" {
			t.Errorf("%q interrupted: exit %d, %q, %s", args, r.code, r.out, r.err)
		}
	}
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	// With the lock shared, as writers hold it, others write and nobody removes.
	hold(syscall.LOCK_SH)
	if r := b.run("add", file); r.code != 0 {
		t.Errorf("add beside a writer: exit %d, %s", r.code, r.err)
	}
	_, ended := waits("rm", digest)
	select {
	case <-ended:
		t.Error("rm did not wait for a writer")
	case <-time.After(100 * time.Millisecond):
	}
	hold(syscall.LOCK_UN)
	select {
	case <-ended:
	case <-time.After(limit):
		t.Error("rm goes on waiting when the lock is free")
	}
	if r := b.run("cat", digest); r.code != 1 {
		t.Errorf("cat of what was removed: exit %d", r.code)
	}
}

// An unreadable file among good ones: the others are stored and printed.
func TestUnreadableFileAmongGoodOnes(t *testing.T) {
	b := newBox(t)
	wrap := []string(nil)
	if os.Geteuid() == 0 {
		wrap = []string{needTool(t, "setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups"}
		for dir := b.root(); dir != "/"; dir = filepath.Dir(dir) {
			if info, err := os.Stat(dir); err == nil && info.Mode()&0o001 == 0 {
				os.Chmod(dir, info.Mode().Perm()|0o011)
			}
		}
		os.Chmod(b.root(), 0o777)
	}
	b.write("tree/a", "a")
	b.write("tree/b", "b")
	b.write("tree/c/d", "d")
	b.write("tree/e", "e")
	os.Chmod(filepath.Join(b.dir, "tree/b"), 0)
	os.Chmod(filepath.Join(b.dir, "tree/c"), 0)
	defer os.Chmod(filepath.Join(b.dir, "tree/c"), 0o755)
	other := b.under(wrap...)
	r := other.run("add", "-r", "tree")
	r.want(t, 3, digestOf("a")+"  tree/a\n"+digestOf("e")+"  tree/e\n", `fsk: error: tree/b: permission denied \(io-error\)\nfsk: error: tree/c: permission denied \(io-error\)\n`)
	r = other.run("add", "tree/a", "tree/b", "tree/e")
	r.want(t, 3, digestOf("a")+"  tree/a\n"+digestOf("e")+"  tree/e\n", `fsk: error: tree/b: permission denied \(io-error\)\n`)
	if r = other.run("--json", "add", "-r", "tree"); strings.Count(r.out, `"type":"error"`) != 2 || !strings.HasSuffix(r.out, `"complete":false}`+"\n") {
		t.Errorf("--json: %s", r.out)
	}
}
