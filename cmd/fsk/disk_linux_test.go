package main_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// mount mounts something until the end of the test.
func mount(t *testing.T, source, target, fstype string, flags uintptr, data string) {
	t.Helper()
	needRoot(t)
	if err := os.MkdirAll(target, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount(source, target, fstype, flags, data); err != nil {
		t.Skipf("cannot mount here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
}

// F4: a disk that is really full.
func TestFullDisk(t *testing.T) {
	size := 20 << 10
	for claim, options := range map[string]string{"no room": "size=256k", "no inodes": "size=64m,nr_inodes=16"} {
		t.Run(claim, func(t *testing.T) {
			if claim == "no inodes" {
				size = 1<<20 + 1 // too large for a pack
			}
			b := newBox(t)
			mount(t, "tmpfs", filepath.Dir(b.store)+"/full", "tmpfs", 0, options)
			b.store = filepath.Join(filepath.Dir(b.store), "full", "store")
			digest := b.add("payload")
			b.write("small", "s")
			for i := range 20 {
				b.write(fmt.Sprintf("file%02d", i), strings.Repeat(fmt.Sprint(i), size/len(fmt.Sprint(i))+i))
			}
			r := b.run("add", "-r", b.dir)
			if r.code != 3 || strings.Count(r.err, "(io-error)\n") == 0 || !strings.Contains(r.err, "no space left on device") {
				t.Errorf("exit %d, %s", r.code, r.err)
			}
			good := 0
			for line := range strings.Lines(r.out) {
				stored, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
				b.wantPayload(stored, b.read(path))
				good++
			}
			// Small files are one pack, and when that does not fit each of them counts for itself.
			if bad := strings.Count(r.err, "fsk: error: "); good+bad != 21 || good == 0 {
				t.Errorf("%d stored and %d errors of 21 files: %s", good, bad, r.err)
			}
			if left := b.leftovers(); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			b.wantPayload(digest, "payload")
			b.wantClean()
			for _, args := range [][]string{{"ls"}, {"stat", digest}, {"status"}, {"fsck"}, {"add", b.write("again", "payload")}, {"rm", digest}} {
				if r := b.run(args...); r.code != 0 {
					t.Errorf("%q on a full disk: exit %d, %s%s", args, r.code, r.out, r.err)
				}
			}
			// An output that does not fit is not there.
			large := digestOf(strings.Repeat("0", 20<<10))
			out := filepath.Join(filepath.Dir(b.store), "out")
			if claim == "no room" {
				os.WriteFile(filepath.Join(filepath.Dir(b.store), "fill"), make([]byte, 1<<20), 0o666)
				if r := b.run("cat", "-o", out, large); r.code == 0 || r.out != "" {
					t.Errorf("cat -o: exit %d, %s", r.code, r.err)
				}
				if names, _ := filepath.Glob(filepath.Dir(out) + "/.fsk-*"); len(names) > 0 {
					t.Errorf("left: %q", names)
				}
				if _, err := os.Lstat(out); err == nil {
					t.Error("an output that is not complete is there")
				}
			}
		})
	}
}

// Nowhere to print to any more: what was printed, in whole lines, is stored.
func TestAcknowledgementsOnAFullDisk(t *testing.T) {
	b := newBox(t)
	dir := b.mkdir("full")
	mount(t, "tmpfs", dir, "tmpfs", 0, "size=4k")
	for i := range 200 {
		b.write(fmt.Sprintf("many/file%03d", i), fmt.Sprint("content ", i))
	}
	for _, args := range [][]string{{"add", "-r", "many"}, {"--json", "add", "-r", "many"}} {
		out, err := os.Create(filepath.Join(dir, "out"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := b.command(t.Context(), args...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = out, &stderr
		cmd.Run()
		out.Close()
		if code := cmd.ProcessState.ExitCode(); code != 3 || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("%q: exit %d, stderr %q", args, code, stderr.String())
		}
		printed := regexp.MustCompile(`(?m)^(?:\{"type":"object","digest":")?([0-9a-f]{64}).*\n`).FindAllStringSubmatch(b.read(out.Name()), -1)
		for _, line := range printed {
			if r := b.run("stat", line[1]); r.code != 0 {
				t.Errorf("%q printed %q: %s", args, line[0], r.out)
			}
		}
		if len(printed) < 10 {
			t.Errorf("%q: only %d lines were printed", args, len(printed))
		}
	}
	b.wantClean()
}

// F11: a store that cannot be written is read as ever; writing says what is wrong.
func TestReadOnlyStore(t *testing.T) {
	needRoot(t)
	worlds := map[string]func(t *testing.T, b *box) *box{
		"a read-only mount": func(t *testing.T, b *box) *box {
			mount(t, b.store, b.store, "", syscall.MS_BIND, "")
			if err := syscall.Mount("", b.store, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Skip(err)
			}
			return b
		},
		"immutable directories": func(t *testing.T, b *box) *box {
			chattr := needTool(t, "chattr")
			if out, err := exec.Command(chattr, "-R", "+i", b.store).CombinedOutput(); err != nil {
				t.Skipf("%v: %s", err, out)
			}
			t.Cleanup(func() { exec.Command(chattr, "-R", "-i", b.store).Run() })
			return b
		},
		"another user": func(t *testing.T, b *box) *box {
			setpriv := needTool(t, "setpriv")
			b.letOthersIn()
			return b.under(setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups")
		},
	}
	for claim, world := range worlds {
		t.Run(claim, func(t *testing.T) {
			b := newBox(t)
			digest := b.add("payload")
			file, same := b.write("file", "other"), b.write("same", "payload")
			before := listing(t, b.store)
			b = world(t, b)
			b.wantPayload(digest, "payload")
			for _, args := range [][]string{{"ls"}, {"stat", digest}, {"fsck"}, {"status"}, {"cat", digest[:9]}} {
				if r := b.run(args...); r.code != 0 || r.err != "" {
					t.Errorf("%q: exit %d, %s", args, r.code, r.err)
				}
			}
			r := b.run("add", file)
			r.want(t, 3, "", `fsk: error: .*(read-only file system|permission denied|operation not permitted) \(io-error\)\n`)
			r = b.run("rm", digest)
			r.want(t, 3, "", `fsk: error: .*`+digest+`.*(read-only file system|permission denied|operation not permitted) \(io-error\)\n`)
			t.Logf("add: %s", b.run("add", same).err)
			if after := listing(t, b.store); strings.Join(before, "\n") != strings.Join(after, "\n") {
				t.Errorf("the store was %q and is %q", before, after)
			}
		})
	}
}

// F10: few descriptors.
func TestFewDescriptors(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	for i := range 200 {
		b.write(fmt.Sprintf("many/file%03d", i), fmt.Sprint("content ", i))
	}
	for n := 10; n <= 40; n += 5 {
		few := b.under("sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, n), "sh")
		for _, args := range [][]string{{"cat", digest}, {"fsck"}, {"ls"}} {
			r := few.run(args...)
			if r.code != 0 && (r.code != 3 || !strings.Contains(r.err+r.out, "too many open files")) {
				t.Errorf("%d descriptors, %q: exit %d, %s%s", n, args, r.code, r.out, r.err)
			}
		}
		r := few.run("add", "-r", "many")
		if r.code != 0 && (r.code != 3 || !strings.Contains(r.err, "too many open files")) {
			t.Errorf("%d descriptors, add: exit %d, %.300s", n, r.code, r.err)
		}
		if got := strings.Count(r.out, "\n") + strings.Count(r.err, "fsk: error: "); r.code == 0 && got != 200 {
			t.Errorf("%d descriptors: %d files accounted for", n, got)
		}
		if left := b.leftovers(); len(left) > 0 {
			t.Errorf("%d descriptors: left %q", n, left)
		}
		t.Logf("%d descriptors: %d stored, %d errors", n, strings.Count(r.out, "\n"), strings.Count(r.err, "fsk: error: "))
	}
	b.wantClean()
}

// F9: a limit of the size of files.
func TestFileSizeLimit(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	file := b.write("file", strings.Repeat("x", 3<<20))
	few := b.under("sh", "-c", `ulimit -f 1024; exec "$@"`, "sh")
	r := few.run("add", file, b.write("good", "good"))
	r.want(t, 3, digestOf("good")+"  .*good\n", `fsk: error: .*/file: .*file too large \(io-error\)\n`)
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	b.wantPayload(digest, "payload")
	b.wantClean()
}

// F22: standard output is full, or read by somebody who has enough. One that is closed
// from the start cannot be told from /dev/null: the Go runtime opens that in its place.
func TestOutputThatFails(t *testing.T) {
	b := newBox(t)
	b.inMemory()
	digest, large := b.add("payload"), b.add(big())
	file := b.write("file", "payload")
	commands := [][]string{
		{"cat", digest}, {"cat", large}, {"ls"}, {"stat", digest}, {"fsck"}, {"status"}, {"version"}, {"key", "ls"}, {"key", "new"}, {"add", file}, {"--json", "ls"}, {"--json", "fsck"},
		{"--json", "add", file}, {"--help"}, {"add", "--help"}, {"cat", "--batch"}, {"!", "init", b.dir + "/new"},
	}
	for _, args := range commands {
		for _, where := range []string{"full", "pipe"} {
			t.Run(where+" "+strings.Join(args, " "), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				in := b.input(digest + "\n")
				cmd := in.command(ctx, args...)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				switch where {
				case "full":
					f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
					if err != nil {
						t.Skip(err)
					}
					defer f.Close()
					cmd.Stdout = f
				case "pipe":
					r, w, err := os.Pipe()
					if err != nil {
						t.Fatal(err)
					}
					r.Close()
					defer w.Close()
					cmd.Stdout = w
				}
				cmd.Run()
				code := cmd.ProcessState.ExitCode()
				if code != 3 {
					t.Errorf("exit %d, stderr %q", code, stderr.String())
				}
				if strings.Contains(stderr.String(), "goroutine") {
					t.Errorf("stderr %q", stderr.String())
				}
				if quiet := stderr.String() == ""; quiet != (where == "pipe") {
					t.Errorf("stderr %q", stderr.String())
				}
			})
		}
	}
	b.wantClean()
}
