// Command os1 sends the requests of OS1's messaging page.
//
//	go run ./examples/os1 list
//	go run ./examples/os1 send-sms
//	go run ./examples/os1 -to +919812345600 two-way
//
// Without credentials it runs against a fake server of its own. They are
// OS1_BASE_URL, the URL of your tenant, OS1_TENANT_ID, and OS1_CLIENT_ID with
// OS1_CLIENT_SECRET or OS1_ACCESS_TOKEN. The path of two-way messages is
// documented nowhere: OS1_PATH_TWO_WAY sets it. The real service is not told
// the page's address to report to, but OS1_CALLBACK_URL, if it is set; and the
// page's providers are not registered there, for they would be its default.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/cpaas-go/cpaas/examples/internal/example"
	"github.com/cpaas-go/cpaas/os1"
	"github.com/cpaas-go/cpaas/os1/os1test"
)

func main() { program(os.Getenv).Main() }

const (
	baseVar   = "OS1_BASE_URL"
	tenantVar = "OS1_TENANT_ID"
	idVar     = "OS1_CLIENT_ID"
	secretVar = "OS1_CLIENT_SECRET"
	tokenVar  = "OS1_ACCESS_TOKEN"
	pathVar   = "OS1_PATH_TWO_WAY"

	callbackVar = "OS1_CALLBACK_URL" // where the real service reports to
)

// guessedPath is where two-way messages may be sent. It is a guess.
const guessedPath = "/messages/two-way"

func program(getenv func(string) string) example.Program {
	return example.Program{
		Provider:      "os1",
		Credentials:   [][]string{{tenantVar, idVar, secretVar}, {tenantVar, tokenVar}},
		SecretHeaders: []string{"X-COREOS-ACCESS"},
		Secrets:       sampleSecrets,
		RealHosts:     []string{"getos1.com", "os1.dev", "logistax.io", "fxtrt.io"},
		Host: func(func(string) string) (string, error) {
			return "", example.Misuse("missing: " + baseVar + ", the URL of your tenant")
		},
		Fake: fake(getenv),
		Examples: []example.Example{
			{Name: "provider-ses", NoRecipient: true, Run: createProvider(ses)},
			{Name: "provider-infobip", NoRecipient: true, Run: createProvider(infobip)},
			{Name: "template-sms", NoRecipient: true, Run: createTemplate(templateSMS)},
			{Name: "template-email", NoRecipient: true, Run: createTemplate(templateEmail)},
			{Name: "template-whatsapp", NoRecipient: true, Run: createTemplate(templateWhatsApp)},
			{Name: "send-sms", Run: send(sms)},
			{Name: "send-email", Run: send(email)},
			{Name: "send-whatsapp", Run: send(whatsApp)},
			{Name: "send-bulk", Run: send(bulk)},
			{Name: "two-way", Run: sendTwoWay},
		},
	}
}

// fake starts the built-in server, which takes two-way messages at the path
// that they are sent to: none is known.
func fake(getenv func(string) string) func() (string, map[string]string, func()) {
	return func() (baseURL string, credentials map[string]string, stop func()) {
		srv := os1test.NewServer(os1test.WithPaths(os1.Paths{TwoWay: twoWayPath(getenv)}))
		return srv.URL, map[string]string{tenantVar: os1test.TenantID, idVar: os1test.ClientID, secretVar: os1test.ClientSecret}, srv.Close
	}
}

// twoWayPath is where two-way messages are sent.
func twoWayPath(getenv func(string) string) string { return cmp.Or(getenv(pathVar), guessedPath) }

func newClient(s example.Session) (*os1.Client, error) {
	auth := os1.StaticToken(s.Getenv(tokenVar))
	if s.Getenv(tokenVar) == "" {
		auth = os1.ClientCredentials(s.Getenv(idVar), s.Getenv(secretVar))
	}
	client, err := os1.New(s.BaseURL, s.Getenv(tenantVar), auth,
		os1.WithHTTPClient(s.HTTP), os1.WithPaths(os1.Paths{TwoWay: twoWayPath(s.Getenv)}))
	if err != nil {
		return nil, example.Misuse(err.Error())
	}
	return client, nil
}

func createProvider(request os1.ProviderRequest) func(context.Context, example.Session) (any, error) {
	return func(ctx context.Context, s example.Session) (any, error) {
		client, err := newClient(s)
		if err != nil {
			return nil, err
		}
		if s.Real { // nobody's messages would arrive any more
			return nil, example.Misuse("this would make the page's sample credentials your tenant's default: use a server of your own")
		}
		return client.CreateProvider(ctx, request)
	}
}

func createTemplate(request os1.TemplateRequest) func(context.Context, example.Session) (any, error) {
	return func(ctx context.Context, s example.Session) (any, error) {
		client, err := newClient(s)
		if err != nil {
			return nil, err
		}
		return client.CreateTemplate(ctx, request)
	}
}

// send sends a request to a recipient: the session's, else the page's.
func send(request func(to string) (os1.SendRequest, error)) func(context.Context, example.Session) (any, error) {
	return func(ctx context.Context, s example.Session) (any, error) {
		client, err := newClient(s)
		if err != nil {
			return nil, err
		}
		req, err := request(s.To)
		if err != nil {
			return nil, err
		}
		if s.Real { // the page's callback is an address that anybody may watch
			req.Callback = nil
			if url := s.Getenv(callbackVar); url != "" {
				req.Callback = callback(url)
			}
		}
		return client.Send(ctx, req)
	}
}

func sendTwoWay(ctx context.Context, s example.Session) (any, error) {
	client, err := newClient(s)
	if err != nil {
		return nil, err
	}
	req, err := twoWay(s.To)
	if err != nil {
		return nil, err
	}
	from := "the default of this program"
	if s.Getenv(pathVar) != "" {
		from = pathVar
	}
	if _, err := fmt.Fprintf(s.Out, "The path %s, from %s, is a guess: no page of the vendor's names it.\n", twoWayPath(s.Getenv), from); err != nil {
		return nil, err
	}
	return client.SendTwoWay(ctx, req)
}

// phoneOr is to as a phone number in two parts, with plus in front of the
// country code, or the page's if to is empty.
func phoneOr(to, plus string, page ...os1.Phone) ([]os1.Phone, error) {
	if to == "" {
		return page, nil
	}
	phone, err := os1.ParseE164(to)
	if err != nil {
		return nil, example.Misuse("-to: must be a phone number with its country code, +919812345600")
	}
	phone.CountryCode = plus + phone.CountryCode
	return []os1.Phone{phone}, nil
}

// addressOr is to as an e-mail address, or the page's if to is empty.
func addressOr(to, page string) ([]string, error) {
	if to != "" && !strings.Contains(to, "@") {
		return nil, example.Misuse("-to: must be an e-mail address")
	}
	return []string{cmp.Or(to, page)}, nil
}
