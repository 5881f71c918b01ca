package octopush_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

func post(body, contentType string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/hook?token=s3cret", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded; charset=utf-8"
)

func TestParseCallback(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body, contentType string
		want                    octopush.Event
	}{
		{
			"receipt",
			`{"channel": "sms", "message_id": "sms_5fa275dbf21dc", "number": "+33600000000", "status": "DELIVERED", "delivery_date": "2020-11-04 11:11:45"}`, asJSON,
			octopush.Event{Receipt: &octopush.Receipt{
				Channel: octopush.SMS, Ticket: "sms_5fa275dbf21dc", Number: "+33600000000", Status: octopush.StatusDelivered, Date: "2020-11-04 11:11:45",
			}},
		},
		{
			"voice receipt",
			`{"message_id": "sms_5fa275dbf21dc", "number": "+44600000000", "status": "DELIVERED", "delivery_date": "2020-11-04 11:11:45", "call_duration": "12", "charged_duration": "30"}`, "text/plain",
			octopush.Event{Receipt: &octopush.Receipt{
				Ticket: "sms_5fa275dbf21dc", Number: "+44600000000", Status: octopush.StatusDelivered, Date: "2020-11-04 11:11:45",
				CallDuration: 12 * time.Second, ChargedDuration: 30 * time.Second,
			}},
		},
		{
			"durations as numbers in meta_data",
			`{"channel":"voice_sms","message_id":"v","number":33600000000,"status":"BUSY","meta_data":{"call_duration":1.5,"charged_duration":30,"pressed_keys_code":[1,"#"]}}`, asJSON,
			octopush.Event{Receipt: &octopush.Receipt{
				Channel: octopush.VoiceSMS, Ticket: "v", Number: "33600000000", Status: octopush.StatusBusy, PressedKeys: "1,#",
				CallDuration: 1500 * time.Millisecond, ChargedDuration: 30 * time.Second,
				MetaData: []byte(`{"call_duration":1.5,"charged_duration":30,"pressed_keys_code":[1,"#"]}`),
			}},
		},
		{
			"empty meta_data of PHP, unknown status",
			`{"message_id":"m","number":"+1","status":"NEW_WORD","meta_data":[],"new":{"a":[1]}}`, asJSON,
			octopush.Event{Receipt: &octopush.Receipt{Ticket: "m", Number: "+1", Status: "NEW_WORD"}},
		},
		{
			"reply",
			`{"message_id": "sms_5fa275dbf21dc", "number": "+44600000000", "text": "some reply", "sim_card_number": "12345", "reception_date": "2020-11-04 11:11:45"}`, asJSON,
			octopush.Event{Reply: &octopush.Reply{
				Ticket: "sms_5fa275dbf21dc", Number: "+44600000000", Text: "some reply", SIMCard: "12345", Date: "2020-11-04 11:11:45",
			}},
		},
		{
			"reply under its other date",
			`{"message_id":null,"number":"+1","text":"yes","answer_date":"2020-11-04 11:11:45"}`, asJSON,
			octopush.Event{Reply: &octopush.Reply{Number: "+1", Text: "yes", Date: "2020-11-04 11:11:45"}},
		},
		{
			"stop",
			`{"message_id": "sms_5fa275dbf21dc", "number": "+33600000000", "text": "stop", "stop_date": "2020-11-04 11:11:45"}`, asJSON,
			octopush.Event{Stop: &octopush.Stop{Ticket: "sms_5fa275dbf21dc", Number: "+33600000000", Text: "stop", Date: "2020-11-04 11:11:45"}},
		},
		{
			"form",
			`channel=voice_sms&message_id=v&number=%2B33600000000&status=REFUSED&delivery_date=2020-11-04+11%3A11%3A45&call_duration=12`, asForm,
			octopush.Event{Receipt: &octopush.Receipt{
				Channel: octopush.VoiceSMS, Ticket: "v", Number: "+33600000000", Status: octopush.StatusRefused, Date: "2020-11-04 11:11:45", CallDuration: 12 * time.Second,
			}},
		},
		{
			"form with nested meta_data",
			`message_id=v&number=1&status=ACK&meta_data[call_duration]=12&meta_data[x]=y`, asForm,
			octopush.Event{Receipt: &octopush.Receipt{
				Ticket: "v", Number: "1", Status: octopush.StatusAck, CallDuration: 12 * time.Second,
				MetaData: []byte(`{"call_duration":"12","x":"y"}`),
			}},
		},
		{
			"form with JSON in it",
			`message_id=v&number=1&status=ACK&meta_data=%7B%22call_duration%22%3A12%7D`, asForm,
			octopush.Event{Receipt: &octopush.Receipt{
				Ticket: "v", Number: "1", Status: octopush.StatusAck, CallDuration: 12 * time.Second, MetaData: []byte(`{"call_duration":12}`),
			}},
		},
		{"form of a stop", `number=%2B1&stop_date=d`, asForm, octopush.Event{Stop: &octopush.Stop{Number: "+1", Date: "d"}}},
		{
			"receipt with an empty stop_date", `{"number":"+1","status":"DELIVERED","stop_date":"","reception_date":false}`, asJSON,
			octopush.Event{Receipt: &octopush.Receipt{Number: "+1", Status: octopush.StatusDelivered}},
		},
		{
			"receipt with a stop_date of false", `{"number":"+1","status":"DELIVERED","stop_date":false}`, asJSON,
			octopush.Event{Receipt: &octopush.Receipt{Number: "+1", Status: octopush.StatusDelivered}},
		},
		{
			"form of a receipt with an empty stop_date", `number=%2B1&status=DELIVERED&stop_date=&reception_date=false`, asForm,
			octopush.Event{Receipt: &octopush.Receipt{Number: "+1", Status: octopush.StatusDelivered}},
		},
		{
			"reply with an empty status", `{"number":"+1","text":"hi","reception_date":"2020-11-04 11:11:45","status":"","stop_date":0}`, asJSON,
			octopush.Event{Reply: &octopush.Reply{Number: "+1", Text: "hi", Date: "2020-11-04 11:11:45"}},
		},
		{
			"reply with one date", `{"number":"+1","text":"hi","reception_date":false,"answer_date":"d","delivery_date":" "}`, asJSON,
			octopush.Event{Reply: &octopush.Reply{Number: "+1", Text: "hi", Date: "d"}},
		},
		{"unknown kind", ` {"visit":1} `, asJSON, octopush.Event{}},
	}
	for _, test := range tests {
		got, err := octopush.ParseCallback(post(test.body, test.contentType), octopush.WithCallbackSecret("token", "s3cret"))
		test.want.Raw = []byte(test.body)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", test.name, err, got, test.want)
		}
	}
}

func TestParseCallbackRefuses(t *testing.T) {
	t.Parallel()
	secret := octopush.WithCallbackSecret("token", "s3cret")
	get := httptest.NewRequest(http.MethodGet, "/hook?token=s3cret", http.NoBody)
	long := post(`{"text":"`+strings.Repeat("x", octopush.MaxCallback)+`"}`, asJSON)
	broken := post("", asJSON)
	broken.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), failing{}))
	good := func() *http.Request { return post(`{"status":"ACK","number":"+33600000000"}`, asJSON) }
	tests := map[string]struct {
		r      *http.Request
		opt    octopush.CallbackOption
		is     error
		status int
	}{
		"GET":           {get, secret, octopush.ErrDecode, http.StatusMethodNotAllowed},
		"long":          {long, secret, octopush.ErrDecode, http.StatusRequestEntityTooLarge},
		"broken":        {broken, secret, io.ErrUnexpectedEOF, http.StatusBadRequest},
		"empty":         {post("", asJSON), secret, octopush.ErrDecode, http.StatusBadRequest},
		"array":         {post(`[{"status":"ACK"}]`, asJSON), secret, octopush.ErrDecode, http.StatusBadRequest},
		"cut":           {post(`{"status":"ACK"`, asJSON), secret, octopush.ErrDecode, http.StatusBadRequest},
		"text":          {post(`status=ACK`, "text/plain"), secret, octopush.ErrDecode, http.StatusBadRequest},
		"empty form":    {post(``, asForm), secret, octopush.ErrDecode, http.StatusBadRequest},
		"odd form":      {post(`a=%zz`, asForm), secret, octopush.ErrDecode, http.StatusBadRequest},
		"wrong secret":  {good(), octopush.WithCallbackSecret("token", "other"), octopush.ErrUnverified, http.StatusUnauthorized},
		"no secret":     {good(), octopush.WithCallbackSecret("key", "s3cret"), octopush.ErrUnverified, http.StatusUnauthorized},
		"empty secret":  {good(), octopush.WithCallbackSecret("key", ""), octopush.ErrUnverified, http.StatusUnauthorized},
		"empty param":   {post(`{"status":"ACK"}`, asJSON), octopush.WithCallbackSecret("", "s3cret"), octopush.ErrUnverified, http.StatusUnauthorized},
		"secret prefix": {good(), octopush.WithCallbackSecret("token", "s3cre"), octopush.ErrUnverified, http.StatusUnauthorized},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := io.ReadAll(test.r.Body)
			again := func() *http.Request {
				r := test.r.Clone(t.Context())
				r.Body = io.NopCloser(strings.NewReader(string(body)))
				if err != nil {
					r.Body = io.NopCloser(failing{})
				}
				return r
			}
			if _, err := octopush.ParseCallback(again(), test.opt); !errors.Is(err, test.is) {
				t.Errorf("%v", err)
			} else {
				testutil.NoLeak(t, err, "s3cret", "33600000000")
			}
			w := httptest.NewRecorder()
			octopush.Handler(func(context.Context, octopush.Event) error {
				t.Error("called")
				return nil
			}, test.opt).ServeHTTP(w, again())
			if w.Code != test.status || w.Body.Len() != 0 {
				t.Errorf("answered %d %q", w.Code, w.Body)
			}
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestHandler(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	defer srv.Close()
	if _, err := srv.Client().SendVoice(t.Context(), pageVoice()); err != nil {
		t.Fatal(err)
	}
	accepted := srv.Accepted()[0]
	var got []octopush.Event
	var fail error
	hook := httptest.NewServer(octopush.Handler(func(ctx context.Context, e octopush.Event) error {
		if ctx.Err() != nil {
			t.Error("the request's context has ended")
		}
		got = append(got, e)
		return fail
	}, nil, octopush.WithCallbackSecret("token", "s3cret")))
	defer hook.Close()

	receipt := accepted.Receipt(1, octopush.StatusDelivered)
	receipt.Receipt.PressedKeys, receipt.Receipt.CallDuration = "12#", 12*time.Second
	reply := octopush.Event{Reply: &octopush.Reply{Ticket: accepted.Ticket, Number: "+33111222334", Text: "oui & non", Date: "2020-11-04 11:11:45"}}
	stop := octopush.Event{Stop: &octopush.Stop{Ticket: accepted.Ticket, Number: "+33111222334", Text: "STOP", Date: "2020-11-04 11:11:45"}}
	for _, e := range []octopush.Event{receipt, reply, stop} {
		for name, deliver := range map[string]func(context.Context, string, octopush.Event) error{"JSON": srv.Deliver, "form": srv.DeliverForm} {
			got = nil
			if err := deliver(t.Context(), hook.URL+"?token=s3cret", e); err != nil || len(got) != 1 {
				t.Errorf("%s: %v, %d events", name, err, len(got))
				continue
			}
			got[0].Raw = nil
			if !reflect.DeepEqual(got[0], e) {
				t.Errorf("%s: got %+v, want %+v", name, got[0], e)
			}
		}
	}
	got = nil
	if err := srv.Deliver(t.Context(), hook.URL+"?token=guess", receipt); err == nil || len(got) != 0 {
		t.Error("a forged callback was taken")
	}
	fail = errors.New("disk full")
	if err := srv.Deliver(t.Context(), hook.URL+"?token=s3cret", receipt); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("a failure was answered with %v", err)
	}
	w := httptest.NewRecorder()
	fail = nil
	hook.Config.Handler.ServeHTTP(w, post(`{"status":"ACK"}`, asJSON))
	if w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("answered %d %q", w.Code, w.Body)
	}
}

func TestCallbackCanBeReadAgain(t *testing.T) {
	t.Parallel()
	r := post(`{"status":"ACK"}`, asJSON)
	for range 2 {
		if e, err := octopush.ParseCallback(r); err != nil || e.Receipt == nil {
			t.Errorf("%+v, %v", e, err)
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
	octopush.Handler(nil)
}

func TestDate(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", 3600)
	for date, want := range map[octopush.Date]string{
		"2020-11-04 11:11:45":       "2020-11-04T11:11:45+01:00",
		" 2020-11-04 11:11:45":      "2020-11-04T11:11:45+01:00",
		"2020-11-04T11:11:45+02:00": "2020-11-04T11:11:45+02:00",
	} {
		if got, err := date.In(zone); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v", date, got, err)
		}
	}
	if got, err := octopush.Date("2020-11-04 11:11:45").In(nil); err != nil || got.Location() != time.UTC {
		t.Errorf("%v, %v", got, err)
	}
	for _, date := range []octopush.Date{"", "today", "2020-13-04 11:11:45"} {
		if _, err := date.In(zone); err == nil {
			t.Errorf("%q is a date", date)
		}
	}
}
