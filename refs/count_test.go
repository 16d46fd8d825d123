package refs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/rootfs"
	"fsk/refs"
	"fsk/seal"
)

// childEnv makes the test binary a process that counts: its value is how far.
const (
	childEnv    = "FSK_REFS_TEST_CHILD"
	childDirEnv = "FSK_REFS_TEST_DIR"
)

// increment adds one to the number that a ref names, by compare-and-swap. attr says which
// increment it is, so that one whose acknowledgement was lost is not done twice.
func increment(ctx context.Context, s *refs.Store, db *objects.DB, name refs.Name, who, n string) error {
	for {
		change := refs.Change{Create: true}
		number := 0
		ref, err := s.Get(ctx, name)
		if err == nil {
			if ref.Attrs["by-"+who] == n {
				return nil
			}
			payload, err := db.Get(ctx, ref.Digest)
			if err != nil {
				return err
			}
			if number, err = strconv.Atoi(string(payload)); err != nil {
				return err
			}
			change = refs.Change{Old: ref.Digest}
		} else if !isReason(err, objects.Missing) {
			return err
		}
		info, err := db.Put(ctx, []byte(strconv.Itoa(number+1)))
		if err != nil {
			return err
		}
		change.Digest, change.Attrs = info.Digest, map[string]string{"by-" + who: n}
		for key, value := range ref.Attrs {
			if _, ok := change.Attrs[key]; !ok {
				change.Attrs[key] = value
			}
		}
		if _, err = s.Update(ctx, name, change); err == nil || !isReason(err, objects.RefConflict) {
			return err
		}
	}
}

// countChild increments from where its ref says it is, and prints each number that is
// acknowledged.
func countChild() int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	who, limit, _ := strings.Cut(os.Getenv(childEnv), ":")
	end, err := strconv.Atoi(limit)
	if err != nil {
		return fail(err)
	}
	fsys, err := rootfs.Open(os.Getenv(childDirEnv))
	if err != nil {
		return fail(err)
	}
	ring, err := seal.NewRing(key1)
	if err != nil {
		return fail(err)
	}
	db, err := objects.Open(fsys, ring, &objects.Options{Durability: durable.None})
	if err != nil {
		return fail(err)
	}
	s, err := refs.Open(fsys, ring, db, &refs.Options{Durability: durable.None})
	if err != nil {
		return fail(err)
	}
	name, err := refs.ParseName("counter")
	if err != nil {
		return fail(err)
	}
	from := 1
	ref, err := s.Get(background, name)
	if err == nil && ref.Attrs["by-"+who] != "" {
		from, err = strconv.Atoi(ref.Attrs["by-"+who])
		from++
	}
	if err != nil && !isReason(err, objects.Missing) {
		return fail(err)
	}
	for n := from; n <= end; n++ {
		if err := increment(background, s, db, name, who, strconv.Itoa(n)); err != nil {
			return fail(err)
		}
		fmt.Println(n)
	}
	return 0
}

// TestProcessesCount is F13: two processes increment 1,000 times each by compare-and-swap,
// and are killed now and then. None is lost, none is done twice, and no lock stays.
func TestProcessesCount(t *testing.T) {
	each := 1000
	if testing.Short() {
		each = 100
	}
	fsys := newRoot(t)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			who := strconv.Itoa(i)
			for kills, acknowledged := 0, 0; acknowledged < each; kills++ {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), childEnv+"="+who+":"+strconv.Itoa(each), childDirEnv+"="+fsys.Root())
				cmd.Stderr = os.Stderr
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Error(err)
					return
				}
				if err := cmd.Start(); err != nil {
					t.Error(err)
					return
				}
				life := 1 + rand.IntN(each/4) // increments until it is killed
				for lines := bufio.NewScanner(out); lines.Scan(); {
					n, err := strconv.Atoi(lines.Text())
					if err != nil || n <= acknowledged {
						t.Errorf("process %d prints %q after %d", i, lines.Text(), acknowledged)
					}
					acknowledged = n
					if life--; life == 0 && kills < 12 {
						cmd.Process.Kill()
					}
				}
				err = cmd.Wait()
				var exit *exec.ExitError
				if err != nil && (!errors.As(err, &exit) || exit.Exited()) {
					t.Errorf("process %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	w := open(t, fsys, ringOf(t, key1), refs.Options{})
	w.wantRef("counter", strconv.Itoa(2*each))
	ref, err := w.Get(t.Context(), nameOf(t, "counter"))
	if err != nil || ref.Seq != uint64(2*each) {
		t.Errorf("the last record is %+v, %v", ref, err)
	}
	n := 2 * each
	for ref, err := range w.Log(t.Context(), nameOf(t, "counter")) {
		if err != nil || ref.Digest != digestOf(strconv.Itoa(n)) {
			t.Fatalf("record %d: %+v, %v", n, ref, err)
		}
		n--
	}
	if n != 0 {
		t.Errorf("the history begins after %d", n)
	}
	w.wantFindings()
}

// TestGoroutinesCount is the same in one process, through one Store and several.
func TestGoroutinesCount(t *testing.T) {
	const goroutines, times = 8, 25
	fsys := newRoot(t)
	ring := ringOf(t, key1)
	stores := []*world{open(t, fsys, ring, refs.Options{Marks: newMarks()}), open(t, fsys, ring, refs.Options{})}
	memory := open(t, newMemory(t), ring, refs.Options{})
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range times {
				for _, w := range []*world{stores[g%2], memory} {
					if err := increment(background, w.Store, w.db, nameOf(t, "counter"), strconv.Itoa(g), strconv.Itoa(i+1)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	stores[0].wantRef("counter", strconv.Itoa(goroutines*times))
	memory.wantRef("counter", strconv.Itoa(goroutines*times))
}
