package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// progressDelay is how long work may take in silence.
const progressDelay = time.Second

// A progress is a line on the terminal that says how far the work is. Its methods may
// be called from any goroutine.
type progress struct {
	p     *printer
	what  string
	start time.Time
	stop  context.CancelFunc

	mu             sync.Mutex
	objects, bytes int64
	total          int64 // of objects; 0 as long as it is not known
	shown          bool
}

// startProgress shows progress on stderr from now until the printer finishes, if that
// is a terminal and progress is wanted. Otherwise it returns nil, on which all
// methods may be called. count counts the objects that there will be, beside the work;
// it is not called if nobody is to see it, and ends early when the context does.
func (p *printer) startProgress(ctx context.Context, what string, count func(ctx context.Context) int64) *progress {
	if p.quiet || p.json || !isTerminal(p.stderr) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	b := &progress{p: p, what: what, start: time.Now(), stop: cancel}
	p.bar = b
	go b.run(ctx)
	go func() {
		total := count(ctx)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.total = total
	}()
	return b
}

func (b *progress) run(ctx context.Context) {
	tick := time.NewTicker(progressDelay / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if now.Sub(b.start) >= progressDelay {
				b.show(ctx, now)
			}
		}
	}
}

// set says how much is done.
func (b *progress) set(objects, bytes int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects, b.bytes = objects, bytes
}

// show shows the line, unless it was ended a moment ago.
func (b *progress) show(ctx context.Context, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	seconds := now.Sub(b.start).Seconds()
	line := fmt.Sprintf("%s: %d%s, %s, %s/s%s", b.what, b.objects, b.of(),
		formatSize(b.bytes), formatSize(int64(float64(b.bytes)/seconds)), b.left(seconds))
	if width := terminalWidth(b.p.stderr); width > 0 && len(line) >= width {
		line = line[:width-1]
	}
	fmt.Fprintf(b.p.stderr, "\r%s\x1b[K", line)
	b.shown = true
}

// of says of how many objects, if that is known.
func (b *progress) of() string {
	if b.total == 0 {
		return " objects"
	}
	return fmt.Sprintf(" of %d objects", b.total)
}

// left says how long the rest will take, if that can be told.
func (b *progress) left(seconds float64) string {
	if b.objects == 0 || b.total < b.objects {
		return ""
	}
	rest := seconds * float64(b.total-b.objects) / float64(b.objects)
	return fmt.Sprintf(", %s left", time.Duration(rest*float64(time.Second)).Round(time.Second))
}

// clear removes the line, so that something else can be written.
func (b *progress) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shown {
		fmt.Fprint(b.p.stderr, "\r\x1b[K")
		b.shown = false
	}
}

func (b *progress) end() {
	b.stop()
	b.clear()
}

// formatSize writes a number of bytes for people, in powers of 1024.
func formatSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB"} {
		if f /= 1024; f < 1024 {
			return fmt.Sprintf("%.1f %s", f, unit)
		}
	}
	return fmt.Sprintf("%.1f TiB", f/1024)
}
