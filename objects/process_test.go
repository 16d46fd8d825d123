package objects_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"fsk/objects"
	"fsk/objects/rootfs"
	"fsk/seal"
)

// childEnv makes the test binary a process that puts objects: it is the name of the
// process, and childDirEnv that of the store.
const (
	childEnv    = "FSK_OBJECTS_TEST_CHILD"
	childDirEnv = "FSK_OBJECTS_TEST_DIR"
	children    = 4
	shared      = 12 // objects that all processes put
)

// putChild makes the store, puts the objects that all put and one of its own, and
// prints each digest once it is acknowledged.
func putChild() int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fsys, err := rootfs.Create(os.Getenv(childDirEnv))
	if err != nil {
		return fail(err)
	}
	if err := objects.Init(fsys); err != nil {
		return fail(err)
	}
	ring, err := seal.NewRing(key1)
	if err != nil {
		return fail(err)
	}
	db, err := objects.Open(fsys, ring, nil)
	if err != nil {
		return fail(err)
	}
	payloads := [][]byte{[]byte("own of " + os.Getenv(childEnv))}
	for i := range shared {
		payloads = append(payloads, random(i*i*i*1000, byte(i)))
	}
	for _, payload := range payloads {
		info, err := db.PutReader(context.Background(), bytes.NewReader(payload))
		if err != nil {
			return fail(err)
		}
		fmt.Println(info.Digest)
	}
	return 0
}

// TestProcessesPutAtOnce: several processes make one store and put the same and
// different objects, while this one checks (F12, F14).
func TestProcessesPutAtOnce(t *testing.T) {
	fsys := newRoot(t)
	dir := fsys.Root() + "/store"
	var wg sync.WaitGroup
	var mu sync.Mutex
	acknowledged := make(map[string]int)
	for i := range children {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childEnv, i), childDirEnv+"="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("process %d: %v: %s", i, err, out)
			}
			mu.Lock()
			defer mu.Unlock()
			for line := range strings.Lines(string(out)) {
				acknowledged[strings.TrimSpace(line)]++
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	ring := ringOf(t, key1)
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		store, err := rootfs.Open(dir)
		if err != nil {
			continue // not made yet
		}
		if db, err := objects.Open(store, ring, nil); err == nil {
			findings, _ := fsck(t, db, objects.FsckOptions{})
			for _, f := range findings {
				if f.Reason != objects.LeftoverTemp {
					t.Errorf("false finding %+v", f)
				}
			}
		}
		store.Close()
	}
	if len(acknowledged) != shared+children {
		t.Errorf("%d objects were acknowledged, want %d", len(acknowledged), shared+children)
	}
	db := open(t, rootAt(t, dir), ring, nil)
	for text := range acknowledged {
		d, err := objects.ParseDigest(text)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := db.Check(t.Context(), d); err != nil || info.Reason != objects.OK {
			t.Errorf("acknowledged, but %+v, %v", info, err)
		}
	}
	if findings, stats := fsck(t, db, objects.FsckOptions{}); len(findings) != 0 || stats.Objects != shared+children {
		t.Errorf("in the end: %v, %+v", findings, stats)
	}
}

// TestGoroutinesPutAtOnce puts the same and different objects through one DB and
// through several, in memory and on the disk.
func TestGoroutinesPutAtOnce(t *testing.T) {
	same := random(chunkSize+5, 1)
	root, memory := newRoot(t), newMemory(t)
	for name, dbs := range map[string][]*objects.DB{
		"rootfs": {open(t, root, ringOf(t, key1), nil), open(t, root, ringOf(t, key1, key2), quick)},
		"memory": {open(t, memory, ringOf(t, key1), nil)},
	} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for g := range 16 {
				db := dbs[g%len(dbs)]
				wg.Go(func() {
					for i, payload := range [][]byte{same, []byte("small"), fmt.Append(nil, g), random(2000, byte(g))} {
						var err error
						if (g+i)%2 == 0 {
							_, err = db.Put(t.Context(), payload)
						} else {
							_, err = db.PutReader(t.Context(), bytes.NewReader(payload))
						}
						if err != nil {
							t.Error(err)
							return
						}
						if got, err := db.Get(t.Context(), digestOf(payload)); err != nil || !bytes.Equal(got, payload) {
							t.Errorf("acknowledged, but %d bytes, %v", len(got), err)
						}
					}
				})
			}
			wg.Wait()
			findings, stats := fsck(t, dbs[0], objects.FsckOptions{})
			if len(findings) != 0 || stats.Objects != 34 {
				t.Errorf("findings %v, stats %+v", findings, stats)
			}
		})
	}
}
