package main

import (
	"cmp"
	"context"

	"github.com/cpaas-go/cpaas/examples/internal/example"
	"github.com/cpaas-go/cpaas/webexconnect"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
)

// v2Examples are the examples of the second version of the API: the samples
// of the vendor's pages. WEBEXCONNECT_RCS_APP_ID and WEBEXCONNECT_EMAIL_FROM
// say who they come from, which the samples leave open.
func v2Examples() []example.Example {
	return []example.Example{
		{Name: "rcs-v2", Run: sendRCS},
		{Name: "email-v2", Run: sendEmail},
	}
}

func sendRCS(ctx context.Context, s example.Session) (any, error) {
	client, err := v2Client(s)
	if err != nil {
		return nil, err
	}
	return client.Send(ctx, v2.Request{
		From: cmp.Or(s.Getenv("WEBEXCONNECT_RCS_APP_ID"), "a_636893638318070000"),
		To:   []v2.Destination{v2.ToPhone(cmp.Or(s.To, "+4490XXXXX009"))},
		Content: v2.RCSText{
			Text:        "This is the message.  Reply Yes or No.",
			Suggestions: []v2.Suggestion{v2.Reply{Text: "Yes", PostbackData: "usr_msg_yes"}},
		},
		RequestedReceipts: []v2.Receipt{v2.RCSDelivered},
	})
}

func sendEmail(ctx context.Context, s example.Session) (any, error) {
	client, err := v2Client(s)
	if err != nil {
		return nil, err
	}
	return client.Send(ctx, v2.Request{
		From:    cmp.Or(s.Getenv("WEBEXCONNECT_EMAIL_FROM"), "user@example.com"),
		To:      []v2.Destination{v2.ToEmail(cmp.Or(s.To, "user@example.com"))},
		Content: v2.Email{Subject: "Subject", Text: "Simple text content"},
		RequestedReceipts: []v2.Receipt{
			v2.EmailSubmitted, v2.EmailDelivered, v2.EmailBounce, v2.EmailNotVerified, v2.EmailInvalid, v2.EmailComplaint, v2.EmailFailed,
		},
	})
}

// v2Client is a client with the credentials of the environment.
func v2Client(s example.Session) (*v2.Client, error) {
	opts := []v2.Option{v2.WithHTTPClient(s.HTTP)}
	if s.BaseURL != "" {
		opts = append(opts, v2.WithBaseURL(s.BaseURL))
	}
	client, err := v2.New(webexconnect.Region(s.Getenv(regionVar)), auth(s), opts...)
	if err != nil {
		return nil, example.Misuse(err.Error())
	}
	return client, nil
}
