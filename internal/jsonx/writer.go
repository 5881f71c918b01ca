package jsonx

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Writer writes JSON piece by piece. A send's body is written with it: it
// takes a fraction of the time that encoding/json takes to find out what a
// struct looks like. The zero Writer is ready to use.
//
// Commas are set where they belong; that what is opened is closed, and that
// every member has a name, is the caller's part.
type Writer struct {
	b   []byte
	err error
}

// NewWriter makes a Writer with room for size bytes.
func NewWriter(size int) *Writer { return &Writer{b: make([]byte, 0, size)} }

// Done is what was written, or the first error. The Writer must not be used
// afterwards.
func (w *Writer) Done() ([]byte, error) { return w.b, w.err }

// Err is the first error so far.
func (w *Writer) Err() error { return w.err }

// Len is how much was written.
func (w *Writer) Len() int { return len(w.b) }

// Truncate takes back what was written behind n.
func (w *Writer) Truncate(n int) { w.b = w.b[:n] }

// Open begins an object, '{', or an array, '['. Where it begins is for
// CloseWith.
func (w *Writer) Open(bracket byte) (at int) {
	w.comma()
	w.b = append(w.b, bracket)
	return len(w.b) - 1
}

// Close ends what Open began.
func (w *Writer) Close(bracket byte) { w.b = append(w.b, bracket) }

// CloseWith ends the object that begins at a place, with the members of extra
// behind its own: see EncodeWith.
func (w *Writer) CloseWith(at int, extra map[string]json.RawMessage) {
	w.Close('}')
	if len(extra) == 0 || w.err != nil {
		return
	}
	object, err := with(w.b[at:], extra)
	if err != nil {
		w.err = err
		return
	}
	w.b = append(w.b[:at], object...)
}

// Name begins a member. It is written as it is: it must not need escaping.
func (w *Writer) Name(name string) {
	w.comma()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

// String writes s. What is not UTF-8 is replaced.
func (w *Writer) String(s string) {
	w.comma()
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			w.encode(s)
			return
		}
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}

// Strings writes an array, [] if there are none.
func (w *Writer) Strings(all []string) {
	w.Open('[')
	for _, s := range all {
		w.String(s)
	}
	w.Close(']')
}

// StringMap writes an object, {} if there are none, in the order of the names.
func (w *Writer) StringMap(all map[string]string) {
	names := make([]string, 0, 8) // on the stack, mostly
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	w.Open('{')
	for _, name := range names {
		w.String(name)
		w.b = append(w.b, ':')
		w.String(all[name])
	}
	w.Close('}')
}

// Int writes n.
func (w *Writer) Int(n int) {
	w.comma()
	w.b = strconv.AppendInt(w.b, int64(n), 10)
}

// Bool writes v.
func (w *Writer) Bool(v bool) {
	w.comma()
	w.b = strconv.AppendBool(w.b, v)
}

// Any writes v as Encode does.
func (w *Writer) Any(v any) {
	w.comma()
	w.encode(v)
}

// Text writes a member.
func (w *Writer) Text(name, s string) {
	w.Name(name)
	w.String(s)
}

// Texts writes a member, [] if there are none.
func (w *Writer) Texts(name string, all []string) {
	w.Name(name)
	w.Strings(all)
}

// TextIf writes a member unless s is empty.
func (w *Writer) TextIf(name, s string) {
	if s != "" {
		w.Text(name, s)
	}
}

// TextsIf writes a member unless there are none.
func (w *Writer) TextsIf(name string, all []string) {
	if len(all) > 0 {
		w.Texts(name, all)
	}
}

// BoolIf writes a member unless v is nil.
func (w *Writer) BoolIf(name string, v *bool) {
	if v != nil {
		w.Name(name)
		w.Bool(*v)
	}
}

// AnyIf writes a member if it is there.
func (w *Writer) AnyIf(there bool, name string, v any) {
	if there {
		w.Name(name)
		w.Any(v)
	}
}

// TrueIf writes a member that is true, unless v is false.
func (w *Writer) TrueIf(name string, v bool) {
	if v {
		w.Name(name)
		w.Bool(true)
	}
}

func (w *Writer) encode(v any) {
	b, err := Encode(v)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, b...)
}

// comma separates what comes from what was written. A finished value ends
// with none of these.
func (w *Writer) comma() {
	if n := len(w.b); n > 0 {
		if c := w.b[n-1]; c != '{' && c != '[' && c != ':' {
			w.b = append(w.b, ',')
		}
	}
}
