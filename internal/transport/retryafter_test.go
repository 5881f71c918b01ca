package transport

import (
	"testing"
	"time"
)

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"1": time.Second, "0.25": 250 * time.Millisecond, "1.5": 1500 * time.Millisecond, "086400": 24 * time.Hour, "604800": 7 * 24 * time.Hour,
		"Sat, 21 Nov 2026 10:00:09 GMT":    9 * time.Second,
		"Saturday, 21-Nov-26 10:00:09 GMT": 9 * time.Second,
		"Sat Nov 21 10:00:09 2026":         9 * time.Second,
		"Sat, 21 Nov 2026 09:59:59 GMT":    0,
		"Sat, 21 Nov 2026 10:00:00 GMT":    0,
		"Sat, 21 Nov 2099 10:00:00 GMT":    maxRetryAfter,
		"604801":                           maxRetryAfter, "9223372036": maxRetryAfter, "9223372037": 0, "9223372036854775807": 0,
		"0": 0, "-1": 0, "+1": 0, "1e2": 0, "0x10": 0, "Inf": 0, "NaN": 0,
		"": 0, ".": 0, "1,5": 0, "120, 60": 0, "5 s": 0, "soon": 0, "1_0": 0,
	} {
		if got := parseRetryAfter(v, now); got != want {
			t.Errorf("%q is %v, not %v", v, got, want)
		}
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	for _, s := range []string{"1", "1.5", "-1", "1e300", "NaN", "Sat, 21 Nov 2026 10:00:09 GMT", "99999999999999999999", " 7 ", "0x1p-2"} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if d := parseRetryAfter(s, now); d < 0 || d > maxRetryAfter {
			t.Errorf("%q is %v", s, d)
		}
	})
}
