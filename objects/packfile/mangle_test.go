package packfile_test

import (
	"bytes"
	"testing"

	"fsk/objects/packfile"
)

// TestEveryTruncationOfAPackIsSeen cuts the pack at every length: what is whole is
// delivered, and then the error says where the rest begins.
func TestEveryTruncationOfAPackIsSeen(t *testing.T) {
	pack, _ := three(t)
	whole, err := collect(pack)
	if err != nil {
		t.Fatal(err)
	}
	for size := range pack {
		n, end, boundary := 0, int64(packMagic), size == packMagic
		for _, o := range whole {
			if next := o.Offset + int64(o.Length); next <= int64(size) {
				n, end, boundary = n+1, next, next == int64(size)
			}
		}
		got, err := collect(pack[:size])
		// A pack that ends behind an object is a pack; only its index tells.
		if boundary {
			if err != nil || len(got) != n {
				t.Errorf("cut at %d: %d objects, %v, want %d", size, len(got), err, n)
			}
		} else {
			if size < packMagic {
				end = 0
			}
			wantProblem(t, err, packfile.Truncated, end)
			if len(got) != n {
				t.Errorf("cut at %d: %d objects, want %d", size, len(got), n)
			}
		}
		// The same with the size that the file should have.
		n = 0
		for _, err = range packfile.Scan(bytes.NewReader(pack[:size]), int64(len(pack))) {
			if err == nil {
				n++
			}
		}
		if size < packMagic {
			end = 0
		}
		wantProblem(t, err, packfile.Truncated, end)
		if n != len(got) {
			t.Errorf("cut at %d: %d objects with the full size, %d without", size, n, len(got))
		}
	}
}

// TestEveryFlippedBitOfAPackIsSeen flips every bit of the pack. Nothing in a pack is
// authenticated by the format, so that flips inside stored bytes cannot be seen here;
// the digest tells them. All others are: an error of the scan, or a disagreement with
// the index.
func TestEveryFlippedBitOfAPackIsSeen(t *testing.T) {
	pack, index := three(t)
	x, err := packfile.ParseIndex(index)
	if err != nil {
		t.Fatal(err)
	}
	whole, _ := collect(pack)
	stored := make([]bool, len(pack))
	for _, o := range whole {
		for i := range o.Length {
			stored[o.Offset+int64(i)] = true
		}
	}
	invisible := 0
	for bit := range len(pack) * 8 {
		mangled := bytes.Clone(pack)
		mangled[bit/8] ^= 1 << (bit % 8)
		objects, err := collect(mangled)
		seen := err != nil
		if seen {
			typed(t, err)
		}
		for _, err := range x.Compare(entriesOf(objects)) {
			typed(t, err)
			seen = true
		}
		if seen == stored[bit/8] {
			t.Errorf("bit %d of byte %d: seen = %t", bit%8, bit/8, seen)
		}
		if !seen {
			invisible++
			for i, o := range objects {
				from, to := o.Offset, o.Offset+int64(o.Length)
				if !bytes.Equal(o.Stored, mangled[from:to]) || o.Entry != whole[i].Entry {
					t.Errorf("bit %d: object %d is not what is in the pack", bit, i)
				}
			}
		}
	}
	if want := 8 * (3 + 0 + 68); invisible != want {
		t.Errorf("%d flips are invisible, want the %d inside stored bytes", invisible, want)
	}
}

func TestEveryTruncationOfAnIndexIsRefused(t *testing.T) {
	_, index := three(t)
	for size := range index {
		if _, err := packfile.ParseIndex(index[:size]); err == nil {
			t.Fatalf("ParseIndex accepts %d bytes", size)
		} else {
			typed(t, err)
		}
		if _, err := packfile.OpenIndex(bytes.NewReader(index[:size]), int64(size)); err == nil {
			t.Fatalf("OpenIndex accepts %d bytes", size)
		} else {
			typed(t, err)
		}
		// The file shrinks after its size was taken, before or after it was opened.
		x, err := packfile.OpenIndex(bytes.NewReader(index[:size]), int64(len(index)))
		if err == nil {
			err = x.Verify(nameOf(index))
		}
		wantProblem(t, err, packfile.Truncated, int64(size))
	}
	for _, more := range []int{1, 47, 48, 49, 96} {
		longer := append(bytes.Clone(index), make([]byte, more)...)
		if _, err := packfile.ParseIndex(longer); err == nil {
			t.Errorf("ParseIndex accepts %d bytes more", more)
		} else {
			typed(t, err)
		}
	}
}

// TestEveryFlippedBitOfAnIndexIsSeen also puts the right checksum behind each flip, and
// asks for the name that the index then has: only a comparison with the pack is left,
// and sees it.
func TestEveryFlippedBitOfAnIndexIsSeen(t *testing.T) {
	pack, index := three(t)
	objects, err := collect(pack)
	if err != nil {
		t.Fatal(err)
	}
	byCompare := 0
	for bit := range len(index) * 8 {
		mangled := bytes.Clone(index)
		mangled[bit/8] ^= 1 << (bit % 8)
		for form, mangled := range map[string][]byte{"as it is": mangled, "with checksum": withSum(mangled)} {
			x, err := packfile.ParseIndex(mangled)
			if err != nil {
				typed(t, err)
				continue
			}
			if err := x.Verify(nameOf(index)); err == nil && !bytes.Equal(mangled, index) {
				t.Fatalf("bit %d %s: Verify accepts it under its old name", bit, form)
			} else if err != nil {
				typed(t, err)
			}
			if form == "as it is" || bit/8 >= len(index)-32 || x.Verify(nameOf(mangled)) != nil {
				continue
			}
			byCompare++
			seen := false
			for _, err := range x.Compare(entriesOf(objects)) {
				typed(t, err)
				seen = true
			}
			if !seen {
				t.Fatalf("bit %d %s: nothing sees it", bit, form)
			}
		}
	}
	if byCompare == 0 {
		t.Error("the test does not reach what it is for")
	}
}

// TestFlippedIndexNeverMisleadsSilently: whatever is flipped, Find gives an entry that
// can be checked, under the digest that was asked for, or none.
func TestFlippedIndexNeverMisleadsSilently(t *testing.T) {
	pack, index := three(t)
	for bit := range len(index) * 8 {
		mangled := bytes.Clone(index)
		mangled[bit/8] ^= 1 << (bit % 8)
		if _, err := packfile.ParseIndex(mangled); err != nil {
			continue
		}
		for name, x := range open(t, mangled) {
			for _, o := range threeObjects {
				d := digestOf(t, o.digest)
				e, ok, err := x.Find(d)
				switch {
				case err != nil:
					typed(t, err)
				case ok && e.Digest != d:
					t.Fatalf("%s, bit %d: Find gives another object", name, bit)
				case ok && e.Check(int64(len(pack))) == nil:
					_ = pack[e.Offset-headerSize : e.Offset+int64(e.Length)]
				}
			}
		}
	}
}
