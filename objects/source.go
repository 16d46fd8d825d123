package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"fsk/objects/durable"
	"fsk/seal"
)

// A source is one copy of the stored bytes of an object: a file of its own, or a
// section of a pack.
type source struct {
	durable.RegularFile
	d     Digest
	where string // Loose, or the id of the pack
	path  string // of the file, in the store
}

// openLoose opens the file of a loose object. What is far too large is refused by
// its size alone, before anything is read.
func (db *DB) openLoose(d Digest) (*source, error) {
	name := loosePath(d)
	f, err := durable.OpenRegular(db.fs, name)
	if err != nil {
		return nil, fault(d, name, err)
	}
	s := &source{RegularFile: f, d: d, where: Loose, path: name}
	if f.Size()-seal.TrailerSize > db.opts.MaxObjectSize {
		f.Close()
		return nil, s.tooLarge(db.opts.MaxObjectSize)
	}
	return s, nil
}

// refuse is the error of the object for a reason that says it all.
func (s *source) refuse(reason Reason) error {
	return &Error{Digest: s.d, Reason: reason, Path: s.path}
}

func (s *source) tooLarge(limit int64) error {
	return &Error{Digest: s.d, Reason: TooLarge, Path: s.path, Err: overLimit(limit)}
}

func overLimit(limit int64) error { return fmt.Errorf("larger than the limit of %d bytes", limit) }

// readError makes the error of reading the open file that of the object.
func (s *source) readError(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.refuse(ChangedDuringRead)
	}
	return &Error{Digest: s.d, Reason: IOError, Path: s.path, Err: err}
}

// accept returns the error of an object that is not good.
func (db *DB) accept(s *source, info Info) error {
	switch {
	case info.Reason.Good():
		return nil
	case info.Reason == TooLarge:
		return s.tooLarge(db.limitOf(s.where))
	}
	return s.refuse(info.Reason)
}

// maxRounds bounds how often the packs are listed again because their names changed
// while an object was looked for.
const maxRounds = 10

// find calls use with one copy of the object after the other until it succeeds: that
// of the packs that are known, the loose one, those of packs that have come since. use
// owns the source, and says which copy is good. If none is, the error is that of the
// first that is there.
//
// A miss is final only when the names of the packs were the same before and after the
// search: packs come, and objects move from one to another, at any time. How often to
// list them at most is given by rounds; 0 is for a search in what is known.
func (db *DB) find(ctx context.Context, d Digest, rounds int, use func(*source) error) error {
	var result error
	try := func(s *source, err error, stale bool) (over bool) {
		if err == nil {
			err = use(s)
		}
		switch {
		case err == nil:
			result = nil
			return true
		case ctx.Err() != nil:
			result = ctx.Err()
			return true
		case isFinal(err):
			result = err
			return true
		case stale: // the files of now decide
		case result == nil && !isMissing(err):
			result = err
		}
		return false
	}
	db.packs.recheck()
	searched := db.packs.known()
	if db.findInPacks(d, searched, try) {
		return result
	}
	for round := 0; ; round++ {
		if s, err := db.openLoose(d); try(s, err, false) {
			return result
		}
		if round == rounds {
			break
		}
		if err := db.packs.list(ctx); err != nil {
			try(nil, about(d, err), false)
			break
		}
		// What is new to this search, whoever has found it: another search may have listed
		// the packs a moment before.
		known := db.packs.known()
		if slices.Equal(known, searched) {
			break
		}
		fresh := slices.DeleteFunc(slices.Clone(known), func(p *pack) bool { return slices.Contains(searched, p) })
		if db.findInPacks(d, fresh, try) {
			return result
		}
		searched = known
	}
	if result == nil {
		return &Error{Digest: d, Reason: Missing, Path: loosePath(d)}
	}
	return result
}

// isFinal tells an error that another copy of the same payload would not mend. A denial may
// be about the key, and then another copy, sealed by another key, is not denied.
func isFinal(err error) bool {
	return err == io.ErrShortBuffer || reasonIn(err) == HookFailed
}

func isMissing(err error) bool { return err != nil && reasonIn(err) == Missing }

// findInPacks tries the copies in some packs. The files of a pack that was held open
// may have been replaced since, by resealed ones for example, so a copy in them counts
// as bad only when that in the files of now is.
func (db *DB) findInPacks(d Digest, list []*pack, try func(s *source, err error, stale bool) bool) (over bool) {
	for _, p := range list {
		s, reused, err := db.packs.find(p, d, false)
		if s == nil && err == nil {
			continue
		}
		if s, err = db.limit(s, err); try(s, err, reused) {
			return true
		}
		if !reused {
			continue
		}
		s, _, err = db.packs.find(p, d, true)
		if s, err = db.limit(s, err); (s != nil || err != nil) && try(s, err, false) {
			return true
		}
	}
	return false
}

// limit refuses a copy that is far too large by its size alone, like that of a loose
// object, so that it makes no difference where an object is.
func (db *DB) limit(s *source, err error) (*source, error) {
	if err != nil || s == nil || s.Size()-seal.TrailerSize <= db.opts.MaxObjectSize {
		return s, err
	}
	s.Close()
	return nil, s.tooLarge(db.opts.MaxObjectSize)
}
