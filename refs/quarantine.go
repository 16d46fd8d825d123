package refs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"

	"fsk/objects"
)

const (
	// quarantineDir is where broken records are moved to, in the store.
	quarantineDir = "quarantine"
	// quarantineGroup is how many records are moved under one lock.
	quarantineGroup = 256
)

// Quarantine moves the records of those refs that findings of [Store.Check] with the
// severity error are about to the directory quarantine of the store, under a name that
// says what it was, beside a file of that name and ".note" that tells reason, path and
// time. It moves a record only if the record itself cannot be trusted, and still is so
// under the lock; a ref whose object or history is at fault stays. Nothing is deleted. The
// ref has gone then, also to who has a mark of it, and can be set again.
//
// It yields what was moved, and ends with the first error: [objects.ErrTooMany] before
// anything was moved, that of the context, or of reading, writing or locking. It may be
// interrupted at any time, and called again.
func (s *Store) Quarantine(ctx context.Context, findings []objects.Finding, opts objects.QuarantineOptions) iter.Seq2[objects.Moved, error] {
	return func(yield func(objects.Moved, error) bool) {
		broken, err := s.broken(ctx, findings)
		if err == nil && !opts.Allows(len(broken)) {
			err = objects.ErrTooMany
		}
		if err != nil {
			yield(objects.Moved{}, err)
			return
		}
		for len(broken) > 0 {
			n := min(quarantineGroup, len(broken))
			moved, err := broken[:n], error(nil)
			if !opts.DryRun {
				moved, err = s.setAside(ctx, moved)
			}
			for _, m := range moved {
				if !yield(m, nil) {
					return
				}
			}
			if err != nil {
				yield(objects.Moved{}, err)
				return
			}
			broken = broken[n:]
		}
	}
}

// broken returns what of some findings is about records that cannot be trusted, each once.
func (s *Store) broken(ctx context.Context, findings []objects.Finding) (list []objects.Moved, err error) {
	seen := make(map[string]bool)
	for _, f := range findings {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		name, err := nameIn(f.Path)
		if err != nil || f.Severity != objects.SeverityError || seen[f.Path] {
			continue
		}
		seen[f.Path] = true
		if _, err := s.cachedRecord(name); err != nil && isBroken(reasonIn(err)) {
			f.Reason = reasonIn(err)
			list = append(list, objects.Moved{Finding: f})
		}
	}
	return list, nil
}

// nameIn returns the name of the ref whose file is at a path in the store.
func nameIn(file string) (Name, error) {
	below, ok := strings.CutPrefix(file, refsDir+"/")
	if !ok {
		return Name{}, errors.New("not the path of a ref")
	}
	return ParseName(below)
}

// isBroken tells the reasons for which a record is moved away: all that are about the
// record itself. What could not be read may be whole.
func isBroken(reason objects.Reason) bool {
	switch reason {
	case objects.MalformedRef, objects.Unsealed, objects.BadSeal, objects.WrongName, objects.NotRegular, objects.ChangedDuringRead:
		return true
	}
	return false
}

// setAside moves broken records to the quarantine directory, if they still are broken.
func (s *Store) setAside(ctx context.Context, broken []objects.Moved) (moved []objects.Moved, err error) {
	if len(broken) == 0 {
		return nil, nil
	}
	thaw, err := s.Freeze(ctx)
	if err != nil {
		return nil, err
	}
	defer thaw()
	placed, left := make(map[string]bool), make(map[string]bool)
	for _, m := range broken {
		name, err := nameIn(m.Path)
		if err != nil {
			continue
		}
		_, err = s.cachedRecord(name)
		if m.Reason = reasonIn(err); err == nil || !isBroken(m.Reason) {
			continue
		}
		if m.To, err = s.quarantine(m.Path, m.Reason); err != nil {
			return moved, errors.Join(writeError(name, err), s.syncMoved(placed, left))
		}
		placed[m.To], left[m.Path] = true, true
		moved = append(moved, m)
	}
	return moved, s.syncMoved(placed, left)
}

// syncMoved makes durable what was moved. The new names come first: whatever is lost after
// that, a record is in one place or in both.
func (s *Store) syncMoved(placed, left map[string]bool) error {
	err := s.writer.SyncNames(placed)
	if err == nil {
		err = s.writer.SyncNames(left)
	}
	return writeError(Name{}, err)
}

// quarantine moves a record to a name that is free and says what it was, beside a note.
func (s *Store) quarantine(from string, reason objects.Reason) (to string, err error) {
	if err := s.fs.MkdirAll(quarantineDir, 0o777); err != nil {
		return "", err
	}
	base := path.Join(quarantineDir, labelOf(from)+"."+string(reason))
	to = base
	for n := 1; ; n++ { // what is there was moved before
		_, err := s.fs.Lstat(to)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", err
		}
		to = fmt.Sprintf("%s.%d", base, n)
	}
	f, err := s.writer.Create()
	if err != nil {
		return "", err
	}
	defer f.Discard()
	note := fmt.Sprintf("reason %s\npath %s\ntime %s\n%s\n", reason, from, s.opts.Now().UTC().Format(timeFormat), reason.Explain())
	if _, err := io.WriteString(f, note); err != nil {
		return "", err
	}
	if err := f.Finish(); err != nil {
		return "", err
	}
	if err := f.Publish(to + ".note"); err != nil {
		return "", err
	}
	if err := s.fs.Rename(from, to); err != nil {
		if _, there := s.fs.Lstat(to); errors.Is(there, fs.ErrNotExist) {
			s.fs.Remove(to + ".note") // it is about nothing
		}
		return "", err
	}
	return to, nil
}

// maxLabel leaves room in a file name, which may have 255 bytes, for a reason, a number
// and the end of a note's name.
const maxLabel = 200

// labelOf makes a name of one element of the path of a record. That of a long one is cut,
// and tells what was cut off by a digest; the note has the whole path.
func labelOf(file string) string {
	label := strings.ReplaceAll(file, "/", "-")
	if len(label) <= maxLabel {
		return label
	}
	sum := objects.Sum([]byte(file)).String()[:16]
	return label[:maxLabel-len(sum)-1] + "-" + sum
}
