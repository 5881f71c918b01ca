package deflector_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hooks/deflector", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func postForm(body string) *http.Request {
	r := post(body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func get(query string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "/hooks/deflector"+query, http.NoBody)
}

func TestParseCallback(t *testing.T) {
	t.Parallel()
	at := time.Unix(1763680000, 0).UTC()
	for name, test := range map[string]struct {
		request *http.Request
		want    []deflector.Event
	}{
		"RCS": {
			post(string(testutil.Golden(t, "callback-rcs.json"))),
			[]deflector.Event{{
				Channel: deflector.RCS, Status: deflector.StatusSent, RawStatus: "Sent", CallbackData: "order-42",
				MessageID: "api-100-911234567890-0123456789abcdef0123456789abcdef-1763679999", RequestID: "fedcba9876543210fedcba9876543210",
				Recipient: "911234567890", Tags: []string{"welcome"}, BotID: "700", Type: "Template", Time: at, RawTime: "1763680000",
			}},
		},
		"SMS after RCS, and a click": {
			post(string(testutil.Golden(t, "callback-sms.json"))),
			[]deflector.Event{{
				Channel: deflector.SMS, LastChannel: deflector.RCS, Status: deflector.StatusFailed, RawStatus: "Failed", CallbackData: "order-42",
				MessageID: "sms-100-0a1b2c3d4e5f-AbCdEfGhIjKlMnOp-012345678-1763680100", RequestID: "fedcba9876543210fedcba9876543210",
				Recipient: "911234567890", Tags: []string{"welcome"}, BotID: "700", Type: "Text", Time: at.Add(100 * time.Second), RawTime: "1763680100",
			}, {
				Channel: deflector.SMS, Status: deflector.StatusClicked,
				Click:     &deflector.Click{Type: "CLICK", Text: "https://example.com", Postback: "abcdefg"},
				MessageID: "api-100-911234567890-0123456789abcdef0123456789abcdef-1763679999",
				Recipient: "911234567890", BotID: "700", Time: at.Add(200 * time.Second), RawTime: "1763680200",
			}},
		},
		"WhatsApp": {
			post(string(testutil.Golden(t, "callback-whatsapp.json"))),
			[]deflector.Event{{
				Channel: deflector.WhatsApp, Status: deflector.StatusDelivered, RawStatus: "delivered", APIHeader: "order-42",
				MessageID: "11111111-2222-3333-4444-555555555555", Recipient: "911234567890", Sender: "911111111111", Source: "src-1",
				Time: at, RawTime: "1763680000",
				Pricing: &deflector.Pricing{Billable: true, Category: "marketing", Model: "x", Type: "y"},
			}, {
				Channel: deflector.WhatsApp, Status: deflector.StatusFailed, RawStatus: "failed", MessageID: "older", Recipient: "911234567890",
				Source: "src-1", Remarks: "8003", Time: time.Date(2019, 5, 16, 15, 36, 58, 0, time.UTC), RawTime: "2019-05-16 15:36:58",
			}},
		},
		"what people write": {
			post(string(testutil.Golden(t, "callback-incoming.json"))),
			[]deflector.Event{{
				Channel: deflector.WhatsApp, Status: deflector.StatusReceived, APIHeader: "order-42", MessageID: "wamid.X",
				Sender: "911234567890", Recipient: "911111111111", Type: "TEXT", Time: at, RawTime: "1763680000",
			}, {
				Channel: deflector.WhatsApp, Status: deflector.StatusReceived, MessageID: "wamid.Y", Sender: "911234567890",
			}},
		},
		"single event": {
			post(`{"channel":"rcs","status":"READ","event_time":"2025-11-21T04:36:40+05:30","last_channel":"whatsapp","tags":"a"}`),
			[]deflector.Event{{
				Channel: deflector.RCS, LastChannel: deflector.WhatsApp, Status: deflector.StatusRead, RawStatus: "READ", Tags: []string{"a"},
				Time: time.Date(2025, 11, 20, 23, 6, 40, 0, time.UTC), RawTime: "2025-11-21T04:36:40+05:30",
			}},
		},
		"words that are not known": {
			post(`[{"channel":"Viber","status":"Queued","event_time":"yesterday","new":{"x":[1]}}]`),
			[]deflector.Event{{Channel: "Viber", Status: deflector.StatusUnknown, RawStatus: "Queued", RawTime: "yesterday"}},
		},
		"members of other types and cases": {
			post(`[{"callbackData":42,"Channel":"SMS","status":{"x":1},"mobile":911234567890,"tags":[1,"b",null],"remarks":null,"event_time":null}]`),
			[]deflector.Event{{Channel: deflector.SMS, Status: deflector.StatusUnknown, CallbackData: "42", Recipient: "911234567890", Tags: []string{"1", "b", ""}}},
		},
		"one delivery_status": {
			post(`{"delivery_status":{"status":"read","received_at":1763680000}}`),
			[]deflector.Event{{Channel: deflector.WhatsApp, Status: deflector.StatusRead, RawStatus: "read", Time: at, RawTime: "1763680000"}},
		},
		"empty array": {post(" [] "), nil},
		"native, GET": {
			get("?reqid=778899&status=DELIVRD&mobile=911234567890&a=1&a=2"),
			[]deflector.Event{{
				Channel: deflector.SMS, Status: deflector.StatusUnknown, RequestID: "778899",
				Params: url.Values{"reqid": {"778899"}, "status": {"DELIVRD"}, "mobile": {"911234567890"}, "a": {"1", "2"}},
			}},
		},
		"native, form": {
			postForm("request_ID=778899&status=x"),
			[]deflector.Event{{
				Channel: deflector.SMS, Status: deflector.StatusUnknown, RequestID: "778899", Params: url.Values{"request_ID": {"778899"}, "status": {"x"}},
			}},
		},
		"native, POST without a body": {
			httptest.NewRequest(http.MethodPost, "/?reqid=1", http.NoBody),
			[]deflector.Event{{Channel: deflector.SMS, Status: deflector.StatusUnknown, RequestID: "1", Params: url.Values{"reqid": {"1"}}}},
		},
		"native, JSON": {
			post(`{"request_ID":778899,"status":"x","more":{"y":[1]},"none":null}`),
			[]deflector.Event{{
				Channel: deflector.SMS, Status: deflector.StatusUnknown, RequestID: "778899",
				Params: url.Values{"request_ID": {"778899"}, "status": {"x"}, "more": {`{"y":[1]}`}, "none": {""}},
			}},
		},
		"HEAD":                  {httptest.NewRequest(http.MethodHead, "/?reqid=1", http.NoBody), nil},
		"GET":                   {get(""), nil},
		"GET with one's token":  {get("?token=secret"), nil},
		"request without a URL": {&http.Request{Method: http.MethodGet}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := deflector.ParseCallback(test.request)
			if err != nil {
				t.Fatal(err)
			}
			if len(events) != len(test.want) {
				t.Fatalf("%d events: %+v", len(events), events)
			}
			for i, got := range events {
				if native := got.Params != nil && test.request.Header.Get("Content-Type") != "application/json"; native != (got.Raw == nil) {
					t.Errorf("Raw %s", got.Raw)
				}
				if got.Raw != nil && !json.Valid(got.Raw) {
					t.Errorf("Raw %s", got.Raw)
				}
				got.Raw = nil
				if !got.Time.Equal(test.want[i].Time) {
					t.Errorf("time %v, want %v", got.Time, test.want[i].Time)
				}
				got.Time = test.want[i].Time
				if !reflect.DeepEqual(got, test.want[i]) {
					t.Errorf("event\n got %+v\nwant %+v", got, test.want[i])
				}
			}
		})
	}
}

func TestParseCallbackKeepsRaw(t *testing.T) {
	t.Parallel()
	events, err := deflector.ParseCallback(post(`[{"status":"Sent","new":1}, {"status":"Read"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(events[0].Raw) + string(events[1].Raw); got != `{"status":"Sent","new":1}{"status":"Read"}` {
		t.Errorf("raw %s", got)
	}
	events, err = deflector.ParseCallback(post(`{"delivery_status":[{"status":"sent","new":1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(events[0].Raw); got != `{"status":"sent","new":1}` {
		t.Errorf("raw %s", got)
	}
}

func TestParseCallbackBodyCanBeReadAgain(t *testing.T) {
	t.Parallel()
	const body = ` [{"status":"Sent"}]`
	r := post(body)
	for range 2 {
		events, err := deflector.ParseCallback(r)
		if err != nil || len(events) != 1 {
			t.Fatalf("%v, %v", events, err)
		}
		clear(events[0].Raw) // it is the caller's own
	}
	if got, err := io.ReadAll(r.Body); err != nil || string(got) != body {
		t.Errorf("%q, %v", got, err)
	}
}

func TestCallbackTimes(t *testing.T) {
	t.Parallel()
	kolkata := time.FixedZone("IST", 5*3600+1800)
	at := time.Unix(1763680000, 0)
	for raw, want := range map[string]time.Time{
		`1763680000`:                  at,
		`"1763680000"`:                at,
		`" 1763680000 "`:              at,
		`1763680000.5`:                at.Add(500 * time.Millisecond),
		`1.76368e9`:                   at,
		`"2025-11-20T23:06:40Z"`:      at,
		`"2025-11-21T04:36:40+05:30"`: at,
		`"2025-11-21T04:36:40+0530"`:  at,
		`"2025-11-20T23:06:40.25Z"`:   at.Add(250 * time.Millisecond),
		`"2025-11-21 04:36:40"`:       at, // in the zone of the option
		`"2025-11-21T04:36:40"`:       at,
		`0`:                           {},
		`-5`:                          {},
		`"NaN"`:                       {},
		`1e300`:                       {},
		`1763680000000`:               {}, // milliseconds: not documented
		`""`:                          {},
		`"soon"`:                      {},
		`null`:                        {},
		`{}`:                          {},
		`true`:                        {},
	} {
		events, err := deflector.ParseCallback(post(`[{"event_time":`+raw+`}]`), deflector.WithCallbackZone(kolkata), deflector.WithCallbackZone(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got := events[0].Time; !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("%s: %v, want %v", raw, got, want)
		}
	}
	events, err := deflector.ParseCallback(post(`{"event_time":"2025-11-20 23:06:40"}`))
	if err != nil || !events[0].Time.Equal(at) {
		t.Errorf("without a zone: %v, %v", events, err)
	}
}

func TestCallbackStatuses(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]deflector.Status{
		`{"status":"Sent"}`:                                     deflector.StatusSent,
		`{"status":"dElIvErEd"}`:                                deflector.StatusDelivered,
		`{"status":" read "}`:                                   deflector.StatusRead,
		`{"status":"FAILED"}`:                                   deflector.StatusFailed,
		`{"status":"Clicked"}`:                                  deflector.StatusClicked,
		`{"status":"SMS Clicked"}`:                              deflector.StatusClicked,
		`{"status":"click"}`:                                    deflector.StatusClicked,
		`{"status":"Read","click_data":{"type":"CLICK"}}`:       deflector.StatusClicked,
		`{"status":"Failed","click_data":{"type":"CLICK"}}`:     deflector.StatusFailed,
		`{"status":"Delivered","click_data":{}}`:                deflector.StatusDelivered,
		`{"status":"Delivered","click_data":null}`:              deflector.StatusDelivered,
		`{"status":"received"}`:                                 deflector.StatusUnknown,
		`{"status":"unknown"}`:                                  deflector.StatusUnknown,
		`{"status":""}`:                                         deflector.StatusUnknown,
		`{"status":7}`:                                          deflector.StatusUnknown,
		`{"delivery_status":[{"status":"Sent"}]}`:               deflector.StatusSent,
		`[{"delivery_status":[{"status":"Read"}]}]`:             deflector.StatusRead,
		`{"reqid":"1","status":"Delivered"}`:                    deflector.StatusUnknown,
		`{"reqid":"1","requestid":"2","status":"Delivered"}`:    deflector.StatusDelivered,
		`{"reqid":"1","message_id":"2","status":"Delivered"}`:   deflector.StatusDelivered,
		`{"status":"Delivered","Status":"Failed","STATUS":"x"}`: deflector.StatusDelivered,
		`{"Status":"Delivered","STATUS":"Failed"}`:              deflector.StatusFailed, // no spelling is right: the first by byte
	} {
		events, err := deflector.ParseCallback(post(body))
		if err != nil || len(events) != 1 || events[0].Status != want {
			t.Errorf("%s: %+v, %v", body, events, err)
		}
	}
}

func TestParseCallbackRefuses(t *testing.T) {
	t.Parallel()
	long := `["` + strings.Repeat("9", deflector.MaxCallback) + `"]`
	events := func(n int) string { return "[" + strings.Repeat(`{"status":""},`, n-1) + `{"status":""}]` }
	allowed := events(deflector.MaxEvents)
	for name, test := range map[string]struct {
		request func() *http.Request
		status  int
		decode  bool
	}{
		"no body":         {func() *http.Request { return post("") }, 400, true},
		"space":           {func() *http.Request { return post(" \n") }, 400, true},
		"null":            {func() *http.Request { return post("null") }, 400, true},
		"number":          {func() *http.Request { return post("919812345678") }, 400, true},
		"cut off":         {func() *http.Request { return post(`[{"mobile":"919812345678"`) }, 400, true},
		"more behind":     {func() *http.Request { return post(`{"mobile":"919812345678"} x`) }, 400, true},
		"array of texts":  {func() *http.Request { return post(`["919812345678"]`) }, 400, true},
		"nested array":    {func() *http.Request { return post(`[[{"mobile":"919812345678"}]]`) }, 400, true},
		"form without id": {func() *http.Request { return postForm("mobile=919812345678") }, 400, true},
		"bad form":        {func() *http.Request { return postForm("reqid=1&x=%zz919812345678") }, 400, true},
		"empty object":    {func() *http.Request { return post("{}") }, 400, true},
		"empty objects":   {func() *http.Request { return post(`[{"status":"Sent"},{}]`) }, 400, true},
		"another's":       {func() *http.Request { return post(`{"mobileNumber":"919812345678","data":{"status":"Sent"}}`) }, 400, true},
		"text as event":   {func() *http.Request { return post(`{"delivery_status":["919812345678"]}`) }, 400, true},
		"another's event": {func() *http.Request { return post(`{"delivery_status":[{"mobile":"919812345678"}]}`) }, 400, true},
		"another's text":  {func() *http.Request { return post(`{"incoming_message":[{"mobile":"919812345678"}]}`) }, 400, true},
		"too many":        {func() *http.Request { return post(events(deflector.MaxEvents + 1)) }, 413, true},
		"far too many":    {func() *http.Request { return post("[" + strings.Repeat("{},", 340_000) + "{}]") }, 413, true},
		"too many inside": {func() *http.Request { return post(`{"delivery_status":` + events(deflector.MaxEvents+1) + `}`) }, 413, true},
		"far too many inside": {func() *http.Request {
			return post(`{"incoming_message":[` + strings.Repeat("{},", 340_000) + "{}]}")
		}, 413, true},
		"too many in all": {func() *http.Request { return post(`[{"status":""},{"delivery_status":` + allowed + `}]`) }, 413, true},
		"too long":        {func() *http.Request { return post(long) }, 413, true},
		"PUT":             {func() *http.Request { return httptest.NewRequest(http.MethodPut, "/", strings.NewReader("[]")) }, 405, true},
		"no method":       {func() *http.Request { return &http.Request{URL: &url.URL{}} }, 405, true},
		"broken off": {func() *http.Request {
			return httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(io.ErrUnexpectedEOF))
		}, 400, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := deflector.ParseCallback(test.request())
			if err == nil || events != nil || errors.Is(err, deflector.ErrDecode) != test.decode {
				t.Errorf("%v, %v", events, err)
			}
			testutil.NoLeak(t, err, testPhone)

			w := httptest.NewRecorder()
			deflector.Handler(func(context.Context, deflector.Event) error {
				t.Error("called")
				return nil
			}).ServeHTTP(w, test.request())
			if w.Code != test.status || w.Body.Len() != 0 {
				t.Errorf("answered %d %q", w.Code, w.Body)
			}
			if test.status == 405 && w.Header().Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("Allow %q", w.Header().Get("Allow"))
			}
		})
	}
}

func TestCallbackOfMany(t *testing.T) {
	t.Parallel()
	most := `{"delivery_status":[` + strings.Repeat(`{"status":"read"},`, deflector.MaxEvents-1) + `{"status":"read"}]}`
	if events, err := deflector.ParseCallback(post(most)); err != nil || len(events) != deflector.MaxEvents {
		t.Errorf("%d events, %v", len(events), err)
	}
}

func TestCallbackOfFarTooManyIsCheap(t *testing.T) { //nolint:paralleltest // the whole process is counted
	many := "[" + strings.Repeat("{},", 340_000) + "{}]"
	allocations := testing.AllocsPerRun(1, func() {
		if events, err := deflector.ParseCallback(post(many)); err == nil {
			t.Errorf("%d events", len(events))
		}
	})
	if allocations > 1000 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestCallbackHeader(t *testing.T) {
	t.Parallel()
	const secret = "callback-secret-1"
	header := deflector.WithCallbackHeader("X-Acme-Hook", secret)
	called := 0
	handler := deflector.Handler(func(context.Context, deflector.Event) error { called++; return nil }, header)
	for name, test := range map[string]struct {
		method, query, value string
		status, events       int
	}{
		"right":                  {http.MethodPost, "", secret, 200, 1},
		"none":                   {http.MethodPost, "", "", 401, 0},
		"wrong":                  {http.MethodPost, "", "callback-secret-2", 401, 0},
		"longer":                 {http.MethodPost, "", secret + "x", 401, 0},
		"shorter":                {http.MethodPost, "", secret[:5], 401, 0},
		"native":                 {http.MethodGet, "?reqid=1", secret, 200, 1},
		"native without":         {http.MethodGet, "?reqid=1", "", 401, 0},
		"GET, the URL's check":   {http.MethodGet, "", "", 200, 0},
		"HEAD, the URL's check":  {http.MethodHead, "", "", 200, 0},
		"wrong method, no proof": {http.MethodDelete, "", "", 405, 0},
	} {
		called = 0
		r := httptest.NewRequest(test.method, "/"+test.query, strings.NewReader(`[{"status":"Sent"}]`))
		if test.value != "" {
			r.Header.Set("x-acme-hook", test.value)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != test.status || called != test.events || w.Body.Len() != 0 {
			t.Errorf("%s: %d %q, %d events", name, w.Code, w.Body, called)
		}
	}
	for name, opt := range map[string]deflector.CallbackOption{
		"empty value": deflector.WithCallbackHeader("X-Acme-Hook", ""),
		"empty name":  deflector.WithCallbackHeader("", secret),
	} {
		r := post(`[]`)
		r.Header.Set("X-Acme-Hook", "")
		if _, err := deflector.ParseCallback(r, opt); !errors.Is(err, deflector.ErrUnverified) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := deflector.ParseCallback(post(`[]`), header, nil)
	if !errors.Is(err, deflector.ErrUnverified) {
		t.Error(err)
	}
	testutil.NoLeak(t, err, secret)
}

func TestHandler(t *testing.T) {
	t.Parallel()
	type key struct{}
	var seen []string
	handler := deflector.Handler(func(ctx context.Context, e deflector.Event) error {
		if ctx.Value(key{}) == nil {
			t.Error("another context")
		}
		seen = append(seen, e.RawStatus)
		if e.RawStatus == "Failed" {
			return errors.New("the store is down")
		}
		return nil
	})
	for body, want := range map[string]struct {
		status int
		seen   string
	}{
		`[{"status":"Sent"},{"status":"Read"}]`:                     {200, "Sent Read"},
		`[{"status":"Sent"},{"status":"Failed"},{"status":"Read"}]`: {500, "Sent Failed Read"},
		`[]`: {200, ""},
	} {
		seen = nil
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, post(body).WithContext(context.WithValue(t.Context(), key{}, 1)))
		if got := strings.Join(seen, " "); w.Code != want.status || got != want.seen || w.Body.Len() != 0 {
			t.Errorf("%s: %d %q, saw %q", body, w.Code, w.Body, got)
		}
	}
}

func TestHandlerNeedsAFunction(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	deflector.Handler(nil)
}

func TestEventErr(t *testing.T) {
	t.Parallel()
	for remark, want := range map[string]struct {
		code string
		kind []error
	}{
		"":                                 {"", nil},
		"handset off":                      {"", nil},
		"8002":                             {"8002", []error{deflector.ErrNotOnChannel}},
		"8003: no contact " + testPhone:    {"8003", []error{deflector.ErrNotOnChannel}},
		" [8007] outside the window":       {"8007", []error{deflector.ErrContentRejected}},
		"Error code: 8001":                 {"8001", []error{deflector.ErrInvalidRequest}},
		"error 8004":                       {"8004", []error{deflector.ErrUnauthorized}},
		"8006 recipient_whatsapp is blank": {"8006", []error{deflector.ErrInvalidRecipient}},
		"8005":                             {"8005", []error{deflector.ErrUnavailable}},
		"9999":                             {"", nil},
		"80020":                            {"", nil},
		"order 8002 lost":                  {"", nil}, // somebody's number
	} {
		err := deflector.Event{Status: deflector.StatusFailed, Remarks: remark}.Err()
		checkIs(t, err, want.kind...)
		e, ok := errors.AsType[*deflector.Error](err)
		if !ok || e.Code != want.code || e.Op != "Callback" || e.Message == "" {
			t.Errorf("%q: %#v", remark, err)
		}
		testutil.NoLeak(t, err, testPhone)
	}
	if err := (deflector.Event{Status: deflector.StatusFailed}).Err(); err.Error() != "deflector: Callback: the message failed, no reason given" {
		t.Error(err)
	}
	for _, status := range []deflector.Status{
		deflector.StatusUnknown, deflector.StatusSent, deflector.StatusDelivered, deflector.StatusRead, deflector.StatusClicked, deflector.StatusReceived,
	} {
		if err := (deflector.Event{Status: status, Remarks: "8002"}).Err(); err != nil {
			t.Errorf("%s: %v", status, err)
		}
	}
}
