package capillary

import (
	"context"
	"crypto/md5" //nolint:gosec // the vendor's scheme asks for it
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/token"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Auth is how a [Client] proves whose it is: [OAuth], [Basic] or [BasicHash].
// It prints no secret in any form.
type Auth struct {
	open func() credentials // in a closure, out of reach of printing
}

type credentials struct {
	scheme       string
	user, secret string
}

const (
	schemeOAuth = "OAuth"
	schemeBasic = "Basic"
	schemeHash  = "BasicHash"
)

// String names the scheme.
func (a Auth) String() string {
	if a.open == nil {
		return "capillary.Auth(none)"
	}
	return "capillary.Auth(" + a.open().scheme + ")"
}

// GoString is as String.
func (a Auth) GoString() string { return a.String() }

// OAuth is the client key and secret of an organisation. The client gets an
// access token for them from /v3/oauth/token/generate on the same base URL,
// keeps it until shortly before it ends, and gets another one when the vendor
// answers 401, as the HTTP status or as the code of a refusal inside.
//
// Source: https://docs.capillarytech.com/reference/oauth
func OAuth(key, secret string) Auth { return newAuth(schemeOAuth, key, secret) }

// Basic is a till and its password, of which the vendor wants the MD5 hash.
// It is disabled for new organisations: prefer [OAuth].
//
// Source: https://docs.capillarytech.com/reference/basic-authentication
func Basic(till, password string) Auth { return newAuth(schemeBasic, till, password) }

// BasicHash is [Basic] for a password of which only the MD5 hash is known: 32
// lower-case hexadecimal digits.
func BasicHash(till, md5Hex string) Auth { return newAuth(schemeHash, till, md5Hex) }

func newAuth(scheme, user, secret string) Auth {
	return Auth{open: func() credentials { return credentials{scheme, user, secret} }}
}

// authenticator makes what the transport needs of the credentials and the
// options that go with them.
func (a Auth) authenticator(cfg *config) (transport.Auth, error) {
	if a.open == nil {
		return nil, errors.New("credentials: none: use OAuth or Basic")
	}
	c := a.open()
	if c.scheme == schemeOAuth {
		return newOAuth(c, cfg)
	}
	if cfg.tokenHeader != "" || cfg.entityType != "" {
		return nil, errors.New("a token header or an attribution: only with OAuth")
	}
	hash := c.secret
	switch {
	case c.user == "" || strings.Contains(c.user, ":") || problems.Text(c.user) != "":
		return nil, errors.New(`till: empty, with a ":", or not UTF-8`)
	case c.scheme == schemeBasic && c.secret == "":
		return nil, errors.New("password: empty")
	case c.scheme == schemeBasic:
		sum := md5.Sum([]byte(c.secret)) //nolint:gosec // likewise
		hash = hex.EncodeToString(sum[:])
	case len(hash) != 2*md5.Size || strings.Trim(hash, "0123456789abcdef") != "":
		return nil, errors.New("password hash: must be 32 lower-case hexadecimal digits")
	}
	value := base64.StdEncoding.EncodeToString([]byte(c.user + ":" + hash))
	return basic{transport.HeaderAuth("Authorization", "Basic "+value), func() []string { return []string{value, hash, c.secret} }}, nil
}

// basic is a fixed header, of which more than the value is secret.
type basic struct {
	transport.Auth
	secrets func() []string
}

func (b basic) Secrets() []string { return b.secrets() }

// oauth is a token that is fetched when there is none and when it is refused.
type oauth struct {
	header      string
	attribution http.Header
	cache       token.Cache
	secrets     func() []string // key and secret

	transport *transport.Client // without credentials
	endpoint  transport.Endpoint
}

const (
	headerToken      = "X-Cap-Api-Oauth-Token"
	headerEntityType = "X-Cap-Api-Attribution-Entity-Type"
	headerEntityCode = "X-Cap-Api-Attribution-Entity-Code"
	opToken          = "GenerateToken"
)

func newOAuth(c credentials, cfg *config) (*oauth, error) {
	for _, s := range []string{c.user, c.secret} {
		if s == "" || problems.Text(s) != "" {
			return nil, errors.New("client key or secret: empty, or not UTF-8")
		}
	}
	if cfg.entityType != "" && !cfg.RelaxedValidation() && !slices.Contains(entityTypes, cfg.entityType) {
		return nil, fmt.Errorf("attribution: the entity type must be one of %q", entityTypes)
	}
	o := &oauth{header: headerToken, attribution: http.Header{}, secrets: func() []string { return []string{c.secret, c.user} }}
	if cfg.tokenHeader != "" {
		o.header = http.CanonicalHeaderKey(cfg.tokenHeader)
	}
	if cfg.entityType != "" {
		o.attribution[headerEntityType] = []string{cfg.entityType}
		o.attribution[headerEntityCode] = []string{cfg.entityCode}
	}
	// A token must not wait behind the message that waits for it, so the
	// caller's limit does not count here.
	opts := cfg.Options
	if err := opts.SetRateLimit(noLimit, 1); err != nil {
		return nil, err
	}
	t, err := transport.New("capillary", opts, secretsOnly(o.secrets), jsonHeader())
	if err != nil {
		return nil, err
	}
	o.transport = t
	o.endpoint = t.Endpoint(opToken, http.MethodPost, "/v3/oauth/token/generate", transport.Read)
	o.cache.Fetch = o.fetch
	return o, nil
}

const noLimit = 1 << 40 // calls a second

// secretsOnly is an Auth that sets no header: it only names what to mask.
type secretsOnly func() []string

func (secretsOnly) Apply(context.Context, http.Header) error { return nil }

func (s secretsOnly) Secrets() []string { return s() }

// Apply sets the token, fetched if there is none.
func (o *oauth) Apply(ctx context.Context, h http.Header) error {
	t, err := o.cache.Get(ctx)
	if err != nil {
		return err
	}
	h[o.header] = []string{t}
	maps.Copy(h, o.attribution)
	return nil
}

// Rejected forgets the token that was sent: another can always be asked for.
func (o *oauth) Rejected(sent http.Header) bool {
	if t := sent[o.header]; len(t) > 0 {
		o.cache.Drop(t[0])
	}
	return true
}

// Secrets are the key, the secret and the token.
func (o *oauth) Secrets() []string { return append(o.cache.Secrets(), o.secrets()...) }

// fetch asks for a token. Its error is an *Error that never matches
// ErrMaybeAccepted: asking for a token sends nothing.
func (o *oauth) fetch(ctx context.Context) (token.Token, error) {
	secrets := o.secrets()
	body, err := jsonx.Encode(struct {
		Key    string `json:"key"`
		Secret string `json:"secret"`
	}{secrets[1], secrets[0]})
	if err != nil {
		return token.Token{}, err
	}
	asked := time.Now()
	res := o.transport.Do(ctx, transport.Call{Endpoint: o.endpoint, Body: body})
	var answer, data jsonx.Object
	if answer.Read(res.Body) {
		data.Read(answer.Get("data"))
	}
	value := jsonx.Scalar(data.Get("accessToken"))
	if res.Kind == nil && value != "" && transport.ValidHeaderValue(value) {
		return token.Token{Value: value, Expires: ends(asked, scalarOf(&data, "ttlSeconds"))}, nil
	}
	e := &Error{
		Op: opToken, StatusCode: res.Status, RequestID: requestID(o.transport, res.Header),
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: fault(o.transport, res),
	}
	a := readJSON(res.Body)
	e.Code, e.Message = a.status.Code, o.transport.Words(res).Line(a.status.Message)
	switch {
	case res.Kind == nil && len(a.errors) == 0: // neither a token nor an error
		e.fault.Kind, e.fault.Also = errs.Unavailable, errs.Decode
		if e.Message == "" {
			e.Message = "the answer has no token"
		}
	case res.Kind == nil, res.Status == http.StatusBadRequest, res.Status == http.StatusUnprocessableEntity:
		// The request is always the same but for the key and the secret.
		e.fault.Kind, e.fault.Also = errs.Unauthorized, nil
	}
	return token.Token{}, e
}

// ends is when a token asked for at a time is to be replaced: a tenth of its
// life, but no more than a minute, before its end. Zero, when the vendor does
// not say how long it lives: when it is refused.
func ends(asked time.Time, ttlSeconds scalar) time.Time {
	const longest = 30 * 24 * time.Hour // the longest that the vendor gives
	seconds := ttlSeconds.number()
	if seconds <= 0 {
		return time.Time{}
	}
	ttl := longest
	if seconds < int64(longest/time.Second) {
		ttl = time.Duration(seconds) * time.Second
	}
	return asked.Add(ttl - min(time.Minute, ttl/10))
}
