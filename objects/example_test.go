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
