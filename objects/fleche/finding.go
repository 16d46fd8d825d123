package fleche

import (
	"errors"

	"fsk/objects"
	"fsk/seal"
)

const (
	nextRebuild = "let fleche make it again: it treats the value as missing and overwrites it; fsk fsck --quarantine moves it aside"
	nextPlanted = "find out who put it there and move it away; fleche then makes the value again"
)

// next says what to do about a reason; deleting something comes last.
var next = map[objects.Reason]string{
	objects.OKPlain:           "nothing, if the cache is meant to work without keys",
	objects.OKUnverified:      "set the key that sealed it, to have it verified",
	objects.Retired:           "run fsk fsck --reseal before the key that sealed it is taken out of the ring",
	objects.Unsealed:          nextRebuild,
	objects.BadSeal:           "put the key that sealed it behind the first one, if you trust that key; otherwise " + nextRebuild,
	objects.MalformedTrailer:  nextRebuild,
	objects.Corrupt:           nextRebuild,
	objects.Missing:           "let fleche make it again",
	objects.NotRegular:        nextPlanted,
	objects.UnsafePath:        "find out who put the link there and remove the link, then check again",
	objects.TooLarge:          "raise max_object_size if the value is yours; otherwise " + nextPlanted,
	objects.ChangedDuringRead: "find out who writes to it, then check again",
	objects.IOError:           "check the disk and the permissions, then check again",
	objects.Stray:             "move it out of the directory if it is yours; it is no value of fleche's",
	objects.LeftoverTemp:      "nothing: it is never read; fsk fsck --prune removes it when it is a day old",
}

func newFinding(reason objects.Reason, severity objects.Severity, path string) objects.Finding {
	return objects.Finding{Reason: reason, Severity: severity, Path: path, Next: next[reason]}
}

// A result is what a worker has found about some values.
type result struct {
	findings []objects.Finding
	stats    objects.FsckStats
}

func newResult() *result {
	return &result{stats: objects.FsckStats{Reasons: make(map[objects.Reason]int64), Keys: make(map[seal.KeyID]int64), Resealed: make(map[seal.KeyID]int64)}}
}

// count adds one value.
func (r *result) count(info Info) {
	r.stats.Objects++
	r.stats.Bytes += max(0, info.Size)
	r.stats.Reasons[info.Reason]++
	if info.Reason == objects.OK {
		r.stats.Keys[info.Key]++
	}
}

// find keeps what is to be said of a value, if anything.
func (r *result) find(info Info, err error) {
	f := newFinding(info.Reason, objects.SeverityNote, info.Name.String())
	f.Key = info.Key
	switch {
	case err != nil:
		f.Severity, f.Err = objects.SeverityError, err
	case info.Retired:
		f.Reason, f.Next = objects.Retired, next[objects.Retired]
	case info.Reason == objects.OK:
		return
	}
	r.findings = append(r.findings, f)
}

// fail keeps an error of something else than the verdict on a value.
func (r *result) fail(path string, err error) {
	f := newFinding(objects.IOError, objects.SeverityError, path)
	f.Err = err
	var e *objects.Error
	if errors.As(err, &e) {
		f.Reason, f.Next = e.Reason, next[e.Reason]
	}
	r.findings = append(r.findings, f)
}

// merge adds what was counted elsewhere.
func (r *result) merge(other *result) {
	r.stats.Objects += other.stats.Objects
	r.stats.Bytes += other.stats.Bytes
	for reason, n := range other.stats.Reasons {
		r.stats.Reasons[reason] += n
	}
	for key, n := range other.stats.Keys {
		r.stats.Keys[key] += n
	}
	for key, n := range other.stats.Resealed {
		r.stats.Resealed[key] += n
	}
}
