package hooks_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"fsk/hooks"
	"fsk/objects"
	"fsk/seal"
)

var errNo = errors.New("no")

func refuse(context.Context, objects.Info, io.ReaderAt) error { return errNo }

func TestPolicies(t *testing.T) {
	denied, other := objects.Sum([]byte("denied")), objects.Sum([]byte("other"))
	never := hooks.Func(func(context.Context, objects.Info, io.ReaderAt) error { t.Error("asked after a refusal"); return nil })
	key, key2 := seal.KeyID{1}, seal.KeyID{2}
	first := objects.Info{Reason: objects.OK, Key: key}
	retired := objects.Info{Reason: objects.OK, Key: key2, Retired: true}
	for _, tt := range []struct {
		claim string
		p     objects.PreReader
		info  objects.Info
		says  string // "" if it lets the object through
	}{
		{"require_seal lets the first key through", hooks.RequireSeal{}, first, ""},
		{"require_seal lets a retired key through", hooks.RequireSeal{}, retired, ""},
		{"require_seal refuses a plain object", hooks.RequireSeal{}, objects.Info{Reason: objects.OKPlain}, "policy require_seal: no key of the ring has sealed it"},
		{"require_seal refuses an unverified object", hooks.RequireSeal{}, objects.Info{Reason: objects.OKUnverified}, "policy require_seal: no key of the ring has sealed it"},
		{"the first key is let through", hooks.FirstKey{}, first, ""},
		{"a retired key is refused", hooks.FirstKey{}, retired, "policy keys: sealed by the retired key 0200000000000000, not by the first"},
		{"a plain object is refused", hooks.FirstKey{}, objects.Info{Reason: objects.OKPlain}, "policy keys: no key of the ring has sealed it"},
		{"an unverified object is refused", hooks.FirstKey{}, objects.Info{Reason: objects.OKUnverified}, "policy keys: no key of the ring has sealed it"},
		{"a key of the list is let through", hooks.Keys{key2, key}, first, ""},
		{"a retired key of the list is let through", hooks.Keys{key2}, retired, ""},
		{"a key that is not on the list is refused", hooks.Keys{key2}, first, "policy keys: sealed by the key 0100000000000000, which is not on the list"},
		{"an empty list of keys refuses everything", hooks.Keys{}, first, "policy keys: sealed by the key 0100000000000000, which is not on the list"},
		{"no key is on no list", hooks.Keys{{}}, objects.Info{Reason: objects.OKPlain}, "policy keys: no key of the ring has sealed it"},
		{"the largest size is let through", hooks.MaxSize(5), objects.Info{Size: 5}, ""},
		{"a larger size is refused", hooks.MaxSize(5), objects.Info{Size: 6}, "policy max_object_size: 6 bytes are more than the limit of 5"},
		{"no size lets empty payloads through alone", hooks.MaxSize(0), objects.Info{Size: 1}, "policy max_object_size: 1 bytes are more than the limit of 0"},
		{"the deny list refuses what is on it", hooks.NewDeny(other, denied), objects.Info{Digest: denied}, "policy deny: it is on the deny list"},
		{"the deny list lets others through", hooks.NewDeny(denied), objects.Info{Digest: other}, ""},
		{"an empty deny list refuses nothing", hooks.NewDeny(), objects.Info{Digest: other}, ""},
		{"an empty chain refuses nothing", hooks.Chain{}, objects.Info{}, ""},
		{"a chain refuses what one refuses", hooks.Chain{hooks.NewDeny(), hooks.Func(refuse), never}, objects.Info{}, "no"},
		{"a chain with nil refuses", hooks.Chain{nil}, objects.Info{}, "the hook failed: a policy is nil"},
		{"a nil function refuses", hooks.Func(nil), objects.Info{}, "the hook failed: the function is nil"},
		{"an audit without a policy refuses", hooks.Audit{}, objects.Info{}, "the hook failed: audit without a policy or a log"},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			err := tt.p.PreRead(context.Background(), tt.info, strings.NewReader(""))
			switch {
			case tt.says == "" && err != nil:
				t.Errorf("PreRead = %v, want nil", err)
			case tt.says != "" && (err == nil || err.Error() != tt.says):
				t.Errorf("PreRead = %v, want %s", err, tt.says)
			}
			var d *hooks.Denial
			if errors.As(err, &d) && d.Policy != hooks.NameOf(tt.p) {
				t.Errorf("the policy %s calls itself %s in the error", hooks.NameOf(tt.p), d.Policy)
			}
		})
	}
}

// TestDenyKeepsItsList: the list is the caller's, who may go on using it.
func TestDenyKeepsItsList(t *testing.T) {
	a, b := objects.Digest{2}, objects.Digest{1}
	list := []objects.Digest{a, b, a}
	deny := hooks.NewDeny(list...)
	if list[0] != a || list[1] != b {
		t.Error("NewDeny sorts the list of the caller")
	}
	list[0], list[2] = objects.Digest{3}, objects.Digest{3}
	if err := deny.PreRead(t.Context(), objects.Info{Digest: a}, nil); err == nil || deny.Len() != 2 {
		t.Errorf("PreRead = %v; Len = %d, want 2", err, deny.Len())
	}
}
