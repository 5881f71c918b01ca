// Package wx is what both versions of Webex Connect's Messaging API share:
// credentials, hosts, codes, and the reading of refusals.
package wx

import (
	"errors"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// hosts are the messaging hosts by region. Tenants of the older product are
// named by host: a tenant's domain does not tell its host, imiconnect.io has
// two.
//
// Source: https://developers.webexconnect.io/reference/know-your-api-endpoints
var hosts = map[string]string{
	"ca":  "api.ca.webexconnect.io",
	"eu":  "api.eu.webexconnect.io",
	"uk":  "api.uk.webexconnect.io",
	"us":  "api.us.webexconnect.io",
	"us1": "api.us1.webexconnect.io",
	"in":  "api.in.webexconnect.io",
	"au":  "api.au.webexconnect.io",

	"api.imiconnect.ca":    "api.imiconnect.ca",
	"api.imiconnect.io":    "api.imiconnect.io",
	"api.imiconnect.eu":    "api.imiconnect.eu",
	"api-us.imiconnect.io": "api-us.imiconnect.io",
	"api.imiconnect.us":    "api.imiconnect.us",
	"api.imiconnect.in":    "api.imiconnect.in",
	"api.imiconnect.com":   "api.imiconnect.com",
}

// Host is the messaging host of a region; ok is false when there is no such
// region.
func Host(region string) (host string, ok bool) {
	host, ok = hosts[region]
	return host, ok
}

// Transport makes the HTTP side of a client: o's base URL or else the
// region's, and auth.
func Transport(region string, auth Auth, o *transport.Options) (*transport.Client, error) {
	var problems []error
	if o.BaseURL() == "" {
		if host, ok := Host(region); ok {
			problems = append(problems, o.SetBaseURL("https://"+host))
		} else {
			problems = append(problems, errors.New("region: unknown; use one of the constants, or WithBaseURL"))
		}
	}
	problems = append(problems, auth.Err())
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return transport.New("webexconnect", *o, auth, http.Header{
		"Content-Type": {"application/json"},
		"Accept":       {"application/json"},
	})
}
