// Command webexconnect sends the requests of Webex Connect's page, and some
// that are composed of its parts.
//
//	go run ./examples/webexconnect list
//	go run ./examples/webexconnect sms
//	go run ./examples/webexconnect -to +449000000009 sms-smartlink
//
// Without credentials it runs against a fake server of its own. They are
// WEBEXCONNECT_SERVICE_KEY, or WEBEXCONNECT_SERVICE_ID and
// WEBEXCONNECT_SERVICE_SECRET. Then WEBEXCONNECT_REGION ("uk", "us", …) says
// where the tenant is, or WEBEXCONNECT_BASE_URL. WhatsApp needs
// WEBEXCONNECT_APP_ID.
package main

import (
	"cmp"
	"context"
	"time"

	"github.com/cpaas-go/cpaas/examples/internal/example"
	"github.com/cpaas-go/cpaas/webexconnect"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

func main() { program().Main() }

const (
	keyVar    = "WEBEXCONNECT_SERVICE_KEY"
	idVar     = "WEBEXCONNECT_SERVICE_ID"
	secretVar = "WEBEXCONNECT_SERVICE_SECRET"
	regionVar = "WEBEXCONNECT_REGION"
	baseVar   = "WEBEXCONNECT_BASE_URL"
	appVar    = "WEBEXCONNECT_APP_ID"
)

func program() example.Program {
	return example.Program{
		Provider:      "webexconnect",
		Credentials:   [][]string{{keyVar}, {idVar, secretVar}},
		SecretHeaders: []string{"key"},
		RealHosts: []string{
			"webexconnect.io", "imiconnect.io", "imiconnect.ca", "imiconnect.eu", "imiconnect.us", "imiconnect.in", "imiconnect.com",
		},
		Host: func(getenv func(string) string) (string, error) {
			if getenv(regionVar) == "" {
				return "", example.Misuse("missing: " + regionVar + " or " + baseVar)
			}
			return "", nil // the client knows the region's host
		},
		Fake: func() (string, map[string]string, func()) {
			srv := webexconnecttest.NewServer()
			return srv.URL, map[string]string{keyVar: webexconnecttest.ServiceKey, appVar: "a_157967534853754560"}, srv.Close
		},
		Examples: append(v1Examples(), v2Examples()...),
	}
}

func v1Examples() []example.Example {
	return []example.Example{
		{Name: "sms", Run: send(pageSMS)},
		{Name: "sms-smartlink", Run: send(smartLink)},
		{Name: "sms-full", Run: send(full)},
		{Name: "sms-binary", Run: send(binary)},
		{Name: "voice-prompt", Run: send(voice(webexconnect.Voice{PromptID: "354"}))},
		{Name: "voice-flow", Run: send(voice(webexconnect.Voice{CallFlowID: "184", CLI: "0453745878"}))},
		{Name: "whatsapp-text", Run: sendWhatsApp(whatsAppText)},
		{Name: "whatsapp-template", Run: sendWhatsApp(whatsAppTemplate)},
		{Name: "batch", Run: batch},
	}
}

// auth is the credential of the environment.
func auth(s example.Session) webexconnect.Auth {
	if key := s.Getenv(keyVar); key != "" {
		return webexconnect.ServiceKey(key)
	}
	return webexconnect.JWT(s.Getenv(idVar), s.Getenv(secretVar))
}

func newClient(s example.Session) (*webexconnect.Client, error) {
	opts := []webexconnect.Option{webexconnect.WithHTTPClient(s.HTTP)}
	if s.BaseURL != "" {
		opts = append(opts, webexconnect.WithBaseURL(s.BaseURL))
	}
	client, err := webexconnect.New(webexconnect.Region(s.Getenv(regionVar)), auth(s), opts...)
	if err != nil {
		return nil, example.Misuse(err.Error())
	}
	return client, nil
}

// send sends a request to a recipient: the session's, else the page's.
func send(request func(to string) webexconnect.Request) func(context.Context, example.Session) (any, error) {
	return func(ctx context.Context, s example.Session) (any, error) {
		client, err := newClient(s)
		if err != nil {
			return nil, err
		}
		return client.Send(ctx, request(s.To))
	}
}

// sendWhatsApp is send for requests of an app.
func sendWhatsApp(request func(appID, to string) webexconnect.Request) func(context.Context, example.Session) (any, error) {
	return func(ctx context.Context, s example.Session) (any, error) {
		appID := s.Getenv(appVar)
		if appID == "" {
			return nil, example.Misuse("missing: " + appVar)
		}
		return send(func(to string) webexconnect.Request { return request(appID, to) })(ctx, s)
	}
}

// The recipients of the page and of the vendor's other pages.
const (
	samplePhone    = "4490XXXXX009"
	sampleE164     = "+4490XXXXX009"
	sampleWhatsApp = "919876543210"
)

// pageSMS is the page's first SMS.
func pageSMS(to string) webexconnect.Request {
	return webexconnect.NewSMS(webexconnect.SMS{
		Text: "Sending first SMS using imiconnect", SenderID: "CONNCT",
	}, webexconnect.ToPhone(cmp.Or(to, samplePhone)))
}

// smartLink is the page's second request.
func smartLink(to string) webexconnect.Request {
	r := webexconnect.NewSMS(webexconnect.SMS{
		Text:     "Sending first SMS with smart link using imiconnect. Click the link to download the mobile app {{link_5}}",
		SenderID: "SENDER",
	}, webexconnect.ToPhone(cmp.Or(to, sampleE164)))
	r.SmartLinks = []webexconnect.SmartLink{{LinkID: 5, Validity: 30}}
	return r
}

// full is the page's catalogue of fields, as an SMS.
func full(to string) webexconnect.Request {
	phones := []string{"<value1>", "<value2>"}
	if to != "" {
		phones = []string{to}
	}
	r := webexconnect.NewSMS(webexconnect.SMS{
		Text: "SMS message content with {{link_linkid}}", SenderID: "SENDER", Type: webexconnect.SMSText,
		Extras: &webexconnect.SMSExtras{DLTTemplateID: "1107158158796985790"},
	}, webexconnect.Destination{MSISDN: phones, CorrelationID: "<id>"})
	r.CorrelationID = "SMSMTusingmsisdn"
	r.CallbackData = "smstesting"
	r.SmartLinks = []webexconnect.SmartLink{{LinkID: 5, Validity: 30}}
	r.ContactPolicy = &webexconnect.ContactPolicy{Group: "xKa4xfM3S_a9bP98ryCw8w", CheckConsent: true, ApplyFrequencyCap: true}
	return r
}

// binary is composed: the page describes binary messages and shows none.
func binary(to string) webexconnect.Request {
	return webexconnect.NewSMS(webexconnect.BinarySMS("CONNCT", []byte("Hello")), webexconnect.ToPhone(cmp.Or(to, samplePhone)))
}

// voice is one of the page's voice objects in a minimal request.
func voice(v webexconnect.Voice) func(to string) webexconnect.Request {
	return func(to string) webexconnect.Request {
		return webexconnect.NewVoice(v, webexconnect.ToPhone(cmp.Or(to, sampleE164)))
	}
}

func whatsAppText(appID, to string) webexconnect.Request {
	return webexconnect.NewWhatsApp(appID, webexconnect.WhatsApp{
		Text: &webexconnect.WhatsAppText{Body: "Your order is on its way: https://example.com/orders/42", PreviewURL: new(true)},
	}, webexconnect.ToWhatsApp(cmp.Or(to, sampleWhatsApp)))
}

func whatsAppTemplate(appID, to string) webexconnect.Request {
	r := webexconnect.NewWhatsAppTemplate(appID, webexconnect.Template{
		ID: "5139722425",
		Parameters: map[string]any{
			"image":          webexconnect.MediaParameter("https://example.com/a.jpg", ""),
			"movie":          "joker",
			"time":           webexconnect.DateTimeParameter("Feb 20th, 2023 8:45pm", time.Unix(1782231500, 0)),
			"purchase_value": webexconnect.CurrencyParameter("USD", 150000, "EUR 300"),
			"ctaVariable":    webexconnect.URLParameter("url_extension"),
			"quickReply":     webexconnect.QuickReplyParameter(webexconnect.TemplateButton{Text: "Button 1", Payload: "P1"}),
		},
	}, webexconnect.ToWhatsApp(cmp.Or(to, sampleWhatsApp)))
	r.WhatsApp = &webexconnect.WhatsApp{IdentityKeyHash: "njbYlYcxxxxx"}
	return r
}

// batch sends two texts to two people in one call.
func batch(ctx context.Context, s example.Session) (any, error) {
	client, err := newClient(s)
	if err != nil {
		return nil, err
	}
	return client.SendBatch(ctx, []webexconnect.Request{
		webexconnect.NewSMS(webexconnect.SMS{Text: "Hi John"}, webexconnect.ToPhone(cmp.Or(s.To, "91900000009"))),
		webexconnect.NewSMS(webexconnect.SMS{Text: "Hi Mark"}, webexconnect.ToPhone(cmp.Or(s.To, "91900000008"))),
	})
}
