package deflector

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// Client talks to Deflector. It is immutable, safe for concurrent use, and
// prints no secret in any form.
type Client struct {
	transport *transport.Client
	relaxed   bool
	send      transport.Endpoint
}

// New makes a Client. No call is made: whether the key is good shows with the
// first one.
func New(apiKey string, opts ...Option) (*Client, error) {
	cfg := config{Options: transport.Defaults(BaseURL), keyHeaders: []string{"api-key"}}
	var problems []error
	if apiKey == "" || !transport.ValidHeaderValue(apiKey) {
		problems = append(problems, errors.New("API key: empty, or not fit for a header"))
	}
	for _, opt := range opts {
		if opt != nil {
			problems = append(problems, opt(&cfg))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("deflector: New: %w", err)
	}
	var auth []string
	for _, name := range cfg.keyHeaders {
		auth = append(auth, name, apiKey)
	}
	t, err := transport.New("deflector", cfg.Options, transport.HeaderAuth(auth...), http.Header{
		"Content-Type": {"application/json"},
		"Accept":       {"application/json"},
	})
	if err != nil {
		return nil, fmt.Errorf("deflector: New: %w", err)
	}
	return &Client{
		transport: t,
		relaxed:   cfg.RelaxedValidation(),
		send:      t.Endpoint("Send", http.MethodPost, "/messages/send", transport.Send),
	}, nil
}

// String names the client and where it sends to.
func (c *Client) String() string { return "deflector.Client(" + c.transport.BaseURL() + ")" }

// GoString is as String.
func (c *Client) GoString() string { return c.String() }
