package main

import (
	"context"
	"io"
	"time"

	"fsk/cmd/fsk/config"
	"fsk/hooks"
	"fsk/objects"
)

// policies are the rules of the configuration that are asked before a payload is
// released; programs come last, because they cost the most.
func policies(cfg *config.Config) (chain hooks.Chain) {
	p := &cfg.Policy
	if p.RequireSeal {
		chain = append(chain, hooks.RequireSeal{})
	}
	if p.FirstKeyOnly {
		chain = append(chain, hooks.FirstKey{})
	}
	for _, list := range p.KeyLists {
		chain = append(chain, list.IDs)
	}
	for _, list := range p.Deny {
		chain = append(chain, list.List)
	}
	for _, hook := range p.PreRead {
		chain = append(chain, hook.Program)
	}
	return chain
}

// A decision is what one policy or hook says about an object.
type decision struct {
	policy string
	err    error // nil if it lets the object through
	took   time.Duration
}

// An asker asks all policies, also after one has refused, and keeps what they say. It
// lets everything through, so it is for who releases nothing.
type asker struct {
	policies hooks.Chain
	said     []decision
}

// PreRead implements [objects.PreReader].
func (k *asker) PreRead(ctx context.Context, info objects.Info, payload io.ReaderAt) error {
	for _, p := range k.policies {
		start := time.Now()
		err := p.PreRead(ctx, info, payload)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.said = append(k.said, decision{hooks.NameOf(p), err, time.Since(start)})
	}
	return nil
}
