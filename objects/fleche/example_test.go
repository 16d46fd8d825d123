package fleche_test

import (
	"context"
	"fmt"
	"log"

	"fsk/objects"
	"fsk/objects/fleche"
	"fsk/objects/objectstest"
	"fsk/seal"
)

// A rotation: what the old key sealed is found, resealed, and read with the new key alone.
func Example() {
	ring, err := seal.ParseKeys("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f:" + // new
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f") // old
	check(err)
	fsys := objectstest.NewMemory() // rootfs.Open(dir), for the directory of a cache
	f, err := fsys.Create("dc937b59892604f5a86ac96936cd7ff09e25f18ae6b758e8014a24c7fa039e91")
	check(err)
	_, err = f.Write(ring.Only(1).AppendTrailer([]byte("N."), []byte("N."))) // the pickle of None
	check(err)
	check(f.Close())

	c, err := fleche.Open(fsys, ring, nil)
	check(err)
	ctx := context.Background()
	var stats objects.FsckStats
	for finding, err := range c.Reseal(ctx, fleche.FsckOptions{}, &stats) {
		check(err)
		fmt.Println(finding.Severity, finding.Path, finding.Reason) // what is not ok stays as it is
	}
	fmt.Println("resealed:", stats.Resealed[ring.ID(1)])

	c, err = fleche.Open(fsys, ring.Only(0), nil)
	check(err)
	for name, err := range c.All(ctx) {
		check(err)
		pickle, err := c.Get(ctx, name)
		fmt.Printf("%s %q %v\n", name, pickle, err)
	}
	var after objects.FsckStats
	for range c.Fsck(ctx, fleche.FsckOptions{}, &after) {
	}
	fmt.Println(after.Keys[ring.ID(0)], "by", ring.ID(0), "and nothing by the old key:", after.Complete)
	// Output:
	// resealed: 1
	// dc937b59892604f5a86ac96936cd7ff09e25f18ae6b758e8014a24c7fa039e91 "N." <nil>
	// 1 by 994de9cac36a30fd and nothing by the old key: true
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
