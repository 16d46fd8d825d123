package config

import (
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"fsk/hooks"
	"fsk/objects"
)

// The keys of a pre_read.
const (
	runKey     = "run"
	blake3Key  = "blake3"
	timeoutKey = "timeout"

	pinHint = "fsk hook pin PROGRAM prints the lines for it"
)

// addPreRead reads the hook programs. They run as the user, so nobody else may name one.
func (p *Policy) addPreRead(in *Input, store string, t table, from string) error {
	v, ok := t.keys[preReadKey]
	if !ok {
		return nil
	}
	if !t.file.own {
		return t.fault(preReadKey, "hook programs are not run for a file that was found by walking up",
			"move it to the user's own fleche/cache.toml, or name the file with --config")
	}
	const form = "must be tables with run and blake3"
	list, ok := v.([]any)
	if !ok {
		return t.fault(preReadKey, form, pinHint)
	}
	for i, one := range list {
		keys, ok := one.(map[string]any)
		if !ok {
			return t.fault(preReadKey, form, pinHint)
		}
		program, problem := in.program(store, keys)
		if problem != "" {
			return t.entryFault(preReadKey, i, "program "+strconv.Itoa(i+1)+": "+problem, pinHint)
		}
		p.PreRead = append(p.PreRead, PreRead{Program: program, From: from})
	}
	return nil
}

// program reads one of the tables, or says what is wrong with it.
func (in *Input) program(store string, keys map[string]any) (program *hooks.Program, problem string) {
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key != runKey && key != blake3Key && key != timeoutKey {
			return nil, "unknown key " + showKey([]string{key})
		}
	}
	o := hooks.ProgramOptions{Env: in.Environ, TempDir: in.TempDir}
	list, _ := keys[runKey].([]any)
	for _, one := range list {
		arg, ok := one.(string)
		if !ok {
			return nil, runKey + " must be a list of strings"
		}
		o.Run = append(o.Run, arg)
	}
	if len(o.Run) == 0 || !filepath.IsAbs(o.Run[0]) {
		return nil, runKey + " must be a list of strings, of which the first is the absolute path of the program"
	}
	for i, arg := range o.Run {
		if filepath.IsAbs(arg) && InStore(arg, store, in.UID) {
			return nil, runKey + ": argument " + strconv.Itoa(i) + " is inside a store, where everybody may write"
		}
	}
	text, _ := keys[blake3Key].(string)
	var err error
	if o.BLAKE3, err = objects.ParseDigest(text); err != nil || o.BLAKE3.IsZero() {
		return nil, blake3Key + " must be the BLAKE3 digest of the program, 64 lowercase hexadecimal digits"
	}
	if v, ok := keys[timeoutKey]; ok {
		text, _ := v.(string)
		if o.Timeout, err = time.ParseDuration(text); err != nil || o.Timeout <= 0 || o.Timeout > hooks.MaxTimeout {
			return nil, timeoutKey + ` must be a time of at most an hour, such as "10s" or "500ms"`
		}
	}
	if program, err = hooks.NewProgram(o); err != nil {
		return nil, err.Error()
	}
	return program, ""
}
