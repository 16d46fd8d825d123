package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

const description = "Store files under their digest, sealed with a key, and read them back verified.\n\nExample: fsk add hello.txt"

// globals are the options that every command has.
type globals struct {
	Store   *string `placeholder:"DIR" help:"The store to use. Default: FSK_STORE, the cache of fleche.toml, the nearest .fsk directory, or the user's own store."`
	Cache   *string `placeholder:"NAME" help:"The section of fleche.toml to use."`
	Config  *string `placeholder:"FILE" help:"Read this file instead of every fleche.toml."`
	JSON    bool    `name:"json" help:"Write JSON Lines."`
	Quiet   bool    `short:"q" help:"No progress and no warnings."`
	NoMarks bool    `help:"Neither look at nor change what was seen of refs before."`
	Color   string  `enum:"auto,always,never" default:"auto" help:"Use color: ${enum}."`
}

// validate refuses an option whose value is empty, such as that of a variable which
// is not set: it must not count as if the option were absent.
func (g globals) validate() error {
	for name, value := range map[string]*string{"--store": g.Store, "--cache": g.Cache, "--config": g.Config} {
		if value != nil && *value == "" {
			return &usage{problem: name + " is empty", hint: "leave it out, or give it a value"}
		}
	}
	return nil
}

// text returns the value of an option, "" if it is absent.
func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

// valueFlags are the global options whose value may be the next argument.
var valueFlags = []string{"--store", "--cache", "--config", "--color"}

// A command is an entry of the grammar. The function makes it only if it is needed:
// building the grammar of all commands would cost more than reading an object.
type command struct {
	name, help string
	grammar    func() any
}

var commands = []command{
	{"init", "Make a store.", func() any { return new(initCmd) }},
	{"add", "Store files and print their digests.", func() any { return new(addCmd) }},
	{"cat", "Write verified objects to standard output.", func() any { return new(catCmd) }},
	{"ls", "List the digests of all objects.", func() any { return new(lsCmd) }},
	{"stat", "Verify objects and describe them.", func() any { return new(statCmd) }},
	{"rm", "Remove objects.", func() any { return new(rmCmd) }},
	{"fsck", "Check every object, change nothing.", func() any { return new(fsckCmd) }},
	{"pack", "Gather small objects in large packs.", func() any { return new(packCmd) }},
	{"ref", "Name objects, sealed.", func() any { return new(refCmd) }},
	{"key", "Make a key, list the keys in use.", func() any { return new(keyCmd) }},
	{"hook", "Pin hook programs, try policies and hooks.", func() any { return new(hookCmd) }},
	{"gc", "Evict what the build cache did not use lately.", func() any { return new(gcCmd) }},
	{"go-cache", "Keep the build cache of the go command.", func() any { return new(goCacheCmd) }},
	{"status", "Show store, keys, policy and where they come from.", func() any { return new(statusCmd) }},
	{"version", "Print the version.", func() any { return new(versionCmd) }},
	{"completion", "Print the completion of the command line for a shell.", func() any { return new(completionCmd) }},
}

// errHelp says that help was printed, so there is nothing to run.
var errHelp = errors.New("help was printed")

// parseAndRun runs the command that the arguments name.
func (a *app) parseAndRun(args []string) error {
	if objects, ok := plainCat(args); ok {
		a.interrupts.listenSoon()
		a.globals.Color = "auto"
		a.out.configure(a.globals)
		return (&catCmd{Objects: objects}).Run(a)
	}
	a.interrupts.listen()
	a.out.json = slices.Contains(args, "--json") // for errors in the arguments themselves
	chosen := needed(args)
	if len(chosen) == 1 && (chosen[0].name == "cat" || chosen[0].name == "go-cache") {
		a.out.payloadOnStdout()
	}
	parser, err := a.parser(chosen)
	if err != nil {
		return err
	}
	parsed, err := parse(parser, args)
	if errors.Is(err, errHelp) {
		return nil
	}
	if err != nil {
		return usageError(err)
	}
	a.out.configure(a.globals)
	if err := a.globals.validate(); err != nil {
		return err
	}
	return parsed.Run(a)
}

// parser makes a parser of the grammar of some commands.
func (a *app) parser(chosen []command) (*kong.Kong, error) {
	options := []kong.Option{
		kong.Name("fsk"), kong.Description(description),
		kong.Writers(a.out.results, a.out.stderr),
		kong.KindMapper(reflect.String, kong.MapperFunc(decodeString)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(int) { panic(errHelp) }),
	}
	for _, c := range chosen {
		options = append(options, kong.DynamicCommand(c.name, c.help, "", c.grammar()))
	}
	return kong.New(&a.globals, options...)
}

// plainCat recognises "cat OBJECT…" without any option. Build tools and scripts run
// it once for every object, and without an option there is nothing to parse: building
// a parser would be a sixth of the time of the whole process.
func plainCat(args []string) (objects []string, ok bool) {
	if len(args) < 2 || args[0] != "cat" {
		return nil, false
	}
	option := func(arg string) bool { return strings.HasPrefix(arg, "-") }
	return args[1:], !slices.ContainsFunc(args, option)
}

// decodeString takes an argument as it is. The parser's own way leads through JSON,
// which changes a path that is not UTF-8 into another one.
func decodeString(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err != nil {
		return err
	}
	target.SetString(fmt.Sprint(token.Value))
	return nil
}

// parse turns the help flag, which would end the program, into errHelp.
func parse(parser *kong.Kong, args []string) (parsed *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if r != any(errHelp) {
				panic(r)
			}
			err = errHelp
		}
	}()
	return parser.Parse(args)
}

// needed returns the command that the arguments name, or all if they name none.
func needed(args []string) []command {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case slices.Contains(valueFlags, arg):
			i++
		case !strings.HasPrefix(arg, "-"):
			for j := range commands {
				if commands[j].name == arg {
					return commands[j : j+1]
				}
			}
			return commands
		}
	}
	return commands
}

// usageError makes the parser's complaint one of fsk.
func usageError(err error) error {
	hint := "fsk --help"
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context != nil && p.Context.Selected() != nil {
		hint = "fsk " + p.Context.Selected().Path() + " --help"
	}
	return &usage{problem: err.Error(), hint: hint}
}
