// Package marks remembers, for the command, which record of each ref was seen last, so
// that an older one that is put back is noticed. It implements [refs.Marks].
//
// # Files
//
// Marks are kept in a directory of the user's, outside of the store. For a store and a
// namespace there are two files in it. Their name is the BLAKE3, in hexadecimal, of the
// store's path, a NUL byte and the namespace; that of the second ends in ".new". Both
// have the same form: the line "fsk-marks 1", and for each ref the line
//
//	<BLAKE3 of the name> <number, 20 digits> <BLAKE3 of the body>
//
// in strictly ascending order. All lines are [lineSize] bytes long, so a mark is found by
// a binary search that reads some of them. What the second file says counts more. It
// is small, and written anew whenever something changes; when it has more than
// [maxRecent] marks, they are merged into the first file. So a change costs the same
// with ten marks and with a hundred thousand, and 17 reads find one of these.
//
// # Safety
//
// Files are replaced whole and durably; several processes may change them at once, under
// the file "lock" of the directory. Marks that cannot be read, or make no sense, are an
// error: to go on without them would be what an attacker wishes. That they cannot be
// written is only told, because it must not keep anybody from reading refs; what was
// seen in this run counts all the same. Nothing protects the marks from the user's own
// programs.
package marks
