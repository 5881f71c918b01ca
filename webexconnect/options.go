package webexconnect

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// Region is where a tenant lives. It decides the host.
//
// Source: https://developers.webexconnect.io/reference/know-your-api-endpoints
type Region string

// The regions of tenants under webexconnect.io.
const (
	CA  Region = "ca"  // AWS Canada
	EU  Region = "eu"  // AWS Ireland
	UK  Region = "uk"  // AWS London
	US  Region = "us"  // AWS Oregon
	US1 Region = "us1" // Azure, USA
	IN  Region = "in"  // AWS Mumbai
	AU  Region = "au"  // AWS Sydney
)

// The regions of older tenants, named by their hosts.
const (
	LegacyCA      Region = "api.imiconnect.ca"    // tenants under imiconnect.ca
	LegacyEMEA    Region = "api.imiconnect.io"    // tenants under imiconnect.io, outside the USA
	LegacyUK      Region = "api.imiconnect.eu"    // tenants under imiconnect.eu
	LegacyUS      Region = "api-us.imiconnect.io" // tenants under imiconnect.io, USA
	LegacyUSAzure Region = "api.imiconnect.us"    // tenants under imiconnect.us
	LegacyAPAC    Region = "api.imiconnect.in"    // tenants under imiconnect.in
	LegacyCOM     Region = "api.imiconnect.com"   // tenants under imiconnect.com
)

// Auth is the credential of a service: what [ServiceKey] and [JWT] return. It
// prints its kind and nothing else.
type Auth = wx.Auth

// ServiceKey is the credential of a service that is set to service keys. It
// goes into the header "key".
//
// Source: https://developers.webexconnect.io/reference/api-authentication
func ServiceKey(key string) Auth { return wx.ServiceKey(key) }

// JWT is the credential of a service that is set to JWTs: the service's ID
// and its secret, which is base64 text (either alphabet, padded or not). A
// token lives 60 minutes from its making; it is made here, kept, and replaced
// 5 minutes early, and once more when the vendor refuses it: with code 7001,
// which comes with status 200, or with status 401. This machine's clock must
// be right.
//
// Source: https://developers.webexconnect.io/reference/using-jwt-for-api-authentication
func JWT(serviceID, secret string) Auth { return wx.JWT(serviceID, secret) }

// Option changes how [New] builds a [Client].
type Option func(*config) error

type config struct {
	transport.Options
	rules
}

// WithBaseURL replaces the region's host: https, or plain http to loopback.
// The client appends "/resources/v1/messaging".
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
// contract, and may count destinations rather than calls.
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
// the vendor's than the one of this operation: the fields and lengths of the
// channels that the page only names, the parameters of WhatsApp templates,
// what options need and which channels take them, callbackData's length, the
// form of notifyurl, that a binary body is hexadecimal, and that storeRegion
// comes with sendLinkAsAppClip.
func WithRelaxedValidation() Option {
	return func(c *config) error {
		c.SetRelaxedValidation()
		c.relaxed = true
		return nil
	}
}

// WithE164Check refuses phone numbers (msisdn) that are not "+", an assigned
// country code, and 7 to 15 digits in all. By default they are neither checked
// nor changed: older tenants take other forms, and the page itself prints
// masked ones.
func WithE164Check() Option {
	return func(c *config) error { c.e164 = true; return nil }
}

// WithContactPolicyTopLevel sends [Request.ContactPolicy] beside "channels",
// where the vendor's SMS page has it, not inside, where the page of this
// operation has it.
//
// Source: https://developers.webexconnect.io/reference/send-message-api-v1
func WithContactPolicyTopLevel() Option {
	return func(c *config) error { c.policyOnTop = true; return nil }
}
