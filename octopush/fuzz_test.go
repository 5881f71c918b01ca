package octopush

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/transport"
)

func seedFiles(f *testing.F, pattern string) {
	f.Helper()
	names, err := filepath.Glob("testdata/" + pattern)
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds %s: %v", pattern, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzResponse: no answer to a send makes it panic, and each 2xx is a ticket,
// a refusal, or nothing that can be relied upon.
func FuzzResponse(f *testing.F) {
	seedFiles(f, "*_ok.json")
	f.Add([]byte(`{"vocal_ticket":7,"estimated_duration":"1e9","code":"000","errors":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a := readAnswer(body)
		if !a.object && (a.ticket != "" || a.refuses() || a.clear()) || a.ticket != "" && strings.TrimSpace(a.ticket) == "" {
			t.Errorf("%q: %+v", body, a)
		}
		if a.object && !json.Valid(body) {
			t.Errorf("%q is no JSON", body)
		}
		if len(a.fields) > maxFields || len(a.codes) > maxFieldReads {
			t.Errorf("%q: %d fields, %d codes", body, len(a.fields), len(a.codes))
		}
		if a.duration < 0 || a.duration > 7*24*time.Hour {
			t.Errorf("%q: %v", body, a.duration)
		}
	})
}

// FuzzError: whatever a refusal says, its error is one bounded line that
// shows no secret and no number, and matches a sentinel.
func FuzzError(f *testing.F) {
	seedFiles(f, "*_refused.json")
	f.Add([]byte(`{"code":182,"errors":{"a":{"b":[{"code":1}]},"33611223344":"+33 6 11 22 33 44"}}`))
	c, err := New("someone@example.com", "k3y-0123456789abcdef")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, res := range []transport.Result{
			{Kind: errs.InvalidRequest, Status: 400}, {Kind: errs.MaybeAccepted, Status: 400, Unsure: true}, {Kind: errs.MaybeAccepted, Status: 500},
		} {
			res.Body = body
			a := readAnswer(body)
			e := c.fail("SendSMS", res, &a)
			if _, ok := errs.ReasonOf(e); !ok {
				t.Errorf("%q matches nothing", body)
			}
			text := e.Error()
			if !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00") || len(text) > 64<<10 {
				t.Errorf("%q: %q", body, text)
			}
			for _, secret := range []string{"k3y-0123456789abcdef", "someone@example.com", "33611223344"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q shows a secret", text)
				}
			}
			if len(e.Fields) > maxFields {
				t.Errorf("%d fields", len(e.Fields))
			}
			if errors.Is(e, ErrMaybeAccepted) && errors.Is(e, ErrDuplicate) {
				t.Errorf("%q: a duplicate and in doubt", body)
			}
		}
	})
}

// FuzzCallback: no callback makes it panic, and it is of at most one kind.
func FuzzCallback(f *testing.F) {
	for _, seed := range []string{
		`{"channel": "sms", "message_id": "sms_5fa275dbf21dc", "number": "+33600000000", "status": "DELIVERED", "delivery_date": "2020-11-04 11:11:45"}`,
		`{"message_id":"v","number":33600000000,"status":"BUSY","meta_data":{"call_duration":1.5,"pressed_keys_code":[1,"#"]}}`,
		`{"message_id":"m","number":"+1","text":"stop","stop_date":"2020-11-04 11:11:45"}`,
		`{"message_id":"m","number":"+1","text":"x","sim_card_number":"1","reception_date":"2020-11-04 11:11:45"}`,
		`message_id=v&number=1&status=ACK&meta_data[call_duration]=12&meta_data[x]=y&[=&]=&a[b`,
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, form bool) {
		e, err := parseCallback(body, form)
		if err != nil {
			if !errors.Is(err, ErrDecode) {
				t.Errorf("%v", err)
			}
			return
		}
		kinds := 0
		if r := e.Receipt; r != nil {
			kinds++
			if r.CallDuration < 0 || r.ChargedDuration < 0 || r.MetaData != nil && !json.Valid(r.MetaData) {
				t.Errorf("%+v", r)
			}
			if at, err := r.Date.In(nil); err == nil && at.IsZero() && r.Date == "" {
				t.Error("no date is a date")
			}
		}
		if e.Reply != nil {
			kinds++
		}
		if e.Stop != nil {
			kinds++
		}
		if kinds > 1 || !bytes.Equal(e.Raw, body) {
			t.Errorf("%+v", e)
		}
	})
}
