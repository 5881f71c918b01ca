// Command octopush makes the calls of Octopush's multichannel API, each with
// the body of the vendor's page.
//
//	go run ./examples/octopush list
//	go run ./examples/octopush sms
//
// Without credentials it runs against a fake server. With OCTOPUSH_API_LOGIN
// and OCTOPUSH_API_KEY it reaches the real service, for which it needs a
// recipient: -to, or CPAAS_TO. OCTOPUSH_BASE_URL sends elsewhere.
package main

import (
	"context"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/examples/internal/example"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

const (
	loginVar = "OCTOPUSH_API_LOGIN"
	keyVar   = "OCTOPUSH_API_KEY"

	// ticket is the campaign that the vendor's page answers with.
	ticket = "sms_5f3fbce61266e"
)

func main() { program().Main() }

func program() example.Program {
	return example.Program{
		Provider:    "octopush",
		Credentials: [][]string{{loginVar, keyVar}},
		RealHosts:   []string{"octopush.com"},
		Fake: func() (string, map[string]string, func()) {
			srv := octopushtest.NewServer()
			srv.Scheduled(octopush.SMS, ticket)
			return srv.URL, map[string]string{loginVar: octopushtest.Login, keyVar: octopushtest.APIKey}, srv.Close
		},
		Examples: []example.Example{
			{Name: "sms", Run: sms},
			{Name: "voice", Run: voice},
			{Name: "rcs", Run: rcs},
			{Name: "email", Run: email},
			{Name: "livechat", Run: liveChat},
			{Name: "cancel", Run: cancel, NoRecipient: true},
			{Name: "balance", Run: balance, NoRecipient: true},
		},
	}
}

func client(s example.Session) (*octopush.Client, error) {
	opts := []octopush.Option{octopush.WithHTTPClient(s.HTTP)}
	if s.BaseURL != "" {
		opts = append(opts, octopush.WithBaseURL(s.BaseURL))
	}
	return octopush.New(s.Getenv(loginVar), s.Getenv(keyVar), opts...)
}

// recipients are the page's, unless another is given.
func recipients(s example.Session, page ...string) []string {
	if s.To != "" {
		return []string{s.To}
	}
	return page
}

// sendAt is the time of the page's examples. It has passed.
func sendAt() time.Time { return time.Date(2024, 12, 19, 10, 0, 0, 0, time.FixedZone("", -7*60*60)) }

func sms(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.SendSMS(ctx, octopush.SMSRequest{
		Recipients:      recipients(s, "+33111222333", "+33111222334"),
		Text:            "Hello, this is a test message.",
		Sender:          "SenderName",
		SendAt:          sendAt(),
		Purpose:         octopush.Alert,
		ListName:        "sms_list",
		Simulate:        new(false),
		TrackRecipients: new(true),
		OptimizeText:    new(true),
		DeleteOptedOut:  new(true),
		Type:            octopush.Premium,
		WithReplies:     true,
	})
}

func voice(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.SendVoice(ctx, octopush.VoiceRequest{
		Recipients:     recipients(s, "+33111222333", "+33111222334"),
		Text:           "Hello, this is a voice message test.",
		Sender:         "SenderName",
		SendAt:         sendAt(),
		Purpose:        octopush.Alert,
		ListName:       "voice_sms_list",
		Simulate:       new(false),
		DeleteOptedOut: new(true),
		Type:           octopush.VoiceTypeSMS,
		Gender:         octopush.Male,
		Language:       octopush.VoiceEnUS,
		PressedKeys:    true,
	})
}

func rcs(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.SendRCS(ctx, octopush.RCSRequest{
		Recipients:     recipients(s, "+33111222333", "+33111222334"),
		Text:           "Hello, this is a test RCS message.",
		Sender:         "***",
		SendAt:         sendAt(),
		Purpose:        octopush.Alert,
		ListName:       "rcs_list",
		Simulate:       new(false),
		DeleteOptedOut: new(true),
		WithReplies:    true,
	})
}

func email(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.SendEmail(ctx, octopush.EmailRequest{
		Recipients: recipients(s, "user@example.com", "user@example.com"),
		Text:       "This is the content of your email.",
		Sender:     "SenderName",
		SendAt:     sendAt(),
		Purpose:    octopush.Alert,
		ListName:   "email_list",
		From:       "user@example.com",
		FromName:   "Sender Name",
		Subject:    "Test Email",
		Service:    octopush.Gateway,
		Template:   "welcome_email_template",
	})
}

func liveChat(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	to := []octopush.LiveChatRecipient{
		{Phone: "+33111222333"},
		{Email: "user@example.com"},
		{ConversationID: "00000000-0000-0000-0000-000000000001"},
	}
	switch {
	case s.To == "":
	case strings.HasPrefix(s.To, "+"):
		to = []octopush.LiveChatRecipient{{Phone: s.To}}
	case strings.Contains(s.To, "@"):
		to = []octopush.LiveChatRecipient{{Email: s.To}}
	default:
		to = []octopush.LiveChatRecipient{{ConversationID: s.To}}
	}
	return c.SendLiveChat(ctx, octopush.LiveChatRequest{
		Recipients: to,
		Text:       "Hello, this is a live chat message.",
		Sender:     "AgentName",
	})
}

func cancel(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.Cancel(ctx, octopush.CancelRequest{Channel: octopush.SMS, Ticket: ticket})
}

func balance(ctx context.Context, s example.Session) (any, error) {
	c, err := client(s)
	if err != nil {
		return nil, err
	}
	return c.Balance(ctx, octopush.BalanceRequest{})
}
