package gocache_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"fsk/cmd/fsk/gocache"
	"fsk/objects"
	"fsk/objects/objectstest"
	"fsk/seal"
)

// A go command that asks for nothing.
func Example() {
	server, err := gocache.NewServer(gocache.Options{
		Places: []gocache.Place{{Dir: os.TempDir()}},
		Open: func() (*gocache.Store, error) {
			fs := objectstest.NewMemory()
			if err := objects.Init(fs); err != nil {
				return nil, err
			}
			ring, err := seal.NewRing(seal.GenerateKey())
			if err != nil {
				return nil, err
			}
			return gocache.OpenStore(fs, ring, nil)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	stats, err := server.Serve(context.Background(), strings.NewReader(`{"ID":1,"Command":"close"}`+"\n"), os.Stdout)
	fmt.Println(stats.Gets, stats.Sealed, err)
	// Output:
	// {"ID":0,"KnownCommands":["get","put","close"]}
	// {"ID":1}
	// 0 true <nil>
}
