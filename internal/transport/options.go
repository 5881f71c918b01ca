package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// What a client does unless told otherwise.
const (
	DefaultTimeout    = 30 * time.Second // one attempt, from dialling to the last byte of the answer
	DefaultMaxRetries = 2
)

// Options is what every provider's options set. Make it with Defaults.
type Options struct {
	base       *url.URL
	http       *http.Client
	timeout    time.Duration
	maxRetries int
	limiter    *rate.Limiter
	logger     *slog.Logger
	userAgent  string
	relaxed    bool
}

// Defaults are the options of a client that was given none. An empty baseURL
// means that the caller must set one.
func Defaults(baseURL string) Options {
	o := Options{timeout: DefaultTimeout, maxRetries: DefaultMaxRetries, userAgent: userAgent}
	if baseURL != "" {
		if err := o.SetBaseURL(baseURL); err != nil {
			panic(err) //nolint:forbidigo // a constant of this module is wrong
		}
	}
	return o
}

// SetBaseURL sets where the vendor's API begins: https, or http to loopback.
func (o *Options) SetBaseURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil: // err repeats s, which may hold a secret
		return errors.New("base URL: not a URL")
	case u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("base URL: must be absolute, https://host/path")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("base URL: must be https (plain http only to loopback)")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("base URL: must not have a user, a query or a fragment")
	}
	setPath(u, strings.TrimRight(u.EscapedPath(), "/"))
	o.base = u
	return nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// BaseURL is the base URL as set; empty when none is.
func (o *Options) BaseURL() string {
	if o.base == nil {
		return ""
	}
	return o.base.String()
}

// SetHTTPClient sets the client whose Transport, Jar and Timeout are used. It
// is copied. Without a Transport it gets the one that there is without it.
func (o *Options) SetHTTPClient(c *http.Client) error {
	if c == nil {
		return errors.New("HTTP client: nil")
	}
	o.http = new(*c)
	return nil
}

// SetTimeout sets how long one attempt may take.
func (o *Options) SetTimeout(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("timeout: %v is not positive", d)
	}
	o.timeout = d
	return nil
}

// SetMaxRetries sets how often a call is tried again after the first attempt.
func (o *Options) SetMaxRetries(n int) error {
	if n < 0 || n > 20 {
		return fmt.Errorf("retries: %d is not between 0 and 20", n)
	}
	o.maxRetries = n
	return nil
}

// SetRateLimit sets how many calls a second are made.
func (o *Options) SetRateLimit(perSecond float64, burst int) error {
	if !(perSecond > 0) || math.IsInf(perSecond, 1) || burst < 1 { // also refuses NaN
		return errors.New("rate limit: needs a positive rate and a burst of at least 1")
	}
	o.limiter = rate.NewLimiter(rate.Limit(perSecond), burst)
	return nil
}

// SetLogger sets where attempts are logged, at debug level; nil: nowhere.
func (o *Options) SetLogger(l *slog.Logger) error {
	o.logger = l
	return nil
}

// SetUserAgent puts product in front of this module's User-Agent.
func (o *Options) SetUserAgent(product string) error {
	if product == "" || !ValidHeaderValue(product) {
		return errors.New("user agent: empty, or not fit for a header")
	}
	o.userAgent = product + " " + userAgent
	return nil
}

// SetRelaxedValidation switches format checks off.
func (o *Options) SetRelaxedValidation() { o.relaxed = true }

// RelaxedValidation says whether format checks are off.
func (o *Options) RelaxedValidation() bool { return o.relaxed }

// ValidHeaderValue says whether s can be sent as a header's value as it is:
// visible ASCII, spaces inside only.
func ValidHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == strings.TrimSpace(s)
}

// userAgent names this module and the version that the program was built
// with.
var userAgent = func() string {
	const module = "github.com/cpaas-go/cpaas"
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == module && dep.Replace == nil {
				version = strings.TrimPrefix(dep.Version, "v")
			}
		}
	}
	return "cpaas-go/" + version + " (" + module + ")"
}()
