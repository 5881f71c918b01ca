package senders_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/webexconnect"
	v2 "github.com/cpaas-go/cpaas/webexconnect/v2"
	"github.com/cpaas-go/cpaas/webexconnect/webexconnecttest"
)

const (
	webexPhone = "+449000000009"
	webexRef   = "ref-1"
)

func webexAccount(t *testing.T) (*webexconnecttest.Server, senders.WebexConnect) {
	t.Helper()
	srv := webexconnecttest.NewServer()
	t.Cleanup(srv.Close)
	return srv, senders.WebexConnect{Client: srv.Client(), V2: srv.ClientV2(), Templates: map[string]string{"welcome": "T-1"}}
}

func webexSubmission(leg fallback.Leg, to string, c fallback.Content) fallback.Submission {
	return fallback.Submission{Ref: webexRef, Channel: leg.Channel, To: to, Content: c}
}

func webexChecker(t *testing.T, leg fallback.Leg) fallback.Checker {
	t.Helper()
	c, ok := leg.Sender.(fallback.Checker)
	if !ok {
		t.Fatal("no Checker")
	}
	return c
}

var webexTemplate = fallback.Template{Name: "welcome", Locale: "en", Args: []string{"Ann"}, Vars: map[string]string{"name": "Ann"}}

// What is sent for each content of each channel; empty: it is passed over.
func TestWebexConnectContent(t *testing.T) {
	t.Parallel()
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	end := expires.Format("2006-01-02T15:04:05.000Z")
	mail := fallback.Mail{Subject: "s", Text: "t", HTML: "<p>"}
	for name, c := range map[string]struct {
		leg     func(senders.WebexConnect) fallback.Leg
		to      string
		content fallback.Content
		want    string
	}{
		"SMS text": {
			func(w senders.WebexConnect) fallback.Leg { return w.SMS("ACME") }, webexPhone, fallback.Text("hello"),
			`{"deliverychannel":"sms","channels":{"sms":{"text":"hello","senderid":"ACME"}},"destination":[{"msisdn":["+449000000009"]}],"correlationid":"ref-1","expiry":"` + end + `","notifyurl":"https://hooks.example.com/wx","notifyurlAuthId":"TNP"}`,
		},
		"SMS Unicode": {
			func(w senders.WebexConnect) fallback.Leg { return w.SMS("") }, webexPhone, fallback.Text("ça va €"),
			`{"deliverychannel":"sms","channels":{"sms":{"text":"ça va €","type":"4"}},"destination":[{"msisdn":["+449000000009"]}],"correlationid":"ref-1","expiry":"` + end + `","notifyurl":"https://hooks.example.com/wx","notifyurlAuthId":"TNP"}`,
		},
		"SMS template": {
			func(w senders.WebexConnect) fallback.Leg { return w.SMS("ACME") }, webexPhone, webexTemplate,
			`{"deliverychannel":"sms","channels":{"sms":{"senderid":"ACME"}},"message":{"template":"T-1","parameters":{"name":"Ann"}},"destination":[{"msisdn":["+449000000009"]}],"correlationid":"ref-1","expiry":"` + end + `","notifyurl":"https://hooks.example.com/wx","notifyurlAuthId":"TNP"}`,
		},
		"SMS mail": {func(w senders.WebexConnect) fallback.Leg { return w.SMS("ACME") }, webexPhone, mail, ""},
		"SMS args": {func(w senders.WebexConnect) fallback.Leg { return w.SMS("ACME") }, webexPhone, fallback.Template{Name: "x", Args: []string{"1"}}, ""},
		"WhatsApp text": {
			func(w senders.WebexConnect) fallback.Leg { return w.WhatsApp("a_1") }, webexPhone, fallback.Text("hello"),
			`{"deliverychannel":"whatsapp","appid":"a_1","channels":{"OTT-Messaging":{"wa":{"type":"text","text":{"body":"hello"}}}},"destination":[{"waid":["449000000009"]}],"correlationid":"ref-1","expiry":"` + end + `","notifyurl":"https://hooks.example.com/wx","notifyurlAuthId":"TNP"}`,
		},
		"WhatsApp template": {
			func(w senders.WebexConnect) fallback.Leg { return w.WhatsApp("a_1") }, webexPhone, webexTemplate,
			`{"deliverychannel":"whatsapp","appid":"a_1","message":{"template":"T-1","parameters":{"name":"Ann"}},"destination":[{"waid":["449000000009"]}],"correlationid":"ref-1","expiry":"` + end + `","notifyurl":"https://hooks.example.com/wx","notifyurlAuthId":"TNP"}`,
		},
		"WhatsApp mail": {func(w senders.WebexConnect) fallback.Leg { return w.WhatsApp("a_1") }, webexPhone, mail, ""},
		"Messenger text": {
			func(w senders.WebexConnect) fallback.Leg { return w.Messenger("a_1") }, "1234567890", fallback.Text("hello"),
			`{"deliverychannel":"fb","appid":"a_1","channels":{"OTT-Messaging":{"fb":{"text":"hello"}}},"destination":[{"psid":["1234567890"]}],"correlationid":"ref-1","expiry":"` + end + `","notifyurl":"https://hooks.example.com/wx","notifyurlAuthId":"TNP"}`,
		},
		"Messenger template": {
			func(w senders.WebexConnect) fallback.Leg { return w.Messenger("a_1") }, "1234567890", webexTemplate,
			`{"deliverychannel":"fb","appid":"a_1","message":{"template":"T-1","parameters":{"name":"Ann"}},"destination":[{"psid":["1234567890"]}],"correlationid":"ref-1","expiry":"` + end + `","notifyurl":"https://hooks.example.com/wx","notifyurlAuthId":"TNP"}`,
		},
		"Messenger phone": {func(w senders.WebexConnect) fallback.Leg { return w.Messenger("a_1") }, webexPhone, fallback.Text("hello"), ""},
		"Messenger mail":  {func(w senders.WebexConnect) fallback.Leg { return w.Messenger("a_1") }, "1", mail, ""},
		"voice": {
			func(w senders.WebexConnect) fallback.Leg { return w.Voice("0453745878") }, webexPhone,
			fallback.Template{Name: "welcome"},
			`{"deliverychannel":"voice","channels":{"voice":{"promptid":"T-1","cli":"0453745878"}},"destination":[{"msisdn":["+449000000009"]}],"correlationid":"ref-1","expiry":"` + end + `","notifyurl":"https://hooks.example.com/wx","notifyurlAuthId":"TNP"}`,
		},
		"voice text": {func(w senders.WebexConnect) fallback.Leg { return w.Voice("1") }, webexPhone, fallback.Text("hello"), ""},
		"voice vars": {func(w senders.WebexConnect) fallback.Leg { return w.Voice("1") }, webexPhone, webexTemplate, ""},
		"speech": {
			func(w senders.WebexConnect) fallback.Leg {
				return w.Speech("1", v2.VoiceSpeech{Text: "not this", Language: "en-US", Voice: "GuyNeural", Region: "Canada", Gender: "male"})
			}, webexPhone, fallback.Text("hello"),
			`{"channel":"voice","from":"1","to":[{"msisdn":["+449000000009"],"correlationId":"ref-1"}],"expireAt":"` + end + `","notifyUrl":"https://hooks.example.com/wx","notifyUrlAuthId":"TNP","requestedReceipts":["offered","accepted","answered","released","rejected","disconnected","dropped"],"content":{"type":"TTS","ttsProcessor":"Azure","voiceType":"Neural","text":"hello","language":"en-US","voice":"GuyNeural","region":"Canada","gender":"male"}}`,
		},
		"speech template": {func(w senders.WebexConnect) fallback.Leg { return w.Speech("1", v2.VoiceSpeech{}) }, webexPhone, webexTemplate, ""},
		"RCS text": {
			func(w senders.WebexConnect) fallback.Leg { return w.RCS("a_1") }, webexPhone, fallback.Text("hello"),
			`{"channel":"rcs","from":"a_1","to":[{"msisdn":["+449000000009"],"correlationId":"ref-1"}],"expireAt":"` + end + `","notifyUrl":"https://hooks.example.com/wx","notifyUrlAuthId":"TNP","requestedReceipts":["Sent","Delivered","Read","Failed"],"content":{"type":"text","text":"hello"}}`,
		},
		"RCS template": {
			func(w senders.WebexConnect) fallback.Leg { return w.RCS("a_1") }, webexPhone, webexTemplate,
			`{"channel":"rcs","from":"a_1","to":[{"msisdn":["+449000000009"],"correlationId":"ref-1"}],"expireAt":"` + end + `","notifyUrl":"https://hooks.example.com/wx","notifyUrlAuthId":"TNP","requestedReceipts":["Sent","Delivered","Read","Failed"],"substitutions":{"name":"Ann"},"template":{"id":"T-1"}}`,
		},
		"RCS args": {func(w senders.WebexConnect) fallback.Leg { return w.RCS("a_1") }, webexPhone, fallback.Template{Name: "x", Args: []string{"1"}}, ""},
		"RCS mail": {func(w senders.WebexConnect) fallback.Leg { return w.RCS("a_1") }, webexPhone, mail, ""},
		"e-mail": {
			func(w senders.WebexConnect) fallback.Leg { return w.Email("a@example.com") }, "user@example.com", mail,
			`{"channel":"email","from":"a@example.com","to":[{"email":["user@example.com"],"correlationId":"ref-1"}],"expireAt":"` + end + `","notifyUrl":"https://hooks.example.com/wx","notifyUrlAuthId":"TNP","requestedReceipts":["submitted","delivered","read","bounce","not verified","invalid","complaint","failed"],"content":{"type":"html","subject":"s","text":"t","html":"<p>"}}`,
		},
		"e-mail template": {
			func(w senders.WebexConnect) fallback.Leg { return w.Email("a@example.com") }, "user@example.com", webexTemplate,
			`{"channel":"email","from":"a@example.com","to":[{"email":["user@example.com"],"correlationId":"ref-1"}],"expireAt":"` + end + `","notifyUrl":"https://hooks.example.com/wx","notifyUrlAuthId":"TNP","requestedReceipts":["submitted","delivered","read","bounce","not verified","invalid","complaint","failed"],"substitutions":{"name":"Ann"},"template":{"id":"T-1"}}`,
		},
		"e-mail text": {func(w senders.WebexConnect) fallback.Leg { return w.Email("a@example.com") }, "user@example.com", fallback.Text("hello"), ""},
		"e-mail none": {func(w senders.WebexConnect) fallback.Leg { return w.Email("a@example.com") }, "user@example.com", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, w := webexAccount(t)
			w.NotifyURL, w.NotifyURLAuthID = "https://hooks.example.com/wx", "TNP"
			leg := c.leg(w)
			if leg.Provider != "webexconnect" {
				t.Error(leg.Provider)
			}
			s := webexSubmission(leg, c.to, c.content)
			s.Expires = expires
			check := webexChecker(t, leg).Check(s)
			ack, err := leg.Sender.Send(t.Context(), s)
			if c.want == "" {
				if check == nil || err == nil || len(srv.Requests()) != 0 {
					t.Errorf("got %v, %v", check, err)
				}
				if !errors.Is(check, fallback.ErrInvalidRequest) && !errors.Is(check, fallback.ErrInvalidRecipient) {
					t.Errorf("got %v", check)
				}
				testutil.NoLeak(t, err, webexPhone, "hello")
				return
			}
			if check != nil || err != nil || ack.ID == "" || len(srv.Requests()) != 1 {
				t.Fatalf("got %+v, %v, %v", ack, check, err)
			}
			testutil.JSONEqual(t, []byte(c.want), srv.Requests()[0].Body)
		})
	}
}

func TestWebexConnectValidate(t *testing.T) {
	t.Parallel()
	_, full := webexAccount(t)
	empty := senders.WebexConnect{}
	for name, c := range map[string]struct {
		leg fallback.Leg
		ok  bool
	}{
		"SMS":              {full.SMS(""), true},
		"voice":            {full.Voice(""), true},
		"WhatsApp":         {full.WhatsApp("a_1"), true},
		"RCS":              {full.RCS("a_1"), true},
		"e-mail":           {full.Email("a@example.com"), true},
		"speech":           {full.Speech("1", v2.VoiceSpeech{}), true},
		"no client":        {empty.SMS("x"), false},
		"WhatsApp no app":  {full.WhatsApp(""), false},
		"Messenger no app": {full.Messenger(""), false},
		"RCS no V2":        {senders.WebexConnect{Client: full.Client}.RCS("a_1"), false},
		"e-mail no V2":     {senders.WebexConnect{Client: full.Client}.Email("a@example.com"), false},
		"RCS no app":       {full.RCS(""), false},
	} {
		if err := (fallback.Route{c.leg}).Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (fallback.Route{senders.WebexConnect{Client: full.Client}.RCS("a_1")}).Validate(); err == nil || !strings.Contains(err.Error(), "V2") {
		t.Errorf("V2 is not named: %v", err)
	}
}

func TestWebexConnectLimits(t *testing.T) {
	t.Parallel()
	_, w := webexAccount(t)
	for name, c := range map[string]struct {
		leg   fallback.Leg
		goals int
		batch int
	}{
		"SMS": {w.SMS("x"), 2, 1000}, "WhatsApp": {w.WhatsApp("x"), 3, 0}, "Messenger": {w.Messenger("x"), 3, 0}, "voice": {w.Voice("x"), 2, 0},
		"speech": {w.Speech("x", v2.VoiceSpeech{}), 2, 0}, "RCS": {w.RCS("x"), 3, 0}, "e-mail": {w.Email("x"), 2, 0},
	} {
		limits, ok := c.leg.Sender.(delivery.Limits)
		if !ok {
			t.Fatalf("%s: no Limits", name)
		}
		caps := limits.Limits()
		_, batcher := c.leg.Sender.(delivery.Batcher)
		if len(caps.Reports) != c.goals || caps.MaxBatch != c.batch || batcher != (c.batch > 0) || !caps.Echo || caps.Idempotent != 0 ||
			caps.MaxTTL != 7*24*time.Hour {
			t.Errorf("%s: %+v", name, caps)
		}
	}
}

// v2 takes seven days.
func TestWebexConnectLongExpiry(t *testing.T) {
	t.Parallel()
	srv, w := webexAccount(t)
	leg := w.RCS("a_1")
	s := webexSubmission(leg, webexPhone, fallback.Text("hello"))
	s.Expires = time.Now().Add(30 * 24 * time.Hour)
	if _, err := leg.Sender.Send(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(srv.AcceptedV2()[0].ExpireAt); left > 7*24*time.Hour || left < 7*24*time.Hour-time.Minute {
		t.Errorf("expires in %v", left)
	}
}

func TestWebexConnectEdit(t *testing.T) {
	t.Parallel()
	srv, w := webexAccount(t)
	w.Name = "webex-uk"
	w.Edit = func(r *webexconnect.Request, s fallback.Submission) { r.CallbackData = s.Message.Key }
	w.EditV2 = func(r *v2.Request, s fallback.Submission) { r.CallbackData = s.Message.Key }
	for _, leg := range []fallback.Leg{w.SMS("x"), w.RCS("a_1")} {
		s := webexSubmission(leg, webexPhone, fallback.Text("hello"))
		s.Message.Key = "order-1"
		if _, err := leg.Sender.Send(t.Context(), s); err != nil || leg.Provider != "webex-uk" {
			t.Fatal(leg.Provider, err)
		}
	}
	if srv.Accepted()[0].CallbackData != "order-1" || srv.AcceptedV2()[0].CallbackData != "order-1" {
		t.Error("Edit was not applied")
	}
}

// Nothing waits under a route: a throttled call comes back at once.
func TestWebexConnectErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer, v2 webexconnecttest.Answer
		want       error
	}{
		"throttled": {webexconnecttest.Throttled(), webexconnecttest.RefuseV2("7020"), fallback.ErrRateLimited},
		"429":       {webexconnecttest.RateLimited(time.Second), webexconnecttest.RateLimited(time.Second), fallback.ErrRateLimited},
		"opted out": {webexconnecttest.Refuse("9002"), webexconnecttest.RefuseV2("9002"), fallback.ErrOptedOut},
		"lost":      {webexconnecttest.LoseAnswer(), webexconnecttest.LoseAnswer(), fallback.ErrMaybeAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, w := webexAccount(t)
			for _, leg := range []fallback.Leg{w.SMS("x"), w.RCS("a_1")} {
				answer := c.answer
				if leg.Channel == fallback.RCS {
					answer = c.v2
				}
				srv.Next(answer)
				before := len(srv.Requests())
				_, err := leg.Sender.Send(t.Context(), webexSubmission(leg, webexPhone, fallback.Text("hello")))
				if !errors.Is(err, c.want) || len(srv.Requests()) != before+1 {
					t.Errorf("%s: %v after %d", leg.Channel, err, len(srv.Requests())-before)
				}
				testutil.NoLeak(t, err, webexPhone, "hello", webexconnecttest.ServiceKey)
			}
		})
	}
}

func webexBatch(n int) []fallback.Submission {
	all := make([]fallback.Submission, n)
	for i := range all {
		all[i] = fallback.Submission{
			Ref: fmt.Sprintf("ref-%d", i), Channel: fallback.SMS, To: fmt.Sprintf("+4490000%05d", i), Content: fallback.Text("hello"),
		}
	}
	return all
}

func webexBatcher(t *testing.T, leg fallback.Leg) delivery.Batcher {
	t.Helper()
	b, ok := leg.Sender.(delivery.Batcher)
	if !ok {
		t.Fatal("no Batcher")
	}
	return b
}

func TestWebexConnectBatch(t *testing.T) {
	t.Parallel()
	srv, w := webexAccount(t)
	all := webexBatch(1002)
	all[1001].Content = nil
	results := webexBatcher(t, w.SMS("ACME")).SendBatch(t.Context(), all)
	if len(results) != 1002 || len(srv.Accepted()) != 2 { // 1000 and 1
		t.Fatalf("%d results, %d calls", len(results), len(srv.Accepted()))
	}
	r := srv.Accepted()[0]
	if len(r.Destinations) != 1000 || r.Destinations[999].CorrelationID != "ref-999" || r.Destinations[999].MSISDN[0] != "+449000000999" ||
		r.CorrelationID != "" || r.SMS.Text != "hello" {
		t.Errorf("got %+v", r.Destinations[999])
	}
	for i, res := range results {
		if (res.Err != nil) != (i == 1001) || (res.ID != "") != (i == 1000) { // one id for all is nobody's
			t.Fatalf("%d: %+v", i, res)
		}
	}
}

// Other content, and what an Edit makes of it, goes in another call.
func TestWebexConnectBatchOfSeveral(t *testing.T) {
	t.Parallel()
	srv, w := webexAccount(t)
	w.Edit = func(r *webexconnect.Request, s fallback.Submission) {
		if s.Ref == "ref-1" {
			r.CallbackData = "other"
		}
	}
	all := webexBatch(4)
	all[2].Content = fallback.Text("bye")
	results := webexBatcher(t, w.SMS("ACME")).SendBatch(t.Context(), all)
	calls := srv.Accepted()
	if len(calls) != 3 || len(calls[0].Destinations) != 2 || calls[1].CallbackData != "other" || calls[2].SMS.Text != "bye" {
		t.Errorf("got %+v", calls)
	}
	for i, res := range results {
		if res.Err != nil || (res.ID != "") != (i == 1 || i == 2) {
			t.Errorf("%d: %+v", i, res)
		}
	}
}

// One wrong number is found, and the others are sent to once.
func TestWebexConnectBatchWithAWrongNumber(t *testing.T) {
	t.Parallel()
	srv, w := webexAccount(t)
	all := webexBatch(9)
	srv.RefuseRecipient(all[3].To, "7102")
	srv.RefuseRecipient(all[8].To, "9002")
	results := webexBatcher(t, w.SMS("ACME")).SendBatch(t.Context(), all)
	for i, res := range results {
		var want error
		switch i {
		case 3:
			want = fallback.ErrInvalidRecipient
		case 8:
			want = fallback.ErrOptedOut
		}
		if !errors.Is(res.Err, want) || want == nil && res.Err != nil {
			t.Errorf("%d: %v", i, res.Err)
		}
	}
	var sent []string
	for _, r := range srv.Accepted() {
		for _, d := range r.Destinations {
			sent = append(sent, d.MSISDN...)
		}
	}
	slices.Sort(sent)
	if len(sent) != 7 || len(slices.Compact(sent)) != 7 {
		t.Errorf("sent to %d", len(sent))
	}
}

// What is not one person's matter is not tried again in parts.
func TestWebexConnectBatchRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer webexconnecttest.Answer
		want   error
	}{
		"credit":    {webexconnecttest.Refuse("7103"), fallback.ErrInsufficientCredit},
		"throttled": {webexconnecttest.Throttled(), fallback.ErrRateLimited},
		"lost":      {webexconnecttest.CloseAfterReading(), fallback.ErrMaybeAccepted},
		"mixed":     {webexconnecttest.Outcomes("1001", "7102", "1001"), fallback.ErrMaybeAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, w := webexAccount(t)
			srv.Next(c.answer)
			for i, res := range webexBatcher(t, w.SMS("ACME")).SendBatch(t.Context(), webexBatch(3)) {
				if !errors.Is(res.Err, c.want) {
					t.Errorf("%d: %v", i, res.Err)
				}
			}
			if len(srv.Requests()) != 1 {
				t.Errorf("%d calls", len(srv.Requests()))
			}
		})
	}
}

// Outcomes that carry correlation ids are told apart.
func TestWebexConnectBatchOutcomes(t *testing.T) {
	t.Parallel()
	srv, w := webexAccount(t)
	srv.Next(webexconnecttest.Respond(http.StatusOK, "application/json", `{"response":[
		{"code":"7109","description":"User in DnD","transid":"t-1","correlationid":"ref-2"},
		{"code":"1001","description":"Queued","transid":"t-2_1","correlationid":"ref-0"}]}`))
	results := webexBatcher(t, w.SMS("ACME")).SendBatch(t.Context(), webexBatch(3))
	if results[0].Err != nil || results[0].ID != "t-2" || !errors.Is(results[1].Err, fallback.ErrMaybeAccepted) ||
		!errors.Is(results[2].Err, fallback.ErrOptedOut) || errors.Is(results[2].Err, fallback.ErrMaybeAccepted) {
		t.Errorf("got %+v", results)
	}
}

// Members that an answer does not name, where it names others, may have been
// accepted; so may one that it names twice, differently.
func TestWebexConnectBatchNotNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want [3]error
		ids  [3]string
	}{
		"all accepted, one named": {
			`[{"code":"1001","transid":"t","correlationid":"ref-0"}]`,
			[3]error{nil, fallback.ErrMaybeAccepted, fallback.ErrMaybeAccepted},
			[3]string{"t"},
		},
		"one refused, one named": { // not divided: the others may be on their way
			`[{"code":"7109","correlationid":"ref-1"}]`,
			[3]error{fallback.ErrMaybeAccepted, fallback.ErrOptedOut, fallback.ErrMaybeAccepted},
			[3]string{},
		},
		"named twice": {
			`[{"code":"1001","transid":"t","correlationid":"ref-0"},{"code":"7102","correlationid":"ref-0"},{"code":"7102","correlationid":"ref-0"},
			{"code":"1001","transid":"u","correlationid":"ref-1"},{"code":"1001","transid":"v","correlationid":"ref-2"}]`,
			[3]error{fallback.ErrMaybeAccepted, nil, nil},
			[3]string{"", "u", "v"},
		},
		"ids of their own": {
			`[{"code":"1001","transid":"t","correlationid":"ref-0"},{"code":"1001","transid":"u_0","correlationid":"ref-1"},{"code":"1001","transid":"v_0","correlationid":"ref-2"}]`,
			[3]error{},
			[3]string{"t", "u", "v"},
		},
		"ids that only suffixes tell apart": {
			`[{"code":"1001","transid":"t","correlationid":"ref-0"},{"code":"1001","transid":"t_1","correlationid":"ref-1"},{"code":"1001","transid":"v_2","correlationid":"ref-2"}]`,
			[3]error{},
			[3]string{"", "", "v"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, w := webexAccount(t)
			srv.Next(webexconnecttest.Respond(http.StatusOK, "application/json", `{"response":`+c.body+`}`))
			for i, res := range webexBatcher(t, w.SMS("ACME")).SendBatch(t.Context(), webexBatch(3)) {
				if !errors.Is(res.Err, c.want[i]) || c.want[i] == nil && res.Err != nil || res.ID != c.ids[i] {
					t.Errorf("%d: %+v", i, res)
				}
			}
			if len(srv.Requests()) != 1 {
				t.Errorf("%d calls", len(srv.Requests()))
			}
		})
	}
}

// roundTrip answers without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A proxy's word that it waited too long is not the vendor's that it refused:
// nobody is sent to again.
func TestWebexConnectBatchThroughAGateway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		client, err := webexconnect.New(webexconnect.UK, webexconnect.ServiceKey(webexconnecttest.ServiceKey),
			webexconnect.WithHTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				calls.Add(1)
				body := io.NopCloser(strings.NewReader(`{"code":504,"message":"upstream timeout"}`))
				return &http.Response{StatusCode: http.StatusGatewayTimeout, Header: http.Header{}, Body: body}, nil
			})}))
		if err != nil {
			t.Fatal(err)
		}
		runner, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()})
		if err != nil {
			t.Fatal(err)
		}
		route, err := runner.Bind("sms", delivery.Route{{Try: senders.WebexConnect{Client: client}.SMS("ACME"), Until: delivery.Accepted}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			runner.Run(ctx) //nolint:errcheck // it says why ctx has ended
		}()
		defer func() { stop(); <-ended }()
		n := 0
		for res, err := range route.SendAll(ctx, func(yield func(fallback.Message) bool) {
			for _, s := range webexBatch(64) {
				if !yield(fallback.Message{Key: s.Ref, To: fallback.Recipient{Phone: s.To}, Text: "hello"}) {
					return
				}
			}
		}) {
			if n++; res.Outcome != fallback.Unknown || !errors.Is(err, fallback.ErrMaybeAccepted) {
				t.Errorf("%s: %v, %v", res.Key, res.Outcome, err)
			}
		}
		if n != 64 || calls.Load() != 1 {
			t.Errorf("%d results of %d calls", n, calls.Load())
		}
	})
}

// A leg without a client, used past Validate, says so.
func TestWebexConnectNoClient(t *testing.T) {
	t.Parallel()
	w := senders.WebexConnect{}
	for _, leg := range []fallback.Leg{w.SMS(""), w.WhatsApp("a_1"), w.Messenger("a_1"), w.Voice(""), w.RCS("a_1"), w.Email("a@example.com"), w.Speech("1", v2.VoiceSpeech{})} {
		_, err := leg.Sender.Send(t.Context(), webexSubmission(leg, webexPhone, fallback.Text("hello")))
		if !errors.Is(err, fallback.ErrInvalidRequest) {
			t.Errorf("%s: %v", leg.Channel, err)
		}
	}
	for _, res := range webexBatcher(t, w.SMS("")).SendBatch(t.Context(), webexBatch(2)) {
		if !errors.Is(res.Err, fallback.ErrInvalidRequest) {
			t.Error(res.Err)
		}
	}
}

// The platform takes a URL only when HEAD gets a 200, which nothing verifies.
func TestWebexConnectHead(t *testing.T) {
	t.Parallel()
	runner, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()})
	if err != nil {
		t.Fatal(err)
	}
	hook := runner.Receipts(senders.WebexConnect{Verify: webexconnect.Signature("hub")})
	for method, want := range map[string]int{http.MethodHead: http.StatusOK, http.MethodPost: http.StatusUnauthorized, http.MethodGet: http.StatusUnauthorized} {
		rec := httptest.NewRecorder()
		hook.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, "/hooks/webex", http.NoBody))
		if rec.Code != want {
			t.Errorf("%s: %d", method, rec.Code)
		}
	}
}

func webexCallback(body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, "/hooks/webex?token=s3cret", strings.NewReader(body))
}

func TestWebexConnectReceipts(t *testing.T) {
	t.Parallel()
	w := senders.WebexConnect{Name: "webex-uk", Verify: senders.Token("token", "s3cret")}
	const none = fallback.Pending
	for name, c := range map[string]struct {
		channel, code, status string
		want                  fallback.Outcome
		err                   error
		on                    fallback.Channel
	}{
		"submitted":              {"SMS", "7501", "Submitted", fallback.Accepted, nil, fallback.SMS},
		"delivered":              {"SMS", "7500", "Delivered", fallback.Delivered, nil, fallback.SMS},
		"delivered, says other":  {"mms", "7500", "Submitted", fallback.Delivered, nil, "mms"},
		"read":                   {"whatsapp", "7502", "Read", fallback.Read, nil, fallback.WhatsApp},
		"clicked":                {"sms", "7528", "Clicked", fallback.Read, nil, fallback.SMS},
		"submitted, wrong code":  {"sms", "7102", "Submited", fallback.Accepted, nil, fallback.SMS},
		"failed":                 {"sms", "7102", "Failed", fallback.Failed, fallback.ErrInvalidRecipient, fallback.SMS},
		"do not disturb":         {"sms", "7109", "Failed", fallback.Failed, fallback.ErrOptedOut, fallback.SMS},
		"undelivered":            {"sms", "7203", "Un-Delivered", fallback.Failed, fallback.ErrInvalidRecipient, fallback.SMS},
		"undelivered, one word":  {"rcs", "7329", "Undelivered", fallback.Failed, fallback.ErrNotOnChannel, fallback.RCS},
		"bounce":                 {"email", "7520", "Bounce", fallback.Failed, fallback.ErrInvalidRecipient, fallback.Email},
		"invalid":                {"email", "7523", "Invalid", fallback.Failed, fallback.ErrInvalidRecipient, fallback.Email},
		"not verified":           {"email", "7522", "Not Verified", fallback.Failed, fallback.ErrInvalidRecipient, fallback.Email},
		"complaint":              {"email", "7521", "Complaint", fallback.Failed, fallback.ErrOptedOut, fallback.Email},
		"unsubscribe":            {"rcs", "", "Unsubscribe", fallback.Failed, fallback.ErrOptedOut, fallback.RCS},
		"capped":                 {"whatsapp", "9006", "Failed", fallback.Failed, fallback.ErrFrequencyCapped, fallback.WhatsApp},
		"outside the window":     {"whatsapp", "7710", "Failed", fallback.Failed, fallback.ErrContentRejected, fallback.WhatsApp},
		"failed, unknown code":   {"fb", "1", "Failed", fallback.Failed, nil, fallback.Messenger},
		"answered":               {"voice", "7519", "ANSWERED", fallback.Delivered, nil, fallback.Voice},
		"rejected":               {"voice", "7406", "REJECTED", fallback.Failed, fallback.ErrNotOnChannel, fallback.Voice},
		"dropped":                {"voice", "7409", "DROPPED", fallback.Failed, fallback.ErrNotOnChannel, fallback.Voice},
		"offered":                {"voice", "7407", "OFFERED", fallback.Accepted, nil, fallback.Voice},
		"released":               {"voice", "7405", "Released", fallback.Accepted, nil, fallback.Voice},
		"disconnected":           {"voice", "7410", "DISCONNECTED", fallback.Accepted, nil, fallback.Voice},
		"answered, not by voice": {"sms", "1", "ANSWERED", none, nil, ""},
		"unknown":                {"sms", "1", "Sleeping", none, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, err := json.Marshal(map[string]any{"deliveryInfoNotification": map[string]any{
				"deliveryInfo": map[string]string{
					"timeStamp": "2022-10-10T13:53:13.749+01:00", "Description": "to 449000000009", "code": c.code,
					"deliveryChannel": c.channel, "destination": "449000000009", "destinationType": "msisdn", "deliveryStatus": c.status,
				},
				"transid": "7f3af32c-8d6a-4d5e-b1c8-4805135ada71_0", "correlationid": webexRef,
			}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := w.Receipts(webexCallback(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			if c.want == none {
				if len(got) != 0 {
					t.Errorf("got %+v", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("got %+v", got)
			}
			r := got[0]
			if r.Outcome != c.want || r.Provider != "webex-uk" || r.Ref != webexRef || r.ID != "7f3af32c-8d6a-4d5e-b1c8-4805135ada71" ||
				r.Channel != c.on || !r.At.Equal(time.Date(2022, 10, 10, 12, 53, 13, 749e6, time.UTC)) || !bytes.Equal(r.Raw, body) {
				t.Errorf("got %+v", r)
			}
			if (r.Err != nil) != (c.want == fallback.Failed) || c.err != nil && !errors.Is(r.Err, c.err) {
				t.Errorf("err %v", r.Err)
			}
			testutil.NoLeak(t, r.Err, "449000000009")
		})
	}
}

func TestWebexConnectCallbacks(t *testing.T) {
	t.Parallel()
	w := senders.WebexConnect{Verify: senders.Token("token", "s3cret")}
	const inbound = `{"channel":"WhatsApp","event":"MO","waid":"449000000009","message":"hello","tid":"t-1","ts":"2019-03-03T07:40:51.297Z"}`
	if got, err := w.Receipts(webexCallback(inbound)); err != nil || len(got) != 0 {
		t.Errorf("inbound: %+v, %v", got, err)
	}
	if _, err := w.Receipts(webexCallback(`{`)); err == nil || errors.Is(err, delivery.ErrUnverified) {
		t.Errorf("unreadable: %v", err)
	}
	w.Verify = senders.Token("token", "other")
	if _, err := w.Receipts(webexCallback(inbound)); !errors.Is(err, delivery.ErrUnverified) {
		t.Errorf("forged: %v", err)
	}
	w.Verify = nil
	if _, err := w.Receipts(webexCallback(inbound)); !errors.Is(err, delivery.ErrUnverified) {
		t.Errorf("no Verify: %v", err)
	}
}

// The signature is checked, and the body is still there to be read.
func TestWebexConnectSigned(t *testing.T) {
	t.Parallel()
	srv, w := webexAccount(t)
	w.Verify = webexconnect.Signature("hub")
	var got []delivery.Receipt
	hook := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rs, err := w.Receipts(r)
		if err != nil {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		got = append(got, rs...)
	}))
	defer hook.Close()
	srv.SetHubSecret("hub")
	for _, leg := range []fallback.Leg{w.SMS("x"), w.WhatsApp("a_1"), w.RCS("a_1")} {
		ack, err := leg.Sender.Send(t.Context(), webexSubmission(leg, webexPhone, fallback.Text("hello")))
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		if err := srv.Deliver(t.Context(), hook.URL, ack.ID, "7501", "7500"); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[1].Outcome != fallback.Delivered || got[1].Ref != webexRef || got[1].ID != ack.ID || got[1].Channel != leg.Channel {
			t.Errorf("%s: %+v", leg.Channel, got)
		}
		if err := srv.Forge(t.Context(), hook.URL, ack.ID); err == nil {
			t.Error("a forged receipt was taken")
		}
	}
}

func ExampleWebexConnect() {
	srv := webexconnecttest.NewServer()
	defer srv.Close()
	webex := senders.WebexConnect{Client: srv.Client(), V2: srv.ClientV2()}
	route := fallback.Route{webex.RCS("a_636893638318070000"), webex.SMS("ACME")}

	srv.Next(webexconnecttest.RefuseV2("7323")) // no carrier for RCS
	res, err := route.Send(context.Background(), fallback.Message{To: fallback.Recipient{Phone: "+449000000009"}, Text: "4821 is your Acme code."})
	fmt.Println(res.Outcome, res.Channel, err)
	// Output: accepted sms <nil>
}

// What only a client's own rule refuses may be good for others; nobody's
// number is wrong for all.
func TestWebexConnectRefusesAnAddressForItselfOnly(t *testing.T) {
	t.Parallel()
	srv := webexconnecttest.NewServer()
	t.Cleanup(srv.Close)
	w := senders.WebexConnect{Client: srv.Client(webexconnect.WithE164Check()), V2: srv.ClientV2(), Templates: map[string]string{"welcome": "T-1"}}
	refusals := map[string]error{}
	sms := w.SMS("x")
	_, refusals["sms"] = sms.Sender.Send(t.Context(), webexSubmission(sms, "+33612", webexTemplate))
	mail := w.Email("a@example.com")
	_, refusals["mail"] = mail.Sender.Send(t.Context(), webexSubmission(mail, strings.Repeat("x", 65)+"@example.com", webexTemplate))
	batch := webexBatch(3)
	batch[1].To = "+33612"
	results := webexBatcher(t, w.SMS("ACME")).SendBatch(t.Context(), batch)
	refusals["batch"] = results[1].Err
	for name, err := range refusals {
		if !errors.Is(err, fallback.ErrInvalidRequest) || errors.Is(err, fallback.ErrInvalidRecipient) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if results[0].Err != nil || results[2].Err != nil {
		t.Errorf("the others of a batch: %v, %v", results[0].Err, results[2].Err)
	}
	if _, err := sms.Sender.Send(t.Context(), webexSubmission(sms, "+2109812345678", fallback.Text("x"))); !errors.Is(err, fallback.ErrInvalidRecipient) {
		t.Error(err)
	}
}
