package objects

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"fsk/objects/durable"
	"fsk/objects/packfile"
	"fsk/seal"
)

// A writer renames a pack before its index, and removes an index before its pack. A
// pack without an index is a finding only if that stays so for settleTime, asked every
// settlePause.
const (
	settleTime  = time.Second
	settlePause = 20 * time.Millisecond
)

// packs checks the directory of packs.
func (c *checker) packs() {
	dir := path.Join(objectsDir, packDir)
	if !c.directory(dir) {
		return
	}
	type files struct{ pack, index bool }
	found := make(map[packfile.ID]files)
	settled := time.Now().Add(settleTime) // for all: junk must not add up
	c.list(dir, func(name string) {
		stem, isPack := strings.CutSuffix(name, packSuffix)
		stem, isIndex := strings.CutSuffix(stem, indexSuffix)
		id, ok := packfile.ParseID(stem)
		if !ok || isPack == isIndex {
			c.report(newFinding(Stray, SeverityWarning, path.Join(dir, name)))
			return
		}
		f := found[id]
		found[id] = files{f.pack || isPack, f.index || isIndex}
	})
	var ids []packfile.ID
	for id := range found {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b packfile.ID) int { return Digest(a).Compare(Digest(b)) })
	for _, id := range ids {
		if c.ctx.Err() != nil {
			return
		}
		if f := found[id]; f.pack && f.index || c.settles(id, settled) {
			c.pack(id)
		}
	}
}

// settles waits for the other file of a pack. It reports what stays alone, and false
// when there is nothing left to check.
func (c *checker) settles(id packfile.ID, end time.Time) bool {
	for ; ; time.Sleep(settlePause) {
		_, noPack := c.db.fs.Lstat(packPath(id))
		_, noIndex := c.db.fs.Lstat(indexPath(id))
		switch {
		case noPack == nil && noIndex == nil:
			return true
		case errors.Is(noPack, fs.ErrNotExist) && errors.Is(noIndex, fs.ErrNotExist), c.ctx.Err() != nil:
			return false
		case time.Now().Before(end):
			continue
		case noPack == nil:
			c.report(newFinding(NoIndex, SeverityWarning, packPath(id)))
		default:
			f := newFinding(BadIndex, SeverityError, indexPath(id))
			f.Err = errors.New("an index without its pack")
			c.report(f)
		}
		return false
	}
}

// pack checks all objects of a pack, in one sequential read, and its index against
// what was found in it.
func (c *checker) pack(id packfile.ID) {
	index, ok := c.open(indexPath(id))
	if !ok {
		return
	}
	defer index.Close()
	file, ok := c.open(packPath(id))
	if !ok {
		return
	}
	defer file.Close()
	entries, ok := c.entries(id, file)
	if !ok {
		return
	}
	x, err := packfile.OpenIndex(index, index.Size())
	if err == nil {
		err = x.Verify(id)
	}
	if err != nil {
		c.damage(BadIndex, indexPath(id), Digest{}, err)
		return
	}
	for e, err := range x.Compare(entries) {
		c.damage(BadIndex, indexPath(id), e.Digest, err)
	}
}

// open opens a file of a pack. One that is gone is no finding.
func (c *checker) open(name string) (durable.RegularFile, bool) {
	f, err := durable.OpenRegular(c.db.fs, name)
	if err == nil {
		return f, true
	}
	if reason := reasonOf(err); reason == IOError {
		c.unlisted(name, err)
	} else if reason != Missing {
		c.report(newFinding(reason, SeverityError, name))
	}
	return nil, false
}

// entries submits all objects of a pack and returns where they are. It reports false
// when the context has ended.
func (c *checker) entries(id packfile.ID, file durable.RegularFile) ([]packfile.Entry, bool) {
	var entries []packfile.Entry
	scanner := packfile.NewScanner(io.NewSectionReader(file, 0, file.Size()), file.Size())
	for {
		b := c.batches.Get().(*packfile.Batch)
		err := scanner.Next(b)
		if err == io.EOF {
			return entries, true
		}
		if err != nil {
			c.damage(BadPack, packPath(id), Digest{}, err)
			return entries, true
		}
		for o := range b.Objects() {
			entries = append(entries, o.Entry)
		}
		if !c.send(job{objects: b, id: id, done: make(chan checked, 1)}) {
			return nil, false
		}
	}
}

// damage reports what is wrong with a pack or an index.
func (c *checker) damage(reason Reason, name string, d Digest, err error) {
	var damage *packfile.Error
	if !errors.As(err, &damage) && err != io.ErrUnexpectedEOF {
		c.unlisted(name, err)
		return
	}
	f := newFinding(reason, SeverityError, name)
	f.Digest, f.Err = d, err
	c.report(f)
}

// checkPacked checks objects that were read from a pack.
func (c *checker) checkPacked(id packfile.ID, batch *packfile.Batch) checked {
	r := checked{stats: newFsckStats()}
	for o := range batch.Objects() {
		s := &source{d: o.Digest, where: id.String(), path: packPath(id)}
		info := Info{Digest: s.d, Size: -1, Reason: TooLarge, Where: s.where}
		if int64(len(o.Stored))-seal.TrailerSize <= c.db.opts.MaxObjectSize {
			info = c.db.info(s.d, c.db.judge(s.d, o.Stored), s.where)
		}
		r.add(s.path, info, c.db.accept(s, info))
	}
	return r
}
