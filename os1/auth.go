package os1

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/token"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// The headers that carry credentials.
const (
	headerAccess         = "X-Coreos-Access"
	headerAuth           = "X-Coreos-Auth"
	headerOrigin         = "X-Coreos-Origin-Token"
	headerCallbackSecret = "X-Coreos-Callback-Secret"
)

// Auth is how a client proves who it is. Make it with [ClientCredentials] or
// [StaticToken]; it prints nothing of what it holds.
type Auth struct {
	keys func() keys // in a closure, out of reach of printing
}

type keys struct {
	token      string
	id, secret string
}

// String names the kind of credentials.
func (a Auth) String() string {
	switch {
	case a.keys == nil:
		return "os1.Auth(none)"
	case a.keys().token != "":
		return "os1.Auth(StaticToken)"
	}
	return "os1.Auth(ClientCredentials)"
}

// GoString is as String.
func (a Auth) GoString() string { return a.String() }

// ClientCredentials gets access tokens from the vendor's AAA service: one at a
// time however many calls wait for it, kept until shortly before its end, and
// once more when a call is answered 401.
//
// Source: the vendor's OpenAPI document of the AAA service, operation
// authClientCredentials.
func ClientCredentials(id, secret string) Auth {
	return Auth{func() keys { return keys{id: id, secret: secret} }}
}

// StaticToken is an access token that you got yourself. It is sent as it is,
// without "Bearer". A call that is answered 401 fails.
func StaticToken(token string) Auth {
	return Auth{func() keys { return keys{token: token} }}
}

// bind makes a the transport's, of a client with the options of cfg.
func (a Auth) bind(cfg *config, tenantID string) (transport.Auth, error) {
	if a.keys == nil {
		return nil, errors.New("auth: none")
	}
	k := a.keys()
	switch {
	case k.token != "" && !transport.ValidHeaderValue(k.token):
		return nil, errors.New("access token: not fit for a header")
	case k.token != "" && cfg.audience != nil:
		return nil, errors.New("audience: needs client credentials")
	case k.token != "":
		return transport.HeaderAuth(append([]string{headerAccess, k.token}, cfg.secrets...)...), nil
	case k.id == "" || k.secret == "":
		return nil, errors.New("auth: an empty token, id or secret")
	case problems.Text(k.id) != "" || problems.Text(k.secret) != "":
		return nil, errors.New("client credentials: not valid UTF-8")
	}
	t, err := transport.New("os1", cfg.Options, masking(func() []string { return []string{k.secret} }), serviceHeaders(tenantID))
	if err != nil {
		return nil, err
	}
	body, err := jsonx.Encode(struct {
		ClientID     string  `json:"clientId"`
		ClientSecret string  `json:"clientSecret"`
		Audience     *string `json:"audience,omitempty"`
	}{k.id, k.secret, cfg.audience})
	if err != nil {
		return nil, err
	}
	fetch := tokenFetcher{
		client: &Client{transport: t},
		op:     operation{Endpoint: t.Endpoint("Token", http.MethodPost, cfg.paths.Token, transport.Read)},
		body:   func() []byte { return body },
	}
	return &tokenAuth{
		cache:  &token.Cache{Fetch: fetch.fetch, Early: time.Minute},
		others: transport.HeaderAuth(cfg.secrets...),
		secret: func() string { return k.secret },
	}, nil
}

// masking is an Auth that puts nothing on a call: its secrets are in the body.
type masking func() []string

func (masking) Apply(context.Context, http.Header) error { return nil }
func (m masking) Secrets() []string                      { return m() }

// tokenAuth is the Auth of client credentials.
type tokenAuth struct {
	cache  *token.Cache
	others transport.Auth
	secret func() string
}

func (a *tokenAuth) Apply(ctx context.Context, h http.Header) error {
	access, err := a.cache.Get(ctx)
	if err != nil {
		return err
	}
	h[headerAccess] = []string{access}
	return a.others.Apply(ctx, h)
}

func (a *tokenAuth) Secrets() []string {
	return append(append(a.others.Secrets(), a.cache.Secrets()...), a.secret())
}

// Rejected has another token fetched after a 401.
func (a *tokenAuth) Rejected(sent http.Header) bool {
	a.cache.Drop(sent.Get(headerAccess))
	return true
}

// tokenFetcher gets access tokens. Whatever becomes of that, no message was
// sent: its errors are never ErrMaybeAccepted.
type tokenFetcher struct {
	client *Client
	op     operation
	body   func() []byte
}

func (f tokenFetcher) fetch(ctx context.Context) (token.Token, error) {
	now := time.Now()
	meta, err := f.client.do(ctx, f.op, transport.Call{Body: f.body()})
	if err != nil {
		return token.Token{}, asTokenError(err)
	}
	var data struct {
		AccessToken string       `json:"accessToken"`
		ExpiresIn   jsonx.String `json:"expiresIn"`
	}
	if json.Unmarshal(meta.Data(), &data) != nil || data.AccessToken == "" || !transport.ValidHeaderValue(data.AccessToken) {
		return token.Token{}, f.client.unreadable(f.op, meta, errNoToken)
	}
	return token.Token{Value: data.AccessToken, Expires: expiry(now, string(data.ExpiresIn))}, nil
}

var errNoToken = errors.New("the answer holds no access token")

// maxLifetime is the longest that is believed of a token; what is longer, or
// makes no sense, means that a 401 will tell.
const maxLifetime = 366 * 24 * time.Hour

// expiry is the end of a token that was asked for at now and lives that many
// seconds.
func expiry(now time.Time, seconds string) time.Time {
	s, err := strconv.ParseFloat(seconds, 64)
	if err != nil || math.IsNaN(s) || s <= 0 || s > maxLifetime.Seconds() {
		return time.Time{}
	}
	return now.Add(time.Duration(s * float64(time.Second)))
}

// asTokenError says what a refused token means for a message: any refusal of
// the credentials is that they are wrong.
func asTokenError(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	if errors.Is(e.fault.Kind, errs.InvalidRequest) { // 400, 404: no such client, no such tenant
		e.fault.Kind = errs.Unauthorized
	}
	return e
}
