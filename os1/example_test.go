package os1_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/cpaas-go/cpaas/os1"
	"github.com/cpaas-go/cpaas/os1/os1test"
)

func Example() {
	srv := os1test.NewServer() // in place of a tenant
	defer srv.Close()

	client, err := os1.New(srv.URL, os1test.TenantID, os1.ClientCredentials(os1test.ClientID, os1test.ClientSecret))
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := client.Send(context.Background(), os1.SendRequest{
		SMS: []os1.SMSMessage{{
			Template: "order_sent",
			Data:     map[string]any{"otp": "342365"},
			To:       []os1.Phone{{CountryCode: "1", Number: "5551234567"}},
		}},
		Callback: &os1.Callback{URL: "https://acme.example/hooks/os1", Meta: map[string]any{"order": "17"}},
	})
	switch {
	case errors.Is(err, os1.ErrInvalidRecipient):
		fmt.Println("not sent, and do not try again:", err)
	case errors.Is(err, os1.ErrMaybeAccepted):
		fmt.Println("perhaps sent:", err)
	case err != nil:
		fmt.Println("not sent:", err)
	default:
		fmt.Println("taken with status", res.StatusCode)
	}
	// Output: taken with status 202
}

func ExampleClient_CreateProvider() {
	srv := os1test.NewServer()
	defer srv.Close()

	provider := os1.ProviderRequest{
		Name:         "my-infobip",
		ProviderType: os1.ProviderInfobip,
		Credentials: os1.InfobipCredentials{
			ClientID: os1.NewSecret("id"), ClientSecret: os1.NewSecret("secret"), APIBaseURL: "https://api.infobip.com",
		},
		IsActive: new(true),
	}
	res, err := srv.Client().CreateProvider(context.Background(), provider)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.InboundWebhookURL[len(srv.URL):]) // to be registered at Infobip
	fmt.Println(provider.Credentials)                 // credentials do not print
	// Output:
	// /core/api/v1/messaging-service/webhooks/whatsapp/my-infobip/communications
	// {*** *** https://api.infobip.com}
}

func ExampleClient_AllTemplates() {
	srv := os1test.NewServer()
	defer srv.Close()
	client, ctx := srv.Client(), context.Background()
	for _, name := range []string{"order_sent", "order_processed", "order_delivered"} {
		if _, err := client.CreateTemplate(ctx, os1.TemplateRequest{
			Name: name, Mode: os1.ModeSMS, Data: os1.SMSTemplate{Body: "Your order {{orderId}}: " + name},
		}); err != nil {
			fmt.Println(err)
			return
		}
	}
	for template, err := range client.AllTemplates(ctx, os1.ListTemplatesOptions{Limit: 2}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(template.Name)
	}
	// Output:
	// order_sent
	// order_processed
	// order_delivered
}

// The path of two-way messages is documented nowhere: take it from the
// reference of your tenant.
func ExampleClient_SendTwoWay() {
	paths := os1.Paths{TwoWay: "/messages/two-way"}
	srv := os1test.NewServer(os1test.WithPaths(paths))
	defer srv.Close()

	client, err := os1.New(srv.URL, os1test.TenantID, os1.StaticToken(os1test.AccessToken), os1.WithPaths(paths))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.SendTwoWay(context.Background(), os1.TwoWayRequest{
		From:    "123324242",
		Message: os1.TwoWayMessage{Template: "confirm_order", Buttons: []os1.ReplyButton{"Yes", "No"}},
		To:      os1.Phone{CountryCode: "91", Number: "9812345600"},
		Webhook: &os1.Webhooks{DefaultInbound: &os1.Webhook{
			URL: "https://acme.example/hooks/os1/inbound", Secret: os1.EncodeSecret([]byte("secret-key")),
		}},
	}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(srv.TwoWays()[0].Message.Buttons)
	// Output: [Yes No]
}

func ExampleWithSpelling() {
	names := map[string]string{"filename": "fileName"}
	srv := os1test.NewServer(os1test.WithSpelling(names))
	defer srv.Close()

	_, err := srv.Client(os1.WithSpelling(names)).Send(context.Background(), os1.SendRequest{WhatsApp: []os1.WhatsAppMessage{{
		Template: "order_delivery_otp",
		Media:    &os1.Media{Document: &os1.Document{URL: "https://example.com/document.pdf", Filename: "order.pdf"}},
		To:       []os1.Phone{{CountryCode: "+91", Number: "9812345600"}},
	}}})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleHandler() {
	secret := []byte("secret-key")
	verify := os1.VerifyHMAC("X-Signature", os1.EncodeSecret(secret)) // if that is how your tenant's callbacks are signed
	hook := httptest.NewServer(os1.Handler(os1.DeliveryStatus, verify, func(_ context.Context, e os1.Event) error {
		fmt.Printf("%s %s\n", e.Status, e.Meta)
		return nil
	}))
	defer hook.Close()

	srv := os1test.NewServer()
	defer srv.Close()
	sent := os1.SendRequest{Callback: &os1.Callback{URL: hook.URL, Meta: map[string]any{"order": "17"}}}
	err := srv.DeliverStatus(context.Background(), sent, "delivered", os1test.SignHMAC("X-Signature", secret))
	fmt.Println(err)
	// Output:
	// delivered {"order":"17"}
	// <nil>
}

// A status that the vendor refuses with says what to do, whatever its words.
func ExampleError() {
	srv := os1test.NewServer()
	defer srv.Close()
	srv.Next(os1test.Refuse(http.StatusForbidden, "100910051022", "not allowed for +91 98123 45600"))

	_, err := srv.Client().Send(context.Background(), os1.SendRequest{
		SMS: []os1.SMSMessage{{Template: "order_sent", To: []os1.Phone{{CountryCode: "91", Number: "9812345600"}}}},
	})
	e, _ := errors.AsType[*os1.Error](err)
	fmt.Println(errors.Is(err, os1.ErrForbidden), e.StatusCode, e.Code, e.Message)
	// Output: true 403 100910051022 not allowed for ***
}
