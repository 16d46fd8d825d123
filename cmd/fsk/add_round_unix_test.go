//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A talk is an add that is told its paths bit by bit.
type talk struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	lines  *bufio.Reader
	stderr bytes.Buffer
}

func (b *box) talk(t *testing.T, args ...string) *talk {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*limit)
	t.Cleanup(cancel)
	c := &talk{t: t, cmd: b.command(ctx, args...)}
	c.cmd.Stdin, c.cmd.Stderr = nil, &c.stderr
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if c.stdout, err = c.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	c.lines = bufio.NewReader(c.stdout)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// want reads the next acknowledgements.
func (c *talk) want(payloads ...string) {
	c.t.Helper()
	for _, p := range payloads {
		line, err := c.lines.ReadString('\n')
		if digest, _, _ := strings.Cut(line, "  "); err != nil || digest != digestOf(p) {
			c.t.Fatalf("add printed %q, %v, want %s for %q; stderr %q", line, err, digestOf(p), p, c.stderr.String())
		}
	}
}

// end waits for the command; what it still prints is left over.
func (c *talk) end() result {
	c.t.Helper()
	rest, _ := io.ReadAll(c.lines)
	c.cmd.Wait()
	return result{code: c.cmd.ProcessState.ExitCode(), out: string(rest), err: c.stderr.String()}
}

// blocked makes a store in which no pack can be published, but loose objects can.
func blocked(t *testing.T) *box {
	b := newBox(t)
	b.add("first")
	b.write(filepath.Join(b.store, "objects/pack"), "stray")
	return b
}

// several makes files and returns their names and their payloads.
func (b *box) several(prefix string, n int) (names, payloads []string) {
	b.t.Helper()
	for i := range n {
		payload := fmt.Sprint(prefix, " ", i)
		names = append(names, b.write(fmt.Sprint(prefix, i), payload))
		payloads = append(payloads, payload)
	}
	return names, payloads
}

func (b *box) fifo(name string) string {
	b.t.Helper()
	name = filepath.Join(b.dir, name)
	if err := syscall.Mkfifo(name, 0o666); err != nil {
		b.t.Skip(err)
	}
	return name
}

// Files that were read ahead of a round which cannot be stored are stored for themselves
// like those of the round; a pipe, which can be read once, is named.
func TestFilesAheadOfAFailedRound(t *testing.T) {
	b := blocked(t)
	one, before := b.several("before", 9)
	two, after := b.several("after", 9)
	pipe := b.fifo("pipe")
	c := b.talk(t, append(append(append([]string{"add"}, one...), pipe), two...)...)
	// The pipe holds up its turn, not the files around it: those behind it are in the
	// batch by now, those before it end their round and fail together with them.
	c.want(before...)
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "from the pipe")
	w.Close()
	c.want(after...)
	c.end().want(t, 3, "", `fsk: error: .*/pipe: .*\n`)
	for _, p := range append(before, after...) {
		b.wantPayload(digestOf(p), p)
	}
	if r := b.run("stat", digestOf("from the pipe")); r.code != 1 {
		t.Errorf("the pipe is stored, and was not acknowledged: %s", r.out)
	}
	if left := b.leftovers(); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	r := b.run("fsck")
	r.want(t, 1, `warning: 1 stray: does not belong here\n  objects/pack\n(?s:.*)`, "")
}

// What can be read once is not read again when its round fails: who tried would take an
// empty pipe for the file, or wait for ever.
func TestPipeInAFailedRound(t *testing.T) {
	for _, name := range []string{"-", "pipe"} {
		t.Run(name, func(t *testing.T) {
			b := blocked(t)
			files, payloads := b.several("file", 9)
			path := name
			if name == "pipe" {
				path = b.fifo(name)
			}
			c := b.talk(t, append(append([]string{"add"}, files...), path)...)
			if name == "pipe" {
				w, err := os.OpenFile(path, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(w, "read once")
				w.Close()
			} else {
				io.WriteString(c.stdin, "read once")
				c.stdin.Close()
			}
			c.want(payloads...)
			c.end().want(t, 3, "", `fsk: error: .*`+name+`: .*\n`)
			if r := b.run("ls"); strings.Count(r.out, "\n") != 10 {
				t.Errorf("ls: %s", r.out)
			}
		})
	}
}

// Who asks for one file after the other is answered while standard input is open: after
// a moment of silence, and every few seconds if there is none.
func TestAddAnswersWhileItIsTold(t *testing.T) {
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		b := newBox(t)
		c := b.talk(t, "add", "--stdin-paths")
		for i := range 3 {
			names, payloads := b.several(fmt.Sprint("round", i), 1+8*i)
			io.WriteString(c.stdin, strings.Join(names, "\n")+"\n")
			c.want(payloads...)
			b.wantPayload(digestOf(payloads[0]), payloads[0])
		}
		c.stdin.Close()
		c.end().want(t, 0, "", "")
		b.wantClean()
	})
	t.Run("no silence", func(t *testing.T) {
		t.Parallel()
		b := newBox(t)
		c := b.talk(t, "add", "--stdin-paths", "-0")
		names, payloads := b.several("again and again", 1)
		answered, fed := make(chan struct{}), make(chan int)
		go func() { // a pause that is shorter than what counts as silence
			n := 0
			for tick := time.NewTicker(20 * time.Millisecond); !closed(answered); n++ {
				if _, err := io.WriteString(c.stdin, names[0]+"\x00"); err != nil {
					break
				}
				<-tick.C
			}
			c.stdin.Close()
			fed <- n
		}()
		c.want(payloads...)
		close(answered)
		n := <-fed
		r := c.end()
		if r.code != 0 || r.err != "" || strings.Count(r.out, "\n") != n-1 {
			t.Errorf("exit %d, %d lines, want %d; %s", r.code, strings.Count(r.out, "\n"), n-1, r.err)
		}
	})
}

// C5: nobody reads on. What was printed is stored, and add ends although it could be told
// more.
func TestAddThatNobodyReads(t *testing.T) {
	b := newBox(t)
	c := b.talk(t, "add", "--stdin-paths")
	names, payloads := b.several("read", 12)
	io.WriteString(c.stdin, strings.Join(names, "\n")+"\n")
	c.want(payloads...)
	c.stdout.Close()
	more, _ := b.several("unread", 12)
	io.WriteString(c.stdin, strings.Join(more, "\n")+"\n")
	c.cmd.Wait() // standard input is still open
	if code := c.cmd.ProcessState.ExitCode(); code != 3 || c.stderr.Len() > 0 {
		t.Errorf("exit %d, stderr %q", code, c.stderr.String())
	}
	c.stdin.Close()
	for _, p := range payloads {
		b.wantPayload(digestOf(p), p)
	}
	b.wantClean()
}
