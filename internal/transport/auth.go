package transport

import (
	"context"
	"net/http"
)

// Auth puts credentials on an attempt, innermost: nothing but the caller's
// RoundTripper sees them.
type Auth interface {
	// Apply sets the credentials on h, which is this attempt's own. An error
	// ends the call: nothing was sent.
	Apply(ctx context.Context, h http.Header) error

	// Secrets are strings that no error or log may show.
	Secrets() []string
}

// Refresher is an Auth whose credentials expire. After a 401 the call is made
// once more if Rejected says that other credentials can be had.
type Refresher interface {
	Rejected(sent http.Header) bool
}

// HeaderAuth is an Auth of fixed headers: pairs of name and value. It keeps
// the values in a closure, where no form of printing reaches them.
func HeaderAuth(pairs ...string) Auth {
	return headerAuth(func() []string { return pairs })
}

type headerAuth func() []string

func (a headerAuth) Apply(_ context.Context, h http.Header) error {
	pairs := a()
	for i := 0; i+1 < len(pairs); i += 2 {
		h[http.CanonicalHeaderKey(pairs[i])] = pairs[i+1 : i+2 : i+2]
	}
	return nil
}

func (a headerAuth) Secrets() []string {
	var out []string
	for i, pairs := 1, a(); i < len(pairs); i += 2 {
		out = append(out, pairs[i])
	}
	return out
}
