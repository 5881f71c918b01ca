package octopush

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// BaseURL is where the vendor's API begins.
const BaseURL = "https://api.octopush.com/v1/public"

// Option changes how [New] builds a [Client].
type Option func(*config) error

type config struct {
	transport.Options
}

// WithBaseURL replaces [BaseURL]: https, or plain http to loopback. The
// client appends the operation's path, such as "/multi-channel/send".
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
// default is 2. What may have been accepted is tried again only under a
// RequestID.
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
// bursts of up to burst. The default is no limit: the vendor publishes none.
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

// WithRelaxedValidation switches off the checks of form: that a sender is 3
// to 11 letters or digits (other pages of the vendor's also allow a space),
// that a phone number is "+" and digits, that an e-mail address looks like
// one, that a conversation id is a UUID, and that a country code is two
// capital letters. Limits, required fields and lists of values stay.
func WithRelaxedValidation() Option {
	return func(c *config) error { c.SetRelaxedValidation(); return nil }
}
