package main

import "strings"

const fishHead = `# Completion of fsk for fish: fsk completion fish | source

# whether the words before the cursor lead to this command
function __fsk_at
	set -l place fsk
	set -l skip 0
	for word in (commandline -opc)[2..-1]
		if test $skip = 1
			set skip 0
			continue
		end
		switch "$place $word"
`

func fishCompletion(places []completionPlace) string {
	var s completionScript
	s.WriteString(fishHead)
	for _, p := range places {
		var with []string
		for _, o := range p.options {
			for _, name := range o.names() {
				if o.takesValue {
					with = append(with, fishQuoted(p.path+" "+name))
				}
			}
		}
		if len(with) > 0 {
			s.line("\t\t\tcase %s", strings.Join(with, " "))
			s.line("\t\t\t\tset skip 1")
		}
	}
	for _, p := range places[1:] {
		s.line("\t\t\tcase %s", fishQuoted(p.path))
		s.line("\t\t\t\tset place %s", fishQuoted(p.path))
	}
	s.line("\t\tend")
	s.line("\tend")
	s.line("\ttest \"$place\" = \"$argv[1]\"")
	s.line("end")
	s.line("")
	s.line("complete -c fsk -f")
	for _, p := range places {
		at := "complete -c fsk -n " + fishQuoted("__fsk_at "+fishQuoted(p.path))
		for _, c := range p.commands {
			s.line("%s -a %s -d %s", at, fishQuoted(c.word), fishQuoted(c.help))
		}
		s.line("%s%s", at, fishValue(p.words, p.kind))
		for _, o := range p.options {
			line := at + " -l " + strings.TrimPrefix(o.long, "--")
			if o.short != "" {
				line += " -s " + strings.TrimPrefix(o.short, "-")
			}
			if o.takesValue {
				line += fishNeeds(o.kind) + fishValue(o.words, o.kind)
			}
			s.line("%s -d %s", line, fishQuoted(o.help))
		}
	}
	return s.String()
}

// fishNeeds says that an option takes a value: one that is a file, or not.
func fishNeeds(kind completionKind) string {
	if kind == completeFile {
		return " -r"
	}
	return " -x"
}

func fishValue(words []string, kind completionKind) string {
	switch {
	case len(words) > 0:
		return " -a " + fishQuoted(strings.Join(words, " "))
	case kind == completeDir:
		return " -a '(__fish_complete_directories (commandline -ct))'"
	case kind == completeFile:
		return " -F"
	}
	return ""
}

func fishQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
