// Package redact makes text from outside fit to be shown: one short line
// without secrets, phone numbers or control characters.
package redact

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxRunes  = 256
	minSecret = 4 // a shorter "secret" would blank ordinary words
	minDigits = 7 // the shortest run that may be somebody's number
	mask      = "***"
)

// Line is s as one line of at most 256 characters: the secrets and every run
// of seven or more digits (separators and "+" between them do not help) are
// masked, control and invalid characters become spaces.
func Line(s string, secrets ...string) string {
	if s == "" {
		return ""
	}
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			s = strings.ReplaceAll(s, secret, mask)
		}
	}
	if len(s) > 8*maxRunes { // far more than is shown; spares the work on a huge body
		s = s[:8*maxRunes]
	}
	var clean strings.Builder
	space := true
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			r = ' '
		}
		if r == ' ' && space {
			continue
		}
		space = r == ' '
		clean.WriteRune(r)
	}
	line := Digits(strings.TrimRight(clean.String(), " "))
	if utf8.RuneCountInString(line) <= maxRunes {
		return line
	}
	n := 0
	for i := range line {
		if n == maxRunes-1 {
			return line[:i] + "…"
		}
		n++
	}
	return line
}

// Digits masks every run of seven or more digits in s, also one that is
// broken up as people write phone numbers.
func Digits(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		end, digits := numberAt(s, i)
		if digits >= minDigits {
			out.WriteString(mask)
			i = end
			continue
		}
		if end == i {
			end = i + 1
		}
		out.WriteString(s[i:end])
		i = end
	}
	return out.String()
}

// numberAt is where the digit run that starts at i ends, and how many digits
// it has.
func numberAt(s string, i int) (end, digits int) {
	end = i
	for j, gap := i, 0; j < len(s); j++ {
		switch c := s[j]; {
		case c >= '0' && c <= '9':
			digits++
			gap = 0
			end = j + 1
		case digits == 0 && c == '+' && j == i:
		case digits > 0 && gap < 2 && (c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '/'):
			gap++
		default:
			return end, digits
		}
	}
	return end, digits
}
