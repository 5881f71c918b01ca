package redact

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLine(t *testing.T) {
	t.Parallel()
	const key = "k3y-5f0c9e1d7a21"
	for in, want := range map[string]string{
		"":                                             "",
		"plain words, 123456 of 42":                    "plain words, 123456 of 42",
		"to 919812345678: no":                          "to ***: no",
		"to +91 98123 45678.":                          "to ***.",
		"to (022) 2345-6789":                           "to (***",
		"to 022 - 234 56 78 x":                         "to *** x",
		"to 98123\u201145678 x":                        "to *** x", // a hyphen that does not break
		"to ९८१२३४५६७८ x":                              "to *** x", // Devanagari digits
		"to 9\u200b8\u200b1234567 x":                   "to *** x", // zero-width spaces
		"id a1b2c3d4e5f6":                              "id a1b2c3d4e5f6",
		"key " + key + " is wrong":                     "key *** is wrong",
		"k3y-5f0c\n9e1d7a21":                           "k3y-5f0c 9e1d7a21",
		"two\r\nlines\tand\x00more":                    "two lines and more",
		"  spaces   all  round  ":                      "spaces all round",
		"bad \xff\xfe bytes":                           "bad bytes",
		"\x1b[31mred\x1b[0m":                           "[31mred [0m",
		"\u202egnp.exe":                                "gnp.exe", // turns the reading direction
		"Get \"https://h/p?to=a&k=b\": refused":        "Get \"https://h/p?***\": refused",
		"https://user:pw@h/p and http://h?x#y, z":      "https://***@h/p and http://h?*** z",
		"no URL? yes, a question":                      "no URL? yes, a question",
		"ws://h#f":                                     "ws://h#***",
		strings.Repeat("é", 256):                       strings.Repeat("é", 256),
		strings.Repeat("é", 257):                       strings.Repeat("é", 255) + "…",
		strings.Repeat("x", 2000) + key:                strings.Repeat("x", 255) + "…",
		strings.Repeat(" ", 5000) + "far behind":       "",
		"ab" + key[:4] + " and " + key + key + " both": "abk3y- and ****** both",
	} {
		if got := Line(in, key); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"recipient other@example.org blocked":          "recipient *** blocked",
		"other@example.org":                            "***",
		"<Other.One+tag@mail.EXAMPLE.org>, no.":        "<***>, no.",
		`"mail":"o'brien@example.org"`:                 `"mail":"***"`,
		"'asha@example.org'":                           "'***'",
		"mailto:asha@example.org.":                     "mailto:***.",
		"to=asha@example.org;cc=b@example.org":         "***;***",
		"bounce+asha=example.com@mx.example.org":       "***",
		"a@example.org,b@example.org (c@example.org)":  "***,*** (***)",
		"Asha@भारत.example":                            "***",
		"आशा@example.org x":                            "*** x",
		"root@localhost":                               "***",
		"a@b@example.org, a@@b":                        "***, ***",
		"9812345678@example.org":                       "***",
		"asha%40example.org":                           "***",
		"GET https://h/users/asha@example.org/x?y=z":   "GET https://h/users/***/x?***",
		"GET https://asha@example.org@h/users, b@c.de": "GET https://***@h/users, ***",
		"http://h/to/https://asha@example.org":         "http://h/to/https://***",
		"://://0@0":                                    "://://***",
		"***@example.org, asha@***":                    "***, ***",
		"1 @ 2, @all, hi @all, (@all)":                 "1 @ 2, @all, hi @all, (@all)",
		"@":                                            "@",
		`must have an "@" between two parts`:           `must have an "@" between two parts`,
		"at the end@":                                  "at the end@",
		"x@. y@-":                                      "x@. y@-",
		"100%40 off":                                   "100%40 off",
	} {
		got := Line(in)
		if got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
		if again := Line(got); again != got {
			t.Errorf("%q again: %q", got, again)
		}
	}
}

// address finds an address that shows: letters on both sides of an "@".
func address(s string) bool {
	for i, r := range s {
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		if r == '@' && inWord(before) && inWord(after) {
			return true
		}
	}
	return false
}

func TestSecretsInSecrets(t *testing.T) {
	t.Parallel()
	if got := Line("Bearer abcdef-ghi", "abcdef", "Bearer abcdef-ghi"); got != mask {
		t.Errorf("%q", got)
	}
	if got := Line("an a", "a", "an"); got != "an a" {
		t.Errorf("short secrets blank words: %q", got)
	}
	if got := Line("a\x00 secret", "a secret"); got != mask {
		t.Errorf("a secret that was broken up shows: %q", got)
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":               "",
		"+":              "+",
		"+1":             "+1",
		"123456":         "123456",
		"1234567":        "***",
		"12 34 56 7":     "***",
		"12    3456789":  "12    ***",
		"12a3456789":     "12a***",
		"+1234567+":      "***+",
		"é1234567é":      "é***é",
		"123456\xff7":    "123456\xff7",
		"2026-11-21 now": "*** now",
	} {
		if got := Digits(in); got != want {
			t.Errorf("%q is %q, not %q", in, got, want)
		}
	}
}

// longestRun is the longest run of digits that nothing but separators breaks.
func longestRun(s string) int {
	longest, run := 0, 0
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			run++
			longest = max(longest, run)
		default:
			run = 0
		}
	}
	return longest
}

func FuzzLine(f *testing.F) {
	f.Add("to +91 98123-45678: no such number", "k3y-5f0c9e1d7a21")
	f.Add("k3y-5f0c9e1d7a21\x00\n919812345678", "k3y-5f0c9e1d7a21")
	f.Add("https://u:p@h/p?q=1#f http://h", "h/p?q")
	f.Add("a\u202eb\xffc", "a b c")
	f.Add("se\x00cr cret", "se cr")
	f.Add("a@b@c http://u@h/p@q %40 x%40y @all", "@b@c")
	f.Add("other\x00@example.org 123@4567890 http://a b@c", "example")
	f.Add(strings.Repeat("٠١٢٣", 80), "٠١٢٣")
	f.Fuzz(func(t *testing.T, s, secret string) {
		line := Line(s, secret)
		if n := utf8.RuneCountInString(line); n > maxRunes {
			t.Errorf("%d characters", n)
		}
		if !utf8.ValidString(line) {
			t.Errorf("not UTF-8: %q", line)
		}
		if n := longestRun(line); n >= minDigits {
			t.Errorf("%d digits in a row: %q", n, line)
		}
		if address(line) {
			t.Errorf("an address: %q", line)
		}
		for _, r := range line {
			if unicode.IsControl(r) || unicode.In(r, unicode.Cf) {
				t.Errorf("control character %U: %q", r, line)
			}
		}
		// Secrets that could be made of masks and cuts are none.
		if len(secret) >= minSecret && !strings.ContainsAny(secret, "*…") && strings.Contains(line, secret) {
			t.Errorf("the secret %q shows: %q", secret, line)
		}
		if again := Line(line, secret); longestRun(again) >= minDigits {
			t.Errorf("again: %q", again)
		}
	})
}
