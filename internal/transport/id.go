package transport

import "github.com/cpaas-go/cpaas/internal/redact"

// ID makes an id from outside fit to be shown: see redact.ID. The client's
// own secrets are masked.
func (c *Client) ID(s string) string {
	if s == "" || c.auth == nil {
		return redact.ID(s)
	}
	return redact.ID(s, c.auth.Secrets()...)
}
