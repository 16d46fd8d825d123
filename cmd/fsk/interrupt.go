package main

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// soon is when a command that has nothing to tidy up begins to listen for signals. To listen
// takes more threads, and their start is a tenth of the time in which an object is read.
// Until then a signal ends the program by itself, and nothing is left behind.
const soon = 20 * time.Millisecond

// interrupts end a context when the program is interrupted.
type interrupts struct {
	end  context.CancelFunc
	once sync.Once
}

func newInterrupts() (context.Context, *interrupts) {
	ctx, end := context.WithCancel(context.Background())
	return ctx, &interrupts{end: end}
}

// listen begins to listen for signals.
func (i *interrupts) listen() {
	i.once.Do(func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, func() {
			stop() // a second signal ends the program at once
			i.end()
		})
	})
}

func (i *interrupts) listenSoon() { time.AfterFunc(soon, i.listen) }
