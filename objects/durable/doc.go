// Package durable writes files to a billy filesystem so that they survive a
// crash, and holds the lock that the writers of a store share.
//
// # Writing
//
// A [Writer] makes a file in three steps that cannot be told apart by a reader:
// [Writer.Create] opens a file with a random name in a directory for temporary
// files, the caller writes to it, and [File.Commit] publishes it under its name:
//
//	write → check the length → fsync → close → rename → fsync of the directory
//
// and of every directory that had to be made. The file is synced before the
// rename, because a name that reaches the disk before its bytes would be an empty
// object after a power loss; the directory is synced after it, because only then
// does the name survive. An fsync that failed is never tried again on the same
// file: the kernel may have dropped the bytes and would then report success.
// A file that was not published is removed; one that was never is.
//
// # Abilities
//
// [billy.Filesystem] has no sync, no listing without a stat of every entry, no
// shared lock and no way to open a file that is certainly a regular one. A
// filesystem may have these as the one-method interfaces [RegularOpener],
// [NameLister], [DirSyncer], [Locker] and [Queuer], and its files may have [Syncer] and
// [Stater]. The functions of this package use them where they are there, and otherwise do the
// best that billy allows; [AbilitiesOf] tells what a filesystem has.
package durable
