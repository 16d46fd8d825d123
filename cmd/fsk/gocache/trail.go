package gocache

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"

	"fsk/objects/durable"
	"fsk/objects/rootfs"
)

// A trail is what a session asked for, in that order, kept for the next one. It is only a
// guess: what it leads to is verified like everything else, and where it is missing or
// makes no sense nothing is done ahead.
const (
	trailHead = "fsk-trail 1\n"
	// maxTrail is how many actions a trail has at most: half a megabyte.
	maxTrail = 1 << 14
	trailTmp = "tmp"
)

// trail returns the trail of a session before.
func (s *Store) trail() []id {
	if s.opts.Trail == "" {
		return nil
	}
	return readTrail(s.opts.Trail)
}

// keepTrail keeps a trail for the next session, if that is better. Nothing depends on it.
func (s *Store) keepTrail(trail []id, better bool) {
	if better && s.opts.Trail != "" {
		writeTrail(s.opts.Trail, trail)
	}
}

// readTrail returns the trail in a file, nil if there is none.
func readTrail(path string) []id {
	fsys, err := rootfs.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	defer fsys.Close()
	f, err := fsys.OpenRegular(filepath.Base(path))
	if err != nil {
		return nil
	}
	defer f.Close()
	size := f.Size()
	if size > int64(len(trailHead)+maxTrail*len(id{})) {
		return nil
	}
	text := make([]byte, size)
	if n, _ := f.ReadAt(text, 0); n < len(text) {
		return nil
	}
	return parseTrail(text)
}

func parseTrail(text []byte) (trail []id) {
	ids, ok := bytes.CutPrefix(text, []byte(trailHead))
	if !ok || len(ids)%len(id{}) != 0 {
		return nil
	}
	for x := range slices.Chunk(ids, len(id{})) {
		trail = append(trail, id(x))
	}
	return trail
}

// writeTrail replaces the trail in a file. That it survives a power loss is not needed.
func writeTrail(path string, trail []id) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil { // the user's own
		return err
	}
	fsys, err := rootfs.Create(dir)
	if err != nil {
		return err
	}
	defer fsys.Close()
	f, err := durable.NewWriter(fsys, trailTmp, durable.None).CreateAs(0o600)
	if err != nil {
		return err
	}
	defer f.Discard()
	text := []byte(trailHead)
	for _, x := range trail {
		text = append(text, x[:]...)
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	return f.Commit(filepath.Base(path))
}
