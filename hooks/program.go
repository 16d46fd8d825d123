package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"fsk/objects"
)

var _ objects.PreReader = (*Program)(nil)

const (
	// DefaultTimeout is how long a program may take for one answer if the options
	// do not say.
	DefaultTimeout = 10 * time.Second
	// MaxTimeout is the longest time that a program may be given for one answer.
	MaxTimeout = time.Hour
	// MaxProgramSize is the size in bytes above which a program is not run: 256 MiB.
	MaxProgramSize = 256 << 20
	// MaxStderr is how much a program may write to standard error for one answer, in
	// bytes.
	MaxStderr = 64 << 10

	// sealedPayload is the size in bytes up to which a payload is handed over as a file
	// in memory.
	sealedPayload = 64 << 20
)

// ProgramOptions describe a hook program.
type ProgramOptions struct {
	// Run is the absolute path of the program, and its arguments.
	Run []string
	// BLAKE3 is the digest of the program's file, as [Pin] returns it. For a script
	// that is the script, not what interprets it.
	BLAKE3 objects.Digest
	// Timeout limits the time for one answer. 0 means DefaultTimeout; the most is
	// MaxTimeout.
	Timeout time.Duration
	// Env is the environment that the program gets, in the form of os.Environ, less
	// what holds keys: FLECHE_SECRET_KEY, and every variable with one of its keys in it.
	Env []string
	// TempDir is where a private copy of the program is made if it cannot be run from
	// memory: on other systems than Linux, and where Linux refuses. "" means that the
	// hook fails then.
	TempDir string
}

// A Program is a program that is asked, in a process of its own, for each payload.
//
// What runs are the bytes whose digest is pinned. On Linux the program is read once into
// a sealed file in memory, those bytes are hashed and those bytes are run; elsewhere, and
// where that is refused, it is a private copy with mode 0500, removed afterwards. A Program
// keeps the verified bytes: who changes the file later changes nothing for it.
//
// The program gets the payload on standard input, and need not read it: on Linux up to 64
// MiB a file that cannot be changed, otherwise a pipe. Its environment is that of the
// options and FSK_DIGEST, FSK_SIZE (of the payload in bytes), FSK_REASON (the verdict) and
// FSK_KEY_ID ("" if no key is known). Its working directory is /, its standard output is
// discarded, and it is in a process group of its own.
//
// If it ends with exit status 0 the payload is released. With any other it is a
// [*Denial], which has the last line of its standard error, escaped and cut to 200
// characters. If it could not be started, is not what was pinned, did not
// answer in time, was ended by a signal, wrote more than [MaxStderr] to standard error, or
// if the context ended or the payload could not be read, the error wraps
// [objects.ErrHookFailed]. In every case its whole process group gets SIGKILL before PreRead
// returns, and with it what it left behind; a process that made a group of its own is not
// found.
//
// On Windows no program is run: every answer is an error.
type Program struct {
	run     []string
	pin     objects.Digest
	timeout time.Duration
	env     []string
	tempDir string

	mu    sync.Mutex
	image *image // verified; nil before the first question
}

// NewProgram checks the options. It does not look at the program, which may be missing
// until it is asked.
func NewProgram(o ProgramOptions) (*Program, error) {
	if len(o.Run) == 0 || !filepath.IsAbs(o.Run[0]) {
		return nil, errors.New("a hook program is named by an absolute path")
	}
	for _, arg := range o.Run {
		if strings.IndexByte(arg, 0) >= 0 {
			return nil, errors.New("an argument of a hook program holds a NUL byte")
		}
	}
	switch {
	case o.BLAKE3.IsZero():
		return nil, errors.New("a hook program needs the digest of its file")
	case o.Timeout < 0 || o.Timeout > MaxTimeout:
		return nil, fmt.Errorf("the timeout of a hook program is at most %v", MaxTimeout)
	case o.Timeout == 0:
		o.Timeout = DefaultTimeout
	}
	return &Program{run: slices.Clone(o.Run), pin: o.BLAKE3, timeout: o.Timeout,
		env: withoutKeys(o.Env), tempDir: o.TempDir}, nil
}

// Run returns the path of the program and its arguments.
func (p *Program) Run() []string { return slices.Clone(p.run) }

// BLAKE3 returns the pinned digest.
func (p *Program) BLAKE3() objects.Digest { return p.pin }

// Timeout returns how long an answer may take.
func (p *Program) Timeout() time.Duration { return p.timeout }

// String returns the name of the policy.
func (p *Program) String() string { return "hook " + printable(p.run[0]) }

// PreRead implements [objects.PreReader].
func (p *Program) PreRead(ctx context.Context, info objects.Info, payload io.ReaderAt) error {
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	end, err := p.ask(limited, info, payload)
	switch {
	case ctx.Err() != nil:
		return p.failed(ctx.Err())
	case limited.Err() != nil:
		return p.failed(fmt.Errorf("gave no answer within %v and was killed", p.timeout))
	case err != nil:
		return p.failed(err)
	case end.flooded:
		return p.failed(fmt.Errorf("wrote more than %d bytes to standard error and was killed", MaxStderr))
	case end.signal != "":
		return p.failed(errors.New("was ended by a signal: " + end.signal))
	case end.status == 0:
		return nil
	}
	why := lastLine(end.said)
	if why == "" {
		why = fmt.Sprintf("refused without a word, with exit status %d", end.status)
	}
	return &Denial{p.String(), why}
}

// An ending is how a process ended.
type ending struct {
	status  int
	signal  string // that ended it, "" if none did
	said    []byte // the last that it wrote to standard error
	flooded bool   // it wrote more than it may
}

// ask asks the program once. An error says why there is no answer.
func (p *Program) ask(ctx context.Context, info objects.Info, payload io.ReaderAt) (ending, error) {
	im, err := p.verified()
	if err != nil {
		return ending{}, err
	}
	in, err := newInput(ctx, info.Size, payload)
	if err != nil {
		return ending{}, err
	}
	defer in.close()
	end, err := im.ask(ctx, p, in, p.environment(info))
	if err == nil {
		err = in.failure()
	}
	return end, err
}

// verified returns the bytes of the program. They are read once, unless they are
// others than those that were approved.
func (p *Program) verified() (*image, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.image == nil {
		im, sum, err := readImage(p.run[0])
		if err != nil {
			return nil, err
		}
		if sum != p.pin {
			im.close()
			return nil, fmt.Errorf("its file is not the one that was approved: the BLAKE3 digest is %s, not the pinned %s", sum, p.pin)
		}
		p.image = im
	}
	return p.image, nil
}

func (p *Program) failed(err error) error { return &failure{p.String(), err} }

// A failure is the error of a program that gave no answer.
type failure struct {
	program string
	err     error
}

func (f *failure) Error() string { return f.program + ": " + printable(f.err.Error()) }

func (f *failure) Unwrap() []error { return []error{objects.ErrHookFailed, f.err} }
