package hooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"testing"

	"fsk/hooks"
	"fsk/objects"
)

func TestAudit(t *testing.T) {
	const payload = "a payload that is in no log"
	fsys := newStore(t)
	ring := ringOf(t, "k")
	put, err := open(t, fsys, ring, nil).Put(t.Context(), []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	reading := hooks.Func(func(_ context.Context, _ objects.Info, r io.ReaderAt) error {
		_, err := r.ReadAt(make([]byte, 5), 0)
		return err
	})
	for _, tt := range []struct {
		policy                objects.PreReader
		level, answer, by, is string
	}{
		{hooks.Chain{hooks.FirstKey{}, reading}, "INFO", "allowed", "2 policies", ""},
		{hooks.Chain{hooks.FirstKey{}, hooks.NewDeny(put.Digest)}, "WARN", "denied", "policy deny", "policy deny: it is on the deny list"},
		{hooks.Func(refuse), "WARN", "denied", "hook in Go", "no"},
		{hooks.Func(func(context.Context, objects.Info, io.ReaderAt) error {
			return fmt.Errorf("%w: x", objects.ErrHookFailed)
		}), "WARN", "hook-failed", "hook in Go", "the hook failed: x"},
	} {
		var log bytes.Buffer
		db := open(t, fsys, ring, hooks.Audit{Policy: tt.policy, Log: slog.New(slog.NewJSONHandler(&log, nil))})
		_, err := db.Get(t.Context(), put.Digest)
		if (err == nil) != (tt.answer == "allowed") {
			t.Errorf("Get: %v, want the answer to be that of the policy", err)
		}
		if _, err := db.Get(t.Context(), objects.Digest{}); !errors.Is(err, fs.ErrNotExist) || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("a miss is in the log: %s", log.String())
		}
		text := log.String()
		if strings.Contains(text, "payload") || strings.Contains(text, "kkkk") || strings.Contains(text, "6b6b6b") {
			t.Errorf("the log holds a payload or a key: %s", text)
		}
		var record map[string]any
		if err := json.Unmarshal(log.Bytes(), &record); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]any{
			"level": tt.level, "answer": tt.answer, "policy": tt.by, "why": tt.is, "digest": put.Digest.String(),
			"size": float64(len(payload)), "reason": "ok", "key": ring.ID(0).String(), "retired": false,
		} {
			if record[name] != want {
				t.Errorf("%s = %v, want %v", name, record[name], want)
			}
		}
		if took, ok := record["took"].(float64); !ok || took < 0 {
			t.Errorf("took = %v", record["took"])
		}
	}
}
