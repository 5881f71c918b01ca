package transport

import (
	"context"
	"net/http"
	"strings"
)

// Auth puts credentials on an attempt, innermost: nothing but the caller's
// RoundTripper sees them.
type Auth interface {
	// Apply sets the credentials on h, which is this attempt's own. An error
	// ends the call: nothing was sent. The call is then ErrUnavailable or, if
	// the error is one, ErrUnauthorized, ErrForbidden, ErrInsufficientCredit
	// or ErrRateLimited; a RetryDelay method of the error is asked.
	Apply(ctx context.Context, h http.Header) error

	// Secrets are strings that no error or log may show.
	Secrets() []string
}

// Refresher is an Auth whose credentials expire. After a 401, or an answer that
// means Rejected, the call is made once more if Rejected says that other credentials can be had.
type Refresher interface {
	Rejected(sent http.Header) bool
}

// HeaderAuth is an Auth of fixed headers: pairs of name and value. It keeps
// the values in a closure, where no form of printing reaches them.
func HeaderAuth(pairs ...string) Auth {
	header := make([]field, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		header = append(header, field{http.CanonicalHeaderKey(pairs[i]), []string{pairs[i+1]}})
	}
	return headerAuth(func() []field { return header })
}

type headerAuth func() []field

func (a headerAuth) Apply(_ context.Context, h http.Header) error {
	for _, f := range a() {
		h[f.name] = f.values
	}
	return nil
}

// Secrets are the values and, of "Bearer abc" and its like, also the second
// part alone.
func (a headerAuth) Secrets() []string {
	var out []string
	for _, f := range a() {
		out = append(out, f.values...)
		if _, credential, ok := strings.Cut(f.values[0], " "); ok {
			out = append(out, credential)
		}
	}
	return out
}
