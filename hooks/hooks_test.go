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

type policy func(info objects.Info) error

func (p policy) PreRead(_ context.Context, info objects.Info, _ io.ReaderAt) error { return p(info) }

func TestPolicies(t *testing.T) {
	denied, other := objects.Sum([]byte("denied")), objects.Sum([]byte("other"))
	no := errors.New("no")
	refuse := policy(func(objects.Info) error { return no })
	never := policy(func(objects.Info) error { t.Error("asked after a refusal"); return nil })
	key := seal.KeyID{1}
	for _, tt := range []struct {
		claim string
		p     objects.PreReader
		info  objects.Info
		ok    bool
	}{
		{"the first key is let through", hooks.FirstKey{}, objects.Info{Reason: objects.OK, Key: key}, true},
		{"a retired key is refused", hooks.FirstKey{}, objects.Info{Reason: objects.OK, Key: key, Retired: true}, false},
		{"a plain object is refused", hooks.FirstKey{}, objects.Info{Reason: objects.OKPlain}, false},
		{"an unverified object is refused", hooks.FirstKey{}, objects.Info{Reason: objects.OKUnverified}, false},
		{"the deny list refuses what is on it", hooks.NewDeny(denied), objects.Info{Digest: denied}, false},
		{"the deny list lets others through", hooks.NewDeny(denied), objects.Info{Digest: other}, true},
		{"an empty deny list refuses nothing", hooks.NewDeny(), objects.Info{Digest: other}, true},
		{"an empty chain refuses nothing", hooks.Chain{}, objects.Info{}, true},
		{"a chain refuses what one refuses", hooks.Chain{hooks.NewDeny(), refuse, never}, objects.Info{}, false},
	} {
		t.Run(tt.claim, func(t *testing.T) {
			err := tt.p.PreRead(context.Background(), tt.info, strings.NewReader(""))
			if (err == nil) != tt.ok {
				t.Errorf("PreRead = %v, want ok %t", err, tt.ok)
			}
		})
	}
}

func BenchmarkDeny(b *testing.B) {
	list := make([]objects.Digest, 1_000_000)
	for i := range list {
		list[i] = objects.Digest{byte(i), byte(i >> 8), byte(i >> 16), 1}
	}
	deny := hooks.NewDeny(list...)
	info := objects.Info{Digest: objects.Sum(nil)}
	b.ReportAllocs()
	for b.Loop() {
		if deny.PreRead(context.Background(), info, nil) != nil {
			b.Fatal("refused")
		}
	}
}
