package hooks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"

	"github.com/go-git/go-billy/v5"

	"fsk/hooks"
	"fsk/objects"
	"fsk/objects/objectstest"
	"fsk/seal"
)

// exampleStore makes a store in memory and a key.
func exampleStore() (billy.Filesystem, *seal.Ring) {
	fsys := objectstest.NewMemory()
	if err := objects.Init(fsys); err != nil {
		log.Fatal(err)
	}
	ring, err := seal.NewRing(seal.GenerateKey())
	if err != nil {
		log.Fatal(err)
	}
	return fsys, ring
}

// try stores a payload and prints what reading it gives.
func try(db *objects.DB, payload string) {
	ctx := context.Background()
	info, err := db.Put(ctx, []byte(payload))
	if err != nil {
		log.Fatal(err)
	}
	_, err = db.Get(ctx, info.Digest)
	if refused := (*objects.Error)(nil); errors.As(err, &refused) {
		fmt.Printf("%s: %s (%s)\n", payload, refused.Explain(), refused.Reason)
		return
	}
	fmt.Printf("%s: %v\n", payload, err)
}

// A build tool has a policy of its own: only what its own key sealed, nothing large,
// nothing that was revoked.
func Example() {
	fsys, ring := exampleStore()

	policy := hooks.Chain{
		hooks.FirstKey{},
		hooks.MaxSize(10),
		hooks.NewDeny(objects.Sum([]byte("revoked"))),
	}
	db, err := objects.Open(fsys, ring, &objects.Options{PreRead: policy})
	if err != nil {
		log.Fatal(err)
	}

	try(db, "result")
	try(db, "revoked")
	try(db, "a result that is too large")
	// Output:
	// result: <nil>
	// revoked: policy deny: it is on the deny list (denied)
	// a result that is too large: policy max_object_size: 26 bytes are more than the limit of 10 (denied)
}

// A function may read the payload, which is verified.
func ExampleFunc() {
	fsys, ring := exampleStore()
	noScripts := hooks.Func(func(_ context.Context, info objects.Info, payload io.ReaderAt) error {
		head := make([]byte, 2)
		if _, err := payload.ReadAt(head, 0); err != nil && err != io.EOF {
			return fmt.Errorf("%w: %w", objects.ErrHookFailed, err)
		}
		if string(head) == "#!" {
			return &hooks.Denial{Policy: "build tool", Why: "scripts are not run from the cache"}
		}
		return nil
	})
	db, err := objects.Open(fsys, ring, &objects.Options{PreRead: noScripts})
	if err != nil {
		log.Fatal(err)
	}
	try(db, "data")
	try(db, "#!/bin/sh")
	// Output:
	// data: <nil>
	// #!/bin/sh: build tool: scripts are not run from the cache (denied)
}

// A revocation list from a file: one digest a line.
func ExampleReadDeny() {
	list := strings.NewReader("# built by the broken compiler\n" + objects.Sum([]byte("bad")).String() + "\n")
	deny, err := hooks.ReadDeny(list)
	if err != nil {
		log.Fatal(err)
	}
	fsys, ring := exampleStore()
	db, err := objects.Open(fsys, ring, &objects.Options{PreRead: deny})
	if err != nil {
		log.Fatal(err)
	}
	try(db, "good")
	try(db, "bad")
	// Output:
	// good: <nil>
	// bad: policy deny: it is on the deny list (denied)
}

// Every decision is a record of a structured log.
func ExampleAudit() {
	few := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case "policy", "answer", "why", "size":
			return a
		}
		return slog.Attr{} // what differs from run to run
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: few}))

	fsys, ring := exampleStore()
	db, err := objects.Open(fsys, ring, &objects.Options{
		PreRead: hooks.Audit{Policy: hooks.MaxSize(4), Log: logger},
	})
	if err != nil {
		log.Fatal(err)
	}
	try(db, "tiny")
	try(db, "large")
	// Output:
	// size=4 policy="policy max_object_size" answer=allowed why=""
	// tiny: <nil>
	// size=5 policy="policy max_object_size" answer=denied why="policy max_object_size: 5 bytes are more than the limit of 4"
	// large: policy max_object_size: 5 bytes are more than the limit of 4 (denied)
}
