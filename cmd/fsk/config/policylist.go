package config

import (
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fsk/hooks"
	"fsk/objects"
	"fsk/seal"
)

// MaxDenyFileSize is the size in bytes above which a list of a deny_file is refused.
const MaxDenyFileSize = 512 << 20

// addKeys reads which keys are good enough: any, the first, or those on a list.
func (p *Policy) addKeys(t table, from string) error {
	const form = `must be "any", "first" or a list of key ids`
	v, ok := t.keys[keysKey]
	if !ok {
		return nil
	}
	switch v := v.(type) {
	case string:
		switch v {
		case "any":
			return nil
		case "first":
			if !p.FirstKeyOnly {
				p.FirstKeyOnly, p.FirstKeyOnlyFrom = true, from
			}
			return nil
		}
	case []any:
		if len(v) == 0 {
			return t.fault(keysKey, "names no key: nothing could be read", "fsk key ls lists the ids of the keys in use")
		}
		list := make(hooks.Keys, len(v))
		for i, one := range v {
			text, _ := one.(string)
			if list[i], ok = parseKeyID(text); !ok {
				return t.fault(keysKey, "entry "+strconv.Itoa(i+1)+" is not a key id of 16 lowercase hexadecimal digits",
					"fsk key ls lists the ids of the keys in use")
			}
		}
		p.KeyLists = append(p.KeyLists, KeyList{IDs: list, From: from})
		return nil
	}
	return t.fault(keysKey, form, "")
}

// parseKeyID reads the form in which key ids are shown.
func parseKeyID(text string) (id seal.KeyID, ok bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(id) || text != strings.ToLower(text) {
		return id, false
	}
	return seal.KeyID(raw), true
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
	digests := make([]objects.Digest, len(list))
	for i, one := range list {
		text, _ := one.(string)
		d, err := objects.ParseDigest(text)
		if err != nil {
			return t.fault(denyKey, "entry "+strconv.Itoa(i+1)+" is not a digest of 64 lowercase hexadecimal digits", "")
		}
		digests[i] = d
	}
	p.Deny = append(p.Deny, DenyList{List: hooks.NewDeny(digests...), From: from})
	return nil
}

// addDenyFile reads a list that is too long for the configuration. It is believed like
// the configuration: who could change it could let through what it refuses.
func (p *Policy) addDenyFile(in *Input, store string, t table, from string) error {
	text, err := t.str(denyFileKey)
	if text == "" || err != nil {
		return err
	}
	path, why := expand(text, filepath.Dir(t.file.path), in.Home)
	if why != "" {
		return t.fault(denyFileKey, why, "")
	}
	if InStore(path, store, in.UID) {
		return t.fault(denyFileKey, "the list is inside a store, where everybody may write", "move it out of the store")
	}
	list, err := readDenyFile(path, in.UID)
	if err != nil {
		return t.fault(denyFileKey, "the list "+err.Error(), "")
	}
	p.Deny = append(p.Deny, DenyList{List: list, From: from + " " + denyFileKey})
	return nil
}

// readDenyFile reads a list. Its errors do not have the path, which is a value of the
// configuration.
func readDenyFile(path string, uid int) (*hooks.Deny, error) {
	fd, err := open(path)
	if err != nil {
		if fi, lerr := os.Lstat(path); lerr == nil && !fi.Mode().IsRegular() {
			return nil, errors.New(notRegular)
		}
		return nil, errors.New("cannot be read: " + withoutPath(err).Error())
	}
	defer fd.Close()
	fi, err := fd.Stat()
	if err != nil {
		return nil, errors.New("cannot be read: " + withoutPath(err).Error())
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, errors.New("cannot be read: " + withoutPath(err).Error())
	}
	switch why := distrust(fi, uid); {
	case !fi.Mode().IsRegular():
		return nil, errors.New(notRegular)
	case why != "":
		return nil, errors.New(why)
	case distrustDir(dir) != "":
		return nil, errors.New("is in a directory that " + distrustDir(dir))
	case fi.Size() > MaxDenyFileSize:
		return nil, errors.New("is larger than 512 MiB")
	}
	limited := &io.LimitedReader{R: fd, N: MaxDenyFileSize + 1} // it may grow
	list, err := hooks.ReadDeny(limited)
	if fault := (*hooks.DenyError)(nil); errors.As(err, &fault) {
		return nil, errors.New("has a fault: " + fault.Error())
	}
	switch {
	case err != nil:
		return nil, errors.New("cannot be read: " + withoutPath(err).Error())
	case limited.N == 0:
		return nil, errors.New("is larger than 512 MiB")
	}
	return list, nil
}

// InStore reports whether a path, by any name, is in the store or in another one that is
// marked as such by the user or root.
func InStore(path, store string, uid int) bool {
	for _, p := range []string{filepath.Clean(path), resolved(path)} {
		if isBelow(p, filepath.Clean(store)) || isBelow(p, resolved(store)) {
			return true
		}
		for dir := p; ; dir = filepath.Dir(dir) {
			if isStore(dir, uid) {
				return true
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return false
}

// resolved follows the links in a path as far as it exists.
func resolved(path string) string {
	path = filepath.Clean(path)
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real
	}
	dir := filepath.Dir(path)
	if dir == path {
		return path
	}
	return filepath.Join(resolved(dir), filepath.Base(path))
}
