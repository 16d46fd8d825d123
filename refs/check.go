package refs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"fsk/objects"
	"fsk/seal"
)

// CheckStats counts what [Store.Check] has checked.
type CheckStats struct {
	Refs     int64                    // that are there, deleted ones aside
	Deleted  int64                    // records that say that a ref was deleted
	Reasons  map[objects.Reason]int64 // records by verdict
	Keys     map[seal.KeyID]int64     // sealed records by key
	Complete bool                     // everything was looked at
}

// Check checks the refs of all namespaces: seal and name of each record, the object that
// it names, and its history; and it looks for files that do not belong there. The
// namespace is taken from the record, which the seal covers. It changes nothing, asks no
// marks and takes no lock. It fills stats, which may be nil and is complete when the
// iteration has ended. The error is that of the context, which ends the iteration; all
// else is a finding.
func (s *Store) Check(ctx context.Context, stats *CheckStats) iter.Seq2[objects.Finding, error] {
	return func(yield func(objects.Finding, error) bool) {
		if stats == nil {
			stats = new(CheckStats)
		}
		*stats = CheckStats{Reasons: make(map[objects.Reason]int64), Keys: make(map[seal.KeyID]int64), Complete: true}
		ended := false
		defer func() { stats.Complete = stats.Complete && ended }() // also for who leaves the loop
		for e, err := range s.entries(ctx, "") {
			if ctx.Err() != nil {
				break
			}
			for _, f := range s.checkEntry(ctx, e, err, stats) {
				if !yield(f, nil) {
					return
				}
			}
		}
		lock := pathOf(lockName)
		if info, err := s.fs.Lstat(lock); err == nil && !info.Mode().IsRegular() && !yield(finding(objects.NotRegular, objects.SeverityError, lock), nil) {
			return
		}
		if err := ctx.Err(); err != nil {
			yield(objects.Finding{}, err)
			return
		}
		ended = true
	}
}

// checkEntry returns what is to be said of a file below the directory of refs.
func (s *Store) checkEntry(ctx context.Context, e entry, err error, stats *CheckStats) []objects.Finding {
	if err != nil { // behind a link is nothing of the store
		stats.Complete = stats.Complete && reasonIn(err) != objects.IOError
		return []objects.Finding{refFinding("", err)}
	}
	file := pathOf(e.below)
	if e.name == (Name{}) {
		return []objects.Finding{finding(objects.Stray, objects.SeverityWarning, file)}
	}
	ref, found, err := s.settle(ctx, e)
	if err != nil {
		reason := reasonIn(err)
		if reason == objects.Missing { // it has gone meanwhile
			return nil
		}
		stats.Complete = stats.Complete && reason != objects.IOError
		stats.Reasons[reason]++
		return []objects.Finding{refFinding(file, err)}
	}
	stats.count(ref)
	return found
}

// checkRounds bounds how often a ref is checked that is another one each time.
const checkRounds = 10

// settle verifies a record and checks what it leads to. If that is not as it should be,
// and the ref was set meanwhile, what it is now decides: its old object may have been
// removed since.
func (s *Store) settle(ctx context.Context, e entry) (ref Ref, found []objects.Finding, err error) {
	for range checkRounds {
		if e.err != nil {
			return Ref{}, nil, e.err
		}
		if ref, err = s.judge(e.name, e.raw); err != nil {
			return Ref{}, nil, err
		}
		found = s.checkRef(ctx, ref, pathOf(e.below))
		bad := slices.ContainsFunc(found, func(f objects.Finding) bool { return f.Severity != objects.SeverityNote })
		if !bad || s.isPresent(e.name, e.raw) {
			break
		}
		e.raw, e.err = s.load(e.below)
		e.err = about(e.name, e.err)
	}
	return ref, found, nil
}

func (stats *CheckStats) count(ref Ref) {
	stats.Reasons[ref.Reason]++
	if ref.Reason == objects.OK {
		stats.Keys[ref.Key]++
	}
	if ref.Deleted() {
		stats.Deleted++
	} else {
		stats.Refs++
	}
}

// checkRef returns what is to be said of a ref whose record is good.
func (s *Store) checkRef(ctx context.Context, ref Ref, file string) (found []objects.Finding) {
	add := func(f objects.Finding) { found = append(found, f) }
	switch {
	case ref.Retired:
		f := finding(objects.Retired, objects.SeverityNote, file)
		f.Key = ref.Key
		add(f)
	case ref.Reason != objects.OK:
		add(finding(ref.Reason, objects.SeverityNote, file))
	}
	if !ref.Deleted() {
		info, err := s.db.Check(ctx, ref.Digest)
		if err == nil && !info.Reason.Good() {
			f := finding(info.Reason, objects.SeverityError, file)
			f.Digest, f.Next = ref.Digest, "mend the object, or set the ref again"
			f.Err = fmt.Errorf("the object that it names: %s", info.Reason.Explain())
			add(f)
		}
	}
	for _, err := range s.history(ctx, ref) {
		if err != nil && !isContext(err) {
			f := refFinding(file, err)
			f.Next = "add the original record again if there is a copy of it; fsk ref set --no-history begins a new history"
			add(f)
		}
	}
	return found
}

// refFinding makes a finding of the error of a ref or a directory.
func refFinding(file string, err error) objects.Finding {
	f := finding(reasonIn(err), objects.SeverityError, file)
	f.Err = err
	var e *Error
	if errors.As(err, &e) {
		f.Err = errors.New(e.Explain())
		if file == "" {
			f.Path = e.Path
		}
	}
	return f
}

const nextSet = "find out how it came there, then set the ref again with fsk ref set"

// next says what to do about a reason.
var next = map[objects.Reason]string{
	objects.OKPlain:           "nothing, if the store is meant to work without keys",
	objects.OKUnverified:      "set the key that sealed it, to have it verified",
	objects.Retired:           "nothing, as long as the key that sealed it stays in the ring",
	objects.Stray:             "move it out of the store if it is yours; fsk never reads it",
	objects.Unsealed:          "if you know what it should name, set the ref again, which seals it; otherwise treat it as planted",
	objects.BadSeal:           "put the key that sealed it behind the first one, if you trust that key; otherwise set the ref again",
	objects.WrongName:         nextSet,
	objects.MalformedRef:      nextSet,
	objects.NotRegular:        "find out who put it there and move it away, then set the ref again",
	objects.UnsafePath:        "find out who put the link there and remove the link, then check again",
	objects.ChangedDuringRead: "find out who writes to it, then check again",
	objects.IOError:           "check the disk and the permissions, then check again",
}

func finding(reason objects.Reason, severity objects.Severity, file string) objects.Finding {
	return objects.Finding{Reason: reason, Severity: severity, Path: file, Next: next[reason]}
}
