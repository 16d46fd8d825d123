package refs_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/objectstest"
	"fsk/refs"
	"fsk/seal"
)

// A crashRun is a series of changes of refs on a filesystem that may lose its power at any
// moment. Each record that was made is one more state of a ref.
type crashRun struct {
	*world
	crash *objectstest.CrashFS
	acked []map[string]refs.Ref // by the number of marks: what was acknowledged last
	made  map[string][]refs.Ref // every record of a name, in order
	alone bool                  // in the end the first key is enough
}

// did notes that a change was acknowledged.
func (r *crashRun) did(ref refs.Ref, err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
	now := make(map[string]refs.Ref)
	if len(r.acked) > 0 {
		for name, last := range r.acked[len(r.acked)-1] {
			now[name] = last
		}
	}
	name := ref.Name.String()
	if now[name].Seq < ref.Seq {
		r.made[name] = append(r.made[name], ref)
	}
	now[name] = ref
	r.acked = append(r.acked, now)
	r.crash.Mark()
	// Somebody else's sync: what becomes of temporary files would only multiply the states.
	if err := durable.SyncDir(r.crash.FS(), "tmp"); err != nil {
		r.t.Fatal(err)
	}
}

// TestPowerLoss loses the power at every moment of every change of a ref, and looks at
// every state that this may leave (F8): the ref is the old one or the new one, what was
// acknowledged is not lost, and the history is whole.
func TestPowerLoss(t *testing.T) {
	changes := map[string]func(r *crashRun){
		"three values of a ref": func(r *crashRun) {
			for _, payload := range []string{"one", "two", "three"} {
				r.did(r.Update(r.t.Context(), nameOf(r.t, "builds/main"), refs.Change{Digest: digestOf(payload)}))
			}
		},
		"a ref that is deleted and made again": func(r *crashRun) {
			name := nameOf(r.t, "top")
			r.did(r.Update(r.t.Context(), name, refs.Change{Digest: digestOf("one"), Create: true}))
			r.did(r.Delete(r.t.Context(), name, digestOf("one")))
			r.did(r.Update(r.t.Context(), name, refs.Change{Digest: digestOf("two"), Create: true}))
		},
		"two refs of one directory": func(r *crashRun) {
			for _, name := range []string{"a/b", "a/c", "a/b"} {
				r.did(r.Update(r.t.Context(), nameOf(r.t, name), refs.Change{Digest: digestOf("two"), Attrs: map[string]string{"size": "3"}}))
			}
		},
	}
	changes["refs that are resealed"] = func(r *crashRun) {
		old := openDurably(r.t, r.fs, ringOf(r.t, key2), refs.Options{})
		var last refs.Ref
		for i, name := range []string{"x/one", "x/two", "x/one"} {
			var err error
			last, err = old.Update(r.t.Context(), nameOf(r.t, name), refs.Change{Digest: old.put("by the old key"), Attrs: map[string]string{"n": fmt.Sprint(i)}})
			r.did(last, err)
		}
		for f, err := range r.Reseal(r.t.Context(), nil) {
			r.t.Errorf("Reseal finds %v, %v", f, err)
		}
		r.did(last, nil) // the same records, and the same history
		r.alone = true
	}
	models := map[string]objectstest.CrashModel{"any subset": objectstest.AnySubset, "in order": objectstest.InOrder}
	for change, do := range changes {
		for modelName, model := range models {
			t.Run(change+", "+modelName, func(t *testing.T) {
				t.Parallel()
				powerLoss(t, model, do)
			})
		}
	}
}

func powerLoss(t *testing.T, model objectstest.CrashModel, do func(r *crashRun)) {
	crash := objectstest.NewCrashFS()
	makeStore(t, crash.FS())
	before := open(t, crash.FS(), ringOf(t, key1), refs.Options{})
	for _, payload := range []string{"one", "two", "three", "again"} {
		before.put(payload)
	}
	crash.Settle()
	r := &crashRun{world: openDurably(t, crash.FS(), ringOf(t, key1, key2), refs.Options{}), crash: crash, made: make(map[string][]refs.Ref)}
	do(r)
	limit := 60
	if os.Getenv("FSK_TEST_FULL") != "" {
		limit = 2000
	}
	if testing.Short() {
		limit = 8
	}
	n := 0
	for state := range crash.States(model, limit, 1) {
		n++
		r.check(state)
		if t.Failed() {
			return
		}
	}
	if n < 20 {
		t.Errorf("only %d states", n)
	}
	t.Logf("%d states", n)
}

// check looks at a state, and then changes its refs as if nothing had happened.
func (r *crashRun) check(state objectstest.CrashState) {
	t := r.t
	t.Helper()
	what := fmt.Sprintf("moment %d, %d acknowledged", state.Moment, state.Marks)
	ring := ringOf(t, key1, key2)
	for _, f := range found(t, state.FS, ring) {
		t.Errorf("%s: %s: %s (%v)", what, f.Path, f.Reason, f.Err)
	}
	w := openDurably(t, state.FS, ring, refs.Options{})
	for name := range r.made {
		if ref, err := w.Get(t.Context(), nameOf(t, name)); r.alone && state.Marks == len(r.acked) && (err != nil || ref.Retired) {
			t.Errorf("%s: %s needs the retired key: %v", what, name, err)
		}
	}
	for name, made := range r.made {
		seq := r.wantState(w, what, name, state.Marks)
		ref, err := w.Update(t.Context(), nameOf(t, name), refs.Change{Digest: digestOf("again")})
		if err != nil || ref.Seq != seq+1 {
			t.Errorf("%s: %s: the next is record %d after %d: %v", what, name, ref.Seq, seq, err)
		}
		wantChain(w, what, name, append(made[:seq:seq], ref))
	}
}

// found is what a check of refs and objects finds, notes aside.
func found(t testing.TB, fsys billy.Filesystem, ring *seal.Ring) (list []objects.Finding) {
	t.Helper()
	w := open(t, fsys, ring, refs.Options{})
	all, _ := w.findings()
	for f, err := range w.db.Fsck(t.Context(), objects.FsckOptions{}, nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	for _, f := range all {
		if f.Severity != objects.SeverityNote {
			list = append(list, f)
		}
	}
	return list
}

// wantState wants a ref to be one of the records that were made, not one older than what
// was acknowledged, with its whole history. It returns its number, 0 if there is none.
func (r *crashRun) wantState(w *world, what, name string, marks int) uint64 {
	t := r.t
	t.Helper()
	var least uint64
	if marks > 0 {
		least = r.acked[marks-1][name].Seq
	}
	seq := uint64(0)
	for ref, err := range w.Log(t.Context(), nameOf(t, name)) {
		var miss *refs.Error
		if seq = ref.Seq; err != nil && !(errors.As(err, &miss) && miss.Reason == objects.Missing) {
			t.Errorf("%s: %s: %v", what, name, err)
		}
		break
	}
	if seq < least || seq > uint64(len(r.made[name])) {
		t.Errorf("%s: %s is record %d; %d was acknowledged, and %d were made", what, name, seq, least, len(r.made[name]))
		return seq
	}
	if seq > 0 {
		wantChain(w, what, name, r.made[name][:seq])
	}
	return seq
}

// wantChain wants the history of a ref to be just these records.
func wantChain(w *world, what, name string, want []refs.Ref) {
	w.t.Helper()
	k := len(want)
	for ref, err := range w.Log(w.t.Context(), nameOf(w.t, name)) {
		if k--; err != nil || k < 0 || ref.BodyDigest != want[k].BodyDigest {
			w.t.Errorf("%s: %s: record %d of the history is %d %s: %v", what, name, k+1, ref.Seq, ref.Digest, err)
			return
		}
	}
	if k != 0 {
		w.t.Errorf("%s: %s: the history ends %d records early", what, name, k)
	}
}
