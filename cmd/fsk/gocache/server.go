package gocache

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Options say how a [Server] serves. Places and Open must be there.
type Options struct {
	// ReadOnly takes nothing from the go command: for jobs that are not trusted to store
	// what others will link into their programs.
	ReadOnly bool
	// Places are where the directory for plain files is made: in the first that can be
	// used, and in the next when its disk is full, or its limit is reached.
	Places []Place
	// Open opens the store; it is called once, beside the first requests. Without a store
	// every get is a miss, and nothing is kept.
	Open func() (*Store, error)
	// Warn, if not nil, is told in a line what was refused, or not kept, and why. It is
	// called by one goroutine at a time, but maybe beside Open.
	Warn func(text string)
}

// A Place is where a directory for plain files can be made.
type Place struct {
	// Dir must be an absolute path, and nobody else must be able to exchange what is in it.
	Dir string
	// Limit is the number of bytes of plain files from which on the next place is used; 0
	// is none. It is for places in memory.
	Limit int64
}

// Stats count what was done.
type Stats struct {
	Gets, Hits, Misses, Refused int64 // refused: there, but not good
	Puts, Kept                  int64 // kept: the store has them
	Bytes                       int64 // of the outputs that were handed out
	Sealed                      bool  // there is a store, and there are keys
}

type counters struct{ Gets, Hits, Misses, Refused, Puts, Kept, Bytes atomic.Int64 }

// grace is how long the go command is waited for after the context ended: an interrupt
// from the terminal reaches both, and it still has something to say.
const grace = 2 * time.Second

// buffers are used again, since memory that is touched first is dear.
var buffers = sync.Pool{New: func() any { return new([memorySize]byte) }}

// A Server serves one go command.
type Server struct {
	ctx   context.Context // without the end of the caller's: what was put is to be kept
	opts  Options
	out   *answers
	plain *plain
	stats counters

	opened chan struct{} // closed when the store was opened, or could not be
	keeper *keeper       // nil without a store
	ahead  *ahead        // the same

	mu    sync.Mutex
	known map[id]held // actions that were answered
	over  bool        // nothing new is begun

	warning sync.Mutex
	busy    chan struct{} // a place for each request that is worked on
	work    sync.WaitGroup
}

// held is an action with the plain file of its output.
type held struct {
	entry
	file *plainFile
}

// NewServer makes the directory for plain files. Nothing else is done before
// [Server.Serve]. The server must be closed.
func NewServer(opts Options) (*Server, error) {
	plain, err := newPlain(opts.Places)
	if err != nil {
		return nil, err
	}
	return &Server{
		opts: opts, plain: plain,
		opened: make(chan struct{}), known: make(map[id]held), busy: make(chan struct{}, runtime.GOMAXPROCS(0)+2),
	}, nil
}

// Serve serves the go command, which writes to r and reads from w, until it says that it
// has done or goes away. It is called once. The first line is written at once. When the
// context ends Serve ends soon, with its error; other errors are those of r and w. Also
// then, what was put is kept. The go command waits until w is closed; to close the server
// can wait until then.
func (s *Server) Serve(ctx context.Context, r io.Reader, w io.Writer) (Stats, error) {
	s.ctx, s.out = context.WithoutCancel(ctx), &answers{w: w}
	s.hello()
	go s.open()
	closing, err := s.requests(ctx, r)
	s.end(closing)
	if err == nil {
		err = s.out.err()
	}
	return s.counts(), err
}

// Close removes the plain files.
func (s *Server) Close() { s.plain.remove() }

func (s *Server) hello() {
	known := []string{cmdGet, cmdPut, cmdClose}
	if s.opts.ReadOnly {
		known = []string{cmdGet, cmdClose}
	}
	s.out.send(response{KnownCommands: known})
}

// open opens the store, and then looks for what others left behind.
func (s *Server) open() {
	store, err := s.opts.Open()
	if err != nil {
		s.warn("go cache: works without a store: " + err.Error())
	} else {
		s.keeper = &keeper{store: store, stats: &s.stats, warn: s.warn}
		s.keeper.wake = time.AfterFunc(keepAfter, func() { s.keeper.flush(s.ctx) })
		s.keeper.wake.Stop()
		s.ahead = newAhead(store.trail())
	}
	close(s.opened)
	s.plain.sweep()
}

// store waits until the store is open. It returns nil if there is none.
func (s *Server) store() *Store {
	<-s.opened
	if s.keeper == nil {
		return nil
	}
	return s.keeper.store
}

// A last is how the requests ended.
type last struct {
	closing *request // nil if the go command went without saying so
	err     error
}

// requests serves until the close.
func (s *Server) requests(ctx context.Context, r io.Reader) (closing *request, err error) {
	ended := make(chan last, 1)
	go func() {
		closing, err := s.dispatch(newRequests(r))
		ended <- last{closing, err}
	}()
	select {
	case l := <-ended:
		return l.closing, l.err
	case <-ctx.Done():
	}
	select {
	case l := <-ended:
		return l.closing, l.err
	case <-time.After(grace):
		return nil, ctx.Err()
	}
}

// dispatch reads requests, and works on several at once.
func (s *Server) dispatch(in *requests) (closing *request, err error) {
	for {
		req, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		var do func()
		switch {
		case req.Command == cmdClose:
			return &req, nil
		case req.Command == cmdGet:
			if do = s.get(req); do == nil {
				continue
			}
		case req.Command == cmdPut && !s.opts.ReadOnly:
			if err := in.body(req.BodySize, func(body io.Reader) { do = s.put(req, body) }); err != nil {
				return nil, err
			}
		default:
			do = func() { s.out.send(response{ID: req.ID, Err: "unknown command"}) }
		}
		s.busy <- struct{}{}
		if !s.start(func() { do(); <-s.busy }) {
			return nil, nil
		}
	}
}

// start does something beside other things, unless it is too late.
func (s *Server) start(do func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.work.Go(do)
	}
	return !s.over
}

// end keeps what was put and answers the close, if there was one.
func (s *Server) end(closing *request) {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	if store := s.store(); store != nil {
		store.keepTrail(s.ahead.end())
	}
	s.work.Wait()
	if s.keeper != nil {
		s.keeper.wake.Stop()
		s.keeper.flush(s.ctx)
	}
	s.refusedMore()
	if closing != nil {
		s.out.send(response{ID: closing.ID})
	}
}

func (s *Server) have(action id) (held, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.known[action]
	return h, ok
}

// remember notes what was put.
func (s *Server) remember(action id, h held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[action] = h
}

// learn notes what the store has, unless something was put meanwhile, and returns what
// counts.
func (s *Server) learn(action id, h held) held {
	s.mu.Lock()
	defer s.mu.Unlock()
	if newer, ok := s.known[action]; ok {
		return newer
	}
	s.known[action] = h
	return h
}

// keep has an output brought to the store, if there is one.
func (s *Server) keep(item kept) {
	if s.store() != nil {
		s.keeper.add(item)
	}
}

func (s *Server) warn(text string) {
	s.warning.Lock()
	defer s.warning.Unlock()
	if s.opts.Warn != nil {
		s.opts.Warn(text)
	}
}

func (s *Server) counts() Stats {
	c := &s.stats
	return Stats{
		Gets: c.Gets.Load(), Hits: c.Hits.Load(), Misses: c.Misses.Load(), Refused: c.Refused.Load(),
		Puts: c.Puts.Load(), Kept: c.Kept.Load(), Bytes: c.Bytes.Load(),
		Sealed: s.store() != nil && s.keeper.store.Sealed(),
	}
}
