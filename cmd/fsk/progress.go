package main

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/term"
)

// progressDelay is how long work may take in silence.
const progressDelay = time.Second

// A progress is a line on the terminal that says how far the work is. Its methods may
// be called from any goroutine.
type progress struct {
	p     *printer
	what  string
	start time.Time
	quit  chan struct{}

	mu             sync.Mutex
	objects, bytes int64
	shown          bool
}

// startProgress shows progress on stderr from now until the printer finishes, if that
// is a terminal and progress is wanted. Otherwise it returns nil, on which all
// methods may be called.
func (p *printer) startProgress(what string) *progress {
	if p.quiet || p.json || !isTerminal(p.stderr) {
		return nil
	}
	b := &progress{p: p, what: what, start: time.Now(), quit: make(chan struct{})}
	p.bar = b
	go b.run()
	return b
}

func (b *progress) run() {
	tick := time.NewTicker(progressDelay / 4)
	defer tick.Stop()
	for {
		select {
		case <-b.quit:
			return
		case now := <-tick.C:
			if now.Sub(b.start) >= progressDelay {
				b.show(now)
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

func (b *progress) show(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seconds := now.Sub(b.start).Seconds()
	line := fmt.Sprintf("%s: %d objects, %s, %s/s, %ds", b.what, b.objects,
		formatSize(b.bytes), formatSize(int64(float64(b.bytes)/seconds)), int(seconds))
	if width, _, err := term.GetSize(2); err == nil && width > 0 && len(line) >= width {
		line = line[:width-1]
	}
	fmt.Fprintf(b.p.stderr, "\r%s\x1b[K", line)
	b.shown = true
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

func (b *progress) stop() {
	close(b.quit)
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
