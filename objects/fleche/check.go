package fleche

import (
	"context"
	"crypto/sha256"
	"io/fs"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/seal"
)

// chunkSize is the unit in which values are read, and checked again before they are
// released.
const chunkSize = 1 << 20

// rounds is how often a value is judged again because somebody wrote to its file while
// it was read.
const rounds = 3

// A checked is what one pass over a value has found.
type checked struct {
	info    Info
	seen    fs.FileInfo // of the file, from before it was opened; nil if there is none
	file    *file       // open if info.Reason is good and the value is not in memory
	memory  []byte      // the pickle, if it is in memory
	sums    [][sha256.Size]byte
	trailer []byte // of the pickle under the first key
}

// close closes the file, if it is open.
func (ch *checked) close() {
	if ch.file != nil {
		ch.file.Close()
		ch.file = nil
	}
}

// Check verifies a value and describes it whatever the verdict: a miss is told by
// [Info.Reason] only. The error is that of the context, or nil.
func (c *Cache) Check(ctx context.Context, n Name) (Info, error) {
	ch, _ := c.check(ctx, n, 0)
	ch.close()
	if err := ctx.Err(); err != nil {
		return Info{}, err
	}
	return ch.info, nil
}

// Stat verifies a value and describes it. The error is an [*objects.Error] if the value
// is a miss, or that of the context.
func (c *Cache) Stat(ctx context.Context, n Name) (Info, error) {
	ch, err := c.check(ctx, n, 0)
	ch.close()
	if err != nil {
		return Info{}, err
	}
	return ch.info, nil
}

// check gives the verdict on a value. A pickle of up to keep bytes stays in memory; of a
// larger one the file stays open, and its chunks are remembered. With keep = 0 neither.
//
// A bad verdict counts only if the file stayed the same: fleche may be writing it.
func (c *Cache) check(ctx context.Context, n Name, keep int64) (checked, error) {
	for range rounds {
		ch := checked{info: Info{Name: n, Size: -1}}
		seen, err := c.fs.Lstat(n.String())
		if err != nil {
			err = fault(n, err)
			ch.info.Reason = reasonIn(err)
			return ch, err
		}
		ch.seen = seen
		if err = c.checkOnce(ctx, n, keep, &ch); err == nil {
			return ch, nil
		}
		ch.info.Reason = reasonIn(err)
		if ctx.Err() != nil {
			return ch, ctx.Err()
		}
		if now, _ := c.fs.Lstat(n.String()); durable.SameFile(ch.seen, now) && ch.info.Reason != objects.ChangedDuringRead {
			return ch, err
		}
	}
	info := Info{Name: n, Size: -1, Reason: objects.ChangedDuringRead}
	return checked{info: info}, refusal(n, objects.ChangedDuringRead)
}

func (c *Cache) checkOnce(ctx context.Context, n Name, keep int64, ch *checked) error {
	f, err := c.open(n)
	if err != nil {
		return err
	}
	ch.info.Compressed = f.compressed
	v, err := c.read(ctx, f, keep, ch)
	switch {
	case err != nil:
	case !v.reason.Good():
		err = f.refuse(v.reason)
	case ch.info.Size > f.limit:
		ch.info.Size, err = -1, f.tooLarge()
	}
	if err == nil && keep > 0 && ch.memory == nil {
		ch.file = f
	} else {
		f.Close()
	}
	if err != nil {
		return err
	}
	ch.info.Reason = v.reason
	if v.reason == objects.OK {
		ch.info.Key, ch.info.Retired = c.ring.ID(v.key), v.key > 0
	}
	return nil
}

// read reads all of a value and gives the verdict.
func (c *Cache) read(ctx context.Context, f *file, keep int64, ch *checked) (verdict, error) {
	buf := c.bufs.Get().(*[]byte)
	defer c.bufs.Put(buf)
	in := f.content(ctx)
	n, end, err := in.fill(*buf)
	if err != nil {
		return verdict{}, err
	}
	if end {
		return c.readSmall((*buf)[:n], f, keep, ch)
	}
	j := newJudgeStream(c.ring)
	k := newKeeper(f, keep)
	for {
		p := (*buf)[:n]
		j.write(p)
		if j.size > f.limit+seal.TrailerSize {
			return verdict{}, f.tooLarge()
		}
		k.add(p)
		if end {
			break
		}
		if n, end, err = in.fill(*buf); err != nil {
			return verdict{}, err
		}
	}
	v := j.verdict()
	if v.reason.Good() {
		ch.info.Size = j.size - int64(v.trailer)
		ch.trailer = j.mac.AppendTrailer(nil)
		ch.sums = k.sums
		if k.memory != nil {
			ch.memory = k.memory[:ch.info.Size:ch.info.Size]
		}
	}
	return v, nil
}

// readSmall gives the verdict on a value that is in memory.
func (c *Cache) readSmall(value []byte, f *file, keep int64, ch *checked) (verdict, error) {
	v := judgeBytes(c.ring, value)
	if !v.reason.Good() {
		return v, nil
	}
	pickle := value[:len(value)-v.trailer]
	ch.info.Size = int64(len(pickle))
	if keep > 0 {
		ch.memory = append([]byte{}, pickle...)
		ch.trailer = c.ring.AppendTrailer(nil, pickle)
	}
	return v, nil
}
