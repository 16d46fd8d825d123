package gocache

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/refs"
	"fsk/seal"
)

const (
	// Namespace is that of the refs of actions.
	Namespace = "go-cache"

	refPrefix  = "go"
	attrOutput = "output"
	attrSize   = "size"

	// lockWait bounds how long the end of a build waits for others.
	lockWait = 10 * time.Second
	// touchEach is how often the use of an action is noted.
	touchEach = time.Hour
)

// A Store is a store that keeps a build cache.
type Store struct {
	db   *objects.DB
	refs *refs.Store
	ring *seal.Ring
	opts StoreOptions
}

// StoreOptions change how the store is used. The zero value has no policy.
type StoreOptions struct {
	// MaxObjectSize and PreRead are those of [objects.Options].
	MaxObjectSize int64
	PreRead       objects.PreReader
	// Allowed, if not nil, is asked about the record of each action, which was verified, as
	// PreRead is about its object. Its error makes the action a miss; it should be a
	// [*refs.Error].
	Allowed func(refs.Ref) error
	// ReadOnly does not note when an action was used last.
	ReadOnly bool
	// Trail, if not empty, is a file of the user's own, outside of the store, that the
	// server keeps: what was asked for, and in what order. The next server makes outputs
	// ready before they are asked for. It is replaced whole, and only a guess.
	Trail string
}

// OpenStore opens the store in fs for a build cache: what is put may be lost in a power
// loss, as it can be built again. The error is that of [objects.Open].
func OpenStore(fs billy.Filesystem, ring *seal.Ring, opts *StoreOptions) (*Store, error) {
	s := &Store{ring: ring}
	if opts != nil {
		s.opts = *opts
	}
	var err error
	s.db, err = objects.Open(fs, ring, &objects.Options{
		Durability: durable.None, MaxObjectSize: s.opts.MaxObjectSize, PreRead: s.opts.PreRead, LockWait: lockWait,
	})
	if err != nil {
		return nil, err
	}
	touch := touchEach
	if s.opts.ReadOnly {
		touch = 0
	}
	s.refs, err = refs.Open(fs, ring, s.db, &refs.Options{
		Namespace: Namespace, Durability: durable.None, LockWait: lockWait, NoHistory: true, Touch: touch,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Sealed reports whether there are keys, without which nothing is verified but digests.
func (s *Store) Sealed() bool { return s.ring.Len() > 0 }

// An entry is what is known of an action.
type entry struct {
	digest objects.Digest
	output id
	size   int64
	time   time.Time
}

// refName returns the name of the ref of an action.
func refName(action id) refs.Name {
	text := action.String()
	name, err := refs.ParseName(path.Join(refPrefix, text[:2], text))
	if err != nil {
		panic("gocache: " + err.Error()) // every id makes a name
	}
	return name
}

// IsAction tells by its name alone whether a ref is one of an action.
func IsAction(name refs.Name) bool {
	action, ok := parseID(path.Base(name.String()))
	return ok && refName(action) == name
}

// SizeOf returns the size of the output that the ref of an action names, in bytes, 0 if it
// does not say.
func SizeOf(ref refs.Ref) int64 {
	size, _ := parseSize(ref.Attrs[attrSize])
	return size
}

func parseSize(text string) (int64, bool) {
	size, err := strconv.ParseInt(text, 10, 64)
	return size, err == nil && size >= 0 && strconv.FormatInt(size, 10) == text
}

// errNoAction says that nothing is kept of an action, which is no news.
var errNoAction = errors.New("no such action")

// lookup returns what is kept of an action, verified. The error is errNoAction, or says
// why what is there is refused.
func (s *Store) lookup(ctx context.Context, action id) (entry, error) {
	ref, err := s.refs.Get(ctx, refName(action))
	var miss *refs.Error
	switch {
	case errors.As(err, &miss) && miss.Reason == objects.Missing:
		return entry{}, errNoAction
	case err != nil:
		return entry{}, err
	}
	fail := func(reason objects.Reason, why string) (entry, error) {
		return entry{}, &refs.Error{Name: ref.Name, Reason: reason, Err: errors.New(why)}
	}
	if s.opts.Allowed != nil {
		if err := s.opts.Allowed(ref); err != nil {
			return entry{}, err
		}
	}
	e := entry{digest: ref.Digest, time: ref.Time}
	var isOutput, isSize bool
	e.output, isOutput = parseID(ref.Attrs[attrOutput])
	e.size, isSize = parseSize(ref.Attrs[attrSize])
	if !isOutput || !isSize {
		return fail(objects.MalformedRef, "not the record of an action: it has no output or no size")
	}
	return e, nil
}

// set makes the ref of an action. That the object is there is looked at again unless it
// is so new that no gc removes it.
func (s *Store) set(ctx context.Context, action id, e entry, isNew bool) error {
	_, err := s.refs.Update(ctx, refName(action), refs.Change{
		Digest:    e.digest,
		Attrs:     map[string]string{attrOutput: e.output.String(), attrSize: strconv.FormatInt(e.size, 10)},
		Unchecked: isNew,
	})
	return err
}

// isMiss tells what is not there from a fault.
func isMiss(err error) bool { return errors.Is(err, fs.ErrNotExist) }
