package packfile_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"

	"fsk/objects/packfile"
)

func TestWriterRefusesWhatNoPackHas(t *testing.T) {
	var pack, index bytes.Buffer
	w := packfile.NewWriter(&pack)
	big := make([]byte, maxStored+1)
	for _, parts := range [][2][]byte{{big, nil}, {nil, big}, {big[:maxStored], big[:1]}, {big[:maxStored-63], big[:64]}} {
		wantProblem(t, w.Add([32]byte{9}, parts[0], parts[1]), packfile.TooLong, 11)
	}
	// It can still be used.
	for i, parts := range [][2][]byte{{big[:maxStored], nil}, {nil, big[:maxStored]}, {big[:maxStored-64], big[:64]}, {nil, nil}} {
		if err := w.Add([32]byte{byte(i)}, parts[0], parts[1]); err != nil {
			t.Fatal(err)
		}
	}
	id, err := w.Finish(&index)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := collect(pack.Bytes())
	if err != nil || len(objects) != 4 || int64(pack.Len()) != w.Size() {
		t.Errorf("%d objects, %v, %d bytes of %d", len(objects), err, pack.Len(), w.Size())
	}
	for name, x := range open(t, index.Bytes()) {
		if err := x.Verify(id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for e, err := range x.Compare(entriesOf(objects)) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

func TestWriterRefusesTooMany(t *testing.T) {
	w := packfile.NewWriter(io.Discard)
	var d [32]byte
	for i := range packfile.MaxObjects {
		d[0], d[1], d[2] = byte(i), byte(i>>8), byte(i>>16)
		if err := w.Add(d, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	wantProblem(t, w.Add([32]byte{31: 1}, nil, nil), packfile.TooMany, w.Size())
	if _, err := w.Finish(io.Discard); err != nil {
		t.Errorf("Finish of the largest pack: %v", err)
	}
	_, err := packfile.WriteIndex(nil, randomEntries(packfile.MaxObjects+1, 1))
	if typed(t, err).Problem != packfile.TooMany {
		t.Errorf("WriteIndex: %v", err)
	}
}

func TestWriterIsFinishedOnce(t *testing.T) {
	var first, second, index, other bytes.Buffer
	w := packfile.NewWriter(&first)
	w.Add([32]byte{1}, []byte("abc"), nil)
	if _, err := w.Finish(&index); err != nil {
		t.Fatal(err)
	}
	size := first.Len()
	if err := w.Add([32]byte{2}, nil, nil); err == nil {
		t.Error("Add after Finish")
	}
	if id, err := w.Finish(&other); err == nil || other.Len() > 0 || id != (packfile.ID{}) {
		t.Errorf("second Finish = %s, %v", id, err)
	}
	w.Reset(&second)
	if w.Len() != 0 || w.Size() != packMagic {
		t.Errorf("after Reset Len = %d, Size = %d", w.Len(), w.Size())
	}
	w.Add([32]byte{1}, []byte("abc"), nil)
	if _, err := w.Finish(&other); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) || !bytes.Equal(index.Bytes(), other.Bytes()) || first.Len() != size {
		t.Errorf("after Reset another pack, %v", err)
	}
}

// limited fails when more than n bytes are written.
type limited struct {
	n   int
	err error
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.n {
		return l.n, l.err
	}
	l.n -= len(p)
	return len(p), nil
}

func TestWriterReportsFaults(t *testing.T) {
	fault := errors.New("disk full")
	payload := make([]byte, 100_000)
	for _, room := range []int{0, 10, 300_000, 900_000} {
		w := packfile.NewWriter(&limited{room, fault})
		for i := range 10 {
			if err := w.Add([32]byte{byte(i)}, payload, nil); err != nil && err != fault {
				t.Errorf("Add: %v", err)
			}
		}
		var index bytes.Buffer
		if _, err := w.Finish(&index); err != fault || index.Len() > 0 {
			t.Errorf("room for %d bytes: Finish = %v and an index of %d bytes", room, err, index.Len())
		}
	}
	entries := randomEntries(5000, 3)
	for _, room := range []int{0, 1, 70_000, int(packfile.IndexSize(5000)) - 1} {
		if _, err := packfile.WriteIndex(&limited{room, fault}, entries); err != fault {
			t.Errorf("WriteIndex with room for %d bytes: %v", room, err)
		}
	}
}

func TestWriteIndexRefusesPlacesOutsideOfEveryPack(t *testing.T) {
	for _, e := range []packfile.Entry{
		{Offset: 50}, {Offset: -1}, {Offset: math.MinInt64}, {Offset: math.MaxInt64, Length: 1},
		{Offset: 51, Length: -1}, {Offset: 51, Length: maxStored + 1}, {Offset: 51, Length: math.MaxInt},
	} {
		var index bytes.Buffer
		_, err := packfile.WriteIndex(&index, append(randomEntries(100, 1), e))
		typed(t, err)
		if index.Len() > 0 {
			t.Errorf("%v: %d bytes were written", e, index.Len())
		}
	}
}
