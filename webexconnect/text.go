package webexconnect

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Encoders replace bytes that are not UTF-8 silently, so every string of a
// request is looked at before.

// maxDepth is deeper than any JSON that a vendor takes. What goes on behind
// it is left to the encoder, which refuses what has no end.
const maxDepth = 100

var rawType = reflect.TypeFor[json.RawMessage]()

// clean says whether v can be encoded as it is: UTF-8 and valid raw JSON all
// over.
func clean(v reflect.Value, depth int) bool {
	if depth > maxDepth {
		return true
	}
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return v.IsNil() || clean(v.Elem(), depth+1)
	case reflect.Struct:
		for _, field := range v.Fields() {
			if !clean(field, depth+1) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		if v.Type() == rawType {
			return v.Len() == 0 || json.Valid(v.Bytes()) // none at all is left out
		}
		for i := range v.Len() {
			if !clean(v.Index(i), depth+1) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !clean(it.Key(), depth+1) || !cleanMember(it.Value(), depth+1) {
				return false
			}
		}
	default:
	}
	return true
}

// cleanMember is clean for a map's value, which is not left out.
func cleanMember(v reflect.Value, depth int) bool {
	return clean(v, depth) && !(v.Type() == rawType && v.Len() == 0)
}

// text notes every string of v that is not UTF-8, and all raw JSON that is
// none, by JSON path.
func (c *checker) text(path string, v any) {
	if r := reflect.ValueOf(v); !clean(r, 0) {
		c.dirty(path, r, 0)
	}
}

func (c *checker) dirty(path string, v reflect.Value, depth int) {
	if clean(v, depth) {
		return
	}
	switch v.Kind() {
	case reflect.String:
		c.add(path, "is not valid UTF-8")
	case reflect.Pointer, reflect.Interface:
		c.dirty(path, v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			name := tagName(v.Type().Field(i))
			if name == "-" || name == "" { // Extra and Other are members of the object itself
				c.dirty(path, v.Field(i), depth+1)
				continue
			}
			c.dirty(join(path, name), v.Field(i), depth+1)
		}
	case reflect.Slice, reflect.Array:
		if v.Type() == rawType {
			c.add(path, "is not JSON")
			return
		}
		for i := range v.Len() {
			c.dirty(path+index(i), v.Index(i), depth+1)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, k := range keys {
			if !clean(k, depth+1) {
				c.add(path, "has a name that is not valid UTF-8")
				continue
			}
			if member := v.MapIndex(k); member.Type() == rawType && member.Len() == 0 {
				c.add(join(path, k.String()), "is not JSON")
			} else {
				c.dirty(join(path, k.String()), member, depth+1)
			}
		}
	default:
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
