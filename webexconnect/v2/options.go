package v2

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// Option changes how [New] builds a [Client].
type Option func(*config) error

type config struct {
	transport.Options
	rules
}

// WithBaseURL replaces the region's host: https, or plain http to loopback.
// The client appends "/v2/messages".
func WithBaseURL(url string) Option {
	return func(c *config) error { return c.SetBaseURL(url) }
}

// WithHTTPClient has calls made with a copy of client: its Transport, Jar and
// Timeout. Redirects are not followed whatever it says. Without this option, or
// without a Transport in it, the client has a connection pool of its own, for
// many concurrent senders.
func WithHTTPClient(client *http.Client) Option {
	return func(c *config) error { return c.SetHTTPClient(client) }
}

// WithTimeout bounds one attempt, from dialling to the last byte of the
// answer. The default is 30 seconds. The whole call is bounded by its context.
func WithTimeout(oneAttempt time.Duration) Option {
	return func(c *config) error { return c.SetTimeout(oneAttempt) }
}

// WithMaxRetries sets how often a call is tried again, from 0 to 20; the
// default is 2. What may have been accepted is never tried again.
//
// The wait before each of these tries has full jitter: it is random, up to
// half a second at first, then doubling, at most 8 seconds. A Retry-After of up
// to 8 seconds is waited for instead; a longer one ends the tries at once and
// is in [Error.RetryAfter]. There is no try that the context's deadline leaves
// no time for.
func WithMaxRetries(n int) Option {
	return func(c *config) error { return c.SetMaxRetries(n) }
}

// WithRateLimit makes calls wait so that no more than perSecond are made, with
// bursts of up to burst. The default is no limit: the vendor's depends on the
// contract, is shared with v1, and may count destinations rather than calls.
//
// When the wait would outlast the context's deadline, the call fails at once
// with [ErrRateLimited]: nothing was sent, and [Error.RetryAfter] is the wait.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(c *config) error { return c.SetRateLimit(perSecond, burst) }
}

// WithLogger logs every attempt at debug level: operation, status and
// duration, never a key, a recipient or a text. The default logs nothing.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error { return c.SetLogger(l) }
}

// WithUserAgent puts product, such as "acme-shop/1.4", in front of this
// module's User-Agent.
func WithUserAgent(product string) Option {
	return func(c *config) error { return c.SetUserAgent(product) }
}

// WithRelaxedValidation switches off the checks that rest on another page of
// the vendor's than that of the channel, or on this machine's clock, and
// those of formats: the form of e-mail addresses and URLs, the words of
// requestedReceipts, the length of correlation IDs, how far ahead times may
// be, when options need a domain, the kinds of slides, and that HTML e-mail
// has HTML.
func WithRelaxedValidation() Option {
	return func(c *config) error {
		c.SetRelaxedValidation()
		c.relaxed = true
		return nil
	}
}

// WithE164Check refuses phone numbers (msisdn) that are not "+", an assigned
// country code and 7 to 15 digits in all, as the option of v1 does. By default
// they are neither checked nor changed.
func WithE164Check() Option {
	return func(c *config) error { c.e164 = true; return nil }
}
