package objects

import (
	"context"
)

// Remove deletes an object, whatever state it is in, and makes that durable. A link
// in its place is removed itself. It waits for the writers that are at work. The
// error is an [*Error]: [Missing] if there is no such object, [NotRegular] if a
// directory is in its place, which stays, [IOError] if it cannot be removed.
func (db *DB) Remove(ctx context.Context, d Digest) error {
	unlock, err := db.lock.Exclusive(ctx)
	if err != nil {
		return putError(d, err)
	}
	defer unlock()
	name := loosePath(d)
	if info, err := db.fs.Lstat(name); err == nil && info.IsDir() {
		return &Error{Digest: d, Reason: NotRegular, Path: name}
	}
	if err := db.writer.Remove(name); err != nil {
		return fault(d, name, err)
	}
	return nil
}
