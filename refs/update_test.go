package refs_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
	"fsk/refs"
)

func TestUpdateAndDelete(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		w := open(t, fsys, ringOf(t, key1), refs.Options{})
		name := nameOf(t, "builds/main")
		w.wantMiss("builds/main", objects.Missing)
		first := w.set("builds/main", "one")
		again := w.set("builds/main", "one") // it says: still meant
		if first.Seq != 1 || again.Seq != 2 || again.Prev != first.BodyDigest || !first.Prev.IsZero() {
			t.Errorf("records %+v and %+v", first, again)
		}
		third, err := w.Update(t.Context(), name, refs.Change{Digest: w.put("two"), Old: digestOf("one"), Attrs: map[string]string{"size": "3"}})
		if err != nil || third.Attrs["size"] != "3" {
			t.Fatalf("Update = %+v, %v", third, err)
		}
		w.wantRef("builds/main", "two")
		gone, err := w.Delete(t.Context(), name, objects.Digest{})
		if err != nil || gone.Seq != 4 || !gone.Deleted() || gone.Attrs != nil {
			t.Errorf("Delete = %+v, %v", gone, err)
		}
		w.wantMiss("builds/main", objects.Missing)
		if _, err := w.Delete(t.Context(), name, objects.Digest{}); !isReason(err, objects.Missing) {
			t.Errorf("Delete again: %v", err)
		}
		if back := w.set("builds/main", "three"); back.Seq != 5 || back.Prev != gone.BodyDigest {
			t.Errorf("set after Delete: %+v", back)
		}
		w.wantRef("builds/main", "three")
		w.wantFindings()
		w.wantLog("builds/main", "three", "", "two", "one", "one")
	})
}

// wantLog wants the history of a ref to name these payloads, "" being a deletion.
func (w *world) wantLog(name string, payloads ...string) {
	w.t.Helper()
	var got, want []objects.Digest
	for ref, err := range w.Log(w.t.Context(), nameOf(w.t, name)) {
		if err != nil {
			w.t.Errorf("Log(%s): %v", name, err)
			return
		}
		got = append(got, ref.Digest)
	}
	for _, p := range payloads {
		d := objects.Digest{}
		if p != "" {
			d = digestOf(p)
		}
		want = append(want, d)
	}
	if !reflect.DeepEqual(got, want) {
		w.t.Errorf("Log(%s) names %v, want %v", name, got, want)
	}
}

func TestCompareAndSwap(t *testing.T) {
	one, two := digestOf("one"), digestOf("two")
	tests := []struct {
		claim string
		had   string // "", "one", "deleted", "forged"
		c     refs.Change
		want  objects.Reason
	}{
		{"create where none is", "", refs.Change{Create: true}, ""},
		{"create where one is", "one", refs.Change{Create: true}, objects.RefConflict},
		{"create where one was deleted", "deleted", refs.Change{Create: true}, ""},
		{"create where a forged one is", "forged", refs.Change{Create: true}, objects.BadSeal},
		{"old as expected", "one", refs.Change{Old: one}, ""},
		{"another old", "one", refs.Change{Old: two}, objects.RefConflict},
		{"old where none is", "", refs.Change{Old: one}, objects.RefConflict},
		{"old where it was deleted", "deleted", refs.Change{Old: one}, objects.RefConflict},
		{"old where a forged one is", "forged", refs.Change{Old: one}, objects.BadSeal},
		{"whatever it was: none", "", refs.Change{}, ""},
		{"whatever it was: one", "one", refs.Change{}, ""},
		{"whatever it was: forged", "forged", refs.Change{}, ""},
		{"create and old", "", refs.Change{Create: true, Old: one}, objects.BadName},
	}
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			w := open(t, newMemory(t), ringOf(t, key1), refs.Options{})
			w.put("one")
			switch test.had {
			case "one", "deleted":
				w.set("main", "one")
			case "forged":
				write(t, w.fs, "refs/main", record{name: "main", digest: one.String(), key: foreignKey}.bytes())
			}
			if test.had == "deleted" {
				if _, err := w.Delete(t.Context(), nameOf(t, "main"), one); err != nil {
					t.Fatal(err)
				}
			}
			before, _ := w.Get(t.Context(), nameOf(t, "main"))
			test.c.Digest = w.put("two")
			ref, err := w.Update(t.Context(), nameOf(t, "main"), test.c)
			if test.want == "" {
				if err != nil || ref.Digest != two {
					t.Fatalf("Update = %+v, %v", ref, err)
				}
				w.wantRef("main", "two")
				return
			}
			wantError(t, "Update", err, test.want)
			if after, _ := w.Get(t.Context(), nameOf(t, "main")); !reflect.DeepEqual(before, after) {
				t.Errorf("a refused update changed %+v to %+v", before, after)
			}
		})
	}
}

func TestDeleteCompares(t *testing.T) {
	w := open(t, newMemory(t), ringOf(t, key1), refs.Options{})
	w.set("main", "one")
	_, err := w.Delete(t.Context(), nameOf(t, "main"), digestOf("two"))
	wantError(t, "Delete", err, objects.RefConflict)
	w.wantRef("main", "one")
	if _, err := w.Delete(t.Context(), nameOf(t, "main"), digestOf("one")); err != nil {
		t.Error(err)
	}
	// What is not trusted can be deleted, too, and is then below the new number.
	write(t, w.fs, "refs/other", record{name: "other", digest: digestOf("one").String(), seq: 7, prev: digestOf("x").String(), key: foreignKey}.bytes())
	ref, err := w.Delete(t.Context(), nameOf(t, "other"), objects.Digest{})
	if err != nil || ref.Seq != 8 || !ref.Prev.IsZero() {
		t.Errorf("Delete = %+v, %v", ref, err)
	}
}

func TestTargetIsVerified(t *testing.T) {
	w := open(t, newRoot(t), ringOf(t, key1), refs.Options{})
	d := digestOf("never stored")
	_, err := w.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: d})
	var miss *objects.Error
	if !errors.As(err, &miss) || miss.Reason != objects.Missing || miss.Digest != d {
		t.Errorf("Update with a missing object: %v", err)
	}
	w.wantMiss("main", objects.Missing)
	write(t, w.fs, "objects/"+d.String()[:2]+"/"+d.String()[2:], []byte("never stored"))
	_, err = w.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: d})
	if !errors.As(err, &miss) || miss.Reason != objects.Unsealed {
		t.Errorf("Update with an unsealed object: %v", err)
	}
	if _, err := w.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: d, Unchecked: true}); err != nil {
		t.Errorf("Unchecked: %v", err)
	}
}

func TestBadChanges(t *testing.T) {
	w := open(t, newMemory(t), ringOf(t, key1), refs.Options{})
	d := w.put("x")
	big := make(map[string]string)
	for i := range 8 {
		big[string(rune('a'+i))] = strings.Repeat("x", 512)
	}
	many := make(map[string]string)
	for i := range 17 {
		many[string(rune('a'+i))] = ""
	}
	for claim, test := range map[string]struct {
		c    refs.Change
		want objects.Reason
	}{
		"no digest":               {refs.Change{}, objects.BadName},
		"a line feed in a value":  {refs.Change{Digest: d, Attrs: map[string]string{"a": "x\ndigest y"}}, objects.BadName},
		"a space in a name":       {refs.Change{Digest: d, Attrs: map[string]string{"a b": "x"}}, objects.BadName},
		"an empty name":           {refs.Change{Digest: d, Attrs: map[string]string{"": "x"}}, objects.BadName},
		"too many":                {refs.Change{Digest: d, Attrs: many}, objects.BadName},
		"too large together":      {refs.Change{Digest: d, Attrs: big}, objects.TooLarge},
		"a value that is no text": {refs.Change{Digest: d, Attrs: map[string]string{"a": "\xff"}}, objects.BadName},
	} {
		_, err := w.Update(t.Context(), nameOf(t, "main"), test.c)
		wantError(t, claim, err, test.want)
	}
	w.wantMiss("main", objects.Missing)
	_, err := w.Update(t.Context(), refs.Name{}, refs.Change{Digest: d})
	wantError(t, "no name", err, objects.BadName)
	_, err = w.Get(t.Context(), refs.Name{})
	wantError(t, "no name", err, objects.BadName)
	late := open(t, newMemory(t), ringOf(t, key1), refs.Options{Now: func() time.Time { return time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC) }})
	_, err = late.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: late.put("x")})
	wantError(t, "a clock that no record can hold", err, objects.MalformedRef)
}

// TestNamesInTheWay: "top" and "top/b" cannot both exist, deleted or not.
func TestNamesInTheWay(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		w := open(t, fsys, ringOf(t, key1), refs.Options{})
		d := w.put("x")
		conflict := func(name string) {
			t.Helper()
			_, err := w.Update(t.Context(), nameOf(t, name), refs.Change{Digest: d})
			wantError(t, name, err, objects.RefConflict)
		}
		w.set("top", "x")
		conflict("top/b")
		conflict("top/b/c/d")
		w.wantMiss("top/b", objects.Missing)
		w.set("dir/sub/ref", "x")
		conflict("dir")
		conflict("dir/sub")
		w.wantMiss("dir", objects.NotRegular)
		for _, name := range []string{"top", "dir/sub/ref"} {
			if _, err := w.Delete(t.Context(), nameOf(t, name), d); err != nil {
				t.Fatal(err)
			}
		}
		conflict("top/b")
		conflict("dir/sub")
		// Directories that an interrupted update has left are in nobody's way.
		if err := fsys.MkdirAll("refs/left/over/here", 0o777); err != nil {
			t.Fatal(err)
		}
		w.set("left", "x")
		w.wantRef("left", "x")
		w.wantFindings()
	})
}

// TestReplacingWhatIsNotTrusted: an update that expects nothing replaces it, goes on with
// its number, and begins a new history.
func TestReplacingWhatIsNotTrusted(t *testing.T) {
	d := digestOf("planted").String()
	prev := digestOf("history").String()
	tests := []struct {
		claim string
		raw   []byte
		seq   uint64
	}{
		{"plain", record{name: "main", digest: d, seq: 7, prev: prev}.bytes(), 8},
		{"of a foreign key", record{name: "main", digest: d, seq: 7, prev: prev, key: foreignKey}.bytes(), 8},
		{"a copy of another ref", record{name: "other", digest: d, seq: 7, prev: prev, key: key1}.bytes(), 1},
		{"no record", []byte("junk"), 1},
		{"with a number that leaves no room", record{name: "main", digest: d, seq: math.MaxInt64, prev: prev}.bytes(), 1},
	}
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			w := open(t, newMemory(t), ringOf(t, key1), refs.Options{})
			write(t, w.fs, "refs/main", test.raw)
			ref := w.set("main", "mine")
			if ref.Seq != test.seq || !ref.Prev.IsZero() {
				t.Errorf("number %d after %s, want %d and no history", ref.Seq, ref.Prev, test.seq)
			}
			w.wantRef("main", "mine")
			w.wantLog("main", "mine")
			for d, err := range w.db.All(t.Context()) {
				if d != digestOf("mine") || err != nil {
					t.Errorf("%s was stored, %v: the body of what nobody vouches for", d, err)
				}
			}
		})
	}
}

func TestLastNumber(t *testing.T) {
	w := open(t, newMemory(t), ringOf(t, key1), refs.Options{})
	text := strings.Replace(record{name: "main", digest: digestOf("x").String(), seq: 2}.body(), "seq 2", "seq 18446744073709551615", 1)
	write(t, w.fs, "refs/main", sealText(key1, text))
	_, err := w.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: w.put("y")})
	wantError(t, "Update", err, objects.RefConflict)
	w.wantRef("main", "x")
}

func TestWithoutKeys(t *testing.T) {
	fsys := newMemory(t)
	plain := open(t, fsys, seal0, refs.Options{})
	keyed := open(t, fsys, ringOf(t, key1), refs.Options{})
	ref := plain.set("plain", "x")
	if ref.Reason != objects.OKPlain || !ref.Key.IsZero() {
		t.Errorf("a plain ref is %+v", ref)
	}
	keyed.wantMiss("plain", objects.Unsealed)
	keyed.set("sealed", "y")
	got, err := plain.Get(t.Context(), nameOf(t, "sealed"))
	if err != nil || got.Reason != objects.OKUnverified || got.Digest != digestOf("y") {
		t.Errorf("Get without keys = %+v, %v", got, err)
	}
	// A sealed record is not replaced by a plain one.
	_, err = plain.Update(t.Context(), nameOf(t, "sealed"), refs.Change{Digest: plain.put("z")})
	wantError(t, "Update without keys", err, objects.Unsealed)
	_, err = plain.Delete(t.Context(), nameOf(t, "sealed"), objects.Digest{})
	wantError(t, "Delete without keys", err, objects.Unsealed)
	keyed.wantRef("sealed", "y")
	// The day security is switched on, plain refs are set again.
	if again := keyed.set("plain", "x"); again.Seq != ref.Seq+1 || again.Reason != objects.OK {
		t.Errorf("set again: %+v", again)
	}
	keyed.wantRef("plain", "x")
}

func TestNoHistory(t *testing.T) {
	w := open(t, newMemory(t), ringOf(t, key1), refs.Options{NoHistory: true})
	w.set("main", "one")
	ref := w.set("main", "two")
	if ref.Seq != 2 || !ref.Prev.IsZero() {
		t.Errorf("record %+v", ref)
	}
	w.wantLog("main", "two")
	w.wantFindings()
	n := 0
	for range w.db.All(t.Context()) {
		n++
	}
	if n != 2 {
		t.Errorf("%d objects, want the two payloads", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	fsys := newMemory(t)
	db, err := objects.Open(fsys, seal0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := refs.Open(fsys, nil, db, nil); err == nil {
		t.Error("a nil ring is taken")
	}
	if _, err := refs.Open(fsys, seal0, nil, nil); err == nil {
		t.Error("no store of objects is taken")
	}
	for _, ns := range []string{"..", "A", "a b", "a\nname x", strings.Repeat("a/", 128)} {
		_, err := refs.Open(fsys, seal0, db, &refs.Options{Namespace: ns})
		wantError(t, ns, err, objects.BadName)
	}
}

// TestMissingDirectories: whatever was tidied away is made again.
func TestMissingDirectories(t *testing.T) {
	fsys := newRoot(t)
	for _, dir := range []string{"refs", "tmp", "objects"} {
		if err := fsys.Remove(dir); err != nil {
			t.Fatal(err)
		}
	}
	w := open(t, fsys, ringOf(t, key1), refs.Options{})
	w.wantMiss("main", objects.Missing)
	for _, err := range w.All(t.Context(), "") {
		t.Errorf("All: %v", err)
	}
	w.wantFindings()
	w.set("main", "x")
	w.wantRef("main", "x")
}

func TestReadingNeedsOneOpening(t *testing.T) {
	fsys := newRoot(t)
	open(t, fsys, ringOf(t, key1), refs.Options{}).set("a/b/c", "x")
	faults := newFaults(fsys)
	db, err := objects.Open(faults.FS(), ringOf(t, key1), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := refs.Open(faults.FS(), ringOf(t, key1), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	faults.FailAt(0, false, nil)
	if _, err := w.Get(t.Context(), nameOf(t, "a/b/c")); err != nil {
		t.Fatal(err)
	}
	want := []string{"openregular refs/a/b/c", "readat refs/a/b/c", "close refs/a/b/c"}
	if got := faults.Log(); !reflect.DeepEqual(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}
