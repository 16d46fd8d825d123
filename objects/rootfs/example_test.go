package rootfs_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"fsk/objects/durable"
	"fsk/objects/rootfs"
)

func Example() {
	tmp, err := os.MkdirTemp("", "rootfs")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(tmp)

	fs, err := rootfs.Create(filepath.Join(tmp, "store"))
	if err != nil {
		log.Fatal(err)
	}
	defer fs.Close()

	if err := fs.MkdirAll("objects/ab", 0o777); err != nil {
		log.Fatal(err)
	}
	f, err := fs.OpenFile("objects/ab/cd", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(f, "payload")
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}

	r, err := fs.OpenRegular("objects/ab/cd")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	fmt.Println(r.Size(), "bytes")

	// Somebody plants a link to a file that is none of the store's business.
	if err := fs.Symlink("/etc/passwd", "objects/ab/ef"); err != nil {
		log.Fatal(err)
	}
	_, err = fs.OpenRegular("objects/ab/ef")
	fmt.Println(err)
	fmt.Println(errors.Is(err, durable.ErrNotRegular))
	// Output:
	// 7 bytes
	// open objects/ab/ef: not a regular file
	// true
}
