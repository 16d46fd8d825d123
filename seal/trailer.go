package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// TrailerSize is the size of a trailer in bytes.
const TrailerSize = 2 * sha256.Size

// IsTrailer reports whether b has the form of a trailer: exactly [TrailerSize]
// lowercase hexadecimal digits. It says nothing about who made it.
func IsTrailer(b []byte) bool {
	if len(b) != TrailerSize {
		return false
	}
	for _, c := range b {
		if !isDigit[c] {
			return false
		}
	}
	return true
}

var isDigit = func() (is [256]bool) {
	for _, c := range "0123456789abcdef" {
		is[c] = true
	}
	return is
}()

// AppendTrailer appends the trailer of payload under the first key to dst and
// returns the extended slice. For [Off] it returns dst as it is. It allocates
// only if dst has no room.
func (r *Ring) AppendTrailer(dst, payload []byte) []byte {
	if len(r.keys) == 0 {
		return dst
	}
	w := r.state()
	defer r.states.Put(w)
	mac := w.macs(0)
	mac.Reset()
	mac.Write(payload)
	return w.appendSum(dst, mac)
}

// Verify reports whether trailer is the trailer of payload under a key of the
// ring, and which: the number i that [Ring.ID] takes. It tries the keys in order.
func (r *Ring) Verify(payload, trailer []byte) (i int, ok bool) {
	if len(r.keys) == 0 || len(trailer) != TrailerSize {
		return 0, false
	}
	w := r.state()
	defer r.states.Put(w)
	for i := range r.keys {
		mac := w.macs(i)
		mac.Reset()
		mac.Write(payload)
		if w.matches(mac, trailer) {
			return i, true
		}
	}
	return 0, false
}

// state returns a Writer for one call. Reusing one saves the two compressions
// and the allocations that setting up HMAC costs, a third of the time of a
// payload of 1 KiB.
func (r *Ring) state() *Writer {
	if w, ok := r.states.Get().(*Writer); ok {
		return w
	}
	return r.newState()
}

func (r *Ring) newState() *Writer {
	macs := make([]hash.Hash, len(r.keys))
	return &Writer{macs: func(i int) hash.Hash {
		if macs[i] == nil {
			macs[i] = hmac.New(sha256.New, r.keys[i].secret())
		}
		return macs[i]
	}, n: len(macs)}
}

// A Writer computes the trailers of one payload under every key of a ring in one
// pass. It is for one goroutine at a time; [Ring.NewWriter] makes one.
type Writer struct {
	macs func(i int) hash.Hash // made when it is first asked for; a function hides the keys, see key
	n    int                   // of macs
	sum  [sha256.Size]byte     // here, because a local array would escape through the interface
	text [TrailerSize]byte
}

// NewWriter returns a Writer to which nothing has been written.
func (r *Ring) NewWriter() *Writer { return r.newState() }

// Write adds p to the payload. It never fails.
func (w *Writer) Write(p []byte) (int, error) {
	for i := range w.n {
		w.macs(i).Write(p)
	}
	return len(p), nil
}

// Reset makes the Writer ready for another payload.
func (w *Writer) Reset() {
	for i := range w.n {
		w.macs(i).Reset()
	}
}

// AppendTrailer appends the trailer of what was written, under the first key, to
// dst and returns the extended slice. For [Off] it returns dst as it is.
func (w *Writer) AppendTrailer(dst []byte) []byte {
	if w.n == 0 {
		return dst
	}
	return w.appendSum(dst, w.macs(0))
}

// Verify reports whether trailer is the trailer of what was written, under a key
// of the ring, and which: the number i that [Ring.ID] takes.
func (w *Writer) Verify(trailer []byte) (i int, ok bool) {
	for i := range w.n {
		if w.matches(w.macs(i), trailer) {
			return i, true
		}
	}
	return 0, false
}

func (w *Writer) appendSum(dst []byte, mac hash.Hash) []byte {
	return hex.AppendEncode(dst, mac.Sum(w.sum[:0]))
}

// matches compares texts, not bytes: the encoding is then as strict as the MAC.
func (w *Writer) matches(mac hash.Hash, trailer []byte) bool {
	hex.Encode(w.text[:], mac.Sum(w.sum[:0]))
	return hmac.Equal(w.text[:], trailer)
}
