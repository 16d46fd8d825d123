package objectstest

import (
	"iter"
	"slices"
	"sync"

	"github.com/go-git/go-billy/v5"
)

// A CrashFS is a filesystem in memory that remembers every change, and builds the states
// in which a loss of power may leave it. It has all abilities of package durable but
// links, and may be used by several goroutines at once.
//
// # What a state is
//
// A state belongs to a moment: to one after some change, before the next one. It is made
// of what was on the disk for certain and, of all that came after that, of a part that
// the disk may or may not have got to. In every state there is at least what was synced:
//
//   - Sync of a file makes its bytes and its size durable, as they are then. It says
//     nothing of its name.
//   - SyncDir of a directory makes the names in it durable, those that came and those
//     that went. It says nothing of the bytes of files, of the names in directories below
//     it, or of its own name, which is one of its parent's: what is synced in a directory
//     that has no name is lost.
//
// What was written to a file since its last sync, or since it was made, is there in any
// mixture: its size is the old one, the new one, or one between them; and each page of
// 4096 bytes is as it was at the sync, which is zeros where there was nothing, or as it
// is now. That is the file empty, cut, full of zeros, and full of holes. Of a page that
// was written several times, the times between are left out.
//
// Which names there are depends on the [CrashModel]. Locks are free, as after the end of
// every process.
//
// # What is bounded
//
// For each moment there are all states, if they are not more than a limit. Otherwise
// there are so many: those in which everything unsynced is lost or there, in which all
// but one thing is lost or there, and for the rest a sample drawn from a seed. Files of
// more than three changed pages have five mixtures instead of all, and the sample has any.
type CrashFS struct {
	mu      sync.Mutex
	root    *crashNode
	now     int   // changes so far
	marks   []int // when Mark was called
	namesAt []int // when a name changed, in order
}

// A CrashModel says what is known of names that changed and were not synced.
type CrashModel int

const (
	// AnySubset is all that POSIX says: nothing. Each name in a directory is one of those
	// that it was since the last sync of the directory, whatever became of the others. So
	// a file that was renamed may be found under the old name, the new one, both, or none.
	AnySubset CrashModel = iota
	// InOrder is what filesystems with a journal do: names change on the disk in the order
	// in which they were changed, and a rename is one change. Syncing a directory makes
	// durable all changes of names before the last one in it.
	InOrder
)

// A CrashState is what a loss of power left.
type CrashState struct {
	// FS is the filesystem. It may be written to, and belongs to the caller.
	FS billy.Filesystem
	// Moment is the number of changes before the power was lost.
	Moment int
	// Marks is the number of calls of [CrashFS.Mark] before the power was lost.
	Marks int
}

// NewCrashFS returns an empty filesystem.
func NewCrashFS() *CrashFS {
	c := &CrashFS{root: newCrashDir()}
	c.root.syncs = []crashSync{{}}
	return c
}

// FS returns the filesystem, as it is with the power on.
func (c *CrashFS) FS() billy.Filesystem { return &crashView{c: c, root: c.root} }

// Mark notes that something was acknowledged: it has to be there in every state with at
// least as many marks as now.
func (c *CrashFS) Mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now++
	c.marks = append(c.marks, c.now)
}

// Settle makes everything durable and forgets how it came about: states and marks begin
// here.
func (c *CrashFS) Settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.marks, c.namesAt = 0, nil, nil
	c.root.settle()
}

// States yields the states that a loss of power may leave at every moment, at most limit
// for each if limit is more than 2. States with the same number of marks and the same
// files are yielded once. The filesystem must not change meanwhile.
func (c *CrashFS) States(model CrashModel, limit int, seed uint64) iter.Seq[CrashState] {
	return func(yield func(CrashState) bool) {
		type key struct {
			marks int
			sum   uint64
		}
		seen := make(map[key]bool)
		for moment := range c.now + 1 {
			marks, _ := slices.BinarySearch(c.marks, moment+1)
			for root := range c.statesAt(model, moment, limit, seed) {
				k := key{marks, root.sum()}
				if seen[k] {
					continue
				}
				seen[k] = true
				state := &CrashFS{root: root}
				state.Settle()
				if !yield(CrashState{state.FS(), moment, marks}) {
					return
				}
			}
		}
	}
}
