package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

func fsck(t testing.TB, db *objects.DB, opts objects.FsckOptions) ([]objects.Finding, objects.FsckStats) {
	t.Helper()
	var stats objects.FsckStats
	var findings []objects.Finding
	for f, err := range db.Fsck(t.Context(), opts, &stats) {
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, f)
	}
	return findings, stats
}

func TestFsckFindsEverything(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		type found struct {
			reason   objects.Reason
			severity objects.Severity
		}
		want := make(map[string]found)
		planted := func(payload string, stored []byte, reason objects.Reason, severity objects.Severity) {
			d := digestOf([]byte(payload))
			plant(t, fsys, d, stored)
			if reason != objects.OK {
				want[fileOf(d)] = found{reason, severity}
			}
		}
		planted("good", sealed(key1, []byte("good")), objects.OK, "")
		planted("retired", sealed(key2, []byte("retired")), objects.Retired, objects.SeverityNote)
		planted("unsealed", []byte("unsealed"), objects.Unsealed, objects.SeverityError)
		planted("foreign", sealed(foreignKey, []byte("foreign")), objects.BadSeal, objects.SeverityError)
		planted("malformed", append([]byte("malformed"), bytes.Repeat([]byte{'A'}, 64)...), objects.MalformedTrailer, objects.SeverityError)
		planted("misnamed", sealed(key1, []byte("good")), objects.WrongName, objects.SeverityError)
		planted("damaged", []byte("garbage"), objects.Corrupt, objects.SeverityError)
		planted("giant", make([]byte, 5000), objects.TooLarge, objects.SeverityError)
		directory := digestOf([]byte("directory"))
		if err := fsys.MkdirAll(fileOf(directory), 0o777); err != nil {
			t.Fatal(err)
		}
		want[fileOf(directory)] = found{objects.NotRegular, objects.SeverityError}
		for _, name := range []string{"stray", "objects/stray", "objects/ABCD", "objects/ab/stray", "objects/ab/" + strings.Repeat("A", 62), "objects/ff"} {
			write(t, fsys, name, nil)
			want[name] = found{objects.Stray, objects.SeverityWarning}
		}
		write(t, fsys, "straydir/deep/file", nil)
		want["straydir"] = found{objects.Stray, objects.SeverityWarning}
		write(t, fsys, "tmp/leftover", nil)
		want["tmp/leftover"] = found{objects.LeftoverTemp, objects.SeverityNote}
		for _, name := range []string{"lock", "refs/x", "quarantine/x", "objects/ab/.nfs1234"} {
			write(t, fsys, name, nil) // have their place, or are of no interest
		}
		ring := ringOf(t, key1, key2)
		db := open(t, fsys, ring, &objects.Options{MaxObjectSize: 1000})
		var before []objects.Finding
		for _, workers := range []int{1, 8, 0} {
			findings, stats := fsck(t, db, objects.FsckOptions{Workers: workers})
			got := make(map[string]found)
			for _, f := range findings {
				if _, twice := got[f.Path]; twice {
					t.Errorf("%s is reported twice", f.Path)
				}
				got[f.Path] = found{f.Reason, f.Severity}
				if f.Next == "" {
					t.Errorf("%s of %s says nothing of what to do", f.Reason, f.Path)
				}
				if i, j := strings.Index(f.Next, "remove"), strings.IndexAny(f.Next, ",;:"); i >= 0 && i < j {
					t.Errorf("%s begins with a removal: %s", f.Reason, f.Next)
				}
				if !f.Digest.IsZero() && fileOf(f.Digest) != f.Path {
					t.Errorf("the digest %s is not that of %s", f.Digest, f.Path)
				}
				if f.Reason == objects.Retired && f.Key != ring.ID(1) {
					t.Errorf("retired key %v, want %v", f.Key, ring.ID(1))
				}
			}
			if !reflect.DeepEqual(got, want) {
				for path, f := range want {
					if got[path] != f {
						t.Errorf("%s: found %v, want %v", path, got[path], f)
					}
				}
				for path, f := range got {
					if _, ok := want[path]; !ok {
						t.Errorf("%s: found %v, want nothing", path, f)
					}
				}
			}
			if !stats.Complete || stats.Reasons[objects.OK] != 2 || stats.Keys[ring.ID(0)] != 1 || stats.Keys[ring.ID(1)] != 1 || stats.Reasons[objects.Unsealed] != 1 {
				t.Errorf("stats %+v", stats)
			}
			if before != nil && !reflect.DeepEqual(findings, before) {
				t.Errorf("%d workers report in another order or otherwise than before", workers)
			}
			before = findings
		}
	})
}

func TestFsckWithoutKeys(t *testing.T) {
	fsys := newRoot(t)
	plant(t, fsys, digestOf([]byte("plain")), []byte("plain"))
	plant(t, fsys, digestOf([]byte("sealed")), sealed(key1, []byte("sealed")))
	findings, stats := fsck(t, open(t, fsys, ringOf(t), nil), objects.FsckOptions{})
	if len(findings) != 2 || !stats.Complete || stats.Objects != 2 || stats.Bytes != 11 {
		t.Errorf("findings %v, stats %+v", findings, stats)
	}
	for _, f := range findings {
		if f.Severity != objects.SeverityNote || f.Reason != objects.OKPlain && f.Reason != objects.OKUnverified {
			t.Errorf("finding %+v, want a note", f)
		}
	}
}

// TestFsckOrder: findings about objects come in the order of their digests.
func TestFsckOrder(t *testing.T) {
	fsys := newRoot(t)
	for i := range 600 {
		plant(t, fsys, digestOf([]byte(fmt.Sprint(i))), []byte("damaged"))
	}
	findings, _ := fsck(t, open(t, fsys, ringOf(t, key1), nil), objects.FsckOptions{Workers: 8})
	byPath := func(a, b objects.Finding) int { return strings.Compare(a.Path, b.Path) }
	if len(findings) != 600 || !slices.IsSortedFunc(findings, byPath) {
		t.Errorf("%d findings, want 600 in order", len(findings))
	}
}

func TestFsckOfChosenObjects(t *testing.T) {
	fsys := newRoot(t)
	plant(t, fsys, digestOf([]byte("good")), sealed(key1, []byte("good")))
	plant(t, fsys, digestOf([]byte("bad")), []byte("x"))
	plant(t, fsys, digestOf([]byte("other")), []byte("x"))
	write(t, fsys, "stray", nil)
	db := open(t, fsys, ringOf(t, key1), nil)
	chosen := []objects.Digest{digestOf([]byte("bad")), digestOf([]byte("absent")), digestOf([]byte("good"))}
	findings, stats := fsck(t, db, objects.FsckOptions{Objects: chosen})
	if len(findings) != 2 || findings[0].Reason != objects.Corrupt || findings[1].Reason != objects.Missing ||
		findings[1].Severity != objects.SeverityError || findings[1].Next == "" || stats.Objects != 3 || !stats.Complete {
		t.Errorf("findings %v, stats %+v", findings, stats)
	}
	if findings, stats = fsck(t, db, objects.FsckOptions{Objects: []objects.Digest{}}); len(findings) != 0 || stats.Objects != 0 || !stats.Complete {
		t.Errorf("of none: findings %v, stats %+v", findings, stats)
	}
}

func TestFsckEndsWithTheContextAndTheLoop(t *testing.T) {
	fsys := newRoot(t)
	for i := range 2000 {
		plant(t, fsys, digestOf([]byte(fmt.Sprint(i))), []byte("damaged"))
	}
	db := open(t, fsys, ringOf(t, key1), nil)
	goroutines := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stats objects.FsckStats
	var last error
	n := 0
	for _, err := range db.Fsck(ctx, objects.FsckOptions{Workers: 2}, &stats) {
		if last = err; err == nil {
			if n++; n == 10 {
				cancel()
			}
		}
	}
	if last != context.Canceled || stats.Complete || n >= 2000 {
		t.Errorf("error %v after %d findings, stats %+v", last, n, stats)
	}
	for range db.Fsck(t.Context(), objects.FsckOptions{Workers: 2}, &stats) {
		break
	}
	if stats.Complete {
		t.Error("a loop that was left counts as complete")
	}
	for range 200 {
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, there were %d before", runtime.NumGoroutine(), goroutines)
}

// TestFsckReportsFaults: what could not be looked at makes it incomplete (F20), and
// is no reason to stop.
func TestFsckReportsFaults(t *testing.T) {
	inner := newRoot(t)
	for i := range 10 {
		payload := []byte(fmt.Sprint(i))
		plant(t, inner, digestOf(payload), sealed(key1, payload))
	}
	for n := 1; ; n++ {
		faults := newFaultsOn(inner)
		db := open(t, faults.FS(), ringOf(t, key1), nil)
		faults.FailAt(n, false, syscall.EIO)
		findings, stats := fsck(t, db, objects.FsckOptions{Workers: 1})
		log := faults.Log()
		if n > len(log) {
			if len(findings) != 0 || !stats.Complete || stats.Objects != 10 {
				t.Errorf("without a fault: %v, %+v", findings, stats)
			}
			return
		}
		if strings.HasPrefix(log[n-1], "close ") {
			continue
		}
		if len(findings) == 0 || stats.Complete || findings[0].Reason != objects.IOError || findings[0].Severity != objects.SeverityError ||
			!errors.Is(findings[0].Err, syscall.EIO) {
			t.Errorf("call %d (%s): %v, complete: %t", n, log[n-1], findings, stats.Complete)
		}
		for _, f := range findings {
			if f.Reason != objects.IOError {
				t.Errorf("call %d (%s): false finding %v", n, log[n-1], f)
			}
		}
	}
}

// TestFsckWhileOthersWork: what comes and goes meanwhile is no finding (F14).
func TestFsckWhileOthersWork(t *testing.T) {
	t.Parallel()
	fsys := newRoot(t)
	db := open(t, fsys, ringOf(t, key1), quick)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				payload := fmt.Appendf(nil, "%d %d", g, i%40)
				if _, err := db.Put(t.Context(), payload); err != nil {
					t.Error(err)
				}
				if g > 0 {
					if err := db.Remove(t.Context(), digestOf(payload)); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		findings, stats := fsck(t, db, objects.FsckOptions{})
		for _, f := range findings {
			if f.Reason != objects.LeftoverTemp {
				t.Errorf("false finding %+v", f)
			}
		}
		if !stats.Complete {
			t.Error("not complete")
		}
	}
	close(stop)
	wg.Wait()
}

func TestFsckOfJunk(t *testing.T) {
	t.Parallel()
	fsys := newRoot(t)
	for i := range 5000 {
		write(t, fsys, fmt.Sprintf("objects/ab/junk%d", i), nil)
	}
	deep := "objects/ab/deep" + strings.Repeat("/d", 200)
	if err := fsys.MkdirAll(deep, 0o777); err != nil {
		t.Fatal(err)
	}
	db := open(t, fsys, ringOf(t, key1), nil)
	n := 0
	for f, err := range db.Fsck(t.Context(), objects.FsckOptions{}, nil) {
		if err != nil || f.Reason != objects.Stray {
			t.Fatalf("%+v, %v", f, err)
		}
		n++
	}
	if n != 5001 {
		t.Errorf("%d findings, want 5001", n)
	}
}

func TestFsckProgress(t *testing.T) {
	fsys := newRoot(t)
	for i := range 500 {
		payload := []byte(fmt.Sprint(i))
		plant(t, fsys, digestOf(payload), sealed(key1, payload))
	}
	var last int64
	opts := objects.FsckOptions{Workers: 4, Progress: func(objects, _ int64) {
		if objects < last {
			t.Errorf("progress goes back from %d to %d", last, objects)
		}
		last = objects
	}}
	_, stats := fsck(t, open(t, fsys, ringOf(t, key1), nil), opts)
	if last != 500 || stats.Objects != 500 {
		t.Errorf("the last progress is %d, stats %+v", last, stats)
	}
}
