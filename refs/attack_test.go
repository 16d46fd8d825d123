package refs_test

import (
	"strings"
	"testing"

	"fsk/objects"
	"fsk/refs"
)

// TestForgedRefs are A20, A22 and A23: what is put in the place of a ref is refused, each
// with its own reason, by all that reads it.
func TestForgedRefs(t *testing.T) {
	d := digestOf("planted").String()
	genuine := record{name: "main", digest: d, seq: 3, prev: d, key: key1}
	text := string(genuine.bytes())
	body := record{name: "main", digest: d}.body()
	tests := []struct {
		claim string
		raw   string
		want  objects.Reason
	}{
		{"A20 a copy of another ref", string(record{name: "other", digest: d, key: key1}.bytes()), objects.WrongName},
		{"A20 of another namespace", string(record{ns: "other", name: "main", digest: d, key: key1}.bytes()), objects.WrongNamespace},
		{"A22 the file of an object whose payload is a body", body + macOf(key1, body), objects.MalformedRef},
		{"A22 an object's trailer as the seal", sealWith(body, macOf(key1, keyed(body))), objects.BadSeal},
		{"A22 an object's trailer of the body as the seal", sealWith(body, macOf(key1, body)), objects.BadSeal},
		{"A23 without a seal", record{name: "main", digest: d}.body(), objects.Unsealed},
		{"A23 the seal cut off", genuine.body(), objects.Unsealed},
		{"A23 edited", strings.Replace(text, "seq 3", "seq 4", 1), objects.BadSeal},
		{"A23 the hint edited", strings.Replace(text, "key 9", "key 1", 1), objects.BadSeal},
		{"A23 CRLF", strings.ReplaceAll(text, "\n", "\r\n"), objects.MalformedRef},
		{"A23 an extra field", strings.Replace(text, "time", "x y\ntime", 1), objects.MalformedRef},
		{"A23 an attribute added", strings.Replace(text, "key ", "attr a b\nkey ", 1), objects.BadSeal},
		{"A23 5 MB", strings.Repeat(text, 5<<20/len(text)), objects.MalformedRef},
		{"A23 NUL", strings.Replace(text, "main", "ma\x00n", 1), objects.MalformedRef},
		{"sealed by a foreign key", string(record{name: "main", digest: d, key: foreignKey}.bytes()), objects.BadSeal},
		{"sealed by the empty key", string(record{name: "main", digest: d, key: []byte{}}.bytes()), objects.BadSeal},
		{"sealed by zeros", sealWith(body, strings.Repeat("0", 64)), objects.BadSeal},
		{"empty", "", objects.MalformedRef},
	}
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1, key2), refs.Options{Marks: newMarks()})
	w.put("planted")
	for _, test := range tests {
		t.Run(test.claim, func(t *testing.T) {
			w := *w
			w.t = t
			write(t, fsys, "refs/main", []byte(test.raw))
			w.wantMiss("main", test.want)
			for _, err := range w.Log(t.Context(), nameOf(t, "main")) {
				wantError(t, "Log", err, test.want)
			}
			for _, err := range w.All(t.Context(), "") {
				wantError(t, "All", err, test.want)
			}
			if test.want == objects.WrongNamespace { // a ref of somebody else
				return
			}
			w.wantFindings(string(test.want) + " refs/main")
			for _, err := range w.Targets(t.Context()) {
				wantError(t, "Targets", err, test.want)
			}
		})
	}
}

// keyed appends the line before the seal.
func keyed(body string) string { return body + "key 94926d11dd3a2fcc\n" }

func sealWith(body, seal string) string { return keyed(body) + "seal " + seal + "\n" }

// TestForeignNamespace: a record of another namespace is no error where nobody asks for
// it, and is not replaced.
func TestForeignNamespace(t *testing.T) {
	fsys := newRoot(t)
	one := open(t, fsys, ringOf(t, key1), refs.Options{Namespace: "one"})
	two := open(t, fsys, ringOf(t, key1), refs.Options{Namespace: "two"})
	one.set("main", "x")
	two.set("other", "y")
	two.wantMiss("main", objects.WrongNamespace)
	_, err := two.Update(t.Context(), nameOf(t, "main"), refs.Change{Digest: two.put("z")})
	wantError(t, "Update", err, objects.WrongNamespace)
	_, err = two.Delete(t.Context(), nameOf(t, "main"), objects.Digest{})
	wantError(t, "Delete", err, objects.WrongNamespace)
	var names []string
	for ref, err := range two.All(t.Context(), "") {
		if err != nil {
			t.Error(err)
		}
		names = append(names, ref.Name.String())
	}
	if len(names) != 1 || names[0] != "other" {
		t.Errorf("All of the namespace two: %q", names)
	}
	one.wantRef("main", "x")
	two.wantFindings()
}

// TestObjectFileAsRef is item 3 of the issue: an object's file dropped in as a ref.
func TestObjectFileAsRef(t *testing.T) {
	fsys := newRoot(t)
	w := open(t, fsys, ringOf(t, key1), refs.Options{})
	for _, payload := range []string{"any payload", record{name: "main", digest: digestOf("x").String()}.body()} {
		d := w.put(payload).String()
		write(t, fsys, "refs/main", read(t, fsys, "objects/"+d[:2]+"/"+d[2:]))
		w.wantMiss("main", objects.MalformedRef)
	}
}
