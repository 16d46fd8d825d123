package main_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// An ext4 is a filesystem in a file, which can lose its power.
type ext4 struct {
	t       *testing.T
	image   string
	dir     string // where it is mounted
	options string
}

// newExt4 makes and mounts a filesystem of 64 MiB. The image takes only the space that it
// needs of the directory it is in.
func newExt4(t *testing.T, in, options string) *ext4 {
	t.Helper()
	needRoot(t)
	needTool(t, "mkfs.ext4")
	needTool(t, "mount")
	d := &ext4{t, filepath.Join(in, "image"), filepath.Join(t.TempDir(), "disk"), options}
	if err := os.MkdirAll(d.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(d.image, 64<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", "-J", "size=4", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.image).CombinedOutput(); err != nil {
		t.Skipf("mkfs.ext4: %v: %s", err, out)
	}
	if err := d.mount(); err != nil {
		t.Skipf("cannot mount an ext4 here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(d.dir, unix.MNT_DETACH) })
	return d
}

func (d *ext4) mount() error {
	out, err := exec.Command("mount", "-t", "ext4", "-o", "loop,"+d.options, d.image, d.dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// losePower forgets all that is not on the disk, with what the journal holds in memory,
// and mounts the filesystem again.
func (d *ext4) losePower() {
	d.t.Helper()
	const shutdown, noLogFlush = 0x8004587d, 2 // FS_IOC_SHUTDOWN
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	err = unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush)
	f.Close()
	if err != nil {
		d.t.Skipf("the filesystem cannot be shut down: %v", err)
	}
	d.again()
}

func (d *ext4) again() {
	d.t.Helper()
	if err := unix.Unmount(d.dir, 0); err != nil {
		d.t.Fatalf("unmount: %v", err)
	}
	if err := d.mount(); err != nil {
		d.t.Fatalf("mounting again: %v", err)
	}
}

var ext4Options = []string{"defaults", "noauto_da_alloc", "data=writeback"}

// F7: the power is lost after everything was acknowledged.
func TestPowerLossAfterCommands(t *testing.T) {
	for _, options := range ext4Options {
		t.Run(options, func(t *testing.T) {
			b := newBox(t).with("FLECHE_SECRET_KEY=" + keyA)
			d := newExt4(t, b.mkdir("images"), options)
			b.store = filepath.Join(d.dir, "store")
			payloads := []string{"", strings.Repeat("large ", 1<<18)}
			for i := range 10 {
				payloads = append(payloads, fmt.Sprint("single ", i))
			}
			for _, p := range payloads {
				b.add(p)
			}
			for i := range 20 {
				p := fmt.Sprint("packed ", i)
				b.write(fmt.Sprintf("tree/%02d", i), p)
				payloads = append(payloads, p)
			}
			rotated := b.with("FLECHE_SECRET_KEY=" + keyB + ":" + keyA)
			first, second := digestOf(payloads[2]), digestOf(payloads[3])
			for _, step := range [][]string{{"add", "-r", "tree"}, {"ref", "set", "builds/main", first}, {"pack"}, {"ref", "set", "gone", first},
				{"fsck", "--reseal"}, {"ref", "set", "builds/main", second}, {"ref", "rm", "gone"}} {
				if r := rotated.run(step...); r.code != 0 {
					t.Fatalf("%q: exit %d, %s", step, r.code, r.err)
				}
			}
			// What nobody synced tells whether anything is lost at all.
			control := filepath.Join(d.dir, "control")
			if err := os.WriteFile(control, []byte("not synced"), 0o644); err != nil {
				t.Fatal(err)
			}
			d.losePower()
			if text, err := os.ReadFile(control); err == nil && len(text) > 0 {
				t.Skip("the loss of power lost nothing")
			}
			now := b.with("FLECHE_SECRET_KEY=" + keyB) // reseal was acknowledged, too
			for _, p := range payloads {
				now.wantPayload(digestOf(p), p)
			}
			now.run("ref", "get", "builds/main").want(t, 0, second+"\n", "")
			now.run("ref", "log", "builds/main").want(t, 0, "2 .*  "+second+"\n1 .*  "+first+"\n", "")
			now.run("ref", "get", "gone").want(t, 1, "", `fsk: error: ref gone: [^\n]*\(missing\)\n`)
			if r := now.run("fsck"); r.code != 0 {
				t.Errorf("fsck: exit %d, %s", r.code, r.out)
			}
		})
	}
}

// F7: the power is lost while a command is at work.
func TestPowerLossDuringAdd(t *testing.T) {
	for _, options := range ext4Options {
		t.Run(options, func(t *testing.T) {
			b := newBox(t)
			d := newExt4(t, b.mkdir("images"), options)
			b.store = filepath.Join(d.dir, "store")
			b.add("before")
			for _, stop := range []int{1, 3, 8} {
				acked := losePowerDuringAdd(t, b, d, stop)
				for _, p := range append(acked, "before") {
					b.wantPayload(digestOf(p), p)
				}
				// Nothing is half there, and the rest can be added.
				b.wantClean("leftover-temp", "no-index")
				for i := range 10 {
					b.add(addedPayload(stop, i))
				}
			}
		})
	}
}

func addedPayload(stop, i int) string {
	return strings.Repeat(fmt.Sprint("payload ", stop, i), 1+i*500)
}

// losePowerDuringAdd names one file after the other to an add, and takes the power away
// when so many were acknowledged and one more was named. It returns what was acknowledged.
func losePowerDuringAdd(t *testing.T, b *box, d *ext4, stop int) (acked []string) {
	t.Helper()
	cmd := b.command(context.Background(), "add", "--stdin-paths")
	cmd.Stdin = nil
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	for i := range stop + 1 {
		p := addedPayload(stop, i)
		name := b.write(fmt.Sprintf("file%d-%d", stop, i), p)
		io.WriteString(stdin, name+"\n")
		if i < stop && lines.Scan() {
			acked = append(acked, p)
		}
	}
	if len(acked) != stop {
		t.Errorf("only %d acknowledged", len(acked))
	}
	cmd.Process.Kill() // it would hold the mount; what it did last is lost or not
	cmd.Wait()
	d.losePower()
	return acked
}

// F5: writing succeeds and the fsync fails, because the disk under the filesystem is full.
func TestFsyncFails(t *testing.T) {
	b := newBox(t)
	backing := b.mkdir("backing")
	mount(t, "tmpfs", backing, "tmpfs", 0, "size=48m")
	d := newExt4(t, backing, "errors=continue")
	b.store = filepath.Join(d.dir, "store")
	digest := b.add("payload")
	unix.Sync()
	large := string(slices.Repeat([]byte("0123456789abcdef"), 1<<20)) // 16 MiB
	name := b.write("large", large)
	filler := filepath.Join(backing, "filler")
	fill(t, filler)
	r := b.run("add", name)
	if r.code != 3 || r.out != "" || !strings.Contains(r.err, "(io-error)\n") {
		t.Fatalf("add of what cannot be synced: exit %d, %q, %s", r.code, r.out, r.err)
	}
	if !strings.Contains(r.err, "sync") {
		t.Errorf("it is not the fsync that fails: %s", r.err)
	}
	if _, err := os.Lstat(b.object(digestOf(large))); err == nil {
		t.Error("what could not be synced was published")
	}
	b.wantPayload(digest, "payload")
	// With room again, the command ends well.
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	d.again()
	if r := b.run("add", name); r.code != 0 {
		t.Errorf("add again: exit %d, %s", r.code, r.err)
	}
	b.wantPayload(digestOf(large), large)
	b.wantPayload(digest, "payload")
}

// fill writes to a file until there is no room.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block, n := make([]byte, 1<<16), 0; err == nil; n++ {
		if n == 1<<10 {
			t.Fatalf("%s is not on the small filesystem that was mounted", name)
		}
		_, err = f.Write(block)
	}
}
