package capillary

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-querystring/query"

	"github.com/cpaas-go/cpaas/internal/transport"
)

// Client talks to one cluster of Capillary's for one organisation. It is
// immutable, safe for concurrent use, and prints no secret in any form.
type Client struct {
	transport *transport.Client
	relaxed   bool
	xml       bool
	camelCase bool

	sms, email, whatsApp, zalo channel
	resend                     transport.Endpoint
}

// channel is what the four channels differ in.
type channel struct {
	endpoint transport.Endpoint // with the channel in its query
	key      string             // of the messages in the request: root.{key}
}

// sendQuery is the query of the operation. The page says that channel is not
// case-sensitive and defaults to sms; it is always sent, in lower case.
type sendQuery struct {
	Channel string `url:"channel"`
}

// New makes a Client for the API at baseURL, such as [Europe]: https, or plain
// http to loopback. No call is made: whether the credentials are good shows
// with the first one.
func New(baseURL string, auth Auth, opts ...Option) (*Client, error) {
	cfg := config{Options: transport.Defaults("")}
	var problems []error
	if baseURL != "" {
		problems = append(problems, cfg.SetBaseURL(baseURL))
	}
	for _, opt := range opts {
		if opt != nil {
			problems = append(problems, opt(&cfg))
		}
	}
	if cfg.BaseURL() == "" && baseURL == "" {
		problems = append(problems, errors.New("base URL: none"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("capillary: New: %w", err)
	}
	c, err := build(auth, &cfg)
	if err != nil {
		return nil, fmt.Errorf("capillary: New: %w", err)
	}
	return c, nil
}

func build(auth Auth, cfg *config) (*Client, error) {
	credentials, err := auth.authenticator(cfg)
	if err != nil {
		return nil, err
	}
	header := jsonHeader()
	if cfg.xml {
		header = http.Header{"Content-Type": {"application/xml"}, "Accept": {"application/xml"}}
	}
	t, err := transport.New("capillary", cfg.Options, credentials, header)
	if err != nil {
		return nil, err
	}
	c := &Client{
		transport: t, relaxed: cfg.RelaxedValidation(), xml: cfg.xml, camelCase: cfg.camelCase,
		resend: t.Endpoint("Resend", http.MethodPost, "/v2/communications/resend", transport.Send),
	}
	for _, ch := range []struct {
		to             *channel
		op, key, value string
	}{
		{&c.sms, "SendSMS", keySMS, "sms"},
		{&c.email, "SendEmail", keyEmail, "email"},
		{&c.whatsApp, "SendWhatsApp", keyWhatsApp, "whatsapp"},
		{&c.zalo, "SendZalo", keyZalo, "zalo"},
	} {
		q, err := query.Values(sendQuery{Channel: ch.value})
		if err != nil {
			return nil, err
		}
		*ch.to = channel{
			endpoint: t.Endpoint(ch.op, http.MethodPost, "/v1.1/communications/sendMessage", transport.Send).WithQuery(q.Encode()),
			key:      ch.key,
		}
	}
	return c, nil
}

// The keys of a request's messages, and the elements of one message in an
// answer.
const (
	keySMS      = "sms"
	keyEmail    = "email"
	keyWhatsApp = "whatsappMessage"
	keyZalo     = "zaloMessage"
)

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
}

// String names the client and where it sends to.
func (c *Client) String() string { return "capillary.Client(" + c.transport.BaseURL() + ")" }

// GoString is as String.
func (c *Client) GoString() string { return c.String() }
