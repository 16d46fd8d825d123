package seal_test

import (
	"encoding/hex"
	"testing"

	"fsk/seal"
)

func TestTrailersArePublishedHMACs(t *testing.T) {
	for _, folder := range []string{"hmac", "openssl"} {
		for name, v := range vectors(t, folder) {
			t.Run(folder+"/"+name, func(t *testing.T) {
				ring := ringOf(t, unhex(t, v["key"]))
				payload, want := unhex(t, v["payload"]), v["trailer"]
				if got := string(ring.AppendTrailer(nil, payload)); got != want {
					t.Errorf("AppendTrailer = %s, want %s", got, want)
				}
				if i, ok := ring.Verify(payload, []byte(want)); !ok || i != 0 {
					t.Errorf("Verify = %d, %t, want 0, true", i, ok)
				}
				w := ring.NewWriter()
				w.Write(payload)
				if got := string(w.AppendTrailer([]byte("before"))); got != "before"+want {
					t.Errorf("Writer.AppendTrailer = %s, want before%s", got, want)
				}
			})
		}
	}
}

// TestDerivedKeys tells a derived key by what it seals, because a ring shows none.
func TestDerivedKeys(t *testing.T) {
	for name, v := range vectors(t, "derive") {
		t.Run(name, func(t *testing.T) {
			ring := ringOf(t, unhex(t, v["key"]))
			derived := unhex(t, v["derived"])
			payload := []byte("anything")
			want := string(hmacHex(derived, payload))
			if got := string(ring.Derive(v["context"]).AppendTrailer(nil, payload)); got != want {
				t.Errorf("trailer of the derived ring = %s, want %s", got, want)
			}
			id, ok := v["id"]
			if !ok {
				return
			}
			if got := ring.ID(0).String(); got != id || got != hex.EncodeToString(derived[:8]) {
				t.Errorf("ID(0) = %s, want %s", got, id)
			}
		})
	}
}

// TestVerdictTrailers checks the part of the verdict table that needs no digest:
// whether the last 64 bytes are a seal by a key of the ring over all before.
func TestVerdictTrailers(t *testing.T) {
	for name, v := range vectors(t, "verdict") {
		stored := unhex(t, v["stored"])
		if v["ring"] == "off" || len(stored) < seal.TrailerSize {
			continue
		}
		t.Run(name, func(t *testing.T) {
			ring, err := seal.ParseKeys(v["ring"])
			if err != nil {
				t.Fatal(err)
			}
			split := len(stored) - seal.TrailerSize
			i, ok := ring.Verify(stored[:split], stored[split:])
			switch v["reason"] {
			case "ok":
				if !ok || ring.ID(i).String() != v["key"] || (i > 0) != (v["retired"] == "yes") {
					t.Errorf("Verify = %d, %t, want the key %s", i, ok, v["key"])
				}
			case "bad-seal", "malformed-trailer", "corrupt":
				if ok {
					t.Errorf("Verify accepts it with key %d, want a refusal", i)
				}
			case "wrong-name":
				if !ok {
					t.Error("Verify refuses it, want a valid seal of another payload")
				}
			}
		})
	}
}
