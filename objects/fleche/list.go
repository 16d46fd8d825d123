package fleche

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"fsk/objects"
	"fsk/objects/durable"
)

// listed is how many names are yielded for one pass over the directory, which is in no
// order. Up to twice as many are in memory.
const listed = 1 << 18

const lockSuffix = ".lock"

// All yields the names of all values in ascending order, each once. It looks at names
// only: whether a value is good is found out by reading it. An error is an
// [*objects.Error] if the directory cannot be read, or that of the context, and
// ends the listing.
//
// Memory is bounded: for each 262,144 values the directory is read once more. What
// comes or goes meanwhile is listed or not.
func (c *Cache) All(ctx context.Context) iter.Seq2[Name, error] {
	return func(yield func(Name, error) bool) {
		var after *Name
		for {
			page, more, err := c.page(ctx, after, nil)
			if err != nil {
				yield(Name{}, err)
				return
			}
			for _, n := range page {
				if !yield(n, nil) {
					return
				}
			}
			if !more {
				return
			}
			after = &page[len(page)-1]
		}
	}
}

// page returns the first names after the given one, in order, and whether there are more.
// other, if not nil, is called for all that is neither a value nor ignored by fleche.
func (c *Cache) page(ctx context.Context, after *Name, other func(name string)) (page []Name, more bool, err error) {
	var last Name // if there are more: the last of a full page
	cut := func() {
		slices.SortFunc(page, Name.Compare)
		page = slices.Compact(page) // a directory that changes may yield a name twice
		if len(page) > listed {
			page, more = page[:listed], true
			last = page[listed-1]
		}
	}
	err = c.names(ctx, ".", func(name string) {
		n, ok := parseName(name)
		switch {
		case !ok && other != nil && !isIgnored(name):
			other(name)
		case !ok, after != nil && n.Compare(*after) <= 0, more && n.Compare(last) >= 0:
		default:
			if page = append(page, n); len(page) == 2*listed {
				cut()
			}
		}
	})
	cut()
	return page, more, err
}

// isIgnored reports whether fleche gives no meaning to a name: dot files, and the locks
// that older versions made beside values.
func isIgnored(name string) bool {
	value, isLock := strings.CutSuffix(name, lockSuffix)
	_, ok := parseName(value)
	return strings.HasPrefix(name, ".") || isLock && ok
}

// names calls visit for every name in a directory. One that is not there has none.
func (c *Cache) names(ctx context.Context, dir string, visit func(name string)) error {
	for name, err := range durable.Names(c.fs, dir) {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case err == nil:
			visit(name)
		case errors.Is(err, fs.ErrNotExist) && dir != ".":
			return nil
		case errors.Is(err, durable.ErrNotRegular), errors.Is(err, durable.ErrUnsafePath):
			return &objects.Error{Reason: objects.UnsafePath, Path: dir}
		default:
			return &objects.Error{Reason: objects.IOError, Path: dir, Err: err}
		}
	}
	return ctx.Err()
}
