package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

// A service: providers, a route that waits, web hooks, and a message.
func Example() {
	fake := octopushtest.NewServer() // a real program has none
	defer fake.Close()
	octo := senders.Octopush{Client: fake.Client(), Verify: senders.Token("token", "a-long-random-secret")}

	runner, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()}) // one that survives, in earnest
	if err != nil {
		fmt.Println(err)
		return
	}
	otp, err := runner.Bind("otp", delivery.Route{
		{Try: octo.RCS(""), Within: 20 * time.Second},
		{Try: octo.SMS("ACME")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runner.Run(ctx) //nolint:errcheck // it says why ctx has ended
	}()
	defer func() { stop(); <-ended }()
	hooks := httptest.NewServer(runner.Receipts(octo)) // http.Handle("/hooks/octopush", runner.Receipts(octo))
	defer hooks.Close()

	res, err := otp.Send(ctx, fallback.Message{
		Key: "login-42", Class: fallback.OTP, To: fallback.Recipient{Phone: "+33611223344"},
		Deadline: time.Now().Add(2 * time.Minute), Text: "4821 is your Acme code.",
	})
	fmt.Println(res.Outcome, err)

	// The provider calls back: RCS did not arrive, so SMS goes out at once.
	call := func(i int, status octopush.Status) {
		for len(fake.Accepted()) <= i {
			time.Sleep(time.Millisecond)
		}
		err := fake.Deliver(ctx, hooks.URL+"?token=a-long-random-secret", fake.Accepted()[i].Receipt(0, status))
		if err != nil {
			fmt.Println(err)
		}
	}
	call(0, octopush.StatusNotDelivered)
	call(1, octopush.StatusDelivered)

	res, err = otp.Wait(ctx, "login-42")
	fmt.Println(res.Outcome, res.Channel, err)
	// Output:
	// pending <nil>
	// delivered sms <nil>
}

// Many messages: each result as it becomes final.
func ExampleBoundRoute_SendAll() {
	runner, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()})
	if err != nil {
		fmt.Println(err)
		return
	}
	sale, err := runner.Bind("sale", delivery.Route{{Try: fallbacktest.Accepting().On(fallback.SMS), Until: delivery.Accepted}})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		runner.Run(ctx) //nolint:errcheck // it says why ctx has ended
	}()
	defer func() { stop(); <-ended }()

	customers := func(yield func(fallback.Message) bool) {
		for i := range 1000 {
			if !yield(fallback.Message{
				Key: fmt.Sprint("sale-2026-", i), Class: fallback.Promotional,
				To: fallback.Recipient{Phone: fmt.Sprintf("+4477009%05d", i)}, Text: "Ten per cent off until Sunday.",
			}) {
				return
			}
		}
	}
	count := map[fallback.Outcome]int{}
	for res, err := range sale.SendAll(ctx, customers) {
		if err != nil {
			fmt.Println(res.Key, err)
		}
		count[res.Outcome]++
	}
	fmt.Println(count)
	// Output: map[accepted:1000]
}

// What a route would do, with its waits.
func ExampleBoundRoute_Explain() {
	octo := octopushtest.NewServer()
	defer octo.Close()
	provider := senders.Octopush{Client: octo.Client()}
	runner, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()})
	if err != nil {
		fmt.Println(err)
		return
	}
	route, err := runner.Bind("welcome", delivery.Route{
		{Try: provider.RCS(""), Within: 20 * time.Second},
		{Try: provider.SMS("ACME"), Until: delivery.Accepted},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := route.Explain(fallback.Message{To: fallback.Recipient{Phone: "+33611223344"}, Text: "Welcome."})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, leg := range plan {
		fmt.Println(leg.Step, leg.Channel, "until", leg.Wait)
	}
	// Output:
	// 1 rcs until delivered within 20s
	// 2 sms until accepted
}

// Promotions stay silent at night, by the recipient's own clock.
func ExampleQuietHours() {
	hours, err := delivery.QuietHours("21:00", "09:00", "Europe/Berlin")
	if err != nil {
		fmt.Println(err)
		return
	}
	s := fallback.Submission{Message: fallback.Message{To: fallback.Recipient{Zone: "Asia/Kolkata"}}}
	next := hours(s, time.Date(2026, 6, 1, 18, 0, 0, 0, time.UTC)) // half past eleven at night there
	fmt.Println(next.Format(time.RFC3339))
	// Output: 2026-06-02T09:00:00+05:30
}

// A provider of your own that calls back.
func ExampleSource() {
	var source delivery.Source = acme{}
	runner, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()})
	if err != nil {
		fmt.Println(err)
		return
	}
	hook := runner.Receipts(source)

	forged := httptest.NewRequest(http.MethodPost, "/hooks/acme", http.NoBody)
	w := httptest.NewRecorder()
	hook.ServeHTTP(w, forged)
	fmt.Println(w.Code)
	// Output: 401
}

// acme is a provider whose callbacks are forms.
type acme struct{}

func (acme) Receipts(r *http.Request) ([]delivery.Receipt, error) {
	if senders.Header("X-Acme-Secret", "a-long-random-secret")(r) != nil {
		return nil, delivery.ErrUnverified
	}
	outcomes := map[string]fallback.Outcome{"ok": fallback.Delivered, "no": fallback.Failed}
	outcome, ok := outcomes[r.FormValue("status")]
	if !ok {
		return nil, errors.New("acme: unknown status")
	}
	return []delivery.Receipt{{Provider: "acme", Ref: r.FormValue("ref"), Outcome: outcome}}, nil
}
