package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"fsk/cmd/fsk/config"
	"fsk/hooks"
	"fsk/objects"
)

type hookCmd struct {
	Pin  hookPinCmd  `cmd:"" help:"Print the configuration lines for a hook program."`
	Test hookTestCmd `cmd:"" help:"Ask all policies and hooks about an object."`
}

// Help is the end of the help page.
func (hookCmd) Help() string {
	return "A hook program is asked before a payload is released, and can refuse it.\n\nExample: fsk hook test 8e4c7c1b"
}

type hookPinCmd struct {
	Program string   `arg:"" help:"The program to run."`
	Args    []string `arg:"" optional:"" passthrough:"" name:"arg" help:"Its arguments."`
}

// Help is the end of the help page.
func (hookPinCmd) Help() string {
	return "The program is not run. Look at it before: what it is now is what is pinned.\n\nExample: fsk hook pin /usr/local/bin/scan >> ~/.config/fleche/cache.toml"
}

// A jsonPin is the line of a pinned program.
type jsonPin struct {
	Type    string         `json:"type"`
	Run     []string       `json:"run"`
	BLAKE3  objects.Digest `json:"blake3"`
	Timeout string         `json:"timeout"`
}

func (c *hookPinCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	path, err := filepath.Abs(c.Program)
	if err != nil {
		return err
	}
	run := append([]string{path}, c.Args...)
	if err := pinnable(cfg, run); err != nil {
		return err
	}
	digest, err := hooks.Pin(path)
	if err != nil {
		return pinError(path, err)
	}
	for _, arg := range c.Args {
		if info, err := os.Stat(arg); err == nil && info.Mode().IsRegular() {
			a.out.warning(fmt.Sprintf("%s: only the program is pinned, not this file; if it is a script pin it, with a #! line", arg))
		}
	}
	timeout := hooks.DefaultTimeout.String()
	if a.out.json {
		a.out.value(jsonPin{"pin", run, digest, timeout})
		return nil
	}
	cache := cfg.Cache
	if cache == "" {
		cache = "main"
		a.out.warning("no cache is in use: a policy counts for the one that [default] or --cache names")
	}
	a.out.line("# for your own fleche/cache.toml, or a file that --config names")
	a.out.line("[[%s.policy.pre_read]]", tomlKey(cache))
	for i, arg := range run {
		run[i] = tomlString(arg)
	}
	a.out.line("run = [%s]", strings.Join(run, ", "))
	a.out.line("blake3 = %s", tomlString(digest.String()))
	a.out.line("timeout = %s", tomlString(timeout))
	return nil
}

// pinnable refuses what the configuration would refuse.
func pinnable(cfg *config.Config, run []string) error {
	for _, arg := range run {
		switch {
		case strings.ToValidUTF8(arg, "") != arg || strings.IndexByte(arg, 0) >= 0:
			return &usage{problem: arg + ": is not UTF-8, so it cannot stand in the configuration"}
		case filepath.IsAbs(arg) && config.InStore(arg, cfg.Store, os.Geteuid()):
			return &usage{problem: arg + ": is inside a store, where everybody may write", hint: "move it out of the store"}
		}
	}
	return nil
}

func pinError(path string, err error) error {
	if system := syscall.Errno(0); errors.As(err, &system) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return &usage{problem: fmt.Sprintf("%s: %v", path, err)}
}

// tomlKey writes a key as people do, without quotes if it needs none.
func tomlKey(s string) string {
	const bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	if s != "" && strings.Trim(s, bare) == "" {
		return s
	}
	return tomlString(s)
}

// tomlString writes a string of TOML in which every character can be seen.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

type hookTestCmd struct {
	Object string `arg:"" help:"A digest, its first digits, or a ref."`
}

// Help is the end of the help page.
func (hookTestCmd) Help() string {
	return "Prints what each answers, how long that took, and why. Nothing of the object is written. Exits with 1 if any of them refuses it.\n\nExample: fsk hook test 8e4c7c1b"
}

// A jsonAnswer is the line of one answer.
type jsonAnswer struct {
	Type    string  `json:"type"`
	Policy  string  `json:"policy"`
	Answer  string  `json:"answer"` // "allowed", "denied" or "hook-failed"
	Why     string  `json:"why,omitempty"`
	Seconds float64 `json:"seconds"`
}

func (c *hookTestCmd) Run(a *app) error {
	asked := new(asker)
	db, _, err := a.openStoreWith(false, func(cfg *config.Config) *objects.Options {
		o := options(cfg)
		asked.policies = policies(cfg)
		o.PreRead = asked
		return o
	})
	if err != nil {
		return err
	}
	info, err := a.ask(db, c.Object)
	if err != nil {
		a.reportOn(c.Object, err)
		return nil
	}
	a.out.object(info, nil)
	a.unverified(info)
	for _, d := range asked.said {
		a.decision(d)
	}
	if len(asked.said) == 0 && !a.out.json {
		a.out.line("there is no policy and no hook")
	}
	return nil
}

// ask has the policies of db asked about an object, and releases nothing of it.
func (a *app) ask(db *objects.DB, name string) (objects.Info, error) {
	d, err := a.resolve(db, name)
	if err != nil {
		return objects.Info{}, err
	}
	r, err := db.Open(a.ctx, d)
	if err != nil {
		return objects.Info{}, err
	}
	return r.Info(), r.Close()
}

func (a *app) decision(given decision) {
	word, text := hooks.AnswerOf(given.err), given.policy
	if given.err != nil {
		a.code = worst(a.code, exitMiss)
		text = given.err.Error()
	}
	if !a.out.json {
		a.out.line("%-11s  %7.1f ms  %s", word, given.took.Seconds()*1000, escape(text))
		return
	}
	line := jsonAnswer{Type: "answer", Policy: given.policy, Answer: word, Seconds: given.took.Seconds()}
	if given.err != nil {
		line.Why = text
	}
	a.out.value(line)
}
