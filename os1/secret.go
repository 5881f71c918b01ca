package os1

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/problems"
)

// hidden is what a Secret shows of itself.
const hidden = "***"

// Secret is a value that goes to OS1 and nowhere else: every form of printing
// and [json.Marshal] show "***". The zero Secret is none, and is left out of
// requests.
type Secret struct{ v kept[secretValue] }

type secretValue struct {
	text  string
	value json.RawMessage // instead of text
}

// NewSecret is a Secret of text, sent as it is: a key, a password, a webhook
// secret that is in base64 already.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{keep(secretValue{text: text})}
}

// NewSecretJSON is a Secret that is any JSON value, for credentials of
// providers that want more than text. What is not JSON is refused by the
// request's Validate.
func NewSecretJSON(value json.RawMessage) Secret {
	if len(value) == 0 {
		return Secret{}
	}
	return Secret{keep(secretValue{value: slices.Clone(value)})}
}

// EncodeSecret is a webhook secret in the form of the vendor's samples: raw
// in standard base64. Nothing else encodes a secret.
func EncodeSecret(raw []byte) Secret {
	return NewSecret(base64.StdEncoding.EncodeToString(raw))
}

// IsZero reports whether s holds nothing.
func (s Secret) IsZero() bool { return s.v.none() }

// String is "***".
func (s Secret) String() string {
	if s.v.none() {
		return ""
	}
	return hidden
}

// GoString is as String.
func (s Secret) GoString() string { return s.String() }

// Format prints "***", whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String()) // fmt reports what its writer says
}

// LogValue is "***".
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON is "***" in quotes. Requests are encoded by their client's
// methods, which alone read the value.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// UnmarshalJSON takes any JSON value, such as from a file of settings.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var text string
	switch {
	case string(b) == "null":
		*s = Secret{}
	case json.Unmarshal(b, &text) == nil:
		*s = NewSecret(text)
	default:
		*s = NewSecretJSON(b)
	}
	return nil
}

// wire is the value as it is sent; nil for none.
func (s Secret) wire() any {
	switch v := s.v.get(); {
	case s.v.none():
		return nil
	case v.value != nil:
		return v.value
	default:
		return v.text
	}
}

// text is the value if it is text.
func (s Secret) text() string { return s.v.get().text }

// texts are all texts in the value.
func (s Secret) texts() []string {
	v := s.v.get()
	if v.value == nil {
		return []string{v.text}
	}
	var value any
	if json.Unmarshal(v.value, &value) != nil {
		return nil
	}
	return textsIn(value)
}

func textsIn(value any) []string {
	var found []string
	switch v := value.(type) {
	case string:
		found = append(found, v)
	case []any:
		for _, inner := range v {
			found = append(found, textsIn(inner)...)
		}
	case map[string]any:
		for _, inner := range v {
			found = append(found, textsIn(inner)...)
		}
	}
	return found
}

// problem is what is wrong with s, or "".
func (s Secret) problem() string {
	v := s.v.get()
	if v.value != nil && !(json.Valid(v.value) && utf8.Valid(v.value)) {
		return "is not JSON"
	}
	return problems.Text(v.text)
}

// kept holds what no form of printing may show. fmt follows a pointer at the
// top, and one that it has no verb for, but never a pointer to a pointer.
type kept[T any] struct{ p **T }

func keep[T any](v T) kept[T] {
	b := &struct { // both pointers' targets in one allocation
		p *T
		v T
	}{v: v}
	b.p = &b.v
	return kept[T]{&b.p}
}

func (k kept[T]) none() bool { return k.p == nil }

// get is what is kept, or the zero T.
func (k kept[T]) get() (v T) {
	if k.p == nil {
		return v
	}
	return **k.p
}
