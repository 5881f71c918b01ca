package v2

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/webexconnect"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// Client talks to the Messaging API v2. It is immutable, safe for concurrent
// use, and prints no secret in any form.
type Client struct {
	transport *transport.Client
	rules     rules
	send      transport.Endpoint
	get       transport.Endpoint
}

const (
	opSend = "Send"
	opGet  = "Get"
)

// New makes a Client for a service of a tenant in region, which may be empty
// with [WithBaseURL]. The credential is made by [webexconnect.ServiceKey] or
// [webexconnect.JWT], and may be shared with a client of v1. No call is made:
// whether it is good shows with the first one.
func New(region webexconnect.Region, auth webexconnect.Auth, opts ...Option) (*Client, error) {
	cfg := config{Options: transport.Defaults("")}
	var problems []error
	for _, opt := range opts {
		if opt != nil {
			problems = append(problems, opt(&cfg))
		}
	}
	t, err := wx.Transport(string(region), auth, &cfg.Options)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, fmt.Errorf("webexconnect v2: New: %w", err)
	}
	return &Client{
		transport: t,
		rules:     cfg.rules,
		send:      t.Endpoint(opSend, http.MethodPost, "/v2/messages", transport.Send),
		get:       t.Endpoint(opGet, http.MethodGet, "/v2/messages/{messageId}", transport.Read),
	}, nil
}

// String names the client and where it sends to.
func (c *Client) String() string { return "v2.Client(" + c.transport.BaseURL() + ")" }

// GoString is as String.
func (c *Client) GoString() string { return c.String() }
