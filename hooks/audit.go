package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"fsk/objects"
)

var _ objects.PreReader = Audit{}

// Audit asks a policy and writes down what it answered: one record for each question,
// at level Info if the object is released and Warn if it is refused. The attributes are
// digest, size in bytes, reason (the verdict before the policy was asked), key (the id
// of the key that sealed it, "" if none is known), retired, policy, answer ("allowed",
// "denied" or "hook-failed"), why, and took. No key and no payload is logged by fsk;
// why is what the policy says, so a hook that puts some of the payload there has it in
// the log.
//
// Without a policy, or without a log, everything is refused.
type Audit struct {
	Policy objects.PreReader
	Log    *slog.Logger
}

// PreRead implements [objects.PreReader].
func (a Audit) PreRead(ctx context.Context, info objects.Info, payload io.ReaderAt) error {
	if a.Policy == nil || a.Log == nil {
		return fmt.Errorf("%w: audit without a policy or a log", objects.ErrHookFailed)
	}
	start := time.Now()
	err := a.Policy.PreRead(ctx, info, payload)
	took := time.Since(start)
	level, why := slog.LevelInfo, ""
	if err != nil {
		level, why = slog.LevelWarn, err.Error()
	}
	key := ""
	if !info.Key.IsZero() {
		key = info.Key.String()
	}
	a.Log.LogAttrs(ctx, level, "pre-read",
		slog.String("digest", info.Digest.String()), slog.Int64("size", info.Size),
		slog.String("reason", string(info.Reason)), slog.String("key", key), slog.Bool("retired", info.Retired),
		slog.String("policy", a.nameOf(err)), slog.String("answer", AnswerOf(err)), slog.String("why", why), slog.Duration("took", took))
	return err
}

// nameOf returns the name of the policy that decided.
func (a Audit) nameOf(err error) string {
	var d *Denial
	if errors.As(err, &d) {
		return d.Policy
	}
	return NameOf(a.Policy)
}

// String returns the name of the policy that is asked.
func (a Audit) String() string {
	if a.Policy == nil {
		return "audit"
	}
	return NameOf(a.Policy)
}

// AnswerOf returns the word for what a policy answered: "allowed", or the reason for
// which the object is refused, "denied" or "hook-failed".
func AnswerOf(err error) string {
	switch {
	case err == nil:
		return "allowed"
	case errors.Is(err, objects.ErrHookFailed):
		return string(objects.HookFailed)
	}
	return string(objects.Denied)
}
