package transport

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{
		"https://api.example.com", "https://api.example.com/", "https://api.example.com:8443/v1/", "http://127.0.0.1:8080",
		"http://localhost:1", "http://LOCALHOST", "http://[::1]:9/x", "http://127.9.9.9",
	} {
		var o Options
		if err := o.SetBaseURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
		if got := o.BaseURL(); got != strings.TrimRight(good, "/") {
			t.Errorf("%s became %s", good, got)
		}
	}
	const secret = "s3cret"
	for _, bad := range []string{
		"", "api.example.com", "/v1", "//api.example.com", "http://api.example.com", "http://10.0.0.1", "http://localhost.example.com",
		"http://127.0.0.1.example.com", "ftp://api.example.com", "https:api.example.com", "https://", "https://:443/",
		"https://" + secret + "@api.example.com", "https://u:" + secret + "@api.example.com", "https://api.example.com?key=" + secret,
		"https://api.example.com?", "https://api.example.com#" + secret, "https://api.example.com/%zz" + secret, "https://api example.com/" + secret,
		"https://[::1" + secret,
	} {
		var o Options
		err := o.SetBaseURL(bad)
		if err == nil {
			t.Errorf("%s is taken", bad)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("shows: %v", err)
		}
		if o.BaseURL() != "" {
			t.Errorf("%s is set", bad)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	var o Options
	for name, err := range map[string]error{
		"no client":      o.SetHTTPClient(nil),
		"no timeout":     o.SetTimeout(0),
		"timeout":        o.SetTimeout(-time.Second),
		"retries":        o.SetMaxRetries(-1),
		"many retries":   o.SetMaxRetries(21),
		"no rate":        o.SetRateLimit(0, 1),
		"rate":           o.SetRateLimit(-1, 1),
		"not a rate":     o.SetRateLimit(math.NaN(), 1),
		"endless rate":   o.SetRateLimit(math.Inf(1), 1),
		"no burst":       o.SetRateLimit(1, 0),
		"no user agent":  o.SetUserAgent(""),
		"user agent":     o.SetUserAgent("a\r\nb: c"),
		"user agent end": o.SetUserAgent("a "),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	for name, err := range map[string]error{
		"client": o.SetHTTPClient(http.DefaultClient), "timeout": o.SetTimeout(1), "retries": o.SetMaxRetries(0), "more": o.SetMaxRetries(20),
		"rate": o.SetRateLimit(0.1, 1), "no logger": o.SetLogger(nil), "user agent": o.SetUserAgent("shop/1.4 (x; y)"),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if o.http == http.DefaultClient {
		t.Error("the client is not a copy")
	}
	if !strings.HasPrefix(o.userAgent, "shop/1.4 (x; y) cpaas-go/") {
		t.Error(o.userAgent)
	}
	if o.RelaxedValidation() {
		t.Error("relaxed")
	}
	if o.SetRelaxedValidation(); !o.RelaxedValidation() {
		t.Error("not relaxed")
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	o := Defaults("https://api.example.com")
	if o.timeout != 30*time.Second || o.maxRetries != 2 || o.limiter != nil || o.logger != nil || o.http != nil {
		t.Errorf("%+v", o)
	}
	if !strings.HasPrefix(o.userAgent, "cpaas-go/") || !ValidHeaderValue(o.userAgent) {
		t.Error(o.userAgent)
	}
	defer func() {
		if recover() == nil {
			t.Error("a constant that is not a base URL passes")
		}
	}()
	Defaults("http://api.example.com")
}

func TestValidHeaderValue(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{
		"": true, "a": true, "a b": true, "~!": true, " a": false, "a ": false, "a\tb": false, "a\n": false, "\r": false, "é": false, "\x7f": false, "\x00": false,
	} {
		if ValidHeaderValue(v) != want {
			t.Errorf("%q: %v", v, !want)
		}
	}
}
