//go:build unix

package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"fsk/hooks"
	"fsk/objects"
)

// A program is pinned once, by who has looked at it. Here it refuses what holds a word.
func ExampleProgram() {
	dir, err := os.MkdirTemp("", "fsk")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	scan := filepath.Join(dir, "scan")
	text := "#!/bin/sh\nif grep -q virus; then echo 'a virus was found' >&2; exit 1; fi\n"
	if err := os.WriteFile(scan, []byte(text), 0o700); err != nil {
		log.Fatal(err)
	}
	pin, err := hooks.Pin(scan)
	if err != nil {
		log.Fatal(err)
	}

	program, err := hooks.NewProgram(hooks.ProgramOptions{
		Run: []string{scan}, BLAKE3: pin, Timeout: time.Minute,
		Env: []string{"PATH=/usr/bin:/bin"}, TempDir: dir,
	})
	if err != nil {
		log.Fatal(err)
	}
	fsys, ring := exampleStore()
	db, err := objects.Open(fsys, ring, &objects.Options{PreRead: hooks.Chain{hooks.FirstKey{}, program}})
	if err != nil {
		log.Fatal(err)
	}
	for _, payload := range []string{"harmless", "a virus"} {
		info, err := db.Put(context.Background(), []byte(payload))
		if err != nil {
			log.Fatal(err)
		}
		_, err = db.Get(context.Background(), info.Digest)
		var denial *hooks.Denial
		if errors.As(err, &denial) {
			fmt.Println(payload, "is refused:", denial.Why)
			continue
		}
		fmt.Println(payload, err)
	}
	// Output:
	// harmless <nil>
	// a virus is refused: a virus was found
}
