package objectstest

import (
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
)

// statesAt yields the roots of the states of one moment, which are the results of all
// ways to choose, or of some of them.
func (c *CrashFS) statesAt(model CrashModel, moment, limit int, seed uint64) iter.Seq[*crashNode] {
	return func(yield func(*crashNode) bool) {
		if n := c.count(model, moment, limit); n <= limit {
			for b := (&crashBuilder{c: c, model: model, moment: moment}); ; {
				if !yield(b.build()) || !b.advance() {
					return
				}
			}
		}
		random := rand.New(rand.NewPCG(seed, uint64(moment)))
		for i := range limit {
			b := &crashBuilder{c: c, model: model, moment: moment}
			switch {
			case i < limit*2/3:
				only, lost := i/2-1, i%2 == 0 // -1 for none
				b.pick = func(n, of int) int {
					if (n == only) == lost {
						return of - 1
					}
					return 0
				}
			default:
				b.sampled = true
				b.pick = func(_, of int) int { return random.IntN(of) }
			}
			if !yield(b.build()) {
				return
			}
		}
	}
}

// count returns the number of states of a moment, or limit+1 if there are more.
func (c *CrashFS) count(model CrashModel, moment, limit int) (n int) {
	b := &crashBuilder{c: c, model: model, moment: moment}
	for n = 1; n <= limit; n++ {
		b.build()
		if !b.advance() {
			break
		}
	}
	return n
}

// A crashBuilder builds one state. Wherever the disk may have got more or less far it
// chooses, 0 being the least: in order of all choices, unless pick tells it.
type crashBuilder struct {
	c       *CrashFS
	model   CrashModel
	moment  int
	pick    func(n, of int) int // choice number n, below of
	sampled bool                // pages are chosen one by one, however many

	chosen, of []int
	next       int
	upTo       int // the last change of names that is on the disk, if they go in order
	built      map[*crashNode]*crashNode
}

func (b *crashBuilder) choose(of int) int {
	if of == 1 {
		return 0
	}
	n := b.next
	b.next++
	if b.pick != nil {
		return b.pick(n, of)
	}
	if n == len(b.chosen) {
		b.chosen, b.of = append(b.chosen, 0), append(b.of, of)
	}
	return b.chosen[n]
}

// advance goes on to the next way to choose, and reports false after the last.
func (b *crashBuilder) advance() bool {
	for i := len(b.chosen) - 1; i >= 0; i-- {
		if b.chosen[i]++; b.chosen[i] < b.of[i] {
			b.chosen, b.of = b.chosen[:i+1], b.of[:i+1]
			return true
		}
	}
	return false
}

func (b *crashBuilder) build() *crashNode {
	b.next, b.built = 0, make(map[*crashNode]*crashNode)
	if b.model == InOrder {
		durable := b.lastSynced(b.c.root, 0, make(map[*crashNode]bool))
		steps := []int{durable}
		for _, at := range b.c.namesAt {
			if at > durable && at <= b.moment {
				steps = append(steps, at)
			}
		}
		b.upTo = steps[b.choose(len(steps))]
	}
	return b.node(b.c.root)
}

// lastSynced returns the last change of a name that a sync of its directory has made
// durable, in all directories that ever were.
func (b *crashBuilder) lastSynced(n *crashNode, last int, seen map[*crashNode]bool) int {
	if !n.isDir() || seen[n] {
		return last
	}
	seen[n] = true
	synced := n.syncedAt(b.moment).at
	for _, changes := range n.history {
		for _, h := range changes {
			if h.at <= synced {
				last = max(last, h.at)
			}
			if h.node != nil {
				last = b.lastSynced(h.node, last, seen)
			}
		}
	}
	return last
}

// node builds a node once, under however many names it is found.
func (b *crashBuilder) node(n *crashNode) *crashNode {
	if built := b.built[n]; built != nil {
		return built
	}
	if !n.isDir() {
		built := &crashNode{mode: n.mode, mod: n.mod, data: b.content(n)}
		b.built[n] = built
		return built
	}
	built := newCrashDir()
	b.built[n] = built
	from, to := n.syncedAt(b.moment).at, b.moment
	if b.model == InOrder {
		from, to = b.upTo, b.upTo
	}
	for _, name := range slices.Sorted(maps.Keys(n.history)) {
		values := n.valuesOf(name, from, to)
		if v := values[b.choose(len(values))]; v != nil {
			built.names[name] = b.node(v)
		}
	}
	return built
}

// content builds the bytes of a file.
func (b *crashBuilder) content(n *crashNode) []byte {
	synced := n.syncedAt(b.moment)
	now, dirty, changed := synced.data, make(map[int]bool), false
	for _, w := range n.writes {
		if w.at <= synced.at || w.at > b.moment {
			continue
		}
		now, changed = w.data, true
		for page := w.off / crashPage; page*crashPage < w.end; page++ {
			dirty[page] = true
		}
	}
	if !changed {
		return synced.data
	}
	sizes := []int{len(synced.data), (len(synced.data) + len(now)) / 2, len(now)}
	sizes = slices.Compact(sizes)
	content := make([]byte, sizes[b.choose(len(sizes))])
	copy(content, synced.data)
	var pages []int
	for _, page := range slices.Sorted(maps.Keys(dirty)) {
		if page*crashPage < len(content) {
			pages = append(pages, page)
		}
	}
	for _, page := range b.written(pages) {
		off := page * crashPage
		end := min(off+crashPage, len(content), len(now))
		if off < end {
			copy(content[off:end], now[off:end])
		}
	}
	return content
}

// written chooses the pages that are on the disk.
func (b *crashBuilder) written(pages []int) (there []int) {
	const few = 3
	if n := len(pages); n > few && !b.sampled {
		return [][]int{nil, pages[:1], pages[1:], pages[:n-1], pages}[b.choose(5)]
	}
	for _, page := range pages {
		if b.choose(2) == 1 {
			there = append(there, page)
		}
	}
	return there
}
