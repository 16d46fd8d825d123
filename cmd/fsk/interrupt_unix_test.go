//go:build unix

package main_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An interrupted command says so, leaves no temporary file and what it acknowledged.
func TestInterrupted(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		for _, first := range []string{"", "some bytes", strings.Repeat("many bytes ", 1<<19)} {
			b := newBox(t)
			digest := b.add("good")
			good := b.write("file", "good")
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			cmd := b.command(ctx, "add", good, "-")
			cmd.Stdin = nil
			var out, stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			io.WriteString(stdin, first)
			// The first file is acknowledged at once, not when the second is read.
			line := make([]byte, len(digest)+2+len(good)+1)
			if _, err := io.ReadFull(stdout, line); err != nil {
				t.Fatalf("the first file is not acknowledged while the second is read: %v", err)
			}
			out.Write(line)
			if len(first) > 1<<20 && !eventually(func() bool { return len(b.leftovers()) > 0 }) {
				t.Error("no temporary file appears")
			}
			cmd.Process.Signal(signal)
			rest, _ := io.ReadAll(stdout)
			out.Write(rest)
			cmd.Wait() // standard input is still open
			r := result{code: cmd.ProcessState.ExitCode(), out: out.String(), err: stderr.String()}
			r.want(t, 130, digest+"  .*file\n", `fsk: error: interrupted\n`)
			if left := b.leftovers(); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
			stdin.Close()
			b.wantClean()
			b.wantPayload(digest, "good")
		}
	}
}

// Interrupted in the middle of a batch, with an answer that is whole.
func TestInterruptedBatch(t *testing.T) {
	b := newBox(t)
	digest := b.add("good")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := b.command(ctx, "cat", "--batch")
	cmd.Stdin = nil
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // each question is answered before the next is asked
		io.WriteString(stdin, digest+"\n")
		answer := make([]byte, len(digest)+len(" 4\ngood\n"))
		if _, err := io.ReadFull(stdout, answer); err != nil || string(answer) != digest+" 4\ngood\n" {
			t.Fatalf("answer %q, %v", answer, err)
		}
	}
	cmd.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(stdout)
	cmd.Wait()
	if cmd.ProcessState.ExitCode() != 130 || len(rest) > 0 {
		t.Errorf("exit %d, %q", cmd.ProcessState.ExitCode(), rest)
	}
	stdin.Close()
}

// Who waits for somebody to type holds nobody up: others may remove meanwhile.
func TestAddThatWaitsForInputHoldsNoLock(t *testing.T) {
	b := newBox(t)
	digest := b.add("payload")
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := b.command(ctx, "add", "-")
	cmd.Stdin = nil
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer stdin.Close()
	io.WriteString(stdin, "some bytes")
	time.Sleep(300 * time.Millisecond)
	remove := b.command(ctx, "rm", digest)
	removed := make(chan error, 1)
	go func() { removed <- remove.Run() }()
	select {
	case err := <-removed:
		if err != nil {
			t.Errorf("rm: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("rm waits for an add that waits for its input")
		remove.Process.Kill()
	}
}
