// Package fleche checks, reads and reseals the value directory of the Python cache
// fleche, whose format it did not invent. It writes no values: that is fleche's work.
//
//	fs, err := rootfs.Open(dir)             // the directory that values.root names
//	c, err := fleche.Open(fs, ring, nil)
//	for n, err := range c.All(ctx) {        // names only
//	pickle, err := c.Get(ctx, n)            // verified, or an error
//	for f, err := range c.Fsck(ctx, …) {    // everything that is wrong
//
// # Files
//
// A value is a file of the directory, named by 64 lowercase hexadecimal digits. It is a
// pickle followed by its trailer, HMAC-SHA256 of the pickle under the first key of who wrote
// it, as 64 lowercase hexadecimal digits. Without keys fleche writes the pickle alone. With
// compression on, the file is a gzip file of that, recognised by its first two
// bytes, 1f 8b, with which no pickle begins.
//
// Names that begin with a dot, and the name of a value followed by ".lock", are ignored by fleche
// and here; all other names are strays. This package writes in [TempDir] and moves to
// [QuarantineDir].
//
// The directory is flat, so the names of all values are one listing; see [Cache.All].
//
// # Pickles are bytes
//
// Whoever loads a pickle runs what it says. This package never looks into one: it
// knows only that the last byte of every pickle is the opcode STOP, a dot.
//
// # Verdicts
//
// Let F be the bytes of the file, or what comes out of it if it is compressed, and r what
// follows the last dot among the last 65 bytes of F. That is where fleche divides a
// value, too: a trailer has no dot. The first line that holds is the verdict:
//
//	                                 with keys            without keys
//	there is no such dot             corrupt              corrupt
//	r is empty                       unsealed             ok-plain
//	r is not 64 digits 0-9a-f        malformed-trailer    malformed-trailer
//	a key makes r over what is before it   ok
//	else                             bad-seal             ok-unverified
//
// An ok value is retired if the key is not the first of the ring. The form alone cannot tell
// a value that was never sealed from one whose trailer was cut off: both are unsealed.
// Something sealed that does not end like a pickle, such as an object of package objects
// under the same key, is corrupt: fleche does not accept it either.
//
// Before any of these: not-regular and unsafe-path (nothing is read through a link, and no FIFO
// blocks), too-large (see [Options]), io-error, and changed-during-read for a file that was
// written to while it was read, three times in a row. A compressed file is
// corrupt if it is not one or more gzip members with nothing but zero bytes
// after each, which is what Python accepts, if a checksum does not fit, and if it has more
// than 1024 members.
//
// As in package objects, to a reader every reason but the three that begin with "ok" is a
// miss: the error is an [*objects.Error] and errors.Is(err, fs.ErrNotExist) holds, but
// for [objects.IOError]. Its Path is the name of the value.
//
// # What is not proven
//
// A name is the SHA-256 of the value before it was pickled. Nobody can check that from
// outside, and the trailer does not cover it. So whoever can write to the directory can put
// one sealed value in the place of another, or an older one back, and every check here, and
// fleche's own, says ok. What is proven is that a key holder sealed these very bytes.
//
// A trailer is the same as that of an object of package objects. Who shares a key between
// a store and a cache lets everybody whose bytes are added to the store choose a
// pickle that fleche will load. Use a key for one of them only.
//
// # Reading
//
// Nothing is released before the whole value is verified: up to 64 MiB in memory;
// larger ones are read twice, and in the second pass each MiB is compared by SHA-256 with
// what was verified before it is released. Compressed files are inflated as a stream, twice if
// large, and never beyond the limit of the options. Reading writes nothing.
//
// # Changing
//
// [Cache.Reseal] writes to TempDir, syncs, and renames. fleche locks nothing that would
// keep others away, so right before the rename the file must still be the one
// that was verified, by inode, size and time. What remains is a moment in which fleche
// may have begun to write to the old file: its new value is then lost, the verified old one is
// there, and as their names are equal so are the values. [Cache.Quarantine] never deletes.
// Whenever they are interrupted, every value is what it was, or resealed, or in
// quarantine.
//
// A Cache reads no environment and logs nothing.
package fleche
