package os1_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/os1"
)

// call is any operation, for tests that are about all of them.
type call struct {
	name, method, path, golden string
	do                         func(context.Context, *os1.Client) (any, error)
}

func sending(name, golden string, req os1.SendRequest) call {
	return call{name, http.MethodPost, "/messages", golden, func(ctx context.Context, c *os1.Client) (any, error) {
		return c.Send(ctx, req)
	}}
}

func creating(name, golden string, req os1.TemplateRequest) call {
	return call{name, http.MethodPost, "/templates", golden, func(ctx context.Context, c *os1.Client) (any, error) {
		return c.CreateTemplate(ctx, req)
	}}
}

func registering(name, golden string, req os1.ProviderRequest) call {
	return call{name, http.MethodPost, "/providers", golden, func(ctx context.Context, c *os1.Client) (any, error) {
		return c.CreateProvider(ctx, req)
	}}
}

func pageCalls() []call {
	return []call{
		registering("provider-ses", "provider-ses.json", pageSES()),
		registering("provider-infobip", "provider-infobip.json", pageInfobip()),
		creating("template-sms", "template-sms.json", pageTemplateSMS()),
		creating("template-email", "template-email.json", pageTemplateEmail()),
		creating("template-whatsapp", "template-whatsapp.json", pageTemplateWhatsApp()),
		sending("send-sms", "send-sms.json", pageSMS()),
		sending("send-email", "send-email.json", pageEmail()),
		sending("send-whatsapp", "send-whatsapp.json", pageWhatsApp()),
		sending("send-bulk", "send-bulk.json", pageBulk()),
		{"two-way", http.MethodPost, "/messages/two-way", "two-way.json", func(ctx context.Context, c *os1.Client) (any, error) {
			return c.SendTwoWay(ctx, pageTwoWay())
		}},
	}
}

func otherCalls() []call {
	return []call{
		{"notification", http.MethodPost, "/notifications", "", func(ctx context.Context, c *os1.Client) (any, error) {
			return c.CreateNotification(ctx, os1.NotificationRequest{Name: "order", Label: "Orders", Templates: []string{"order_sent"}})
		}},
		{"send-notifications", http.MethodPost, "/messages/notifications", "", func(ctx context.Context, c *os1.Client) (any, error) {
			return c.SendWithNotifications(ctx, os1.NotificationSendRequest{SendRequest: oneSMS()})
		}},
		{"get-template", http.MethodGet, "/templates/order_sent", "", func(ctx context.Context, c *os1.Client) (any, error) {
			return c.GetTemplate(ctx, "order_sent")
		}},
		{"list-templates", http.MethodGet, "/templates", "", func(ctx context.Context, c *os1.Client) (any, error) {
			return c.ListTemplates(ctx, os1.ListTemplatesOptions{})
		}},
	}
}

func allCalls() []call { return append(pageCalls(), otherCalls()...) }

const anyAnswer = `{"data":{"name":"x","templates":[]},"request":{"uri":"/x","method":"POST","queryString":"","body":{}}}`

func TestRequestsOfThePage(t *testing.T) {
	t.Parallel()
	for _, call := range pageCalls() {
		t.Run(call.name, func(t *testing.T) {
			t.Parallel()
			s := answering(http.StatusCreated, anyAnswer)
			if _, err := call.do(t.Context(), s.client(t)); err != nil {
				t.Fatal(err)
			}
			testutil.JSONEqual(t, testutil.Golden(t, call.golden), s.last().body)
			if strings.Contains(string(s.last().body), "***") {
				t.Error("a secret went out masked")
			}
		})
	}
}

func TestMethodsPathsAndHeaders(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for _, call := range allCalls() {
		s := answering(http.StatusOK, anyAnswer)
		res, err := call.do(t.Context(), s.client(t))
		if err != nil {
			t.Errorf("%s: %v", call.name, err)
			continue
		}
		r := s.last()
		if r.Method != call.method || r.URL.Path != pathPrefix+call.path || r.URL.RawQuery != "" {
			t.Errorf("%s: %s %s", call.name, r.Method, r.URL)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Accept": "application/json", "X-COREOS-TID": testTenant, "X-COREOS-ACCESS": testToken,
			"Authorization": "", "X-COREOS-USERINFO": "", "X-COREOS-AUTH": "", "X-COREOS-CALLBACK-SECRET": "", "X-COREOS-ORIGIN-TOKEN": "",
			"Idempotency-Key": "", "X-Idempotency-Key": "",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", call.name, name, got, want)
			}
		}
		id := r.Header.Get("X-COREOS-REQUEST-ID")
		if len(id) != 36 || ids[id] {
			t.Errorf("%s: request id %q is no UUID, or used before", call.name, id)
		}
		ids[id] = true
		if b, err := json.Marshal(res); err != nil || !strings.Contains(string(b), id) {
			t.Errorf("%s: the result lacks the request id: %s, %v", call.name, b, err)
		}
	}
}

func TestOptionalHeaders(t *testing.T) {
	t.Parallel()
	s := accepting()
	client := s.client(t,
		os1.WithUserInfo(os1.UserInfo{ID: "test1", Name: "Zoë 😀"}), os1.WithUserToken("user-token-1"),
		os1.WithOriginToken("origin-token-1"), os1.WithCallbackSecret("callback-secret-1"), os1.WithUserAgent("acme-shop/1.4"))
	if _, err := client.Send(t.Context(), oneSMS()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"X-COREOS-USERINFO": `{"id":"test1","name":"Zo\u00eb \ud83d\ude00"}`, "X-COREOS-AUTH": "user-token-1",
		"X-COREOS-ORIGIN-TOKEN": "origin-token-1", "X-COREOS-CALLBACK-SECRET": "callback-secret-1",
	} {
		if got := s.last().Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := s.last().Header.Get("User-Agent"); !strings.HasPrefix(got, "acme-shop/1.4 cpaas-go/") {
		t.Errorf("User-Agent: %q", got)
	}
	testutil.NoLeak(t, client, "user-token-1", "origin-token-1", "callback-secret-1", testToken)
}

// TestOptionalFields: nil leaves a member out, what is empty is sent.
func TestOptionalFields(t *testing.T) {
	t.Parallel()
	to := []os1.Phone{{CountryCode: "91", Number: "1"}}
	for _, test := range []struct {
		req  os1.SendRequest
		want string
	}{
		{
			os1.SendRequest{SMS: []os1.SMSMessage{{Template: "t", To: to}}},
			`{"sms":[{"template":"t","to":[{"countryCode":"91","number":"1"}]}]}`,
		},
		{
			os1.SendRequest{SMS: []os1.SMSMessage{{Template: "t", Provider: new(""), Data: map[string]any{}, To: to}}},
			`{"sms":[{"template":"t","provider":"","data":{},"to":[{"countryCode":"91","number":"1"}]}]}`,
		},
		{
			os1.SendRequest{Email: []os1.EmailMessage{{Template: "t", From: new(""), To: []string{"a@b.co"}, CC: []string{"c@b.co"}, BCC: []string{"d@b.co"}}}},
			`{"email":[{"template":"t","from":"","to":["a@b.co"],"cc":["c@b.co"],"bcc":["d@b.co"]}]}`,
		},
		{
			os1.SendRequest{
				WhatsApp: []os1.WhatsAppMessage{{Template: "t<&>", From: new(""), To: to, Media: &os1.Media{}, Buttons: []os1.SendButton{}}},
				Callback: &os1.Callback{URL: "https://a.example/x?a=1&b=2"},
			},
			`{"whatsapp":[{"from":"","template":"t<&>","media":{},"buttons":[],"to":[{"countryCode":"91","number":"1"}]}],` +
				`"callback":{"url":"https://a.example/x?a=1&b=2"}}`,
		},
		{
			os1.SendRequest{
				Email:    []os1.EmailMessage{{Template: "t", To: []string{"a@b.co"}, Extra: map[string]json.RawMessage{"replyTo": []byte(`"x@b.co"`)}}},
				Callback: &os1.Callback{URL: "http://a.example", Meta: map[string]any{"ref": "1"}},
			},
			`{"email":[{"template":"t","to":["a@b.co"],"replyTo":"x@b.co"}],"callback":{"url":"http://a.example","meta":{"ref":"1"}}}`,
		},
	} {
		s := accepting()
		if _, err := s.client(t).Send(t.Context(), test.req); err != nil {
			t.Error(err)
			continue
		}
		if got := string(s.last().body); got != test.want {
			t.Errorf("\n got %s\nwant %s", got, test.want)
		}
	}
}

func TestOtherBodies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		do   func(context.Context, *os1.Client) (any, error)
		want string
	}{
		"pinpoint": {func(ctx context.Context, c *os1.Client) (any, error) {
			return c.CreateProvider(ctx, os1.ProviderRequest{
				Name: "tfn", ProviderType: os1.ProviderPinpoint, IsActive: new(false),
				Credentials: os1.OtherCredentials{
					"applicationId": os1.NewSecret("app-1"), "pools": os1.NewSecretJSON([]byte(`{"tfn":[1]}`)), "none": {},
				},
			})
		}, `{"name":"tfn","providerType":"pinpoint","credentials":{"applicationId":"app-1","none":"","pools":{"tfn":[1]}},"isActive":false}`},
		"no credentials": {func(ctx context.Context, c *os1.Client) (any, error) {
			return c.CreateProvider(ctx, os1.ProviderRequest{Name: "tfn", ProviderType: "SES"})
		}, `{"name":"tfn","providerType":"SES"}`},
		"empty credentials": {func(ctx context.Context, c *os1.Client) (any, error) {
			return c.CreateProvider(ctx, os1.ProviderRequest{Name: "tfn", ProviderType: "ses", Credentials: os1.SESCredentials{}})
		}, `{"name":"tfn","providerType":"ses","credentials":{}}`},
		"template extra": {func(ctx context.Context, c *os1.Client) (any, error) {
			return c.CreateTemplate(ctx, os1.TemplateRequest{Name: "t", Mode: "SMS", Tags: []string{}, Data: os1.SMSTemplate{
				Body: "b", Extra: map[string]json.RawMessage{"entityId": []byte(`"1"`)},
			}})
		}, `{"name":"t","mode":"SMS","data":{"body":"b","entityId":"1"},"tags":[]}`},
		"notification": {func(ctx context.Context, c *os1.Client) (any, error) {
			return c.CreateNotification(ctx, os1.NotificationRequest{
				Name: "n", Label: "l", Description: "d", Templates: map[string][]string{"sms": {"order_sent"}},
				Extra: map[string]json.RawMessage{"appId": []byte(`"app"`)},
			})
		}, `{"name":"n","label":"l","description":"d","templates":{"sms":["order_sent"]},"appId":"app"}`},
		"notification send": {func(ctx context.Context, c *os1.Client) (any, error) {
			return c.SendWithNotifications(ctx, os1.NotificationSendRequest{
				SendRequest: smsTo(os1.Phone{CountryCode: "1", Number: "2"}), Extra: map[string]json.RawMessage{"notification": []byte(`"n"`)},
			})
		}, `{"sms":[{"template":"order_sent","to":[{"countryCode":"1","number":"2"}]}],"notification":"n"}`},
		"notification send, nothing known": {func(ctx context.Context, c *os1.Client) (any, error) {
			return c.SendWithNotifications(ctx, os1.NotificationSendRequest{Extra: map[string]json.RawMessage{"x": []byte(`[1]`)}})
		}, `{"x":[1]}`},
		"two-way, little": {func(ctx context.Context, c *os1.Client) (any, error) {
			return c.SendTwoWay(ctx, os1.TwoWayRequest{
				From: "1", Message: os1.TwoWayMessage{Template: "t"}, To: os1.Phone{CountryCode: "1", Number: "2"},
				AcceptedResponses: []os1.AcceptedResponse{{Webhook: &os1.Webhook{URL: "https://a.example"}}}, DynamicResponseRegex: `(?<=x)[`,
			})
		}, `{"from":"1","message":{"template":"t"},"to":{"countryCode":"1","number":"2"},` +
			`"acceptedResponses":[{"messages":[],"webhook":{"url":"https://a.example"}}],"dynamicResponseRegex":"(?<=x)["}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := answering(http.StatusOK, anyAnswer)
			if _, err := test.do(t.Context(), s.client(t)); err != nil {
				t.Fatal(err)
			}
			if got := string(s.last().body); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestSpelling(t *testing.T) {
	t.Parallel()
	own := map[string]any{"filename": "mine", "quick_reply": "mine", "otp": map[string]any{"filename": "mine"}}
	spelled := os1.WithSpelling(map[string]string{
		"filename": "fileName", "quick_reply": "quick-reply", "whatsapp": "whatsApp", "apiBaseUrl": "x",
	})
	if _, err := os1.New(testBase, testTenant, os1.StaticToken("t"), spelled); err == nil {
		t.Error("a member of credentials has another spelling")
	}
	spelled = os1.WithSpelling(map[string]string{"filename": "fileName", "quick_reply": "quick-reply", "whatsapp": "whatsApp"})
	s := answering(http.StatusOK, anyAnswer)
	client := s.client(t, spelled)

	req := pageWhatsApp()
	req.WhatsApp[0].Data, req.Callback.Meta = own, own
	if _, err := client.Send(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	want := string(testutil.Golden(t, "send-whatsapp.json"))
	for from, to := range map[string]string{
		`"whatsapp"`: `"whatsApp"`, `"filename": "order`: `"fileName": "order`, `"meta": {}`: `"meta": ` + mine,
		`{"otp": "342365", "name": "John Doe", "orderId": "XYZ123"}`: mine,
	} {
		want = strings.Replace(want, from, to, 1)
	}
	testutil.JSONEqual(t, []byte(want), s.last().body)

	template := pageTemplateWhatsApp()
	if _, err := client.CreateTemplate(t.Context(), template); err != nil {
		t.Fatal(err)
	}
	want = strings.NewReplacer("filename", "fileName", "quick_reply", "quick-reply").Replace(string(testutil.Golden(t, "template-whatsapp.json")))
	testutil.JSONEqual(t, []byte(want), s.last().body)

	twoWay := pageTwoWay()
	twoWay.Context = own
	if _, err := client.SendTwoWay(t.Context(), twoWay); err != nil {
		t.Fatal(err)
	}
	want = strings.Replace(string(testutil.Golden(t, "two-way.json")), "filename", "fileName", 1)
	want = strings.Replace(want, `{"orderId": "ORDER1234", "customerId": "CUST5678"}`, mine, 1)
	testutil.JSONEqual(t, []byte(want), s.last().body)

	provider := pageInfobip()
	provider.Credentials = os1.OtherCredentials{"filename": os1.NewSecret("mine")}
	if _, err := client.CreateProvider(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(s.last().body), `{"filename":"mine"}`) {
		t.Errorf("credentials changed: %s", s.last().body)
	}

	email := oneEmail("a@b.co")
	email.Email[0].Extra = map[string]json.RawMessage{"filename": []byte(`{"filename":1}`)}
	if _, err := client.Send(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(s.last().body), `"filename":{"filename":1}`) {
		t.Errorf("Extra changed: %s", s.last().body)
	}
}

const mine = `{"filename":"mine","quick_reply":"mine","otp":{"filename":"mine"}}`

func TestSpellingThatClashes(t *testing.T) {
	t.Parallel()
	for _, names := range []map[string]string{{"nosuch": "x"}, {"filename": ""}, {"url": "filename"}, {"sms": "x", "email": "x"}} {
		if _, err := os1.New(testBase, testTenant, os1.StaticToken("t"), os1.WithSpelling(names)); err == nil {
			t.Errorf("%v: taken", names)
		}
	}
	s := accepting()
	email := oneEmail(testEmail)
	email.Email[0].Extra = map[string]json.RawMessage{"tmpl": []byte(`1`)}
	_, err := s.client(t, os1.WithSpelling(map[string]string{"template": "tmpl"})).Send(t.Context(), email)
	if !errors.Is(err, os1.ErrInvalidRequest) || s.count() != 0 {
		t.Errorf("two members of one name: %v", err)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	all := os1.Paths{
		Prefix: "/x/", Providers: "/p", Templates: "/t", Template: "/t/{name}/v1", Notifications: "/apps/acme/n", Messages: "/m",
		NotificationMessages: "/mn", TwoWay: "/two",
	}
	want := map[string]string{
		"notification": "/x/apps/acme/n", "send-notifications": "/x/mn", "get-template": "/x/t/order_sent/v1", "list-templates": "/x/t",
		"two-way": "/x/two",
	}
	for _, call := range allCalls() {
		path, ok := want[call.name]
		switch {
		case ok:
		case strings.HasPrefix(call.name, "provider"):
			path = "/x/p"
		case strings.HasPrefix(call.name, "template"):
			path = "/x/t"
		default:
			path = "/x/m"
		}
		s := answering(http.StatusOK, anyAnswer)
		if _, err := call.do(t.Context(), s.client(t, os1.WithPaths(all))); err != nil {
			t.Errorf("%s: %v", call.name, err)
		} else if got := s.last().URL.Path; got != path {
			t.Errorf("%s: %s, want %s", call.name, got, path)
		}
	}

	s := answering(http.StatusOK, anyAnswer)
	client := s.client(t, os1.WithPaths(os1.Paths{Prefix: "/"}), os1.WithBaseURL(testBase+"/gateway/"))
	for name, escaped := range map[string]string{
		"a/../b": "/gateway/templates/a%2F..%2Fb", "..": "/gateway/templates/%2E%2E", "order sent?x": "/gateway/templates/order%20sent%3Fx",
	} {
		if _, err := client.GetTemplate(t.Context(), name); err != nil {
			t.Error(err)
		} else if got := s.last().URL.EscapedPath(); got != escaped {
			t.Errorf("%q: %s, want %s", name, got, escaped)
		}
	}

	for _, p := range []os1.Paths{
		{Messages: "messages"},
		{Messages: "/a?b=c"},
		{Messages: "/a#b"},
		{Messages: "/a/../b"},
		{Messages: "/a b"},
		{Messages: "/%zz"},
		{Messages: "/{name}"},
		{Template: "/templates"},
		{Template: "/templates/x{name}"},
		{Template: "/{name}/{name}"},
		{Prefix: "core"},
		{Token: "https://evil.example/token"},
	} {
		if _, err := os1.New(testBase, testTenant, os1.StaticToken("t"), os1.WithPaths(p)); err == nil {
			t.Errorf("%+v: taken", p)
		}
	}
}

func TestPathNotConfigured(t *testing.T) {
	t.Parallel()
	s := accepting()
	client, err := os1.New(testBase, testTenant, os1.StaticToken(testToken), os1.WithHTTPClient(&http.Client{Transport: s}))
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := client.SendTwoWay(t.Context(), os1.TwoWayRequest{})
	_, err2 := client.SendWithNotifications(t.Context(), os1.NotificationSendRequest{})
	for setting, err := range map[string]error{"Paths.TwoWay": err1, "Paths.NotificationMessages": err2} {
		if !errors.Is(err, os1.ErrPathNotConfigured) || !errors.Is(err, os1.ErrInvalidRequest) || !strings.Contains(err.Error(), setting) {
			t.Errorf("%s: %v", setting, err)
		}
	}
	if s.count() != 0 {
		t.Error("something was sent")
	}
}

// TestValidation names every wrong field, and no other.
func TestValidation(t *testing.T) {
	t.Parallel()
	const bad = "\xff"
	badValue := map[string]any{"x": []any{map[string]string{"y": bad}}}
	many := slices.Repeat([]string{testEmail}, 51)
	phone := []os1.Phone{{CountryCode: "91", Number: testPhone}}
	for name, test := range map[string]struct {
		err  error
		want []string // paths
		kind error
	}{
		"empty": {os1.SendRequest{}.Validate(), []string{""}, os1.ErrInvalidRequest},
		"only a callback": {
			os1.SendRequest{Callback: &os1.Callback{URL: "/x"}}.Validate(), []string{"", "callback.url"}, os1.ErrInvalidRequest,
		},
		"no to": {
			os1.SendRequest{
				SMS: []os1.SMSMessage{{Template: "t"}}, Email: []os1.EmailMessage{{Template: "t"}}, WhatsApp: []os1.WhatsAppMessage{{Template: "t"}},
			}.Validate(),
			[]string{"sms[0].to", "email[0].to", "whatsapp[0].to"},
			os1.ErrInvalidRequest,
		},
		"phones": {
			os1.SendRequest{
				SMS:      []os1.SMSMessage{{Template: "t", To: []os1.Phone{{}, {CountryCode: "1", Number: "2"}, {CountryCode: "1"}}}},
				WhatsApp: []os1.WhatsAppMessage{{Template: "t", To: []os1.Phone{{Number: testPhone}}}},
			}.Validate(),
			[]string{"sms[0].to[0].countryCode", "sms[0].to[0].number", "sms[0].to[2].number", "whatsapp[0].to[0].countryCode"},
			os1.ErrInvalidRecipient,
		},
		"addresses": {
			os1.SendRequest{Email: []os1.EmailMessage{{
				Template: "t", To: []string{"", "asha", "a@b", "a b@c.de", "asha@xn--e1aybc.xn--p1ai-long", testEmail},
				CC: []string{"@b.co"}, BCC: []string{"ä@b.co", bad + "@b.co"},
			}}}.Validate(),
			[]string{
				"email[0].to[0]", "email[0].to[1]", "email[0].to[2]", "email[0].to[3]", "email[0].to[4]", "email[0].cc[0]",
				"email[0].bcc[0]", "email[0].bcc[1]",
			},
			os1.ErrInvalidRecipient,
		},
		"too many": {
			os1.SendRequest{Email: []os1.EmailMessage{
				{Template: "t", To: many[:49], CC: many[:1], BCC: many[:1]}, {Template: "t", To: many[:48], CC: many[:1], BCC: many[:1]},
			}}.Validate(),
			[]string{"email[0].to"},
			os1.ErrInvalidRequest,
		},
		"many phones": {
			os1.SendRequest{SMS: []os1.SMSMessage{{Template: "t", To: slices.Repeat(phone, 51)}}}.Validate(), nil, nil,
		},
		"no template": {
			os1.SendRequest{
				SMS: []os1.SMSMessage{{To: phone}}, Email: []os1.EmailMessage{{To: []string{testEmail}}}, WhatsApp: []os1.WhatsAppMessage{{To: phone}},
			}.Validate(),
			[]string{"sms[0].template", "email[0].template", "whatsapp[0].template"},
			os1.ErrInvalidRequest,
		},
		"UTF-8": {
			os1.SendRequest{
				SMS: []os1.SMSMessage{{
					SenderID: bad, Template: bad, Provider: new(bad), OriginationNumber: bad, Data: badValue,
					To: []os1.Phone{{CountryCode: bad, Number: bad}},
				}},
				Email: []os1.EmailMessage{{
					Template: bad, Provider: new(bad), From: new(bad), Data: map[string]any{bad: 1}, To: []string{testEmail},
					Extra: map[string]json.RawMessage{"x": []byte(`"` + bad + `"`)},
				}},
				WhatsApp: []os1.WhatsAppMessage{{
					Template: bad, Provider: new(bad), From: new(bad), To: phone, Data: map[string]any{"x": struct{ Y *string }{new(bad)}},
					Media:   &os1.Media{Document: &os1.Document{URL: bad, Filename: bad}, Image: &os1.Image{URL: bad}},
					Buttons: []os1.SendButton{{}, os1.TrackButton(bad)},
				}},
				Callback: &os1.Callback{URL: "https://a.example/" + bad, Meta: map[string]any{"x": json.RawMessage(`"` + bad + `"`)}},
			}.Validate(),
			[]string{
				"sms[0].senderId", "sms[0].template", "sms[0].provider", "sms[0].originationNumber", "sms[0].data",
				"sms[0].to[0].countryCode", "sms[0].to[0].number",
				"email[0].template", "email[0].provider", "email[0].from", "email[0].data", "email[0]",
				"whatsapp[0].from", "whatsapp[0].template", "whatsapp[0].provider", "whatsapp[0].data", "whatsapp[0].media.document.url",
				"whatsapp[0].media.document.filename", "whatsapp[0].media.image.url", "whatsapp[0].buttons[1].url.trackUrl",
				"callback.url", "callback.meta",
			},
			os1.ErrInvalidRequest,
		},
		"Extra that is known": {
			os1.SendRequest{Email: []os1.EmailMessage{{
				Template: "t", To: []string{testEmail}, Extra: map[string]json.RawMessage{"cc": []byte(`[]`)},
			}}}.Validate(),
			[]string{"email[0]"},
			os1.ErrInvalidRequest,
		},
		"Extra that is no JSON": {
			os1.SendRequest{Email: []os1.EmailMessage{{
				Template: "t", To: []string{testEmail}, Extra: map[string]json.RawMessage{"x": []byte(`{`)},
			}}}.Validate(),
			[]string{"email[0]"},
			os1.ErrInvalidRequest,
		},
		"provider": {os1.ProviderRequest{}.Validate(), []string{"name", "providerType"}, os1.ErrInvalidRequest},
		"provider UTF-8": {
			errors.Join(
				os1.ProviderRequest{Name: bad, ProviderType: bad, Credentials: os1.SESCredentials{
					AccessKeyID: os1.NewSecret(bad), Region: bad, SecretAccessKey: os1.NewSecret(bad), ProjectID: os1.NewSecret(bad),
				}}.Validate(),
				os1.ProviderRequest{Name: "n", ProviderType: "t", Credentials: os1.InfobipCredentials{
					ClientID: os1.NewSecret(bad), ClientSecret: os1.NewSecret(bad), APIBaseURL: bad,
				}}.Validate(),
				os1.ProviderRequest{Name: "n", ProviderType: "t", Credentials: os1.OtherCredentials{
					bad: {}, "a": os1.NewSecret(bad), "b": os1.NewSecretJSON([]byte("{")), "c": {}, "d": os1.NewSecret("x"),
				}}.Validate(),
			),
			[]string{
				"name", "providerType", "credentials.accessKeyId", "credentials.region", "credentials.secretAccessKey", "credentials.projectId",
				"credentials.clientId", "credentials.clientSecret", "credentials.apiBaseUrl", "credentials.a", "credentials.b", "credentials",
			},
			os1.ErrInvalidRequest,
		},
		"template": {os1.TemplateRequest{}.Validate(), []string{"name", "mode", "data.body"}, os1.ErrInvalidRequest},
		"templates without body": {
			errors.Join(
				os1.TemplateRequest{Name: "n", Mode: "m", Data: os1.SMSTemplate{}}.Validate(),
				os1.TemplateRequest{Name: "n", Mode: "m", Data: os1.EmailTemplate{}}.Validate(),
				os1.TemplateRequest{Name: "n", Mode: "m", Data: os1.WhatsAppTemplate{}}.Validate(),
			),
			[]string{"data.body", "data.body", "data.body"},
			os1.ErrInvalidRequest,
		},
		"template UTF-8": {
			errors.Join(
				os1.TemplateRequest{Name: bad, Mode: bad, Tags: []string{"a", bad}, Data: os1.SMSTemplate{
					Body: bad, ExternalRef: bad, OriginationNumber: bad, Extra: map[string]json.RawMessage{"body": []byte(`1`)},
				}}.Validate(),
				os1.TemplateRequest{Name: "n", Mode: "m", Data: os1.EmailTemplate{Body: bad, Subject: bad, Format: bad, From: new(bad)}}.Validate(),
				os1.TemplateRequest{Name: "n", Mode: "m", Data: os1.WhatsAppTemplate{
					Body: "b", ExternalRef: bad, From: new(bad), Media: &os1.Media{Image: &os1.Image{URL: bad}},
					Buttons: []os1.TemplateButton{os1.URLButton(bad), os1.QuickReply(bad)},
				}}.Validate(),
			),
			[]string{
				"name", "mode", "data.body", "data.externalRef", "data.originationNumber", "data", "tags[1]",
				"data.body", "data.subject", "data.format", "data.from",
				"data.externalRef", "data.from", "data.media.image.url", "data.buttons[0].url.value", "data.buttons[1].quick_reply.value",
			},
			os1.ErrInvalidRequest,
		},
		"notification": {os1.NotificationRequest{}.Validate(), []string{"name", "label", "templates"}, os1.ErrInvalidRequest},
		"notification UTF-8": {
			os1.NotificationRequest{
				Name: bad, Label: bad, Description: bad, Templates: []string{bad}, Extra: map[string]json.RawMessage{"label": []byte(`1`)},
			}.Validate(),
			[]string{"name", "label", "description", "templates", ""},
			os1.ErrInvalidRequest,
		},
		"notification send": {os1.NotificationSendRequest{}.Validate(), []string{""}, os1.ErrInvalidRequest},
		"notification send, known": {
			os1.NotificationSendRequest{SendRequest: oneSMS(), Extra: map[string]json.RawMessage{"sms": []byte(`1`)}}.Validate(),
			[]string{""},
			os1.ErrInvalidRequest,
		},
		"two-way": {
			os1.TwoWayRequest{}.Validate(), []string{"from", "message.template", "to.countryCode", "to.number"}, os1.ErrInvalidRequest,
		},
		"two-way recipient": {
			os1.TwoWayRequest{From: "1", Message: os1.TwoWayMessage{Template: "t"}, To: os1.Phone{Number: testPhone}}.Validate(),
			[]string{"to.countryCode"},
			os1.ErrInvalidRecipient,
		},
		"two-way webhooks": {
			os1.TwoWayRequest{
				From: "1", Message: os1.TwoWayMessage{Template: "t"}, To: phone[0],
				AcceptedResponses: []os1.AcceptedResponse{{Messages: []string{bad}, Webhook: &os1.Webhook{}}, {}},
				Webhook: &os1.Webhooks{
					DefaultInbound: &os1.Webhook{URL: "ftp://a.example"}, Status: &os1.Webhook{URL: "//a.example", Secret: os1.NewSecret(bad)},
					InvalidResponse: &os1.Webhook{URL: "https:a"},
				},
			}.Validate(),
			[]string{
				"acceptedResponses[0].messages[0]", "acceptedResponses[0].webhook.url", "webhook.defaultInbound.url", "webhook.status.url",
				"webhook.status.secret", "webhook.invalidResponse.url",
			},
			os1.ErrInvalidRequest,
		},
		"two-way UTF-8": {
			os1.TwoWayRequest{
				From: bad, Provider: new(bad), To: phone[0], DynamicResponseRegex: bad, Context: badValue, ErrorMessage: bad,
				Message: os1.TwoWayMessage{
					Template: bad, Data: badValue, Buttons: []os1.ReplyButton{bad},
					Media: &os1.TwoWayMedia{Document: &os1.Document{URL: bad}, Image: &os1.Image{URL: bad}},
				},
			}.Validate(),
			[]string{
				"from", "message.template", "message.data", "message.media.document.url", "message.media.image.url", "message.buttons[0]",
				"provider", "dynamicResponseRegex", "context", "errorMessage",
			},
			os1.ErrInvalidRequest,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, e := range everyError(test.err) {
				for _, f := range e.Fields {
					got = append(got, f.Path)
				}
				if !errors.Is(e, test.kind) || errors.Is(e, os1.ErrInvalidRecipient) != (test.kind == os1.ErrInvalidRecipient) { //nolint:errorlint // sentinels
					t.Errorf("is not %v: %v", test.kind, e)
				}
				testutil.NoLeak(t, e, testPhone, testEmail, bad)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("\n got %q\nwant %q", got, test.want)
			}
		})
	}
}

func everyError(err error) []*os1.Error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*os1.Error
		for _, e := range joined.Unwrap() {
			all = append(all, everyError(e)...)
		}
		return all
	}
	e, _ := errors.AsType[*os1.Error](err)
	return []*os1.Error{e}
}

// TestClientsValidate: what Validate refuses is not sent.
func TestClientsValidate(t *testing.T) {
	t.Parallel()
	s := accepting()
	c, ctx := s.client(t), t.Context()
	_, err1 := c.Send(ctx, os1.SendRequest{})
	_, err2 := c.SendTwoWay(ctx, os1.TwoWayRequest{})
	_, err3 := c.SendWithNotifications(ctx, os1.NotificationSendRequest{})
	_, err4 := c.CreateProvider(ctx, os1.ProviderRequest{})
	_, err5 := c.CreateTemplate(ctx, os1.TemplateRequest{})
	_, err6 := c.CreateNotification(ctx, os1.NotificationRequest{})
	_, err7 := c.GetTemplate(ctx, "")
	_, err8 := c.Send(ctx, os1.SendRequest{SMS: []os1.SMSMessage{{ // what cannot be encoded
		Template: "t", To: []os1.Phone{{CountryCode: "1", Number: testPhone}}, Data: map[string]any{"x": func() {}},
	}}})
	_, err9 := c.SendTwoWay(ctx, os1.TwoWayRequest{
		From: "1", To: os1.Phone{CountryCode: "1", Number: testPhone},
		Message: os1.TwoWayMessage{Template: "t", Media: &os1.TwoWayMedia{Location: &os1.Location{Latitude: math.NaN()}}},
	})
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9} {
		e, ok := errors.AsType[*os1.Error](err)
		if !ok || !errors.Is(err, os1.ErrInvalidRequest) || e.Attempts != 0 || e.StatusCode != 0 || e.RequestID != "" {
			t.Errorf("%d: %v", i+1, err)
		}
	}
	if s.count() != 0 {
		t.Errorf("%d requests were sent", s.count())
	}
}

func TestRelaxedValidation(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, anyAnswer)
	c, ctx := s.client(t, os1.WithRelaxedValidation()), t.Context()
	if _, err := c.Send(ctx, oneEmail("asha@büro.example")); err != nil {
		t.Error(err)
	}
	if _, err := c.CreateNotification(ctx, os1.NotificationRequest{}); err != nil {
		t.Error(err)
	}
	if got := string(s.last().body); got != `{"name":"","label":""}` {
		t.Error(got)
	}
	if _, err := c.Send(ctx, oneEmail("")); !errors.Is(err, os1.ErrInvalidRecipient) {
		t.Errorf("no address at all: %v", err)
	}
	if _, err := c.Send(ctx, oneEmail(slices.Repeat([]string{"a"}, 51)...)); !errors.Is(err, os1.ErrInvalidRequest) {
		t.Errorf("51 addresses: %v", err)
	}
}

// TestSecretsShowNowhere: in no printed form of a request, nor in its JSON.
func TestSecretsShowNowhere(t *testing.T) {
	t.Parallel()
	secrets := []string{
		"YourAccessKeyId", "YourSecretAccessKey", "YourAccountIdForReference", "your-client-id", "your-client-secret", "pinpoint-key",
		"dXNlcm5hbWU6cGFzc3dvcmQ=", "c2VjcmV0LWtleQ==", "c3RhdHVzLXNlY3JldA==", "aW52YWxpZC1zZWNyZXQ=",
	}
	other := os1.ProviderRequest{Credentials: os1.OtherCredentials{"key": os1.NewSecret("pinpoint-key"), "k": os1.NewSecretJSON([]byte(`"pinpoint-key"`))}}
	ses, infobip, twoWay := pageSES(), pageInfobip(), pageTwoWay()
	type wrapped struct{ inner any } // fmt asks no method of what is in unexported fields
	for _, v := range []any{
		ses, &ses, infobip, &infobip, other, &other, twoWay, &twoWay, *twoWay.Webhook.Status, twoWay.Webhook, os1.NewSecret("pinpoint-key"),
		wrapped{ses},
		wrapped{twoWay},
		wrapped{other},
		wrapped{twoWay.Webhook.Status},
		wrapped{os1.NewSecret("pinpoint-key")},
	} {
		testutil.NoLeak(t, v, secrets...)
		for _, verb := range []string{"%q", "%x", "%d", "%10.3s"} {
			if s := fmt.Sprintf(verb, v); slices.ContainsFunc(secrets, func(secret string) bool { return strings.Contains(s, secret) }) {
				t.Errorf("%s of %T shows a secret: %s", verb, v, s)
			}
		}
	}
	if b, err := json.Marshal(ses); err != nil || strings.Count(string(b), `"***"`) != 3 {
		t.Errorf("%s, %v", b, err)
	}
	if s := fmt.Sprint(os1.Secret{}); s != "" {
		t.Errorf("no secret prints as %q", s)
	}
	auth := []any{os1.ClientCredentials(testID, testSecret), os1.StaticToken(testToken), os1.Auth{}}
	for _, a := range auth {
		testutil.NoLeak(t, a, testToken, testSecret)
	}
	if got := fmt.Sprint(auth...); got != "os1.Auth(ClientCredentials) os1.Auth(StaticToken) os1.Auth(none)" {
		t.Error(got)
	}
}

// TestRequestsFromJSON: a request can be read from settings and sent.
func TestRequestsFromJSON(t *testing.T) {
	t.Parallel()
	for _, golden := range []string{"provider-ses.json", "provider-infobip.json"} {
		var req os1.ProviderRequest
		if err := json.Unmarshal(testutil.Golden(t, golden), &req); err != nil {
			t.Fatal(err)
		}
		s := answering(http.StatusOK, anyAnswer)
		if _, err := s.client(t).CreateProvider(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		testutil.JSONEqual(t, testutil.Golden(t, golden), s.last().body)
	}
	for in, want := range map[string]any{
		`{"name":"n","providerType":"SES","credentials":{"region":"r"}}`:              os1.SESCredentials{Region: "r"},
		`{"name":"n","providerType":"Infobip","credentials":{"apiBaseUrl":"u"}}`:      os1.InfobipCredentials{APIBaseURL: "u"},
		`{"name":"n","providerType":"infobip","credentials":{"apiBaseURL":null}}`:     os1.OtherCredentials{"apiBaseURL": {}},
		`{"name":"n","providerType":"x","credentials":null}`:                          nil,
		`{"name":"n","providerType":"ses","credentials":{"region":"r","more":[1,2]}}`: os1.OtherCredentials{"region": os1.NewSecret("r"), "more": os1.NewSecretJSON([]byte(`[1,2]`))},
	} {
		var req os1.ProviderRequest
		if err := json.Unmarshal([]byte(in), &req); err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got := fmt.Sprintf("%T %+v", req.Credentials, req.Credentials); got != fmt.Sprintf("%T %+v", want, want) {
			t.Errorf("%s: %s", in, got)
		}
	}
	var twoWay os1.TwoWayRequest
	if err := json.Unmarshal(testutil.Golden(t, "two-way.json"), &twoWay); err != nil {
		t.Fatal(err)
	}
	s := accepting()
	if _, err := s.client(t).SendTwoWay(t.Context(), twoWay); err != nil {
		t.Fatal(err)
	}
	testutil.JSONEqual(t, testutil.Golden(t, "two-way.json"), s.last().body)
	for _, v := range []any{
		&os1.ProviderRequest{}, &os1.EmailMessage{}, &os1.SMSTemplate{}, &os1.NotificationRequest{}, &os1.NotificationSendRequest{},
	} {
		if err := json.Unmarshal([]byte(`[]`), v); err == nil {
			t.Errorf("%T read a list", v)
		}
	}
	if err := json.Unmarshal([]byte(`{"name":"n","credentials":[]}`), &os1.ProviderRequest{}); err == nil {
		t.Error("credentials are a list")
	}
}

func TestParseE164(t *testing.T) {
	t.Parallel()
	got, err := os1.ParseE164("+91" + testPhone)
	if err != nil || got != (os1.Phone{CountryCode: "91", Number: testPhone}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, number := range []string{"", "+210" + testPhone, "+91 " + testPhone, "asha", testPhone, "91" + testPhone, "+10", "+123", "+155512"} {
		got, err := os1.ParseE164(number)
		if !errors.Is(err, os1.ErrInvalidRecipient) || got != (os1.Phone{}) {
			t.Errorf("%s: %+v, %v", number, got, err)
		}
		testutil.NoLeak(t, err, testPhone)
	}
}
