package v2_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"

	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/webexconnect"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
)

const (
	key     = "secret-service-key"
	sendURL = "https://api.uk.webexconnect.io/v2/messages"
	getURL  = "https://api.uk.webexconnect.io/v2/messages/m-1"
)

// client is a client whose calls mt answers.
func client(t *testing.T, mt http.RoundTripper, opts ...v2.Option) *v2.Client {
	t.Helper()
	opts = append([]v2.Option{v2.WithHTTPClient(&http.Client{Transport: mt})}, opts...)
	c, err := v2.New(webexconnect.UK, webexconnect.ServiceKey(key), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refusing fails the test when anything is sent.
func refusing(t *testing.T) http.RoundTripper {
	t.Helper()
	mt := httpmock.NewMockTransport()
	mt.RegisterNoResponder(func(*http.Request) (*http.Response, error) {
		t.Error("something was sent")
		return nil, errors.New("not here")
	})
	return mt
}

func TestSend(t *testing.T) {
	t.Parallel()
	mt := httpmock.NewMockTransport()
	mt.RegisterResponder(http.MethodPost, sendURL, func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Key") != key || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
			t.Errorf("headers %v", r.Header)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		testutil.JSONEqual(t, testutil.Golden(t, "sms-full.json"), body)
		if !bytes.Contains(body, []byte("<&>")) {
			t.Error("the text is escaped as HTML")
		}
		return httpmock.NewBytesResponse(http.StatusCreated, testutil.Golden(t, "send-201.json")), nil
	})
	res, err := client(t, mt).Send(t.Context(), goldens()["sms-full.json"])
	if err != nil {
		t.Fatal(err)
	}
	want := v2.Outcome{
		MessageID: "2002fcc6-d500-4b2a-b3ab-8f86f15891cb", CorrelationID: "na1b2b1i1", Status: "queued",
		RequestedAt: time.Date(2019, 10, 4, 10, 42, 27, 728e6, time.UTC),
	}
	if res.MessageID != want.MessageID || len(res.Outcomes) != 1 || res.Outcomes[0] != want || res.Attempts != 1 ||
		!bytes.Equal(res.Raw, testutil.Golden(t, "send-201.json")) {
		t.Errorf("got %+v", res)
	}
}

func TestJWT(t *testing.T) {
	t.Parallel()
	mt := httpmock.NewMockTransport()
	var tokens []string
	mt.RegisterResponder(http.MethodGet, getURL, func(r *http.Request) (*http.Response, error) {
		tokens = append(tokens, r.Header.Get("Authorization"))
		if r.Header.Get("Key") != "" {
			t.Error("key and token together")
		}
		return httpmock.NewStringResponse(http.StatusUnauthorized, ""), nil
	})
	c, err := v2.New(webexconnect.UK, webexconnect.JWT("service-1", "c2VjcmV0LXNlY3JldA=="), v2.WithHTTPClient(&http.Client{Transport: mt}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Get(t.Context(), "m-1")
	if !errors.Is(err, v2.ErrUnauthorized) || len(tokens) != 2 || !strings.HasPrefix(tokens[0], "Bearer ey") {
		t.Errorf("got %v after %d calls", err, len(tokens))
	}
	testutil.NoLeak(t, err, "c2VjcmV0LXNlY3JldA", strings.TrimPrefix(tokens[0], "Bearer "))
	testutil.NoLeak(t, c, "c2VjcmV0LXNlY3JldA", "secret-secret")
}

// A token is renewed, too, when the body says that it is refused, and only
// when it says so of all.
func TestJWTRefusedInTheBody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		calls  int
		kind   error
	}{
		"400":    {400, `{"code":"7001","message":"Authentication failed."}`, 2, v2.ErrUnauthorized},
		"403":    {403, `[{"code":7001},{"code":"7001"}]`, 2, v2.ErrUnauthorized},
		"201":    {201, `{"code":"7001"}`, 2, v2.ErrUnauthorized},
		"other":  {403, `[{"code":"7001"},{"code":"7102"}]`, 1, v2.ErrInvalidRecipient},
		"part":   {401, `[{"code":"7001"},{"messageId":"m-1","status":"queued"}]`, 1, v2.ErrMaybeAccepted},
		"both":   {201, `{"code":"7001","status":"queued"}`, 1, v2.ErrMaybeAccepted},
		"503":    {503, `{"code":"7001"}`, 1, v2.ErrMaybeAccepted},
		"quoted": {400, `{"code":"7004","message":"7001"}`, 1, v2.ErrInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mt := httpmock.NewMockTransport()
			mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(c.status, c.body))
			client, err := v2.New(webexconnect.UK, webexconnect.JWT("service-1", "c2VjcmV0LXNlY3JldA=="), v2.WithHTTPClient(&http.Client{Transport: mt}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = client.Send(t.Context(), sms(nil)); !errors.Is(err, c.kind) || mt.GetTotalCallCount() != c.calls {
				t.Errorf("%d calls, %v", mt.GetTotalCallCount(), err)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const refusedAll = `[{"messageId":"m-1","status":"Rejected","code":"7101"},{"status":"Rejected","code":7109,"message":"DnD +449000000009"}]`
	for name, c := range map[string]struct {
		status int
		body   string
		kind   error
		also   error
		code   string
		header string
	}{
		"400":              {status: 400, body: `{"code":"7004","message":"Invalid parameter - sendAt"}`, kind: v2.ErrInvalidRequest, code: "7004"},
		"400 number":       {status: 400, body: `{"code": 8000, "message": "Invalid parameter: 'asdf'"}`, kind: v2.ErrInvalidRequest, code: "8000"},
		"400 array":        {status: 400, body: `[{"code":"7102","message":"+449000000009"}]`, kind: v2.ErrInvalidRecipient, code: "7102"},
		"400 nothing":      {status: 400, kind: v2.ErrInvalidRequest},
		"400 sender":       {status: 400, body: `{"code":"7101","message":"Invalid sender ID"}`, kind: v2.ErrInvalidRequest, code: "7101"},
		"400 address":      {status: 400, body: `{"code":"7127","message":""}`, kind: v2.ErrForbidden, code: "7127"},
		"400 template":     {status: 400, body: `{"code":"7108"}`, kind: v2.ErrContentRejected, code: "7108"},
		"400 unknown":      {status: 400, body: `{"code":"7016","message":"Unknown exception"}`, kind: v2.ErrMaybeAccepted, code: "7016"},
		"400 opt-out":      {status: 400, body: `{"code":"9002","message":"no consent"}`, kind: v2.ErrOptedOut, code: "9002"},
		"400 cap":          {status: 400, body: `{"code":"9006"}`, kind: v2.ErrFrequencyCapped, code: "9006"},
		"401":              {status: 401, kind: v2.ErrUnauthorized},
		"402":              {status: 402, kind: v2.ErrInsufficientCredit},
		"403":              {status: 403, kind: v2.ErrForbidden},
		"404":              {status: 404, kind: v2.ErrInvalidRequest},
		"405":              {status: 405, kind: v2.ErrInvalidRequest},
		"409":              {status: 409, kind: v2.ErrInvalidRequest},
		"429":              {status: 429, kind: v2.ErrRateLimited},
		"500":              {status: 500, kind: v2.ErrMaybeAccepted},
		"503":              {status: 503, body: "<html>", kind: v2.ErrMaybeAccepted},
		"400 all":          {status: 400, body: refusedAll, kind: v2.ErrOptedOut, code: "7109"},
		"400 part":         {status: 400, body: `[{"messageId":"m-1","status":"queued"},{"code":"7102"}]`, kind: v2.ErrMaybeAccepted, code: "7102"},
		"400 part last":    {status: 400, body: `[{"code":"7102"},{"messageId":"m-1","status":"queued"}]`, kind: v2.ErrMaybeAccepted, code: "7102"},
		"400 taken":        {status: 400, body: `{"messageId":"m-1","status":"queued"}`, kind: v2.ErrMaybeAccepted},
		"400 queued":       {status: 400, body: `[{"code":"7102"},{"code":1001}]`, kind: v2.ErrMaybeAccepted, code: "1001"},
		"400 with others":  {status: 400, body: `[{"code":"7004"},5,{"message":["x"]}]`, kind: v2.ErrInvalidRequest, code: "7004"},
		"401 code":         {status: 401, body: `{"code":401,"message":"x"}`, kind: v2.ErrUnauthorized, code: "401"},
		"403 code":         {status: 403, body: `{"code":"403","message":"x"}`, kind: v2.ErrForbidden, code: "403"},
		"403 credentials":  {status: 403, body: `{"code":"7001","message":"Authentication failed."}`, kind: v2.ErrUnauthorized, code: "7001"},
		"408 code":         {status: 408, body: `{"code":"7004"}`, kind: v2.ErrMaybeAccepted, code: "7004"},
		"429 code":         {status: 429, body: `{"code":429}`, kind: v2.ErrRateLimited, code: "429"},
		"500 code":         {status: 500, body: `{"code":"7020","message":"x"}`, kind: v2.ErrMaybeAccepted, code: "7020"},
		"500 credentials":  {status: 500, body: `{"code":"7001"}`, kind: v2.ErrMaybeAccepted, code: "7001"},
		"503 code":         {status: 503, body: `{"code":"7004","message":"x"}`, kind: v2.ErrMaybeAccepted, code: "7004"},
		"503 array":        {status: 503, body: `[{"code":"7102"},{"code":"9002"}]`, kind: v2.ErrMaybeAccepted, code: "7102"},
		"201 both":         {status: 201, body: `{"messageId":"m-1","status":"queued","code":"7004"}`, kind: v2.ErrMaybeAccepted, code: "7004"},
		"201 nothing":      {status: 201, kind: v2.ErrMaybeAccepted, also: v2.ErrDecode},
		"201 HTML":         {status: 201, body: "<html>449000000009</html>", kind: v2.ErrMaybeAccepted, also: v2.ErrDecode},
		"201 no id":        {status: 201, body: `{"status":"queued"}`, kind: v2.ErrMaybeAccepted, also: v2.ErrDecode},
		"201 empty array":  {status: 201, body: `[]`, kind: v2.ErrMaybeAccepted, also: v2.ErrDecode},
		"201 null":         {status: 201, body: `null`, kind: v2.ErrMaybeAccepted, also: v2.ErrDecode},
		"201 half":         {status: 201, body: `[{"messageId":"m-1"},{}]`, kind: v2.ErrMaybeAccepted, also: v2.ErrDecode},
		"201 rejected":     {status: 201, body: `{"messageId":"m-1","status":"Rejected"}`, kind: v2.ErrInvalidRequest},
		"201 code":         {status: 201, body: `{"code":"7103","message":"x"}`, kind: v2.ErrInsufficientCredit, code: "7103"},
		"201 all rejected": {status: 201, body: refusedAll, kind: v2.ErrOptedOut, code: "7109"},
		"201 part":         {status: 201, body: `[{"messageId":"m-1","status":"queued"},{"messageId":"m-2","status":"rejected","code":"7109"}]`, kind: v2.ErrMaybeAccepted, code: "7109"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mt := httpmock.NewMockTransport()
			mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(c.status, c.body))
			res, err := client(t, mt, v2.WithMaxRetries(0)).Send(t.Context(), sms(nil))
			if (res != nil) != (name == "201 part") {
				t.Errorf("response %+v", res)
			}
			e, ok := errors.AsType[*v2.Error](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if !errors.Is(err, c.kind) || errors.Is(err, v2.ErrDecode) != (c.also != nil) || e.Code != c.code {
				t.Errorf("got %v, code %q", err, e.Code)
			}
			for _, other := range []error{v2.ErrInvalidRequest, v2.ErrMaybeAccepted, v2.ErrUnavailable, v2.ErrUnauthorized, v2.ErrRateLimited} {
				if !errors.Is(c.kind, other) && errors.Is(err, other) {
					t.Errorf("is %v, too: %v", other, err)
				}
			}
			if e.Op != "Send" || e.StatusCode != c.status || e.Attempts != 1 || string(e.RawBody()) != c.body {
				t.Errorf("got %+v", e)
			}
			testutil.NoLeak(t, err, key, number, number[1:], "hello")
			if mt.GetTotalCallCount() != 1 {
				t.Errorf("%d calls", mt.GetTotalCallCount())
			}
		})
	}
}

// An answer with several outcomes is read whole.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	mt := httpmock.NewMockTransport()
	mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(201,
		`[{"status":"Rejected","code":"7109","correlationId":"a","message":"DnD"},{"messageId":"m-2","status":"Queued","correlationId":"b"}]`))
	res, err := client(t, mt).Send(t.Context(), sms(nil))
	e, ok := errors.AsType[*v2.Error](err)
	if !ok || !errors.Is(err, v2.ErrMaybeAccepted) || errors.Is(err, v2.ErrDecode) || res == nil {
		t.Fatalf("got %+v, %v", res, err)
	}
	if res.MessageID != "m-2" || len(res.Outcomes) != 2 || len(e.Outcomes()) != 2 || !errors.Is(res.Outcomes[0].Err, v2.ErrOptedOut) ||
		res.Outcomes[1].Err != nil || res.Outcomes[1].CorrelationID != "b" {
		t.Errorf("got %+v", res)
	}
}

// So is one whose status says that all is refused: each outcome has the kind
// of its own code, and where the status leaves all open, none is refused.
func TestOutcomesOfRefusals(t *testing.T) {
	t.Parallel()
	const mixed = `[{"code":"7102","correlationId":"a"},{"messageId":"m-2","status":"queued","correlationId":"b"},{"code":"8000"}]`
	for name, c := range map[string]struct {
		status int
		body   string
		kinds  []error
	}{
		"all":  {400, `[{"code":"7102"},{"code":"9002"},{"code":"8000"}]`, []error{v2.ErrInvalidRecipient, v2.ErrOptedOut, v2.ErrInvalidRequest}},
		"one":  {403, `{"code":"8000"}`, []error{v2.ErrForbidden}},
		"part": {400, mixed, []error{v2.ErrInvalidRecipient, nil, v2.ErrInvalidRequest}},
		"open": {503, mixed, []error{v2.ErrMaybeAccepted, nil, v2.ErrMaybeAccepted}},
		"none": {400, `[{"message":"x"}]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mt := httpmock.NewMockTransport()
			mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(c.status, c.body))
			_, err := client(t, mt).Send(t.Context(), sms(nil))
			e, ok := errors.AsType[*v2.Error](err)
			if !ok || len(e.Outcomes()) != len(c.kinds) {
				t.Fatalf("got %v, %+v", err, e.Outcomes())
			}
			for i, o := range e.Outcomes() {
				if !errors.Is(o.Err, c.kinds[i]) {
					t.Errorf("outcome %d: %v", i, o.Err)
				}
			}
		})
	}
}

// What matters of an answer is read, whatever the rest of it is.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	mt := httpmock.NewMockTransport()
	mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(201,
		`{"messageId":12,"status":"queued","requestTimestamp":{},"correlationId":["x"],"code":null,"message":false}`))
	mt.RegisterResponder(http.MethodGet, getURL, httpmock.NewStringResponder(200,
		`{"messageId":"m-1","status":"Submitted","channel":1,"clientId":"x","groupId":"7","from":{},"content":"text"}`))
	c := client(t, mt)
	if res, err := c.Send(t.Context(), sms(nil)); err != nil || res.MessageID != "12" {
		t.Errorf("got %+v, %v", res, err)
	}
	if s, err := c.Get(t.Context(), "m-1"); err != nil || s.Status != "Submitted" || s.Channel != "1" || s.ClientID != 0 || s.GroupID != 7 || s.Text != "" {
		t.Errorf("got %+v, %v", s, err)
	}
	many := "[" + strings.Repeat(`{"code":"7004"},`, jsonx.MaxElements) + `{"code":"7004"}]`
	mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(201, many))
	if _, err := c.Send(t.Context(), sms(nil)); !errors.Is(err, v2.ErrMaybeAccepted) || !errors.Is(err, v2.ErrDecode) {
		t.Errorf("too many to be read: %.200v", err)
	}
}

// A rejected voice call has an id all the same.
func TestRejectedVoice(t *testing.T) {
	t.Parallel()
	mt := httpmock.NewMockTransport()
	mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(201,
		`{"requestTimestamp":"2024-09-05T00:03:01.708-04:00","messageId":"m-1","correlationId":"12345","status":"Rejected","code":"7415"}`))
	_, err := client(t, mt).Send(t.Context(), goldens()["voice-media.json"])
	e, ok := errors.AsType[*v2.Error](err)
	if !ok || !errors.Is(err, v2.ErrInsufficientCredit) || e.MessageID != "m-1" || e.Message == "" {
		t.Errorf("got %+v", err)
	}
}

// Without a code, the status word is all that says that it was refused.
func TestRejectedWithoutCode(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"messageId":"m-1","status":"Rejected"}`:                          "invalid request: status 201: Rejected",
		`{"messageId":"m-1","status":"Rejected","code":"8000"}`:            "invalid request: status 201, code 8000: Rejected",
		`{"messageId":"m-1","status":"Rejected","message":"no such flow"}`: "invalid request: status 201: no such flow",
		`{"messageId":"m-1","status":" rejected\n"}`:                       "invalid request: status 201: rejected",
		`{"status":"Rejected","message":"other@example.org blocked"}`:      "invalid request: status 201: *** blocked",
		`{"status":"to +44 9000 000009","code":"8000"}`:                    "invalid request: status 201, code 8000: to ***",
	} {
		mt := httpmock.NewMockTransport()
		mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(201, body))
		_, err := client(t, mt).Send(t.Context(), goldens()["voice-media.json"])
		if err == nil || err.Error() != "webexconnect v2: Send: "+want {
			t.Errorf("%s: %v", body, err)
		}
		testutil.NoLeak(t, err, key, number, number[1:])
	}
}

// What an error says is about the gravest refusal, whatever their order.
func TestGravestRefusal(t *testing.T) {
	t.Parallel()
	const address, consent, later = `{"code":"7102","message":"invalid address"}`, `{"messageId":"m-2","code":"9002","message":"no consent"}`, `{"code":"9010"}`
	for body, want := range map[string]string{
		"[" + address + "," + consent + "," + later + "]":                       "recipient opted out: status 201, code 9002: no consent",
		"[" + consent + "," + address + "]":                                     "recipient opted out: status 201, code 9002: no consent",
		"[" + address + "," + consent + `,{"messageId":"m","status":"queued"}]`: "may have been accepted: status 201, code 9002: no consent: other recipients of the call were accepted",
	} {
		mt := httpmock.NewMockTransport()
		mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(201, body))
		_, err := client(t, mt).Send(t.Context(), sms(nil))
		e, ok := errors.AsType[*v2.Error](err)
		if !ok || e.Error() != "webexconnect v2: Send: "+want || e.MessageID != "m-2" || len(e.Outcomes()) < 2 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		calls  int
	}{
		"7020":        {400, `{"code":"7020","message":"You have reached the maximum transaction limit"}`, 3},
		"7020 number": {400, `{"code":7020}`, 3},
		"429":         {429, ``, 3},
		"429 code":    {429, `{"code":"429"}`, 3},
		"429 taken":   {429, `[{"messageId":"m1","status":"queued"},{"code":"7020"}]`, 1},
		"429 unknown": {429, `{"code":"7016"}`, 1},
		"401 taken":   {401, `{"messageId":"m1","status":"queued"}`, 1},
		"mixed":       {400, `[{"code":"7020"},{"code":"1001"}]`, 1},
		"both":        {400, `{"code":"7020","status":"queued"}`, 1},
		"other":       {400, `{"code":"7004"}`, 1},
		"500":         {500, `{"code":"7020"}`, 1},
		"503":         {503, ``, 1},
		"408":         {408, ``, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mt := httpmock.NewMockTransport()
				mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(c.status, c.body))
				_, err := client(t, mt).Send(t.Context(), sms(nil))
				if err == nil || mt.GetTotalCallCount() != c.calls {
					t.Errorf("%d calls, %v", mt.GetTotalCallCount(), err)
				}
				if errors.Is(err, v2.ErrRateLimited) != (c.calls > 1) || errors.Is(err, v2.ErrMaybeAccepted) != (c.calls == 1 && name != "other") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestRetrySucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mt := httpmock.NewMockTransport()
		busy := httpmock.NewStringResponder(400, `{"code":"7020"}`)
		mt.RegisterResponder(http.MethodPost, sendURL, busy.Then(httpmock.NewStringResponder(201, `{"messageId":"m-1","status":"queued"}`)))
		res, err := client(t, mt).Send(t.Context(), sms(nil))
		if err != nil || res.Attempts != 2 {
			t.Errorf("got %+v, %v", res, err)
		}
	})
}

func TestContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client(t, refusing(t)).Send(ctx, sms(nil))
	if !errors.Is(err, context.Canceled) || !errors.Is(err, v2.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	mt := httpmock.NewMockTransport()
	mt.RegisterResponder(http.MethodGet, getURL, httpmock.NewBytesResponder(http.StatusOK, testutil.Golden(t, "get-200.json")))
	s, err := client(t, mt).Get(t.Context(), "m-1")
	if err != nil {
		t.Fatal(err)
	}
	want := v2.Status{
		MessageID: "6173724b-c850-42b0-b9d7-eac73de28e95", CorrelationID: "sit", Channel: v2.ChannelSMS, Status: "Submitted",
		From: "CONNCT", To: "447500661610", ToType: "msisdn", Direction: "outbound", Segments: "1", CallbackData: "<notify data>",
		NotifyURL: "https://webhook.site/f6fbab37-6d59-4fec-913a-021db78ce43b", Version: "2.0",
		RequestedAt: time.Date(2020, 4, 9, 9, 46, 37, 897e6, time.UTC), ClientID: 1117, GroupID: 1387, TeamID: 1992,
		Type: "text", Text: "Here+is+a+message", RequestedReceipts: json.RawMessage("[]"), Attempts: 1,
		Options: s.Options, Raw: testutil.Golden(t, "get-200.json"),
	}
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, wanted) || !bytes.Contains(s.Options, []byte(`"trackClicks":true`)) {
		t.Errorf("got %s\nwant %s", got, wanted)
	}
}

func TestGetEscapesTheID(t *testing.T) {
	t.Parallel()
	for id, path := range map[string]string{"a/b?c": "/v2/messages/a%2Fb%3Fc", "..": "/v2/messages/%2E%2E"} {
		c, err := v2.New("", webexconnect.ServiceKey(key), v2.WithBaseURL("https://example.com"), v2.WithHTTPClient(&http.Client{
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if got := r.URL.EscapedPath(); got != path {
					t.Errorf("path %s", got)
				}
				return httpmock.NewStringResponse(404, ""), nil
			}),
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Get(t.Context(), id); !errors.Is(err, v2.ErrInvalidRequest) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := client(t, refusing(t)).Get(t.Context(), ""); !errors.Is(err, v2.ErrInvalidRequest) {
		t.Errorf("got %v", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestGetErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		kind   error
		decode bool
		calls  int
	}{
		"401":  {401, "", v2.ErrUnauthorized, false, 1},
		"404":  {404, "", v2.ErrInvalidRequest, false, 1},
		"429":  {429, "", v2.ErrRateLimited, false, 3},
		"500":  {500, "", v2.ErrUnavailable, false, 3},
		"HTML": {200, "<html>", v2.ErrUnavailable, true, 1},
		"{}":   {200, "{}", v2.ErrUnavailable, true, 1},
		"no":   {200, `{"code":"7001","message":"x"}`, v2.ErrUnauthorized, false, 1},
		"5xx":  {503, `{"code":"7004","message":"x"}`, v2.ErrUnavailable, false, 3},
		"7016": {400, `{"code":"7016"}`, v2.ErrUnavailable, false, 1},
		"id":   {429, `{"messageId":"m-1"}`, v2.ErrRateLimited, false, 3},
		"?":    {200, `{"code":"1","message":"x"}`, v2.ErrInvalidRequest, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mt := httpmock.NewMockTransport()
				mt.RegisterResponder(http.MethodGet, getURL, httpmock.NewStringResponder(c.status, c.body))
				s, err := client(t, mt).Get(t.Context(), "m-1")
				e, ok := errors.AsType[*v2.Error](err)
				if s != nil || !ok || !errors.Is(err, c.kind) || errors.Is(err, v2.ErrDecode) != c.decode || errors.Is(err, v2.ErrMaybeAccepted) ||
					e.Op != "Get" || mt.GetTotalCallCount() != c.calls {
					t.Errorf("got %+v, %v after %d", s, err, mt.GetTotalCallCount())
				}
				testutil.NoLeak(t, err, key)
			})
		})
	}
}

// Over a socket: the connection dies, the answer is late.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{
		"reset": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"hang":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://example.com/?key="+key, http.StatusFound)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				calls.Add(1)
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					t.Error(err)
				}
				serve(w, r)
			}))
			defer server.Close()
			var log bytes.Buffer
			c, err := v2.New("", webexconnect.ServiceKey(key), v2.WithBaseURL(server.URL+"/prefix/"), v2.WithTimeout(2*time.Second),
				v2.WithHTTPClient(server.Client()),
				v2.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Send(t.Context(), sms(nil))
			if !errors.Is(err, v2.ErrMaybeAccepted) || calls.Load() != 1 {
				t.Errorf("got %v after %d calls", err, calls.Load())
			}
			testutil.NoLeak(t, err, key, number, "hello")
			if shown := log.String(); !strings.Contains(shown, "/v2/messages") || strings.Contains(shown, key) || strings.Contains(shown, number) {
				t.Errorf("log: %s", shown)
			}
		})
	}
}

func TestNotSentAtAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mt := httpmock.NewMockTransport()
		mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewErrorResponder(&net.OpError{Op: "dial", Err: errors.New("refused")}))
		_, err := client(t, mt).Send(t.Context(), sms(nil))
		if !errors.Is(err, v2.ErrUnavailable) || mt.GetTotalCallCount() != 3 {
			t.Errorf("got %v after %d", err, mt.GetTotalCallCount())
		}
	})
}

func TestNew(t *testing.T) {
	t.Parallel()
	good := webexconnect.ServiceKey(key)
	for name, build := range map[string]func() (*v2.Client, error){
		"region":   func() (*v2.Client, error) { return v2.New("mars", good) },
		"none":     func() (*v2.Client, error) { return v2.New("", good) },
		"key":      func() (*v2.Client, error) { return v2.New(webexconnect.UK, webexconnect.ServiceKey("")) },
		"no auth":  func() (*v2.Client, error) { return v2.New(webexconnect.UK, webexconnect.Auth{}) },
		"base URL": func() (*v2.Client, error) { return v2.New("", good, v2.WithBaseURL("http://example.com")) },
		"client":   func() (*v2.Client, error) { return v2.New(webexconnect.UK, good, v2.WithHTTPClient(nil)) },
		"timeout":  func() (*v2.Client, error) { return v2.New(webexconnect.UK, good, v2.WithTimeout(0)) },
		"retries":  func() (*v2.Client, error) { return v2.New(webexconnect.UK, good, v2.WithMaxRetries(-1)) },
		"rate":     func() (*v2.Client, error) { return v2.New(webexconnect.UK, good, v2.WithRateLimit(0, 0)) },
		"agent":    func() (*v2.Client, error) { return v2.New(webexconnect.UK, good, v2.WithUserAgent("\n")) },
	} {
		if c, err := build(); err == nil || c != nil || !strings.HasPrefix(err.Error(), "webexconnect v2: New: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := v2.New(webexconnect.UK, good, nil, v2.WithUserAgent("acme/1"), v2.WithRateLimit(100, 1))
	if err != nil {
		t.Fatal(err)
	}
	testutil.NoLeak(t, c, key)
	if c.String() != "v2.Client(https://api.uk.webexconnect.io)" {
		t.Error(c)
	}
}

// TestQuotedText: the vendor quotes the message in its refusal.
func TestQuotedText(t *testing.T) {
	t.Parallel()
	const text = "Your code is 4821."
	mt := httpmock.NewMockTransport()
	mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(400,
		`{"code":"7004 4821","messageId":"m-4821","message":"`+text+` / 4821 / …code is 4821"}`))
	_, err := client(t, mt).Send(t.Context(), sms(func(r *v2.Request) { r.Content = v2.SMS{Text: text} }))
	e, ok := errors.AsType[*v2.Error](err)
	if !ok || e.Message == "" || e.Code != "7004 ***" || e.MessageID != "m-***" {
		t.Fatalf("got %+v", err)
	}
	testutil.NoLeak(t, err, text, "4821", "code is")
}

// An id of the vendor's stays as it is, unless it is a secret.
func TestIDOfARefusal(t *testing.T) {
	t.Parallel()
	for key, id := range map[string]string{"k": "2002fcc6-d500-4b2a-b3ab-8f86f1589100", "2002fcc6-d500-4b2a-b3ab-8f86f1589100": "***"} {
		mt := httpmock.NewMockTransport()
		mt.RegisterResponder(http.MethodPost, sendURL, httpmock.NewStringResponder(201,
			`{"messageId":"2002fcc6-d500-4b2a-b3ab-8f86f1589100","status":"Rejected"}`))
		c, err := v2.New(webexconnect.UK, webexconnect.ServiceKey(key), v2.WithHTTPClient(&http.Client{Transport: mt}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Send(t.Context(), sms(nil))
		if e, ok := errors.AsType[*v2.Error](err); !ok || e.MessageID != id {
			t.Errorf("got %+v", err)
		}
	}
}
