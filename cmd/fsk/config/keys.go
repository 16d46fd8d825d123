package config

import (
	"strconv"

	"fsk/seal"
)

const (
	keyVariable     = "FLECHE_SECRET_KEY"
	requireVariable = "FSK_REQUIRE_SEAL"
	storeVariable   = "FSK_STORE"
)

// parseSecretKey reads values.secret_key; without one it returns nil. Neither the
// value nor its type is ever shown.
func parseSecretKey(values table) (*seal.Ring, error) {
	v, ok := values.keys[secretKey]
	if !ok {
		return nil, nil
	}
	const form = `must be a string or a list of strings`
	var ring *seal.Ring
	var err error
	switch v := v.(type) {
	case string:
		ring, err = seal.ParseKeys(v)
	case []any:
		list := make([]string, len(v))
		for i, one := range v {
			if list[i], ok = one.(string); !ok {
				return nil, values.fault(secretKey, "key "+strconv.Itoa(i+1)+" is not a string", "")
			}
		}
		ring, err = seal.ParseKeyList(list)
	default:
		return nil, values.fault(secretKey, form, "")
	}
	if err != nil {
		return nil, values.fault(secretKey, err.Error(), newKeyHint)
	}
	return ring, nil
}

const newKeyHint = "fsk key new prints a new key"

// environment is what the environment says.
type environment struct {
	ring    *seal.Ring // nil if FLECHE_SECRET_KEY is not set
	require bool
	store   string
}

func (in *Input) environment() (env environment, err error) {
	if text, ok := in.Getenv(keyVariable); ok {
		if env.ring, err = seal.ParseKeys(text); err != nil {
			return env, &Error{File: keyVariable, Problem: err.Error(), Hint: "unset it to work without keys; " + newKeyHint}
		}
	}
	switch text, _ := in.Getenv(requireVariable); text {
	case "", "0":
	case "1":
		env.require = true
	default:
		return env, &Error{File: requireVariable, Problem: "must be 1 or 0"}
	}
	var ok bool
	if env.store, ok = in.Getenv(storeVariable); ok && env.store == "" {
		return env, &Error{File: storeVariable, Problem: "is set but empty", Hint: "unset it to use the configured store"}
	}
	return env, nil
}

// chooseKeys sets the ring. settings is the section that gives the settings, own
// the one that the user's own file selects; both may be nil.
func (c *Config) chooseKeys(env environment, selected, settings, own *section, named bool) {
	from := own
	if settings != nil && (settings.file.own || sameDir(settings.dir, c.Store)) {
		from = settings // else --cache names a walked section, which has keys for its own store only
	}
	if from != nil && from.ring == nil {
		from = nil
	}

	c.Ring = seal.Off
	switch wins := from != nil && !named && from == settings && from.isFor(c.Store); {
	case env.ring != nil && !wins:
		c.useKeys(env.ring, keyVariable)
	case from != nil:
		c.useKeys(from.ring, from.file.path+", ["+showKey([]string{from.name})+"] "+valuesKey+"."+secretKey)
	}
	c.warnKeys(selected, settings, own)
}

func (c *Config) useKeys(ring *seal.Ring, from string) {
	c.Ring, c.KeysFrom = ring, from
	for _, w := range ring.Warnings() {
		c.Warnings = append(c.Warnings, from+": "+w.String())
	}
}

// warnKeys tells about keys in files that are not used where it may surprise.
func (c *Config) warnKeys(selected, settings, own *section) {
	if s := selected; s != nil && s.ring != nil && !s.file.own && (s != settings || !sameDir(s.dir, c.Store)) {
		c.Warnings = append(c.Warnings, s.file.path+": "+showKey([]string{s.name, valuesKey, secretKey})+
			": not used: a "+walkedName+" has keys only for the store that it names, and not for the user's own")
	}
	if c.Ring == seal.Off && own != nil && own.ring != nil {
		c.Warnings = append(c.Warnings, own.file.path+": "+showKey([]string{own.name, valuesKey, secretKey})+
			": not used: "+settings.file.path+" selects another cache, without keys")
	}
}
