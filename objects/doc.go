// Package objects is a content-addressed store of sealed objects.
//
// An object is an immutable payload stored under its [Digest], the BLAKE3-256 of the
// payload. What lies on the disk is the payload followed by a trailer, which package
// seal makes with the first key of a ring. Whoever can write to the disk but has no
// key cannot make a reader see a wrong byte: what was changed, exchanged or planted
// is a miss with a [Reason].
//
//	fs, err := rootfs.Create(dir)           // any billy.Filesystem will do
//	err = objects.Init(fs)                  // makes it a store, once
//	db, err := objects.Open(fs, ring, nil)
//	info, err := db.Put(ctx, payload)       // durable when it returns
//	payload, err = db.Get(ctx, info.Digest) // verified, or an error
//
// # Files
//
// A store is a directory with the file fsk-store, whose content is "fsk-store 1\n".
// The loose object with the digest abcdef… is the file objects/ab/cdef…, mode 0444,
// which holds the payload and, if there are keys, the trailer. Payloads of at most 1
// MiB that are put together are one after another in a pack, objects/pack/<id>.pack,
// and <id>.idx tells where each is; package packfile has the format of both. A larger
// payload in a pack is [TooLarge]. Files are written in tmp and renamed; the file lock is
// locked by writers, shared, and by what deletes, exclusively; what is damaged is set
// aside in quarantine. Nothing else in the store is ever read.
//
// # Verdicts
//
// Let F be the stored bytes, D the wanted digest, p all of F but the last 64 bytes
// and t these 64. h0: BLAKE3(F) = D. h1: BLAKE3(p) = D. hx: t is 64 lowercase
// hexadecimal digits. m: hx, and a key of the ring makes t over p. The first line
// that holds is the verdict:
//
//	with keys                          without keys
//	h1 and m          ok               h0           ok-plain
//	h0                unsealed         h1 and hx    ok-unverified
//	h1, not hx        malformed-trailer  h1         malformed-trailer
//	h1, hx, not m     bad-seal         else         corrupt
//	m                 wrong-name
//	else              corrupt
//
// At most one of h0 and h1 can hold, so a payload may end in 64 hexadecimal digits,
// or be nothing else. Digest and seal must hold on the same split of the file.
//
// # Reading
//
// An object is looked for in the packs that are known, as a loose file, and then in
// packs that have come since; a miss is final when the names of the packs were the
// same before and after the search. Of several copies the first good one counts, and
// if there is none the verdict is that of the first. An index is only a hint: what it
// leads to is verified like a loose object, and [Info.Where] tells where that was.
//
// A DB holds packs open, and looks at most a second later whether their names stand for
// the same files: a read that begins more than about a second after another process has
// removed an object, or has replaced a pack, does not see what was there before. What a
// DB removes itself it does not see from then on. Readers do not wait for that look, so
// on a disk that does not answer they go on with what is open. When the process runs out
// of descriptors, packs are closed, one after another, until there is one; [DB.Close]
// closes all of them.
//
// Nothing is released before the whole object is verified and the [PreReader] of the
// [Options] agreed. For every verdict but the three that begin with "ok" the error is
// an [*Error], and errors.Is(err, fs.ErrNotExist) holds: to a reader the object is
// not there. A fault of the disk, [IOError], is not a miss and does not match, and a
// context that ended is reported as such. Reading takes no lock, creates nothing and
// needs no permission to write.
//
// # Writing
//
// When [DB.Put] returns without an error, the object is as durable as [Options] say,
// also if it was there already. Before that, nobody sees it, or any part of it.
//
// A [Batch] makes many objects durable with a few syncs, small ones in a pack if they
// are at least 8. [Batch.Commit] acknowledges all of them at once: pack, index and
// loose files are on the disk before the first is renamed, the pack is renamed before
// its index, and the directories are synced. A commit that sees more than 64 packs of
// less than 16 MiB gathers them if the lock is free.
//
// [DB.Pack] gathers small loose objects and packs of less than half a GiB in packs of
// about one GiB, and mends packs and indexes. [DB.Remove] writes the packs that have
// the object again without it. Both copy first, and hold the lock exclusively only
// while they make sure that nobody touched what they copied, publish the new pack, and
// remove the old index and then the old pack. Whenever they are interrupted, every object is in the old place or in
// the new one.
//
// # Checking
//
// [DB.Fsck] verifies every loose object and, reading each pack from its beginning to
// its end, every packed one; it compares each index with its pack, and reports what
// does not belong in the store. It changes nothing.
//
// # Repairing
//
// [DB.Reseal] is Fsck that also gives every object which a retired key sealed the trailer
// of the first key. Only what has just been verified is sealed, from the bytes in memory or
// from chunks that are verified once more; the rest of a pack is copied byte for byte. A
// resealed pack has the same id and index, and one rename puts it in the place of the old
// one. Readers and writers whose ring has both keys may go on. An object is passed over
// only with a finding that says so: after a Reseal without an error, a finding of that kind,
// or a pack without an index, nothing depends on a retired key.
//
// [DB.Quarantine] moves what Fsck calls an error to the directory quarantine, under the
// digest or the file's name and the reason, with a note beside it. It looks at everything
// again, moves only what is still bad, and deletes nothing. As a wrong ring makes everything
// look forged, it refuses with [ErrTooMany] to move much at once unless it is told to.
// Putting the payload again makes the object whole.
//
// [DB.Adopt] seals an object without a seal, or with a bad one, by the first key, if its
// payload has the digest that it is called by. Nothing else makes a good object of one that
// does not verify: the caller vouches for it by its whole digest.
//
// [DB.Prune] removes temporary files that nobody has written to for a day, by the clock of
// the filesystem.
//
// What they write is durable whatever the options say. They prepare without the lock, and
// hold it exclusively only while they make sure that nobody touched what they looked at,
// rename and remove. They may be interrupted at any time; running them again finishes the
// work, but a pack that lost only its index by it is for [DB.Pack] to gather.
//
// A DB reads no environment and logs nothing.
package objects
