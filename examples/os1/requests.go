package main

import (
	"github.com/cpaas-go/cpaas/os1"
)

// The requests of the vendor's page, https://docs.getos1.com/messaging, with
// their names and punctuation restored.

// sampleSecrets are the credentials in them: real ones may take their place,
// so they are not printed.
var sampleSecrets = []string{
	"YourAccessKeyId", "YourSecretAccessKey", "YourAccountIdForReference", "your-client-id", "your-client-secret",
	"dXNlcm5hbWU6cGFzc3dvcmQ=", "c2VjcmV0LWtleQ==", "c3RhdHVzLXNlY3JldA==", "aW52YWxpZC1zZWNyZXQ=",
}

var ses = os1.ProviderRequest{
	Name:         "aws-ses-external",
	ProviderType: os1.ProviderSES,
	Credentials: os1.SESCredentials{
		AccessKeyID:     os1.NewSecret("YourAccessKeyId"),
		Region:          "ap-south-1",
		SecretAccessKey: os1.NewSecret("YourSecretAccessKey"),
		ProjectID:       os1.NewSecret("YourAccountIdForReference"),
	},
	IsActive:        new(true),
	IsTenantDefault: new(true),
}

var infobip = os1.ProviderRequest{
	Name:         "test-infobip",
	ProviderType: os1.ProviderInfobip,
	Credentials: os1.InfobipCredentials{
		ClientID:     os1.NewSecret("your-client-id"),
		ClientSecret: os1.NewSecret("your-client-secret"),
		APIBaseURL:   "https://api.infobip.com",
	},
	IsActive:        new(true),
	IsTenantDefault: new(true),
}

var templateSMS = os1.TemplateRequest{
	Name: "order_sent",
	Mode: os1.ModeSMS,
	Data: os1.SMSTemplate{
		Body:              "Your login OTP is {{otp}}",
		ExternalRef:       "1107900000188600009",
		OriginationNumber: "+123456789",
	},
	IsActive: new(true),
	Tags:     []string{"os1"},
}

var templateEmail = os1.TemplateRequest{
	Name: "order_processed",
	Mode: os1.ModeEmail,
	Data: os1.EmailTemplate{
		Body: "Dear Customer,\n\nYour order with the order id {{orderId}} has been delivered successfully. " +
			"The AWB number for your order is {{awbNumber}}. Thank you for choosing our service.\n\n" +
			"Sincerely,\nThe {{companyName}} Team",
		Subject: "Order Delivered {{orderId}}",
		Format:  "text/plain",
		From:    new(""),
	},
	IsActive: new(true),
}

var templateWhatsApp = os1.TemplateRequest{
	Name: "order_delivered",
	Mode: os1.ModeWhatsApp,
	Data: os1.WhatsAppTemplate{
		Body:        "Dear {{name}}, your order {{orderId}} has been delivered successfully.",
		ExternalRef: "1243234232",
		From:        new("2424242842"),
		Media: &os1.Media{
			Document: &os1.Document{URL: "https://example.com/document.pdf", Filename: "delivery_receipt.pdf"},
			Image:    &os1.Image{URL: "https://example.com/image.jpg"},
		},
		Buttons: []os1.TemplateButton{os1.URLButton("https://abc.com/{{1}}"), os1.QuickReply("Confirm Delivery")},
	},
	IsActive: new(true),
	Tags:     []string{"os1", "delivery"},
}

// callback is where the page has delivery status sent: nobody's address now.
func callback(url string) *os1.Callback { return &os1.Callback{URL: url, Meta: map[string]any{}} }

const sampleHook = "https://webhook.site/75a95d9c-01f5-4ea3-81f2-84202e47396a"

func sms(to string) (os1.SendRequest, error) {
	phones, err := phoneOr(to, "", os1.Phone{CountryCode: "1", Number: "5551234567"})
	return os1.SendRequest{
		SMS: []os1.SMSMessage{{
			SenderID:          "DLHVRY",
			Template:          "order_sent",
			Provider:          new("tfn-provider"),
			OriginationNumber: "+18005551234",
			Data:              map[string]any{"otp": "342365"},
			To:                phones,
		}},
		Callback: callback(sampleHook),
	}, err
}

func orderData(awbNumber string) map[string]any {
	return map[string]any{
		"orderId": "orders:27e03289-9654-4e62-9457-32748e34efb9", "companyName": "Delhivery", "awbNumber": awbNumber,
	}
}

func email(to string) (os1.SendRequest, error) {
	addresses, err := addressOr(to, "employee@delhivery.com")
	return os1.SendRequest{
		Email: []os1.EmailMessage{{
			Template: "order_processed", Provider: new(""), To: addresses, Data: orderData("awb123456789087"),
		}},
		Callback: callback(sampleHook),
	}, err
}

// bulk is three objects in one call.
func bulk(to string) (os1.SendRequest, error) {
	req := os1.SendRequest{Callback: callback(sampleHook)}
	for _, m := range []struct{ to, awbNumber string }{
		{"recipient1@example.com", "awb123456789087"},
		{"recipient2@example.com", "awb123456789088"},
		{"recipient3@example.com", "awb123456789089"},
	} {
		addresses, err := addressOr(to, m.to)
		if err != nil {
			return req, err
		}
		req.Email = append(req.Email, os1.EmailMessage{
			Template: "order_processed", Provider: new(""), From: new(""), To: addresses, Data: orderData(m.awbNumber),
		})
	}
	return req, nil
}

func whatsApp(to string) (os1.SendRequest, error) {
	first, err := phoneOr(to, "+", os1.Phone{CountryCode: "+91", Number: "9812345600"}, os1.Phone{CountryCode: "+1", Number: "5551234567"})
	if err != nil {
		return os1.SendRequest{}, err
	}
	second, err := phoneOr(to, "+", os1.Phone{CountryCode: "+44", Number: "7712345678"})
	return os1.SendRequest{
		WhatsApp: []os1.WhatsAppMessage{
			{
				From:     new("123324242"),
				Template: "order_delivery_otp",
				Provider: new("infobip"),
				Data:     map[string]any{"otp": "342365", "name": "John Doe", "orderId": "XYZ123"},
				Media: &os1.Media{
					Document: &os1.Document{URL: "https://example.com/document.pdf", Filename: "order_details.pdf"},
					Image:    &os1.Image{URL: "https://example.com/image.jpg"},
				},
				Buttons: []os1.SendButton{os1.TrackButton("https://example.com/track/{{orderId}}")},
				To:      first,
			},
			{
				From:     new("987654321"),
				Template: "order_confirmation",
				Data:     map[string]any{"name": "Jane Smith", "orderId": "ABC789"},
				To:       second,
			},
		},
		Callback: callback("https://os1-test-msg-callback.requestcatcher.com/test"),
	}, err
}

func twoWay(to string) (os1.TwoWayRequest, error) {
	phones, err := phoneOr(to, "", os1.Phone{CountryCode: "91", Number: "9812345600"})
	if err != nil {
		return os1.TwoWayRequest{}, err
	}
	return os1.TwoWayRequest{
		From: "123324242",
		Message: os1.TwoWayMessage{
			Template: "order_delivery_otp",
			Data:     map[string]any{"otp": "342365"},
			Media: &os1.TwoWayMedia{
				Document: &os1.Document{URL: "https://example.com/docs/file.pdf", Filename: "delivery_instructions.pdf"},
				Image:    &os1.Image{URL: "https://example.com/images/map.jpg"},
				Location: &os1.Location{Latitude: 37.7749, Longitude: -122.4194},
			},
			Buttons: []os1.ReplyButton{"Track Order", "Contact Support"},
		},
		Provider: new("infobip"),
		To:       phones[0],
		AcceptedResponses: []os1.AcceptedResponse{{
			Messages: []string{"1", "Order Received"},
			Webhook: &os1.Webhook{
				URL: "https://example.com/webhooks/response", Secret: os1.EncodeSecret([]byte("username:password")),
			},
		}},
		DynamicResponseRegex: `^\d{6}$`,
		Webhook: &os1.Webhooks{
			DefaultInbound:  &os1.Webhook{URL: "https://example.com/webhooks/", Secret: os1.EncodeSecret([]byte("secret-key"))},
			Status:          &os1.Webhook{URL: "https://example.com/webhooks/status", Secret: os1.EncodeSecret([]byte("status-secret"))},
			InvalidResponse: &os1.Webhook{URL: "https://example.com/webhooks/invalid", Secret: os1.EncodeSecret([]byte("invalid-secret"))},
		},
		ResponseTimeout: 300,
		Context:         map[string]any{"orderId": "ORDER1234", "customerId": "CUST5678"},
		ErrorMessage:    "Please provide a valid response!",
	}, nil
}
