package gocache

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// errOther is the error of a payload that is not the output of the action.
var errOther = errors.New("its object is not the output that its record says")

// get answers a get. finish, if not nil, has what remains to be done, and may be done beside
// other requests: what was made ready is answered at once, without waking another thread.
func (s *Server) get(req request) (finish func()) {
	s.stats.Gets.Add(1)
	action, ok := toID(req.ActionID)
	if !ok {
		return func() { s.out.send(response{ID: req.ID, Err: "not an action"}) }
	}
	if h, ok := s.have(action); ok {
		s.hit(req, h)
		s.saw(action)
		return nil
	}
	return func() {
		s.saw(action)
		s.look(req, action)
	}
}

// look answers a get for an action that was not asked for before.
func (s *Server) look(req request, action id) {
	h, err := s.find(action)
	switch {
	case err == nil:
		s.hit(req, h)
		return
	case errors.Is(err, errNoAction):
		s.stats.Misses.Add(1)
	default:
		s.refused(action, err)
	}
	s.out.send(response{ID: req.ID, Miss: true})
}

func (s *Server) hit(req request, h held) {
	s.stats.Hits.Add(1)
	s.stats.Bytes.Add(h.file.size)
	s.out.send(response{ID: req.ID, OutputID: h.output[:], Size: h.file.size, Time: &h.time, DiskPath: h.file.path})
}

// saw notes what was asked for, and has what will probably be asked for made ready.
func (s *Server) saw(action id) {
	if s.store() != nil && s.ahead.saw(action) {
		s.start(s.lookAhead)
	}
}

// find returns an action and the plain file of its output.
func (s *Server) find(action id) (held, error) {
	if h, ok := s.have(action); ok {
		return h, nil
	}
	store := s.store()
	if store == nil {
		return held{}, errNoAction
	}
	e, err := store.lookup(s.ctx, action)
	if err != nil {
		return held{}, err
	}
	f, err := s.plain.place(e.output, func(w io.Writer) error { return store.extract(s.ctx, e, w) })
	if err == nil && f.size != e.size {
		err = errOther
	}
	if err != nil && isMiss(err) {
		if _, gone := store.lookup(s.ctx, action); errors.Is(gone, errNoAction) {
			err = gone // evicted a moment ago, and its object after it
		}
	}
	if err != nil {
		return held{}, err
	}
	return s.learn(action, held{e, f}), nil
}

// lookAhead makes outputs ready that will probably be asked for. What fails is told when it
// is asked for.
func (s *Server) lookAhead() {
	for action, ok := s.ahead.take(); ok; action, ok = s.ahead.take() {
		s.find(action)
	}
}

// extract writes the output of an action, after the store has verified it. That it is the
// output of that name was made sure of when it was put, by whoever sealed the record.
func (s *Store) extract(ctx context.Context, e entry, w io.Writer) error {
	r, err := s.db.Open(ctx, e.digest)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.Size() != e.size {
		return errOther
	}
	_, err = r.WriteTo(w)
	return err
}

// maxTold is how many refused actions are told one by one. After the change of a key, or
// with a wrong one, it may be all of them.
const maxTold = 10

// refusedMore tells how many actions were refused beyond those that were told.
func (s *Server) refusedMore() {
	if more := s.stats.Refused.Load() - maxTold; more > 0 {
		s.warn(fmt.Sprintf("go cache: %d more were refused and done again", more))
	}
}

// refused tells why an action that is there is a miss.
func (s *Server) refused(action id, err error) {
	if s.stats.Refused.Add(1) > maxTold {
		return
	}
	text := fmt.Sprintf("go cache: action %s: %s: the action is done again", action, err)
	if !errors.Is(err, errOther) && !isMiss(err) {
		text = fmt.Sprintf("go cache: action %s: cannot be read: %s", action, err)
	}
	s.warn(text)
}
