package transport

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is the longest Retry-After that is told: a longer one is cut
// to it.
const maxRetryAfter = 7 * 24 * time.Hour

// retryAfter is how long an answer asks to wait; zero when it does not.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	return parseRetryAfter(v, time.Now())
}

// parseRetryAfter reads a Retry-After header: seconds, fractions of seconds
// or an HTTP date. Zero when it makes no sense.
func parseRetryAfter(v string, now time.Time) time.Duration {
	if strings.Trim(v, "0123456789.") == "" { // not what else a float can be: signs, exponents, Inf
		s, err := strconv.ParseFloat(v, 64)
		if err != nil || s > math.MaxInt64/float64(time.Second) { // it would overflow: nobody means that
			return 0
		}
		return time.Duration(math.Round(min(s, maxRetryAfter.Seconds()) * float64(time.Second)))
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}
