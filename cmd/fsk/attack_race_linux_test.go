package main_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// big is a payload that is verified in one pass and released in a second.
var big = sync.OnceValue(func() string {
	p := make([]byte, 70<<20)
	rand.NewChaCha8([32]byte{1}).Read(p)
	return string(p)
})

// during reads an object while something happens to its file, and wants a prefix of the
// genuine payload, whole if and only if the exit code says so.
func (b *box) during(digest, payload string, attack func(stop <-chan struct{})) (code int) {
	b.t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); attack(stop) }()
	defer func() { close(stop); <-done }()
	r := b.run("cat", digest)
	if !strings.HasPrefix(payload, r.out) {
		b.t.Errorf("exit %d: %d bytes that are not genuine", r.code, len(r.out))
	}
	if (r.code == 0) != (r.out == payload) {
		b.t.Errorf("exit %d with %d bytes of %d: %s", r.code, len(r.out), len(payload), r.err)
	}
	if r.code > 1 || r.code == 1 && r.err == "" {
		b.t.Errorf("exit %d: stderr %q", r.code, r.err)
	}
	return r.code
}

// A16 to A18 from outside: the file of an object changes again and again while it is read.
func TestObjectChangesWhileItIsRead(t *testing.T) {
	small := strings.Repeat("genuine ", 8<<10)
	attacks := []struct {
		claim   string
		payload string
		packed  bool
		attack  func(b *box, path, stored string, stop <-chan struct{})
	}{
		{"A16 bytes flip in place", big(), false, flipping}, {"A16 bytes flip in a small file", small, false, flipping},
		{"A16 bytes flip in a pack", small, true, flipping},
		{"A17 the file grows and shrinks", big(), false, resizing}, {"A17 a small file grows and shrinks", small, false, resizing},
		{"A17 a pack grows and shrinks", small, true, resizing},
		{"A17 the file is replaced", big(), false, replacing}, {"A17 a small file is replaced", small, false, replacing},
		{"A17 a pack is replaced", small, true, replacing},
		{"A18 a link is swapped in", small, false, linking}, {"A18 a link is swapped in for a pack", small, true, linking},
	}
	for _, a := range attacks {
		t.Run(a.claim, func(t *testing.T) {
			b := newBox(t)
			b.inMemory()
			digest := b.add(a.payload)
			path, stored := b.object(digest), sealed(t, keyA, a.payload)
			if a.packed {
				b.clear(digest)
				path = b.packFile(b.plantPack(b.sealedRecord(a.payload), b.sealedRecord("beside it")))
				stored = b.read(path)
			}
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
			codes := make(map[int]int)
			deadline := time.Now().Add(400 * time.Millisecond)
			if full {
				deadline = time.Now().Add(20 * time.Second)
			}
			for time.Now().Before(deadline) && !t.Failed() {
				codes[b.during(digest, a.payload, func(stop <-chan struct{}) { a.attack(b, path, stored, stop) })]++
			}
			t.Logf("exit codes: %v", codes)
		})
	}
}

func flipping(b *box, path, stored string, stop <-chan struct{}) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	for !closed(stop) {
		at := rand.Int64N(int64(len(stored)))
		f.WriteAt([]byte{^stored[at]}, at)
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		f.WriteAt([]byte{stored[at]}, at)
	}
}

func resizing(b *box, path, stored string, stop <-chan struct{}) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	size := int64(len(stored))
	for !closed(stop) {
		f.WriteAt([]byte("more"), size)
		f.Truncate(size)
		cut := size - 1 - rand.Int64N(min(size, 1<<20)-1)
		f.Truncate(cut)
		f.WriteAt([]byte(stored[cut:]), cut)
	}
}

func replacing(b *box, path, stored string, stop <-chan struct{}) {
	forged := filepath.Join(filepath.Dir(b.store), "forged") // a rename stays on one filesystem
	os.WriteFile(forged, forgery(stored), 0o644)
	for !closed(stop) {
		unix.Renameat2(unix.AT_FDCWD, forged, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	}
	os.Remove(forged)
	os.WriteFile(path, []byte(stored), 0o644)
}

func linking(b *box, path, stored string, stop <-chan struct{}) {
	target, link := filepath.Join(b.root(), "target"), filepath.Join(filepath.Dir(b.store), "link")
	os.WriteFile(target, forgery(stored), 0o644)
	os.Remove(link)
	os.Symlink(target, link)
	for !closed(stop) {
		unix.Renameat2(unix.AT_FDCWD, link, unix.AT_FDCWD, path, unix.RENAME_EXCHANGE)
	}
	os.Remove(path)
	os.Remove(link)
	os.WriteFile(path, []byte(stored), 0o644)
}

// forgery has no byte where the genuine one is.
func forgery(stored string) []byte {
	forged := []byte(stored)
	for i := range forged {
		forged[i] ^= 1
	}
	return forged
}

// A16 made certain: the reader of the pipe waits after the first bytes, the file is
// changed behind what was released, and only then does the reader go on.
func TestObjectChangedBehindTheReader(t *testing.T) {
	changes := map[string]func(path string) error{
		"a byte": func(path string) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte{big()[60<<20] ^ 1}, 60<<20)
			return err
		},
		"cut": func(path string) error { return os.Truncate(path, 50<<20) },
	}
	for claim, change := range changes {
		t.Run(claim, func(t *testing.T) {
			b := newBox(t)
			b.inMemory()
			digest := b.add(big())
			if err := os.Chmod(b.object(digest), 0o644); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			cmd := b.command(ctx, "cat", digest)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			pipe, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 1000)
			if _, err := io.ReadFull(pipe, first); err != nil {
				t.Fatal(err)
			}
			if err := change(b.object(digest)); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(pipe)
			if err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			got := string(first) + string(rest)
			r := result{code: cmd.ProcessState.ExitCode(), err: stderr.String()}
			r.want(t, 1, "", "fsk: error: object "+digest+`: .*\(changed-during-read\)\n`)
			if len(got) >= len(big()) || !strings.HasPrefix(big(), got) {
				t.Errorf("%d bytes, genuine: %t", len(got), strings.HasPrefix(big(), got))
			}
		})
	}
}
