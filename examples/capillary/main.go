// Command capillary sends the requests of Capillary's page: one for each
// channel, in JSON and in XML.
//
//	go run ./examples/capillary list
//	go run ./examples/capillary sms-json
//	go run ./examples/capillary -to 919812345678 whatsapp-xml
//
// Without CAPILLARY_BASE_URL and credentials it runs against a fake server of
// its own. The credentials are CAPILLARY_KEY and CAPILLARY_SECRET (OAuth) or
// CAPILLARY_TILL and CAPILLARY_PASSWORD (Basic); with both, OAuth is used.
package main

import (
	"context"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/capillary/capillarytest"
	"github.com/cpaas-go/cpaas/examples/internal/example"
)

func main() { program.Main() }

const (
	keyVar      = "CAPILLARY_KEY"
	secretVar   = "CAPILLARY_SECRET"
	tillVar     = "CAPILLARY_TILL"
	passwordVar = "CAPILLARY_PASSWORD"
)

var pairs = [][]string{{keyVar, secretVar}, {tillVar, passwordVar}}

var program = example.Program{
	Provider:      "capillary",
	Credentials:   pairs,
	SecretHeaders: []string{"X-CAP-API-OAUTH-TOKEN"},
	RealHosts:     []string{"capillarytech.com", "capillarytech.cn.com", "capillary.co.in"},
	Host: func(func(string) string) (string, error) {
		return "", example.Misuse("missing: CAPILLARY_BASE_URL, the cluster of your organisation, such as " + capillary.Europe)
	},
	Fake: func() (string, map[string]string, func()) {
		srv := capillarytest.NewServer()
		return srv.URL, map[string]string{keyVar: capillarytest.Key, secretVar: capillarytest.Secret}, srv.Close
	},
	Examples: []example.Example{
		{Name: "sms-json", Run: sms},
		{Name: "email-json", Run: email},
		{Name: "whatsapp-json", Run: whatsApp},
		{Name: "zalo-json", Run: zalo},
		{Name: "sms-xml", Run: smsXML},
		{Name: "email-xml", Run: emailXML},
		{Name: "whatsapp-xml", Run: whatsAppXML},
		{Name: "zalo-xml", Run: zaloXML},
	},
}

// client makes a client with the credentials that are there.
func client(s example.Session, opts ...capillary.Option) (*capillary.Client, error) {
	auth := capillary.OAuth(s.Getenv(keyVar), s.Getenv(secretVar))
	if s.Getenv(keyVar) == "" && s.Getenv(secretVar) == "" {
		auth = capillary.Basic(s.Getenv(tillVar), s.Getenv(passwordVar))
	}
	for _, pair := range pairs { // half a pair, beside a whole one, is a mistake too
		for i, name := range pair {
			if s.Getenv(name) == "" && s.Getenv(pair[1-i]) != "" {
				return nil, example.Misuse("missing: " + name)
			}
		}
	}
	c, err := capillary.New(s.BaseURL, auth, append(opts, capillary.WithHTTPClient(s.HTTP))...)
	if err != nil {
		return nil, example.Misuse(err.Error())
	}
	return c, nil
}

// phone is the recipient's number, the page's unless another is wanted.
func phone(s example.Session, sample string) string {
	if s.To == "" {
		return sample
	}
	return strings.TrimPrefix(s.To, "+")
}

// address is the recipient's e-mail address, likewise.
func address(s example.Session) string {
	if s.To == "" {
		return "user@example.com"
	}
	return s.To
}

// The page's time and text.
var pageTime = time.Date(2024, 2, 22, 0, 25, 6, 0, time.FixedZone("IST", 5*3600+1800))

const pageText = "747977 is the OTP for Go+. Valid for 15 minutes. f1obOaOBiPA"

func sms(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	to := phone(s, "919591471711")
	return c.SendSMS(ctx,
		capillary.SMS{To: to, Body: "747977-is the OTP for company X. Valid for 15 minutes. flob0a0BiPA", ScheduledTime: pageTime},
		capillary.SMS{To: to, Body: "821341 is the OTP for company Y. Valid for 15 minutes. flob0a0BiPA", ScheduledTime: pageTime.Add(9 * time.Hour)},
	)
}

func email(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.SendEmail(ctx, capillary.Email{
		To:            address(s),
		CC:            []string{}, // "cc": ""
		BCC:           []string{},
		From:          "user@example.com",
		Subject:       "Testingemail",
		OmitBody:      true, // as the page does, although its table wants one
		ScheduledTime: pageTime,
	})
}

func whatsApp(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.SendWhatsApp(ctx, capillary.WhatsApp{Receiver: phone(s, "919591471711"), Template: pageText, ScheduledTime: pageTime})
}

func zalo(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.SendZalo(ctx, capillary.Zalo{Receiver: phone(s, "919591471711"), Template: pageText, ScheduledTime: pageTime})
}

func smsXML(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s, capillary.WithXML())
	if err != nil {
		return nil, err
	}
	return c.SendSMS(ctx, capillary.SMS{To: phone(s, "8971345617"), Body: "Testing body 1"})
}

func emailXML(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s, capillary.WithXML())
	if err != nil {
		return nil, err
	}
	return c.SendEmail(ctx, capillary.Email{
		To:            address(s),
		From:          "user@example.com",
		Subject:       "OTP",
		Body:          "OTP to verify is 999999.",
		ScheduledTime: pageTime,
	})
}

func whatsAppXML(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s, capillary.WithXML())
	if err != nil {
		return nil, err
	}
	return c.SendWhatsApp(ctx, capillary.WhatsApp{Receiver: phone(s, "919442450602"), Template: "OTP body", ScheduledTime: pageTime})
}

func zaloXML(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s, capillary.WithXML())
	if err != nil {
		return nil, err
	}
	return c.SendZalo(ctx, capillary.Zalo{Receiver: phone(s, "919442450602"), Template: "OTP body", ScheduledTime: pageTime})
}
