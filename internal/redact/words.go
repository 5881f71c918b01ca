package redact

import (
	"bytes"
	"cmp"
	"encoding/json"
	"encoding/xml"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	minQuote = 12       // so much of a text in a row, in bytes, is a quotation and no coincidence
	maxSent  = 32 << 10 // how much of a request's texts is looked for
	maxLines = 100      // that are remembered
)

// Words is Line for what a vendor says about a request: what it quotes of the
// request is masked too. A quotation is a whole value, minQuote bytes of one,
// or a word of one that has a digit, such as a one-time code. Values that are
// one plain word, "sms" or "welcome_rcs", are left: errors are about them.
//
// A Words is for one goroutine.
type Words struct {
	sent    []byte
	secrets []string
	read    bool
	texts   []text
	lines   map[string]string // vendors say the same of many recipients
}

type text struct {
	whole string
	codes []string
}

// NewWords is for a request with the body sent, JSON or XML.
func NewWords(sent []byte, secrets ...string) *Words { return &Words{sent: sent, secrets: secrets} }

// Line is s as one line.
func (w *Words) Line(s string) string {
	if s == "" {
		return ""
	}
	if line, ok := w.lines[s]; ok {
		return line
	}
	if !w.read {
		w.read = true
		for _, whole := range private(w.sent) {
			w.texts = append(w.texts, text{whole, codes(whole)})
		}
		w.lines = map[string]string{}
	}
	line := hide(s, w.secrets)
	line = clean(line[:min(len(line), maxBytes)])
	for _, t := range w.texts {
		line = hide(hide(maskQuotes(line, t.whole), []string{t.whole}), t.codes)
	}
	line = Line(line, w.secrets...)
	if len(s) <= maxBytes && len(w.lines) < maxLines {
		w.lines[s] = line
	}
	return line
}

// private are the values in a request that are somebody's: texts, addresses,
// codes. The longest come first.
func private(sent []byte) []string {
	var found []string
	room := maxSent
	add := func(s string) {
		if room <= 0 {
			return
		}
		if s = clean(s[:min(len(s), room)]); isPrivate(s) {
			found = append(found, s)
			room -= len(s)
		}
	}
	switch sent = bytes.TrimSpace(sent); {
	case len(sent) == 0:
	case sent[0] == '<':
		dec := xml.NewDecoder(bytes.NewReader(sent))
		for token, err := dec.Token(); err == nil; token, err = dec.Token() {
			if text, ok := token.(xml.CharData); ok {
				add(string(text))
			}
		}
	default:
		var v any
		dec := json.NewDecoder(bytes.NewReader(sent))
		dec.UseNumber()
		if dec.Decode(&v) == nil {
			values(v, add)
		}
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(found)
}

// values hands over every text and number in v that is not a name.
func values(v any, add func(string)) {
	switch v := v.(type) {
	case string:
		add(v)
	case json.Number:
		add(string(v))
	case []any:
		for _, inner := range v {
			values(inner, add)
		}
	case map[string]any:
		for _, inner := range v {
			values(inner, add)
		}
	}
}

// isPrivate reports whether s is more than a plain word.
func isPrivate(s string) bool {
	digits := 0
	for _, r := range s {
		switch {
		case r == ' ' || r == '@' || r >= utf8.RuneSelf:
			return true
		case unicode.IsDigit(r):
			digits++
		}
	}
	return digits >= 3
}

// codes are the words of text that have a digit.
func codes(text string) []string {
	var found []string
	seen := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		word = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if !seen[word] && strings.ContainsFunc(word, unicode.IsDigit) {
			seen[word] = true
			found = append(found, word)
		}
	}
	return found
}

// maskQuotes masks what s has of text, minQuote bytes or more in a row.
func maskQuotes(s, text string) string {
	if len(text) < minQuote {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		end := i + minQuote
		if end > len(s) || !strings.Contains(text, s[i:end]) {
			out.WriteByte(s[i])
			i++
			continue
		}
		for end < len(s) && strings.Contains(text, s[i:end+1]) {
			end++
		}
		out.WriteString(mask)
		i = end
	}
	return out.String()
}
