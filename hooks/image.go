package hooks

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/zeebo/blake3"

	"fsk/objects"
)

// Pin returns the BLAKE3 digest of a program's file, for [ProgramOptions]. It fails
// for what could not be run as a hook: anything but an executable regular file of at
// most [MaxProgramSize] bytes.
func Pin(path string) (objects.Digest, error) {
	im, sum, err := readImage(path)
	if err != nil {
		return objects.Digest{}, err
	}
	im.close()
	return sum, nil
}

// An image is the bytes of a program, where nobody can change them.
type image struct {
	sealed *os.File // in memory; nil if the system has no such files
	data   []byte   // if it has none
	copied atomic.Bool
}

// readImage reads a program once, and hashes the bytes that will run.
func readImage(path string) (*image, objects.Digest, error) {
	f, err := openProgram(path)
	if err != nil {
		return nil, objects.Digest{}, withoutPath(err)
	}
	defer f.Close()
	limited := &io.LimitedReader{R: f, N: MaxProgramSize + 1}
	im := new(image)
	im.sealed, err = sealedFile("fsk-hook", true, func(w io.Writer) error {
		_, err := io.Copy(w, limited)
		return err
	})
	if errors.Is(err, errors.ErrUnsupported) {
		limited.N = MaxProgramSize + 1
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			im.data, err = io.ReadAll(limited)
		}
	}
	if err != nil {
		return nil, objects.Digest{}, fmt.Errorf("its file cannot be read: %w", withoutPath(err))
	}
	if limited.N == 0 {
		im.close()
		return nil, objects.Digest{}, fmt.Errorf("its file is larger than %d bytes", MaxProgramSize)
	}
	hash := blake3.New()
	if _, err := io.Copy(hash, im.reader()); err != nil {
		im.close()
		return nil, objects.Digest{}, err
	}
	return im, objects.Digest(hash.Sum(nil)), nil
}

// openProgram opens an executable regular file; a link to one will do, because the pin
// covers what is in it.
func openProgram(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|openFlags, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("its file is not a regular one")
	case !isExecutable(info):
		err = fmt.Errorf("its file is not executable (mode %04o)", info.Mode().Perm())
	default:
		return f, nil
	}
	f.Close()
	return nil, err
}

// reader reads the bytes from their beginning.
func (im *image) reader() io.Reader {
	if im.sealed == nil {
		return bytes.NewReader(im.data)
	}
	return io.NewSectionReader(im.sealed, 0, 1<<62)
}

// close frees the bytes. An image that is not closed is freed when nobody has it.
func (im *image) close() {
	if im.sealed != nil {
		im.sealed.Close()
	}
}

// withoutPath leaves out the path, which the name of the hook tells already.
func withoutPath(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}
