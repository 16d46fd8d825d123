package main_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/zeebo/blake3"
)

// A record is an object as an attacker writes it to a pack: any digest, any bytes.
type record struct{ digest, stored string }

// A place is an entry of an index: any digest, any numbers.
type place struct {
	digest         string
	offset, length uint64
}

// packBytes and indexBytes make the files of docs/format.md without the code under test.
func packBytes(records ...record) (pack string, places []place) {
	text := []byte("fsk-pack 1\n")
	for _, r := range records {
		text = append(text, rawDigest(r.digest)...)
		text = binary.BigEndian.AppendUint64(text, uint64(len(r.stored)))
		places = append(places, place{r.digest, uint64(len(text)), uint64(len(r.stored))})
		text = append(text, r.stored...)
	}
	return string(text), places
}

func indexBytes(places ...place) (index, id string) {
	places = slices.Clone(places)
	slices.SortStableFunc(places, func(a, b place) int { return strings.Compare(a.digest, b.digest) })
	text := []byte("fsk-idx 1\n")
	for first := range 256 {
		n := 0
		for _, p := range places {
			if int(rawDigest(p.digest)[0]) <= first {
				n++
			}
		}
		text = binary.BigEndian.AppendUint32(text, uint32(n))
	}
	for _, p := range places {
		text = append(text, rawDigest(p.digest)...)
		text = binary.BigEndian.AppendUint64(text, p.offset)
		text = binary.BigEndian.AppendUint64(text, p.length)
	}
	sum := blake3.Sum256(text)
	return string(append(text, sum[:]...)), hex.EncodeToString(sum[:])
}

func rawDigest(digest string) []byte {
	raw, err := hex.DecodeString(digest)
	if err != nil {
		panic(err)
	}
	return raw
}

func (b *box) packFile(id string) string  { return filepath.Join(b.store, "objects/pack", id+".pack") }
func (b *box) indexFile(id string) string { return filepath.Join(b.store, "objects/pack", id+".idx") }

// plantPack puts a pack and its index into the store.
func (b *box) plantPack(records ...record) (id string) {
	b.t.Helper()
	pack, places := packBytes(records...)
	index, id := indexBytes(places...)
	b.write(b.packFile(id), pack)
	b.write(b.indexFile(id), index)
	return id
}

// homes are the places where an object can be. Each puts stored bytes there, and takes
// away what is in the other.
var homes = map[string]func(b *box, digest, stored string){
	"loose": func(b *box, digest, stored string) {
		b.t.Helper()
		b.plant(digest, stored)
	},
	"packed": func(b *box, digest, stored string) {
		b.t.Helper()
		os.Remove(b.object(digest))
		id := b.plantPack(b.sealedRecord("the other object of the pack of "+digest), record{digest, stored})
		// The pack that it was in before, with bytes of another length, has another name.
		before := filepath.Join(b.root(), "pack of "+digest)
		if old, err := os.ReadFile(before); err == nil && string(old) != id {
			os.Remove(b.packFile(string(old)))
			os.Remove(b.indexFile(string(old)))
		}
		b.write(before, id)
	},
}

// sealedRecord is a good object of key A.
func (b *box) sealedRecord(payload string) record {
	return record{digestOf(payload), sealed(b.t, keyA, payload)}
}

// sealedRecords returns good objects with numbered payloads.
func (b *box) sealedRecords(prefix string, n int) (records []record) {
	for i := range n {
		records = append(records, b.sealedRecord(fmt.Sprint(prefix, " ", i)))
	}
	return records
}

// readAll asks for many objects at once. It returns the payloads of those that are there,
// and the reasons of the others.
func (b *box) readAll(digests []string) (payloads, misses map[string]string) {
	b.t.Helper()
	r := b.input(strings.Join(digests, "\n")+"\n").run("cat", "--batch")
	payloads, misses = make(map[string]string), make(map[string]string)
	rest := r.out
	for _, digest := range digests {
		head, after, _ := strings.Cut(rest, "\n")
		name, word, _ := strings.Cut(head, " ")
		if name != digest {
			b.t.Fatalf("cat --batch: %.100q answers %s; exit %d, %s", head, digest, r.code, r.err)
		}
		size, err := strconv.Atoi(word)
		if rest = after; err != nil {
			misses[digest] = word
			continue
		}
		if size >= len(rest) || rest[size] != '\n' {
			b.t.Fatalf("cat --batch: %d bytes of %s do not end in a line end; exit %d, %s", size, digest, r.code, r.err)
		}
		payloads[digest], rest = rest[:size], rest[size+1:]
	}
	if rest != "" || r.err != "" || (r.code == 0) != (len(misses) == 0) {
		b.t.Errorf("cat --batch: exit %d, %d misses, %d bytes too many, stderr %q", r.code, len(misses), len(rest), r.err)
	}
	return payloads, misses
}

// wantAll wants many objects to be there with their payloads, given by their digests.
func (b *box) wantAll(what string, want map[string]string) {
	b.t.Helper()
	if len(want) == 0 {
		return
	}
	var digests []string
	for digest := range want {
		digests = append(digests, digest)
	}
	slices.Sort(digests)
	payloads, misses := b.readAll(digests)
	for _, digest := range digests {
		switch got, ok := payloads[digest]; {
		case !ok:
			b.t.Errorf("%s: %s (%.30q) is lost: %s", what, digest, want[digest], misses[digest])
		case got != want[digest]:
			b.t.Errorf("%s: %s has %d other bytes", what, digest, len(got))
		}
	}
}
