package fleche

import (
	"errors"
	"math"
	"sync"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/seal"
)

const (
	// DefaultMaxSize is the limit of the pickle bytes of a value that is not compressed,
	// if the options set none: 8 GiB.
	DefaultMaxSize = 8 << 30
	// DefaultMaxInflatedSize is the limit of those of a compressed value: 1 GiB. It is
	// lower because a file of 1 MB can claim a thousand times as much.
	DefaultMaxInflatedSize = 1 << 30
	// MaxGetSize is the limit in bytes of what [Cache.Get] returns: 1 GiB.
	MaxGetSize = 1 << 30
)

const (
	// TempDir is where [Cache.Reseal] and [Cache.Quarantine] write; fleche ignores it.
	TempDir = ".fsk-tmp"
	// QuarantineDir is where [Cache.Quarantine] moves files to; fleche ignores it.
	QuarantineDir = ".fsk-quarantine"
)

// Options change how a cache is used. The zero value is the strictest.
type Options struct {
	// Durability is what a change survives. The zero value is Full.
	Durability durable.Level
	// MaxSize limits the pickle bytes of a value that is not compressed. 0 means
	// DefaultMaxSize.
	MaxSize int64
	// MaxInflatedSize limits the pickle bytes that come out of a compressed value, and,
	// with a little room, the size of its file. 0 means DefaultMaxInflatedSize.
	MaxInflatedSize int64
}

// A Cache is an open value directory. It may be used by several goroutines at once if its
// filesystem may.
type Cache struct {
	fs     billy.Filesystem
	ring   *seal.Ring
	opts   Options
	writer *durable.Writer
	bufs   sync.Pool // of *[]byte, chunkSize long
}

// Open opens the value directory that is the root of fs. The keys of ring verify, and
// the first seals what is resealed; [seal.Off] works without keys, and a nil ring is an
// error. opts may be nil. Open touches nothing.
func Open(fs billy.Filesystem, ring *seal.Ring, opts *Options) (*Cache, error) {
	if ring == nil {
		return nil, errors.New("fleche: no key ring: to work without keys, ask for seal.Off")
	}
	c := &Cache{fs: fs, ring: ring}
	if opts != nil {
		c.opts = *opts
	}
	if c.opts.MaxSize < 0 || c.opts.MaxInflatedSize < 0 {
		return nil, errors.New("fleche: a limit is negative")
	}
	if c.opts.MaxSize == 0 {
		c.opts.MaxSize = DefaultMaxSize
	}
	if c.opts.MaxInflatedSize == 0 {
		c.opts.MaxInflatedSize = DefaultMaxInflatedSize
	}
	// So that what is added to a limit does not lead over the largest number.
	c.opts.MaxSize = min(c.opts.MaxSize, math.MaxInt64/2)
	c.opts.MaxInflatedSize = min(c.opts.MaxInflatedSize, math.MaxInt64/2)
	if !durable.AbilitiesOf(fs).Sync {
		c.opts.Durability = durable.None
	}
	c.writer = durable.NewWriter(fs, TempDir, c.opts.Durability)
	c.bufs.New = func() any { b := make([]byte, chunkSize); return &b }
	return c, nil
}

// Durability returns what a change survives: what the options ask for, or None if the
// filesystem cannot sync.
func (c *Cache) Durability() durable.Level { return c.opts.Durability }

// An Info describes one value.
type Info struct {
	Name       Name
	Size       int64          // of the pickle in bytes; -1 if the file does not tell
	Reason     objects.Reason // the verdict
	Key        seal.KeyID     // of the key that sealed it, zero if none is known
	Retired    bool           // that key is not the first of the ring
	Compressed bool           // the file is a gzip file
}
