package objects_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"

	"fsk/objects"
	"fsk/objects/rootfs"
	"fsk/seal"
)

func Example() {
	dir, err := os.MkdirTemp("", "fsk")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	fsys, err := rootfs.Create(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer fsys.Close()
	if err := objects.Init(fsys); err != nil {
		log.Fatal(err)
	}
	ring, err := seal.ParseKeys("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	if err != nil {
		log.Fatal(err)
	}
	db, err := objects.Open(fsys, ring, nil)
	if err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	info, err := db.Put(ctx, []byte("hello\n"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Digest, info.Reason)

	payload, err := db.Get(ctx, info.Digest)
	fmt.Printf("%q %v\n", payload, err)

	_, err = db.Get(ctx, objects.Sum([]byte("never stored")))
	fmt.Println(errors.Is(err, fs.ErrNotExist), err)

	// Output:
	// 8e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99 ok
	// "hello\n" <nil>
	// true object 73eeaafe30cc7642298ef6c4a904f7f3eb05c59052266654f4705c355fd94f52: no such object (missing)
}

// exampleStore returns an empty store and what removes it.
func exampleStore() (fsys *rootfs.FS, remove func()) {
	dir, err := os.MkdirTemp("", "fsk")
	if err != nil {
		log.Fatal(err)
	}
	if fsys, err = rootfs.Create(dir); err != nil {
		log.Fatal(err)
	}
	if err := objects.Init(fsys); err != nil {
		log.Fatal(err)
	}
	return fsys, func() { fsys.Close(); os.RemoveAll(dir) }
}

// exampleDB opens a store with a ring of keys.
func exampleDB(fsys *rootfs.FS, keys string) *objects.DB {
	ring, err := seal.ParseKeys(keys)
	if err != nil {
		log.Fatal(err)
	}
	db, err := objects.Open(fsys, ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	return db
}

const (
	exampleOldKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	exampleNewKey = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
)

// A new key comes first in the ring, the old one stays behind it until everything is
// resealed.
func ExampleDB_Reseal() {
	fsys, remove := exampleStore()
	defer remove()
	ctx := context.Background()
	info, err := exampleDB(fsys, exampleOldKey).Put(ctx, []byte("hello\n"))
	if err != nil {
		log.Fatal(err)
	}

	var stats objects.FsckStats
	for finding, err := range exampleDB(fsys, exampleNewKey+":"+exampleOldKey).Reseal(ctx, objects.FsckOptions{}, &stats) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(finding.Reason, finding.Path)
	}
	fmt.Println(stats.Objects, stats.Resealed, stats.Keys, stats.Complete)

	payload, err := exampleDB(fsys, exampleNewKey).Get(ctx, info.Digest)
	fmt.Printf("%q %v\n", payload, err)

	// Output:
	// 1 map[94926d11dd3a2fcc:1] map[994de9cac36a30fd:1] true
	// "hello\n" <nil>
}

// What does not verify is set aside, and putting the payload again heals the object.
func ExampleDB_Quarantine() {
	fsys, remove := exampleStore()
	defer remove()
	ctx := context.Background()
	db := exampleDB(fsys, exampleNewKey)
	info, err := exampleDB(fsys, exampleOldKey).Put(ctx, []byte("hello\n")) // by a key that is not in the ring
	if err != nil {
		log.Fatal(err)
	}

	var findings []objects.Finding
	var stats objects.FsckStats
	for finding, err := range db.Fsck(ctx, objects.FsckOptions{}, &stats) {
		if err != nil {
			log.Fatal(err)
		}
		findings = append(findings, finding)
	}
	for moved, err := range db.Quarantine(ctx, findings, objects.QuarantineOptions{Checked: stats.Objects}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(moved.Reason, moved.To)
	}

	_, err = db.Get(ctx, info.Digest)
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	info, err = db.Put(ctx, []byte("hello\n"))
	fmt.Println(info.Reason, err)

	// Output:
	// bad-seal quarantine/8e4c7c1b99dbfd50e7a95185fead5ee1448fa904a2fdd778eaf5f2dbfd629a99.bad-seal
	// true
	// ok <nil>
}
