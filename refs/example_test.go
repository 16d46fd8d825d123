package refs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"

	"fsk/objects"
	"fsk/objects/rootfs"
	"fsk/refs"
	"fsk/seal"
)

func Example() {
	dir, err := os.MkdirTemp("", "fsk")
	check(err)
	defer os.RemoveAll(dir)
	fsys, err := rootfs.Create(dir)
	check(err)
	defer fsys.Close()
	check(objects.Init(fsys))
	ring, err := seal.ParseKeys("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	check(err)
	db, err := objects.Open(fsys, ring, nil)
	check(err)
	store, err := refs.Open(fsys, ring, db, nil)
	check(err)

	ctx := context.Background()
	name, err := refs.ParseName("builds/main")
	check(err)
	for _, payload := range []string{"first build\n", "second build\n"} {
		info, err := db.Put(ctx, []byte(payload))
		check(err)
		_, err = store.Update(ctx, name, refs.Change{Digest: info.Digest})
		check(err)
	}
	ref, err := store.Get(ctx, name)
	check(err)
	payload, err := db.Get(ctx, ref.Digest)
	fmt.Printf("number %d, %s: %q %v\n", ref.Seq, ref.Reason, payload, err)

	_, err = store.Update(ctx, name, refs.Change{Digest: ref.Digest, Create: true})
	var refused *refs.Error
	fmt.Println(errors.As(err, &refused) && refused.Reason == objects.RefConflict)
	for ref, err := range store.Log(ctx, name) {
		fmt.Println(ref.Seq, ref.Digest, err)
	}
	_, err = store.Delete(ctx, name, objects.Digest{})
	check(err)
	_, err = store.Get(ctx, name)
	fmt.Println(errors.Is(err, fs.ErrNotExist), err)

	// Output:
	// number 2, ok: "second build\n" <nil>
	// true
	// 2 deaf8e42d281fa66062886ddef1f086b3a74bff04b34623bb6f8270f4d99e542 <nil>
	// 1 000407e498d63328e1376ee42491c4ee3f9d44d2b09beb99633911dfdd9699f0 <nil>
	// true ref builds/main: no such ref (missing)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
