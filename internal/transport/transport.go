// Package transport is the one place that speaks HTTP. It knows no vendor.
//
// Its rule: a call is never repeated unless it provably was not accepted, or
// repeating it is documented as harmless.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
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
	idleTimeout = 50 * time.Second
)

// Client speaks to one API with one set of credentials. It is immutable and
// safe for concurrent use.
type Client struct {
	provider string
	opts     Options
	auth     Auth
	http     http.Client // Transport is the innermost RoundTripper
	ownPool  bool        // Transport is ours: it reports to httptrace
	header   []field     // of every request; never changed
}

// New makes a Client. header is sent with every call.
func New(provider string, o Options, auth Auth, header http.Header) (*Client, error) {
	if o.base == nil {
		return nil, errors.New("base URL: none")
	}
	if err := checkHeader(header); err != nil {
		return nil, err
	}
	all := http.Header{"User-Agent": {o.userAgent}}
	maps.Copy(all, header)
	c := &Client{provider: provider, opts: o, auth: auth, header: fields(all)}
	if o.http == nil {
		c.http.Transport, c.ownPool = defaultTransport()
		return c, nil
	}
	c.http = *o.http
	if c.http.Transport == nil {
		c.http.Transport, c.ownPool = defaultTransport()
	}
	if c.http.Timeout > 0 { // http.Client would run a goroutine for it
		c.opts.timeout = min(c.opts.timeout, c.http.Timeout)
		c.http.Timeout = 0
	}
	return c, nil
}

// field is a header's field. A slice of them is put on a request faster than
// a map.
type field struct {
	name   string
	values []string
}

func fields(h http.Header) []field {
	out := make([]field, 0, len(h))
	for name, values := range h {
		out = append(out, field{http.CanonicalHeaderKey(name), slices.Clip(slices.Clone(values))})
	}
	return out
}

// checkHeader refuses what must not be sent: values that are not fit for a
// header, and the two names that make net/http repeat a POST by itself.
func checkHeader(h http.Header) error {
	for name, values := range h {
		switch http.CanonicalHeaderKey(name) {
		case "Idempotency-Key", "X-Idempotency-Key":
			return errors.New("header " + name + ": net/http would repeat calls that carry it")
		}
		if slices.ContainsFunc(values, func(v string) bool { return !ValidHeaderValue(v) }) {
			return errors.New("header " + name + ": not fit for a header")
		}
	}
	return nil
}

// defaultTransport is http.DefaultTransport with a pool that many concurrent
// senders can keep their connections in. Wrapped by somebody (otelhttp), it
// is used as it is.
func defaultTransport() (_ http.RoundTripper, own bool) {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport, false
	}
	t = t.Clone()
	t.MaxIdleConns = 0 // the limit per host is the limit
	t.MaxIdleConnsPerHost = idlePerHost
	// Shorter than servers and balancers usually keep a connection (60 s and
	// more): a message that meets a closing one may or may not have arrived.
	t.IdleConnTimeout = idleTimeout
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = new(tls.Config)
	}
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)
	return t, true
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

// Words is for what the answer of res says: as Line, but what it quotes of the
// request is masked too.
func (c *Client) Words(res Result) *redact.Words {
	if c.auth == nil {
		return redact.NewWords(res.sent)
	}
	return redact.NewWords(res.sent, c.auth.Secrets()...)
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

// WithQuery is e with a query, encoded, that is the same for every call.
func (e Endpoint) WithQuery(query string) Endpoint {
	u := *e.url
	u.RawQuery = query
	e.url = &u
	return e
}

// join is the URL of an operation. Every argument is escaped, also "." and
// "..", which servers and proxies would otherwise resolve.
func (c *Client) join(path string, args []string, query string) *url.URL {
	u := *c.opts.base
	var escaped strings.Builder
	escaped.WriteString(u.EscapedPath())
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if strings.HasPrefix(part, "{") && len(args) > 0 {
			part, args = escapeSegment(args[0]), args[1:]
		}
		escaped.WriteString("/")
		escaped.WriteString(part)
	}
	setPath(&u, escaped.String())
	u.RawQuery = query
	return &u
}

func setPath(u *url.URL, escaped string) {
	u.Path, u.RawPath = escaped, ""
	if decoded, err := url.PathUnescape(escaped); err == nil {
		u.Path, u.RawPath = decoded, escaped
	}
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

	// Means says what an answer's body says, if it is complete. Nil: nothing
	// that the status does not say.
	Means func(status int, body []byte) Meaning
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

	// Unsure: an attempt before the last may have been accepted, and Kind is
	// MaybeAccepted unless the last one succeeded. Of all that the last
	// answer can say, only that the key is a duplicate changes that.
	Unsure bool

	unread bool   // Body is not all of the answer; Cause says why
	sent   []byte // the request's body
}

// NoWait makes calls under ctx never wait: no back-off, no rate limiter, and
// what asks to be called later (a 429, a Retry-After, a Busy answer) is
// returned at once. What can be tried again at once is, one time.
func NoWait(ctx context.Context) context.Context {
	return context.WithValue(ctx, noWait{}, true)
}

type noWait struct{}

// Waits says whether calls under ctx may wait: it does not come from NoWait.
func Waits(ctx context.Context) bool { return ctx.Value(noWait{}) == nil }

// Do makes the call.
func (c *Client) Do(ctx context.Context, call Call) Result {
	if err := checkHeader(call.Header); err != nil {
		return Result{Kind: errs.InvalidRequest, Cause: err}
	}
	instant := !Waits(ctx)
	if res := c.limit(ctx, instant); res.Kind != nil {
		return res
	}
	return newAttempts(ctx, c, call, instant).run() //nolint:contextcheck // the attempts hold ctx
}

// limit waits for the rate limiter. The Result is that of a call that was not
// made, or the zero Result.
func (c *Client) limit(ctx context.Context, instant bool) Result {
	if ctx.Err() != nil {
		return Result{Kind: errs.Unavailable, Cause: withEnd(ctx, nil)}
	}
	if c.opts.limiter == nil {
		return Result{}
	}
	r := c.opts.limiter.Reserve()
	wait := r.Delay()
	if wait == 0 {
		return Result{}
	}
	if deadline, ok := ctx.Deadline(); instant || ok && time.Until(deadline) < wait {
		r.Cancel()
		return Result{Kind: errs.RateLimited, RetryAfter: wait, Cause: errOwnLimit}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return Result{}
	case <-ctx.Done():
		r.Cancel()
		return Result{Kind: errs.RateLimited, RetryAfter: wait, Cause: withEnd(ctx, errOwnLimit)}
	}
}

var errOwnLimit = errors.New("this client's own rate limit")
