// Package objectstest tests what fsk needs of a filesystem, and brings filesystems
// to test fsk with.
//
// Who wants to keep a store on a filesystem of his own runs the conformance suite
// on it, from one line in a test of his:
//
//	func TestConformance(t *testing.T) {
//		objectstest.TestFilesystem(t, func(t *testing.T) billy.Filesystem {
//			return myfs.New(t.TempDir())
//		})
//	}
//
// Each subtest's name is a claim. What concerns an optional ability (those of
// package durable, and links) is skipped on a filesystem without it.
//
// [NewMemory] is a filesystem in memory that goroutines may share. [NewFaultFS]
// puts a filesystem behind one whose nth call fails, for tests that go through
// every n and find the old state or the new one, and no third. [NewCrashFS] is one that
// builds every state in which a loss of power may leave it, for tests that read in each
// what was acknowledged before.
package objectstest
