package refs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/refs"
)

// listing returns the names that All yields, and the reasons of errors.
func (w *world) listing(prefix string) (names []string, errs []string) {
	w.t.Helper()
	for ref, err := range w.All(w.t.Context(), prefix) {
		if err != nil {
			errs = append(errs, string(reasonOf(err)))
			continue
		}
		names = append(names, ref.Name.String())
	}
	return names, errs
}

func TestAll(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		w := open(t, fsys, ringOf(t, key1), refs.Options{})
		all := []string{"m-1", "m.x/y", "m/a", "m/b/c", "m/b0", "m/z", "m0", "main", "x/abc", "x/cafe", "z"}
		for _, name := range slices.Backward(all) {
			w.set(name, name)
		}
		w.set("gone", "x")
		if _, err := w.Delete(t.Context(), nameOf(t, "gone"), objects.Digest{}); err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(all) {
			t.Fatal("the test's own list is not sorted")
		}
		for prefix, want := range map[string][]string{
			"": all, "m": all[:8], "m/": all[2:6], "m/b": all[3:5], "m/b/": all[3:4], "main": {"main"}, "m.x/y": {"m.x/y"},
			"none": nil, "m/b/c/d": nil, "x/ca": {"x/cafe"}, "gone": nil, "ab": nil,
		} {
			if got, errs := w.listing(prefix); !slices.Equal(got, want) || errs != nil {
				t.Errorf("All(%q) = %q, %q, want %q", prefix, got, errs, want)
			}
		}
		for _, prefix := range []string{"..", "../", "/", "m//", "A", "a\x00", "\n", "./m", strings.Repeat("a", 300)} {
			if got, errs := w.listing(prefix); got != nil || !slices.Equal(errs, []string{"bad-name"}) {
				t.Errorf("All(%q) = %q, %q", prefix, got, errs)
			}
		}
	})
}

// TestAllGoesOn: what is wrong with one ref hides no other one.
func TestAllGoesOn(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{})
	for _, name := range []string{"x/1", "x/2", "x/3", "z"} {
		w.set(name, "x")
	}
	write(t, fsys, "refs/x/2", []byte("junk"))
	write(t, fsys, "refs/y/CON", []byte("junk"))
	write(t, fsys, "refs/.nfs123", []byte("junk"))
	write(t, fsys, "refs/cafe", record{name: "x", digest: digestOf("x").String(), key: key1}.bytes())
	if got, errs := w.listing(""); !slices.Equal(got, []string{"x/1", "x/3", "z"}) || !slices.Equal(errs, []string{"malformed-ref"}) {
		t.Errorf("All = %q, %q", got, errs)
	}
	w.wantFindings("stray refs/cafe", "malformed-ref refs/x/2", "stray refs/y/CON")
	n := 0
	for range w.All(t.Context(), "") {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("the iteration went on to %d", n)
	}
}

func TestContextEnds(t *testing.T) {
	w := open(t, newRoot(t), ringOf(t, key1), refs.Options{})
	for i := range 20 {
		w.set(fmt.Sprintf("r/x%d", i), "x")
	}
	d := w.put("x")
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	n := 0
	var last error
	for _, err := range w.All(ctx, "") {
		if n++; n == 5 {
			cancel()
		}
		last = err
	}
	if n != 6 || !errors.Is(last, context.Canceled) {
		t.Errorf("All yields %d times and then %v", n, last)
	}
	canceled := func(what string, err error) {
		t.Helper()
		var e *refs.Error
		if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := w.Get(ctx, nameOf(t, "r/x1"))
	canceled("Get", err)
	_, err = w.Update(ctx, nameOf(t, "r/x1"), refs.Change{Digest: d})
	canceled("Update", err)
	_, err = w.Delete(ctx, nameOf(t, "r/x1"), d)
	canceled("Delete", err)
	for _, err := range w.Check(ctx, nil) {
		canceled("Check", err)
	}
	for _, err := range w.Reseal(ctx, nil) {
		canceled("Reseal", err)
	}
	for _, err := range w.Targets(ctx) {
		canceled("Targets", err)
	}
	for _, err := range w.Log(ctx, nameOf(t, "r/x1")) {
		canceled("Log", err)
	}
}

// TestListingIsStreamed: memory does not grow with what was listed before.
func TestListingIsStreamed(t *testing.T) {
	w := open(t, newMemory(t), ringOf(t, key1), refs.Options{})
	w.put("x")
	for i := range 300 {
		name := fmt.Sprintf("many/x%04d", i)
		write(t, w.fs, "refs/"+name, record{name: name, digest: digestOf("x").String(), key: key1}.bytes())
	}
	n := 0
	for ref, err := range w.All(t.Context(), "many/") {
		if err != nil || ref.Name.String() != fmt.Sprintf("many/x%04d", n) {
			t.Fatalf("number %d is %s, %v", n, ref.Name, err)
		}
		// What comes later is read later.
		name := fmt.Sprintf("many/x%04d", n+1)
		if n++; n < 300 {
			write(t, w.fs, "refs/"+name, record{name: name, seq: int64(n), digest: digestOf("x").String(), key: key1}.bytes())
		}
		if want := uint64(max(1, n-1)); ref.Seq != want {
			t.Fatalf("%s has number %d, want %d: it was read too early", ref.Name, ref.Seq, want)
		}
	}
	if n != 300 {
		t.Errorf("listed %d refs", n)
	}
}

// TestBrokenHistory: a chain that does not hold is an error where it breaks.
func TestBrokenHistory(t *testing.T) {
	former := func(r record) string { return r.body() }
	good := record{name: "main", digest: digestOf("x").String(), seq: 4, prev: digestOf("z").String()}
	tests := []struct {
		claim   string
		payload string // of the former body; "" if it is missing
		want    objects.Reason
	}{
		{"missing", "", objects.Missing},
		{"of another ref", former(record{name: "other", seq: 4}), objects.MalformedRef},
		{"of another namespace", former(record{ns: "other", name: "main", seq: 4}), objects.MalformedRef},
		{"of another number", former(record{name: "main", seq: 3}), objects.MalformedRef},
		{"sealed like a file", string(record{name: "main", seq: 4, key: key1}.bytes()), objects.MalformedRef},
		{"no record", "junk", objects.MalformedRef},
		{"too large", strings.Repeat("x", 10000), objects.MalformedRef},
		{"larger than what is read into a buffer", strings.Repeat("x", 2<<20), objects.MalformedRef},
		{"good, but not the one before", good.body(), objects.Missing},
	}
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			w := open(t, newMemory(t), ringOf(t, key1), refs.Options{})
			w.put("x")
			if test.payload != "" {
				w.put(test.payload)
			}
			write(t, w.fs, "refs/main", record{name: "main", digest: digestOf("x").String(), seq: 5, prev: digestOf(test.payload).String(), key: key1}.bytes())
			var last error
			n := 0
			for _, err := range w.Log(t.Context(), nameOf(t, "main")) {
				n, last = n+1, err
			}
			wantError(t, "Log", last, test.want)
			w.wantRef("main", "x")
			w.wantFindings(string(test.want) + " refs/main")
			for _, err := range w.Targets(t.Context()) {
				last = err
			}
			wantError(t, "Targets", last, test.want)
		})
	}
}

// TestHistoryBehindAPlantedFile: a file that is larger than a record, in the place of one,
// hides neither a good copy in a pack nor that it is damaged itself.
func TestHistoryBehindAPlantedFile(t *testing.T) {
	for size, packed := range map[int]bool{100: true, 5000: true, 2 << 20: true, 101: false, 5001: false, 2<<20 + 1: false} {
		t.Run(fmt.Sprintf("%d bytes, packed %t", size, packed), func(t *testing.T) {
			w := open(t, newMemory(t), ringOf(t, key1), refs.Options{})
			var last refs.Ref
			for i := range 9 {
				last = w.set("main", fmt.Sprint("payload ", i))
			}
			if packed {
				if stats, err := w.db.Pack(t.Context(), nil); err != nil || stats.Packs != 1 {
					t.Fatalf("Pack = %+v, %v", stats, err)
				}
			}
			text := last.Prev.String()
			write(t, w.fs, "objects/"+text[:2]+"/"+text[2:], make([]byte, size))
			n := 0
			var failed error
			for _, err := range w.Log(t.Context(), nameOf(t, "main")) {
				if err == nil {
					n++
				} else {
					failed = err
				}
			}
			if packed && (failed != nil || n != 9) {
				t.Errorf("%d records, %v", n, failed)
			}
			if !packed {
				wantError(t, "Log", failed, objects.Corrupt)
			}
		})
	}
}

func TestCheckOfTargets(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key2, key1), refs.Options{})
	open(t, fsys, ringOf(t, key1), refs.Options{}).set("old", "x")
	w.set("a/b", "one")
	w.set("a/c", "two")
	w.set("a/d", "three")
	if _, err := w.Delete(t.Context(), nameOf(t, "a/d"), objects.Digest{}); err != nil {
		t.Fatal(err)
	}
	for _, payload := range []string{"one", "three"} { // nobody asks for what a deleted ref named
		if err := w.db.Remove(t.Context(), digestOf(payload)); err != nil {
			t.Fatal(err)
		}
	}
	d := digestOf("two").String()
	write(t, fsys, "objects/"+d[:2]+"/"+d[2:], []byte("two"))
	found, stats := w.findings()
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprint(f.Severity, " ", f.Reason, " ", f.Path, " ", f.Digest))
	}
	zero := objects.Digest{}.String()
	want := []string{"error missing refs/a/b " + digestOf("one").String(), "error unsealed refs/a/c " + d, "note retired refs/old " + zero}
	if !slices.Equal(got, want) {
		t.Errorf("findings %q, want %q", got, want)
	}
	if stats.Refs != 3 || stats.Deleted != 1 || stats.Reasons[objects.OK] != 4 || !stats.Complete || len(stats.Keys) != 2 {
		t.Errorf("stats %+v", stats)
	}
	for range w.Check(t.Context(), &stats) {
		break
	}
	if stats.Complete {
		t.Error("who leaves the check is told that it was complete")
	}
}

func TestTargets(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{})
	other := open(t, fsys, ringOf(t, key1), refs.Options{Namespace: "go-cache", NoHistory: true})
	attr := digestOf("attribute").String()
	first := w.set("main", "one")
	if _, err := w.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: w.put("two"), Attrs: map[string]string{"out": attr, "size": "1"}}); err != nil {
		t.Fatal(err)
	}
	other.set("go/ab/x", "three")
	other.set("go/ab/x", "four")
	second := w.set("gone", "five")
	if _, err := w.Delete(t.Context(), nameOf(t, "gone"), objects.Digest{}); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]refs.Role)
	for target, err := range w.Targets(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got[target.Ref.Namespace+" "+target.Ref.Name.String()+" "+target.Digest.String()] = target.Role
	}
	want := map[string]refs.Role{
		"default main " + digestOf("two").String():      refs.Named,
		"default main " + attr:                          refs.Attribute,
		"default main " + first.BodyDigest.String():     refs.History,
		"default main " + digestOf("one").String():      refs.Former,
		"go-cache go/ab/x " + digestOf("four").String(): refs.Named,
		"default gone " + second.BodyDigest.String():    refs.History,
		"default gone " + digestOf("five").String():     refs.Former,
	}
	if len(got) != len(want) {
		t.Errorf("%d targets, want %d: %v", len(got), len(want), got)
	}
	for k, role := range want {
		if r, ok := got[k]; !ok || r != role {
			t.Errorf("%s: %v, %t, want %v", k, r, ok, role)
		}
	}
	// A42: one byte of one ref, or one file that may have been one.
	good := read(t, fsys, "refs/main")
	for claim, plant := range map[string]func(){
		"an edited ref":   func() { write(t, fsys, "refs/main", []byte(strings.Replace(string(good), "seq 2", "seq 3", 1))) },
		"a renamed ref":   func() { write(t, fsys, "refs/main.lock", good); write(t, fsys, "refs/main", good) },
		"an unsealed ref": func() { write(t, fsys, "refs/main", record{name: "main"}.bytes()) },
	} {
		plant()
		var last error
		for _, err := range w.Targets(t.Context()) {
			last = err
		}
		if last == nil {
			t.Errorf("%s: no error", claim)
		}
		write(t, fsys, "refs/main", good)
		fsys.Remove("refs/main.lock")
	}
}

func TestReseal(t *testing.T) {
	fsys := newRoot(t)
	marks := newMarks()
	old := open(t, fsys, ringOf(t, key1), refs.Options{Marks: marks})
	foreign := open(t, fsys, ringOf(t, key1), refs.Options{Namespace: "other"})
	for i := range 100 {
		old.set(fmt.Sprintf("r/x%d", i%70), fmt.Sprint(i))
	}
	foreign.set("theirs", "x")
	if _, err := old.Delete(t.Context(), nameOf(t, "r/x5"), objects.Digest{}); err != nil {
		t.Fatal(err)
	}
	both := open(t, fsys, ringOf(t, key2, key1), refs.Options{Marks: marks})
	both.set("r/new", "x")
	planted := map[string]string{
		"bad-seal":   string(record{name: "p/bad-seal", digest: digestOf("x").String(), key: foreignKey}.bytes()),
		"unsealed":   string(record{name: "p/unsealed", digest: digestOf("x").String()}.bytes()),
		"wrong-name": string(record{name: "p/other", digest: digestOf("x").String(), key: key1}.bytes()),
		"junk":       "junk",
	}
	for name, raw := range planted {
		write(t, fsys, "refs/p/"+name, []byte(raw))
	}
	var stats refs.ResealStats
	var found []string
	for f, err := range both.Reseal(t.Context(), &stats) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, string(f.Reason)+" "+f.Path)
	}
	want := []string{"bad-seal refs/p/bad-seal", "malformed-ref refs/p/junk", "unsealed refs/p/unsealed", "wrong-name refs/p/wrong-name"}
	if !slices.Equal(found, want) {
		t.Errorf("findings %q, want %q", found, want)
	}
	id := ringOf(t, key1).ID(0)
	if stats.Resealed[id] != 71 || len(stats.Resealed) != 1 || stats.Current != 1 || stats.Refused != 4 {
		t.Errorf("stats %+v", stats)
	}
	for name, raw := range planted {
		if string(read(t, fsys, "refs/p/"+name)) != raw {
			t.Errorf("%s was changed", name)
		}
	}
	// With the new key alone, and the marks of before.
	alone := open(t, fsys, ringOf(t, key2), refs.Options{Marks: marks})
	alone.wantRef("r/x7", "77")
	alone.wantMiss("r/x5", objects.Missing)
	open(t, fsys, ringOf(t, key2), refs.Options{Namespace: "other"}).wantRef("theirs", "x")
	// Again: there is nothing left to do.
	for _, err := range both.Reseal(t.Context(), &stats) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(stats.Resealed) != 0 || stats.Current != 72 {
		t.Errorf("the second time: %+v", stats)
	}
	for _, err := range open(t, fsys, seal0, refs.Options{}).Reseal(t.Context(), nil) {
		if err == nil {
			t.Error("resealing without a key says nothing")
		}
	}
}

// TestCheckWhileRefsAreSet: a ref that is set, and whose old object is then removed, is no
// finding (F14).
func TestCheckWhileRefsAreSet(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{NoHistory: true})
	w.set("main", "0")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 150 {
			info, err := w.db.Put(background, fmt.Append(nil, i+1))
			if err == nil {
				_, err = w.Update(background, nameOf(t, "main"), refs.Change{Digest: info.Digest})
			}
			if err == nil {
				err = w.db.Remove(background, digestOf(fmt.Sprint(i)))
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		w.wantFindings()
	}
}
