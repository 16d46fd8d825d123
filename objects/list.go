package objects

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"syscall"

	"fsk/objects/durable"

	"github.com/go-git/go-billy/v5"
)

// minPrefix is the least number of digits that [DB.Resolve] takes.
const minPrefix = 4

// All yields the digests of all objects in ascending order, each once. It looks at
// names only: whether an object is good is found out by reading it. An error is an
// [*Error] for a directory or an index that cannot be read, after which the listing goes
// on, or that of the context, which ends it. Memory is bounded by the objects whose
// digests have the first two digits in common.
func (db *DB) All(ctx context.Context) iter.Seq2[Digest, error] {
	return func(yield func(Digest, error) bool) {
		reported := make(map[string]bool) // errors that stay the same for all digits
		for first := range 256 {
			digests, failed := db.beginning(ctx, hex.EncodeToString([]byte{byte(first)}))
			for _, err := range failed {
				if text := err.Error(); !reported[text] {
					reported[text] = true
					if !yield(Digest{}, err) {
						return
					}
				}
			}
			if ctx.Err() != nil {
				return
			}
			for _, d := range digests {
				if !yield(d, nil) {
					return
				}
			}
		}
	}
}

// beginning returns the digests that begin with at least two digits, sorted, and the
// errors of what could not be listed. Loose objects are listed first, so that one that
// moves to a pack meanwhile is found there; if a pack went, its objects are elsewhere
// now, and the search begins again.
func (db *DB) beginning(ctx context.Context, digits string) (digests []Digest, failed []error) {
	prefix, _ := hex.DecodeString(digits[:len(digits)&^1])
	for range maxRounds {
		var err error
		failed = nil
		if digests, err = db.looseIn(ctx, digits[:fanOut], digits[fanOut:], nil); err != nil {
			failed = append(failed, err)
		}
		if err := db.packs.list(ctx); err != nil {
			failed = append(failed, err)
		}
		gone := false
		for _, p := range db.packs.known() {
			digests, err = db.packs.with(p, prefix, digests)
			switch {
			case isMissing(err):
				gone = true
			case err != nil:
				failed = append(failed, err)
			}
		}
		if !gone || ctx.Err() != nil {
			break
		}
	}
	digests = slices.DeleteFunc(digests, func(d Digest) bool { return !strings.HasPrefix(d.String(), digits) })
	slices.SortFunc(digests, Digest.Compare)
	return slices.Compact(digests), failed
}

// Resolve returns the digest that s, 4 to 64 lowercase hexadecimal digits, names or
// begins. A full digest is returned without a look at the store. The error is an
// [*Error] with the reason [BadName], [Missing] or [Ambiguous], or one of the listing.
func (db *DB) Resolve(ctx context.Context, s string) (Digest, error) {
	if len(s) < minPrefix || len(s) > DigestSize || !isHex(s) {
		return Digest{}, badName("a digest or its beginning has %d to %d lowercase hexadecimal digits", minPrefix, DigestSize)
	}
	if len(s) == DigestSize {
		return ParseDigest(s)
	}
	digests, failed := db.beginning(ctx, s)
	if err := ctx.Err(); err != nil {
		return Digest{}, err
	}
	for _, err := range failed { // where there is no sound index there is nothing to be read, but elsewhere there may be
		if reason := reasonIn(err); reason != BadIndex && reason != NotRegular || len(digests) == 0 {
			return Digest{}, err
		}
	}
	switch len(digests) {
	case 0:
		return Digest{}, &Error{Reason: Missing}
	case 1:
		return digests[0], nil
	}
	return Digest{}, &Error{Reason: Ambiguous}
}

// fanOutDirs returns the names of the directories that may hold loose objects, sorted.
func (db *DB) fanOutDirs(ctx context.Context) ([]string, error) {
	var dirs []string
	err := db.names(ctx, objectsDir, func(name string) error {
		if isFanOut(name) {
			dirs = append(dirs, name)
		}
		return nil
	})
	slices.Sort(dirs)
	return dirs, err
}

// isFanOut reports whether a name in the objects directory is that of a directory of
// loose objects.
func isFanOut(name string) bool { return len(name) == fanOut && isHex(name) }

// looseIn returns the digests of the loose objects in one directory of the fan-out
// whose file names begin with prefix, sorted. Names that are no object's go to
// other, if it is not nil.
func (db *DB) looseIn(ctx context.Context, dir, prefix string, other func(name string) error) ([]Digest, error) {
	var digests []Digest
	err := db.names(ctx, path.Join(objectsDir, dir), func(name string) error {
		if d, ok := looseDigest(dir, name); ok {
			if strings.HasPrefix(name, prefix) {
				digests = append(digests, d)
			}
		} else if other != nil {
			return other(name)
		}
		return nil
	})
	slices.SortFunc(digests, Digest.Compare)
	return digests, err
}

func (db *DB) names(ctx context.Context, dir string, visit func(name string) error) error {
	return names(ctx, db.fs, dir, visit)
}

// names calls visit for every name in a directory of the store, until it fails. A
// directory that is not there has none, nor has a stray file in its place.
func names(ctx context.Context, fsys billy.Filesystem, dir string, visit func(name string) error) error {
	for name, err := range durable.Names(fsys, dir) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil
		}
		if err != nil {
			return dirError(dir, err)
		}
		if err := visit(name); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// dirError makes the error of listing a directory an *Error. A link in the place of
// the directory makes all paths through it unsafe.
func dirError(dir string, err error) error {
	e := &Error{Reason: IOError, Path: dir, Err: err}
	if errors.Is(err, durable.ErrNotRegular) || errors.Is(err, durable.ErrUnsafePath) {
		e.Reason, e.Err = UnsafePath, nil
	}
	return e
}
