package redact

import "strings"

// ID is s, an id that a vendor made, fit to be shown. UUIDs and ids of 32
// hexadecimal digits stay as they are, for masking would make them useless;
// anything else, and whatever holds a secret, is as Line makes it.
func ID(s string, secrets ...string) string {
	if !opaque(s) {
		return Line(s, secrets...)
	}
	for _, secret := range secrets {
		if len(secret) >= minSecret && strings.Contains(s, secret) {
			return Line(s, secrets...)
		}
	}
	return s
}

// opaque says whether s is a UUID or 32 hexadecimal digits with a letter
// among them: without one it may be somebody's number in disguise.
func opaque(s string) bool {
	hex := s
	if len(s) == 36 {
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return false
		}
		hex = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	return len(hex) == 32 && strings.Trim(hex, "0123456789abcdefABCDEF") == "" && strings.ContainsAny(hex, "abcdefABCDEF")
}
