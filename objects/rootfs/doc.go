// Package rootfs is a billy filesystem that is confined to one directory, for a
// store on a disk that is not trusted: somebody may put links, FIFOs, devices and
// directories anywhere below that directory, at any moment, also between two
// system calls of this package.
//
// # Confinement
//
// The directory itself may be reached through links; it is the caller's word and
// is resolved once, by [Open]. Below it no link is followed:
//
//   - Opening a file, for reading or writing, gives a regular file or an error, and
//     never waits for the other end of a FIFO. What is there but is not a regular
//     file, a link included, is [durable.ErrNotRegular].
//   - A link on the way to the last element of a name is [durable.ErrUnsafePath],
//     whatever the operation, and so is a link in the place of a directory that is
//     listed, synced, made or entered.
//   - Rename replaces a link, Remove removes one, and neither touches what it
//     points to. Stat is Lstat.
//
// On Linux the kernel does this in one step for each name (openat2 with
// RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS), so there is no moment at which a link
// could be slipped in. Elsewhere, and where the kernel refuses that call, the
// package looks at every element before it opens, and afterwards makes sure that it
// has got the very file it looked at. Somebody who swaps directories and links fast
// enough can then lead an operation to another place below the directory, but
// still not out of it: that much [os.Root] sees to.
//
// # Names
//
// Names are relative, with slashes on every system, and have no empty, "." or ".."
// elements; "" and "." are the directory itself where that has a meaning. Others
// are refused with [fs.ErrInvalid] before any system call. They need not be UTF-8.
//
// Unlike other billy filesystems this one makes no directory on the way to a file:
// a missing one is [fs.ErrNotExist], so that a misspelt name leaves nothing behind.
//
// # Errors
//
// Errors are of type [*fs.PathError], those of Rename and Symlink of type
// [*os.LinkError], with the names as they were given, relative to the directory.
// They wrap the system's error number, so [errors.Is] finds [fs.ErrNotExist],
// [fs.ErrExist] and syscall.ENOSPC alike.
//
// # Abilities
//
// An [FS] has all abilities that package durable knows: [durable.RegularOpener],
// [durable.NameLister], [durable.DirSyncer], [durable.Locker] and [durable.Queuer], and
// its files are [durable.Syncer] and, if opened as regular ones, [durable.Stater]; on Linux
// they are [durable.WriteStarter] and [durable.Toucher], too. Only on Windows, where a
// directory cannot be flushed, it is no DirSyncer.
package rootfs
