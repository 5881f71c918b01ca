package octopush_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/octopush"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

func TestCodes(t *testing.T) {
	t.Parallel()
	kinds := map[error][]octopush.Code{
		octopush.ErrInvalidRequest: {
			100, 102, 106, 107, 110, 111, 112, 115, 116, 118, 119, 123, 124, 128, 129, 130, 131, 132, 133, 134, 139, 142, 152, 189,
			202, 203, 204, 205, 208, 210, 301, 302, 303, 304, 305, 306, 308, 442,
		},
		octopush.ErrInvalidRecipient:   {103, 117, 150, 151, 181, 209, 2005},
		octopush.ErrInsufficientCredit: {104, 105},
		octopush.ErrUnauthorized:       {101, 108, 109, 401},
		octopush.ErrForbidden:          {113, 114, 201, 207, 300, 403},
		octopush.ErrContentRejected:    {121, 122, 1340, 1341},
		octopush.ErrDuplicate:          {120, 182},
		octopush.ErrUnavailable:        {125, 126, 127, 153, 206, 438, 500, 501},
		octopush.ErrRateLimited:        {429},
	}
	for kind, codes := range kinds {
		for _, code := range codes {
			for _, body := range []string{
				fmt.Sprintf(`{"code":%d,"message":"x"}`, code),
				fmt.Sprintf(`{"code":"%d"}`, code),
				fmt.Sprintf(`{"code":400,"message":"x","errors":{"f":{"code":%d,"message":"y"}}}`, code),
			} {
				c, _, _ := answering(t, http.StatusBadRequest, body)
				_, err := c.SendSMS(t.Context(), pageSMS())
				e, ok := errors.AsType[*octopush.Error](err)
				if !ok || !errors.Is(err, kind) || errors.Is(err, octopush.ErrMaybeAccepted) || !e.HasCode(code) {
					t.Errorf("%s: %v", body, err)
				}
			}
		}
	}
}

func TestErrorBodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		body   string
		is     error
		fields string // paths with codes
	}{
		{400, `{"code":999,"message":"x"}`, octopush.ErrInvalidRequest, ""},
		{400, `{"code":400,"message":"x","errors":[]}`, octopush.ErrInvalidRequest, ""},
		{400, `{"code":400,"message":"x","errors":null}`, octopush.ErrInvalidRequest, ""},
		{400, `{"code":400,"message":"x","errors":"odd"}`, octopush.ErrInvalidRequest, ":0"},
		{400, `{"code":400,"message":["x","y"],"errors":7}`, octopush.ErrInvalidRequest, ""},
		{400, `{"code":400,"errors":{"a":"wrong","b":["very","wrong"]}}`, octopush.ErrInvalidRequest, "a:0 b:0 b:0"},
		{400, `{"code":400,"errors":{"code":442,"message":"x"}}`, octopush.ErrInvalidRequest, ":442"},
		{400, `{"code":400,"errors":[{"field":"recipients","code":181}]}`, octopush.ErrInvalidRecipient, "recipients:181"},
		{400, `{"code":400,"errors":{"a":"","b":" ","c":{"code":0,"message":""},"d":{"code":"","message":null},"e":{},"f":{"code":107}}}`, octopush.ErrInvalidRequest, "f:107"},
		{400, `{"code":400,"errors":{"recipients":{"code":103},"text":{"code":107}}}`, octopush.ErrInvalidRequest, "recipients:103 text:107"},
		{400, `{"code":400,"errors":{"recipients":{"code":103},"x":{"code":9}}}`, octopush.ErrInvalidRequest, "recipients:103 x:9"},
		{400, `{"code":400,"errors":{"recipients":{"0":{"phone_number":{"code":181}}}}}`, octopush.ErrInvalidRecipient, "recipients.0.phone_number:181"},
		{400, `{"code":121,"errors":{"recipients":{"code":103}}}`, octopush.ErrContentRejected, "recipients:103"},
		{400, `{"code":{},"message":{},"errors":{"a":{"b":{"c":{"d":{"e":{"f":{"code":1}}}}}}}}`, octopush.ErrInvalidRequest, ""},
		{401, ``, octopush.ErrUnauthorized, ""},
		{401, `{"code":401,"message":"unauthorized"}`, octopush.ErrUnauthorized, ""},
		{403, `<html>`, octopush.ErrForbidden, ""},
		{402, `{}`, octopush.ErrInsufficientCredit, ""},
		{404, `{"code":404}`, octopush.ErrInvalidRequest, ""},
		{500, `{"code":500}`, octopush.ErrMaybeAccepted, ""},
		{500, `{"code":104}`, octopush.ErrMaybeAccepted, ""},
		{500, `{"code":121}`, octopush.ErrContentRejected, ""},
		{502, `<html>`, octopush.ErrMaybeAccepted, ""},
		{503, `{"code":438}`, octopush.ErrMaybeAccepted, ""},
		{308, ``, octopush.ErrUnavailable, ""},
		{200, `{"code":121,"message":"x"}`, octopush.ErrContentRejected, ""},
		{200, `{"code":104}`, octopush.ErrInsufficientCredit, ""},
		{200, `{"code":500}`, octopush.ErrMaybeAccepted, ""},
		{200, `{"code":9,"errors":{"x":{"code":8}}}`, octopush.ErrInvalidRequest, "x:8"},
		{200, `{"code":121,"sms_ticket":"t"}`, octopush.ErrMaybeAccepted, ""},
		{201, `{"code":201,"message":"Created"}`, octopush.ErrMaybeAccepted, ""},
		{200, `{"code":201,"message":"Created"}`, octopush.ErrMaybeAccepted, ""},
		{200, `{"code":429}`, octopush.ErrRateLimited, ""},
	}
	for _, test := range tests {
		c, _, _ := answering(t, test.status, test.body)
		res, err := c.SendSMS(t.Context(), pageSMS())
		e, ok := errors.AsType[*octopush.Error](err)
		if !ok || !errors.Is(err, test.is) || res != nil {
			t.Errorf("%d %s: %v, %v", test.status, test.body, res, err)
			continue
		}
		if errors.Is(err, octopush.ErrMaybeAccepted) != errors.Is(test.is, octopush.ErrMaybeAccepted) {
			t.Errorf("%d %s: is it open? %v", test.status, test.body, err)
		}
		var fields []string
		for _, f := range e.Fields {
			fields = append(fields, fmt.Sprintf("%s:%d", f.Path, f.Code))
		}
		if got := strings.Join(fields, " "); got != test.fields {
			t.Errorf("%s: fields %s", test.body, got)
		}
		if string(e.RawBody()) != test.body {
			t.Errorf("raw body %q", e.RawBody())
		}
	}
}

func TestManyFieldErrorsAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, `"f%03d":{"code":1,"message":"x"},`, i)
	}
	c, _, _ := answering(t, http.StatusBadRequest, `{"code":400,"errors":{`+b.String()+`"request_id":{"code":182,"message":"x"}}}`)
	_, err := c.SendSMS(t.Context(), pageSMS())
	if e, ok := errors.AsType[*octopush.Error](err); !ok || len(e.Fields) != 32 || !e.HasCode(182) || !errors.Is(err, octopush.ErrDuplicate) {
		t.Errorf("%d fields, %v", len(e.Fields), err)
	}
}

// TestHostileErrors: what no server of the vendor's writes is not read to its
// end, and in a 2xx it is no success.
func TestHostileErrors(t *testing.T) {
	t.Parallel()
	const n = 100_000
	for name, errs := range map[string]string{
		"members": `{` + strings.Repeat(`"":0,`, n) + `"a":{"code":182}}`,
		"array":   `[` + strings.Repeat(`0,`, 2*n) + `{"code":182}]`,
		"objects": `[` + strings.Repeat(`{},`, n) + `{"code":182}]`,
		"deep":    strings.Repeat(`{"a":`, 9000) + `{"code":182}` + strings.Repeat(`}`, 9000),
		"word":    `true`,
		"number":  `-1`,
	} {
		c, _, _ := answering(t, http.StatusOK, `{"errors":`+errs+`}`)
		res, err := c.SendRCS(t.Context(), pageRCS())
		if !errors.Is(err, octopush.ErrMaybeAccepted) || !errors.Is(err, octopush.ErrDecode) || res != nil {
			t.Errorf("%s: %+v, %.200v", name, res, err)
		}
	}
}

// TestTicketAndErrors: some of the recipients may have been taken, and the
// ticket is not lost.
func TestTicketAndErrors(t *testing.T) {
	t.Parallel()
	for _, a := range []answer{
		{200, `{"ticket_number":"t-1","number_of_contacts":4,"errors":{"recipients.3":{"code":181}}}`},
		{200, `{"code":121,"message":"x","sms_ticket":"t-1"}`},
		{200, `{"code":400,"message":"x","sms_ticket":"t-1"}`},
		{400, `{"code":181,"message":"x","ticket_number":"t-1"}`},
		{401, `{"ticket_number":"t-1"}`},
		{429, `{"code":429,"ticket_number":"t-1"}`},
		{503, `{"ticket_number":"t-1"}`},
	} {
		r := pageSMS()
		r.RequestID = "id-1"
		c, requests, _ := answering(t, a.status, a.body)
		res, err := c.SendSMS(t.Context(), r)
		e, ok := errors.AsType[*octopush.Error](err)
		if !ok || !errors.Is(err, octopush.ErrMaybeAccepted) || e.Ticket != "t-1" || res != nil || len(*requests) != 1 {
			t.Errorf("%+v: %d requests, %+v, %v", a, len(*requests), res, err)
		}
		for _, kind := range []error{octopush.ErrInvalidRecipient, octopush.ErrContentRejected, octopush.ErrUnauthorized, octopush.ErrRateLimited} {
			if errors.Is(err, kind) {
				t.Errorf("%+v is certain: %v", a, err)
			}
		}
	}
	// Without a ticket, the contacts tell.
	c, _, _ := answering(t, http.StatusOK, `{"ticket_number":null,"number_of_contacts":4,"errors":{"recipients.3":{"code":181}}}`)
	if _, err := c.SendLiveChat(t.Context(), pageLiveChat()); !errors.Is(err, octopush.ErrMaybeAccepted) || errors.Is(err, octopush.ErrInvalidRecipient) {
		t.Error(err)
	}
	// A duplicate is one, whichever ticket it names.
	for _, status := range []int{200, 400} {
		c, _, _ := answering(t, status, `{"code":182,"ticket_number":"t-1","number_of_contacts":4}`)
		_, err := c.SendSMS(t.Context(), pageSMS())
		if e, ok := errors.AsType[*octopush.Error](err); !ok || !errors.Is(err, octopush.ErrDuplicate) || errors.Is(err, octopush.ErrMaybeAccepted) || e.Ticket != "t-1" {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// TestErrorsLeakNothing: the server repeats all it was sent.
func TestErrorsLeakNothing(t *testing.T) {
	t.Parallel()
	const text = "my very secret text"
	bodies := []string{
		`{"code":400,"message":"+33 6 11 22 33 44 with ` + key + ` of ` + login + `\n\u0007 for ` + text + `","errors":{"33611223344":{"code":1,"message":"33611223344 ` + key + `"},"` + text + `":{"code":2,"message":"…` + text[3:] + `"}}}`,
		key + login + number + text,
		`{"ticket":"` + key + `","n":"` + number + `"}`,
	}
	for _, body := range bodies {
		for _, status := range []int{200, 400, 401, 429, 500, 301} {
			c, _, _ := answering(t, status, body, octopush.WithMaxRetries(0))
			_, err := c.SendSMS(t.Context(), octopush.SMSRequest{Recipients: []string{number}, Text: text, RequestID: "id"})
			if err == nil {
				t.Fatalf("%d %s: no error", status, body)
			}
			testutil.NoLeak(t, err, key, login, "33611223344", "11 22 33", text, "secret text")
			if strings.ContainsAny(err.Error(), "\n\a") {
				t.Errorf("%q", err)
			}
		}
	}
	c, _, _ := scripted(t, []answer{{}})
	_, err := c.SendSMS(t.Context(), octopush.SMSRequest{Recipients: []string{number}, Text: text})
	if !errors.Is(err, octopush.ErrMaybeAccepted) || !errors.Is(err, errBroken) {
		t.Error(err)
	}
	testutil.NoLeak(t, err, key, login, "33611223344", text)
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	c, _, _ := answering(t, http.StatusBadRequest, string(testutil.Golden(t, "voice_refused.json")))
	_, err := c.SendVoice(t.Context(), pageVoice())
	const want = "octopush: SendVoice: invalid request: status 400, code 400, request 9f-1: " +
		"Payload validation error.; voice_language (442) Voice language not supported."
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	err = octopush.SMSRequest{Recipients: []string{"x"}, Text: "x"}.Validate()
	if want := `octopush: SendSMS: invalid recipient: recipients[0].phone_number must be "+" and digits`; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

// TestFaults: for each fault, what the call came to and how many requests the
// server saw, with and without a RequestID.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		answer        octopushtest.Answer
		is            error // without a RequestID
		requests      int
		withID        int  // requests with one
		accepted      bool // by the server, at the first attempt
		afterRepeatOK bool // with a RequestID the call ends well
	}{
		{"reset before reading", octopushtest.CloseBeforeReading(), octopush.ErrMaybeAccepted, 1, 2, false, true},
		{"reset after reading", octopushtest.CloseAfterReading(), octopush.ErrMaybeAccepted, 1, 2, false, true},
		{"answer lost", octopushtest.LoseAnswer(), octopush.ErrMaybeAccepted, 1, 2, true, true},
		{"answer truncated", octopushtest.Truncate(), octopush.ErrMaybeAccepted, 1, 2, true, true},
		{"silence", octopushtest.Hang(), octopush.ErrMaybeAccepted, 1, 2, false, true},
		{"HTML 502", octopushtest.HTML(502), octopush.ErrMaybeAccepted, 1, 2, false, true},
		{"503", octopushtest.Refuse(503, 503), octopush.ErrMaybeAccepted, 1, 2, false, true},
		{"huge", octopushtest.Huge(200, 64<<20), octopush.ErrMaybeAccepted, 1, 2, false, true},
		{"rate limited", octopushtest.RateLimited(time.Minute), octopush.ErrRateLimited, 1, 1, false, false},
		{"redirect", octopushtest.Respond(307, "text/plain", "", "Location", "https://example.com/"), octopush.ErrUnavailable, 1, 1, false, false},
		{"refused", octopushtest.Refuse(400, octopush.CodeInsufficientCredit), octopush.ErrInsufficientCredit, 1, 1, false, false},
		{"field refused", octopushtest.RefuseField(400, "voice_language", octopush.CodeVoiceLanguage), octopush.ErrInvalidRequest, 1, 1, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, id := range []string{"", "id-1"} {
				srv := octopushtest.NewServer()
				c := srv.Client(octopush.WithTimeout(2*time.Second), octopush.WithMaxRetries(1))
				srv.Next(test.answer)
				r := pageSMS()
				r.RequestID = id
				res, err := c.SendSMS(t.Context(), r)
				n := len(srv.Requests())
				switch {
				case id == "":
					if !errors.Is(err, test.is) || n != test.requests {
						t.Errorf("without an id: %d requests, %v", n, err)
					}
				case test.afterRepeatOK:
					if err != nil || n != test.withID || res.Repeated != test.accepted || (res.Ticket == "") != test.accepted || len(srv.Accepted()) != 1 {
						t.Errorf("with an id: %d requests, %+v, %v", n, res, err)
					}
				default:
					if !errors.Is(err, test.is) || n != test.withID {
						t.Errorf("with an id: %d requests, %v", n, err)
					}
				}
				testutil.NoLeak(t, err, octopushtest.APIKey, octopushtest.Login, "111222333")
				srv.Close()
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	srv := octopushtest.NewServer()
	srv.Close()
	c := srv.Client(octopush.WithMaxRetries(0))
	if _, err := c.SendSMS(t.Context(), pageSMS()); !errors.Is(err, octopush.ErrUnavailable) || errors.Is(err, octopush.ErrMaybeAccepted) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := c.SendSMS(ctx, pageSMS()); !errors.Is(err, cause) || !errors.Is(err, octopush.ErrUnavailable) {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c, requests, _ := scripted(t, []answer{{429, ""}, {429, ""}, {200, `{"sms_ticket":"t"}`}})
		if _, err := c.SendSMS(t.Context(), pageSMS()); err != nil || len(*requests) != 3 {
			t.Errorf("%d requests, %v", len(*requests), err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("waited %v", took)
		}
	})
	srv := octopushtest.NewServer()
	defer srv.Close()
	srv.Next(octopushtest.RateLimited(90 * time.Second))
	_, err := srv.Client().SendSMS(t.Context(), pageSMS())
	if e, ok := errors.AsType[*octopush.Error](err); !ok || e.RetryAfter != 90*time.Second || e.RetryDelay() != e.RetryAfter {
		t.Errorf("%#v", err)
	}
}
