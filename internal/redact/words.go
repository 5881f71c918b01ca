package redact

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"index/suffixarray"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	minQuote = 12      // so much of a text in a row, in bytes, is a quotation and no coincidence
	minWord  = 4       // a shorter word is one of everybody's
	maxText  = 4 << 10 // how much of one value is looked for; attachments are longer
	maxTexts = 1 << 20 // and of all of them
	maxAtoms = 8       // of a word: "asha.rao-2@example.com" has six
)

// Words is Line for what a vendor says about a request: what it quotes of the
// request is masked too. A quotation is minQuote bytes of a value, or a word
// of one that has a digit or an "@" or is not ASCII, such as a one-time code.
// Values that are one plain word, "sms" or "welcome_rcs", are left: errors are
// about them. Of what is said about a request that is too long to be looked
// through, nothing is shown.
//
// A Words is for one goroutine.
type Words struct {
	sent    []byte
	secrets []string

	read  bool
	texts *suffixarray.Index // nil: too long
	words map[string]bool
}

// NewWords is for a request with the body sent, JSON or XML.
func NewWords(sent []byte, secrets ...string) *Words { return &Words{sent: sent, secrets: secrets} }

// Line is s as one line.
func (w *Words) Line(s string) string {
	if s == "" {
		return ""
	}
	if !w.read {
		w.read = true
		w.readTexts()
	}
	if w.texts == nil {
		return mask
	}
	s = hide(s, w.secrets)
	s = clean(s[:min(len(s), maxBytes)])
	return Line(w.maskWords(w.maskTexts(s)), w.secrets...)
}

// maskTexts masks what s has of a text, minQuote bytes or more in a row, and
// e-mail addresses whole, of which a text may have the domain only.
func (w *Words) maskTexts(s string) string {
	folded := fold([]byte(s))
	has := func(i, end int) bool { return len(w.texts.Lookup(folded[i:end], 1)) > 0 }
	masked := make([]bool, len(s))
	hide := func(i, end int) {
		for ; i < end; i++ {
			masked[i] = true
		}
	}
	for from, to := range addresses(s) {
		hide(from, to)
	}
	for i := 0; i+minQuote <= len(s); {
		end := i + minQuote
		if !has(i, end) {
			i++
			continue
		}
		for end < len(s) && has(i, end+1) {
			end++
		}
		hide(i, end)
		i = end
	}
	var out strings.Builder
	for i := range len(s) {
		switch {
		case !masked[i]:
			out.WriteByte(s[i])
		case i == 0 || !masked[i-1]:
			out.WriteString(mask)
		}
	}
	return out.String()
}

// maskWords masks the words of s that are private.
func (w *Words) maskWords(s string) string {
	if len(w.words) == 0 {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if end := w.wordAt(s, i); end > i {
			out.WriteString(mask)
			i = end
			continue
		}
		end := atom(s, i)
		out.WriteString(s[i:end])
		i = end
	}
	return out.String()
}

// wordAt is where the longest private word ends that begins at i; i if there
// is none.
func (w *Words) wordAt(s string, i int) int {
	longest, end := i, i
	for range 2 * maxAtoms {
		if end == len(s) {
			break
		}
		if end = atom(s, end); w.words[string(fold([]byte(s[i:end])))] {
			longest = end
		}
	}
	return longest
}

// atom is where the letters and digits end that begin at i; what is neither
// is an atom by itself.
func atom(s string, i int) int {
	for j, r := range s[i:] {
		if inWord(r) {
			continue
		}
		if j == 0 {
			return i + utf8.RuneLen(r)
		}
		return i + j
	}
	return len(s)
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// fold makes the letters of ASCII small: servers do that to addresses.
func fold(b []byte) []byte {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return b
}

// readTexts takes the private values out of the request.
func (w *Words) readTexts() {
	var all bytes.Buffer
	w.words = map[string]bool{}
	add := func(s string) {
		if s = clean(s[:min(len(s), maxText)]); !isPrivate(s) || all.Len() > maxTexts {
			return
		}
		all.Write(fold([]byte(s)))
		all.WriteByte(0)
		w.addWords(s)
	}
	switch sent := bytes.TrimSpace(w.sent); {
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
	if all.Len() <= maxTexts {
		w.texts = suffixarray.New(all.Bytes())
	}
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

// addWords takes the words of a private text that are private by themselves,
// and the text itself if it is no longer than a word may be.
func (w *Words) addWords(text string) {
	add := func(s string) {
		if s = strings.TrimFunc(s, func(r rune) bool { return !inWord(r) }); len(s) >= minWord {
			w.words[string(fold([]byte(s)))] = true
		}
	}
	if len(text) < minQuote {
		add(text)
	}
	for word := range strings.FieldsSeq(text) {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsDigit(r) || r == '@' || r >= utf8.RuneSelf && unicode.IsLetter(r) }) {
			add(word)
		}
	}
}
