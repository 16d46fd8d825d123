// Package seal authenticates payloads with keys: it makes and checks the
// trailers that fsk appends to every object.
//
// # The format
//
// A sealed payload is the payload followed by its trailer. The trailer is
// [TrailerSize] bytes: HMAC-SHA256 (RFC 2104, FIPS 180-4) of the payload under
// one key, written as 64 lowercase hexadecimal digits. No other encoding is
// accepted: no upper case, no space, no line end. The trailer names no key.
//
// # Keys
//
// A [Ring] holds the keys in order. The first one seals; all of them verify.
// To rotate, put a new key first and keep the old one behind it until nothing
// depends on it any more. [ParseKeys] reads the colon-separated hexadecimal
// form of the variable FLECHE_SECRET_KEY, [ParseKeyList] a list of such
// strings, and [NewRing] takes raw bytes as they are. A ring without keys is
// [Off], and has to be asked for: no input that was meant to hold a key ever
// becomes Off.
//
// HMAC cannot tell K from K followed by zero bytes (up to 64 bytes), nor a key
// of more than 64 bytes from its SHA-256. Such keys are one key, and a ring
// folds them into the first of them.
//
// A key that seals payloads must seal nothing else, because whoever can have a
// payload sealed obtains HMAC(K, payload) for a payload of his choice. Use
// [Ring.Derive] to get keys for another purpose.
//
// # What a seal proves
//
// A seal says that somebody who holds the key has sealed this payload. It does
// not say which of the holders, when, or under which name, and it hides nothing.
// Which key of a ring matched is no secret; how a comparison failed is, so all
// comparisons take constant time.
//
// This package computes; it reads no file and no environment, and it never
// shows a key: rings and errors print key ids, counts and positions only.
package seal
