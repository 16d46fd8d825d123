package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/objectstest"
)

// A crashRun is an operation on a filesystem that may lose its power at any moment, and
// what it has acknowledged when.
type crashRun struct {
	t     testing.TB
	crash *objectstest.CrashFS
	fsys  billy.Filesystem
	db    *objects.DB
	there []map[string]bool // by the number of marks: the payloads that must be there
	gone  []map[string]bool // those that must not
	all   []string
}

// acknowledge notes that payloads are there for certain from now on.
func (r *crashRun) acknowledge(payloads ...string) {
	r.note(payloads, nil, nil)
	for _, p := range payloads {
		if !slices.Contains(r.all, p) {
			r.all = append(r.all, p)
		}
	}
}

// removing notes that payloads need not be there from now on, and removed that they must
// not be.
func (r *crashRun) removing(payloads ...string) { r.note(nil, payloads, nil) }
func (r *crashRun) removed(payloads ...string)  { r.note(nil, nil, payloads) }

func (r *crashRun) note(there, maybe, gone []string) {
	copyOf := func(list []map[string]bool) map[string]bool {
		last := make(map[string]bool)
		if len(list) > 0 {
			for p := range list[len(list)-1] {
				last[p] = true
			}
		}
		return last
	}
	t, g := copyOf(r.there), copyOf(r.gone)
	for _, p := range there {
		t[p] = true
	}
	for _, p := range slices.Concat(maybe, gone) {
		delete(t, p)
	}
	for _, p := range gone {
		g[p] = true
	}
	r.there, r.gone = append(r.there, t), append(r.gone, g)
	r.crash.Mark()
	// Somebody else's sync: what becomes of temporary files would only multiply the states.
	if err := durable.SyncDir(r.crash.FS(), "tmp"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.t.Fatal(err)
	}
}

// A crashCase is a row of TestPowerLoss.
type crashCase struct {
	name string
	keys [][]byte
	// prep makes what is on the disk at the beginning, and returns what must stay.
	prep func(t *testing.T, fsys billy.Filesystem) (payloads []string)
	do   func(ctx context.Context, r *crashRun) error
	// bad are digests of damaged objects, which may be found as such, or not at all.
	bad    map[objects.Digest]bool
	damage bool // of packs, until the end
	limit  int  // of states for a moment, 0 for many
	// after, if not nil, are the keys that are enough when all is done.
	after [][]byte
}

// TestPowerLoss loses the power at every moment of every operation, and looks at every
// state that this may leave (F8, D1, D2, D5).
func TestPowerLoss(t *testing.T) {
	for modelName, model := range map[string]objectstest.CrashModel{"any subset": objectstest.AnySubset, "in order": objectstest.InOrder} {
		for _, c := range crashCases() {
			t.Run(c.name+", "+modelName, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { powerLoss(t, c, model) }) // fsck waits for indexes
			})
		}
	}
}

func powerLoss(t *testing.T, c crashCase, model objectstest.CrashModel) {
	crash := objectstest.NewCrashFS()
	r := &crashRun{t: t, crash: crash, fsys: crash.FS()}
	makeStore(t, r.fsys)
	before := c.prep(t, r.fsys)
	crash.Settle()
	r.db = open(t, r.fsys, ringOf(t, c.keys...), nil)
	r.acknowledge(before...)
	if err := c.do(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	limit := 40
	if c.limit > 0 {
		limit = c.limit
	}
	if fullTest {
		limit *= 20
	}
	if testing.Short() || raceEnabled {
		limit = max(4, limit/8)
	}
	n := 0
	for state := range r.crash.States(model, limit, 1) {
		n++
		r.check(c, model, state)
		if t.Failed() {
			break
		}
	}
	if n < 5 {
		t.Errorf("only %d states", n)
	}
	t.Logf("%d states", n)
}

// check looks at a state, and does the same again.
func (r *crashRun) check(c crashCase, model objectstest.CrashModel, state objectstest.CrashState) {
	t := r.t
	t.Helper()
	what := fmt.Sprintf("moment %d, %d acknowledged", state.Moment, state.Marks)
	db := open(t, state.FS, ringOf(t, c.keys...), nil)
	if done := state.Marks == len(r.there); done {
		if c.after != nil {
			db = open(t, state.FS, ringOf(t, c.after...), nil)
		}
		for _, name := range names(t, r.fsys, "quarantine") {
			name = "quarantine/" + name
			if !bytes.Equal(fileBytes(t, state.FS, name), read(t, r.fsys, name)) {
				t.Errorf("%s: %s is lost or damaged", what, name)
			}
		}
	}
	r.checkObjects(c, db, state.Marks, what)
	findings, _ := fsck(t, db, objects.FsckOptions{})
	for _, f := range findings {
		excused := crashLeaves(f, model) || state.Marks < len(r.there) && (c.bad[f.Digest] || c.damage && (f.Reason == objects.BadPack || f.Reason == objects.BadIndex))
		if !excused {
			t.Errorf("%s: fsck finds %s: %s (%v)", what, f.Path, f.Reason, f.Err)
		}
	}
	db = open(t, state.FS, ringOf(t, c.keys...), nil)
	again := &crashRun{t: t, crash: objectstest.NewCrashFS(), fsys: state.FS, db: db}
	if err := c.do(t.Context(), again); err != nil {
		t.Errorf("%s: again: %v", what, err)
	}
	if _, err := db.Pack(t.Context(), nil); err != nil {
		t.Errorf("%s: Pack in the end: %v", what, err)
	}
	if c.bad != nil { // a pack that had lost its index, and has one again, may bring back what was mended in the new one
		if err := c.do(t.Context(), again); err != nil {
			t.Errorf("%s: after Pack: %v", what, err)
		}
	}
	db = open(t, state.FS, ringOf(t, c.keys...), nil)
	r.checkObjects(c, db, len(r.there), what+", again")
	findings, _ = fsck(t, db, objects.FsckOptions{})
	for _, f := range findings {
		if f.Severity != objects.SeverityNote {
			t.Errorf("%s: in the end fsck finds %s: %s (%v)", what, f.Path, f.Reason, f.Err)
		}
	}
}

// checkObjects reads every payload: what was acknowledged is there, and nothing is half
// there.
func (r *crashRun) checkObjects(c crashCase, db *objects.DB, marks int, what string) {
	t := r.t
	t.Helper()
	for _, p := range r.all {
		r.checkObject(c, db, p, marks, what)
	}
}

func (r *crashRun) checkObject(c crashCase, db *objects.DB, p string, marks int, what string) {
	t := r.t
	t.Helper()
	d := digestOf([]byte(p))
	name := p[:min(len(p), 20)]
	got, err := db.Get(t.Context(), d)
	reason := objects.OK
	var miss *objects.Error
	if errors.As(err, &miss) {
		reason = miss.Reason
	}
	switch {
	case err != nil && miss == nil:
		t.Errorf("%s: %q: %v", what, name, err)
	case err == nil && string(got) != p:
		t.Errorf("%s: %q has other bytes", what, name)
	case marks > 0 && r.there[marks-1][p] && err != nil:
		t.Errorf("%s: %q is lost: %v", what, name, err)
	case marks > 0 && r.gone[marks-1][p] && reason != objects.Missing:
		t.Errorf("%s: %q has come back: %s", what, name, reason)
	case reason != objects.OK && reason != objects.Missing && !c.bad[d]:
		t.Errorf("%s: %q is half there: %s", what, name, reason)
	}
}

// crashLeaves tells what fsck may find after a power loss. Where names are not kept in
// order, the index of a pack may be there without the pack: one of which nothing was
// acknowledged yet, or one that everything was copied from.
func crashLeaves(f objects.Finding, model objectstest.CrashModel) bool {
	switch {
	case f.Severity == objects.SeverityNote, f.Reason == objects.NoIndex:
		return true
	case model == objectstest.AnySubset && f.Reason == objects.BadIndex:
		return f.Err != nil && strings.Contains(f.Err.Error(), "without its pack")
	}
	return false
}

// TestPowerLossOfInit: a directory is a store or is none, and can be made one again.
func TestPowerLossOfInit(t *testing.T) {
	for _, model := range []objectstest.CrashModel{objectstest.AnySubset, objectstest.InOrder} {
		crash := objectstest.NewCrashFS()
		if err := objects.Init(crash.FS()); err != nil {
			t.Fatal(err)
		}
		crash.Mark()
		states := 0
		for state := range crash.States(model, 1000, 1) {
			states++
			_, err := objects.Open(state.FS, ringOf(t, key1), nil)
			if state.Marks > 0 && err != nil || err != nil && !errors.Is(err, objects.ErrNotStore) {
				t.Errorf("moment %d, %d acknowledged: Open: %v", state.Moment, state.Marks, err)
			}
			if err := objects.Init(state.FS); err != nil {
				t.Errorf("moment %d: Init again: %v", state.Moment, err)
			}
			if _, err := open(t, state.FS, ringOf(t, key1), nil).Put(t.Context(), []byte("text")); err != nil {
				t.Errorf("moment %d: Put after Init: %v", state.Moment, err)
			}
		}
		if states < 10 {
			t.Errorf("only %d states", states)
		}
	}
}
