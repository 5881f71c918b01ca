package os1

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/problems"
)

// checker collects what is wrong with a request. Its methods build a path
// only for what is wrong.
type checker struct {
	problems.List
	relaxed bool
}

// at notes a problem, if there is one, of the member at path.
func (c *checker) at(problem, path string) {
	if problem != "" {
		c.Add(problem, "%s", path)
	}
}

// in is at, for a member of an element of a list.
func (c *checker) in(problem, list string, i int, member string) {
	if problem != "" {
		c.Add(problem, "%s[%d].%s", list, i, member)
	}
}

// phone checks a recipient.
func (c *checker) phone(p Phone, path string) {
	c.CheckRecipient(problems.Required(p.CountryCode), "%s.countryCode", path)
	c.CheckRecipient(problems.Required(p.Number), "%s.number", path)
}

// phones checks the recipients of an element of a list.
func (c *checker) phones(to []Phone, list string, i int) {
	if len(to) == 0 {
		c.in("is empty", list, i, "to")
	}
	for j, p := range to {
		if problems.Required(p.CountryCode) != "" || problems.Required(p.Number) != "" {
			c.phone(p, fmt.Sprintf("%s[%d].to[%d]", list, i, j))
		}
	}
}

// addressPattern takes every address that the page's pattern can mean, whose
// punctuation is lost.
var addressPattern = regexp.MustCompile(`^[A-Za-z0-9._%+-]+@[A-Za-z0-9._-]+\.[A-Za-z]{2,6}$`)

func (c *checker) addresses(list []string, member string, i int) {
	for j, a := range list {
		problem := problems.Required(a)
		if problem == "" && !c.relaxed && !addressPattern.MatchString(a) {
			problem = "is not an e-mail address as the vendor takes it"
		}
		c.CheckRecipient(problem, "email[%d].%s[%d]", i, member, j)
	}
}

// url checks an address that OS1 is to call.
func (c *checker) url(s, path string) {
	u, err := url.Parse(s)
	if problems.Text(s) != "" || err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		c.at("must be an absolute URL", path)
	}
}

func (c *checker) callback(cb *Callback) {
	if cb == nil {
		return
	}
	c.url(cb.URL, "callback.url")
	c.at(valuesProblem(cb.Meta), "callback.meta")
}

func (c *checker) webhook(w *Webhook, path string) {
	if w == nil {
		return
	}
	c.url(w.URL, path+".url")
	c.at(w.Secret.problem(), path+".secret")
}

// optional is what is wrong with *s as text, or "".
func optional(s *string) string {
	if s == nil {
		return ""
	}
	return problems.Text(*s)
}

// valuesProblem is what is wrong with values of the caller's own, or "".
func valuesProblem(values map[string]any) string {
	for name, v := range values {
		if !utf8.ValidString(name) || !valid(v) {
			return "is not valid UTF-8"
		}
	}
	return ""
}

// valid says whether every string in v is valid UTF-8: encoders would replace
// what is not.
func valid(v any) bool {
	switch v := v.(type) {
	case nil, bool, int, int64, float64:
		return true
	case string:
		return utf8.ValidString(v)
	case json.RawMessage:
		return utf8.Valid(v)
	}
	return validValue(reflect.ValueOf(v), 0)
}

const maxDepth = 64 // beyond it is the encoder's to refuse

func validValue(v reflect.Value, depth int) bool {
	if depth > maxDepth {
		return true
	}
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return v.IsNil() || validValue(v.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if !validValue(v.Index(i), depth+1) {
				return false
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if !validValue(it.Key(), depth+1) || !validValue(it.Value(), depth+1) {
				return false
			}
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if !validValue(field, depth+1) {
				return false
			}
		}
	default: // numbers and the like hold no text; what cannot be encoded is the encoder's to refuse
	}
	return true
}

// extraProblem is what is wrong with members of the caller's own for an
// object of the shape s, or "".
func extraProblem(extra map[string]json.RawMessage, s shape) string {
	for name, value := range extra {
		if _, known := s[name]; known {
			return fmt.Sprintf("extra field %q: the request has a field for it", name)
		}
		if !utf8.Valid(value) {
			return fmt.Sprintf("extra field %q is not valid UTF-8", name)
		}
	}
	return problems.Extra(extra)
}

// unknown are the members of an object that the shape s does not have.
func unknown(object []byte, s shape) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return nil, err
	}
	for name := range s {
		delete(members, name)
	}
	if len(members) == 0 {
		return nil, nil //nolint:nilnil // none
	}
	return members, nil
}

// texts checks the elements of a list of text.
func (c *checker) texts(list []string, path string) {
	if i := slices.IndexFunc(list, func(s string) bool { return !utf8.ValidString(s) }); i >= 0 {
		c.Add(problems.Text(list[i]), "%s[%d]", path, i)
	}
}

func (c *checker) media(m *Media, path string) {
	if m == nil {
		return
	}
	c.document(m.Document, path)
	c.image(m.Image, path)
}

func (c *checker) document(d *Document, media string) {
	if d != nil {
		c.at(problems.Text(d.URL), media+".document.url")
		c.at(problems.Text(d.Filename), media+".document.filename")
	}
}

func (c *checker) image(m *Image, media string) {
	if m != nil {
		c.at(problems.Text(m.URL), media+".image.url")
	}
}

// nilPointer reports whether v is a pointer that points at nothing.
func nilPointer(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
