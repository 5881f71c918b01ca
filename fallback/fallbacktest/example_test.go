package fallbacktest_test

import (
	"context"
	"fmt"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// The code under test gets a route of scripted senders, and the test looks at
// what was submitted.
func ExampleSender() {
	rcs := fallbacktest.Refusing(fallback.ErrNotOnChannel)
	sms := fallbacktest.Accepting()
	route := fallback.Route{rcs.On(fallback.RCS), sms.On(fallback.SMS)}

	res, err := route.Send(context.Background(), fallback.Message{
		To: fallback.Recipient{Phone: "+919812345678"}, Text: "4821 is your Acme code.",
	})
	fmt.Println(res.Outcome, res.Channel, err)
	fmt.Println(len(rcs.Sent()), sms.Sent()[0].Content)
	// Output:
	// accepted sms <nil>
	// 1 4821 is your Acme code.
}

// What becomes of a message when the store fails before anything was sent.
func ExampleFaultyStore() {
	store := fallbacktest.Faulty(fallbacktest.VolatileStore())
	runner, err := delivery.New(delivery.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	sms := fallbacktest.Accepting()
	route, err := runner.Bind("welcome", delivery.Route{{Try: sms.On(fallback.SMS), Until: delivery.Accepted}})
	if err != nil {
		fmt.Println(err)
		return
	}
	m := fallback.Message{Key: "welcome-42", To: fallback.Recipient{Phone: "+919812345678"}, Text: "Welcome to Acme."}

	store.Fail(fallbacktest.Create, 1)
	_, err = route.Send(context.Background(), m)
	fmt.Println(len(sms.Sent()), err)

	res, err := route.Send(context.Background(), m) // with the same Key
	fmt.Println(len(sms.Sent()), res.Outcome, err)
	// Output:
	// 0 fallbacktest: the store fails, as it was told
	// 1 accepted <nil>
}
