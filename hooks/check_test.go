package hooks_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"fsk/hooks"
	"fsk/objects"
)

func TestCheck(t *testing.T) {
	const payload = "the payload"
	d := objects.Sum([]byte(payload))
	failing := hooks.Func(func(context.Context, objects.Info, io.ReaderAt) error { return objects.ErrHookFailed })
	for _, v := range verdicts(t, payload, true) {
		fsys := newStore(t)
		if v.stored != "" {
			plant(t, fsys, d, v.stored)
		}
		for want, policy := range map[objects.Reason]objects.PreReader{"": hooks.Chain{}, objects.Denied: hooks.Func(refuse), objects.HookFailed: failing} {
			f, refused, err := hooks.Check(t.Context(), open(t, fsys, ringOf(t, "a", "b"), policy), d)
			if err != nil || refused != (v.reason.Good() && want != "") {
				t.Errorf("%s: refused %t, %v", v.reason, refused, err)
			}
			if refused && (f.Reason != want || f.Severity != objects.SeverityError || f.Digest != d || f.Path == "" || f.Next == "" || f.Explain() == "") {
				t.Errorf("%s: finding %+v, want the reason %s", v.reason, f, want)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, refused, err := hooks.Check(ctx, open(t, newStore(t), ringOf(t, "a"), nil), d); refused || !errors.Is(err, context.Canceled) {
		t.Errorf("a context that ended: %t, %v", refused, err)
	}
}
