package hooks

import (
	"slices"
	"strconv"
	"strings"

	"fsk/objects"
)

const (
	keyVariable = "FLECHE_SECRET_KEY"

	digestVariable = "FSK_DIGEST"
	sizeVariable   = "FSK_SIZE"
	reasonVariable = "FSK_REASON"
	keyIDVariable  = "FSK_KEY_ID"

	// shownKey is the number of digits from which a key in another variable is
	// recognised: fewer occur in any text by chance.
	shownKey = 8
)

// withoutKeys copies an environment and leaves out the variable of the keys, every
// other one that has one of these keys in it, and those that a program is given anew.
func withoutKeys(env []string) []string {
	var keys []string
	for _, v := range env {
		if name, value, _ := strings.Cut(v, "="); isName(name, keyVariable) {
			keys = append(keys, strings.Split(strings.ToLower(value), ":")...)
		}
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return len(key) < shownKey })
	kept := make([]string, 0, len(env)+4)
	for _, v := range env {
		name, value, ok := strings.Cut(v, "=")
		value = strings.ToLower(value)
		ours := isName(name, keyVariable, digestVariable, sizeVariable, reasonVariable, keyIDVariable)
		holdsKey := slices.ContainsFunc(keys, func(key string) bool { return strings.Contains(value, key) })
		if ok && !ours && !holdsKey && strings.IndexByte(v, 0) < 0 {
			kept = append(kept, v)
		}
	}
	return kept
}

func isName(name string, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// environment is what the program gets to know about an object.
func (p *Program) environment(info objects.Info) []string {
	key := ""
	if !info.Key.IsZero() {
		key = info.Key.String()
	}
	return append(slices.Clone(p.env),
		digestVariable+"="+info.Digest.String(),
		sizeVariable+"="+strconv.FormatInt(info.Size, 10),
		reasonVariable+"="+string(info.Reason),
		keyIDVariable+"="+key)
}
