package main

import (
	"encoding/hex"

	"fsk/seal"
)

type keyCmd struct {
	New keyNewCmd `cmd:"" help:"Print a new random key."`
	Ls  keyLsCmd  `cmd:"" help:"List the ids of the keys in use."`
}

// Help is the end of the help page.
func (keyCmd) Help() string {
	return "Keys are taken from FLECHE_SECRET_KEY and fleche.toml, and never shown.\n\nExample: fsk key ls"
}

// keyRole is the word for what a key of the ring does.
func keyRole(retired bool) string {
	if retired {
		return "retired"
	}
	return "first"
}

type keyNewCmd struct{}

// Help is the end of the help page.
func (keyNewCmd) Help() string {
	return "The key is printed once and stored nowhere.\n\nExample: FLECHE_SECRET_KEY=$(fsk key new)"
}

func (c *keyNewCmd) Run(a *app) error {
	key := hex.EncodeToString(seal.GenerateKey())
	if a.out.json {
		a.out.value(struct {
			Type string `json:"type"`
			New  string `json:"new"`
		}{"key", key})
		return nil
	}
	a.out.line("%s", key)
	return nil
}

type keyLsCmd struct{}

// Help is the end of the help page.
func (keyLsCmd) Help() string {
	return "Prints the id of each key, \"first\" for the one that seals or \"retired\", and where the keys come from. Keys themselves are never shown.\n\nExample: fsk key ls"
}

func (c *keyLsCmd) Run(a *app) error {
	cfg, err := a.config()
	if err != nil {
		return err
	}
	if cfg.Ring.Len() == 0 {
		a.out.warning("no keys: security is off")
	}
	for i := range cfg.Ring.Len() {
		id, role := cfg.Ring.ID(i), keyRole(i > 0)
		if a.out.json {
			a.out.value(struct {
				Type string     `json:"type"`
				Key  seal.KeyID `json:"key"`
				Role string     `json:"role"`
				From string     `json:"from"`
			}{"key", id, role, cfg.KeysFrom})
			continue
		}
		a.out.line("%s  %s  %s", id, role, escape(cfg.KeysFrom))
	}
	return nil
}
