package config

import (
	"strconv"
	"strings"

	"fsk/hooks"
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
	KeyLists          []KeyList // the key that sealed an object must be on all of them
	MaxObjectSize     int64     // in bytes; 0 is the default of package objects
	MaxObjectSizeFrom string
	Deny              []DenyList
	PreRead           []PreRead // in the order in which they are asked
}

// A KeyList names keys that may have sealed what is read.
type KeyList struct {
	IDs  hooks.Keys
	From string
}

// A DenyList has objects that are never released.
type DenyList struct {
	List *hooks.Deny
	From string
}

// A PreRead is a hook program. Only the user's own file can name one.
type PreRead struct {
	Program *hooks.Program
	From    string
}

const (
	requireKey  = "require_seal"
	keysKey     = "keys"
	maxSizeKey  = "max_object_size"
	denyKey     = "deny"
	denyFileKey = "deny_file"
	preReadKey  = "pre_read"
)

// add makes the policy as strict as the one that the file has for the cache.
func (p *Policy) add(in *Input, store string, f *file, name string) error {
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
	if err := t.only(requireKey, keysKey, maxSizeKey, denyKey, denyFileKey, preReadKey); err != nil {
		return err
	}
	from := f.path + " [" + showKey([]string{name}) + "]"
	if err := p.addPreRead(in, store, t, from); err != nil {
		return err
	}
	require, err := t.bool(requireKey)
	if err != nil {
		return err
	}
	if require && !p.RequireSeal {
		p.RequireSeal, p.RequireSealFrom = true, from
	}
	if err := p.addKeys(t, from); err != nil {
		return err
	}
	if err := p.addMaxSize(t, from); err != nil {
		return err
	}
	if err := p.addDeny(t, from); err != nil {
		return err
	}
	return p.addDenyFile(in, store, t, from)
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
		size, _ = ParseSize(v)
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

// ParseSize reads a number of bytes, more than 0: digits without leading zeros and a unit,
// such as GiB or MB, that may be absent.
func ParseSize(s string) (int64, bool) {
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
