package objects

// A Reason is the fixed word for what checking an object found. The words are
// part of the API: they appear in errors, in output and in the documentation.
type Reason string

// With these the payload is released.
const (
	// OK: the payload has the digest, and a key of the ring sealed it.
	OK Reason = "ok"
	// OKPlain: the payload has the digest and there is no trailer. Without keys only.
	OKPlain Reason = "ok-plain"
	// OKUnverified: the payload has the digest and a trailer that was not checked.
	// Without keys only.
	OKUnverified Reason = "ok-unverified"
)

// With these there is a file, but it is not what a key holder stored under the digest.
const (
	// Unsealed: the payload has the digest, but no trailer.
	Unsealed Reason = "unsealed"
	// MalformedTrailer: the payload has the digest, but what follows it is no trailer.
	MalformedTrailer Reason = "malformed-trailer"
	// BadSeal: the payload has the digest, but no key of the ring made the trailer.
	BadSeal Reason = "bad-seal"
	// WrongName: a key of the ring sealed the payload, which has another digest.
	WrongName Reason = "wrong-name"
	// Corrupt: neither digest nor seal fits.
	Corrupt Reason = "corrupt"
)

// With these the stored bytes could not be judged, or were not looked for.
const (
	// Missing: there is no such object.
	Missing Reason = "missing"
	// NotRegular: what has the object's name is a link, directory, FIFO, socket or device.
	NotRegular Reason = "not-regular"
	// TooLarge: the object is larger than the limit of this reader or writer.
	TooLarge Reason = "too-large"
	// ChangedDuringRead: the stored bytes changed between checking and reading them.
	ChangedDuringRead Reason = "changed-during-read"
	// UnsafePath: there is a link among the directories on the way to the object.
	UnsafePath Reason = "unsafe-path"
	// IOError: the disk or the system reported an error. It is not a miss.
	IOError Reason = "io-error"
	// Denied: the policy of the reader refused the object.
	Denied Reason = "denied"
	// HookFailed: a pre-read hook could not decide, which refuses the object.
	HookFailed Reason = "hook-failed"
	// Ambiguous: a prefix names more than one object.
	Ambiguous Reason = "ambiguous"
	// BadName: what was given cannot name an object.
	BadName Reason = "bad-name"
)

// With these a ref, the name of an object, is refused. See package refs.
const (
	// MalformedRef: what is in the place of a ref is not a record.
	MalformedRef Reason = "malformed-ref"
	// WrongNamespace: a record of another namespace.
	WrongNamespace Reason = "wrong-namespace"
	// RolledBack: a newer record of this ref was seen before.
	RolledBack Reason = "rolled-back"
	// RefGone: a record of this ref was seen before, and there is none now.
	RefGone Reason = "ref-gone"
	// RefFork: another record of this ref with the same sequence number was seen before.
	RefFork Reason = "ref-fork"
	// RefExpired: the record is older than the reader allows.
	RefExpired Reason = "ref-expired"
	// RefConflict: the ref is not what an update expects, or its name is in the way of
	// another one.
	RefConflict Reason = "ref-conflict"
)

// With these [DB.Fsck] reports what is no fault of an object.
const (
	// Retired: the object is ok, and a key sealed it that is not the first of the ring.
	Retired Reason = "retired"
	// Stray: a file or directory that does not belong where it is.
	Stray Reason = "stray"
	// BadIndex: an index in which nothing can be found, or that does not fit its pack.
	BadIndex Reason = "bad-index"
	// BadPack: a pack that is cut off, or is none.
	BadPack Reason = "bad-pack"
	// NoIndex: a pack without an index, in which nothing is looked for.
	NoIndex Reason = "no-index"
	// LeftoverTemp: a temporary file of a writer that is at work or was interrupted.
	LeftoverTemp Reason = "leftover-temp"
)

// explanations has the text of every reason, for people; docs/cli.md has them too.
var explanations = map[Reason]string{
	OK:                "verified",
	OKPlain:           "right digest, no seal",
	OKUnverified:      "right digest; sealed, but there is no key to verify the seal with",
	Unsealed:          "present, but without a seal: not stored by a key holder",
	MalformedTrailer:  "present, but its trailer is not a seal: tampered with or damaged",
	BadSeal:           "present, but sealed by no key of the ring: tampered with, or a key is missing",
	WrongName:         "sealed by a key of the ring, but it is another object under this name",
	Corrupt:           "damaged or tampered with: neither digest nor seal fits",
	Missing:           "no such object",
	NotRegular:        "not a regular file",
	TooLarge:          "larger than the limit",
	ChangedDuringRead: "changed while it was read",
	UnsafePath:        "a link among the directories",
	IOError:           "input/output error",
	Denied:            "refused by policy",
	HookFailed:        "refused, because a hook failed",
	Ambiguous:         "more than one object begins like this",
	BadName:           "not the name of an object",
	MalformedRef:      "not a ref record: damaged or tampered with",
	WrongNamespace:    "a ref of another namespace",
	RolledBack:        "older than a record of this ref that was seen before",
	RefGone:           "a ref that was seen before has gone",
	RefFork:           "another record with this number was seen before",
	RefExpired:        "the ref is too old",
	RefConflict:       "the ref is not what was expected",
	Retired:           "sealed by a retired key",
	BadIndex:          "the index of a pack is damaged, or does not fit the pack",
	BadPack:           "a pack is damaged or cut off",
	NoIndex:           "a pack without an index",
	Stray:             "does not belong here",
	LeftoverTemp:      "temporary file of a writer that is at work or was interrupted",
}

// Explain returns a few words for people on what the reason means.
func (r Reason) Explain() string { return explanations[r] }

// Good reports whether the payload is released: it is false for every miss.
func (r Reason) Good() bool { return r == OK || r == OKPlain || r == OKUnverified }
