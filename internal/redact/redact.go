// Package redact makes text from outside fit to be shown: one short line
// without secrets, phone numbers, e-mail addresses, queries of URLs or control
// characters.
package redact

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxRunes  = 256
	maxBytes  = 8 * maxRunes // far more than is shown; spares the work on a huge body
	minSecret = 4            // a shorter "secret" would blank ordinary words
	minDigits = 7            // the shortest run that may be somebody's number
	mask      = "***"
)

// Line is s as one line of at most 256 characters: the secrets, every run of
// seven or more digits (separators and "+" between them do not help), e-mail
// addresses and the queries of URLs are masked, control and invalid characters
// become spaces.
func Line(s string, secrets ...string) string {
	if s == "" {
		return ""
	}
	s = hide(s, secrets)
	if len(s) > maxBytes {
		s = s[:maxBytes]
	}
	line := hide(clean(s), secrets) // what was broken up may be whole now
	return short(Digits(maskAddresses(queries(line))))
}

// hide masks the secrets, the longest first: one may be part of another.
func hide(s string, secrets []string) string {
	if len(secrets) > 1 {
		secrets = slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	}
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			s = replaceFolded(s, secret)
		}
	}
	return s
}

// replaceFolded masks secret in s, whatever the case of ASCII letters.
func replaceFolded(s, secret string) string {
	folded, want := string(fold([]byte(s))), string(fold([]byte(secret)))
	at := strings.Index(folded, want)
	if at < 0 {
		return s
	}
	var out strings.Builder
	for done := 0; ; {
		out.WriteString(s[done:at])
		out.WriteString(mask)
		done = at + len(want)
		next := strings.Index(folded[done:], want)
		if next < 0 {
			out.WriteString(s[done:])
			return out.String()
		}
		at = done + next
	}
}

// clean is s with one space in place of all that cannot be shown.
func clean(s string) string {
	var b strings.Builder
	space := true
	for _, r := range s {
		if r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			r = ' '
		}
		if r == ' ' && space {
			continue
		}
		space = r == ' '
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ")
}

const urlEnds = " \"'<>"

// queries masks what is behind the "?" of URLs, and the user in front of
// their host.
func queries(s string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, "://")
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		i += len("://")
		b.WriteString(s[:i])
		end := i + strings.IndexAny(s[i:]+" ", urlEnds)
		url := s[i:end]
		if at := strings.LastIndexByte(url[:strings.IndexAny(url+"/", "/?#")], '@'); at >= 0 {
			b.WriteString(mask)
			url = url[at:]
		}
		if q := strings.IndexAny(url, "?#"); q >= 0 {
			url = url[:q+1] + mask
		}
		b.WriteString(url)
		s = s[end:]
	}
}

// maskAddresses masks e-mail addresses, both parts.
func maskAddresses(s string) string {
	var out strings.Builder
	done := 0
	for from, to := range addresses(s) {
		out.WriteString(s[done:from])
		out.WriteString(mask)
		done = to
	}
	out.WriteString(s[done:])
	return out.String()
}

// addresses are where the e-mail addresses in s begin and end: what is around
// an "@", or "%40" as in URLs, if there is something on both sides of it.
// Users in URLs are left to queries.
func addresses(s string) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		done := 0
		for i := 0; i < len(s); i++ {
			size := atSign(s[i:])
			if size == 0 {
				continue
			}
			local := s[done:i]
			local = strings.TrimLeft(local[len(strings.TrimRightFunc(local, inLocal)):], "'")
			domain := s[i+size:]
			domain = strings.TrimRight(domain[:len(domain)-len(strings.TrimLeftFunc(domain, inDomain))], ".-_@")
			if local == "" || domain == "" || isUser(s[:i]) {
				continue
			}
			from := i - len(local)
			done = i + size + len(domain)
			if !yield(from, done) {
				return
			}
			i = done - 1
		}
	}
}

// atSign is how long the "@" is that s begins with; 0: it does not.
func atSign(s string) int {
	for _, at := range [...]string{"@", "%40"} {
		if strings.HasPrefix(s, at) {
			return len(at)
		}
	}
	return 0
}

// inLocal says whether r can stand in front of an address's "@": all that can
// without quotes, but for "/", which is in front of it in paths.
func inLocal(r rune) bool { return inWord(r) || strings.ContainsRune("!#$%&'*+-.=?^_`{|}~", r) }

// inDomain says whether r can stand behind an address's "@": a mask, too, and
// another "@".
func inDomain(r rune) bool { return inWord(r) || strings.ContainsRune("-._*@", r) }

// isUser says whether an "@" behind s is that of a user that queries masks: in
// a URL that is not part of another.
func isUser(s string) bool {
	s = s[strings.LastIndexAny(s, urlEnds)+1:]
	_, rest, ok := strings.Cut(s, "://")
	return ok && !strings.ContainsAny(rest, "/?#")
}

// short is line cut to what is shown.
func short(line string) string {
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

// Digits masks every run of seven or more digits in s, of any script, also
// one that is broken up as people write phone numbers.
func Digits(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); {
		end, digits := numberAt(s, i)
		switch {
		case digits >= minDigits:
			out.WriteString(mask)
		case end == i: // not a digit
			_, size := utf8.DecodeRuneInString(s[i:])
			end = i + size
			fallthrough
		default:
			out.WriteString(s[i:end])
		}
		i = end
	}
	return out.String()
}

// numberAt is where the digit run that starts at i ends, and how many digits
// it has.
func numberAt(s string, i int) (end, digits int) {
	end = i
	gap := 0
	for j, r := range s[i:] {
		switch {
		case unicode.IsDigit(r):
			digits++
			gap = 0
			end = i + j + utf8.RuneLen(r)
		case digits == 0 && r == '+' && j == 0:
		case digits > 0 && gap < 3 && separates(r):
			gap++
		default:
			return end, digits
		}
	}
	return end, digits
}

// separates says whether people put r between the digits of a number.
func separates(r rune) bool {
	return r == ' ' || r == '+' || r == '.' || r == '(' || r == ')' || r == '/' || unicode.Is(unicode.Pd, r)
}
