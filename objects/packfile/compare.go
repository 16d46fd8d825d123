package packfile

import (
	"bytes"
	"iter"
	"slices"
)

// Compare compares the index with the entries that were found in its pack, which it
// sorts in place. It yields each object about which the two do not agree, in the order
// of the digests, with an [*Error]; if there is none, they agree one to one.
//
// The entry is that of the pack for [NotIndexed], and for [Duplicate], which tells of
// each further copy of an object in the pack. It is that of the index for [NotInPack],
// for [Misplaced], and for the errors of [Index.All], some of which end the iteration.
func (x *Index) Compare(found []Entry) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		sortEntries(found, 0)
		c := comparison{found: found, yield: yield}
		err := x.walk(0, nil, c.indexed)
		if err != nil && !c.stopped {
			yield(Entry{}, err)
			return
		}
		c.unindexed(nil)
	}
}

// A comparison goes through an index and through the sorted entries of its pack.
type comparison struct {
	found   []Entry // not compared yet
	yield   func(Entry, error) bool
	stopped bool
}

// indexed compares an entry of the index.
func (c *comparison) indexed(i int, e Entry, problem Problem) bool {
	c.unindexed(&e.Digest)
	copies := c.copies(&e.Digest)
	at := slices.Index(copies, e)
	switch {
	case problem != "":
		c.report(e, recordError(problem, i))
	case len(copies) == 0:
		c.report(e, recordError(NotInPack, i))
	case at < 0:
		c.report(e, recordError(Misplaced, i))
	}
	c.duplicates(copies, max(0, at))
	return !c.stopped
}

// unindexed reports what was found with a digest below limit, or with any.
func (c *comparison) unindexed(limit *[32]byte) {
	for len(c.found) > 0 && !c.stopped {
		first := c.found[0]
		if limit != nil && bytes.Compare(first.Digest[:], limit[:]) >= 0 {
			return
		}
		c.report(first, packError(NotIndexed, first.Offset-HeaderSize))
		c.duplicates(c.copies(&first.Digest), 0)
	}
}

// copies takes the entries with a digest from the beginning of what was found.
func (c *comparison) copies(digest *[32]byte) []Entry {
	n := 0
	for n < len(c.found) && c.found[n].Digest == *digest {
		n++
	}
	copies := c.found[:n]
	c.found = c.found[n:]
	return copies
}

// duplicates reports all copies of an object but one.
func (c *comparison) duplicates(copies []Entry, but int) {
	for i, e := range copies {
		if i != but {
			c.report(e, packError(Duplicate, e.Offset-HeaderSize))
		}
	}
}

func (c *comparison) report(e Entry, err *Error) {
	c.stopped = c.stopped || !c.yield(e, err)
}
