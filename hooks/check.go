package hooks

import (
	"context"
	"errors"

	"fsk/objects"
)

// Check asks the policy of db about an object, and releases nothing: it is for who
// checks a store and wants to know what readers would be refused. What is a miss for
// another reason is no finding of it. The error is that of the context, or of the disk.
func Check(ctx context.Context, db *objects.DB, d objects.Digest) (f objects.Finding, refused bool, err error) {
	r, err := db.Open(ctx, d)
	if err == nil {
		return objects.Finding{}, false, r.Close()
	}
	var e *objects.Error
	if !errors.As(err, &e) || e.Reason == objects.IOError {
		return objects.Finding{}, false, err
	}
	f = objects.Finding{Reason: e.Reason, Severity: objects.SeverityError, Path: e.Path, Digest: d, Err: err}
	switch e.Reason {
	case objects.Denied:
		f.Next = "fsk hook test shows which rule refuses it, and fsk status where the rule comes from"
	case objects.HookFailed:
		f.Next = "fsk hook test shows what the hook says; repair it, or pin it again if the change was yours"
	default:
		return objects.Finding{}, false, nil
	}
	return f, true, nil
}
