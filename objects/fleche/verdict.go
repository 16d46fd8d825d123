package fleche

import (
	"bytes"

	"fsk/objects"
	"fsk/seal"
)

// stop is the opcode that every pickle ends with, whatever its protocol. It is no
// hexadecimal digit: the last one in a value is where the pickle ends.
const stop = '.'

// tailSize is how much of the end of a value shows whether it has a trailer: the trailer
// and the opcode before it.
const tailSize = seal.TrailerSize + 1

// A verdict is what checking a value found.
type verdict struct {
	reason  objects.Reason
	key     int // number in the ring of the key that matched, if reason is OK
	trailer int // bytes after the pickle, if the reason is good
}

// judge gives the verdict on a value that ends with tail, its last tailSize bytes or all
// of it. verify tells which key makes a trailer over all before it.
func judge(tail []byte, keys bool, verify func(trailer []byte) (int, bool)) verdict {
	end := bytes.LastIndexByte(tail, stop)
	trailer := tail[end+1:]
	switch {
	case end < 0:
		return verdict{reason: objects.Corrupt}
	case len(trailer) == 0 && keys:
		return verdict{reason: objects.Unsealed}
	case len(trailer) == 0:
		return verdict{reason: objects.OKPlain}
	case !seal.IsTrailer(trailer):
		return verdict{reason: objects.MalformedTrailer}
	case !keys:
		return verdict{reason: objects.OKUnverified, trailer: seal.TrailerSize}
	}
	if key, ok := verify(trailer); ok {
		return verdict{reason: objects.OK, key: key, trailer: seal.TrailerSize}
	}
	return verdict{reason: objects.BadSeal}
}

// judgeBytes gives the verdict on a whole value in memory.
func judgeBytes(ring *seal.Ring, value []byte) verdict {
	tail := value[max(0, len(value)-tailSize):]
	return judge(tail, ring.Len() > 0, func(trailer []byte) (int, bool) {
		return ring.Verify(value[:len(value)-len(trailer)], trailer)
	})
}

// A judgeStream gives the verdict on a value that comes piece by piece and does not say
// how long it is: it holds back the last bytes, which may be the trailer.
type judgeStream struct {
	ring *seal.Ring
	mac  *seal.Writer
	size int64
	tail []byte // the last tailSize bytes, of which all but seal.TrailerSize went to mac
}

func newJudgeStream(ring *seal.Ring) *judgeStream {
	return &judgeStream{ring: ring, mac: ring.NewWriter(), tail: make([]byte, 0, 2*tailSize)}
}

// write adds the next piece of the value.
func (j *judgeStream) write(p []byte) {
	j.size += int64(len(p))
	if len(p) > tailSize { // all but its end can go without being copied
		cut := len(p) - tailSize
		j.mac.Write(j.held())
		j.mac.Write(p[:cut])
		j.tail = append(j.tail[:0], p[cut:]...)
		j.mac.Write(j.tail[:1])
		return
	}
	before := len(j.tail) - len(j.held())
	j.tail = append(j.tail, p...)
	if ready := len(j.tail) - seal.TrailerSize; ready > before {
		j.mac.Write(j.tail[before:ready])
	}
	if over := len(j.tail) - tailSize; over > 0 {
		j.tail = append(j.tail[:0], j.tail[over:]...)
	}
}

// held returns those of the last bytes that did not go to mac yet.
func (j *judgeStream) held() []byte { return j.tail[max(0, len(j.tail)-seal.TrailerSize):] }

// verdict is that on all that was written.
func (j *judgeStream) verdict() verdict {
	return judge(j.tail, j.ring.Len() > 0, j.mac.Verify)
}
