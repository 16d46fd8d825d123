package main

import "strings"

// walkWords is the part that bash and zsh have in common: it finds the place from the
// words before the cursor.
func walkWords(s *completionScript, places []completionPlace) {
	s.line("\t\tcase \"$place $word\" in")
	for _, p := range places {
		if with := valuePatterns(p, func(o completionOption) bool { return o.takesValue }); len(with) > 0 {
			s.line("\t\t%s) skip=1 ;;", strings.Join(with, "|"))
		}
	}
	for _, p := range places[1:] {
		s.line("\t\t%s) place=%s ;;", singleQuoted(p.path), singleQuoted(p.path))
	}
	s.line("\t\tesac")
}

// Options and their values, for both: values says how to complete one.
func optionValues(s *completionScript, places []completionPlace, values func(words []string, kind completionKind) string) {
	s.line("\tcase \"$place $before\" in")
	for _, p := range places {
		for _, o := range p.options {
			if !o.takesValue {
				continue
			}
			one := o
			s.line("\t%s) %s; return ;;", strings.Join(valuePatterns(p, func(o completionOption) bool { return o.long == one.long }), "|"), values(o.words, o.kind))
		}
	}
	s.line("\tesac")
}

const bashHead = `# Completion of fsk for bash: source <(fsk completion bash)

_fsk_words() { # WORD...
	local word
	for word; do
		if [[ $word == "$current"* ]]; then COMPREPLY+=("$word"); fi
	done
}

_fsk_files() { # -f or -d
	local name
	while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen "$1" -- "$current")
	compopt -o filenames 2>/dev/null || true
}

_fsk() {
	local place=fsk skip=0 i word before= current=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		# bash takes --option=value for three words
		if [[ $word == = ]]; then continue; fi
		before=$word
		if ((skip)); then skip=0 before=; continue; fi
`

// bashCompletion works with bash 3.2, which has no arrays of names.
func bashCompletion(places []completionPlace) string {
	var s completionScript
	s.WriteString(bashHead)
	walkWords(&s, places)
	s.line("\tdone")
	s.line("\tif ((!skip)); then before=; fi")
	s.line("\tif [[ $current == = ]]; then current=; fi")
	value := func(words []string, kind completionKind) string {
		switch {
		case len(words) > 0:
			return "_fsk_words " + quotedList(words)
		case kind == completeDir:
			return "_fsk_files -d"
		case kind == completeFile:
			return "_fsk_files -f"
		}
		return ":"
	}
	optionValues(&s, places, value)
	s.line("\tcase $place in")
	for _, p := range places {
		var options, names []string
		for _, o := range p.options {
			options = append(options, o.names()...)
		}
		for _, c := range p.commands {
			names = append(names, c.word)
		}
		s.line("\t%s)", singleQuoted(p.path))
		s.line("\t\tif [[ $current == -* ]]; then _fsk_words %s; else %s; fi ;;", quotedList(options), value(append(names, p.words...), p.kind))
	}
	s.line("\tesac")
	s.line("}")
	s.line("complete -F _fsk fsk")
	return s.String()
}

const zshHead = `#compdef fsk
# Completion of fsk for zsh: source <(fsk completion zsh)

_fsk() {
	local place=fsk skip=0 i word before= current=$words[CURRENT]
	for ((i = 2; i < CURRENT; i++)); do
		word=$words[i]
		before=$word
		if ((skip)); then skip=0 before=; continue; fi
`

func zshCompletion(places []completionPlace) string {
	var s completionScript
	s.WriteString(zshHead)
	walkWords(&s, places)
	s.line("\tdone")
	s.line("\tif ((!skip)); then before=; fi")
	s.line("\tif [[ $current == --*=* ]]; then before=${current%%%%=*}; compset -P '*='; fi")
	value := func(words []string, kind completionKind) string {
		switch {
		case len(words) > 0:
			return "compadd -- " + quotedList(words)
		case kind == completeDir:
			return "_files -/"
		case kind == completeFile:
			return "_files"
		}
		return ":"
	}
	optionValues(&s, places, value)
	s.line("\tcase $place in")
	for _, p := range places {
		var options, names []string
		for _, o := range p.options {
			for _, name := range o.names() {
				options = append(options, described(name, o.help))
			}
		}
		for _, c := range p.commands {
			names = append(names, described(c.word, c.help))
		}
		rest := value(p.words, p.kind)
		if len(names) > 0 {
			rest = "_describe command names"
		}
		s.line("\t%s)", singleQuoted(p.path))
		s.line("\t\tlocal -a options=(%s)", quotedList(options))
		s.line("\t\tlocal -a names=(%s)", quotedList(names))
		s.line("\t\tif [[ $current == -* ]]; then _describe -o option options; else %s; fi ;;", rest)
	}
	s.line("\tesac")
	s.line("}")
	s.line("compdef _fsk fsk")
	return s.String()
}

// described is a word with its help, as _describe of zsh takes it.
func described(word, help string) string {
	return strings.ReplaceAll(word, ":", `\:`) + ":" + help
}
