package refs_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fsk/objects"
	"fsk/refs"
)

// example is the known answer of the format, under exampleKey.
const example = `fsk-ref 1
ns default
name builds/main
digest 85d717404e437ba57d192879736fd963fa9b0ad55e93d7c4ea63f7c4949c6b55
seq 1
time 2026-11-22T00:00:00Z
prev 0000000000000000000000000000000000000000000000000000000000000000
key 94926d11dd3a2fcc
seal 18d3ac2090ca4ab1b9627c212190be20c98eba1d223e6bfa1529a79758871205
`

func TestKnownAnswer(t *testing.T) {
	w := open(t, newRoot(t), ringOf(t, exampleKey), refs.Options{})
	d, err := objects.ParseDigest("85d717404e437ba57d192879736fd963fa9b0ad55e93d7c4ea63f7c4949c6b55")
	if err != nil {
		t.Fatal(err)
	}
	ref, err := w.Update(t.Context(), nameOf(t, "builds/main"), refs.Change{Digest: d, Unchecked: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(read(t, w.fs, "refs/builds/main")); got != example {
		t.Errorf("the file is\n%s\nwant\n%s", got, example)
	}
	if ref.Key.String() != "94926d11dd3a2fcc" || ref.Reason != objects.OK || ref.Retired || ref.Seq != 1 || !ref.Time.Equal(epoch) {
		t.Errorf("Update = %+v", ref)
	}
	got, err := w.Get(t.Context(), nameOf(t, "builds/main"))
	if err != nil || !reflect.DeepEqual(got, ref) {
		t.Errorf("Get = %+v, %v, want %+v", got, err, ref)
	}
	// The helper that the other tests forge records with is right.
	forged := record{name: "builds/main", digest: d.String(), key: exampleKey}.bytes()
	if string(forged) != example {
		t.Errorf("the helper makes\n%s", forged)
	}
}

// valid are records of every form.
func valid(t testing.TB) map[string][]byte {
	t.Helper()
	digest := digestOf("x").String()
	return map[string][]byte{
		"example": []byte(example),
		"plain":   record{name: "main", digest: digest}.bytes(),
		"later":   record{name: "main", digest: digest, seq: 12345678901234567, prev: digest, key: key1}.bytes(),
		"deleted": record{name: "a/b", seq: 2, prev: digest, key: key1}.bytes(),
		"attrs":   record{name: "a/b", digest: digest, attrs: []string{"a ", "b x", "c-1   y z ", "d " + strings.Repeat("~", 512)}, key: key2}.bytes(),
		"ns":      record{ns: "cafe/x.y", name: "z", digest: digest, key: key2}.bytes(),
	}
}

func TestParseAndMarshal(t *testing.T) {
	for claim, raw := range valid(t) {
		r, err := refs.Parse(raw)
		if err != nil {
			t.Errorf("%s: %v", claim, err)
			continue
		}
		if !bytes.Equal(r.Marshal(), raw) || !bytes.HasPrefix(raw, r.Body()) {
			t.Errorf("%s: Marshal gives\n%s\nwant\n%s", claim, r.Marshal(), raw)
		}
	}
	r, err := refs.Parse(valid(t)["attrs"])
	want := map[string]string{"a": "", "b": "x", "c-1": "  y z ", "d": strings.Repeat("~", 512)}
	if err != nil || !reflect.DeepEqual(r.Attrs, want) || r.Namespace != "default" || r.Name != nameOf(t, "a/b") ||
		r.Seq != 1 || r.Time != time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) || r.Digest != digestOf("x") || r.Deleted() {
		t.Errorf("Parse = %+v, %v", r, err)
	}
}

func TestParseRefuses(t *testing.T) {
	d := digestOf("x").String()
	good := record{name: "main", digest: d, seq: 2, attrs: []string{"a x", "b y"}}.body()
	sealed := string(sealText(key1, good))
	many := func(n int) (list []string) {
		for i := range n {
			list = append(list, string(rune('a'+i))+" x")
		}
		return list
	}
	if _, err := refs.Parse(record{name: "main", attrs: many(16)}.bytes()); err != nil {
		t.Errorf("16 attributes: %v", err)
	}
	tests := map[string]string{
		"nothing":                         "",
		"five megabytes":                  sealed + strings.Repeat("x", 5<<20),
		"CRLF":                            strings.ReplaceAll(sealed, "\n", "\r\n"),
		"no line end":                     strings.TrimSuffix(sealed, "\n"),
		"an empty line":                   sealed + "\n",
		"an empty line before":            "\n" + sealed,
		"NUL at the end":                  sealed + "\x00",
		"NUL in a value":                  strings.Replace(sealed, "attr a x", "attr a \x00", 1),
		"another version":                 strings.Replace(sealed, "fsk-ref 1", "fsk-ref 2", 1),
		"an extra field":                  strings.Replace(sealed, "seq 2", "color red\nseq 2", 1),
		"a field twice":                   strings.Replace(sealed, "seq 2\n", "seq 2\nseq 2\n", 1),
		"a field left out":                strings.Replace(sealed, "seq 2\n", "", 1),
		"fields in another order":         "fsk-ref 1\nname main\nns default\n" + good[strings.Index(good, "digest"):],
		"two spaces":                      strings.Replace(sealed, "seq 2", "seq  2", 1),
		"a tab":                           strings.Replace(sealed, "seq 2", "seq\t2", 1),
		"a space at the end":              strings.Replace(sealed, "seq 2", "seq 2 ", 1),
		"number with a leading zero":      strings.Replace(sealed, "seq 2", "seq 02", 1),
		"number with a sign":              strings.Replace(sealed, "seq 2", "seq +2", 1),
		"number zero":                     strings.Replace(sealed, "seq 2", "seq 0", 1),
		"number in another base":          strings.Replace(sealed, "seq 2", "seq 0x2", 1),
		"number with an underscore":       strings.Replace(sealed, "seq 2", "seq 1_0", 1),
		"no number":                       strings.Replace(sealed, "seq 2", "seq ", 1),
		"number beyond 64 bits":           strings.Replace(sealed, "seq 2", "seq 18446744073709551616", 1),
		"first record with a prev":        record{name: "main", seq: 1, prev: d}.body(),
		"time with a fraction":            strings.Replace(sealed, "00:00:00Z", "00:00:00.5Z", 1),
		"time with an offset":             strings.Replace(sealed, "00:00:00Z", "00:00:00+00:00", 1),
		"time of no day":                  strings.Replace(sealed, "11-22", "02-30", 1),
		"time of a leap second":           strings.Replace(sealed, "00:00:00Z", "23:59:60Z", 1),
		"digest in upper case":            strings.Replace(sealed, d, strings.ToUpper(d), 1),
		"digest of 63 digits":             strings.Replace(sealed, d, d[1:], 1),
		"digest of 65 digits":             strings.Replace(sealed, d, d+"0", 1),
		"namespace with dots":             strings.Replace(sealed, "ns default", "ns ..", 1),
		"name with dots":                  strings.Replace(sealed, "name main", "name ../main", 1),
		"name of digits":                  strings.Replace(sealed, "name main", "name cafe", 1),
		"name with an escape":             strings.Replace(sealed, "name main", "name ma\x1bin", 1),
		"attributes out of order":         record{name: "main", attrs: []string{"b y", "a x"}}.body(),
		"an attribute twice":              record{name: "main", attrs: []string{"a x", "a x"}}.body(),
		"an attribute without a value":    record{name: "main", attrs: []string{"a"}}.body(),
		"an attribute without a name":     record{name: "main", attrs: []string{" x"}}.body(),
		"an attribute in upper case":      record{name: "main", attrs: []string{"A x"}}.body(),
		"an attribute's name too long":    record{name: "main", attrs: []string{strings.Repeat("a", 33) + " x"}}.body(),
		"an attribute's value too long":   record{name: "main", attrs: []string{"a " + strings.Repeat("x", 513)}}.body(),
		"a value that is not ASCII":       record{name: "main", attrs: []string{"a ä"}}.body(),
		"a value with DEL":                record{name: "main", attrs: []string{"a \x7f"}}.body(),
		"17 attributes":                   record{name: "main", attrs: many(17)}.body(),
		"key without a seal":              sealed[:strings.Index(sealed, "seal ")],
		"seal without a key":              good + sealed[strings.Index(sealed, "seal "):],
		"seal before the key":             good + sealed[strings.Index(sealed, "seal "):] + "key 94926d11dd3a2fcc\n",
		"key in upper case":               good + "key 94926D11DD3A2FCC\n" + sealed[strings.Index(sealed, "seal "):],
		"key of 15 digits":                good + "key 94926d11dd3a2fc\n" + sealed[strings.Index(sealed, "seal "):],
		"seal in upper case":              upperSeal(sealed),
		"seal of 63 digits":               sealed[:len(sealed)-2] + "\n",
		"seal of raw bytes":               sealed[:len(sealed)-65] + strings.Repeat("\xaa", 64) + "\n",
		"something after the seal":        sealed + "more\n",
		"the record twice":                sealed + sealed,
		"a body with a trailer":           good + macOf(key1, good),
		"attributes that make it too big": record{name: "main", attrs: bigAttrs()}.body(),
	}
	for claim, text := range tests {
		t.Run(claim, func(t *testing.T) {
			r, err := refs.Parse([]byte(text))
			wantError(t, "Parse", err, objects.MalformedRef)
			if !reflect.DeepEqual(r, refs.Record{}) {
				t.Errorf("Parse returns %+v beside the error", r)
			}
		})
	}
}

func upperSeal(s string) string { return s[:len(s)-65] + strings.ToUpper(s[len(s)-65:]) }

func bigAttrs() (list []string) {
	for i := range 8 {
		list = append(list, string(rune('a'+i))+" "+strings.Repeat("x", 512))
	}
	return list
}

// TestEveryManglingIsRefused changes, takes away and inserts every byte of valid
// records: what is left is no record, or is one that no key of the ring has sealed.
func TestEveryManglingIsRefused(t *testing.T) {
	for claim, raw := range valid(t) {
		t.Run(claim, func(t *testing.T) {
			fsys := newMemory(t)
			parsed, err := refs.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			w := open(t, fsys, ringOf(t, key1, key2, exampleKey), refs.Options{Namespace: parsed.Namespace})
			want := []objects.Reason{objects.MalformedRef, objects.BadSeal, objects.Unsealed, objects.WrongName}
			try := func(what string, i int, mangled []byte) {
				if r, err := refs.Parse(mangled); err == nil && !bytes.Equal(r.Marshal(), mangled) {
					t.Fatalf("%s at %d: Marshal gives another text than Parse took", what, i)
				}
				write(t, fsys, "refs/"+parsed.Name.String(), mangled)
				_, err := w.Get(t.Context(), parsed.Name)
				if !isReason(err, want...) {
					t.Errorf("%s at %d: %v", what, i, err)
				}
			}
			for i := range raw {
				for _, bit := range []byte{1, 2, 16, 32, 128} {
					mangled := bytes.Clone(raw)
					mangled[i] ^= bit
					try("flip", i, mangled)
				}
				try("cut", i, raw[:i])
				try("delete", i, slices.Delete(bytes.Clone(raw), i, i+1))
				for _, b := range []byte{0, '\n', '\r', ' ', '0'} {
					try("insert", i, slices.Insert(bytes.Clone(raw), i, b))
				}
			}
		})
	}
}

func isReason(err error, want ...objects.Reason) bool {
	return slices.ContainsFunc(want, func(r objects.Reason) bool { return reasonOf(err) == r })
}

func reasonOf(err error) objects.Reason {
	if e, ok := err.(*refs.Error); ok {
		return e.Reason
	}
	return ""
}

// FuzzParse: what is parsed is written as it was.
func FuzzParse(f *testing.F) {
	for _, raw := range valid(f) {
		f.Add(raw)
	}
	f.Add([]byte(strings.ReplaceAll(example, "\n", "\r\n")))
	f.Add([]byte(strings.Replace(example, "key 9", "attr a \nkey 9", 1)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := refs.Parse(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Marshal(), raw) {
			t.Errorf("Parse takes\n%q\nMarshal gives\n%q", raw, r.Marshal())
		}
		if !bytes.HasPrefix(raw, r.Body()) || len(raw) > refs.MaxSize {
			t.Errorf("body %q of %q", r.Body(), raw)
		}
		if _, err := refs.ParseName(r.Name.String()); err != nil || refs.CheckNamespace(r.Namespace) != nil || r.Seq == 0 {
			t.Errorf("%+v", r)
		}
	})
}

// FuzzSealedRecord: a random edit of a sealed record never verifies.
func FuzzSealedRecord(f *testing.F) {
	for i := range 8 {
		f.Add(uint16(i*60), uint16(i), []byte("x\n"))
	}
	f.Add(uint16(0), uint16(4096), []byte(example))
	good := record{name: "main", digest: digestOf("x").String(), seq: 3, attrs: []string{"size 1"}, key: key1}.bytes()
	ring := ringOf(f, key1, key2)
	f.Fuzz(func(t *testing.T, at, remove uint16, insert []byte) {
		i := min(int(at), len(good))
		j := min(i+int(remove), len(good))
		edited := slices.Concat(good[:i], insert, good[j:])
		fsys := newMemory(t)
		w := open(t, fsys, ring, refs.Options{})
		write(t, fsys, "refs/main", edited)
		ref, err := w.Get(t.Context(), nameOf(t, "main"))
		if err == nil && (!bytes.Equal(edited, good) || ref.Digest != digestOf("x")) {
			t.Errorf("%q verifies: %+v", edited, ref)
		}
		if err == nil != bytes.Equal(edited, good) {
			t.Errorf("Get of %q: %v", edited, err)
		}
	})
}

// TestDerivedKey is the known answer of the key that seals refs.
func TestDerivedKey(t *testing.T) {
	derived, err := hex.DecodeString("aa61a160aae346e0027eadcce9673a3faf67aeec43c97ba5c11aedd57d62f47d")
	if err != nil {
		t.Fatal(err)
	}
	end := strings.Index(example, "seal ")
	if want := "seal " + macOf(derived, example[:end]) + "\n"; example[end:] != want {
		t.Errorf("the example ends in %q, want %q", example[end:], want)
	}
}
