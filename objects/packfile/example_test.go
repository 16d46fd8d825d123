package packfile_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/zeebo/blake3"

	"fsk/objects/packfile"
)

func Example() {
	var pack, index bytes.Buffer // files, as a rule
	w := packfile.NewWriter(&pack)
	for _, payload := range []string{"abc", "hello"} {
		if err := w.Add(blake3.Sum256([]byte(payload)), []byte(payload), nil); err != nil {
			log.Fatal(err)
		}
	}
	id, err := w.Finish(&index)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id)

	x, err := packfile.OpenIndex(bytes.NewReader(index.Bytes()), int64(index.Len()))
	if err != nil {
		log.Fatal(err)
	}
	e, ok, err := x.Find(blake3.Sum256([]byte("hello")))
	if err != nil || !ok {
		log.Fatal(ok, err)
	}
	if err := e.Check(int64(pack.Len())); err != nil {
		log.Fatal(err)
	}
	stored := pack.Bytes()[e.Offset:][:e.Length]
	fmt.Printf("%s %t\n", stored, blake3.Sum256(stored) == e.Digest)
	// Output:
	// c279e4e36b94b5e519f4515bbf6c65866ebdd38b36f576d3c68eee4c3ad4f9b8
	// hello true
}

// The index of a pack is made anew from the pack. What cannot be read ends the scan;
// the caller verifies each object before it goes into the index.
func ExampleWriteIndex() {
	pack := []byte("fsk-pack 1\n" +
		"\x64\x37\xb3\xac\x38\x46\x51\x33\xff\xb6\x3b\x75\x27\x3a\x8d\xb5\x48\xc5\x58\x46\x5d\x79\xdb\x03\xfd\x35\x9c\x6c\xd5\xbd\x9d\x85" +
		"\x00\x00\x00\x00\x00\x00\x00\x03" + "abc" +
		"and half an object")
	var entries []packfile.Entry
	for o, err := range packfile.Scan(bytes.NewReader(pack), int64(len(pack))) {
		if err != nil {
			fmt.Println(err)
		} else if blake3.Sum256(o.Stored) == o.Digest {
			entries = append(entries, o.Entry)
		}
	}
	var index bytes.Buffer
	id, err := packfile.WriteIndex(&index, packfile.Unique(entries))
	fmt.Println(id, err)
	// Output:
	// pack, offset 54: cut off
	// a61fd685c5d32482fcfd08d134bb51c67db05a1f3364bfbf1e085d6eddc5e596 <nil>
}
