package main

import (
	"fmt"
	"slices"
	"strings"

	"fsk/cmd/fsk/config"
	"fsk/objects"
	"fsk/seal"
)

// policy fills in the rules that hold, and the files and variables they come from.
func (s *status) policy(p *config.Policy) {
	s.RequireSeal, s.KeyPolicy, s.MaxSize = p.RequireSeal, "any", p.MaxObjectSize
	if p.FirstKeyOnly {
		s.KeyPolicy = "first"
	} else if len(p.KeyLists) > 0 {
		s.KeyPolicy = "list"
	}
	if s.MaxSize == 0 {
		s.MaxSize = objects.DefaultMaxObjectSize
	}
	for _, list := range p.KeyLists {
		s.KeyLists = append(s.KeyLists, jsonKeys{[]seal.KeyID(list.IDs), list.From})
		s.from(list.From)
	}
	for _, list := range p.Deny {
		s.Deny += list.List.Len()
		s.from(list.From)
	}
	for _, hook := range p.PreRead {
		run := hook.Program.Run()
		s.PreRead = append(s.PreRead, jsonHook{run[0], len(run) - 1, hook.Program.BLAKE3(), hook.Program.Timeout().String(), hook.From})
		s.from(hook.From)
	}
	for _, from := range []string{p.RequireSealFrom, p.FirstKeyOnlyFrom, p.MaxObjectSizeFrom} {
		s.from(from)
	}
}

// from notes where a rule comes from, once.
func (s *status) from(where string) {
	if where != "" && !slices.Contains(s.PolicyFrom, where) {
		s.PolicyFrom = append(s.PolicyFrom, where)
	}
}

func (s *status) printPolicy(out *printer, p *config.Policy) {
	out.line("policy: require_seal: %t%s", s.RequireSeal, from(p.RequireSealFrom))
	if s.KeyPolicy != "list" {
		out.line("policy: keys: %s%s", s.KeyPolicy, from(p.FirstKeyOnlyFrom))
	}
	for _, list := range s.KeyLists {
		ids := make([]string, len(list.Keys))
		for i, id := range list.Keys {
			ids[i] = id.String()
		}
		out.line("policy: keys: %s%s", strings.Join(ids, " "), from(list.From))
	}
	out.line("policy: max_object_size: %s%s", formatSize(s.MaxSize), from(p.MaxObjectSizeFrom))
	if len(p.Deny) == 0 {
		out.line("policy: deny: 0 objects")
	}
	for _, list := range p.Deny {
		out.line("policy: deny: %s%s", plural(int64(list.List.Len())), from(list.From))
	}
	for _, hook := range s.PreRead {
		out.line("policy: pre_read: %s, arguments: %d, timeout: %s, blake3: %s%s",
			escape(hook.Program), hook.Arguments, hook.Timeout, hook.BLAKE3, from(hook.From))
	}
}

// from says where a setting comes from, if it is not the default.
func from(where string) string {
	if where == "" {
		return ""
	}
	return fmt.Sprintf(" (%s)", escape(where))
}
