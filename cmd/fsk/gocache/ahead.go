package gocache

import (
	"runtime"
	"sync"
)

// aheadWindow is how far the server looks ahead of what was asked for: the go command asks
// in nearly the same order each time, up to what its own threads make of it.
const aheadWindow = 32

// ahead decides which outputs are made ready before they are asked for. The go command asks
// for one or two outputs at a time and waits, so processors are idle meanwhile.
type ahead struct {
	mu    sync.Mutex
	order []id       // the trail of a session before
	at    map[id]int // the places in it
	next  int        // the first that was not looked at
	limit int        // the first that is too far ahead

	asked  []id // the trail of this session
	seen   map[id]bool
	found  int // of them, in the order
	begun  int // outputs that were looked at ahead
	served int // asked for after that
	busy   int // how many goroutines are at it
	over   bool
}

func newAhead(order []id) *ahead {
	a := &ahead{order: order, at: make(map[id]int, len(order)), seen: make(map[id]bool)}
	for i, x := range order {
		a.at[x] = i
	}
	return a
}

// saw notes what was asked for. It reports whether there is something to do ahead and a
// processor for it: the caller is to call take, until there is nothing more.
func (a *ahead) saw(action id) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen[action] { // to ask again is no reason to do more
		return false
	}
	a.seen[action] = true
	if len(a.asked) < maxTrail {
		a.asked = append(a.asked, action)
	}
	if i, ok := a.at[action]; ok {
		a.found++
		if i < a.next {
			a.served++
		}
		a.limit = min(max(a.limit, i+1+aheadWindow), len(a.order))
	}
	if a.busy == runtime.GOMAXPROCS(0) || !a.more() {
		return false
	}
	a.busy++
	return true
}

// more reports whether there is something to do ahead. At most as much as was asked for is
// done in vain, and a window: the session may be of another kind than the one before.
func (a *ahead) more() bool {
	for a.next < a.limit && a.seen[a.order[a.next]] {
		a.next++
	}
	return !a.over && a.next < a.limit && a.begun-a.served < aheadWindow+a.found
}

// take returns what to look at, until there is nothing to do.
func (a *ahead) take() (action id, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.more() {
		a.busy--
		return id{}, false
	}
	a.next++
	a.begun++
	return a.order[a.next-1], true
}

// end ends the work, and returns the trail of this session if it is a better guess for the
// next one than that which was there.
func (a *ahead) end() (trail []id, better bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	return a.asked, len(a.asked) > aheadWindow && a.served < len(a.asked)/4*3
}
