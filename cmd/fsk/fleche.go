package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"fsk/cmd/fsk/config"
	"fsk/objects"
	"fsk/objects/fleche"
	"fsk/objects/rootfs"
)

// notOnFleche refuses what cannot be done with a cache of fleche.
func notOnFleche(cfg *config.Config) error {
	return &usage{
		problem: fmt.Sprintf("%s: a Python cache of fleche, of type %s: fsk makes and removes no values there, because only Python can compute their names", cfg.Store, cfg.Type),
		hint:    "--store DIR names a store of fsk",
	}
}

// onFleche runs a command on the cache of fleche if that is what is configured, and
// reports whether it is.
func (a *app) onFleche(run func(*fleche.Cache) error) (is bool, err error) {
	cfg, err := a.config()
	if err != nil || cfg.Type == config.TypeFsk {
		return false, err
	}
	fsys, err := rootfs.Open(cfg.Store)
	if errors.Is(err, fs.ErrNotExist) {
		return true, &usage{problem: fmt.Sprintf("%s: there is no such directory (named by %s)", cfg.Store, cfg.StoreFrom)}
	}
	if err != nil {
		return true, err
	}
	defer fsys.Close()
	values, err := fleche.Open(fsys, cfg.Ring, flecheOptions(cfg))
	if err != nil {
		return true, err
	}
	return true, run(values)
}

// flecheOptions turns the configuration into those of the library. A limit that was set
// is one of what comes out of compressed values, too.
func flecheOptions(cfg *config.Config) *fleche.Options {
	limit := cfg.Policy.MaxObjectSize
	return &fleche.Options{Durability: cfg.Durability, MaxSize: limit, MaxInflatedSize: limit}
}

// resolveValue finds the value that an argument names, like resolve.
func (a *app) resolveValue(values *fleche.Cache, arg string) (found fleche.Name, err error) {
	if n, err := fleche.ParseName(arg); err == nil {
		return n, nil
	}
	if len(arg) < 4 || len(arg) > objects.DigestSize || !isDigits(arg) {
		return found, &objects.Error{Reason: objects.BadName, Err: errors.New("a value is named by 4 to 64 lowercase hexadecimal digits")}
	}
	matches := 0
	for n, err := range values.All(a.ctx) {
		if err != nil {
			return found, err
		}
		switch text := n.String(); {
		case text[:len(arg)] == arg:
			found = n
			matches++
		case text > arg: // they come in order
			return found, oneMatch(matches)
		}
	}
	return found, oneMatch(matches)
}

func oneMatch(matches int) error {
	switch matches {
	case 0:
		return &objects.Error{Reason: objects.Missing, Err: errors.New("no such value")}
	case 1:
		return nil
	}
	return &objects.Error{Reason: objects.Ambiguous, Err: errors.New("more than one value begins like this")}
}

// A jsonValue is the line of one value of fleche. Key and retired are there if a key of
// the ring sealed it, size if the file tells it.
type jsonValue struct {
	Type       string         `json:"type"`
	Name       fleche.Name    `json:"name"`
	Size       *int64         `json:"size,omitempty"`
	Reason     objects.Reason `json:"reason,omitempty"`
	Key        string         `json:"key,omitempty"`
	Retired    *bool          `json:"retired,omitempty"`
	Compressed *bool          `json:"compressed,omitempty"`
}

// flecheValue counts a value and, with --json, writes its line.
func (p *printer) flecheValue(info fleche.Info) {
	p.summary.Objects++
	p.summary.Bytes += max(0, info.Size)
	if !p.json {
		return
	}
	v := jsonValue{Type: "value", Name: info.Name, Reason: info.Reason}
	if info.Size >= 0 {
		v.Size, v.Compressed = &info.Size, &info.Compressed
	}
	if !info.Key.IsZero() {
		v.Key, v.Retired = info.Key.String(), &info.Retired
	}
	p.value(v)
}

func (a *app) lsValues(values *fleche.Cache) error {
	for n, err := range values.All(a.ctx) {
		if err != nil {
			return err
		}
		a.out.flecheValue(fleche.Info{Name: n, Size: -1})
		if !a.out.json {
			a.out.line("%s", n)
		}
		if a.out.failed != nil {
			return nil
		}
	}
	return nil
}

func (a *app) statValues(values *fleche.Cache, names []string) error {
	for _, name := range names {
		if err := a.statValue(values, name); err != nil {
			a.reportOn(name, err)
		}
		if a.ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

func (a *app) statValue(values *fleche.Cache, name string) error {
	n, err := a.resolveValue(values, name)
	if err != nil {
		return err
	}
	info, err := values.Check(a.ctx, n)
	if err != nil {
		return err
	}
	a.out.flecheValue(info)
	if !a.out.json {
		form := "plain"
		if info.Compressed {
			form = "gzip"
		}
		sealed := !info.Key.IsZero()
		a.out.line("%s  %s  %s  %s  %s  %s", info.Name, info.Reason, orDash(info.Size >= 0, info.Size),
			orDash(sealed, info.Key), orDash(sealed, keyRole(info.Retired)), orDash(info.Size >= 0, form))
	}
	if !info.Reason.Good() {
		a.code = worst(a.code, reasonCode(info.Reason))
	}
	a.unverifiedValue(info)
	return nil
}

// unverifiedValue warns, once, that sealed values are read without a key.
func (a *app) unverifiedValue(info fleche.Info) {
	if info.Reason == objects.OKUnverified && !a.warned {
		a.warned = true
		a.out.warning(fmt.Sprintf("value %s is sealed, but security is off: its seal was not verified", info.Name))
	}
}

// oneValue writes the pickle of a value, or the part of it that is asked for.
func (c *catCmd) oneValue(a *app, name string, w io.Writer, terminal bool) error {
	n, err := a.resolveValue(c.values, name)
	if err != nil {
		return err
	}
	r, err := c.values.Open(a.ctx, n)
	if err != nil {
		return err
	}
	defer r.Close()
	pickle, err := a.allowed(r)
	if err != nil {
		return err
	}
	a.unverifiedValue(r.Info())
	switch {
	case c.Offset > r.Size():
		return &usage{problem: fmt.Sprintf("--offset %d is beyond the end: the pickle has %d bytes", c.Offset, r.Size()), hint: "fsk stat NAME shows the size"}
	case terminal:
		return &usage{problem: "a pickle is binary data, which is not written to a terminal", hint: "fsk cat -o FILE, or a pipe"}
	}
	length := r.Size() - c.Offset
	if c.Length != nil {
		length = min(length, *c.Length)
	}
	if _, err := io.CopyN(io.Discard, pickle, c.Offset); err != nil {
		return err
	}
	if _, err := io.CopyN(output{w}, pickle, length); err != nil {
		return err
	}
	a.out.flecheValue(r.Info())
	return nil
}

// allowed asks the policies before a pickle is released, and returns the very bytes that they
// were asked about. To them it is a payload under its digest, which is not its name. They
// get it in memory, and so it has the limit of Get.
func (a *app) allowed(r *fleche.Reader) (io.Reader, error) {
	policy, name := policies(a.cfg), r.Info().Name.String()
	if len(policy) == 0 {
		return r, nil
	}
	if r.Size() > fleche.MaxGetSize {
		return nil, &objects.Error{Reason: objects.TooLarge, Path: name, Err: fmt.Errorf("larger than %d bytes, which is the limit where a policy is to be asked", fleche.MaxGetSize)}
	}
	pickle := make([]byte, r.Size())
	if _, err := io.ReadFull(r, pickle); err != nil {
		return nil, err
	}
	object := objects.Info{Digest: objects.Sum(pickle), Size: r.Size(), Reason: r.Info().Reason, Key: r.Info().Key, Retired: r.Info().Retired}
	err := policy.PreRead(a.ctx, object, bytes.NewReader(pickle))
	switch {
	case err == nil:
		return bytes.NewReader(pickle), nil
	case a.ctx.Err() != nil:
		return nil, a.ctx.Err()
	case errors.Is(err, objects.ErrHookFailed):
		return nil, &objects.Error{Reason: objects.HookFailed, Path: name, Err: err}
	}
	return nil, &objects.Error{Reason: objects.Denied, Path: name, Err: err}
}

// statusOfFleche looks at a cache of fleche.
func (a *app) statusOfFleche(cfg *config.Config, s *status, fsys *rootfs.FS) error {
	values, err := fleche.Open(fsys, cfg.Ring, flecheOptions(cfg))
	if err != nil {
		return err
	}
	s.State, s.Kind, s.Durability = "cache", cfg.Type, values.Durability().String()
	var n int64
	for _, err := range values.All(a.ctx) {
		if err != nil {
			a.report(err)
			break
		}
		n++
	}
	s.Objects = &n
	return a.ctx.Err()
}
