package objects_test

import (
	"context"
	"fmt"
	"testing"

	"fsk/objects"
	"fsk/seal"

	"github.com/go-git/go-billy/v5"
)

var (
	keyOld = []byte("the key that was first until now")
	keyNew = []byte("the key that seals from now on..")
)

// rotated makes a store with loose objects, small and large, and packed ones, all sealed
// by the old key, and returns their payloads.
func rotated(t *testing.T, fsys billy.Filesystem) (payloads [][]byte) {
	makeStore(t, fsys)
	db := open(t, fsys, ringOf(t, keyOld), nil)
	b := db.NewBatch()
	for i := range 20 {
		payloads = append(payloads, fmt.Appendf(nil, "packed %d", i))
		if _, err := b.Put(context.Background(), payloads[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
	loose := [][]byte{{}, []byte("loose"), random(1<<20, 1), random(1<<20+1, 2), random(5<<20+12345, 3)}
	for _, p := range loose {
		if _, err := db.Put(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
	return append(payloads, loose...)
}

func reseal(t *testing.T, db *objects.DB) (stats objects.FsckStats, findings []objects.Finding) {
	t.Helper()
	for f, err := range db.Reseal(context.Background(), objects.FsckOptions{}, &stats) {
		if err != nil {
			t.Fatal(err)
		}
		findings = append(findings, f)
	}
	return stats, findings
}

func TestReseal(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		payloads := rotated(t, fsys)
		both := ringOf(t, keyNew, keyOld)
		db := open(t, fsys, both, nil)
		stats, findings := reseal(t, db)
		if len(findings) > 0 || !stats.Complete {
			t.Errorf("findings: %v, complete: %t", findings, stats.Complete)
		}
		n := int64(len(payloads))
		if stats.Objects != n || stats.Keys[both.ID(0)] != n || stats.Keys[both.ID(1)] != 0 || stats.Resealed[both.ID(1)] != n {
			t.Errorf("stats: %+v, want %d objects", stats, n)
		}
		if stats, _ := reseal(t, db); len(stats.Resealed) != 0 || stats.Keys[both.ID(0)] != n {
			t.Errorf("again: %+v", stats)
		}
		for _, p := range payloads {
			wantPayload(t, db, p) // through what was open before
			wantPayload(t, open(t, fsys, ringOf(t, keyNew), nil), p)
		}
	})
}

func TestResealNeedsAKey(t *testing.T) {
	fsys := newMemory(t)
	makeStore(t, fsys)
	for _, err := range open(t, fsys, seal.Off, nil).Reseal(context.Background(), objects.FsckOptions{}, nil) {
		if err == nil {
			t.Error("no error")
		}
	}
}

// badObjects plants an object of every verdict that is a miss, and returns the findings
// that they make. The key of the bad seal is none of the ring.
func badObjects(t *testing.T, fsys billy.Filesystem, packed bool) (bad map[objects.Digest][]byte) {
	payload := func(name string) []byte { return fmt.Appendf(nil, "%s, packed: %t", name, packed) }
	bad = make(map[objects.Digest][]byte)
	at := func(name string, stored []byte) { bad[digestOf(payload(name))] = stored }
	at("unsealed", payload("unsealed"))
	at("bad-seal", sealed([]byte("foreign"), payload("bad-seal")))
	at("malformed", append(payload("malformed"), make([]byte, 64)...))
	at("wrong-name", sealed(keyOld, payload("another")))
	at("corrupt", []byte("damaged"))
	other := []byte("the other object of the pack")
	records := []record{{digestOf(other), sealed(keyOld, other)}}
	for d, stored := range bad {
		if packed {
			records = append(records, record{d, stored})
		} else {
			plant(t, fsys, d, stored)
		}
	}
	if packed {
		plantPack(t, fsys, records...)
	}
	return bad
}

func TestRepairOfBadObjects(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		for _, packed := range []bool{false, true} {
			payloads := rotated(t, fsys)
			bad := badObjects(t, fsys, packed)
			db := open(t, fsys, ringOf(t, keyNew, keyOld), nil)
			stats, findings := reseal(t, db)
			if len(findings) != len(bad) {
				t.Errorf("packed %t: findings %v", packed, findings)
			}
			moved := 0
			for m, err := range db.Quarantine(context.Background(), findings, objects.QuarantineOptions{Checked: stats.Objects, Anyway: true}) {
				if err != nil {
					t.Fatal(err)
				}
				if got := read(t, fsys, m.To); string(got) != string(bad[m.Digest]) {
					t.Errorf("%s: %q, want %q", m.To, got, bad[m.Digest])
				}
				read(t, fsys, m.To+".note")
				moved++
			}
			if moved != len(bad) {
				t.Errorf("packed %t: %d moved", packed, moved)
			}
			if _, list := reseal(t, db); len(list) > 0 {
				t.Errorf("packed %t: findings afterwards: %v", packed, list)
			}
			for d := range bad {
				wantMiss(t, "after quarantine", getError(db, d), d, objects.Missing)
			}
			for _, p := range payloads {
				wantPayload(t, open(t, fsys, ringOf(t, keyNew), nil), p)
			}
		}
	})
}

func getError(db *objects.DB, d objects.Digest) error {
	_, err := db.Get(context.Background(), d)
	return err
}

func TestAdopt(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		for _, packed := range []bool{false, true} {
			makeStore(t, fsys)
			bad := badObjects(t, fsys, packed)
			db := open(t, fsys, ringOf(t, keyNew, keyOld), nil)
			var digests []objects.Digest
			for d := range bad {
				digests = append(digests, d)
			}
			good := 0
			for info, err := range db.Adopt(context.Background(), digests) {
				if err == nil && info.Reason == objects.OK && !info.Retired {
					good++
				}
			}
			if good != 2 {
				t.Errorf("packed %t: %d adopted, want 2", packed, good)
			}
		}
	})
}
