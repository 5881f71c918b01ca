package os1_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/os1"
)

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestErrors(t *testing.T) {
	t.Parallel()
	golden := string(testutil.Golden(t, "error-response.json"))
	for name, test := range map[string]struct {
		status  int
		body    string
		kind    error
		code    string
		message string
		decode  bool
	}{
		"the vendor's":        {400, golden, os1.ErrInvalidRequest, "100910051022", "State Machine API error", false},
		"unauthorized":        {401, golden, os1.ErrUnauthorized, "100910051022", "State Machine API error", false},
		"no credit":           {402, ``, os1.ErrInsufficientCredit, "", "", false},
		"forbidden":           {403, `{"message":"Forbidden"}`, os1.ErrForbidden, "", "Forbidden", false},
		"conflict":            {409, `{"error":{"message":"exists"}}`, os1.ErrInvalidRequest, "", "exists", false},
		"too many":            {429, ``, os1.ErrRateLimited, "", "", false},
		"not found":           {404, `{"status":404,"error":"Not Found","path":"/messages"}`, os1.ErrInvalidRequest, "", "Not Found", false},
		"server error":        {500, golden, os1.ErrMaybeAccepted, "100910051022", "State Machine API error", false},
		"gateway":             {502, `<html>`, os1.ErrMaybeAccepted, "", "", false},
		"unavailable":         {503, golden, os1.ErrMaybeAccepted, "100910051022", "State Machine API error", false},
		"gateway timeout":     {504, ``, os1.ErrMaybeAccepted, "", "", false},
		"not implemented":     {501, ``, os1.ErrUnavailable, "", "", false},
		"redirect":            {307, ``, os1.ErrUnavailable, "", "", false},
		"code is a number":    {400, `{"error":{"code":100910051022,"description":"no"}}`, os1.ErrInvalidRequest, "100910051022", "no", false},
		"code is a phone":     {400, `{"error":{"code":"+91` + testPhone + `","description":"no"}}`, os1.ErrInvalidRequest, "***", "no", false},
		"other types":         {400, `{"error":{"code":{},"description":[1],"additionalInfo":7}}`, os1.ErrInvalidRequest, "", "", false},
		"a list":              {400, `{"error":[1]}`, os1.ErrInvalidRequest, "", "", false},
		"number and mail":     {400, `{"error":{"description":"no ` + testPhone + ` or <` + testEmail + `>\nnor ` + testToken + `"}}`, os1.ErrInvalidRequest, "", "no *** or <***> nor ***", false},
		"a URL":               {400, `{"error":{"description":"no https://a.example/h?t=x or /h?t=x or a=b?"}}`, os1.ErrInvalidRequest, "", "no *** or *** or ***", false},
		"refused in a 2xx":    {200, golden, os1.ErrInvalidRequest, "100910051022", "State Machine API error", false},
		"refused, no data":    {202, `{"data":{},"error":"no"}`, os1.ErrInvalidRequest, "", "no", false},
		"refused and not":     {200, `{"data":{"id":"1"},"error":{"description":"no"}}`, os1.ErrMaybeAccepted, "", "no", true},
		"error says nothing":  {202, `{"error":{}}`, os1.ErrMaybeAccepted, "", "", true},
		"error of success":    {200, `{"data":{},"error":{"code":0,"description":""}}`, os1.ErrMaybeAccepted, "", "", true},
		"status of a failure": {200, `{"status":"failed","message":"no template"}`, os1.ErrMaybeAccepted, "", "no template", true},
		"no success":          {200, `{"success":false}`, os1.ErrMaybeAccepted, "", "", true},
		"errors":              {200, `{"errors":[{"code":"1"}]}`, os1.ErrMaybeAccepted, "", "", true},
		"a gateway's words":   {200, `{"message":"Unauthorized"}`, os1.ErrMaybeAccepted, "", "Unauthorized", true},
		"400 with data":       {400, `{"data":{"id":"m-1"}}`, os1.ErrMaybeAccepted, "", "", false},
		"401 with data":       {401, `{"data":{"id":"m-1"}}`, os1.ErrMaybeAccepted, "", "", false},
		"429 with data":       {429, `{"data":{"id":"m-1"}}`, os1.ErrMaybeAccepted, "", "", false},
		"409 with both":       {409, `{"data":{"id":"m-1"},"error":{"description":"no"}}`, os1.ErrMaybeAccepted, "", "no", false},
		"no JSON":             {200, `OK`, os1.ErrMaybeAccepted, "", "", true},
		"HTML":                {200, `<html>` + testPhone, os1.ErrMaybeAccepted, "", "", true},
		"JSON, null":          {200, `null`, os1.ErrMaybeAccepted, "", "", true},
		"JSON, a list":        {200, `[]`, os1.ErrMaybeAccepted, "", "", true},
		"JSON, a text":        {200, `"ok"`, os1.ErrMaybeAccepted, "", "", true},
		"JSON, broken":        {200, `{"data":{}`, os1.ErrMaybeAccepted, "", "", true},
		"JSON, two of them":   {200, `{}{}`, os1.ErrMaybeAccepted, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := answering(test.status, test.body)
			res, err := s.client(t, os1.WithMaxRetries(0)).Send(t.Context(), oneSMS())
			e, ok := errors.AsType[*os1.Error](err)
			if !ok || res != nil || !errors.Is(err, test.kind) {
				t.Fatalf("%v, want %v", err, test.kind)
			}
			for _, other := range []error{
				os1.ErrInvalidRequest, os1.ErrInvalidRecipient, os1.ErrUnauthorized, os1.ErrForbidden, os1.ErrInsufficientCredit,
				os1.ErrRateLimited, os1.ErrUnavailable, os1.ErrMaybeAccepted, os1.ErrPathNotConfigured,
			} {
				if errors.Is(err, other) != (other == test.kind) { //nolint:errorlint // sentinels
					t.Errorf("%v is %v", err, other)
				}
			}
			if errors.Is(err, os1.ErrDecode) != test.decode {
				t.Errorf("%v: decode is %v", err, !test.decode)
			}
			if e.Op != "Send" || e.StatusCode != test.status || e.Code != test.code || e.Message != test.message || e.Attempts != 1 {
				t.Errorf("%+v", *e)
			}
			if id := s.last().Header.Get("X-COREOS-REQUEST-ID"); e.RequestID != id {
				t.Errorf("request id %q, want %q", e.RequestID, id)
			}
			if !bytes.Equal(e.RawBody(), []byte(test.body)) {
				t.Errorf("raw body %q", e.RawBody())
			}
			if s.count() != 1 {
				t.Errorf("%d calls", s.count())
			}
			testutil.NoLeak(t, err, testToken, testPhone, testEmail)
			testutil.NoLeak(t, *e, testToken, testPhone, testEmail)
		})
	}
}

func TestErrorDetails(t *testing.T) {
	t.Parallel()
	s := &stub{replies: map[string][]reply{"": {{
		status: http.StatusTooManyRequests, body: string(testutil.Golden(t, "error-response.json")),
		header: http.Header{"Retry-After": {"20"}, "X-Coreos-Request-Id": {"another id"}},
	}}}}
	_, err := s.client(t).Send(t.Context(), oneSMS())
	e, _ := errors.AsType[*os1.Error](err)
	if e.RetryDelay() != 20*time.Second || e.RequestID != "another id" {
		t.Errorf("%+v", *e)
	}
	if got := string(e.AdditionalInfo()); got != `{"errorTrace": [{}]}` {
		t.Errorf("additional info %s", got)
	}
	want := "os1: Send: rate limited: status 429, code 100910051022, request another id, retry after 20s: State Machine API error"
	if got := fmt.Sprintf("%v|%#v", err, err); got != want+"|"+want {
		t.Error(got)
	}
	if e := (&os1.Error{}); e.AdditionalInfo() != nil || e.RawBody() != nil {
		t.Error("the zero Error holds something")
	}
}

// TestGuessedPathIsNamed: a 404 or 405 at a path that is a guess says so.
func TestGuessedPathIsNamed(t *testing.T) {
	t.Parallel()
	for _, call := range allCalls() {
		for _, status := range []int{404, 405, 400} {
			s := answering(status, `{}`)
			_, err := call.do(t.Context(), s.client(t))
			guessed := status != 400 && call.path != "/providers" && call.name != "two-way" && call.name != "send-notifications"
			if err == nil || strings.Contains(err.Error(), "see Paths") != guessed {
				t.Errorf("%s: %d: %v", call.name, status, err)
			}
		}
	}
	s := answering(404, `{}`)
	if _, err := s.client(t, os1.WithPaths(os1.Paths{Messages: "/mine"})).Send(t.Context(), oneSMS()); strings.Contains(err.Error(), "see Paths") {
		t.Errorf("a path that was set: %v", err)
	}
}

// TestAccepted: any 2xx without an error is a success, also an empty one.
func TestAccepted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 202, 204} {
		for _, body := range []string{``, "\n", `{}`, `{"data":null,"error":null}`, `{"data":[{"id":1}]}`, `{"DATA":{"id":"1"},"unknown":[]}`} {
			res, err := answering(status, body).client(t).Send(t.Context(), oneSMS())
			if err != nil || res.StatusCode != status || string(res.Raw()) != body {
				t.Errorf("%d %q: %+v, %v", status, body, res, err)
			}
		}
	}
	if m := (os1.Meta{}); m.Raw() != nil || m.Data() != nil || m.Echo().Body() != nil {
		t.Error("the zero Meta holds something")
	}
}

// TestResultsShowNoSecrets: the answer repeats the request, credentials and
// all.
func TestResultsShowNoSecrets(t *testing.T) {
	t.Parallel()
	golden := testutil.Golden(t, "provider-response.json")
	s := answering(http.StatusCreated, string(golden))
	res, err := s.client(t).CreateProvider(t.Context(), pageInfobip())
	if err != nil {
		t.Fatal(err)
	}
	if res.Name != "my-whatsapp-provider" || !strings.HasSuffix(res.InboundWebhookURL, "/webhooks/whatsapp/my-whatsapp-provider/communications") {
		t.Errorf("%+v", res)
	}
	echo := res.Echo()
	if echo.URI != "/providers" || echo.Method != "POST" || !bytes.Contains(echo.Body(), []byte("your-client-secret")) || !bytes.Equal(res.Raw(), golden) {
		t.Error("the answer is not kept")
	}
	type wrapped struct{ v any }
	for _, v := range []any{res, *res, res.Meta, echo, &echo, wrapped{res}, wrapped{*res}, wrapped{res.Meta}, wrapped{echo}, wrapped{&echo}} {
		testutil.NoLeak(t, v, "your-client-secret", "your-client-id")
	}
	b, err := json.Marshal(res)
	if err != nil || !bytes.Contains(b, []byte(`"inboundWebhookUrl":"https://example.com/`)) {
		t.Errorf("%s, %v", b, err)
	}

	for _, body := range []string{``, `{}`, `{"data":null}`, `{"data":"x"}`, `{"data":[]}`} {
		_, err := answering(http.StatusOK, body).client(t).CreateProvider(t.Context(), pageInfobip())
		if !errors.Is(err, os1.ErrMaybeAccepted) || !errors.Is(err, os1.ErrDecode) {
			t.Errorf("%q: %v", body, err)
		}
	}
	refused := strings.Replace(string(golden), `"data"`, `"error"`, 1)
	_, err = answering(http.StatusBadRequest, refused).client(t).CreateProvider(t.Context(), pageInfobip())
	testutil.NoLeak(t, err, "your-client-secret", "your-client-id")
	if e, ok := errors.AsType[*os1.Error](err); !ok || string(e.RawBody()) != refused {
		t.Errorf("%v", err)
	}
}

// TestFaults: what the network does to a send, and what it then is.
func TestFaults(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for name, test := range map[string]struct {
		err  error
		kind error
		n    int // calls made with two retries
	}{
		"refused": {dial, os1.ErrUnavailable, 3},
		"DNS":     {&net.DNSError{Err: "no such host", Name: "acme.getos1.com"}, os1.ErrUnavailable, 3},
		"reset":   {&net.OpError{Op: "read", Err: errors.New("reset")}, os1.ErrMaybeAccepted, 1},
		"EOF":     {errors.New("EOF"), os1.ErrMaybeAccepted, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := accepting()
				s.fail = func(*http.Request) error { return test.err }
				_, err := s.client(t, os1.WithMaxRetries(2)).Send(t.Context(), oneSMS())
				e, _ := errors.AsType[*os1.Error](err)
				if !errors.Is(err, test.kind) || !errors.Is(err, test.err) || s.count() != test.n || e.Attempts != test.n {
					t.Errorf("%v, %d calls", err, s.count())
				}
				testutil.NoLeak(t, err, testToken, testPhone, testBase)
			})
		})
	}
	for _, status := range []int{500, 503} { // reading is repeated
		synctest.Test(t, func(t *testing.T) {
			s := answering(status, ``)
			_, err := s.client(t, os1.WithMaxRetries(2)).GetTemplate(t.Context(), "order_sent")
			if !errors.Is(err, os1.ErrUnavailable) || errors.Is(err, os1.ErrMaybeAccepted) || s.count() != 3 {
				t.Errorf("%d: %v, %d calls", status, err, s.count())
			}
		})
	}
	t.Run("silence", func(t *testing.T) {
		t.Parallel()
		silent := roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		client, err := os1.New(testBase, testTenant, os1.StaticToken(testToken),
			os1.WithHTTPClient(&http.Client{Transport: silent}), os1.WithTimeout(time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = client.Send(t.Context(), oneSMS()); !errors.Is(err, os1.ErrMaybeAccepted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("ended before", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s := accepting()
		if _, err := s.client(t).Send(ctx, oneSMS()); !errors.Is(err, os1.ErrUnavailable) || !errors.Is(err, context.Canceled) || s.count() != 0 {
			t.Error(err)
		}
	})
}

// TestMutatedAnswers: whatever a 2xx holds, it is a success or may have been
// accepted, or a refusal with an error inside; nothing panics or leaks.
func TestMutatedAnswers(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(6, 6))
	whole := `{"data":{"id":"a1"},"error":null,"request":{"uri":"/messages","method":"POST","queryString":"","body":{"sms":[{"to":"` + testPhone + `"}]}}}`
	for i := range 1000 {
		body := []byte(whole)
		for n := 1 + r.IntN(4); n > 0 && len(body) > 0; n-- {
			switch at := r.IntN(len(body)); r.IntN(3) {
			case 0:
				body[at] = byte(r.IntN(256)) //nolint:gosec // it fits
			case 1:
				body = append(body[:at], body[at+1:]...)
			default:
				body = body[:at+1]
			}
		}
		res, err := answering(http.StatusOK, string(body)).client(t).Send(t.Context(), oneSMS())
		switch {
		case err == nil && res != nil:
		case errors.Is(err, os1.ErrMaybeAccepted) && errors.Is(err, os1.ErrDecode):
		case errors.Is(err, os1.ErrInvalidRequest) && bytes.Contains(bytes.ToLower(body), []byte(`"error"`)):
		default:
			t.Errorf("%d: %q: %+v, %v", i, body, res, err)
		}
		if err != nil && strings.Contains(err.Error(), testPhone) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestRepeatedSecrets: the vendor may repeat the secrets of a request in its
// words.
func TestRepeatedSecrets(t *testing.T) {
	t.Parallel()
	secrets := []string{
		"YourAccessKeyId", "YourSecretAccessKey", "YourAccountIdForReference", "your-client-id", "your-client-secret", "pinpoint-key",
		"dXNlcm5hbWU6cGFzc3dvcmQ=", "c2VjcmV0LWtleQ==", "c3RhdHVzLXNlY3JldA==", "aW52YWxpZC1zZWNyZXQ=",
	}
	other := os1.ProviderRequest{Name: "n", ProviderType: "pinpoint", Credentials: os1.OtherCredentials{
		"key": os1.NewSecretJSON([]byte(`{"a":[{"b":"pinpoint-key","c":1}]}`)), "none": {},
	}}
	calls := append(pageCalls(), registering("provider-other", "", other))
	for _, call := range calls {
		if !strings.HasPrefix(call.name, "provider") && call.name != "two-way" {
			continue
		}
		for _, status := range []int{200, 400, 500} {
			sent := &stub{replies: map[string][]reply{"": {{status: status, body: `{}`}}}}
			_, _ = call.do(t.Context(), sent.client(t)) // to see what it sends
			var words []string
			for _, secret := range secrets {
				if bytes.Contains(sent.last().body, []byte(secret)) {
					words = append(words, "no "+secret+", no")
				}
			}
			if len(words) == 0 {
				t.Fatalf("%s sends no secret", call.name)
			}
			b, err := json.Marshal(map[string]any{"error": map[string]any{"code": words[0], "description": strings.Join(words, " ")}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = call.do(t.Context(), answering(status, string(b)).client(t))
			e, ok := errors.AsType[*os1.Error](err)
			if !ok || !strings.Contains(e.Message, "no ***, no") || e.Code != "no ***, no" {
				t.Errorf("%s: %v", call.name, err)
			}
			testutil.NoLeak(t, err, secrets...)
		}
	}
}

// TestQuotedData: the vendor quotes a template's values in its refusal.
func TestQuotedData(t *testing.T) {
	t.Parallel()
	req := oneSMS()
	req.SMS[0].Data = map[string]any{"otp": 4821, "name": "Asha of Pune"}
	s := answering(400, `{"error":{"description":"4821 and Asha of Pune do not fit"}}`)
	_, err := s.client(t).Send(t.Context(), req)
	if e, ok := errors.AsType[*os1.Error](err); !ok || e.Message != "*** and *** do not fit" {
		t.Errorf("%v", err)
	}
	testutil.NoLeak(t, err, "4821", "Asha")
}

// TestEmptyErrorBesideData: an error that says nothing takes nothing from the
// data beside it.
func TestEmptyErrorBesideData(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"data":{"id":"m-1"},"error":{}}`, `{"data":{"id":"m-1"},"error":"","message":"ok"}`, `{"data":{"id":"m-1"},"error":null}`} {
		if _, err := answering(200, body).client(t).Send(t.Context(), oneSMS()); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestTakenIsNotRepeated: an answer with data is not asked for again, whatever
// its status.
func TestTakenIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := answering(429, `{"data":{"id":"m-1"}}`)
	_, err := s.client(t).Send(t.Context(), oneSMS())
	if !errors.Is(err, os1.ErrMaybeAccepted) || s.count() != 1 {
		t.Errorf("%d calls, %v", s.count(), err)
	}
}

// TestLongLists: a list that no service sends is not read.
func TestLongLists(t *testing.T) {
	t.Parallel()
	body := `{"data":[` + strings.Repeat(`{},`, 20_000) + `{}]}`
	page, err := answering(200, body).client(t).ListTemplates(t.Context(), os1.ListTemplatesOptions{})
	if err == nil && len(page.Templates) > 0 {
		t.Errorf("%d templates", len(page.Templates))
	}
}

// TestListsOfPages: an empty page does not end a list that names a next one,
// and a list that goes in a circle ends with an error.
func TestListsOfPages(t *testing.T) {
	t.Parallel()
	page := func(templates, next string) reply {
		return reply{status: 200, body: `{"data":{"templates":[` + templates + `],"meta":{"nextPage":"` + next + `"}}}`}
	}
	all := func(replies ...reply) (names []string, err error) {
		s := &stub{replies: map[string][]reply{"": replies}}
		for template, e := range s.client(t).AllTemplates(t.Context(), os1.ListTemplatesOptions{}) {
			if e != nil {
				return names, e
			}
			names = append(names, template.Name)
		}
		return names, nil
	}
	if names, err := all(page("", "2"), page(`{"name":"a"}`, "")); err != nil || strings.Join(names, "") != "a" {
		t.Errorf("behind an empty page: %v, %v", names, err)
	}
	if names, err := all(page(`{"name":"a"}`, "2"), page(`{"name":"b"}`, "3"), page(`{"name":"a"}`, "2")); err == nil || strings.Join(names, "") != "ab" {
		t.Errorf("in a circle: %v, %v", names, err)
	}
}

// TestNilVerifier refuses everything.
func TestNilVerifier(t *testing.T) {
	t.Parallel()
	if os1.VerifierFunc(nil).Verify(nil, nil) == nil {
		t.Error("a nil function verifies")
	}
}

// TestNilPointers are what is missing.
func TestNilPointers(t *testing.T) {
	t.Parallel()
	template := os1.TemplateRequest{Name: "a", Mode: os1.ModeSMS, Data: (*os1.SMSTemplate)(nil)}
	provider := os1.ProviderRequest{Name: "a", ProviderType: os1.ProviderSES, Credentials: (*os1.SESCredentials)(nil)}
	for _, err := range []error{template.Validate(), provider.Validate()} {
		if !errors.Is(err, os1.ErrInvalidRequest) {
			t.Errorf("%v", err)
		}
	}
}
