package config

import (
	"slices"

	"github.com/pelletier/go-toml/v2/unstable"
)

// fault makes an error about a key. The place is looked for only now, by a second
// pass over the file: a file without faults does not pay for it.
func (f *file) fault(problem, hint string, path ...string) *Error {
	last := path[len(path)-1]
	_, line, column := locate(f.data, path[:len(path)-1], func(key string) bool { return key == last })
	return &Error{File: f.path, Line: line, Column: column, Key: showKey(path), Problem: problem, Hint: hint}
}

// locate finds the first key of the table with the given path for which wanted
// holds, in a document that is known to be valid: its line and column, or zeros if
// there is none. One pass serves any number of keys, so that a file full of
// faults costs no more than one with a single fault.
func locate(doc []byte, path []string, wanted func(key string) bool) (key string, line, column int) {
	l := locator{path: path, wanted: wanted}
	l.parser.Reset(doc)
	var table []string
	for l.parser.NextExpression() {
		e := l.parser.Expression()
		switch e.Kind {
		case unstable.Table, unstable.ArrayTable:
			if l.inKey(nil, e) {
				return l.key, l.line, l.column
			}
			table = table[:0]
			for it := e.Key(); it.Next(); {
				table = append(table, string(it.Node().Data))
			}
		case unstable.KeyValue:
			if l.inKeyValue(table, e) {
				return l.key, l.line, l.column
			}
		}
	}
	return "", 0, 0
}

type locator struct {
	parser       unstable.Parser
	path         []string
	wanted       func(key string) bool
	key          string
	line, column int
}

// inKey looks among the elements of the key of e, which stands in the given table.
func (l *locator) inKey(table []string, e *unstable.Node) bool {
	n := len(table)
	if n > len(l.path) || !slices.Equal(table, l.path[:n]) {
		return false
	}
	for it := e.Key(); it.Next(); n++ {
		part := string(it.Node().Data)
		if n < len(l.path) {
			if part != l.path[n] {
				return false
			}
			continue
		}
		if !l.wanted(part) {
			return false
		}
		start := l.parser.Shape(it.Node().Raw).Start
		l.key, l.line, l.column = part, start.Line, start.Column
		return true
	}
	return false
}

// inKeyValue looks in the key of e and in the inline tables of its value.
func (l *locator) inKeyValue(table []string, e *unstable.Node) bool {
	if l.inKey(table, e) {
		return true
	}
	if e.Value().Kind != unstable.InlineTable || len(table) > len(l.path) {
		return false
	}
	inner := slices.Clone(table)
	for it := e.Key(); it.Next(); {
		inner = append(inner, string(it.Node().Data))
	}
	for it := e.Value().Children(); it.Next(); {
		if l.inKeyValue(inner, it.Node()) {
			return true
		}
	}
	return false
}
