// Package jsonx encodes JSON as vendors want it: no HTML escaping, and fields
// that a type does not have.
package jsonx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"
)

// Encode is v as JSON, with "<", ">" and "&" as they are.
func Encode(v any) ([]byte, error) {
	e := encoders.Get().(*encoder) //nolint:errcheck // New makes nothing else
	defer e.keep()
	if err := e.json.Encode(v); err != nil {
		return nil, err
	}
	return bytes.Clone(bytes.TrimSuffix(e.buf.Bytes(), []byte("\n"))), nil
}

// encoder is kept because encoding/json escapes HTML unless it writes to
// something, and what it writes to grows with every call otherwise.
type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

func (e *encoder) keep() {
	if e.buf.Cap() <= 64<<10 { // attachments are not worth keeping room for
		e.buf.Reset()
		encoders.Put(e)
	}
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.json = json.NewEncoder(&e.buf)
	e.json.SetEscapeHTML(false)
	return e
}}

// EncodeWith is v, which must become a JSON object, with the members of extra
// behind its own, in the order of their names. A name that v has already is
// refused, as is a value that is not JSON.
func EncodeWith(v any, extra map[string]json.RawMessage) ([]byte, error) {
	object, err := Encode(v)
	if err != nil || len(extra) == 0 {
		return object, err
	}
	return with(object, extra)
}

func with(object []byte, extra map[string]json.RawMessage) ([]byte, error) {
	var has map[string]json.RawMessage
	if json.Unmarshal(object, &has) != nil || has == nil {
		return nil, errors.New("extra fields: the value is not a JSON object")
	}
	out := bytes.TrimSuffix(object, []byte("}"))
	out = slices.Clip(out)
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if _, ok := has[name]; ok {
			return nil, fmt.Errorf("extra field %q: the request has a field for it", name)
		}
		value := extra[name]
		if !json.Valid(value) || !utf8.Valid(value) {
			return nil, fmt.Errorf("extra field %q: not JSON", name)
		}
		key, err := Encode(name)
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, key...)
		out = append(out, ':')
		out = append(out, value...)
	}
	return append(out, '}'), nil
}

// String is a string that some vendors send as a number or a boolean.
type String string

// UnmarshalJSON takes strings, numbers, booleans and null.
func (s *String) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) == 0 || b[0] == '{' || b[0] == '[':
		return errors.New("not a string")
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(s))
	case string(b) == "null":
		*s = ""
	default:
		*s = String(b)
	}
	return nil
}
