// Package login sends one-time codes, as a user of the module would write it.
package login

import (
	"context"
	"fmt"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/senders"
)

// Messenger is what Service needs of a route.
type Messenger interface {
	Send(context.Context, fallback.Message) (fallback.Result, error)
}

var _ Messenger = fallback.Route{}

// Service sends codes.
type Service struct{ Codes Messenger }

// Route is RCS, then WhatsApp, then SMS, all by Deflector.
func Route(client *deflector.Client) fallback.Route {
	netcore := senders.Deflector{Client: client}
	return fallback.Route{netcore.RCS(), netcore.WhatsApp(), netcore.SMS("ACMEIN")}
}

// SendCode sends code to phone.
func (s Service) SendCode(ctx context.Context, phone, code string) (fallback.Result, error) {
	res, err := s.Codes.Send(ctx, fallback.Message{
		Class: fallback.OTP,
		To:    fallback.Recipient{Phone: phone},
		Text:  code + " is your Acme code.",
		Content: fallback.Contents{
			fallback.RCS:      fallback.Template{Name: "otp_card", Vars: map[string]string{"CODE": code}},
			fallback.WhatsApp: fallback.Template{Name: "otp", Locale: "en", Args: []string{code}},
		},
	})
	if err != nil {
		return res, fmt.Errorf("code not sent: %w", err)
	}
	return res, nil
}
