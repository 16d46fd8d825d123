package objects_test

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"fsk/objects"
	"fsk/seal"
)

// FuzzVerdict edits a sealed file in any way: with keys, what is released is the
// payload and nothing else (S1), and the verdict is that of the table.
func FuzzVerdict(f *testing.F) {
	f.Add([]byte("payload"), []byte{}, uint16(0), uint16(0), false)
	f.Add([]byte("payload"), []byte("x"), uint16(3), uint16(1), true)
	f.Add([]byte{}, bytes.Repeat([]byte("a"), 64), uint16(0), uint16(0), false)
	f.Add([]byte("payload"), []byte{}, uint16(7), uint16(64), true)
	f.Add([]byte("payload"), sealed(key1, []byte("other")), uint16(0), uint16(71), true)
	f.Add(sealed(key1, []byte("payload")), []byte("\n"), uint16(71), uint16(0), true)
	fsys := newMemory(f)
	ring := ringOf(f, key1, key2)
	f.Fuzz(func(t *testing.T, payload, insert []byte, at, cut uint16, first bool) {
		key := key2
		if first {
			key = key1
		}
		stored := sealed(key, payload)
		from := int(at) % (len(stored) + 1)
		to := min(len(stored), from+int(cut))
		stored = append(append(bytes.Clone(stored[:from]), insert...), stored[to:]...)
		d := digestOf(payload)
		for home, plant := range homes {
			if !fits(home, stored) {
				continue
			}
			where := plant(t, fsys, d, stored)
			for _, keys := range []*seal.Ring{ring, seal.Off} { // a DB that was open might still have the file of before
				db := open(t, fsys, keys, nil)
				want := tableOfVerdicts(d, stored, keys == ring)
				info, err := db.Check(t.Context(), d)
				if err != nil || info.Reason != want || info.Where != where {
					t.Fatalf("%s: Check = %+v, %v, want %s in %s", home, info, err, want, where)
				}
				got, err := db.Get(t.Context(), d)
				switch {
				case want.Good() && (err != nil || !bytes.Equal(got, payload)):
					t.Fatalf("%s: Get of a good object = %q, %v", home, got, err)
				case !want.Good() && (got != nil || !errors.Is(err, fs.ErrNotExist)):
					t.Fatalf("%s: Get of %s = %q, %v", home, want, got, err)
				}
			}
		}
	})
}

// tableOfVerdicts is the table of DESIGN.md, section 4, word for word.
func tableOfVerdicts(d objects.Digest, stored []byte, keys bool) objects.Reason {
	h0 := digestOf(stored) == d
	var h1, hx, m bool
	if n := len(stored) - 64; n >= 0 {
		p, t := stored[:n], stored[n:]
		h1 = digestOf(p) == d
		hx = strings.Trim(string(t), "0123456789abcdef") == ""
		m = hx && (bytes.Equal(sealed(key1, p), stored) || bytes.Equal(sealed(key2, p), stored))
	}
	switch {
	case keys && h1 && m:
		return objects.OK
	case keys && h0:
		return objects.Unsealed
	case !keys && h0:
		return objects.OKPlain
	case !keys && h1 && hx:
		return objects.OKUnverified
	case h1 && !hx:
		return objects.MalformedTrailer
	case keys && h1:
		return objects.BadSeal
	case keys && m:
		return objects.WrongName
	}
	return objects.Corrupt
}

func FuzzParseDigest(f *testing.F) {
	text := strings.Repeat("0123456789abcdef", 4)
	for _, s := range []string{"", text, strings.ToUpper(text), text + "0", text[1:], text[:63] + "\n", "../" + text[3:]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := objects.ParseDigest(s)
		wellFormed := len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
		if (err == nil) != wellFormed || err == nil && d.String() != s {
			t.Fatalf("ParseDigest(%q) = %v, %v", s, d, err)
		}
	})
}

func FuzzResolve(f *testing.F) {
	fsys := newMemory(f)
	var all []string
	for i := range 50 {
		d := digestOf([]byte{byte(i)})
		plant(f, fsys, d, nil)
		all = append(all, d.String())
		f.Add(d.String()[:4+i%60])
	}
	for _, s := range []string{"", "abc", "ABCD", "../..", "abcd\n", "----", strings.Repeat("a", 65)} {
		f.Add(s)
	}
	db := open(f, fsys, seal.Off, nil)
	f.Fuzz(func(t *testing.T, s string) {
		var matches []string
		for _, text := range all {
			if strings.HasPrefix(text, s) {
				matches = append(matches, text)
			}
		}
		d, err := db.Resolve(t.Context(), s)
		var e *objects.Error
		errors.As(err, &e)
		switch {
		case len(s) < 4 || len(s) > 64 || strings.Trim(s, "0123456789abcdef") != "":
			if e == nil || e.Reason != objects.BadName {
				t.Fatalf("Resolve(%q) = %v, %v, want bad-name", s, d, err)
			}
		case len(s) == 64 || len(matches) == 1:
			if err != nil || !strings.HasPrefix(d.String(), s) {
				t.Fatalf("Resolve(%q) = %v, %v", s, d, err)
			}
		case len(matches) == 0:
			if e == nil || e.Reason != objects.Missing {
				t.Fatalf("Resolve(%q) = %v, %v, want missing", s, d, err)
			}
		default:
			if e == nil || e.Reason != objects.Ambiguous {
				t.Fatalf("Resolve(%q) = %v, %v, want ambiguous", s, d, err)
			}
		}
	})
}
