package objects

import (
	"context"
	"iter"

	"fsk/objects/durable"
	"fsk/objects/packfile"
)

// Adopt seals objects by the first key on the word of the caller, who has made sure that
// they are what they should be: a seal says that a key holder stored them. It takes only
// what has the right digest and is [Unsealed], as everything is that was stored before
// there were keys, or has a [BadSeal]. All copies of an object are sealed. It is durable
// when it is yielded, whatever the options say. A damaged pack with one of them is set
// aside as [DB.Pack] does.
//
// For each digest, in order, it yields the object as it is then, which may have been good
// before, or an [*Error] about the digest, after which it goes on: [Missing], or the
// reason for which it cannot be adopted. Another error, of the context, of reading, writing
// or locking, ends it. Without keys it is an error.
func (db *DB) Adopt(ctx context.Context, digests []Digest) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if db.ring.Len() == 0 {
			yield(Info{}, errNoKeys)
			return
		}
		if err := db.adopt(ctx, digests); err != nil {
			yield(Info{}, putError(Digest{}, err))
			return
		}
		for _, d := range digests {
			info, err := db.Stat(ctx, d)
			if !yield(info, err) || ctx.Err() != nil {
				return
			}
		}
	}
}

// adoptable tells the reasons for which the digest of the payload is right.
func adoptable(info Info) bool { return info.Reason == Unsealed || info.Reason == BadSeal }

func (db *DB) adopt(ctx context.Context, digests []Digest) error {
	g := &resealGroup{db: db, ctx: ctx, writer: durable.NewWriter(db.fs, tmpDir, durable.Full), wants: adoptable}
	defer g.discard()
	wanted := make(map[Digest]bool, len(digests))
	for _, d := range digests {
		wanted[d] = true
	}
	for round := 0; len(digests) > 0 && round < maxRounds; round++ {
		g.again = nil
		for _, d := range digests {
			_, _, err := g.add(d) // what else is wrong with it is told in the end
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case g.failed != nil:
				return g.failed
			case err != nil && reasonIn(err) == IOError:
				return err
			}
		}
		g.publish()
		if g.failed != nil {
			return g.failed
		}
		digests = g.again
	}
	var sealed []byte
	nobody := func([]Moved) error { return nil }
	return db.editAll(ctx, wanted, nobody, func(id packfile.ID) (bool, error) {
		return db.edit(ctx, id, nil, func(o packfile.Object) (change, error) {
			if !wanted[o.Digest] {
				return change{}, nil
			}
			info := db.judgePacked(o, id.String())
			if !adoptable(info) || info.Size > packfile.MaxPayload { // with a trailer no pack could have it
				return change{}, nil
			}
			payload := o.Stored[:info.Size]
			sealed = db.ring.AppendTrailer(append(sealed[:0], payload...), payload)
			return change{stored: sealed}, nil
		})
	})
}
