package deflector_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
)

// One message, RCS first, then WhatsApp, then SMS: Deflector goes from one to
// the next by itself.
func Example() {
	srv := deflectortest.NewServer() // a real program leaves this out
	defer srv.Close()

	client, err := deflector.New(deflectortest.APIKey, // os.Getenv("DEFLECTOR_API_KEY")
		deflector.WithBaseURL(srv.URL), // not in a real program either
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := client.Send(context.Background(), deflector.Message{
		To:           []string{"919812345678"},
		CallbackData: "welcome-42",
		RCS:          &deflector.RCSTemplate{Code: "welcome_card", Attributes: map[string]string{"NAME": "Asha"}},
		WhatsApp:     deflector.OnWhatsApp("welcome-42", deflector.WhatsAppTemplate{Name: "welcome", Locale: "en", Attributes: []string{"Asha"}}),
		SMS:          &deflector.SMSText{From: "ACMEIN", Text: "Welcome to Acme, Asha."},
		Flow:         deflector.InOrder(deflector.RCS, deflector.WhatsApp, deflector.SMS),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("accepted as", res.MessageID)
	// Output: accepted as ack-1
}

// What to do about an error is asked with errors.Is; the rest is in the Error.
func ExampleError() {
	srv := deflectortest.NewServer()
	defer srv.Close()
	srv.Next(
		deflectortest.Refuse(http.StatusBadRequest, deflector.CodeNotOptedIn),
		deflectortest.RateLimited(20*time.Second),
		deflectortest.CloseAfterReading(),
	)
	client := srv.Client()

	for range 3 {
		_, err := client.Send(context.Background(), deflector.Message{
			To:   []string{"919812345678"},
			SMS:  &deflector.SMSText{From: "ACMEIN", Text: "4821 is your Acme code."},
			Flow: deflector.InOrder(deflector.SMS),
		})
		var e *deflector.Error
		switch {
		case errors.Is(err, deflector.ErrMaybeAccepted):
			fmt.Println("it may have been sent: do not send it again by yourself")
		case errors.Is(err, deflector.ErrNotOnChannel):
			fmt.Println("try another channel")
		case errors.As(err, &e) && e.RetryAfter > 0:
			fmt.Println("try again in", e.RetryAfter)
		}
	}
	// Output:
	// try another channel
	// try again in 20s
	// it may have been sent: do not send it again by yourself
}

// Everything that is wrong is told at once, by its path, before any call.
func ExampleMessage_Validate() {
	err := deflector.Message{
		To:   []string{"+919812345678"},
		SMS:  &deflector.SMSText{From: "ACMEIN"},
		Flow: deflector.InOrder(deflector.RCS, deflector.SMS),
	}.Validate()

	if e, ok := errors.AsType[*deflector.Error](err); ok {
		for _, f := range e.Fields {
			fmt.Println(f.Path, f.Message)
		}
	}
	// Output:
	// [0].to[0].phoneNumber must not begin with "+"
	// [0].sms.Text is missing
	// [0].rcs is missing: the flow has the channel
}

// RCS and WhatsApp at the same time, then SMS.
func ExampleFlow() {
	flow := deflector.Flow{{deflector.RCS, deflector.WhatsApp}, {deflector.SMS}}
	fmt.Println(flow)
	fmt.Println(deflector.InOrder(deflector.RCS, deflector.WhatsApp, deflector.SMS))
	fmt.Println(deflector.AtOnce(deflector.RCS, deflector.WhatsApp, deflector.SMS))
	// Output:
	// [[RCS WhatsApp] [SMS]]
	// [[RCS] [WhatsApp] [SMS]]
	// [[RCS WhatsApp SMS]]
}

// Tell the vendor's dashboard to send a header with every callback, and check
// it: nothing else tells a callback from a forgery.
func ExampleHandler() {
	hook := deflector.Handler(func(_ context.Context, e deflector.Event) error {
		fmt.Println(e.CallbackData, e.Channel, "after", e.LastChannel, e.Status)
		return nil // an error is answered 500
	}, deflector.WithCallbackHeader("X-Acme-Hook", "secret"))

	r := httptest.NewRequest(http.MethodPost, "/hooks/deflector", strings.NewReader(`[{
		"callbackdata": "welcome-42", "channel": "SMS", "last_channel": "RCS", "status": "Delivered", "event_time": 1763680100
	}]`))
	r.Header.Set("X-Acme-Hook", "secret")
	w := httptest.NewRecorder()
	hook.ServeHTTP(w, r)
	fmt.Println(w.Code)

	r.Header.Set("X-Acme-Hook", "guess")
	w = httptest.NewRecorder()
	hook.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// welcome-42 SMS after RCS delivered
	// 200
	// 401
}

// A callback that is read by itself, for a router of your own.
func ExampleParseCallback() {
	r := httptest.NewRequest(http.MethodPost, "/hooks/deflector", strings.NewReader(`{"delivery_status": [{
		"status": "failed", "status_remark": "8002", "x-apiheader": "welcome-42", "received_at": "1763680000"
	}]}`))
	events, err := deflector.ParseCallback(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range events {
		fmt.Println(e.APIHeader, e.Status, e.Time.UTC().Format(time.RFC3339), errors.Is(e.Err(), deflector.ErrNotOnChannel))
	}
	// Output: welcome-42 failed 2025-11-20T23:06:40Z true
}
