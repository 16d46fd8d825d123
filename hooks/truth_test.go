package hooks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5"

	"fsk/hooks"
	"fsk/objects"
	"fsk/objects/objectstest"
	"fsk/seal"
)

func ringOf(t testing.TB, keys ...string) *seal.Ring {
	t.Helper()
	var list [][]byte
	for _, k := range keys {
		list = append(list, []byte(strings.Repeat(k, 32)))
	}
	ring, err := seal.NewRing(list...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func newStore(t testing.TB) billy.Filesystem {
	t.Helper()
	fsys := objectstest.NewMemory()
	if err := objects.Init(fsys); err != nil {
		t.Fatal(err)
	}
	return fsys
}

// plant puts stored bytes where the object is looked for.
func plant(t testing.TB, fsys billy.Filesystem, d objects.Digest, stored string) {
	t.Helper()
	name := d.String()
	f, err := fsys.Create("objects/" + name[:2] + "/" + name[2:])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, stored); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, fsys billy.Filesystem, ring *seal.Ring, p objects.PreReader) *objects.DB {
	t.Helper()
	db, err := objects.Open(fsys, ring, &objects.Options{PreRead: p, MaxObjectSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// A verdict is a state of the store, and what the library says to it without a policy.
type verdict struct {
	reason objects.Reason
	stored string // "" if there is no file
	key    string // that sealed it, of the good ones
}

func verdicts(t testing.TB, payload string, keys bool) []verdict {
	sealedBy := func(key, payload string) string {
		return string(ringOf(t, key).AppendTrailer([]byte(payload), []byte(payload)))
	}
	if !keys {
		return []verdict{
			{objects.OKPlain, payload, ""},
			{objects.OKUnverified, sealedBy("a", payload), ""},
			{objects.MalformedTrailer, payload + strings.Repeat("x", 64), ""},
			{objects.Corrupt, "other", ""},
			{objects.Missing, "", ""},
			{objects.TooLarge, strings.Repeat("z", 2000), ""},
		}
	}
	return []verdict{
		{objects.OK, sealedBy("a", payload), "a"},
		{objects.OK, sealedBy("b", payload), "b"},
		{objects.Unsealed, payload, ""},
		{objects.MalformedTrailer, payload + strings.Repeat("x", 64), ""},
		{objects.BadSeal, sealedBy("c", payload), ""},
		{objects.WrongName, sealedBy("a", "another payload"), ""},
		{objects.Corrupt, "other", ""},
		{objects.Missing, "", ""},
		{objects.TooLarge, strings.Repeat("z", 2000), ""},
	}
}

// TestPolicyAndVerdict is the whole truth table: a payload is released if the verdict is
// good and the policy lets it through, and in no other case. What is no good
// keeps its reason, and no policy is asked about it.
func TestPolicyAndVerdict(t *testing.T) {
	const payload = "the payload"
	d := objects.Sum([]byte(payload))
	idA, idB := ringOf(t, "a").ID(0), ringOf(t, "b").ID(0)
	always := func(verdict) objects.Reason { return objects.OK }
	never := func(verdict) objects.Reason { return objects.Denied }
	only := func(keys string) func(verdict) objects.Reason {
		return func(v verdict) objects.Reason {
			if v.key != "" && strings.Contains(keys, v.key) {
				return objects.OK
			}
			return objects.Denied
		}
	}
	failing := hooks.Func(func(context.Context, objects.Info, io.ReaderAt) error {
		return fmt.Errorf("broken: %w", objects.ErrHookFailed)
	})
	policies := []struct {
		name   string
		policy objects.PreReader
		says   func(v verdict) objects.Reason // OK, Denied or HookFailed
	}{
		{"an empty chain", hooks.Chain{}, always},
		{"a function that allows", hooks.Func(func(context.Context, objects.Info, io.ReaderAt) error { return nil }), always},
		{"a function that refuses", hooks.Func(refuse), never},
		{"a function that fails", failing, func(verdict) objects.Reason { return objects.HookFailed }},
		{"require_seal", hooks.RequireSeal{}, only("ab")},
		{"first key", hooks.FirstKey{}, only("a")},
		{"the first key by id", hooks.Keys{idA}, only("a")},
		{"the retired key by id", hooks.Keys{idB}, only("b")},
		{"both keys by id", hooks.Keys{idA, idB}, only("ab")},
		{"no key by id", hooks.Keys{}, never},
		{"a size that is enough", hooks.MaxSize(len(payload)), always},
		{"a size that is not", hooks.MaxSize(len(payload) - 1), never},
		{"a deny list with it", hooks.NewDeny(d), never},
		{"a deny list without it", hooks.NewDeny(objects.Digest{}), always},
		{"a chain of what allows and what refuses", hooks.Chain{hooks.MaxSize(1000), hooks.Keys{idB}}, only("b")},
		{"an audit of what refuses", hooks.Audit{Policy: hooks.FirstKey{}, Log: slog.New(slog.DiscardHandler)}, only("a")},
	}
	for _, keys := range []bool{true, false} {
		ring := seal.Off
		if keys {
			ring = ringOf(t, "a", "b")
		}
		for _, v := range verdicts(t, payload, keys) {
			fsys := newStore(t)
			if v.stored != "" {
				plant(t, fsys, d, v.stored)
			}
			for _, p := range policies {
				t.Run(fmt.Sprintf("keys %t/%s%s/%s", keys, v.reason, v.key, p.name), func(t *testing.T) {
					asked := 0
					counting := hooks.Func(func(ctx context.Context, info objects.Info, r io.ReaderAt) error {
						asked++
						return p.policy.PreRead(ctx, info, r)
					})
					want := v.reason
					if says := p.says(v); want.Good() && says != objects.OK {
						want = says
					}
					db := open(t, fsys, ring, counting)
					wantRelease(t, db, d, payload, want)
					if v.reason.Good() != (asked > 0) {
						t.Errorf("asked %d times about %s", asked, v.reason)
					}
				})
			}
		}
	}
}

// wantRelease reads in every way and wants the payload, or an error with the reason and
// nothing beside it.
func wantRelease(t *testing.T, db *objects.DB, d objects.Digest, payload string, want objects.Reason) {
	t.Helper()
	got, err := db.Get(t.Context(), d)
	r, openErr := db.Open(t.Context(), d)
	buf := bytes.Repeat([]byte("-"), 100)
	info, intoErr := db.GetInto(t.Context(), d, buf)
	for o, eachErr := range db.GetEach(t.Context(), []objects.Digest{d, d, d, d}, make([]byte, 100)) {
		var e *objects.Error
		if want.Good() && (eachErr != nil || string(o.Payload) != payload) || !want.Good() && (!errors.As(eachErr, &e) || e.Reason != want || o.Payload != nil) {
			t.Errorf("GetEach yields %q, %v, want the reason %s", o.Payload, eachErr, want)
		}
	}
	if want.Good() {
		if err != nil || openErr != nil || intoErr != nil || string(got) != payload || string(buf[:info.Size]) != payload {
			t.Fatalf("Get = %q, %v; Open: %v; GetInto: %v", got, err, openErr, intoErr)
		}
		r.Close()
		return
	}
	for _, err := range []error{err, openErr, intoErr} {
		var e *objects.Error
		if !errors.As(err, &e) || e.Reason != want {
			t.Errorf("error %v, want the reason %s", err, want)
		}
	}
	if got != nil || r != nil || strings.Trim(string(buf), "-") != "" {
		t.Errorf("something is released beside the error: %q, %q", got, buf)
	}
}
