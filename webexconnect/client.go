package webexconnect

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// Client talks to the Messaging API v1. It is immutable, safe for concurrent
// use, and prints no secret in any form.
type Client struct {
	transport *transport.Client
	rules     rules
	send      transport.Endpoint
	sendBatch transport.Endpoint
}

// rules are the options that change how requests are checked and encoded.
type rules struct {
	relaxed     bool
	e164        bool
	policyOnTop bool
}

// New makes a Client for a service of a tenant in region, which may be empty
// with [WithBaseURL]. No call is made: whether the credential is good shows
// with the first one.
func New(region Region, auth Auth, opts ...Option) (*Client, error) {
	cfg := config{Options: transport.Defaults("")}
	var problems []error
	for _, opt := range opts {
		if opt != nil {
			problems = append(problems, opt(&cfg))
		}
	}
	t, err := wx.Transport(string(region), auth, &cfg.Options)
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, fmt.Errorf("webexconnect: New: %w", err)
	}
	return &Client{
		transport: t,
		rules:     cfg.rules,
		send:      t.Endpoint("Send", http.MethodPost, path, transport.Send),
		sendBatch: t.Endpoint("SendBatch", http.MethodPost, path, transport.Send),
	}, nil
}

const path = "/resources/v1/messaging"

// String names the client and where it sends to.
func (c *Client) String() string { return "webexconnect.Client(" + c.transport.BaseURL() + ")" }

// GoString is as String.
func (c *Client) GoString() string { return c.String() }
