//go:build unix

package objects_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/rootfs"
)

// scarceFS has room for a few files that are held open, like a process with a low limit.
type scarceFS struct {
	*rootfs.FS
	held, limit atomic.Int32
}

func (f *scarceFS) take() error {
	if f.held.Add(1) > f.limit.Load() {
		f.held.Add(-1)
		return &fs.PathError{Op: "open", Err: syscall.EMFILE}
	}
	return nil
}

type scarceFile struct {
	durable.RegularFile
	f *scarceFS
}

func (r scarceFile) Close() error { r.f.held.Add(-1); return r.RegularFile.Close() }

func (f *scarceFS) OpenRegular(name string) (durable.RegularFile, error) {
	if err := f.take(); err != nil {
		return nil, err
	}
	file, err := f.FS.OpenRegular(name)
	if err != nil {
		f.held.Add(-1)
		return nil, err
	}
	return scarceFile{file, f}, nil
}

// while runs a call that needs a descriptor for a moment.
func while[T any](f *scarceFS, call func() (T, error)) (v T, err error) {
	if err := f.take(); err != nil {
		return v, err
	}
	defer f.held.Add(-1)
	return call()
}

func (f *scarceFS) OpenFile(name string, flag int, perm fs.FileMode) (billy.File, error) {
	return while(f, func() (billy.File, error) { return f.FS.OpenFile(name, flag, perm) })
}

func (f *scarceFS) TryLock(name string, exclusive bool) (func() error, error) {
	return while(f, func() (func() error, error) { return f.FS.TryLock(name, exclusive) })
}

func (f *scarceFS) Lstat(name string) (fs.FileInfo, error) {
	return while(f, func() (fs.FileInfo, error) { return f.FS.Lstat(name) })
}

func (f *scarceFS) Rename(from, to string) error {
	return second(while(f, func() (int, error) { return 0, f.FS.Rename(from, to) }))
}

func (f *scarceFS) Remove(name string) error {
	return second(while(f, func() (int, error) { return 0, f.FS.Remove(name) }))
}

func (f *scarceFS) MkdirAll(name string, perm fs.FileMode) error {
	return second(while(f, func() (int, error) { return 0, f.FS.MkdirAll(name, perm) }))
}

func (f *scarceFS) SyncDir(dir string) error {
	return second(while(f, func() (int, error) { return 0, f.FS.SyncDir(dir) }))
}

// TestPacksGiveDescriptorsBack: whatever needs a descriptor gets one as long as packs
// are held open (F10).
func TestPacksGiveDescriptorsBack(t *testing.T) {
	const packs = 10
	payload := []byte("a loose one")
	for what, do := range map[string]func(db *objects.DB) error{
		"Get of a loose object": func(db *objects.DB) error { return second(db.Get(t.Context(), digestOf(payload))) },
		"Put":                   func(db *objects.DB) error { return second(db.Put(t.Context(), []byte("new"))) },
		"PutReader": func(db *objects.DB) error {
			return second(db.PutReader(t.Context(), bytes.NewReader(random(3*chunkSize, 1))))
		},
		"Batch": func(db *objects.DB) error {
			b := db.NewBatch()
			for _, p := range append(texts("new", 8), string(random(2*chunkSize, 2))) {
				if _, err := b.Put(t.Context(), []byte(p)); err != nil {
					return err
				}
			}
			return b.Commit(t.Context())
		},
		"Remove": func(db *objects.DB) error { return db.Remove(t.Context(), digestOf(payload)) },
		"Resolve": func(db *objects.DB) error {
			return second(db.Resolve(t.Context(), digestOf(payload).String()[:8]))
		},
		"Fsck": func(db *objects.DB) error {
			if findings, stats := fsck(t, db, objects.FsckOptions{}); len(findings) > 0 || !stats.Complete {
				return fmt.Errorf("complete: %t, findings %+v", stats.Complete, findings)
			}
			return nil
		},
		"Pack": func(db *objects.DB) error { return second(db.Pack(t.Context(), nil)) },
	} {
		t.Run(what, func(t *testing.T) {
			fsys := &scarceFS{FS: newRoot(t)}
			plant(t, fsys.FS, digestOf(payload), sealed(key1, payload))
			for i := range packs {
				plantPack(t, fsys.FS, numbered(strings.Repeat("y", i), 8)...)
			}
			fsys.limit.Store(1000)
			db := open(t, fsys, ringOf(t, key1), nil)
			if _, err := db.Get(t.Context(), digestOf([]byte("absent"))); !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if n := fsys.held.Load(); n != 2*packs {
				t.Fatalf("%d files are held open, want %d", n, 2*packs)
			}
			fsys.limit.Store(2 * packs)
			if err := do(db); err != nil {
				t.Error(err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			if n := fsys.held.Load(); n != 0 {
				t.Errorf("%d files are held open after Close", n)
			}
		})
	}
}

// TestClose: it gives back what is held open, but not what is in use, and the DB can be
// used and closed again.
func TestClose(t *testing.T) {
	fsys := &scarceFS{FS: newRoot(t)}
	fsys.limit.Store(1000)
	list := texts("p", 8)
	plantPack(t, fsys.FS, numbered("p", 8)...)
	db := open(t, fsys, ringOf(t, key1), nil)
	for range 3 {
		wantPayload(t, db, []byte(list[1]))
		if n := fsys.held.Load(); n != 2 {
			t.Errorf("%d files are held open, want those of the pack", n)
		}
		r, err := db.Open(t.Context(), digestOf([]byte(list[2])))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		if n := fsys.held.Load(); n != 0 {
			t.Errorf("%d files are held open after Close", n)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != list[2] {
			t.Errorf("a Reader after Close: %q, %v", got, err)
		}
		r.Close()
	}
}

// TestHeldPacksAreLookedAtAgain: a process that runs on does not serve for ever what
// another one has removed or replaced.
func TestHeldPacksAreLookedAtAgain(t *testing.T) {
	list := texts("p", 12)
	for what, c := range map[string]struct {
		change func(t *testing.T, fsys *rootfs.FS, id string)
		want   func(i int) objects.Reason // of each object afterwards
		key    []byte
	}{
		"removed through another DB": {
			func(t *testing.T, fsys *rootfs.FS, id string) {
				if err := open(t, fsys, ringOf(t, key1), quick).Remove(t.Context(), digestOf([]byte(list[3]))); err != nil {
					t.Fatal(err)
				}
			},
			func(i int) objects.Reason {
				if i == 3 {
					return objects.Missing
				}
				return objects.OK
			}, key1,
		},
		"pack set aside": {
			func(t *testing.T, fsys *rootfs.FS, id string) {
				for _, name := range []string{indexFile(id), packFile(id)} {
					if err := fsys.Rename(name, "quarantine/"+name[len(packDir)+1:]); err != nil {
						t.Fatal(err)
					}
				}
			},
			func(int) objects.Reason { return objects.Missing }, key1,
		},
		"resealed, so that the name stays": {
			func(t *testing.T, fsys *rootfs.FS, id string) {
				var records []record
				for _, p := range list {
					records = append(records, record{digestOf([]byte(p)), sealed(key2, []byte(p))})
				}
				pack, _ := packBytes(records...)
				write(t, fsys, "tmp/new", pack)
				if err := fsys.Rename("tmp/new", packFile(id)); err != nil {
					t.Fatal(err)
				}
			},
			func(int) objects.Reason { return objects.OK }, key2,
		},
		"index replaced by one that leads nowhere": {
			func(t *testing.T, fsys *rootfs.FS, id string) {
				index, _ := indexBytes()
				write(t, fsys, "tmp/new", index)
				if err := fsys.Rename("tmp/new", indexFile(id)); err != nil {
					t.Fatal(err)
				}
			},
			func(int) objects.Reason { return objects.Missing }, key1,
		},
	} {
		for _, often := range []int{1, 40} { // with the index on the disk and in memory
			t.Run(fmt.Sprint(what, "/read ", often, " times"), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					fsys := newRoot(t)
					id := plantPack(t, fsys, numbered("p", 12)...)
					db := open(t, fsys, ringOf(t, key1, key2), nil)
					for range often {
						for _, p := range list {
							if _, err := db.Stat(t.Context(), digestOf([]byte(p))); err != nil {
								t.Fatal(err)
							}
						}
					}
					time.Sleep(2 * time.Second)
					wantPayload(t, db, []byte(list[5])) // looks at the files, which are the same
					c.change(t, fsys, id)
					time.Sleep(2 * time.Second)
					for i, p := range list {
						info, err := db.Check(t.Context(), digestOf([]byte(p)))
						if err != nil || info.Reason != c.want(i) {
							t.Errorf("object %d is %s, %v, want %s", i, info.Reason, err, c.want(i))
						}
						if info.Reason == objects.OK && info.Key != ringOf(t, c.key).ID(0) {
							t.Errorf("object %d is read as it was before it was resealed", i)
						}
					}
				})
			})
		}
	}
}
