// Package problems collects what is wrong with a request, all of it, each by
// its JSON path. What is collected never holds the values themselves.
package problems

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/errs"
)

// Problem is one wrong field.
type Problem struct {
	Path      string
	Message   string
	Recipient bool // it is the recipient's address that is wrong
}

// List is what is wrong so far. The zero List is ready to use.
type List struct {
	Problems []Problem
}

// Add notes that the field at path is wrong. path is a format for args.
func (l *List) Add(problem, path string, args ...any) {
	l.add(problem, false, path, args)
}

// Check is Add if there is a problem, that is, if it is not empty.
func (l *List) Check(problem, path string, args ...any) {
	if problem != "" {
		l.add(problem, false, path, slices.Clone(args)) // so that args of a sound field cost no allocation
	}
}

// CheckRecipient is Check for a recipient's address.
func (l *List) CheckRecipient(problem, path string, args ...any) {
	if problem != "" {
		l.add(problem, true, path, slices.Clone(args))
	}
}

func (l *List) add(problem string, recipient bool, path string, args []any) {
	if len(args) > 0 {
		path = fmt.Sprintf(path, args...)
	}
	l.Problems = append(l.Problems, Problem{Path: path, Message: problem, Recipient: recipient})
}

// Kind is the sentinel: InvalidRecipient when nothing but recipients'
// addresses is wrong, else InvalidRequest; nil when nothing is.
func (l *List) Kind() error {
	if len(l.Problems) == 0 {
		return nil
	}
	for _, p := range l.Problems {
		if !p.Recipient {
			return errs.InvalidRequest
		}
	}
	return errs.InvalidRecipient
}

// String is every problem on one line.
func (l *List) String() string {
	var b strings.Builder
	for i, p := range l.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		if p.Path != "" {
			b.WriteString(p.Path)
			b.WriteString(" ")
		}
		b.WriteString(p.Message)
	}
	return b.String()
}

// Text is what is wrong with s as text, or "". Encoders would replace bytes
// that are not UTF-8 silently.
func Text(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return "is not valid UTF-8"
}

// Required is what is wrong with s as text that must be there, or "".
func Required(s string) string {
	if s == "" {
		return "is missing"
	}
	return Text(s)
}

// OneOf is what is wrong with s if it is neither empty nor one of allowed, or
// "". Only its rule is told, never s.
func OneOf[S ~string](s S, allowed ...S) string {
	if s == "" || slices.Contains(allowed, s) {
		return ""
	}
	if len(allowed) == 1 {
		return fmt.Sprintf("must be %q", allowed[0])
	}
	return fmt.Sprintf("must be one of %q", slices.Clone(allowed)) // a clone, so that a sound field costs no allocation
}

// Extra is what is wrong with members of the caller's own, or "". Of several
// it names the first.
func Extra(extra map[string]json.RawMessage) string {
	wrong, first := "", true
	for name, value := range extra {
		if (first || name < wrong) && (!utf8.ValidString(name) || !json.Valid(value) || !utf8.Valid(value)) {
			wrong, first = name, false
		}
	}
	if first {
		return ""
	}
	return fmt.Sprintf("extra field %q is not JSON", wrong)
}
