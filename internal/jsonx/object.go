package jsonx

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Object is the members of a JSON object, as they are on the wire. It is for
// answers whose members may have any type, and reads them in a fraction of
// the time that encoding/json takes with a struct.
type Object struct {
	few  [12]member // so that an ordinary answer needs no memory of its own
	n    int
	more []member
}

type member struct {
	name  []byte // without quotes
	value json.RawMessage
}

// MaxMembers is how many members an object may have for Object.
const MaxMembers = 10_000

// Read reads b and reports whether it is an object, of no more than MaxMembers
// members. Values are parts of b. Of what is no object there are no members.
func (o *Object) Read(b []byte) bool {
	o.n, o.more = 0, nil
	i := space(b, 0)
	if i == len(b) || b[i] != '{' {
		return false
	}
	if end := object(b, i, 1, o); end > 0 && space(b, end) == len(b) {
		return true
	}
	o.n, o.more = 0, nil
	return false
}

func (o *Object) add(m member) {
	if o.n < len(o.few) {
		o.few[o.n] = m
		o.n++
		return
	}
	o.more = append(o.more, m)
}

// Get is the value of a member, nil if there is none. As encoding/json does,
// it takes the last of several, and does not insist on letter case.
func (o *Object) Get(name string) json.RawMessage {
	for i := len(o.more) - 1; i >= 0; i-- {
		if o.more[i].is(name) {
			return o.more[i].value
		}
	}
	for i := o.n - 1; i >= 0; i-- {
		if o.few[i].is(name) {
			return o.few[i].value
		}
	}
	return nil
}

func (m *member) is(name string) bool {
	return string(m.name) == name || len(m.name) == len(name) && strings.EqualFold(string(m.name), name)
}

// MaxElements is how many elements an array may have for Elements.
const MaxElements = 100_000

// Elements are the elements of an array, as they are on the wire: parts of b.
// They are nil, and ok is false, when b is no array, or one of more than
// MaxElements: no answer has so many, and "[0,0,…" takes a hundred times the
// memory that it takes on the wire.
func Elements(b []byte) (elements []json.RawMessage, ok bool) {
	i := space(b, 0)
	if i == len(b) || b[i] != '[' {
		return nil, false
	}
	elements = []json.RawMessage{}
	end := array(b, i, 1, &elements)
	if end == 0 || space(b, end) != len(b) {
		return nil, false
	}
	return elements, true
}

// Scalar is the text of a string, a number or a boolean; of anything else, or
// of nothing, it is empty. raw must be JSON.
func Scalar(raw json.RawMessage) string {
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || raw[0] == 'n' {
		return ""
	}
	switch {
	case raw[0] == 't': // the two spare memory
		return "true"
	case raw[0] == 'f':
		return "false"
	case raw[0] != '"':
		return string(raw)
	}
	if utf8.Valid(raw) {
		return string(unquote(raw))
	}
	var s string
	_ = json.Unmarshal(raw, &s) // replaces what is not UTF-8
	return s
}

// What follows reads JSON as RFC 8259 has it. Each function reads what begins
// at i and returns where it ends; 0: it is not JSON.

const maxNesting = 10_000 // as encoding/json

// object reads an object, and takes its members into o if that is not nil.
func object(b []byte, i, depth int, o *Object) int {
	i = space(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i == len(b) || b[i] != '"' {
			return 0
		}
		end := text(b, i)
		if end == 0 {
			return 0
		}
		name := b[i:end]
		i = space(b, end)
		if i == len(b) || b[i] != ':' {
			return 0
		}
		i = space(b, i+1)
		if end = value(b, i, depth); end == 0 {
			return 0
		}
		if o != nil {
			if len(o.more) == MaxMembers-len(o.few) {
				return 0
			}
			o.add(member{unquote(name), b[i:end:end]})
		}
		i = space(b, end)
		switch {
		case i == len(b):
			return 0
		case b[i] == '}':
			return i + 1
		case b[i] != ',':
			return 0
		}
		i = space(b, i+1)
	}
}

// array reads an array, and takes its elements into to if that is not nil.
func array(b []byte, i, depth int, to *[]json.RawMessage) int {
	i = space(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		end := value(b, i, depth)
		if end == 0 {
			return 0
		}
		if to != nil {
			if len(*to) == MaxElements {
				return 0
			}
			*to = append(*to, b[i:end:end])
		}
		i = space(b, end)
		switch {
		case i == len(b):
			return 0
		case b[i] == ']':
			return i + 1
		case b[i] != ',':
			return 0
		}
		i = space(b, i+1)
	}
}

func value(b []byte, i, depth int) int {
	if i == len(b) {
		return 0
	}
	switch c := b[i]; {
	case c == '"':
		return text(b, i)
	case (c == '{' || c == '[') && depth == maxNesting:
		return 0
	case c == '{':
		return object(b, i, depth+1, nil)
	case c == '[':
		return array(b, i, depth+1, nil)
	case c == 't':
		return word(b, i, "true")
	case c == 'f':
		return word(b, i, "false")
	case c == 'n':
		return word(b, i, "null")
	case c == '-' || isDigit(c):
		return number(b, i)
	}
	return 0
}

func text(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c < ' ':
			return 0
		case c == '\\':
			i++
			if i == len(b) {
				return 0
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if len(b)-i < 5 || !isHex(b[i+1]) || !isHex(b[i+2]) || !isHex(b[i+3]) || !isHex(b[i+4]) {
					return 0
				}
				i += 4
			default:
				return 0
			}
		}
	}
	return 0
}

func number(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	whole := digits(b, i)
	if whole == i || b[i] == '0' && whole > i+1 {
		return 0
	}
	i = whole
	if i < len(b) && b[i] == '.' {
		end := digits(b, i+1)
		if end == i+1 {
			return 0
		}
		i = end
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		end := digits(b, i)
		if end == i {
			return 0
		}
		i = end
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

func word(b []byte, i int, w string) int {
	if len(b)-i < len(w) || string(b[i:i+len(w)]) != w {
		return 0
	}
	return i + len(w)
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// unquote is the text of a JSON string.
func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // it is a string
	return []byte(s)
}
