package os1

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Option changes how [New] builds a [Client].
type Option func(*config) error

type config struct {
	transport.Options
	limit    func(*transport.Options) error // set last: getting a token takes no part in it
	paths    Paths
	spelling spelling
	audience *string
	userInfo string
	secrets  []string // headers, pairs of name and value
}

// WithBaseURL replaces the base URL given to [New]: https, or plain http to
// loopback. The client appends [Paths].
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
// bursts of up to burst. The default is no limit: the vendor publishes none.
// Getting an access token does not count.
//
// When the wait would outlast the context's deadline, the call fails at once
// with [ErrRateLimited]: nothing was sent, and [Error.RetryAfter] is the wait.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(c *config) error {
		c.limit = func(o *transport.Options) error { return o.SetRateLimit(perSecond, burst) }
		return nil
	}
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
// the vendor's than the one of this operation, or on a rule of which that
// page shows only a part: the form of e-mail addresses, and the fields that a
// notification must have.
func WithRelaxedValidation() Option {
	return func(c *config) error { c.SetRelaxedValidation(); return nil }
}

// WithPaths sets the paths that are not empty in p; see [Paths] for which of
// the others are guesses.
func WithPaths(p Paths) Option {
	return func(c *config) error {
		c.paths = p.or(c.paths)
		return c.paths.check()
	}
}

// WithSpelling sets other names for members of requests: the default name,
// such as "filename" or "quick_reply", to the name to send, such as
// "fileName" or "quick-reply". The page that documents them survived without
// its letter case and punctuation, so no name of more than one word is sure.
// A name is changed wherever a request of this package has it, but never
// inside data, context, meta, credentials or Extra, which are yours.
func WithSpelling(names map[string]string) Option {
	return func(c *config) error {
		c.spelling = maps.Clone(names)
		return c.spelling.check()
	}
}

// WithAudience asks for an access token for another application than the
// client's own: "audience", the application's id. It needs
// [ClientCredentials].
func WithAudience(app string) Option {
	return func(c *config) error {
		if app == "" || problems.Text(app) != "" {
			return errors.New("audience: empty, or not text")
		}
		c.audience = &app
		return nil
	}
}

// UserInfo says in whose name calls are made, the header X-COREOS-USERINFO.
type UserInfo struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// WithUserInfo sends the header X-COREOS-USERINFO, JSON, with every call. The
// vendor's pages call it optional for the notification service, and required
// for another; for messaging it is not documented.
//
// Source: https://docs.getos1.com/how-to-implement-custom-code-in-container-services
func WithUserInfo(u UserInfo) Option {
	return func(c *config) error {
		if u.ID == "" || problems.Text(u.ID) != "" || problems.Text(u.Name) != "" {
			return errors.New("user info: no id, or not text")
		}
		b, err := json.Marshal(u)
		if err != nil {
			return err
		}
		c.userInfo = ascii(string(b))
		return nil
	}
}

// ascii escapes what is not ASCII in JSON, for a header.
func ascii(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	for _, r := range s {
		if r < 0x7f {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hex[u>>shift&0xf])
			}
		}
	}
	return b.String()
}

// WithUserToken sends a user's authentication token, the header
// X-COREOS-AUTH, with every call. For messaging it is not documented.
//
// Source: https://docs.getos1.com/reference/get-app-configuration-details
func WithUserToken(token string) Option { return secretHeader("user token", headerAuth, token) }

// WithOriginToken sends the token of the calling application, the header
// X-COREOS-ORIGIN-TOKEN, with every call. Some container services require it;
// for messaging it is not documented.
func WithOriginToken(token string) Option {
	return secretHeader("origin token", headerOrigin, token)
}

// WithCallbackSecret sends a secret that callbacks are to be signed with, the
// header X-COREOS-CALLBACK-SECRET, with every call. It is documented for
// asynchronous container services; for messaging it is not.
//
// Source: https://docs.getos1.com/reference/containerizationdecontainerization-of-the-container
func WithCallbackSecret(secret string) Option {
	return secretHeader("callback secret", headerCallbackSecret, secret)
}

func secretHeader(what, name, value string) Option {
	return func(c *config) error {
		if value == "" || !transport.ValidHeaderValue(value) {
			return errors.New(what + ": empty, or not fit for a header")
		}
		c.secrets = append(c.secrets, name, value)
		return nil
	}
}
