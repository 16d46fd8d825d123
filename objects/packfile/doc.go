// Package packfile encodes and decodes packs, files of many small objects one after
// another, and their indexes, which tell where each of them is.
//
// # Pack
//
//	offset  size
//	0       11    "fsk-pack 1\n"
//	11            the objects, each:
//	+0      32    digest: the name of the object
//	+32     8     n, big-endian: the length of its stored bytes, at most 1,048,640
//	+40     n     stored bytes: the payload and, if it is sealed, its trailer
//
// # Index
//
//	offset  size
//	0       10    "fsk-idx 1\n"
//	10      1024  256 big-endian numbers: how many objects have a digest whose first
//	              byte is at most i
//	1034    48 n  for each object, strictly ascending by digest:
//	+0      32    digest
//	+32     8     big-endian: the offset of its first stored byte in the pack
//	+40     8     big-endian: the length of its stored bytes
//	end-32  32    BLAKE3-256 of all before
//
// An index has at most 1,048,576 objects and no other byte. Its last 32 bytes are its
// [ID], in hex the name of both files. A pack is self-describing: [Scan] and
// [WriteIndex] make its index anew.
//
// # Writing
//
//	w := packfile.NewWriter(pack)
//	err := w.Add(digest, payload, trailer)  // for each object
//	id, err := w.Finish(index)              // then sync both, then rename the pack, then the index
//
// # Finding
//
//	x, err := packfile.OpenIndex(file, size)   // or ParseIndex, if it is in memory
//	e, ok, err := x.Find(digest)
//	err = e.Check(packSize)                    // before anything is read or allocated
//	_, err = pack.ReadAt(buf[:e.Length], e.Offset)
//
// # Trust
//
// Whoever wrote these files may be an enemy. Every number in them is checked before it
// is used: no input makes this package panic or read outside of the file, nor, when it
// reads, allocate more than 4 MiB, or for a small file, some KiB aside, more than its
// size. But nothing in them is authenticated. An index may name the place of another
// object, and a pack any bytes under any digest: who reads stored bytes must verify them
// against the digest. The checksum of an index finds accidents, not enemies.
//
// What is wrong with a file is told by an [*Error]. Any other error is that of the
// reader or writer which was given.
package packfile
