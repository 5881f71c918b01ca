package octopush

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// Client talks to Octopush. It is immutable, safe for concurrent use, and
// prints no secret in any form.
type Client struct {
	transport *transport.Client
	relaxed   bool
	send      transport.Endpoint // of every channel; submit sets Op and Class
	cancel    transport.Endpoint
	balance   transport.Endpoint
	credits   transport.Endpoint
}

// New makes a Client from the account's API login and API key. No call is
// made: whether they are good shows with the first one.
func New(login, apiKey string, opts ...Option) (*Client, error) {
	cfg := config{Options: transport.Defaults(BaseURL)}
	var problems []error
	if login == "" || !transport.ValidHeaderValue(login) {
		problems = append(problems, errors.New("API login: empty, or not fit for a header"))
	}
	if apiKey == "" || !transport.ValidHeaderValue(apiKey) {
		problems = append(problems, errors.New("API key: empty, or not fit for a header"))
	}
	for _, opt := range opts {
		if opt != nil {
			problems = append(problems, opt(&cfg))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("octopush: New: %w", err)
	}
	auth := transport.HeaderAuth("api-login", login, "api-key", apiKey)
	t, err := transport.New("octopush", cfg.Options, auth, http.Header{
		"Content-Type": {"application/json"},
		"Accept":       {"application/json"},
	})
	if err != nil {
		return nil, fmt.Errorf("octopush: New: %w", err)
	}
	return &Client{
		transport: t,
		relaxed:   cfg.RelaxedValidation(),
		send:      t.Endpoint("Send", http.MethodPost, "/multi-channel/send", transport.Send),
		cancel:    t.Endpoint("Cancel", http.MethodDelete, "/multi-channel/cancel", transport.Send),
		balance:   t.Endpoint("Balance", http.MethodGet, "/wallet/check-balance", transport.Read),
		credits:   t.Endpoint("Credits", http.MethodGet, "/wallet/check-credits", transport.Read),
	}, nil
}

// String names the client and where it sends to.
func (c *Client) String() string { return "octopush.Client(" + c.transport.BaseURL() + ")" }

// GoString is as String.
func (c *Client) GoString() string { return c.String() }
