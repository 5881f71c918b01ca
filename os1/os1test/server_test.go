package os1test_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/os1"
	"github.com/cpaas-go/cpaas/os1/os1test"
)

func start(t *testing.T, opts ...os1test.Option) *os1test.Server {
	t.Helper()
	s := os1test.NewServer(opts...)
	t.Cleanup(s.Close)
	return s
}

var allPaths = os1.Paths{TwoWay: "/messages/two-way", NotificationMessages: "/messages/notifications"}

const prefix = "/core/api/v1/messaging-service"

// golden is a body of the vendor's page.
func golden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type answer struct {
	status int
	body   string
	header http.Header
}

// ask makes a raw call with everything right but what headers say.
func ask(t *testing.T, s *os1test.Server, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "X-COREOS-REQUEST-ID": "id-1", "X-COREOS-TID": os1test.TenantID, "X-COREOS-ACCESS": os1test.AccessToken,
	} {
		req.Header.Set(name, value)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, string(b), resp.Header}
}

// TestTakesThePage: every request of the vendor's page is taken, recorded as
// it came, and repeated in the answer.
func TestTakesThePage(t *testing.T) {
	t.Parallel()
	s := start(t, os1test.WithPaths(allPaths))
	for _, call := range []struct{ path, golden string }{
		{"/providers", "provider-ses.json"},
		{"/providers", "provider-infobip.json"},
		{"/templates", "template-sms.json"},
		{"/templates", "template-email.json"},
		{"/templates", "template-whatsapp.json"},
		{"/messages", "send-sms.json"},
		{"/messages", "send-email.json"},
		{"/messages", "send-whatsapp.json"},
		{"/messages", "send-bulk.json"},
		{"/messages/two-way", "two-way.json"},
	} {
		body := golden(t, call.golden)
		got := ask(t, s, http.MethodPost, prefix+call.path, body)
		var envelope struct {
			Data    json.RawMessage
			Error   any
			Request struct {
				URI, Method, QueryString string
				Body                     json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(got.body), &envelope); err != nil || got.status/100 != 2 || envelope.Error != nil || envelope.Data == nil {
			t.Errorf("%s: %+v, %v", call.golden, got, err)
			continue
		}
		if r := envelope.Request; r.URI != call.path || r.Method != "POST" || r.QueryString != "" {
			t.Errorf("%s: %+v", call.golden, r)
		}
		testutil.JSONEqual(t, []byte(body), envelope.Request.Body)
		if got.header.Get("X-COREOS-REQUEST-ID") != "id-1" {
			t.Errorf("%s: %v", call.golden, got.header)
		}
	}

	// What was recorded goes out again as it came.
	again := start(t, os1test.WithPaths(allPaths))
	client, ctx := again.Client(), t.Context()
	for _, r := range s.Providers() {
		if _, err := client.CreateProvider(ctx, r); err != nil {
			t.Error(err)
		}
	}
	for _, r := range s.Templates() {
		if _, err := client.CreateTemplate(ctx, r); err != nil {
			t.Error(err)
		}
	}
	for _, r := range s.Accepted() {
		if _, err := client.Send(ctx, r); err != nil {
			t.Error(err)
		}
	}
	for _, r := range s.TwoWays() {
		if _, err := client.SendTwoWay(ctx, r); err != nil {
			t.Error(err)
		}
	}
	first, second := s.Requests(), again.Requests()
	if len(first) != 10 || len(second) != 10 {
		t.Fatalf("%d and %d requests", len(first), len(second))
	}
	for i := range first {
		testutil.JSONEqual(t, first[i].Body, second[i].Body)
	}
	if !reflect.DeepEqual(s.Providers(), again.Providers()) || !reflect.DeepEqual(s.Templates(), again.Templates()) ||
		!reflect.DeepEqual(s.Accepted(), again.Accepted()) || !reflect.DeepEqual(s.TwoWays(), again.TwoWays()) {
		t.Error("recorded otherwise")
	}
}

// TestRefuses: each rule of the package's doc.
func TestRefuses(t *testing.T) {
	t.Parallel()
	s := start(t, os1test.WithPaths(allPaths))
	const sms = `{"sms":[{"template":"t","to":[{"countryCode":"1","number":"2"}]}]}`
	email := func(rest string) string { return `{"email":[{"template":"t",` + rest + `}]}` }
	fifty := strings.Repeat(`"a@b.co",`, 49) + `"a@b.co"`
	for name, test := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		says               string
	}{
		"no request id":      {http.MethodPost, "/messages", sms, []string{"X-COREOS-REQUEST-ID", ""}, 400, "X-COREOS-REQUEST-ID"},
		"another tenant":     {http.MethodPost, "/messages", sms, []string{"X-COREOS-TID", "x"}, 400, "X-COREOS-TID"},
		"no token":           {http.MethodPost, "/messages", sms, []string{"X-COREOS-ACCESS", ""}, 401, "X-COREOS-ACCESS"},
		"Bearer":             {http.MethodPost, "/messages", sms, []string{"X-COREOS-ACCESS", "Bearer " + os1test.AccessToken}, 401, "X-COREOS-ACCESS"},
		"content type":       {http.MethodPost, "/messages", sms, []string{"Content-Type", "text/plain"}, 400, "Content-Type"},
		"method":             {http.MethodGet, "/messages", "", nil, 405, "POST"},
		"method, template":   {http.MethodPost, "/templates/x", "{}", nil, 405, "GET"},
		"path":               {http.MethodPost, "/message", sms, nil, 404, "path"},
		"path, deep":         {http.MethodGet, "/templates/a/b", "", nil, 404, "path"},
		"no such template":   {http.MethodGet, "/templates/x", "", nil, 404, "template"},
		"limit":              {http.MethodGet, "/templates?limit=x", "", nil, 400, "limit"},
		"offset":             {http.MethodGet, "/templates?offset=-1", "", nil, 400, "offset"},
		"no JSON":            {http.MethodPost, "/messages", `{`, nil, 400, "JSON"},
		"no body":            {http.MethodPost, "/messages", ``, nil, 400, "JSON"},
		"more behind":        {http.MethodPost, "/messages", sms + sms, nil, 400, "behind"},
		"UTF-8":              {http.MethodPost, "/messages", `{"x":"` + "\xff" + `"}`, nil, 400, "UTF-8"},
		"null":               {http.MethodPost, "/messages", `{"sms":null}`, nil, 400, "null"},
		"null inside":        {http.MethodPost, "/messages", `{"sms":[{"data":{"x":null}}]}`, nil, 400, "null"},
		"repeated":           {http.MethodPost, "/messages", `{"sms":[],"sms":[]}`, nil, 400, "repeated"},
		"a list":             {http.MethodPost, "/messages", `[]`, nil, 400, "must be an object"},
		"letter case":        {http.MethodPost, "/messages", `{"SMS":[]}`, nil, 400, "SMS is not known"},
		"unknown":            {http.MethodPost, "/messages", strings.Replace(sms, `"to"`, `"body":"x","to"`, 1), nil, 400, "sms[0].body is not known"},
		"empty send":         {http.MethodPost, "/messages", `{}`, nil, 400, "no message"},
		"empty lists":        {http.MethodPost, "/messages", `{"sms":[],"email":[]}`, nil, 400, "no message"},
		"no template":        {http.MethodPost, "/messages", strings.Replace(sms, `"template":"t",`, ``, 1), nil, 400, "sms[0].template is missing"},
		"empty template":     {http.MethodPost, "/messages", strings.Replace(sms, `"t"`, `""`, 1), nil, 400, "sms[0].template is empty"},
		"no to":              {http.MethodPost, "/messages", `{"whatsapp":[{"template":"t"}]}`, nil, 400, "whatsapp[0].to is missing"},
		"empty to":           {http.MethodPost, "/messages", `{"whatsapp":[{"template":"t","to":[]}]}`, nil, 400, "whatsapp[0].to is empty"},
		"one to":             {http.MethodPost, "/messages", `{"sms":[{"template":"t","to":{"countryCode":"1","number":"2"}}]}`, nil, 400, "sms[0].to must be a list"},
		"no country code":    {http.MethodPost, "/messages", strings.Replace(sms, `"countryCode":"1",`, ``, 1), nil, 400, "sms[0].to[0].countryCode is missing"},
		"number is one":      {http.MethodPost, "/messages", strings.Replace(sms, `"2"`, `2`, 1), nil, 400, "sms[0].to[0].number must be a text"},
		"data is text":       {http.MethodPost, "/messages", strings.Replace(sms, `"to"`, `"data":"x","to"`, 1), nil, 400, "sms[0].data must be an object"},
		"no address":         {http.MethodPost, "/messages", email(`"to":["a@b"]`), nil, 400, "email[0].to has what"},
		"no address in cc":   {http.MethodPost, "/messages", email(`"to":["a@b.co"],"cc":["a b@c.co"]`), nil, 400, "email[0].cc has what"},
		"to is a text":       {http.MethodPost, "/messages", email(`"to":"a@b.co"`), nil, 400, "email[0].to must be"},
		"51 addresses":       {http.MethodPost, "/messages", email(`"to":[` + fifty + `],"bcc":["a@b.co"]`), nil, 400, "email[0] has more than 50"},
		"callback":           {http.MethodPost, "/messages", strings.TrimSuffix(sms, "}") + `,"callback":{"url":"/x","meta":{}}}`, nil, 400, "callback.url must be"},
		"callback, no URL":   {http.MethodPost, "/messages", strings.TrimSuffix(sms, "}") + `,"callback":{"meta":{}}}`, nil, 400, "callback.url is missing"},
		"meta":               {http.MethodPost, "/messages", strings.TrimSuffix(sms, "}") + `,"callback":{"url":"https://a.example","meta":[]}}`, nil, 400, "callback.meta must be"},
		"button":             {http.MethodPost, "/messages", `{"whatsapp":[{"template":"t","to":[{"countryCode":"1","number":"2"}],"buttons":["x"]}]}`, nil, 400, "buttons[0] must be an object"},
		"button of template": {http.MethodPost, "/messages", `{"whatsapp":[{"template":"t","to":[{"countryCode":"1","number":"2"}],"buttons":[{"url":{"value":"x"}}]}]}`, nil, 400, "buttons[0].url.value is not known"},
		"provider":           {http.MethodPost, "/providers", `{}`, nil, 400, "name is missing; providerType is missing"},
		"provider, bool":     {http.MethodPost, "/providers", `{"name":"n","providerType":"ses","isActive":"true"}`, nil, 400, "isActive must be true or false"},
		"mode":               {http.MethodPost, "/templates", `{"name":"n","mode":"rcs","data":{"body":"b"}}`, nil, 400, "mode must be"},
		"template":           {http.MethodPost, "/templates", `{"mode":"sms"}`, nil, 400, "data is missing; name is missing"},
		"template body":      {http.MethodPost, "/templates", `{"name":"n","mode":"Email","data":{}}`, nil, 400, "data.body is missing"},
		"template of SMS":    {http.MethodPost, "/templates", `{"name":"n","mode":"email","data":{"body":"b","originationNumber":"1"}}`, nil, 400, "data.originationNumber is not known"},
		"fileName":           {http.MethodPost, "/templates", strings.Replace(golden(t, "template-whatsapp.json"), "filename", "fileName", 1), nil, 400, "fileName is not known"},
		"notification":       {http.MethodPost, "/notifications", `{"x":1}`, nil, 400, "label is missing; name is missing; templates is missing"},
		"two-way":            {http.MethodPost, "/messages/two-way", `{}`, nil, 400, "from is missing; message is missing; to is missing"},
		"two-way to":         {http.MethodPost, "/messages/two-way", strings.Replace(golden(t, "two-way.json"), `"number": "9812345600"`, `"number": ""`, 1), nil, 400, "to.number is empty"},
		"two-way button":     {http.MethodPost, "/messages/two-way", strings.Replace(golden(t, "two-way.json"), `"Track Order"`, `{"url":{}}`, 1), nil, 400, "message.buttons must be"},
		"two-way webhook":    {http.MethodPost, "/messages/two-way", strings.Replace(golden(t, "two-way.json"), `"https://example.com/webhooks/status"`, `"x"`, 1), nil, 400, "webhook.status.url must be"},
		"two-way timeout":    {http.MethodPost, "/messages/two-way", strings.Replace(golden(t, "two-way.json"), `300`, `3.5`, 1), nil, 400, "responseTimeout must be"},
		"two-way out of it":  {http.MethodPost, "/messages/two-way", strings.Replace(golden(t, "two-way.json"), `37.7749`, `1e999`, 1), nil, 400, "out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ask(t, s, test.method, prefix+test.path, test.body, test.headers...)
			var envelope struct {
				Data  any
				Error struct {
					Code, Description string
				}
				Request json.RawMessage
			}
			if err := json.Unmarshal([]byte(got.body), &envelope); err != nil {
				t.Fatalf("%+v: %v", got, err)
			}
			if got.status != test.status || envelope.Error.Code != os1test.Code(test.status) || !strings.Contains(envelope.Error.Description, test.says) ||
				envelope.Data != nil || envelope.Request == nil {
				t.Errorf("%+v", got)
			}
		})
	}
	if len(s.Accepted())+len(s.TwoWays())+len(s.Providers())+len(s.Templates())+len(s.Notifications())+len(s.NotificationSends()) != 0 {
		t.Error("something was accepted")
	}
}

// TestUnknownPaths: the two operations that have no path are not there.
func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	s := start(t)
	if _, err := s.Client().SendTwoWay(t.Context(), os1.TwoWayRequest{}); !errors.Is(err, os1.ErrPathNotConfigured) {
		t.Error(err)
	}
	for _, path := range []string{prefix, prefix + "/", prefix + "/messages/two-way", "/messages"} {
		if got := ask(t, s, http.MethodPost, path, "{}"); got.status != http.StatusNotFound {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	client, ctx := s.ClientWithCredentials(), t.Context()
	for range 2 {
		if _, err := client.Send(ctx, oneSMS()); err != nil {
			t.Fatal(err)
		}
	}
	s.RevokeTokens()
	res, err := client.Send(ctx, oneSMS())
	if err != nil || res.Attempts != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	var paths strings.Builder
	for _, r := range s.Requests() {
		paths.WriteString(r.Path[strings.LastIndex(r.Path, "/"):])
	}
	if want := "/client-credentials/messages/messages/messages/client-credentials/messages"; paths.String() != want {
		t.Errorf("%s", paths.String())
	}
	if _, err := s.Client().Send(ctx, oneSMS()); !errors.Is(err, os1.ErrUnauthorized) {
		t.Errorf("a revoked token: %v", err)
	}
	for name, body := range map[string]string{
		"wrong secret": `{"clientId":"` + os1test.ClientID + `","clientSecret":"x"}`, "wrong id": `{"clientId":"x","clientSecret":"` + os1test.ClientSecret + `"}`,
	} {
		if got := ask(t, s, http.MethodPost, "/core/api/v1/aaa/auth/client-credentials", body); got.status != 401 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, body := range map[string]string{"form": `grant_type=client_credentials`, "no secret": `{"clientId":"x"}`, "more": `{"clientId":"x","clientSecret":"y","grant_type":"z"}`} {
		if got := ask(t, s, http.MethodPost, "/core/api/v1/aaa/auth/client-credentials", body); got.status != 400 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	s.NextToken(os1test.Refuse(http.StatusForbidden, os1test.Code(403), "no"))
	if _, err := s.ClientWithCredentials().Send(ctx, oneSMS()); !errors.Is(err, os1.ErrForbidden) {
		t.Errorf("%v", err)
	}
}

func oneSMS() os1.SendRequest {
	return os1.SendRequest{SMS: []os1.SMSMessage{{Template: "t", To: []os1.Phone{{CountryCode: "91", Number: "9812345600"}}}}}
}

func TestProvidersTemplatesNotifications(t *testing.T) {
	t.Parallel()
	s := start(t, os1test.WithPaths(allPaths))
	client, ctx := s.Client(), t.Context()
	p, err := client.CreateProvider(ctx, os1.ProviderRequest{Name: "my infobip", ProviderType: "Infobip"})
	if err != nil || p.Name != "my infobip" || p.InboundWebhookURL != s.URL+prefix+"/webhooks/whatsapp/my%20infobip/communications" {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = client.CreateProvider(ctx, os1.ProviderRequest{Name: "ses", ProviderType: os1.ProviderSES})
	if err != nil || p.InboundWebhookURL != "" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, name := range []string{"a", "b c/d", "e"} {
		created, err := client.CreateTemplate(ctx, os1.TemplateRequest{
			Name: name, Mode: os1.ModeSMS, Data: os1.SMSTemplate{Body: "body of " + name, Extra: map[string]json.RawMessage{"entityId": []byte(`1`)}},
		})
		if err != nil || created.Template.Name != name {
			t.Fatalf("%+v, %v", created, err)
		}
		got, err := client.GetTemplate(ctx, name)
		if err != nil || got.Template.Body != "body of "+name {
			t.Errorf("%+v, %v", got, err)
		}
	}
	var names strings.Builder
	for template, err := range client.AllTemplates(ctx, os1.ListTemplatesOptions{Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		names.WriteString(template.Name + ",")
	}
	if names.String() != "a,b c/d,e," {
		t.Error(names.String())
	}
	if _, err := client.CreateNotification(ctx, os1.NotificationRequest{Name: "n", Label: "l", Templates: []string{"a"}}); err != nil {
		t.Error(err)
	}
	if got := s.Notifications(); len(got) != 1 || got[0].Name != "n" {
		t.Errorf("%+v", got)
	}
	extra := map[string]json.RawMessage{"notification": []byte(`"n"`)}
	if _, err := client.SendWithNotifications(ctx, os1.NotificationSendRequest{SendRequest: oneSMS(), Extra: extra}); err != nil {
		t.Error(err)
	}
	if got := s.NotificationSends(); len(got) != 1 || string(got[0].Extra["notification"]) != `"n"` || len(got[0].SMS) != 1 {
		t.Errorf("%+v", got)
	}
}

func TestSpelling(t *testing.T) {
	t.Parallel()
	names := map[string]string{"filename": "fileName", "quick_reply": "quick-reply", "template": "templateName", "mode": "channel"}
	s := start(t, os1test.WithSpelling(names))
	client, ctx := s.Client(os1.WithSpelling(names)), t.Context()
	if _, err := client.Send(ctx, oneSMS()); err != nil {
		t.Error(err)
	}
	if got := s.Accepted(); len(got) != 1 || got[0].SMS[0].Template != "t" {
		t.Errorf("%+v", got)
	}
	if _, err := client.CreateTemplate(ctx, os1.TemplateRequest{
		Name: "n", Mode: os1.ModeWhatsApp, Data: os1.WhatsAppTemplate{
			Body: "b", Media: &os1.Media{Document: &os1.Document{URL: "u", Filename: "f"}}, Buttons: []os1.TemplateButton{os1.QuickReply("x")},
		},
	}); err != nil {
		t.Error(err)
	}
	if _, err := s.Client().Send(ctx, oneSMS()); !errors.Is(err, os1.ErrInvalidRequest) {
		t.Errorf("the default spelling is taken: %v", err)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer   os1test.Answer
		kind     error
		accepted int
		status   int
	}{
		"refuse":       {os1test.Refuse(409, os1test.Code(409), "exists"), os1.ErrInvalidRequest, 0, 409},
		"respond":      {os1test.Respond(403, "text/plain", "no", "X-Y", "z"), os1.ErrForbidden, 0, 403},
		"normally":     {os1test.Normally(), nil, 1, 202},
		"rate limited": {os1test.RateLimited(time.Minute), os1.ErrRateLimited, 0, 429},
		"hang":         {os1test.Hang(), os1.ErrMaybeAccepted, 0, 0},
		"slow":         {os1test.Slow(time.Millisecond), nil, 1, 202},
		"close before": {os1test.CloseBeforeReading(), os1.ErrMaybeAccepted, 0, 0},
		"close after":  {os1test.CloseAfterReading(), os1.ErrMaybeAccepted, 0, 0},
		"lose":         {os1test.LoseAnswer(), os1.ErrMaybeAccepted, 1, 0},
		"truncate":     {os1test.Truncate(), os1.ErrMaybeAccepted, 1, 202},
		"huge":         {os1test.Huge(200, 11<<20), os1.ErrMaybeAccepted, 0, 200},
		"huge refusal": {os1test.Huge(400, 11<<20), os1.ErrInvalidRequest, 0, 400},
		"HTML":         {os1test.HTML(502), os1.ErrMaybeAccepted, 0, 502},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Next(test.answer)
			client := s.ClientWithCredentials(os1.WithTimeout(time.Minute))
			if name == "hang" {
				client = s.ClientWithCredentials(os1.WithTimeout(time.Second))
			}
			res, err := client.Send(t.Context(), oneSMS())
			if !errors.Is(err, test.kind) || (err == nil) != (test.kind == nil) || len(s.Accepted()) != test.accepted {
				t.Fatalf("%+v, %v, %d accepted", res, err, len(s.Accepted()))
			}
			if e, ok := errors.AsType[*os1.Error](err); ok && (e.StatusCode != test.status || e.Attempts != 1) {
				t.Errorf("%v: status %d, %d attempts", err, e.StatusCode, e.Attempts)
			}
			testutil.NoLeak(t, err, os1test.ClientSecret, os1test.AccessToken, "9812345600")
			messages := 0
			for _, r := range s.Requests() {
				if strings.HasSuffix(r.Path, "/messages") {
					messages++
				}
			}
			if messages != 1 {
				t.Errorf("%d messages came", messages)
			}
		})
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	s := start(t)
	secret := []byte("secret-key")
	for name, test := range map[string]struct {
		verify os1.Verifier
		sign   os1test.Sign
	}{
		"HMAC":    {os1.VerifyHMAC("X-Signature", os1.EncodeSecret(secret)), os1test.SignHMAC("X-Signature", secret)},
		"Basic":   {os1.VerifyBasic(os1.EncodeSecret(secret)), os1test.SignBasic(secret)},
		"SHA-256": {os1.VerifySHA256("X-Signature", os1.NewSecret("secret-key")), os1test.SignSHA256("X-Signature", "secret-key")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := make(chan os1.Event, 10)
			hook := httptest.NewServer(os1.Handler(os1.DeliveryStatus, test.verify, func(_ context.Context, e os1.Event) error {
				events <- e
				return nil
			}))
			defer hook.Close()
			req := oneSMS()
			req.Callback = &os1.Callback{URL: hook.URL + "/hooks?token=t0ken", Meta: map[string]any{"ref": "order-17"}}
			for range 2 { // repeated
				if err := s.DeliverStatus(t.Context(), req, "delivered", test.sign); err != nil {
					t.Fatal(err)
				}
				e := <-events
				if e.Status != "delivered" || e.TenantID != os1test.TenantID || string(e.Meta) != `{"ref":"order-17"}` {
					t.Errorf("%+v", e)
				}
			}
			err := s.DeliverStatus(t.Context(), req, "delivered") // forged
			if err == nil || len(events) != 0 || strings.Contains(err.Error(), "t0ken") {
				t.Errorf("forged: %v", err)
			}
		})
	}
	if err := s.DeliverStatus(t.Context(), oneSMS(), "x"); err == nil {
		t.Error("there is no callback")
	}
	if err := s.Deliver(t.Context(), "http://127.0.0.1:1/?token=t0ken", os1test.Callback{}); err == nil || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("%v", err)
	}
	if err := s.Deliver(t.Context(), "", os1test.Callback{Data: func() {}}); err == nil {
		t.Error("a func is JSON")
	}
}

func TestClientPanics(t *testing.T) {
	t.Parallel()
	s := start(t)
	defer func() {
		if recover() == nil {
			t.Error("a wrong option")
		}
	}()
	s.Client(os1.WithTimeout(0))
}
