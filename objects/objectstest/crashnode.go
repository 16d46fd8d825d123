package objectstest

import (
	"encoding/binary"
	"hash/maphash"
	"io/fs"
	"maps"
	"slices"
	"time"
)

// crashPage is the size in bytes of what of a file reaches the disk as a whole.
const crashPage = 4096

// A crashNode is a file or a directory: as it is now, and what became of it when.
type crashNode struct {
	mode fs.FileMode
	mod  time.Time

	names   map[string]*crashNode // of a directory
	history map[string][]crashName

	data   []byte // of a file; what it had once is never overwritten
	writes []crashWrite
	syncs  []crashSync

	shared int // holders of a shared lock
	locked bool
}

// A crashName is what a name stood for from some moment on, nil for nothing.
type crashName struct {
	at   int
	node *crashNode
}

// A crashWrite is a change of a file, of the bytes from off to end.
type crashWrite struct {
	at       int
	off, end int
	data     []byte // all of the file
}

// A crashSync is a moment when all of a node was on the disk.
type crashSync struct {
	at   int
	data []byte
}

func newCrashDir() *crashNode {
	return &crashNode{
		mode: fs.ModeDir | 0o777, mod: time.Now(),
		names: make(map[string]*crashNode), history: make(map[string][]crashName),
	}
}

func (n *crashNode) isDir() bool { return n.mode.IsDir() }

// set changes what a name stands for.
func (n *crashNode) set(at int, name string, node *crashNode) {
	if node == nil {
		delete(n.names, name)
	} else {
		n.names[name] = node
	}
	n.history[name] = append(n.history[name], crashName{at, node})
}

// write changes bytes, and truncate the size. What is not overwritten is not copied.
func (n *crashNode) write(at, off int, p []byte) {
	if off < len(n.data) {
		n.data = slices.Clone(n.data)
	}
	if gap := off + len(p) - len(n.data); gap > 0 {
		n.data = append(n.data, make([]byte, gap)...)
	}
	copy(n.data[off:], p)
	n.wrote(at, off, off+len(p))
}

func (n *crashNode) truncate(at, size int) {
	old := len(n.data)
	if size <= old {
		n.data = slices.Clone(n.data[:size])
	} else {
		n.data = append(slices.Clip(n.data), make([]byte, size-old)...)
	}
	n.wrote(at, min(old, size), size)
}

func (n *crashNode) wrote(at, off, end int) {
	n.mod = time.Now()
	n.writes = append(n.writes, crashWrite{at, off, end, slices.Clip(n.data)})
}

func (n *crashNode) sync(at int) { n.syncs = append(n.syncs, crashSync{at, slices.Clip(n.data)}) }

// syncedAt returns the last sync up to a moment.
func (n *crashNode) syncedAt(moment int) (last crashSync) {
	for _, s := range n.syncs {
		if s.at <= moment {
			last = s
		}
	}
	return last
}

// valuesOf returns what a name stood for at a moment, and after it until another one.
func (n *crashNode) valuesOf(name string, from, to int) []*crashNode {
	values := []*crashNode{nil}
	for _, h := range n.history[name] {
		switch {
		case h.at > to:
		case h.at <= from:
			values[0] = h.node
		case !slices.Contains(values, h.node):
			values = append(values, h.node)
		}
	}
	return values
}

// settle forgets the past of a node and of all below it.
func (n *crashNode) settle() {
	n.writes, n.syncs = nil, []crashSync{{0, slices.Clip(n.data)}}
	clear(n.history)
	for name, child := range n.names {
		n.history[name] = []crashName{{0, child}}
		child.settle()
	}
}

var crashSeed = maphash.MakeSeed()

// sum tells trees apart.
func (n *crashNode) sum() uint64 {
	var h maphash.Hash
	h.SetSeed(crashSeed)
	n.addTo(&h)
	return h.Sum64()
}

func (n *crashNode) addTo(h *maphash.Hash) {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(n.data)+len(n.names)))
	h.Write(size[:])
	h.Write(n.data)
	for _, name := range slices.Sorted(maps.Keys(n.names)) {
		h.WriteString(name)
		h.WriteByte(0)
		n.names[name].addTo(h)
	}
}
