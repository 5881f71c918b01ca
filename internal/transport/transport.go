// Package transport is the one place that speaks HTTP. It knows no vendor.
//
// Its rule: a call is never repeated unless it provably was not accepted, or
// repeating it is documented as harmless.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/redact"
)

const (
	// MaxResponse is how much of a 2xx answer is read.
	MaxResponse = 10 << 20
	// MaxErrorBody is how much of any other answer is read.
	MaxErrorBody = 64 << 10

	baseBackoff = 500 * time.Millisecond
	maxWait     = 8 * time.Second // the longest wait between attempts

	idlePerHost = 512
)

// Client speaks to one API with one set of credentials. It is immutable and
// safe for concurrent use.
type Client struct {
	provider string
	opts     Options
	auth     Auth
	http     http.Client // Transport is the innermost RoundTripper
	header   http.Header // of every request; never changed
}

// New makes a Client. header is sent with every call.
func New(provider string, o Options, auth Auth, header http.Header) (*Client, error) {
	if o.base == nil {
		return nil, errors.New("base URL: none")
	}
	c := &Client{provider: provider, opts: o, auth: auth, header: http.Header{"User-Agent": {o.userAgent}}}
	for name, values := range header {
		c.header[http.CanonicalHeaderKey(name)] = values
	}
	switch {
	case o.http == nil:
		c.http = http.Client{Transport: defaultTransport()}
	default:
		c.http = *o.http
		if c.http.Transport == nil {
			c.http.Transport = http.DefaultTransport
		}
	}
	return c, nil
}

// defaultTransport is http.DefaultTransport with a pool that many concurrent
// senders can keep their connections in. Wrapped by somebody (otelhttp), it
// is used as it is.
func defaultTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConns = 0 // the limit per host is the limit
	t.MaxIdleConnsPerHost = idlePerHost
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	} else if t.TLSClientConfig.MinVersion < tls.VersionTLS12 {
		t.TLSClientConfig.MinVersion = tls.VersionTLS12
	}
	return t
}

// BaseURL is where the API begins.
func (c *Client) BaseURL() string { return c.opts.BaseURL() }

// Line makes text from outside fit to be shown: see package redact. The
// client's own secrets are masked.
func (c *Client) Line(s string) string {
	if s == "" || c.auth == nil {
		return redact.Line(s)
	}
	return redact.Line(s, c.auth.Secrets()...)
}

// Endpoint is one operation of the API. Make it once per Client.
type Endpoint struct {
	Op    string // "SendSMS": for errors and logs
	Class Class

	method   string
	template string // the path with {placeholders}: all that logs ever see
	url      *url.URL
}

// Endpoint describes an operation. Its path is appended to the base URL;
// {placeholders} in it are filled by Call.Args.
func (c *Client) Endpoint(op, method, path string, class Class) Endpoint {
	return Endpoint{Op: op, Class: class, method: method, template: path, url: c.join(path, nil, "")}
}

// join is the URL of an operation. Every argument is escaped, also "." and
// "..", which servers and proxies would otherwise resolve.
func (c *Client) join(path string, args []string, query string) *url.URL {
	u := *c.opts.base
	escaped := u.EscapedPath()
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		escaped += "/"
		if strings.HasPrefix(part, "{") && len(args) > 0 {
			escaped += escapeSegment(args[0])
			args = args[1:]
			continue
		}
		escaped += part
	}
	if decoded, err := url.PathUnescape(escaped); err == nil {
		u.Path, u.RawPath = decoded, escaped
	} else {
		u.Path, u.RawPath = escaped, ""
	}
	u.RawQuery = query
	return &u
}

func escapeSegment(s string) string {
	switch s {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return url.PathEscape(s)
}

// Call is one call of an Endpoint.
type Call struct {
	Endpoint
	Args   []string // fill the path's placeholders, in order
	Query  string   // encoded
	Header http.Header
	Body   []byte

	// Busy says that an answer proves that nothing was accepted, and that it
	// is worth trying again later: documented refusals such as a 503 with a
	// certain code, or a 200 that says "throttled". body is bounded.
	Busy func(status int, body []byte) bool
}

// Result is what a call came to.
type Result struct {
	Kind  error // the sentinel that the outcome alone means; nil: a complete 2xx
	Cause error // why there is no complete answer; its text needs Client.Line

	Status     int         // of the last answer; 0: none came
	Header     http.Header // of the last answer
	Body       []byte      // of the last answer, bounded
	RetryAfter time.Duration
	Attempts   int

	// Unsure: an attempt before the last may have been accepted, and Kind
	// is MaybeAccepted unless the last one succeeded.
	Unsure bool
}

// NoWait makes calls under ctx never wait: no back-off, no rate limiter, and
// a 429 is returned at once. What can be tried again at once is, one time.
func NoWait(ctx context.Context) context.Context {
	return context.WithValue(ctx, noWait{}, true)
}

type noWait struct{}

// Do makes the call.
func (c *Client) Do(ctx context.Context, call Call) Result {
	instant := ctx.Value(noWait{}) != nil
	if kind, after, err := c.limit(ctx, instant); kind != nil {
		return Result{Kind: kind, Cause: err, RetryAfter: after}
	}
	a := newAttempts(ctx, c, &call, instant)
	return a.run()
}

// limit waits for the rate limiter.
func (c *Client) limit(ctx context.Context, instant bool) (kind error, after time.Duration, cause error) {
	if err := context.Cause(ctx); err != nil {
		return errs.Unavailable, 0, err
	}
	if c.opts.limiter == nil {
		return nil, 0, nil
	}
	r := c.opts.limiter.Reserve()
	wait := r.Delay()
	if wait == 0 {
		return nil, 0, nil
	}
	if deadline, ok := ctx.Deadline(); instant || ok && time.Until(deadline) < wait {
		r.Cancel()
		return errs.RateLimited, wait, errOwnLimit
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil, 0, nil
	case <-ctx.Done():
		r.Cancel()
		return errs.RateLimited, wait, context.Cause(ctx)
	}
}

var errOwnLimit = errors.New("this client's own rate limit")
