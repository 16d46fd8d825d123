package seal

import (
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// A KeyID names a key in output without giving it away: the first 8 bytes of
// BLAKE3's derive_key over the key. The zero KeyID stands for no key.
type KeyID [8]byte

// String returns the id as 16 lowercase hexadecimal digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// IsZero reports whether id stands for no key.
func (id KeyID) IsZero() bool { return id == KeyID{} }

// MarshalText returns what [KeyID.String] returns. It never fails.
func (id KeyID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// String lists the ids of the ring's keys, never a key. Everything that prints or
// encodes a Ring gives this text; the receivers are values, so that a copied Ring
// is as silent as a pointer to one.
func (r Ring) String() string {
	if len(r.keys) == 0 {
		return "seal.Off"
	}
	ids := make([]string, len(r.keys))
	for i, k := range r.keys {
		ids[i] = k.id.String()
	}
	return "seal.Ring(" + strings.Join(ids, " ") + ")"
}

// Format writes what [Ring.String] returns, whatever the verb.
func (r Ring) Format(f fmt.State, _ rune) { io.WriteString(f, r.String()) }

// MarshalText returns what [Ring.String] returns; JSON, TOML and XML use it.
// It never fails.
func (r Ring) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue makes a Ring appear in logs as what [Ring.String] returns.
func (r Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }
