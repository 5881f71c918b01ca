package wx

import (
	"net"
	"net/url"
	"strings"

	"github.com/cpaas-go/cpaas/internal/phone"
)

// E164Problem is what is wrong with s as a phone number in E.164 form, with
// its "+"; "" when nothing is.
func E164Problem(s string) string {
	if _, _, ok := phone.Parse(s); !ok {
		return `is not "+", an assigned country code and 7 to 15 digits in all`
	}
	return ""
}

// NotifyURLProblem is what is wrong with s as the URL that notifications go
// to; "" when nothing is. Loopback, for tests, needs no https.
func NotifyURLProblem(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) ||
		strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' }) {
		return "is not an https URL without spaces"
	}
	return ""
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
