package webexconnect_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/webexconnect"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

func Example() {
	srv := webexconnecttest.NewServer() // yours: webexconnect.New(webexconnect.UK, webexconnect.ServiceKey(key))
	defer srv.Close()
	client := srv.Client()

	r := webexconnect.NewSMS(webexconnect.SMS{SenderID: "ACME", Text: "Your parcel is here."}, webexconnect.ToPhone("+449000000009"))
	r.CorrelationID = "parcel-4711"
	r.Expiry = time.Now().Add(time.Hour)
	res, err := client.Send(context.Background(), r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(res.TransID), res.Outcomes[0].Description)
	// Output: 36 Queued
}

func ExampleClient_Send_errors() {
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	srv.Next(webexconnecttest.Refuse(webexconnect.CodeNoConsent))

	_, err := srv.Client().Send(context.Background(),
		webexconnect.NewSMS(webexconnect.SMS{Text: "Hello"}, webexconnect.ToPhone("+449000000009")))
	switch {
	case errors.Is(err, webexconnect.ErrOptedOut):
		fmt.Println("do not send:", err)
	case errors.Is(err, webexconnect.ErrMaybeAccepted):
		fmt.Println("perhaps sent:", err)
	case err != nil:
		fmt.Println("not sent:", err)
	}
	// Output: do not send: webexconnect: Send: recipient opted out: status 200, code 9002, request 0facade0-0000-4000-8000-ffffffffffff: contact policy: no consent
}

func ExampleClient_SendBatch() {
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	srv.RefuseRecipient("+449000000008", webexconnect.CodeDoNotDisturb)

	res, err := srv.Client().SendBatch(context.Background(), []webexconnect.Request{
		webexconnect.NewSMS(webexconnect.SMS{Text: "Hi John"}, webexconnect.ToPhone("+449000000009")),
		webexconnect.NewSMS(webexconnect.SMS{Text: "Hi Mark"}, webexconnect.ToPhone("+449000000008")),
	})
	fmt.Println("all accepted:", err == nil)
	if res != nil {
		for _, o := range res.Outcomes {
			fmt.Println(o.Code, errors.Is(o.Err, webexconnect.ErrOptedOut))
		}
	}
	// Output:
	// all accepted: false
	// 1001 false
	// 7109 true
}

func ExampleRequest_Split() {
	phones := make([]string, 2500)
	for i := range phones {
		phones[i] = fmt.Sprintf("+44%d", 9000000000+i)
	}
	r := webexconnect.NewSMS(webexconnect.SMS{Text: "We moved."}, webexconnect.ToPhone(phones...))
	for part := range r.Split(0) {
		fmt.Println(len(part.Destinations[0].MSISDN))
	}
	// Output:
	// 1000
	// 1000
	// 500
}

func ExampleNewWhatsAppTemplate() {
	r := webexconnect.NewWhatsAppTemplate("a_157967534853754560", webexconnect.Template{
		ID: "5139722425",
		Parameters: map[string]any{
			"movie":          "joker",
			"purchase_value": webexconnect.CurrencyParameter("USD", 150000, "EUR 300"),
			"quickReply":     webexconnect.QuickReplyParameter(webexconnect.TemplateButton{Text: "Book", Payload: "book"}),
		},
	}, webexconnect.ToWhatsApp("919876543210"))
	fmt.Println(r.Channel, r.Validate())
	// Output: whatsapp <nil>
}

func ExampleHandler() {
	const secret = "hub-secret" // as set on the platform
	hook := webexconnect.Handler(func(_ context.Context, c webexconnect.Callback) error {
		switch {
		case c.Notification != nil:
			fmt.Println(c.Notification.CorrelationID, c.Notification.State())
		case c.Inbound != nil:
			fmt.Println(c.Inbound.Message)
		}
		return nil
	}, webexconnect.Signature(secret))

	// What the vendor does:
	hooks := httptest.NewServer(hook)
	defer hooks.Close()
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	srv.SetHubSecret(secret)
	r := webexconnect.NewSMS(webexconnect.SMS{Text: "Hello"}, webexconnect.ToPhone("+449000000009"))
	r.CorrelationID = "order-42"
	res, err := srv.Client().Send(context.Background(), r)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := srv.Deliver(context.Background(), hooks.URL, res.TransID, "7501", "7500"); err != nil {
		fmt.Println(err)
	}
	if err := srv.Forge(context.Background(), hooks.URL, res.TransID); err != nil {
		fmt.Println(err)
	}
	// Output:
	// order-42 sent
	// order-42 delivered
	// webexconnecttest: callback: callback answered 401 Unauthorized
}

func ExampleParseCallback() {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/hooks", strings.NewReader(`{"deliveryInfoNotification":{
		"deliveryInfo":{"code":"7207","deliveryChannel":"SMS","deliveryStatus":"Un-Delivered","destination":"449000000009"},
		"transid":"7f3af32c-8d6a-4d5e-b1c8-4805135ada71","correlationid":"order-42"}}`))
	c, err := webexconnect.ParseCallback(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	n := c.Notification
	fmt.Println(n.CorrelationID, n.State(), errors.Is(n.Err(), webexconnect.ErrNotOnChannel))
	// Output: order-42 failed true
}
