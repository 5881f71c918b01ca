package senders_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

var _ delivery.Source = senders.Deflector{}

const deflectorRef = "7ZK2-rcs-0"

func deflectorServer(t *testing.T) *deflectortest.Server {
	t.Helper()
	srv := deflectortest.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

// deflectorSubmission is what a route gives a leg.
func deflectorSubmission(ch fallback.Channel, content fallback.Content) fallback.Submission {
	return fallback.Submission{
		Ref: deflectorRef, Channel: ch, To: "+919812345678", Content: content,
		Message: fallback.Message{Key: "order-42", To: fallback.Recipient{Phone: "+919812345678"}, Content: fallback.Contents{ch: content}},
	}
}

func TestDeflectorLegs(t *testing.T) {
	t.Parallel()
	template := fallback.Template{Name: "welcome", Locale: "en", Args: []string{"Asha"}, Vars: map[string]string{"NAME": "Asha"}}
	whatsApp := []deflector.WhatsAppMessage{{
		APIHeader: deflectorRef, Type: "template", RecipientType: "individual",
		Templates: []deflector.WhatsAppTemplate{{Name: "welcome_v2", Locale: "en", Policy: "deterministic", Attributes: []string{"Asha"}}},
	}}
	rcs := &deflector.RCSTemplate{Code: "welcome_v2", Type: "template", Attributes: map[string]string{"NAME": "Asha"}}
	sms := &deflector.SMSText{From: "ACMEIN", Text: "Hi."}
	everything := fallback.Submission{
		Ref: deflectorRef, To: "+919812345678",
		Message: fallback.Message{Text: "Hi.", Content: fallback.Contents{fallback.RCS: template, fallback.WhatsApp: template}},
	}
	flow := deflector.Flow{{deflector.RCS, deflector.WhatsApp}, {deflector.SMS}}
	for name, test := range map[string]struct {
		leg        func(senders.Deflector) fallback.Leg
		channel    fallback.Channel
		submission fallback.Submission
		want       deflector.Message
	}{
		"RCS": {
			senders.Deflector.RCS, fallback.RCS, deflectorSubmission(fallback.RCS, template),
			deflector.Message{RCS: rcs, Flow: deflector.InOrder(deflector.RCS)},
		},
		"WhatsApp": {
			senders.Deflector.WhatsApp, fallback.WhatsApp, deflectorSubmission(fallback.WhatsApp, template),
			deflector.Message{WhatsApp: whatsApp, Flow: deflector.InOrder(deflector.WhatsApp)},
		},
		"SMS": {
			func(d senders.Deflector) fallback.Leg { return d.SMS("ACMEIN") }, fallback.SMS, deflectorSubmission(fallback.SMS, fallback.Text("Hi.")),
			deflector.Message{SMS: sms, Flow: deflector.InOrder(deflector.SMS)},
		},
		"Flow": {
			func(d senders.Deflector) fallback.Leg { return d.Flow(flow, "ACMEIN") }, "", everything,
			deflector.Message{RCS: rcs, WhatsApp: whatsApp, SMS: sms, Flow: flow},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := deflectorServer(t)
			d := senders.Deflector{Client: srv.Client(), Templates: map[string]string{"welcome": "welcome_v2"}, Tags: []string{"shop"}}
			leg := test.leg(d)
			if leg.Channel != test.channel || leg.Provider != "deflector" {
				t.Errorf("leg %q of %q", leg.Channel, leg.Provider)
			}
			if err := leg.Sender.(interface{ Validate() error }).Validate(); err != nil { //nolint:errcheck // a panic fails the test
				t.Error(err)
			}
			if err := leg.Sender.(fallback.Checker).Check(test.submission); err != nil { //nolint:errcheck // a panic fails the test
				t.Error(err)
			}
			ack, err := leg.Sender.Send(t.Context(), test.submission)
			if err != nil || ack.ID != "ack-1" {
				t.Fatalf("%v, %v", ack, err)
			}
			want := test.want
			want.To, want.CallbackData, want.Tags = []string{"919812345678"}, deflectorRef, []string{"shop"}
			if got := srv.Accepted(); !reflect.DeepEqual(got, []deflector.Message{want}) {
				t.Errorf("accepted\n got %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestDeflectorName(t *testing.T) {
	t.Parallel()
	if got := (senders.Deflector{Name: "netcore-2"}).RCS().Provider; got != "netcore-2" {
		t.Errorf("provider %q", got)
	}
}

// What a channel cannot show is refused by Check, and never sent.
func TestDeflectorContent(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	d := senders.Deflector{Client: srv.Client()}
	flow := d.Flow(deflector.InOrder(deflector.RCS, deflector.SMS), "ACMEIN")
	template, text, mail := fallback.Template{Name: "x", Locale: "en"}, fallback.Text("secret words"), fallback.Mail{Subject: "secret words"}
	for _, test := range []struct {
		leg  fallback.Leg
		s    fallback.Submission
		want string // part of the text; empty: shown
	}{
		{d.RCS(), deflectorSubmission(fallback.RCS, text), "shows a template, not a text"},
		{d.RCS(), deflectorSubmission(fallback.RCS, mail), "not an e-mail"},
		{d.WhatsApp(), deflectorSubmission(fallback.WhatsApp, text), "shows a template, not a text"},
		{d.SMS("A"), deflectorSubmission(fallback.SMS, template), "shows a text, not a template"},
		{d.SMS("A"), deflectorSubmission(fallback.SMS, nil), "not nothing"},
		{flow, fallback.Submission{To: "+919812345678", Message: fallback.Message{Text: "secret words"}}, "deflector RCS: "},
		{flow, fallback.Submission{To: "+919812345678", Message: fallback.Message{Content: fallback.Contents{fallback.RCS: template}}}, "deflector SMS: "},
	} {
		check := test.leg.Sender.(fallback.Checker).Check(test.s) //nolint:errcheck // a panic fails the test
		_, err := test.leg.Sender.Send(t.Context(), test.s)
		for _, err := range []error{check, err} {
			if !errors.Is(err, fallback.ErrInvalidRequest) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
				continue
			}
			testutil.NoLeak(t, err, "secret words", "919812345678")
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestDeflectorEdit(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	d := senders.Deflector{Client: srv.Client(), Edit: func(m *deflector.Message, s fallback.Submission) {
		m.SMS.Text += " " + s.Message.Key
		m.Tags = append(m.Tags, string(s.Channel))
	}}
	if _, err := d.SMS("ACMEIN").Sender.Send(t.Context(), deflectorSubmission(fallback.SMS, fallback.Text("Hi."))); err != nil {
		t.Fatal(err)
	}
	if got := srv.Accepted()[0]; got.SMS.Text != "Hi. order-42" || !slices.Equal(got.Tags, []string{"sms"}) {
		t.Errorf("accepted %+v", got)
	}
}

func TestDeflectorValidate(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	for name, leg := range map[string]fallback.Leg{
		"no client":  senders.Deflector{}.RCS(),
		"empty flow": senders.Deflector{Client: srv.Client()}.Flow(nil, "A"),
	} {
		if leg.Sender.(interface{ Validate() error }).Validate() == nil { //nolint:errcheck // a panic fails the test
			t.Errorf("%s: no error", name)
		}
	}
}

// A route waits, not its legs: a 429 comes back at once, with its delay.
func TestDeflectorNeverWaits(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	srv.Next(deflectortest.RateLimited(5*time.Second), deflectortest.Refuse(400, deflector.CodeNotOptedIn), deflectortest.LoseAnswer())
	leg := senders.Deflector{Client: srv.Client()}.SMS("ACMEIN")
	started := time.Now()
	for _, want := range []error{fallback.ErrRateLimited, fallback.ErrNotOnChannel, fallback.ErrMaybeAccepted, nil} {
		ack, err := leg.Sender.Send(t.Context(), deflectorSubmission(fallback.SMS, fallback.Text("Hi.")))
		if !errors.Is(err, want) || (err == nil) != (ack.ID != "") {
			t.Errorf("%v, %v, want %v", ack, err, want)
		}
		if e, ok := errors.AsType[*deflector.Error](err); ok && e.StatusCode == http.StatusTooManyRequests && e.RetryDelay() != 5*time.Second {
			t.Errorf("delay %v in %v", e.RetryDelay(), err)
		}
	}
	if took := time.Since(started); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	if n := len(srv.Requests()); n != 4 {
		t.Errorf("%d requests", n)
	}
}

func TestDeflectorLimits(t *testing.T) {
	t.Parallel()
	d := senders.Deflector{}
	read := []delivery.Goal{delivery.Accepted, delivery.Delivered, delivery.Read}
	for name, test := range map[string]struct {
		leg  fallback.Leg
		want []delivery.Goal
	}{
		"RCS":      {d.RCS(), read},
		"WhatsApp": {d.WhatsApp(), read},
		"SMS":      {d.SMS("A"), read[:2]},
		"Flow":     {d.Flow(deflector.InOrder(deflector.RCS, deflector.WhatsApp, deflector.SMS), "A"), read[:2]},
		"no SMS":   {d.Flow(deflector.AtOnce(deflector.RCS, deflector.WhatsApp), ""), read},
	} {
		got := test.leg.Sender.(delivery.Limits).Limits() //nolint:errcheck // a panic fails the test
		if want := (delivery.Caps{Reports: test.want, Echo: true}); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func deflectorCallback(t *testing.T, body string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/deflector?token=hook-token-1", strings.NewReader(body))
}

func TestDeflectorReceipts(t *testing.T) {
	t.Parallel()
	d := senders.Deflector{Verify: senders.Token("token", "hook-token-1")}
	at := time.Unix(1763680000, 0).UTC()
	for name, test := range map[string]struct {
		body string
		want []delivery.Receipt
		err  error // that Receipt.Err is
	}{
		"RCS": {
			deflectorGolden(t, "callback-rcs.json"),
			[]delivery.Receipt{{Ref: "order-42", Channel: fallback.RCS, Outcome: fallback.Accepted, At: at}},
			nil,
		},
		"SMS, and a click without a reference": {
			deflectorGolden(t, "callback-sms.json"),
			[]delivery.Receipt{{Ref: "order-42", Channel: fallback.SMS, Outcome: fallback.Failed, At: at.Add(100 * time.Second)}},
			nil,
		},
		"WhatsApp, and one without a reference": {
			deflectorGolden(t, "callback-whatsapp.json"),
			[]delivery.Receipt{{Ref: "order-42", Channel: fallback.WhatsApp, Outcome: fallback.Delivered, At: at}},
			nil,
		},
		"a person wrote": {deflectorGolden(t, "callback-incoming.json"), nil, nil},
		"read":           {`[{"callbackdata":"r","channel":"RCS","status":"READ"}]`, []delivery.Receipt{{Ref: "r", Channel: fallback.RCS, Outcome: fallback.Read}}, nil},
		"click":          {`[{"callbackdata":"r","channel":"RCS","click_data":{"type":"CLICK"}}]`, []delivery.Receipt{{Ref: "r", Channel: fallback.RCS, Outcome: fallback.Read}}, nil},
		"delivered":      {`{"callbackdata":"r","channel":"SMS","status":"delivered"}`, []delivery.Receipt{{Ref: "r", Channel: fallback.SMS, Outcome: fallback.Delivered}}, nil},
		"callbackdata before x-apiheader": {
			`[{"delivery_status":{"status":"sent","x-apiheader":"r"}},{"delivery_status":{"status":"sent","x-apiheader":"r","callbackdata":"q"}}]`,
			[]delivery.Receipt{
				{Ref: "r", Channel: fallback.WhatsApp, Outcome: fallback.Accepted}, {Ref: "q", Channel: fallback.WhatsApp, Outcome: fallback.Accepted},
			},
			nil,
		},
		"failed with a code": {
			`{"delivery_status":[{"status":"failed","x-apiheader":"r","status_remark":"8002: 919812345678 not opted in"}]}`,
			[]delivery.Receipt{{Ref: "r", Channel: fallback.WhatsApp, Outcome: fallback.Failed}},
			fallback.ErrNotOnChannel,
		},
		"never by messageId alone": {`[{"message_id":"ack-1","requestid":"ack-1","channel":"SMS","status":"Delivered"}]`, nil, nil},
		"another word":             {`[{"callbackdata":"r","channel":"SMS","status":"Queued"}]`, nil, nil},
		"native":                   {`{"reqid":1,"status":"Delivered","callbackdata":"r"}`, nil, nil},
		"nothing":                  {`[]`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := d.Receipts(deflectorCallback(t, test.body))
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if len(got[i].Raw) == 0 || got[i].Provider != "deflector" {
					t.Errorf("receipt %+v", got[i])
				}
				if failed := got[i].Outcome == fallback.Failed; failed != (got[i].Err != nil) || !errors.Is(got[i].Err, test.err) && test.err != nil {
					t.Errorf("error %v, want %v", got[i].Err, test.err)
				}
				if got[i].Err != nil {
					testutil.NoLeak(t, got[i].Err, "919812345678")
				}
				got[i].Provider, got[i].Raw, got[i].Err = "", nil, nil
			}
			if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", test.want); g != w {
				t.Errorf("receipts\n got %s\nwant %s", g, w)
			}
		})
	}
}

func deflectorGolden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../deflector/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDeflectorReceiptsRefuses(t *testing.T) {
	t.Parallel()
	const body = `[{"callbackdata":"r","channel":"SMS","status":"Delivered","mobile":"919812345678"}]`
	for name, test := range map[string]struct {
		verify func(*http.Request) error
		body   string
		want   error
	}{
		"nobody verifies": {nil, body, delivery.ErrUnverified},
		"wrong token":     {senders.Token("token", "hook-token-2"), body, delivery.ErrUnverified},
		"no secret":       {senders.Token("token", ""), body, delivery.ErrUnverified},
		"unreadable":      {senders.Token("token", "hook-token-1"), body[:40], deflector.ErrDecode},
	} {
		got, err := senders.Deflector{Verify: test.verify}.Receipts(deflectorCallback(t, test.body))
		if got != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		testutil.NoLeak(t, err, "919812345678", "hook-token")
	}
}

// From the send to the receipt, over the wire.
func TestDeflectorRoundTrip(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	d := senders.Deflector{Client: srv.Client(), Name: "netcore", Verify: senders.Token("token", "hook-token-1")}
	got := make(chan delivery.Receipt, 8)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		receipts, err := d.Receipts(r)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, receipt := range receipts {
			got <- receipt
		}
	}))
	defer hook.Close()
	s := deflectorSubmission(fallback.WhatsApp, fallback.Template{Name: "welcome", Locale: "en"})
	if _, err := d.WhatsApp().Sender.Send(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := srv.Deliver(t.Context(), hook.URL, s.Ref, deflector.WhatsApp); err == nil {
		t.Error("a callback without the token passes")
	}
	url := hook.URL + "/?token=hook-token-1"
	if err := srv.Deliver(t.Context(), url, s.Ref, deflector.WhatsApp, deflector.StatusRead, deflector.StatusSent); err != nil {
		t.Fatal(err)
	}
	for _, want := range []fallback.Outcome{fallback.Read, fallback.Accepted} {
		if r := <-got; r.Ref != s.Ref || r.Outcome != want || r.Provider != "netcore" || r.Channel != fallback.WhatsApp {
			t.Errorf("receipt %+v, want %v", r, want)
		}
	}
}

// The channel order of the project's first line, against a vendor that has
// nobody on RCS and WhatsApp.
func TestDeflectorRoute(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	srv.RefuseChannel(deflector.RCS, http.StatusBadRequest, deflector.CodeNoWhatsAppContact)
	srv.RefuseChannel(deflector.WhatsApp, http.StatusBadRequest, deflector.CodeNotOptedIn)
	d := senders.Deflector{Client: srv.Client()}
	template := fallback.Template{Name: "welcome", Locale: "en"}
	res, err := fallback.Route{d.RCS(), d.WhatsApp(), d.SMS("ACMEIN")}.Send(t.Context(), fallback.Message{
		Key: "order-42", To: fallback.Recipient{Phone: "+919812345678"}, Text: "Welcome.",
		Content: fallback.Contents{fallback.RCS: template, fallback.WhatsApp: template},
	})
	if err != nil || res.Channel != fallback.SMS || res.Outcome != fallback.Accepted || len(res.Attempts) != 3 || res.PossibleDuplicate {
		t.Fatalf("%v, %v", res, err)
	}
	refs := map[string]bool{}
	for _, a := range res.Attempts {
		refs[a.Ref] = true
		if a.Channel != fallback.SMS && !errors.Is(a.Err, fallback.ErrNotOnChannel) {
			t.Errorf("attempt %+v", a)
		}
	}
	accepted := srv.Accepted()
	if len(accepted) != 1 || accepted[0].CallbackData != res.Attempts[2].Ref || len(refs) != 3 {
		t.Errorf("accepted %+v, refs %v", accepted, refs)
	}
}
