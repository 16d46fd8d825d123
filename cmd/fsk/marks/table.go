package marks

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

	"fsk/objects"
	"fsk/objects/durable"
	"fsk/objects/rootfs"
	"fsk/refs"
)

const (
	header    = "fsk-marks 1\n"
	seqDigits = 20 // of the largest number, with zeros before a smaller one

	lineSize = objects.DigestSize + 1 + seqDigits + 1 + objects.DigestSize + 1
	// maxLines bounds what a file may claim to have: two gigabytes of marks.
	maxLines = 1 << 24
)

var errDamaged = errors.New("damaged: move the file away to forget what was seen of the refs of this store")

// A line is a mark in a file.
type line struct {
	key  key
	mark refs.Mark
}

// append is called for each of a hundred thousand lines when files are merged.
func (l line) append(b []byte) []byte {
	b = append(hex.AppendEncode(b, l.key[:]), " 00000000000000000000"...)
	end := len(b)
	for seq := l.mark.Seq; seq > 0; seq /= 10 {
		end--
		b[end] += byte(seq % 10)
	}
	return append(hex.AppendEncode(append(b, ' '), l.mark.Body[:]), '\n')
}

// parseLine accepts what append makes and nothing else.
func parseLine(b []byte) (line, bool) {
	const afterKey, afterSeq = objects.DigestSize, objects.DigestSize + 1 + seqDigits
	if len(b) != lineSize || b[afterKey] != ' ' || b[afterSeq] != ' ' || b[lineSize-1] != '\n' {
		return line{}, false
	}
	key, err1 := objects.ParseDigest(string(b[:afterKey]))
	seq, err2 := strconv.ParseUint(string(b[afterKey+1:afterSeq]), 10, 64) // takes no sign
	body, err3 := objects.ParseDigest(string(b[afterSeq+1 : lineSize-1]))
	return line{key, refs.Mark{Seq: seq, Body: body}}, err1 == nil && err2 == nil && err3 == nil
}

// A table is one file, open for reading. A nil one has no marks.
type table struct {
	durable.RegularFile
	path string // for messages
	n    int64
}

// openTable opens a file; one that is not there is nil.
func openTable(fsys *rootfs.FS, name string) (*table, error) {
	f, err := durable.OpenRegular(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := &table{RegularFile: f, path: filepath.Join(fsys.Root(), name), n: (f.Size() - int64(len(header))) / int64(lineSize)}
	start := make([]byte, len(header))
	if f.Size() != place(t.n) || t.n > maxLines {
		err = t.damaged()
	} else if err = t.read(start, 0); err == nil && string(start) != header {
		err = t.damaged()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

// place returns the offset of line i.
func place(i int64) int64 { return int64(len(header)) + i*int64(lineSize) }

func (t *table) damaged() error { return fmt.Errorf("%s: %w", t.path, errDamaged) }

func (t *table) close() {
	if t != nil {
		t.Close()
	}
}

// read fills b with the bytes at an offset that is within the file.
func (t *table) read(b []byte, off int64) error {
	n, err := t.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = t.damaged()
	}
	return err
}

// find looks for the mark of a ref.
func (t *table) find(k key) (mark refs.Mark, found bool, err error) {
	if t == nil {
		return refs.Mark{}, false, nil
	}
	buf := make([]byte, lineSize)
	for low, high := int64(0), t.n; low < high; {
		middle := low + (high-low)/2
		if err := t.read(buf, place(middle)); err != nil {
			return refs.Mark{}, false, err
		}
		l, ok := parseLine(buf)
		if !ok {
			return refs.Mark{}, false, t.damaged()
		}
		switch c := l.key.Compare(k); {
		case c == 0:
			return l.mark, true, nil
		case c < 0:
			low = middle + 1
		default:
			high = middle
		}
	}
	return refs.Mark{}, false, nil
}

// lines yields all marks in order. The first error ends it.
func (t *table) lines() iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		if t == nil {
			return
		}
		in := bufio.NewReaderSize(io.NewSectionReader(t, place(0), place(t.n)-place(0)), 64<<10)
		buf := make([]byte, lineSize)
		var last line
		for i := range t.n {
			if _, err := io.ReadFull(in, buf); err != nil {
				yield(line{}, err)
				return
			}
			l, ok := parseLine(buf)
			if !ok || i > 0 && last.key.Compare(l.key) >= 0 {
				yield(line{}, t.damaged())
				return
			}
			if !yield(l, nil) {
				return
			}
			last = l
		}
	}
}

// inOrder yields marks in the order of a file.
func inOrder(marks map[key]refs.Mark) []line {
	list := make([]line, 0, len(marks))
	for _, k := range slices.SortedFunc(maps.Keys(marks), key.Compare) {
		list = append(list, line{k, marks[k]})
	}
	return list
}

// writeTable replaces a file.
func writeTable(w *durable.Writer, name string, marks map[key]refs.Mark) error {
	return replace(w, name, func(put func(line) error) error {
		for _, l := range inOrder(marks) {
			if err := put(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// rewrite replaces the first file by one that has newer marks as well.
func (d *disk) rewrite(w *durable.Writer, name string, newer map[key]refs.Mark) error {
	add := inOrder(newer)
	return replace(w, name, func(put func(line) error) error {
		for l, err := range d.all.lines() {
			if err != nil {
				return err
			}
			for ; len(add) > 0 && add[0].key.Compare(l.key) < 0; add = add[1:] {
				if err := put(add[0]); err != nil {
					return err
				}
			}
			if len(add) > 0 && add[0].key == l.key {
				l, add = add[0], add[1:]
			}
			if err := put(l); err != nil {
				return err
			}
		}
		for _, l := range add {
			if err := put(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// replace publishes a file of the lines that fill puts.
func replace(w *durable.Writer, name string, fill func(put func(line) error) error) error {
	f, err := w.Create()
	if err != nil {
		return err
	}
	defer f.Discard()
	out := bufio.NewWriterSize(f, 64<<10)
	if _, err := out.WriteString(header); err != nil {
		return err
	}
	buf := make([]byte, 0, lineSize)
	put := func(l line) error {
		_, err := out.Write(l.append(buf))
		return err
	}
	if err := fill(put); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Commit(name)
}
