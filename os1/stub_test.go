package os1_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cpaas-go/cpaas/os1"
)

const (
	testBase   = "https://acme.getos1.com"
	testTenant = "acme"
	testToken  = "eyJhbGciOi-static-token"
	testID     = "client-id-of-acme"
	testSecret = "client-secret-of-acme"
	testPhone  = "9812345600"
	testEmail  = "asha.rao@example.com"

	pathPrefix = "/core/api/v1/messaging-service"
	pathToken  = "/core/api/v1/aaa/auth/client-credentials"
)

// reply is what a stub answers.
type reply struct {
	status int
	body   string
	header http.Header
}

// stub is a RoundTripper that answers by path, the last reply again and
// again, and keeps what it was asked.
type stub struct {
	mu      sync.Mutex
	replies map[string][]reply // by path; "" for any other
	asked   []asked
	fail    func(*http.Request) error
}

type asked struct {
	*http.Request
	body []byte
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		if err := r.Body.Close(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, asked{r, body})
	if s.fail != nil {
		if err := s.fail(r); err != nil {
			return nil, err
		}
	}
	path := r.URL.Path
	if _, ok := s.replies[path]; !ok {
		path = ""
	}
	next := s.replies[path][0]
	if len(s.replies[path]) > 1 {
		s.replies[path] = s.replies[path][1:]
	}
	header := next.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: next.status, Status: http.StatusText(next.status), Header: header, ContentLength: int64(len(next.body)),
		Body: io.NopCloser(strings.NewReader(next.body)), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// to is what was asked at path.
func (s *stub) to(path string) []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []asked
	for _, a := range s.asked {
		if a.URL.Path == path {
			found = append(found, a)
		}
	}
	return found
}

func (s *stub) last() asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

func (s *stub) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func answering(status int, body string) *stub {
	return &stub{replies: map[string][]reply{"": {{status: status, body: body}}}}
}

func accepting() *stub {
	return answering(http.StatusAccepted, `{"data":{},"request":{"uri":"/messages","method":"POST","queryString":"","body":{}}}`)
}

// paths are settings for the operations that have no path.
func paths() os1.Option {
	return os1.WithPaths(os1.Paths{TwoWay: "/messages/two-way", NotificationMessages: "/messages/notifications"})
}

// client is a client that speaks to s only.
func (s *stub) client(t testing.TB, opts ...os1.Option) *os1.Client {
	t.Helper()
	return s.clientWith(t, os1.StaticToken(testToken), opts...)
}

func (s *stub) clientWith(t testing.TB, auth os1.Auth, opts ...os1.Option) *os1.Client {
	t.Helper()
	client, err := os1.New(testBase, testTenant, auth, append([]os1.Option{
		os1.WithHTTPClient(&http.Client{Transport: s}), os1.WithMaxRetries(0), paths(),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func smsTo(phones ...os1.Phone) os1.SendRequest {
	return os1.SendRequest{SMS: []os1.SMSMessage{{Template: "order_sent", To: phones}}}
}

func oneSMS() os1.SendRequest { return smsTo(os1.Phone{CountryCode: "91", Number: testPhone}) }

func oneEmail(to ...string) os1.SendRequest {
	return os1.SendRequest{Email: []os1.EmailMessage{{Template: "order_processed", To: to}}}
}

// The requests of the vendor's page.

const pageHook = "https://webhook.site/75a95d9c-01f5-4ea3-81f2-84202e47396a"

func pageCallback(url string) *os1.Callback {
	return &os1.Callback{URL: url, Meta: map[string]any{}}
}

func pageSES() os1.ProviderRequest {
	return os1.ProviderRequest{
		Name: "aws-ses-external", ProviderType: os1.ProviderSES,
		Credentials: os1.SESCredentials{
			AccessKeyID: os1.NewSecret("YourAccessKeyId"), Region: "ap-south-1",
			SecretAccessKey: os1.NewSecret("YourSecretAccessKey"), ProjectID: os1.NewSecret("YourAccountIdForReference"),
		},
		IsActive: new(true), IsTenantDefault: new(true),
	}
}

func pageInfobip() os1.ProviderRequest {
	return os1.ProviderRequest{
		Name: "test-infobip", ProviderType: os1.ProviderInfobip,
		Credentials: os1.InfobipCredentials{
			ClientID: os1.NewSecret("your-client-id"), ClientSecret: os1.NewSecret("your-client-secret"),
			APIBaseURL: "https://api.infobip.com",
		},
		IsActive: new(true), IsTenantDefault: new(true),
	}
}

func pageTemplateSMS() os1.TemplateRequest {
	return os1.TemplateRequest{
		Name: "order_sent", Mode: os1.ModeSMS,
		Data: os1.SMSTemplate{
			Body: "Your login OTP is {{otp}}", ExternalRef: "1107900000188600009", OriginationNumber: "+123456789",
		},
		IsActive: new(true), Tags: []string{"os1"},
	}
}

func pageTemplateEmail() os1.TemplateRequest {
	return os1.TemplateRequest{
		Name: "order_processed", Mode: os1.ModeEmail,
		Data: os1.EmailTemplate{
			Body: "Dear Customer,\n\nYour order with the order id {{orderId}} has been delivered successfully. " +
				"The AWB number for your order is {{awbNumber}}. Thank you for choosing our service.\n\nSincerely,\nThe {{companyName}} Team",
			Subject: "Order Delivered {{orderId}}", Format: "text/plain", From: new(""),
		},
		IsActive: new(true),
	}
}

func pageTemplateWhatsApp() os1.TemplateRequest {
	return os1.TemplateRequest{
		Name: "order_delivered", Mode: os1.ModeWhatsApp,
		Data: os1.WhatsAppTemplate{
			Body:        "Dear {{name}}, your order {{orderId}} has been delivered successfully.",
			ExternalRef: "1243234232", From: new("2424242842"),
			Media: &os1.Media{
				Document: &os1.Document{URL: "https://example.com/document.pdf", Filename: "delivery_receipt.pdf"},
				Image:    &os1.Image{URL: "https://example.com/image.jpg"},
			},
			Buttons: []os1.TemplateButton{os1.URLButton("https://abc.com/{{1}}"), os1.QuickReply("Confirm Delivery")},
		},
		IsActive: new(true), Tags: []string{"os1", "delivery"},
	}
}

func pageSMS() os1.SendRequest {
	return os1.SendRequest{
		SMS: []os1.SMSMessage{{
			SenderID: "DLHVRY", Template: "order_sent", Provider: new("tfn-provider"), OriginationNumber: "+18005551234",
			Data: map[string]any{"otp": "342365"},
			To:   []os1.Phone{{CountryCode: "1", Number: "5551234567"}},
		}},
		Callback: pageCallback(pageHook),
	}
}

func pageEmailData(awb string) map[string]any {
	return map[string]any{
		"orderId": "orders:27e03289-9654-4e62-9457-32748e34efb9", "companyName": "Delhivery", "awbNumber": awb,
	}
}

func pageEmail() os1.SendRequest {
	return os1.SendRequest{
		Email: []os1.EmailMessage{{
			Template: "order_processed", Provider: new(""), To: []string{"employee@delhivery.com"}, Data: pageEmailData("awb123456789087"),
		}},
		Callback: pageCallback(pageHook),
	}
}

func pageWhatsApp() os1.SendRequest {
	return os1.SendRequest{
		WhatsApp: []os1.WhatsAppMessage{
			{
				From: new("123324242"), Template: "order_delivery_otp", Provider: new("infobip"),
				Data: map[string]any{"otp": "342365", "name": "John Doe", "orderId": "XYZ123"},
				Media: &os1.Media{
					Document: &os1.Document{URL: "https://example.com/document.pdf", Filename: "order_details.pdf"},
					Image:    &os1.Image{URL: "https://example.com/image.jpg"},
				},
				Buttons: []os1.SendButton{os1.TrackButton("https://example.com/track/{{orderId}}")},
				To:      []os1.Phone{{CountryCode: "+91", Number: "9812345600"}, {CountryCode: "+1", Number: "5551234567"}},
			},
			{
				From: new("987654321"), Template: "order_confirmation",
				Data: map[string]any{"name": "Jane Smith", "orderId": "ABC789"},
				To:   []os1.Phone{{CountryCode: "+44", Number: "7712345678"}},
			},
		},
		Callback: pageCallback("https://os1-test-msg-callback.requestcatcher.com/test"),
	}
}

func pageBulk() os1.SendRequest {
	req := os1.SendRequest{Callback: pageCallback(pageHook)}
	for i, awb := range []string{"awb123456789087", "awb123456789088", "awb123456789089"} {
		req.Email = append(req.Email, os1.EmailMessage{
			Template: "order_processed", Provider: new(""), From: new(""),
			To:   []string{"recipient" + string(rune('1'+i)) + "@example.com"},
			Data: pageEmailData(awb),
		})
	}
	return req
}

func pageTwoWay() os1.TwoWayRequest {
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
		To:       os1.Phone{CountryCode: "91", Number: "9812345600"},
		AcceptedResponses: []os1.AcceptedResponse{{
			Messages: []string{"1", "Order Received"},
			Webhook:  &os1.Webhook{URL: "https://example.com/webhooks/response", Secret: os1.EncodeSecret([]byte("username:password"))},
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
	}
}
