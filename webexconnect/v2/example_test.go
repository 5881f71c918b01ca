package v2_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

// An RCS message with buttons, which the platform drops after a minute.
func ExampleClient_Send() {
	srv := webexconnecttest.NewServer() // in your program: v2.New(webexconnect.UK, webexconnect.ServiceKey(key))
	defer srv.Close()
	client := srv.ClientV2()

	res, err := client.Send(context.Background(), v2.Request{
		From: "a_636893638318070000",
		To:   []v2.Destination{{MSISDN: []string{"+449000000009"}, CorrelationID: "parcel-4711"}},
		Content: v2.RCSText{
			Text:        "Your parcel comes today. At home?",
			Suggestions: []v2.Suggestion{v2.Reply{Text: "Yes"}, v2.OpenURL{Text: "Another day", URL: "https://acme.example/p"}},
		},
		Validity:          time.Minute,
		RequestedReceipts: []v2.Receipt{v2.RCSDelivered, v2.RCSRead, v2.RCSFailed},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.MessageID, res.Outcomes[0].Status)
	// Output: 0facade0-0000-4000-8000-000000000001 queued
}

// An e-mail with a picture in it.
func ExampleEmail() {
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	_, err := srv.ClientV2().Send(context.Background(), v2.Request{
		From: "news@example.com",
		To:   []v2.Destination{v2.ToEmail("user@example.com")},
		Content: v2.Email{
			Subject: "Your order",
			Text:    "Thanks for your order.",
			HTML:    `<h2>Thanks</h2><img src="cid:order">`,
			Attachments: []v2.EmailAttachment{
				{MIMEType: "image/png", Name: "order", URL: "https://acme.example/order.png", CID: "order"},
			},
		},
		Options: &v2.Options{FromName: "Acme", TrackOpens: new(true)},
	})
	fmt.Println(err)
	// Output: <nil>
}

// Recipients with values of their own, in one call.
func ExampleDestination() {
	r := v2.Request{
		From: "ACME",
		To: []v2.Destination{
			{MSISDN: []string{"+449000000009"}, CorrelationID: "a", Substitutions: map[string]string{"name": "Ann"}},
			{MSISDN: []string{"+449000000008"}, CorrelationID: "b", Substitutions: map[string]string{"name": "Ben"}},
		},
		Content: v2.SMS{Text: "Hello $(name)"},
	}
	fmt.Println(r.Validate())
	// Output: <nil>
}

// What an error says, and what to do.
func ExampleError() {
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	srv.Next(webexconnecttest.RefuseV2("9002"))
	_, err := srv.ClientV2().Send(context.Background(), v2.Request{
		From: "ACME", To: []v2.Destination{v2.ToPhone("+449000000009")}, Content: v2.SMS{Text: "Sale!"},
	})
	if errors.Is(err, v2.ErrOptedOut) {
		fmt.Println("do not send:", err)
	}
	// Output: do not send: webexconnect v2: Send: recipient opted out: status 400, code 9002: contact policy: no consent
}

// What became of a message. The vendor has to open the operation for you.
func ExampleClient_Get() {
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	client := srv.ClientV2()
	res, err := client.Send(context.Background(), v2.Request{
		From: "ACME", To: []v2.Destination{v2.ToPhone("+449000000009")}, Content: v2.SMS{Text: "Hello"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := client.Get(context.Background(), res.MessageID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.Channel, status.Status)
	// Output: sms Submitted
}
