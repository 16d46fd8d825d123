package objects_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

// crashDone returns nil for an error that says that there is nothing left to be done.
func crashDone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func crashLarge(n byte) string { return string(random(1<<20+10, n)) }

func prepareNothing(*testing.T, billy.Filesystem) []string { return nil }

func prepareRotation(t *testing.T, fsys billy.Filesystem) (payloads []string) {
	for _, p := range texts("loose", 4) {
		plant(t, fsys, digestOf([]byte(p)), sealed(key2, []byte(p)))
	}
	large := crashLarge(3)
	plant(t, fsys, digestOf([]byte(large)), sealed(key2, []byte(large)))
	var records []record
	for _, p := range texts("packed", 9) {
		records = append(records, record{digestOf([]byte(p)), sealed(key2, []byte(p))})
	}
	plantPack(t, fsys, records...)
	return append(append(texts("loose", 4), texts("packed", 9)...), large)
}

// prepareDamage makes good objects and damaged ones, loose and packed, and a pack that is cut
// off.
func prepareDamage(t *testing.T, fsys billy.Filesystem) (payloads []string) {
	records := numbered("packed", 9)
	for i, p := range texts("bad", 4) {
		d := digestOf([]byte(p))
		stored := [][]byte{[]byte(p), sealed(foreignKey, []byte(p))}[i%2]
		if i < 2 {
			plant(t, fsys, d, stored)
		} else {
			records = append(records, record{d, stored})
		}
	}
	plantPack(t, fsys, records...)
	cut := append(numbered("cut", 3), sealedRecord("lost"))
	id := plantPack(t, fsys, cut...)
	half, _ := packBytes(cut...)
	write(t, fsys, packFile(id), half[:len(half)-7])
	return append(texts("packed", 9), texts("cut", 3)...)
}

func crashBad(payloads ...string) map[objects.Digest]bool {
	bad := make(map[objects.Digest]bool)
	for _, p := range payloads {
		bad[digestOf([]byte(p))] = true
	}
	return bad
}

func crashCases() []crashCase {
	one := [][]byte{key1}
	return []crashCase{
		{name: "Put", keys: one, prep: prepareNothing, do: func(ctx context.Context, r *crashRun) error {
			for _, p := range append(texts("put", 3), crashLarge(1), "put 0") {
				if _, err := r.db.PutReader(ctx, strings.NewReader(p)); err != nil {
					return err
				}
				r.acknowledge(p)
			}
			return nil
		}},
		{name: "Put of what another process has just put", keys: one, prep: prepareNothing, do: func(ctx context.Context, r *crashRun) error {
			other := open(r.t, r.fsys, ringOf(r.t, key1), quick)
			for _, p := range texts("other", 2) {
				if _, err := other.Put(ctx, []byte(p)); err != nil {
					return err
				}
				if _, err := r.db.Put(ctx, []byte(p)); err != nil {
					return err
				}
				r.acknowledge(p)
			}
			b := other.NewBatch()
			for _, p := range texts("others", 9) {
				if _, err := b.Put(ctx, []byte(p)); err != nil {
					return err
				}
			}
			if err := b.Commit(ctx); err != nil {
				return err
			}
			if _, err := r.db.Put(ctx, []byte("others 3")); err != nil {
				return err
			}
			r.acknowledge("others 3")
			return nil
		}, bad: crashBad(append(texts("other", 2), texts("others", 9)...)...), damage: true},
		{name: "Put into a directory that was removed", keys: one, prep: prepareNothing, do: func(ctx context.Context, r *crashRun) error {
			for range 2 {
				if _, err := r.db.Put(ctx, []byte("a")); err != nil {
					return err
				}
				r.acknowledge("a")
				r.removing("a")
				if err := r.db.Remove(ctx, digestOf([]byte("a"))); err != nil {
					return err
				}
				if err := r.fsys.Remove(path.Dir(fileOf(digestOf([]byte("a"))))); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "a small batch", keys: one, prep: prepareNothing, do: batchCase(texts("small", 4))},
		{name: "a packed batch", keys: one, prep: prepareNothing, do: batchCase(texts("packed", 9))},
		{name: "a batch of all sizes", keys: one, prep: prepareNothing, do: batchCase(append(texts("mixed", 9), crashLarge(1))), limit: 12},
		{name: "Remove of a packed object", keys: one, prep: func(t *testing.T, fsys billy.Filesystem) []string {
			plantPack(t, fsys, numbered("a", 9)...)
			return texts("a", 9)
		}, do: func(ctx context.Context, r *crashRun) error {
			r.removing("a 3")
			if err := crashDone(r.db.Remove(ctx, digestOf([]byte("a 3")))); err != nil {
				return err
			}
			r.removed("a 3")
			return nil
		}},
		{name: "Remove of a loose object", keys: one, prep: func(t *testing.T, fsys billy.Filesystem) []string {
			plant(t, fsys, digestOf([]byte("a")), sealed(key1, []byte("a")))
			return []string{"a"}
		}, do: func(ctx context.Context, r *crashRun) error {
			r.removing("a")
			if err := crashDone(r.db.Remove(ctx, digestOf([]byte("a")))); err != nil {
				return err
			}
			r.removed("a")
			return nil
		}},
		{name: "Pack", keys: one, prep: func(t *testing.T, fsys billy.Filesystem) []string {
			plantPack(t, fsys, numbered("a", 4)...)
			plantPack(t, fsys, numbered("b", 4)...)
			for _, r := range numbered("loose", 5) {
				plant(t, fsys, r.d, r.stored)
			}
			remove(t, fsys, indexFile(plantPack(t, fsys, numbered("hidden", 3)...)))
			return slices.Concat(texts("a", 4), texts("b", 4), texts("loose", 5))
		}, do: func(ctx context.Context, r *crashRun) error {
			if err := second(r.db.Pack(ctx, nil)); err != nil {
				return err
			}
			r.acknowledge(texts("hidden", 3)...)
			return nil
		}},
		{name: "Reseal", keys: [][]byte{key1, key2}, prep: prepareRotation, do: func(ctx context.Context, r *crashRun) error {
			for f, err := range r.db.Reseal(ctx, objects.FsckOptions{}, nil) {
				if err != nil {
					return err
				}
				if f.Severity != objects.SeverityNote {
					return fmt.Errorf("reseal finds %s: %s", f.Path, f.Reason)
				}
			}
			r.acknowledge()
			return nil
		}, limit: 12, after: one},
		{name: "Adopt", keys: one, prep: prepareAdoption, do: func(ctx context.Context, r *crashRun) error {
			list := slices.Concat(texts("loose", 2), texts("packed", 9))
			var digests []objects.Digest
			for _, p := range list {
				digests = append(digests, digestOf([]byte(p)))
			}
			for _, err := range r.db.Adopt(ctx, digests) {
				if err != nil {
					return err
				}
			}
			r.acknowledge(list...)
			return nil
		}, bad: crashBad(slices.Concat(texts("loose", 2), texts("packed", 9))...)},
		{name: "Quarantine", keys: one, prep: prepareDamage, do: func(ctx context.Context, r *crashRun) error {
			findings, stats := fsck(r.t, r.db, objects.FsckOptions{})
			for _, err := range r.db.Quarantine(ctx, findings, objects.QuarantineOptions{Anyway: true, Checked: stats.Objects}) {
				if err != nil {
					return err
				}
			}
			r.acknowledge()
			return nil
		}, bad: crashBad(append(texts("bad", 4), "lost")...), damage: true},
	}
}

func prepareAdoption(t *testing.T, fsys billy.Filesystem) []string {
	for _, p := range texts("loose", 2) {
		plant(t, fsys, digestOf([]byte(p)), []byte(p))
	}
	var records []record
	for _, p := range texts("packed", 9) {
		records = append(records, record{digestOf([]byte(p)), []byte(p)})
	}
	plantPack(t, fsys, append(records, numbered("good", 2)...)...)
	return texts("good", 2)
}

func batchCase(payloads []string) func(ctx context.Context, r *crashRun) error {
	return func(ctx context.Context, r *crashRun) error {
		if err := batchOf(ctx, r.db, payloads); err != nil {
			return err
		}
		r.acknowledge(payloads...)
		return nil
	}
}
