package objectstest

import (
	"github.com/go-git/go-billy/v5"

	"fsk/objects/durable"
)

// wrapFile gives a file that is a durable.Syncer if and only if inner is one.
func (f *FaultFS) wrapFile(inner billy.File, name string) billy.File {
	file := &faultFile{File: inner, f: f, name: name}
	if s, ok := inner.(durable.Syncer); ok {
		return struct {
			billy.File
			durable.Syncer
		}{file, &faultSyncer{f: f, inner: s, name: name}}
	}
	return file
}

// faultFile takes Name from the file as it is.
type faultFile struct {
	billy.File
	f    *FaultFS
	name string
}

func (f *faultFile) Read(p []byte) (int, error) {
	return f.f.transfer("read", f.name, p, f.File.Read)
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	return f.f.transfer("readat", f.name, p, func(p []byte) (int, error) { return f.File.ReadAt(p, off) })
}

func (f *faultFile) Write(p []byte) (int, error) {
	return f.f.transfer("write", f.name, p, f.File.Write)
}

func (f *faultFile) Seek(offset int64, whence int) (int64, error) {
	return get(f.f, "seek", f.name, func() (int64, error) { return f.File.Seek(offset, whence) })
}

func (f *faultFile) Truncate(size int64) error {
	return f.f.call("truncate", f.name, func() error { return f.File.Truncate(size) })
}

func (f *faultFile) Lock() error   { return f.f.call("lock", f.name, f.File.Lock) }
func (f *faultFile) Unlock() error { return f.f.end("unlock", f.name, f.File.Unlock) }
func (f *faultFile) Close() error  { return f.f.end("close", f.name, f.File.Close) }

// faultRegular takes Size from the file as it is.
type faultRegular struct {
	durable.RegularFile
	f    *FaultFS
	name string
}

func (r *faultRegular) ReadAt(p []byte, off int64) (int, error) {
	return r.f.transfer("readat", r.name, p, func(p []byte) (int, error) { return r.RegularFile.ReadAt(p, off) })
}

func (r *faultRegular) Close() error { return r.f.end("close", r.name, r.RegularFile.Close) }

type faultSyncer struct {
	f     *FaultFS
	inner durable.Syncer
	name  string
}

func (s *faultSyncer) Sync() error { return s.f.call("sync", s.name, s.inner.Sync) }
