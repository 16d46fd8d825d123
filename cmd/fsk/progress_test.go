package main

import (
	"bytes"
	"context"
	"testing"
)

// TestProgressEnds: the line is not shown again by a tick that came before the end and
// was late.
func TestProgressEnds(t *testing.T) {
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	b := &progress{p: newPrinter(&stdout, &stderr), what: "checked", stop: cancel}
	b.show(ctx, b.start.Add(progressDelay))
	if stderr.Len() == 0 {
		t.Fatal("nothing is shown")
	}
	b.end()
	shown := stderr.Len()
	b.show(ctx, b.start.Add(2*progressDelay))
	if stderr.Len() != shown || stdout.Len() > 0 {
		t.Errorf("after the end: %q, %q", stderr.String()[shown:], stdout.String())
	}
}
