package capillary

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// Base URLs of the vendor's clusters. The one of Europe is in every sample of
// the vendor's; the others are as its overview listed them on 2026-08-03. They
// have changed often: ask the vendor which cluster your organisation is on.
//
// Source: https://docs.capillarytech.com/reference/apioverview
const (
	Europe    = "https://eu.api.capillarytech.com"
	Asia      = "https://apac.api.intouch.capillarytech.com" // India; in 2025-12: apac.api.capillarytech.com
	Singapore = "https://sea.api.capillarytech.com"          // in 2025-12: apac2.api.capillarytech.com
	US        = "https://ushc.api.capillarytech.com"         // in 2025-12: us.api.capillarytech.com
)

// Option changes how [New] builds a [Client].
type Option func(*config) error

type config struct {
	transport.Options
	xml         bool
	camelCase   bool
	tokenHeader string
	entityType  string
	entityCode  string
}

// WithBaseURL replaces the base URL given to [New]: https, or plain http to
// loopback. The client appends "/v1.1/communications/sendMessage" and, for
// tokens, "/v3/oauth/token/generate".
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
// bursts of up to burst. The default is no limit. Demo and testing clusters
// allow 100 calls a minute for each API key: WithRateLimit(100.0/60, 1). Calls
// for an OAuth token do not count.
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

// WithRelaxedValidation switches off the checks of formats, which no page of
// the vendor's spells out: that a mobile number is digits with or without "+",
// that an e-mail address has an "@" and no comma, that neither addresses nor
// subjects hold line breaks, that the encoding type of an attachment is
// [Base64] and its data is, and that the entity type of [WithAttribution] is a
// known one.
func WithRelaxedValidation() Option {
	return func(c *config) error { c.SetRelaxedValidation(); return nil }
}

// WithXML sends messages in XML and asks for XML answers. Only the answer to
// an SMS in XML has an id and a state for each message.
func WithXML() Option {
	return func(c *config) error { c.xml = true; return nil }
}

// WithCamelCaseAttachments names the fields of attachments fileName, fileType,
// fileData and fileEncodingType. The default is file_name and so on, as in the
// page's table; no page shows a request of this operation with an attachment,
// and an older e-mail API has the names in camel case.
func WithCamelCaseAttachments() Option {
	return func(c *config) error { c.camelCase = true; return nil }
}

// WithTokenHeader names the header that carries the OAuth token. The vendor's
// pages contradict each other: "X-CAP-API-OAUTH-TOKEN" (the default) in the
// page about OAuth and in every sample, "CAP-API-ACCESS-TOKEN" in the overview.
// Names of headers that mean something else are refused.
func WithTokenHeader(name string) Option {
	return func(c *config) error {
		switch canonical := http.CanonicalHeaderKey(name); {
		case name == "" || strings.Trim(name, tokenCharacters) != "":
			return errors.New("token header: empty, or not fit for a header's name")
		case slices.Contains(takenHeaders, canonical):
			return errors.New("token header: " + canonical + " is for something else")
		}
		c.tokenHeader = name
		return nil
	}
}

// takenHeaders cannot carry a token: net/http would repeat calls that have one
// of the first two, and the others have a meaning of their own.
var takenHeaders = []string{
	"Idempotency-Key", "X-Idempotency-Key",
	"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Expect", "Host",
	"Keep-Alive", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
	headerEntityType, headerEntityCode,
}

const tokenCharacters = "-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// Entity types for [WithAttribution].
//
// Source: https://docs.capillarytech.com/reference/oauth
const (
	EntityTill             = "TILL"
	EntityStoreCode        = "STORE_CODE"
	EntityStoreName        = "STORE_NAME"
	EntityStoreExternalID  = "STORE_EXTERNAL_ID"
	EntityStoreExternalID1 = "STORE_EXTERNAL_ID_1"
	EntityStoreExternalID2 = "STORE_EXTERNAL_ID_2"
)

var entityTypes = []string{
	EntityTill, EntityStoreCode, EntityStoreName, EntityStoreExternalID, EntityStoreExternalID1, EntityStoreExternalID2,
}

// WithAttribution attributes calls to a till or store: entityType is one of
// the Entity constants, code the one of that entity. It is for [OAuth] only;
// without it the vendor takes the till that belongs to the client key.
func WithAttribution(entityType, code string) Option {
	return func(c *config) error {
		for _, s := range []string{entityType, code} {
			if s == "" || !transport.ValidHeaderValue(s) {
				return errors.New("attribution: empty, or not fit for a header")
			}
		}
		c.entityType, c.entityCode = entityType, code
		return nil
	}
}
