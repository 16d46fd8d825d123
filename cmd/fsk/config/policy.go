package config

import (
	"strconv"
	"strings"

	"fsk/objects"
)

// A Policy holds the rules that reads must meet, the strictest of all files. The
// From fields say which file or variable each comes from; they are "" where
// nothing but the default holds.
type Policy struct {
	RequireSeal       bool // there must be keys; Load has seen to it
	RequireSealFrom   string
	FirstKeyOnly      bool // refuse what a retired key sealed
	FirstKeyOnlyFrom  string
	MaxObjectSize     int64 // in bytes; 0 is the default of package objects
	MaxObjectSizeFrom string
	Deny              []objects.Digest
	DenyFrom          []string // as long as Deny
}

const (
	requireKey = "require_seal"
	keysKey    = "keys"
	maxSizeKey = "max_object_size"
	denyKey    = "deny"
	preReadKey = "pre_read"
)

// add makes the policy as strict as the one that the file has for the cache.
func (p *Policy) add(f *file, name string) error {
	if _, isList := f.tree[name].([]any); isList {
		return nil // fleche's stack of caches has no policy
	}
	s, ok, err := f.top(name)
	if !ok || err != nil {
		return err
	}
	t, ok, err := s.sub(policyKey)
	if !ok || err != nil {
		return err
	}
	if err := t.only(requireKey, keysKey, maxSizeKey, denyKey, preReadKey); err != nil {
		return err
	}
	if t.has(preReadKey) {
		if !f.own {
			return t.fault(preReadKey, "hook programs are not run for a file that was found by walking up",
				"move it to the user's own fleche/cache.toml, or name the file with --config")
		}
		return t.fault(preReadKey, "this version of fsk runs no hook programs", "remove it, or use a version that does")
	}
	from := f.path + " [" + showKey([]string{name}) + "]"
	require, err := t.bool(requireKey)
	if err != nil {
		return err
	}
	if require && !p.RequireSeal {
		p.RequireSeal, p.RequireSealFrom = true, from
	}
	keys, err := t.str(keysKey)
	if err != nil {
		return err
	}
	switch {
	case keys == "first" && !p.FirstKeyOnly:
		p.FirstKeyOnly, p.FirstKeyOnlyFrom = true, from
	case keys != "" && keys != "any" && keys != "first":
		return t.fault(keysKey, `must be "any" or "first"`, "")
	}
	if err := p.addMaxSize(t, from); err != nil {
		return err
	}
	return p.addDeny(t, from)
}

func (p *Policy) addMaxSize(t table, from string) error {
	v, ok := t.keys[maxSizeKey]
	if !ok {
		return nil
	}
	var size int64
	switch v := v.(type) {
	case int64:
		size = v
	case string:
		size, _ = parseSize(v)
	}
	if size <= 0 {
		return t.fault(maxSizeKey, "is not a size", `write a number of bytes, or for example "8GiB" or "100MB"`)
	}
	// The user's own file comes first; without a limit in it the default is the limit.
	limit := p.MaxObjectSize
	if limit == 0 && !t.file.own {
		limit = objects.DefaultMaxObjectSize
	}
	if limit == 0 || size < limit {
		p.MaxObjectSize, p.MaxObjectSizeFrom = size, from
	}
	return nil
}

// parseSize reads digits without leading zeros and a unit that may be absent.
func parseSize(s string) (int64, bool) {
	digits := strings.TrimRight(s, "BKMGTikm")
	factor := int64(1)
	switch s[len(digits):] {
	case "", "B":
	case "kB", "KB":
		factor = 1e3
	case "MB":
		factor = 1e6
	case "GB":
		factor = 1e9
	case "TB":
		factor = 1e12
	case "KiB":
		factor = 1 << 10
	case "MiB":
		factor = 1 << 20
	case "GiB":
		factor = 1 << 30
	case "TiB":
		factor = 1 << 40
	default:
		return 0, false
	}
	if digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > (1<<63-1)/factor {
		return 0, false
	}
	return n * factor, true
}

func (p *Policy) addDeny(t table, from string) error {
	v, ok := t.keys[denyKey]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		return t.fault(denyKey, "must be a list of digests", "")
	}
	for i, one := range list {
		text, _ := one.(string)
		d, err := objects.ParseDigest(text)
		if err != nil {
			return t.fault(denyKey, "entry "+strconv.Itoa(i+1)+" is not a digest of 64 lowercase hexadecimal digits", "")
		}
		p.Deny, p.DenyFrom = append(p.Deny, d), append(p.DenyFrom, from)
	}
	return nil
}
