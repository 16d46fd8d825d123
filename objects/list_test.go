package objects_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/objects"
)

func TestParseDigest(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 4)
	d, err := objects.ParseDigest(text)
	if err != nil || d.String() != text {
		t.Errorf("ParseDigest(%q) = %v, %v", text, d, err)
	}
	if b, err := d.MarshalText(); err != nil || string(b) != text {
		t.Errorf("MarshalText = %q, %v", b, err)
	}
	var again objects.Digest
	if err := again.UnmarshalText([]byte(text)); err != nil || again != d || again.IsZero() {
		t.Errorf("UnmarshalText = %v, %v", again, err)
	}
	for name, s := range map[string]string{
		"empty": "", "63 digits": text[:63], "65 digits": text + "0", "capitals": strings.ToUpper(text), "one capital": "A" + text[1:],
		"letter g": "g" + text[1:], "line feed": text[:63] + "\n", "line feed after": text + "\n", "space": " " + text[1:],
		"zero byte": "\x00" + text[1:], "0x": "0x" + text[2:], "full-width digit": "\uff10" + text[3:], "option": "--" + text[2:],
		"path": "../" + text[3:], "not UTF-8": "\xff" + text[1:],
	} {
		d, err := objects.ParseDigest(s)
		wantMiss(t, name, err, objects.Digest{}, objects.BadName)
		if !d.IsZero() {
			t.Errorf("%s: %v beside the error", name, d)
		}
		if s != "" && strings.Contains(fmt.Sprint(err), s) {
			t.Errorf("%s: the error repeats the untrusted name: %v", name, err)
		}
	}
}

func TestCompareIsTheOrderOfTheText(t *testing.T) {
	var list []objects.Digest
	for i := range 200 {
		list = append(list, digestOf([]byte{byte(i)}))
	}
	slices.SortFunc(list, objects.Digest.Compare)
	if !slices.IsSortedFunc(list, func(a, b objects.Digest) int { return strings.Compare(a.String(), b.String()) }) {
		t.Error("the order is not that of the text")
	}
}

// junk are names that are no object's.
var junk = []string{
	"objects/junk", "objects/AB/" + strings.Repeat("a", 62), "objects/abc/" + strings.Repeat("a", 62), "objects/0/" + strings.Repeat("a", 62),
	"objects/ab/" + strings.Repeat("a", 61), "objects/ab/" + strings.Repeat("a", 63), "objects/ab/" + strings.Repeat("A", 62),
	"objects/ab/" + strings.Repeat("a", 61) + "g", "objects/ab/.nfs0001", "objects/ab/" + strings.Repeat("a", 58) + ".tmp",
	"objects/ab/\x1b[31m", "objects/ab/\"}\n{", "objects/pack/" + strings.Repeat("a", 62), "objects/gg/" + strings.Repeat("a", 62),
}

func TestAll(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		db := open(t, fsys, ringOf(t, key1), quick)
		for range db.All(t.Context()) {
			t.Error("an empty store has an object")
		}
		var want []objects.Digest
		var packed []record
		for i := range 300 {
			d := digestOf([]byte(fmt.Sprint(i)))
			if i%3 != 1 { // every third is in both places
				plant(t, fsys, d, []byte("whatever: names only"))
			}
			if i%3 != 0 {
				packed = append(packed, record{d, []byte("whatever: names only")})
			}
			want = append(want, d)
		}
		plantPack(t, fsys, packed[:120]...)
		plantPack(t, fsys, packed[100:]...)
		for _, name := range junk {
			write(t, fsys, name, nil)
		}
		slices.SortFunc(want, objects.Digest.Compare)
		var got []objects.Digest
		for d, err := range db.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d)
		}
		if !slices.Equal(got, want) {
			t.Errorf("All yields %d digests, want %d in order", len(got), len(want))
		}
		n := 0
		for range db.All(t.Context()) {
			if n++; n == 10 {
				break
			}
		}
		if n != 10 {
			t.Errorf("%d digests after a break at 10", n)
		}
	})
}

func TestAllGoesOnAfterAFault(t *testing.T) {
	faults := newFaults(t)
	total := 0
	for i := range 20 {
		plant(t, faults.FS(), digestOf([]byte{byte(i)}), nil)
		total++
	}
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	faults.FailAt(5, false, syscall.EIO)
	var found int
	var failed []error
	for _, err := range db.All(t.Context()) {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		found++
	}
	if len(failed) != 1 || found < total-3 {
		t.Fatalf("%d of %d objects, errors %v", found, total, failed)
	}
	var e *objects.Error
	if !errors.As(failed[0], &e) || e.Reason != objects.IOError || !strings.HasPrefix(e.Path, "objects/") || !errors.Is(failed[0], syscall.EIO) {
		t.Errorf("error %v, want io-error with the path of the directory", failed[0])
	}
}

func TestAllReportsALinkedDirectory(t *testing.T) {
	fsys := newRoot(t)
	plant(t, fsys, digestOf([]byte("a")), nil)
	if err := fsys.Symlink("../refs", "objects/00"); err != nil {
		t.Skip("no links here:", err)
	}
	var failed []error
	n := 0
	for _, err := range open(t, fsys, ringOf(t), nil).All(t.Context()) {
		if err != nil {
			failed = append(failed, err)
		} else {
			n++
		}
	}
	if n != 1 || len(failed) != 1 {
		t.Fatalf("%d objects, errors %v, want one of each", n, failed)
	}
	wantMiss(t, "All", failed[0], objects.Digest{}, objects.UnsafePath)
}

func TestResolve(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		db := open(t, fsys, ringOf(t, key1), nil)
		text := "ab12cd" + strings.Repeat("0", 58)
		twin := "ab12ce" + strings.Repeat("0", 58)
		last := text[:63] + "1"
		var all []record
		for _, s := range []string{text, twin, last} {
			d, err := objects.ParseDigest(s)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, record{d, []byte("whatever: names only")})
		}
		for _, name := range junk {
			write(t, fsys, name, nil)
		}
		for home := range 4 { // all loose, some packed, all packed, all in both
			clearPacks(t, fsys)
			for i, r := range all {
				remove(t, fsys, fileOf(r.d))
				if home == 0 || home == 3 || home == 1 && i == 0 {
					plant(t, fsys, r.d, r.stored)
				}
			}
			if home > 0 {
				plantPack(t, fsys, all[1:]...)
				plantPack(t, fsys, all[:home-1]...) // the first, too, unless it is loose alone
			}
			tests := []struct {
				name, s, want string
				reason        objects.Reason
			}{
				{"all digits", text, text, ""},
				{"all digits of what is not there", strings.Repeat("f", 64), strings.Repeat("f", 64), ""},
				{"a unique prefix", "ab12ce", twin, ""},
				{"a unique prefix of 63 digits", twin[:63], twin, ""},
				{"a prefix of 63 digits that two have", text[:63], "", objects.Ambiguous},
				{"four digits that three have", "ab12", "", objects.Ambiguous},
				{"six digits that two have", "ab12cd", "", objects.Ambiguous},
				{"a prefix of none", "ab13", "", objects.Missing},
				{"a prefix of none, without the directory", "ff00", "", objects.Missing},
				{"three digits", "ab1", "", objects.BadName},
				{"two digits", "ab", "", objects.BadName},
				{"nothing", "", "", objects.BadName},
				{"65 digits", text + "0", "", objects.BadName},
				{"capitals", "AB12", "", objects.BadName},
				{"one capital in all digits", "A" + text[1:], "", objects.BadName},
				{"option", "--help", "", objects.BadName},
				{"path", "../../etc/passwd", "", objects.BadName},
				{"path in the store", "ab/12cd", "", objects.BadName},
				{"pattern", "ab12*", "", objects.BadName},
				{"line feed after", "ab12cd\n", "", objects.BadName},
				{"arabic digits", "\u0661\u0662\u0663\u0664", "", objects.BadName},
				{"full-width digits", "\uff11\uff12\uff13\uff14", "", objects.BadName},
				{"zero byte", "ab12\x00", "", objects.BadName},
			}
			for _, test := range tests {
				t.Run(test.name, func(t *testing.T) {
					d, err := db.Resolve(t.Context(), test.s)
					if test.reason != "" {
						wantMiss(t, "Resolve", err, objects.Digest{}, test.reason)
						if !d.IsZero() {
							t.Errorf("%v beside the error", d)
						}
						return
					}
					if err != nil || d.String() != test.want {
						t.Errorf("Resolve(%q) = %v, %v, want %s", test.s, d, err, test.want)
					}
				})
			}
		}
	})
}

// TestBadNamesTouchNoFile (A25).
func TestBadNamesTouchNoFile(t *testing.T) {
	faults := newFaults(t)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	faults.FailAt(0, false, nil)
	for _, s := range []string{"--help", "-x", "../../etc/passwd", "AB12", strings.Repeat("a", 65), "abc", "ab12\n", strings.Repeat("a", 64)} {
		db.Resolve(t.Context(), s)
	}
	if log := faults.Log(); len(log) != 0 {
		t.Errorf("calls %q", log)
	}
}

func TestResolveReportsAFault(t *testing.T) {
	faults := newFaults(t)
	plant(t, faults.FS(), digestOf([]byte("a")), nil)
	db := open(t, faults.FS(), ringOf(t, key1), nil)
	for n := 1; n <= 2; n++ {
		faults.FailAt(n, true, syscall.EIO)
		_, err := db.Resolve(t.Context(), digestOf([]byte("a")).String()[:6])
		wantMiss(t, "Resolve", err, objects.Digest{}, objects.IOError)
	}
}

func TestRemove(t *testing.T) {
	each(t, func(t *testing.T, fsys billy.Filesystem) {
		db := open(t, fsys, ringOf(t, key1), nil)
		payload := []byte("payload")
		d := digestOf(payload)
		wantMiss(t, "Remove without the directory", db.Remove(t.Context(), d), d, objects.Missing)
		for name, stored := range map[string][]byte{"good": sealed(key1, payload), "damaged": []byte("x"), "empty": nil} {
			for home, plant := range homes {
				plant(t, fsys, d, stored)
				if err := db.Remove(t.Context(), d); err != nil {
					t.Errorf("Remove of a %s object, %s: %v", name, home, err)
				}
				wantAll(t, db, d, objects.Missing)
				wantMiss(t, "Remove again", db.Remove(t.Context(), d), d, objects.Missing)
				if home == "packed" {
					wantThere(t, fsys, "after Remove", "the other object of the pack")
				}
			}
		}
		if err := fsys.MkdirAll(fileOf(d)+"/sub", 0o777); err != nil {
			t.Fatal(err)
		}
		wantMiss(t, "Remove of a directory", db.Remove(t.Context(), d), d, objects.NotRegular)
		if _, err := fsys.Lstat(fileOf(d) + "/sub"); err != nil {
			t.Errorf("the directory has gone: %v", err)
		}
	})
}

func TestRemoveReportsAFault(t *testing.T) {
	inner := newRoot(t)
	payload := []byte("payload")
	d := digestOf(payload)
	for n := 1; ; n++ {
		plant(t, inner, d, sealed(key1, payload))
		faults := newFaultsOn(inner)
		db := open(t, faults.FS(), ringOf(t, key1), nil)
		faults.FailAt(n, false, syscall.EIO)
		err := db.Remove(t.Context(), d)
		_, gone := inner.Lstat(fileOf(d))
		if err == nil && !errors.Is(gone, fs.ErrNotExist) {
			t.Errorf("call %d: success, but the object is there", n)
		}
		if faults.Calls() < n {
			if err != nil {
				t.Errorf("without a fault: %v", err)
			}
			return
		}
		if err != nil {
			wantMiss(t, faults.Log()[n-1], err, d, objects.IOError)
		}
	}
}
