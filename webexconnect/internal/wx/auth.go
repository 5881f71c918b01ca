package wx

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/token"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// Auth is a credential of a service: made by ServiceKey or JWT, used as a
// transport.Auth, and printed as its kind only.
type Auth struct {
	auth transport.Auth
	kind string
	err  error // what is wrong with what it was made of
}

var (
	_ transport.Auth      = Auth{}
	_ transport.Refresher = Auth{}
)

var errNoAuth = errors.New("credentials: none; use ServiceKey or JWT")

// ServiceKey is the Auth of a service that is set to keys: header "key".
func ServiceKey(key string) Auth {
	a := Auth{kind: "ServiceKey", auth: transport.HeaderAuth("key", key)}
	if key == "" || !transport.ValidHeaderValue(key) {
		a.err = errors.New("service key: empty, or not fit for a header")
	}
	return a
}

// JWT is the Auth of a service that is set to JWTs: header "Authorization".
// The secret is base64 text, of either alphabet, padded or not.
func JWT(serviceID, secret string) Auth {
	a := Auth{kind: "JWT"}
	key, ok := decodeSecret(secret)
	switch {
	case serviceID == "" || !utf8.ValidString(serviceID):
		a.err = errors.New("service ID: empty, or not UTF-8")
	case !ok:
		a.err = errors.New("service secret: empty, or not base64")
	}
	a.auth = newJWTAuth(serviceID, secret, key)
	return a
}

// decodeSecret decodes base64 of either alphabet, padded or not: the vendor
// does not say which.
func decodeSecret(secret string) ([]byte, bool) {
	s := strings.TrimRight(secret, "=")
	s = strings.NewReplacer("-", "+", "_", "/").Replace(s)
	key, err := base64.RawStdEncoding.DecodeString(s)
	return key, err == nil && len(key) > 0
}

// Err is what is wrong with the credential, without the credential; nil:
// nothing.
func (a Auth) Err() error {
	if a.auth == nil {
		return errNoAuth
	}
	return a.err
}

// Apply sets the credential on h.
func (a Auth) Apply(ctx context.Context, h http.Header) error {
	if err := a.Err(); err != nil {
		return err
	}
	return a.auth.Apply(ctx, h)
}

// Secrets are the strings that nothing may show.
func (a Auth) Secrets() []string {
	if a.auth == nil {
		return nil
	}
	return a.auth.Secrets()
}

// Rejected says that after a 401 another token can be had.
func (a Auth) Rejected(sent http.Header) bool {
	r, ok := a.auth.(transport.Refresher)
	return ok && r.Rejected(sent)
}

// String is the kind of credential, not the credential.
func (a Auth) String() string {
	if a.auth == nil {
		return "Auth(none)"
	}
	return a.kind + "(***)"
}

// GoString is as String.
func (a Auth) GoString() string { return a.String() }

// LogValue is as String.
func (a Auth) LogValue() slog.Value { return slog.StringValue(a.String()) }

const (
	jwtLife  = 60 * time.Minute // from iat, by the vendor's clock
	jwtEarly = 5 * time.Minute
	bearer   = "Bearer "
)

// jwtAuth signs tokens and keeps the current one.
type jwtAuth struct {
	cache  token.Cache
	secret func() string // in a closure, out of reach of printing
}

func newJWTAuth(serviceID, secret string, key []byte) *jwtAuth {
	a := &jwtAuth{secret: func() string { return secret }}
	a.cache.Early = jwtEarly
	a.cache.Fetch = func(context.Context) (token.Token, error) {
		now := time.Now()
		value, err := SignJWT(serviceID, key, now)
		return token.Token{Value: value, Expires: now.Add(jwtLife)}, err
	}
	return a
}

// SignJWT is a service's token: HS256 over iss and iat.
//
// Source: https://developers.webexconnect.io/reference/using-jwt-for-api-authentication
func SignJWT(serviceID string, key []byte, now time.Time) (string, error) {
	claims, err := jsonx.Encode(struct {
		Issuer   string `json:"iss"`
		IssuedAt int64  `json:"iat"`
	}{serviceID, now.Unix()})
	if err != nil {
		return "", err
	}
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc.EncodeToString(claims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + enc.EncodeToString(mac.Sum(nil)), nil
}

func (a *jwtAuth) Apply(ctx context.Context, h http.Header) error {
	value, err := a.cache.Get(ctx)
	if err != nil {
		return err
	}
	h["Authorization"] = []string{bearer + value}
	return nil
}

func (a *jwtAuth) Secrets() []string { return append(a.cache.Secrets(), a.secret()) }

func (a *jwtAuth) Rejected(sent http.Header) bool {
	value, ok := strings.CutPrefix(sent.Get("Authorization"), bearer)
	if ok {
		a.cache.Drop(value)
	}
	return ok
}
