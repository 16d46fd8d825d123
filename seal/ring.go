package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/zeebo/blake3"
)

const (
	// MaxKeys is the largest number of distinct keys in a ring.
	MaxKeys = 16
	// MinKeySize is the size in bytes below which a key earns a [Warning]:
	// HMAC takes any key, but one shorter than its output can be guessed sooner.
	MinKeySize = 32

	blockSize = 64 // of SHA-256: HMAC pads or hashes every key to this size

	keyIDContext = "fsk 2026-11-22 key id v1"
)

// Off is the ring without keys: nothing is sealed and no seal verifies.
var Off = new(Ring)

// A Ring is an ordered set of up to [MaxKeys] keys, of which the first seals
// and all verify. A Ring does not change once it is made and may be used by
// several goroutines at once. Make one with [ParseKeys], [ParseKeyList] or
// [NewRing]; the zero Ring is [Off].
type Ring struct {
	keys     []*key
	warnings []Warning
	states   *sync.Pool // of *Writer, for the one-shot methods; nil without keys
}

// A key keeps its bytes in a function: package fmt, given a struct that holds a Ring in
// an unexported field, follows every pointer, but cannot look into a function.
type key struct {
	secret func() []byte
	id     KeyID
}

// NewRing makes a ring of keys that are used as they are. It copies them.
// It fails with a [*KeyError] if there is no key, an empty one, or more than
// [MaxKeys] distinct ones.
func NewRing(keys ...[]byte) (*Ring, error) {
	if len(keys) == 0 {
		return nil, &KeyError{Problem: "no key given"}
	}
	r := &Ring{states: new(sync.Pool)}
	seen := make(map[[blockSize]byte]int)
	for i, secret := range keys {
		pos := i + 1
		if len(secret) == 0 {
			return nil, &KeyError{Position: pos, Problem: "is empty"}
		}
		padded := pad(secret)
		if first, ok := seen[padded]; ok {
			r.warn(pos, fmt.Sprintf("is the same key as key %d and was left out", first))
			continue
		}
		if len(secret) < MinKeySize {
			r.warn(pos, fmt.Sprintf("has %d bytes; at least %d are advised", len(secret), MinKeySize))
		}
		if len(r.keys) == MaxKeys {
			return nil, &KeyError{Position: pos, Problem: fmt.Sprintf("is one too many: at most %d are allowed", MaxKeys)}
		}
		seen[padded] = pos
		r.keys = append(r.keys, newKey(secret))
	}
	return r, nil
}

// GenerateKey returns a new key of [MinKeySize] random bytes.
func GenerateKey() []byte {
	secret := make([]byte, MinKeySize)
	rand.Read(secret) // never fails: it ends the program instead
	return secret
}

func newKey(secret []byte) *key {
	secret = append([]byte(nil), secret...)
	k := &key{secret: func() []byte { return secret }}
	blake3.DeriveKey(keyIDContext, secret, k.id[:])
	return k
}

// pad gives the form in which HMAC uses a key, the same for all keys that HMAC
// cannot tell apart (RFC 2104, section 2).
func pad(secret []byte) (block [blockSize]byte) {
	if len(secret) > blockSize {
		sum := sha256.Sum256(secret)
		secret = sum[:]
	}
	copy(block[:], secret)
	return block
}

func (r *Ring) warn(position int, problem string) {
	r.warnings = append(r.warnings, Warning{Position: position, Problem: problem})
}

// Len returns the number of keys; it is 0 for [Off] only.
func (r *Ring) Len() int { return len(r.keys) }

// ID returns the id of key i, counted from 0, the key that seals.
func (r *Ring) ID(i int) KeyID { return r.keys[i].id }

// Only returns the ring that holds key i of this one alone, counted from 0.
func (r *Ring) Only(i int) *Ring { return &Ring{keys: r.keys[i : i+1], states: new(sync.Pool)} }

// Warnings lists what is allowed but should be known about the keys, in order
// of their positions.
func (r *Ring) Warnings() []Warning { return r.warnings }

// Derive returns a ring of the same length whose keys are derived from the keys
// of this one for another purpose: BLAKE3's derive_key mode with the given
// context, 32 bytes. A seal of one context is worth nothing in another.
// The context should be a constant of the program, and unique in the world. What is
// derived from [Off] is Off.
func (r *Ring) Derive(context string) *Ring {
	if len(r.keys) == 0 {
		return Off
	}
	derived := &Ring{keys: make([]*key, len(r.keys)), states: new(sync.Pool)}
	for i, k := range r.keys {
		var secret [32]byte
		blake3.DeriveKey(context, k.secret(), secret[:])
		derived.keys[i] = newKey(secret[:])
	}
	return derived
}
