// Package refs gives objects names that only a key holder can set.
//
// A ref is a mutable name for a digest. Its record says what it names and is sealed, so
// whoever can write to the disk but has no key can neither set a ref, nor pass off one
// ref as another, nor edit its attributes; to put back an older record, or to remove
// it, is noticed by a reader that keeps [Marks].
//
//	store, err := refs.Open(fs, ring, db, nil)       // db is the store in fs
//	name, err := refs.ParseName("builds/main")
//	ref, err := store.Update(ctx, name, refs.Change{Digest: d}) // durable when it returns
//	ref, err = store.Get(ctx, name)                  // verified, or an error
//	payload, err := db.Get(ctx, ref.Digest)
//
// # Names
//
// The names of refs and of namespaces have 1 to 255 bytes: components
// [a-z0-9][a-z0-9._-]{0,99} joined by slashes. No component ends in "." or ".lock", or
// is the name of a device on Windows, so that a name means the same file everywhere. A
// ref is not named by hexadecimal digits alone, which could be the beginning of a
// digest. As names are paths, "a" and "a/b" cannot both exist; a deleted ref keeps its
// place.
//
// # The record
//
// The ref builds/main is the file refs/builds/main, of at most [MaxSize] bytes of ASCII:
//
//	fsk-ref 1
//	ns default
//	name builds/main
//	digest 85d717404e437ba57d192879736fd963fa9b0ad55e93d7c4ea63f7c4949c6b55
//	seq 1
//	time 2026-11-22T00:00:00Z
//	prev 0000000000000000000000000000000000000000000000000000000000000000
//	key 94926d11dd3a2fcc
//	seal 18d3ac2090ca4ab1b9627c212190be20c98eba1d223e6bfa1529a79758871205
//
// Lines come in this order, each ends in a line feed, and there is no other byte; one
// record has one encoding. Between prev and key there may be up to [MaxAttrs] lines
// "attr NAME VALUE", names [a-z0-9-]{1,32} in ascending order, values of at most 512
// printable characters (0x20 to 0x7e). digest is that of an object, or 64 zeros if the
// ref was deleted. seq has no leading zero, is 1 for the first record and one more for
// each that follows. key is the id of the key that sealed the record, as a hint.
//
// The body is all lines before key. seal is the lowercase hexadecimal HMAC-SHA256 of
// all bytes before "seal ", under the key that BLAKE3's derive_key makes of a key of the
// ring with the context "fsk 2026-11-22 ref seal v1": a trailer of an object is never a
// seal of a ref. Without keys the last two lines are left out; a reader with keys
// refuses such a record, and a reader without keys reads both forms.
//
// # Reading
//
// [Store.Get] reads one file and takes no lock. A record is accepted if it is in the
// encoding above, a key of the ring sealed it, and it has the name that was asked for
// and the namespace of the [Options], which never comes from the store. All else is an
// [*Error] with a reason of package objects.
//
// # Writing
//
// [Store.Update] and [Store.Delete] lock the file refs/.lock, read, compare, and write,
// in this order; the kernel frees the lock of a process that ends. The new record
// replaces the old one by a rename, so readers see one of them. To delete is to write a
// record whose digest is zero: the number goes on, and an older record that is put back
// is noticed.
//
// An update that expects nothing also replaces a record that is not trusted: unsealed,
// of an unknown key, or damaged. Its number is then above that of what it replaces, as
// far as that can be read, and of the mark, and a new history begins. What is rolled
// back, gone or forked is not replaced before [Store.Accept] was called, nor is a
// record of another namespace, nor, without keys, a sealed one by a plain one.
//
// # History
//
// prev is the BLAKE3 of the former record's body, which is stored as an object of that
// digest, durably, before the new record is published. [Store.Log] walks this chain: the
// seal of the present record covers all of it. prev is zero if there is no former record,
// or if it is not kept.
//
// # Marks
//
// A mark is the number and the BLAKE3 of the body of the newest record that a reader has
// seen and verified with a key; marks are kept outside of the store. A lower number is
// [objects.RolledBack], the same number with another body [objects.RefFork], no record
// where a mark is [objects.RefGone]. To replace a seal by that of another key changes neither number nor
// body. Without marks, an older record that is put back is accepted: see
// [Options.MaxAge].
//
// This package reads no environment and logs nothing.
package refs
