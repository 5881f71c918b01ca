package fallback_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

// A one-time code by RCS, else WhatsApp, else SMS, by one of two providers.
func Example() {
	netcoreFake, octoFake := deflectortest.NewServer(), octopushtest.NewServer() // a real program has no fakes
	defer netcoreFake.Close()
	defer octoFake.Close()
	netcoreFake.RefuseChannel(deflector.RCS, 400, deflector.CodeNoWhatsAppContact)
	netcoreFake.RefuseChannel(deflector.WhatsApp, 400, deflector.CodeNotOptedIn)

	netcore := senders.Deflector{Client: netcoreFake.Client()} // deflector.New(os.Getenv("DEFLECTOR_API_KEY"))
	octo := senders.Octopush{Client: octoFake.Client()}        // octopush.New(login, key)

	route := fallback.Route{
		netcore.RCS(),
		netcore.WhatsApp(),
		octo.SMS("ACME").Or(netcore.SMS("ACMEIN")),
	}
	res, err := route.Send(context.Background(), fallback.Message{
		Class:    fallback.OTP,
		To:       fallback.Recipient{Phone: "+919812345678"},
		Deadline: time.Now().Add(2 * time.Minute),
		Text:     "4821 is your Acme code.",
		Content: fallback.Contents{
			fallback.RCS:      fallback.Template{Name: "otp_card", Vars: map[string]string{"CODE": "4821"}},
			fallback.WhatsApp: fallback.Template{Name: "otp", Locale: "en", Args: []string{"4821"}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Outcome, res.Channel, res.Provider)
	for _, a := range res.Attempts {
		fmt.Println(a.Channel, a.Provider, a.Outcome, a.Next)
	}
	// Output:
	// accepted sms octopush
	// rcs deflector failed next channel
	// whatsapp deflector failed next channel
	// sms octopush accepted done
}

// What would happen, and why, without sending.
func ExampleRoute_Explain() {
	mail, sms := fallbacktest.Accepting(), fallbacktest.Accepting()
	route := fallback.Route{mail.On(fallback.Email), sms.On(fallback.SMS)}

	plan, err := route.Explain(fallback.Message{To: fallback.Recipient{Phone: "+919812345678"}, Text: "Welcome."})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, leg := range plan {
		fmt.Println(leg.Step, leg.Channel, leg.Skipped != "")
	}
	// Output:
	// 1 email true
	// 2 sms false
}

// Routes join with append, and a step may be several legs at once.
func ExampleAtOnce() {
	a, b, c := fallbacktest.Accepting(), fallbacktest.Accepting(), fallbacktest.Accepting()
	route := fallback.Route{fallback.AtOnce(a.On(fallback.WhatsApp), b.On(fallback.Email))}
	route = append(route, fallback.Route{c.On(fallback.SMS)}...)

	res, err := route.Send(context.Background(), fallback.Message{
		To: fallback.Recipient{Phone: "+919812345678", Email: "user@example.com"}, Text: "Your flight leaves from gate 7.",
	})
	fmt.Println(res.Outcome, len(res.Attempts), err)
	fmt.Println(len(a.Sent()), len(b.Sent()), len(c.Sent()))
	// Output:
	// accepted 2 <nil>
	// 1 1 0
}

// The error matches what went wrong with any of the attempts.
func ExampleError() {
	rcs, sms := fallbacktest.Refusing(fallback.ErrNotOnChannel), fallbacktest.Refusing(fallback.ErrInsufficientCredit)
	route := fallback.Route{rcs.On(fallback.RCS), sms.On(fallback.SMS)}

	_, err := route.Send(context.Background(), fallback.Message{To: fallback.Recipient{Phone: "+919812345678"}, Text: "Hello."})
	fmt.Println(errors.Is(err, fallback.ErrInsufficientCredit), errors.Is(err, fallback.ErrMaybeAccepted))
	if e, ok := errors.AsType[*fallback.Error](err); ok {
		fmt.Println(e.Result.Outcome, len(e.Result.Attempts))
	}
	// Output:
	// true false
	// failed 2
}

// A provider of your own is one function.
func ExampleSenderFunc() {
	pager := fallback.SenderFunc(func(_ context.Context, s fallback.Submission) (fallback.Ack, error) {
		fmt.Println("paging", s.To, "with", s.Content)
		return fallback.Ack{ID: "42"}, nil
	})
	route := fallback.Route{fallback.Leg{Channel: "pager", Provider: "acme-pagers", Sender: pager}}
	res, err := route.Send(context.Background(), fallback.Message{
		To: fallback.Recipient{Other: map[fallback.Channel]string{"pager": "night-shift"}}, Text: "The boiler is cold.",
	})
	fmt.Println(res.Outcome, res.ID, err)
	// Output:
	// paging night-shift with The boiler is cold.
	// accepted 42 <nil>
}
