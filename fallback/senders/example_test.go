package senders_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

// Your own names of templates, and a change to the vendor's request.
func ExampleDeflector() {
	srv := deflectortest.NewServer() // a real program has none
	defer srv.Close()
	netcore := senders.Deflector{
		Client:    srv.Client(),
		Templates: map[string]string{"welcome": "welcome_v7"},
		Edit:      func(m *deflector.Message, _ fallback.Submission) { m.Tags = append(m.Tags, "signup") },
	}
	route := fallback.Route{netcore.WhatsApp(), netcore.SMS("ACMEIN")}
	_, err := route.Send(context.Background(), fallback.Message{
		To:      fallback.Recipient{Phone: "+919812345678"},
		Content: fallback.Contents{fallback.WhatsApp: fallback.Template{Name: "welcome", Locale: "en", Args: []string{"Asha"}}},
	})
	fmt.Println(srv.Accepted()[0].Tags, err)
	// Output: [signup] <nil>
}

// Deflector goes from channel to channel by itself: one leg, one call.
func ExampleDeflector_Flow() {
	srv := deflectortest.NewServer()
	defer srv.Close()
	netcore := senders.Deflector{Client: srv.Client()}
	route := fallback.Route{netcore.Flow(deflector.InOrder(deflector.RCS, deflector.SMS), "ACMEIN")}
	res, err := route.Send(context.Background(), fallback.Message{
		To: fallback.Recipient{Phone: "+919812345678"}, Text: "Welcome, Asha.",
		Content: fallback.Contents{fallback.RCS: fallback.Template{Name: "welcome_card", Vars: map[string]string{"NAME": "Asha"}}},
	})
	fmt.Println(res.Outcome, len(srv.Requests()), err)
	// Output: accepted 1 <nil>
}

// Everything that a vendor's request has can be set.
func ExampleOctopush() {
	srv := octopushtest.NewServer()
	defer srv.Close()
	octo := senders.Octopush{
		Client:  srv.Client(),
		EditSMS: func(r *octopush.SMSRequest, _ fallback.Submission) { r.Simulate = new(true) },
	}
	route := fallback.Route{octo.RCS(""), octo.SMS("ACME")}
	srv.Next(octopushtest.Refuse(http.StatusBadRequest, octopush.CodeTextRefused)) // RCS
	res, err := route.Send(context.Background(), fallback.Message{To: fallback.Recipient{Phone: "+33611223344"}, Text: "4821 is your Acme code."})
	fmt.Println(res.Channel, *srv.Accepted()[0].SMS.Simulate, err)
	// Output: sms true <nil>
}

// For vendors that sign nothing, a secret is part of the callback URL.
func ExampleToken() {
	octo := senders.Octopush{Verify: senders.Token("token", "a-long-random-secret")}
	forged := httptest.NewRequest(http.MethodPost, "/hooks/octopush?token=guess", http.NoBody)
	_, err := octo.Receipts(forged)
	fmt.Println(err)
	// Output: callback not verified: callback without the right secret
}
