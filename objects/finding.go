package objects

import (
	"errors"

	"fsk/seal"
)

// A Severity says how much a [Finding] matters. The words are part of the API.
type Severity string

const (
	// SeverityError is a finding that makes an object a miss, or may hide one.
	SeverityError Severity = "error"
	// SeverityWarning is something that does not belong in the store.
	SeverityWarning Severity = "warning"
	// SeverityNote is something to know about; nothing is wrong.
	SeverityNote Severity = "note"
)

// A Finding is one thing that [DB.Fsck] found.
type Finding struct {
	Reason   Reason
	Severity Severity
	Path     string     // in the store, with slashes; as hostile as the disk it comes from
	Digest   Digest     // of the object, zero if it is about none
	Key      seal.KeyID // that sealed it, zero if none is known
	Next     string     // what to do about it
	Err      error      // more about it, may be nil
}

// FsckStats counts what [DB.Fsck] and [DB.Reseal] have checked.
type FsckStats struct {
	Objects  int64                // objects that were checked
	Bytes    int64                // of their payloads, as far as known
	Reasons  map[Reason]int64     // objects by verdict
	Keys     map[seal.KeyID]int64 // good sealed objects by key, that of now if they were resealed
	Resealed map[seal.KeyID]int64 // resealed objects by the key that had sealed them
	Complete bool                 // everything was looked at
}

func newFsckStats() FsckStats {
	return FsckStats{Reasons: make(map[Reason]int64), Keys: make(map[seal.KeyID]int64), Resealed: make(map[seal.KeyID]int64)}
}

// count adds one object.
func (s *FsckStats) count(info Info) {
	s.Objects++
	s.Bytes += max(0, info.Size)
	s.Reasons[info.Reason]++
	if info.Reason == OK {
		s.Keys[info.Key]++
	}
}

// reseal counts as sealed by the first key what a retired one had sealed.
func (s *FsckStats) reseal(old Info, first seal.KeyID) {
	s.Resealed[old.Key]++
	old.Key = first
	s.count(old)
}

// undo counts what was not resealed after all.
func (s *FsckStats) undo(first seal.KeyID) {
	for key, n := range s.Resealed {
		s.Keys[key] += n
		s.Keys[first] -= n
	}
	clear(s.Resealed)
}

// merge adds what was counted elsewhere.
func (s *FsckStats) merge(other FsckStats) {
	s.Objects += other.Objects
	s.Bytes += other.Bytes
	for reason, n := range other.Reasons {
		s.Reasons[reason] += n
	}
	for key, n := range other.Keys {
		s.Keys[key] += n
	}
	for key, n := range other.Resealed {
		s.Resealed[key] += n
	}
}

const nextHeal = "add the original file again, which makes the object readable; fsk fsck --quarantine sets the damaged copy aside"

// nextNoPack is for an index alone, of which no pack can be made.
const nextNoPack = "put the pack back if there is a copy of it; otherwise add the original files again, and fsk pack sets the index aside"

// next says what to do about a reason; deleting something comes last.
var next = map[Reason]string{
	OKPlain:           "nothing, if the store is meant to work without keys",
	OKUnverified:      "set the key that sealed it, to have it verified",
	Retired:           "run fsk fsck --reseal before the key that sealed it leaves the ring",
	LeftoverTemp:      "nothing: it is never read; fsk fsck --prune removes those older than a day",
	Stray:             "move it out of the store if it is yours; fsk never reads it",
	NoIndex:           "run fsk pack, which gives it an index",
	BadIndex:          "run fsk pack, which makes a new index from the pack",
	BadPack:           "run fsk pack, which saves the objects that are whole, and add the original files of the others again",
	Unsealed:          "if you know where it comes from, add the original file again, or seal it with fsk fsck --adopt; otherwise set it aside with fsk fsck --quarantine",
	BadSeal:           "put the key that sealed it behind the first one, if you trust that key; otherwise add the original file again, and set this one aside with fsk fsck --quarantine",
	MalformedTrailer:  nextHeal,
	WrongName:         nextHeal,
	Corrupt:           nextHeal,
	Missing:           "add the original file again",
	NotRegular:        "find out who put it there; fsk fsck --quarantine moves it away, then add the original file again",
	UnsafePath:        "find out who put the link there; fsk fsck --quarantine moves it away, then check again",
	TooLarge:          "raise max_object_size if the object is yours; otherwise find out who put it there",
	ChangedDuringRead: "find out who writes to it, then check again",
	IOError:           "check the disk and the permissions, then check again",
}

func newFinding(reason Reason, severity Severity, path string) Finding {
	return Finding{Reason: reason, Severity: severity, Path: path, Next: next[reason]}
}

// objectFinding tells what is to be said of a checked object, if anything.
func objectFinding(path string, info Info, err error) (Finding, bool) {
	f := Finding{Reason: info.Reason, Severity: SeverityError, Path: path, Digest: info.Digest, Key: info.Key}
	switch {
	case err != nil:
		f.Err = err
	case info.Retired:
		f.Reason, f.Severity = Retired, SeverityNote
	case info.Reason != OK:
		f.Severity = SeverityNote // ok-plain and ok-unverified
	default:
		return f, false
	}
	f.Next = next[f.Reason]
	return f, true
}

// Explain returns what was found, for people.
func (f Finding) Explain() string {
	var e *Error
	switch {
	case errors.As(f.Err, &e):
		return e.Explain()
	case f.Err != nil:
		return f.Err.Error()
	}
	return f.Reason.Explain()
}
