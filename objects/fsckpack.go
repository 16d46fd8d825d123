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

// packFiles tells which of the two files of a pack are there.
type packFiles struct{ pack, index bool }

// packs checks the directory of packs, and once more the packs that came meanwhile:
// what somebody gathers must not escape by moving from a pack that is still to be
// checked to one that was not there yet.
func (c *checker) packs() {
	dir := path.Join(objectsDir, packDir)
	if !c.directory(dir) {
		return
	}
	settled := time.Now().Add(settleTime) // for all: junk must not add up
	done := make(map[packfile.ID]bool)
	var ids []packfile.ID
	for round := range maxRounds {
		found := c.listPacks(dir, round == 0)
		ids = ids[:0]
		for id := range found {
			if !done[id] {
				ids = append(ids, id)
			}
		}
		slices.SortFunc(ids, func(a, b packfile.ID) int { return Digest(a).Compare(Digest(b)) })
		for _, id := range ids {
			if c.ctx.Err() != nil {
				return
			}
			f := found[id]
			done[id] = !(f.pack && f.index || c.settles(id, settled)) || c.pack(id)
		}
		if len(ids) == 0 {
			return
		}
	}
	for _, id := range ids {
		if c.reseal != nil && !done[id] {
			c.passedOver(id)
		}
	}
}

// passedOver reports a pack that others replaced or moved whenever it was to be resealed.
func (c *checker) passedOver(id packfile.ID) {
	c.whole = false
	f := newFinding(ChangedDuringRead, SeverityError, packPath(id))
	f.Err = errors.New("others changed it whenever it was to be resealed")
	c.report(f)
}

// listPacks returns the packs that are there. What is none is reported the first time.
func (c *checker) listPacks(dir string, first bool) map[packfile.ID]packFiles {
	found := make(map[packfile.ID]packFiles)
	c.list(dir, func(name string) {
		stem, isPack := strings.CutSuffix(name, packSuffix)
		stem, isIndex := strings.CutSuffix(stem, indexSuffix)
		id, ok := packfile.ParseID(stem)
		if !ok || isPack == isIndex {
			if first {
				c.report(newFinding(Stray, SeverityWarning, path.Join(dir, name)))
			}
			return
		}
		f := found[id]
		found[id] = packFiles{f.pack || isPack, f.index || isIndex}
	})
	return found
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
			f.Err, f.Next = errors.New("an index without its pack"), nextNoPack
			c.report(f)
		}
		return false
	}
}

// pack checks all objects of a pack, in one sequential read, and its index against
// what was found in it. It reports false if the pack has gone, or somebody replaced it
// while it was being resealed: what was in it is to be looked for again.
func (c *checker) pack(id packfile.ID) (done bool) {
	index, err := c.open(indexPath(id))
	if err != nil {
		return !isMissing(err)
	}
	defer index.Close()
	copied := c.reseal.begin(id)
	file, err := c.open(packPath(id))
	if err != nil {
		return !isMissing(err)
	}
	defer file.Close()
	// Room for what the index says that there is, if the pack is large enough for it: a
	// list that grows would take twice the memory.
	room := min(index.Size()/(packfile.IndexSize(1)-packfile.IndexSize(0)), file.Size()/packfile.HeaderSize, packfile.MaxObjects)
	entries, whole := c.entries(id, file, make([]packfile.Entry, 0, room), copied)
	if copied != nil {
		c.deliver(checked{copy: copied, end: true, damaged: !whole})
		if !copied.wait(c.ctx) {
			return false
		}
	}
	if c.ctx.Err() != nil {
		return true
	}
	x, err := packfile.OpenIndex(index, index.Size())
	if err == nil {
		err = x.Verify(id)
	}
	if err != nil {
		c.damage(BadIndex, indexPath(id), Digest{}, err)
		return true
	}
	for e, err := range x.Compare(entries) {
		c.damage(BadIndex, indexPath(id), e.Digest, err)
	}
	return true
}

// open opens a file of a pack, and reports why that cannot be done. One that is gone is
// no finding.
func (c *checker) open(name string) (durable.RegularFile, error) {
	f, err := durable.OpenRegular(c.db.fs, name)
	if err == nil {
		return f, nil
	}
	miss := fault(Digest{}, name, err)
	switch miss.Reason {
	case Missing:
	case IOError:
		c.unlisted(name, err)
	default:
		c.report(newFinding(miss.Reason, SeverityError, name))
	}
	return nil, miss
}

// entries submits all objects of a pack and appends where they are. It reports false if
// the pack is damaged, or the context has ended.
func (c *checker) entries(id packfile.ID, file durable.RegularFile, entries []packfile.Entry, copied *packCopy) (found []packfile.Entry, whole bool) {
	if copied != nil {
		copied.file = file
	}
	scanner := packfile.NewScanner(io.NewSectionReader(file, 0, file.Size()), file.Size())
	for {
		b := c.batches.Get().(*packfile.Batch)
		err := scanner.Next(b)
		if err == io.EOF {
			return entries, true
		}
		if err != nil {
			c.damage(BadPack, packPath(id), Digest{}, err)
			return entries, false
		}
		if len(entries)+b.Len() > cap(entries) { // the index lies; a list that doubled would take more memory
			entries = slices.Grow(entries, packfile.MaxObjects-len(entries))
		}
		for o := range b.Objects() {
			entries = append(entries, o.Entry)
		}
		if !c.send(job{objects: b, id: id, copy: copied, done: make(chan checked, 1)}) {
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

// checkPacked checks objects that were read from a pack, and gives those that a retired
// key sealed another trailer, in memory, if they are to be resealed.
func (c *checker) checkPacked(j job) checked {
	r := checked{stats: newFsckStats(), objects: j.objects, copy: j.copy}
	where, name := j.id.String(), packPath(j.id)
	var (
		list     [togetherMax]held
		verdicts [togetherMax]verdict
		n        int
	)
	add := func(info Info) {
		s := &source{d: info.Digest, where: where, path: name}
		r.add(name, info, c.db.accept(s, info))
	}
	judge := func() {
		c.db.judgeAll(list[:n], verdicts[:n])
		for i, h := range list[:n] {
			info := c.db.info(h.d, verdicts[i], where)
			if j.copy != nil && info.Reason == OK && info.Retired {
				payload := h.stored[:info.Size]
				c.db.ring.AppendTrailer(payload, payload) // over the old one
				r.stats.reseal(info, c.db.ring.ID(0))
				r.changed = true
				continue
			}
			add(info)
		}
		n = 0
	}
	for o := range j.objects.Objects() {
		if c.db.isFarTooLarge(o) {
			add(farTooLarge(o, where))
			continue
		}
		list[n] = held{o.Digest, o.Stored}
		if n++; n == len(list) {
			judge()
		}
	}
	judge()
	return r
}

// judgePacked describes an object that was read from a pack, as a reader would see it.
func (db *DB) judgePacked(o packfile.Object, where string) Info {
	if db.isFarTooLarge(o) {
		return farTooLarge(o, where)
	}
	return db.info(o.Digest, db.judge(o.Digest, o.Stored), where)
}

// isFarTooLarge tells what is refused by its size alone, whatever is in it.
func (db *DB) isFarTooLarge(o packfile.Object) bool {
	return int64(len(o.Stored))-seal.TrailerSize > db.opts.MaxObjectSize
}

func farTooLarge(o packfile.Object, where string) Info {
	return Info{Digest: o.Digest, Size: -1, Reason: TooLarge, Where: where}
}
