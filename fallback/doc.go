// Package fallback sends one message to one person over an order of channels
// and providers, and moves on when one of them refuses.
//
//	route := fallback.Route{
//		netcore.RCS(),
//		netcore.WhatsApp(),
//		octo.SMS("ACME").Or(netcore.SMS("ACMEIN")),
//	}
//	res, err := route.Send(ctx, fallback.Message{
//		To:   fallback.Recipient{Phone: "+919812345678"},
//		Text: "4821 is your Acme code.",
//		Content: fallback.Contents{ // what shows templates only
//			fallback.RCS:      fallback.Template{Name: "otp_card", Vars: map[string]string{"CODE": "4821"}},
//			fallback.WhatsApp: fallback.Template{Name: "otp", Locale: "en", Args: []string{"4821"}},
//		},
//	})
//
// The legs come from package [senders]; any [Sender] of your own joins as a
// [Leg]. Accepted is not delivered: to wait for delivery receipts before
// moving on, give the same legs to package [delivery], whose Route adds the
// waits.
//
// [senders]: https://pkg.go.dev/github.com/cpaas-go/cpaas/fallback/senders
// [delivery]: https://pkg.go.dev/github.com/cpaas-go/cpaas/fallback/delivery
package fallback
