package packfile_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"fsk/objects/packfile"
)

func TestCompare(t *testing.T) {
	entry := func(digest byte, offset int64, length int) packfile.Entry {
		e := packfile.Entry{Offset: offset, Length: length}
		for i := range e.Digest {
			e.Digest[i] = digest
		}
		return e
	}
	a, b, c, z := entry(1, 51, 10), entry(2, 101, 0), entry(3, 141, 7), entry(0, 200, 1)
	of := func(e packfile.Entry) []byte { return rawRecord(e.Digest[0], uint64(e.Offset), uint64(e.Length)) }
	tests := []struct {
		name  string
		index []byte
		found []packfile.Entry
		want  []string
	}{
		{"they agree", rawIndex(of(a), of(b), of(c)), []packfile.Entry{c, a, b}, nil},
		{"nothing is in either", rawIndex(), nil, nil},
		{"an empty pack", rawIndex(of(a), of(b)), nil, []string{"1: index NotInPack 1034", "2: index NotInPack 1082"}},
		{"an empty index", rawIndex(), []packfile.Entry{b, a}, []string{"1: pack NotIndexed 11", "2: pack NotIndexed 61"}},
		{"the first is not indexed", rawIndex(of(b), of(c)), []packfile.Entry{a, b, c}, []string{"1: pack NotIndexed 11"}},
		{"the last is not indexed", rawIndex(of(a), of(b)), []packfile.Entry{a, b, c}, []string{"3: pack NotIndexed 101"}},
		{"the digest of zeros is one like others", rawIndex(of(z)), []packfile.Entry{a}, []string{"0: index NotInPack 1034", "1: pack NotIndexed 11"}},
		{"one is not in the pack", rawIndex(of(a), of(b), of(c)), []packfile.Entry{a, c}, []string{"2: index NotInPack 1082"}},
		{"another offset", rawIndex(of(a), of(entry(2, 102, 0))), []packfile.Entry{a, b}, []string{"2: index Misplaced 1082"}},
		{"another length", rawIndex(of(a), of(entry(2, 101, 1))), []packfile.Entry{a, b}, []string{"2: index Misplaced 1082"}},
		{"the place of another object", rawIndex(of(a), of(entry(2, 51, 10))), []packfile.Entry{a, b}, []string{"2: index Misplaced 1082"}},
		{"into another object", rawIndex(of(a), of(entry(2, 53, 5))), []packfile.Entry{a, b}, []string{"2: index Misplaced 1082"}},
		{"a place that no pack has", rawIndex(of(a), rawRecord(2, 1<<63, 0), of(c)), []packfile.Entry{a, b, c}, []string{"2: index OutOfBounds 1082"}},
		{"a copy in the pack, the first indexed", rawIndex(of(a), of(b)), []packfile.Entry{b, entry(2, 150, 3), a}, []string{"2: pack Duplicate 110"}},
		{"a copy in the pack, the last indexed", rawIndex(of(a), of(entry(2, 150, 3))), []packfile.Entry{b, entry(2, 150, 3), a}, []string{"2: pack Duplicate 61"}},
		{"copies in the pack, none indexed", rawIndex(of(a)), []packfile.Entry{entry(2, 150, 3), a, b, entry(2, 160, 0)}, []string{"2: pack NotIndexed 61", "2: pack Duplicate 110", "2: pack Duplicate 120"}},
		{"disorder ends it", rawIndex(of(a), of(a), of(b)), []packfile.Entry{c}, []string{"1: index NotInPack 1034", "0: index Duplicate 1082"}},
	}
	names := map[packfile.Problem]string{
		packfile.NotInPack: "NotInPack", packfile.NotIndexed: "NotIndexed", packfile.Misplaced: "Misplaced",
		packfile.Duplicate: "Duplicate", packfile.OutOfBounds: "OutOfBounds",
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for form, x := range open(t, test.index) {
				var got []string
				for e, err := range x.Compare(slices.Clone(test.found)) {
					problem := typed(t, err)
					where := map[bool]string{true: "index", false: "pack"}[problem.InIndex]
					got = append(got, fmt.Sprintf("%d: %s %s %d", e.Digest[0], where, names[problem.Problem], problem.Offset))
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("%s:\n got %q\nwant %q", form, got, test.want)
				}
				for stopAfter := range test.want { // a consumer may stop at any time
					n := 0
					for range x.Compare(slices.Clone(test.found)) {
						if n++; n > stopAfter {
							break
						}
					}
				}
			}
		})
	}
}

func TestUniqueKeepsTheFirstCopy(t *testing.T) {
	entries := randomEntries(300, 4)
	want := slices.Clone(entries)
	for i := range 100 {
		again := entries[i]
		again.Offset += 1 << 30
		entries = append([]packfile.Entry{again}, entries...)
	}
	if _, err := packfile.WriteIndex(nil, slices.Clone(entries)); err == nil {
		t.Fatal("WriteIndex accepts duplicates")
	} else if e := typed(t, err); e.Problem != packfile.Duplicate {
		t.Errorf("WriteIndex: %v", err)
	}
	index, _ := encode(t, packfile.Unique(entries))
	if same, _ := encode(t, want); string(index) != string(same) {
		t.Error("Unique kept another copy, or lost an object")
	}
}

func TestErrorText(t *testing.T) {
	pack, index := error(&packfile.Error{Problem: packfile.Truncated, Offset: 51}), error(&packfile.Error{Problem: packfile.BadOrder, InIndex: true, Offset: 1082})
	if got, want := pack.Error(), "pack, offset 51: cut off"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := index.Error(), "index, offset 1082: the digests are not in ascending order"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var e *packfile.Error
	if wrapped := fmt.Errorf("wrapped: %w", pack); !errors.As(wrapped, &e) || e.Problem != packfile.Truncated {
		t.Error("errors.As does not find it")
	}
}
