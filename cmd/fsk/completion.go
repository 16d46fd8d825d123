package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"One of ${enum}."`
}

// Help is the end of the help page.
func (completionCmd) Help() string {
	return "It knows the commands, their options, the words that an option takes, and where a path is expected; it reads neither store nor configuration.\n\nExample: source <(fsk completion bash)"
}

func (c *completionCmd) Run(a *app) error {
	parser, err := a.parser(commands)
	if err != nil {
		return err
	}
	places := completionPlaces(parser.Model.Node)
	script := map[string]func([]completionPlace) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[c.Shell](places)
	if a.out.json {
		a.out.value(struct {
			Type   string `json:"type"`
			Shell  string `json:"shell"`
			Script string `json:"script"`
		}{"completion", c.Shell, script})
		return nil
	}
	_, err = a.out.results.Write([]byte(script))
	return err
}

// What completes a word: the words of a list, or one of these.
type completionKind string

const (
	completeNothing completionKind = ""
	completeFile    completionKind = "file"
	completeDir     completionKind = "dir"
)

// A completionPlace is a command, with what can follow it.
type completionPlace struct {
	path     string // "fsk key new"
	commands []completionWord
	options  []completionOption
	words    []string       // that an argument can be
	kind     completionKind // of its arguments, if they are none of these
}

type completionWord struct{ word, help string }

// A completionOption is an option by all its names.
type completionOption struct {
	long, short string // with dashes; short may be ""
	help        string
	takesValue  bool
	words       []string // that the value can be
	kind        completionKind
}

func (o completionOption) names() []string {
	if o.short == "" {
		return []string{o.long}
	}
	return []string{o.long, o.short}
}

// completionPlaces returns a node of the grammar and all below it.
func completionPlaces(n *kong.Node) []completionPlace {
	place := completionPlace{path: n.FullPath()}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			place.options = append(place.options, completionOptionOf(f))
		}
	}
	for _, arg := range n.Positional {
		place.words = append(place.words, enumOf(arg)...)
		if kind := completionKindOf(arg.Name); kind != completeNothing {
			place.kind = kind
		}
	}
	var below []completionPlace
	for _, child := range n.Children {
		if !child.Hidden {
			place.commands = append(place.commands, completionWord{child.Name, child.Help})
			below = append(below, completionPlaces(child)...)
		}
	}
	return append([]completionPlace{place}, below...)
}

func completionOptionOf(f *kong.Flag) completionOption {
	o := completionOption{long: "--" + f.Name, help: firstSentence(f.Help), takesValue: !f.IsBool() && !f.IsCounter(), words: enumOf(f.Value)}
	if f.Short != 0 {
		o.short = "-" + string(f.Short)
	}
	o.kind = completionKindOf(f.PlaceHolder)
	return o
}

func enumOf(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

// completionKindOf tells what a value is by the name that the help page gives it.
func completionKindOf(name string) completionKind {
	switch strings.ToLower(name) {
	case "dir":
		return completeDir
	case "file", "path", "program":
		return completeFile
	}
	return completeNothing
}

// firstSentence is as much of a help text as fits beside a word.
func firstSentence(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}

// A completionScript is written line by line.
type completionScript struct{ strings.Builder }

func (s *completionScript) line(format string, args ...any) {
	fmt.Fprintf(s, format+"\n", args...)
}

// valuePatterns returns the patterns, quoted for bash and zsh, of the options of a place
// for which match holds, each after the path of the place.
func valuePatterns(p completionPlace, match func(completionOption) bool) []string {
	var patterns []string
	for _, o := range p.options {
		if match(o) {
			for _, name := range o.names() {
				patterns = append(patterns, singleQuoted(p.path+" "+name))
			}
		}
	}
	return slices.Clip(patterns)
}

// singleQuoted is a word for bash and zsh.
func singleQuoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// quotedList is words for bash and zsh.
func quotedList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = singleQuoted(w)
	}
	return strings.Join(quoted, " ")
}
