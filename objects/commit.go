package objects

import (
	"context"
	"fmt"

	"fsk/objects/durable"
	"fsk/objects/packfile"

	"golang.org/x/sync/errgroup"
)

// Commit makes everything that was put durable, and visible, and acknowledges it by
// returning nil. After an error some of it may be there all the same; none of it is
// acknowledged, and the batch can only be discarded. Without a put since the last
// commit it does nothing.
//
// A commit that leaves more than 64 small packs gathers them before it returns, which
// may take as long as copying a GiB: nobody else would, and a caller who goes on at
// once would make more of them. What was put is durable by then, also if ctx ends the
// gathering, and other goroutines may go on with the batch.
func (b *Batch) Commit(ctx context.Context) error {
	packed, err := b.commit(ctx)
	if err == nil && packed {
		b.db.fold(ctx)
	}
	return err
}

func (b *Batch) commit(ctx context.Context) (packed bool, err error) {
	b.gate.Lock() // waits for those who are putting
	defer b.gate.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil && b.unlock == nil {
		return false, nil
	}
	packed, err = b.pack != nil, b.failed
	if err == nil {
		err = putError(Digest{}, b.publish(ctx))
	}
	b.reset()
	b.failed = err
	return packed, err
}

// Discard forgets what was put since the last commit, and makes the batch usable
// again. It does nothing after a commit.
func (b *Batch) Discard() {
	b.gate.Lock()
	defer b.gate.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reset()
}

// reset removes temporary files and gives back the lock. mu is held.
func (b *Batch) reset() {
	for _, l := range b.loose {
		l.file.Discard() // of those that were published nothing is left to discard
	}
	if b.tmp != nil {
		b.tmp.Discard()
	}
	if b.unlock != nil {
		b.unlock()
	}
	b.unlock, b.sizes, b.there, b.names, b.small, b.loose = nil, nil, nil, nil, nil, nil
	b.pack, b.tmp, b.bytes, b.failed = nil, nil, 0, nil
}

// publish brings all bytes to the disk before the first file gets its name, and then
// the names. A pack comes before its index: a pack without an index is not read, and
// an index without its pack would be damage. mu is held.
func (b *Batch) publish(ctx context.Context) error {
	if err := b.writeSmall(ctx); err != nil {
		return err
	}
	if b.pack != nil {
		if err := b.publishPack(); err != nil {
			return err
		}
	}
	for _, l := range b.loose {
		if err := l.file.Publish(l.name); err != nil {
			return err
		}
		b.names[l.name] = true
	}
	return b.db.writer.SyncNames(b.names)
}

// writeSmall writes the objects that are too few for a pack to files of their own,
// side by side.
func (b *Batch) writeSmall(ctx context.Context) error {
	var g errgroup.Group
	for _, o := range b.small {
		f, err := b.db.writer.Create()
		if err != nil {
			g.Wait() // they use files that are discarded next
			return err
		}
		b.loose = append(b.loose, looseFile{f, loosePath(o.d)})
		g.Go(func() error {
			if _, err := f.Write(o.stored); err != nil {
				return err
			}
			return f.Finish()
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

func (b *Batch) publishPack() error {
	index, err := b.db.writer.Create()
	if err != nil {
		return err
	}
	defer index.Discard()
	id, err := b.pack.Finish(index)
	if err != nil {
		return err
	}
	if err := finishPack(b.tmp, index); err != nil {
		return err
	}
	if err := publishPack(id, b.tmp, index); err != nil {
		return b.db.inTheWay(err, packPath(id), indexPath(id))
	}
	b.names[packPath(id)] = true
	return nil
}

// inTheWay returns the error of a directory that is in the place of one of the files, or
// the other error if there is none.
func (db *DB) inTheWay(other error, paths ...string) error {
	for _, name := range paths {
		if info, err := db.fs.Lstat(name); err == nil && info.IsDir() {
			return &Error{Reason: NotRegular, Path: name, Err: fmt.Errorf("a directory is in its place: %s", name)}
		}
	}
	return other
}

// finishPack brings a pack and its index to the disk, side by side.
func finishPack(pack, index *durable.File) error {
	var g errgroup.Group
	g.Go(pack.Finish)
	g.Go(index.Finish)
	return g.Wait()
}

// publishPack gives a pack and its index, which are on the disk, their names.
func publishPack(id packfile.ID, pack, index *durable.File) error {
	if err := pack.Publish(packPath(id)); err != nil {
		return err
	}
	return index.Publish(indexPath(id))
}
