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
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
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
		{d.WhatsApp(), deflectorSubmission(fallback.WhatsApp, fallback.Template{Name: "x"}), "language.locale is missing"},
		{d.RCS(), deflectorSubmission(fallback.RCS, fallback.Template{Locale: "en"}), "templateCode is missing"},
		{d.SMS("A"), deflectorSubmission(fallback.SMS, fallback.Text("secret words \xff")), "sms.Text is not valid UTF-8"},
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

// What Edit does to one request is not seen by the next, nor by the caller.
func TestDeflectorEditOfParts(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	tags, flow := []string{"shop", "eu"}, deflector.InOrder(deflector.SMS)
	edits := 0
	d := senders.Deflector{Client: srv.Client(), Tags: tags, Edit: func(m *deflector.Message, _ fallback.Submission) {
		if edits++; edits == 1 {
			m.Tags[0], m.Flow[0][0], m.RCS = "changed", deflector.RCS, &deflector.RCSTemplate{Code: "x"}
		}
	}}
	for _, leg := range []fallback.Leg{d.SMS("ACMEIN"), d.Flow(flow, "ACMEIN")} {
		edits = 0
		s := deflectorSubmission(leg.Channel, fallback.Text("Hi."))
		s.Message.Text = "Hi."
		for range 2 {
			if _, err := leg.Sender.Send(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
	}
	accepted := srv.Accepted()
	for i, m := range accepted {
		want, first := deflector.SMS, "shop"
		if i%2 == 0 {
			want, first = deflector.RCS, "changed"
		}
		if m.Flow[0][0] != want || m.Tags[0] != first {
			t.Errorf("%d: flow %v, tags %v", i, m.Flow, m.Tags)
		}
	}
	if len(accepted) != 4 || tags[0] != "shop" || flow[0][0] != deflector.SMS {
		t.Errorf("%d accepted, tags %v, flow %v", len(accepted), tags, flow)
	}

	leg := d.Flow(flow, "ACMEIN")
	flow[0][0] = deflector.RCS
	if err := leg.Sender.(fallback.Checker).Check(deflectorSubmission("", fallback.Text("Hi."))); err == nil { //nolint:errcheck // a panic fails the test
		t.Error("no error without a text")
	} else if !strings.Contains(err.Error(), "deflector SMS") {
		t.Errorf("the caller's flow is the leg's: %v", err)
	}
}

// A number that is right, but not for Deflector, goes by other providers.
func TestDeflectorShortNumber(t *testing.T) {
	t.Parallel()
	const andorra = "+376312345"
	srv := deflectorServer(t)
	other := fallbacktest.Accepting()
	m := fallback.Message{To: fallback.Recipient{Phone: andorra}, Text: "Hi."}
	for name, test := range map[string]struct {
		edit func(*deflector.Message, fallback.Submission)
		next string
	}{
		"passed over": {nil, "passed over"},
		"edited":      {func(*deflector.Message, fallback.Submission) {}, "next channel"},
	} {
		d := senders.Deflector{Client: srv.Client(), Edit: test.edit}
		res, err := fallback.Route{d.SMS("ACMEIN"), other.On(fallback.SMS)}.Send(t.Context(), m)
		if err != nil || len(res.Attempts) != 2 {
			t.Errorf("%s: %v, %v", name, res, err)
			continue
		}
		first := res.Attempts[0]
		if first.Err == nil || errors.Is(first.Err, fallback.ErrInvalidRecipient) || !errors.Is(first.Err, fallback.ErrInvalidRequest) ||
			!strings.Contains(first.Err.Error(), "10 to 15 digits") || !strings.Contains(first.Next, test.next) {
			t.Errorf("%s: %q, %v", name, first.Next, first.Err)
		}
		testutil.NoLeak(t, first.Err, andorra[1:])
	}
	if n := len(srv.Requests()); n != 0 || len(other.Sent()) != 2 {
		t.Errorf("%d requests, %d by the other", n, len(other.Sent()))
	}

	// What the vendor itself says of the number counts everywhere.
	srv.Next(deflectortest.Respond(400, "application/json", `{"status":"failure","error":{"code":"8006","message":"recipient_whatsapp is wrong"}}`))
	_, err := senders.Deflector{Client: srv.Client()}.SMS("ACMEIN").Sender.Send(t.Context(), deflectorSubmission(fallback.SMS, fallback.Text("Hi.")))
	if !errors.Is(err, fallback.ErrInvalidRecipient) {
		t.Error(err)
	}

	// A client that was told to leave the length to the vendor does.
	client, err := deflector.New(deflectortest.APIKey, deflector.WithBaseURL(srv.URL), deflector.WithRelaxedValidation())
	if err != nil {
		t.Fatal(err)
	}
	s := deflectorSubmission(fallback.SMS, fallback.Text("Hi."))
	s.To = andorra
	if err := (senders.Deflector{Client: client}).SMS("ACMEIN").Sender.(fallback.Checker).Check(s); err != nil { //nolint:errcheck // a panic fails the test
		t.Error(err)
	}
}

// A flow goes to one number on each of its channels.
func TestDeflectorFlowRecipient(t *testing.T) {
	t.Parallel()
	leg := senders.Deflector{Client: deflectorServer(t).Client()}.Flow(deflector.InOrder(deflector.WhatsApp, deflector.SMS), "ACMEIN")
	const phone, elsewhere = "+919812345678", "+919000000001"
	for name, test := range map[string]struct {
		to   fallback.Recipient
		want string // part of the error; empty: none
	}{
		"everywhere":         {fallback.Recipient{Phone: phone}, ""},
		"only the flow's":    {fallback.Recipient{Phone: phone, Only: []fallback.Channel{fallback.SMS, fallback.RCS, fallback.WhatsApp}}, ""},
		"only one":           {fallback.Recipient{Phone: phone, Only: []fallback.Channel{fallback.SMS}}, "deflector WhatsApp: "},
		"none":               {fallback.Recipient{Phone: phone, Only: []fallback.Channel{}}, "not to be reached"},
		"another number":     {fallback.Recipient{Phone: phone, Other: map[fallback.Channel]string{fallback.WhatsApp: elsewhere}}, "another number"},
		"another, last":      {fallback.Recipient{Phone: phone, Other: map[fallback.Channel]string{fallback.SMS: elsewhere}}, "deflector SMS: "},
		"the same number":    {fallback.Recipient{Phone: phone, Other: map[fallback.Channel]string{fallback.WhatsApp: phone[1:], fallback.SMS: ""}}, ""},
		"another, elsewhere": {fallback.Recipient{Phone: phone, Other: map[fallback.Channel]string{fallback.RCS: elsewhere}}, ""},
	} {
		err := leg.Sender.(fallback.Checker).Check(fallback.Submission{ //nolint:errcheck // a panic fails the test
			To:      phone,
			Message: fallback.Message{To: test.to, Text: "Hi.", Content: fallback.Contents{fallback.WhatsApp: fallback.Template{Name: "x", Locale: "en"}}},
		})
		if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || !errors.Is(err, fallback.ErrInvalidRequest)) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			testutil.NoLeak(t, err, phone[1:], elsewhere[1:])
		}
	}
}

func TestDeflectorValidate(t *testing.T) {
	t.Parallel()
	d := senders.Deflector{Client: deflectorServer(t).Client()}
	edited := d
	edited.Edit = func(m *deflector.Message, _ fallback.Submission) { m.SMS.From = "ACMEIN" }
	for name, test := range map[string]struct {
		leg  fallback.Leg
		want string // part of the error; empty: none
	}{
		"no client":       {senders.Deflector{}.RCS(), "no Client"},
		"no flow":         {d.Flow(nil, "A"), "the flow is empty"},
		"no channel":      {d.Flow(deflector.Flow{{}}, "A"), "stage 1"},
		"no last channel": {d.Flow(deflector.Flow{{deflector.SMS}, {}}, "A"), "stage 2"},
		"other channel":   {d.Flow(deflector.Flow{{"sms"}}, "A"), `"sms"`},
		"no sender":       {d.SMS(""), "sender ID"},
		"flow, no sender": {d.Flow(deflector.AtOnce(deflector.RCS, deflector.SMS), ""), "sender ID"},
		"needs no sender": {d.Flow(deflector.InOrder(deflector.RCS, deflector.WhatsApp), ""), ""},
		"edited sender":   {edited.SMS(""), ""},
	} {
		err := fallback.Route{test.leg}.Validate()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What Edit may repair is not passed over.
func TestDeflectorEditRepairs(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	d := senders.Deflector{Client: srv.Client(), Edit: func(m *deflector.Message, _ fallback.Submission) { m.WhatsApp[0].Templates[0].Locale = "en" }}
	res, err := fallback.Route{d.WhatsApp()}.Send(t.Context(), fallback.Message{
		To: fallback.Recipient{Phone: "+919812345678"}, Content: fallback.Contents{fallback.WhatsApp: fallback.Template{Name: "x"}},
	})
	if err != nil || len(srv.Accepted()) != 1 {
		t.Errorf("%v, %v", res, err)
	}
}

// A route waits, not its legs: a 429 comes back at once, with its delay.
func TestDeflectorNeverWaits(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	srv.Next(deflectortest.RateLimited(5*time.Second), deflectortest.Refuse(400, deflector.CodeNotOptedIn), deflectortest.LoseAnswer())
	leg := senders.Deflector{Client: srv.Client()}.SMS("ACMEIN")
	for _, want := range []error{fallback.ErrRateLimited, fallback.ErrNotOnChannel, fallback.ErrMaybeAccepted, nil} {
		ack, err := leg.Sender.Send(t.Context(), deflectorSubmission(fallback.SMS, fallback.Text("Hi.")))
		if !errors.Is(err, want) || (err == nil) != (ack.ID != "") {
			t.Errorf("%v, %v, want %v", ack, err, want)
		}
		if e, ok := errors.AsType[*deflector.Error](err); ok && e.StatusCode == http.StatusTooManyRequests && e.RetryDelay() != 5*time.Second {
			t.Errorf("delay %v in %v", e.RetryDelay(), err)
		}
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

// RCS names a template's values, WhatsApp numbers them: nothing is sent
// without them.
func TestDeflectorTemplateOfTheOther(t *testing.T) {
	t.Parallel()
	srv := deflectorServer(t)
	d := senders.Deflector{Client: srv.Client()}
	args := fallback.Template{Name: "x", Locale: "en", Args: []string{"4821"}}
	vars := fallback.Template{Name: "x", Locale: "en", Vars: map[string]string{"CODE": "4821"}}
	for _, test := range []struct {
		leg  fallback.Leg
		show fallback.Template
	}{{d.RCS(), args}, {d.WhatsApp(), vars}, {d.Flow(deflector.InOrder(deflector.WhatsApp), ""), vars}} {
		m := fallback.Message{
			To: fallback.Recipient{Phone: "+919812345678"}, Content: fallback.Contents{fallback.RCS: test.show, fallback.WhatsApp: test.show},
		}
		res, err := fallback.Route{test.leg}.Send(t.Context(), m)
		if !errors.Is(err, fallback.ErrInvalidRequest) || len(res.Attempts) != 1 || res.Attempts[0].Next != "passed over" {
			t.Errorf("%v, %v", res, err)
		}
		testutil.NoLeak(t, err, "4821")
	}
	both := fallback.Template{Name: "x", Locale: "en", Args: args.Args, Vars: vars.Vars}
	for _, leg := range []fallback.Leg{d.RCS(), d.WhatsApp()} {
		_, err := fallback.Route{leg}.Send(t.Context(), fallback.Message{
			To: fallback.Recipient{Phone: "+919812345678"}, Content: fallback.Contents{leg.Channel: both},
		})
		if err != nil {
			t.Error(err)
		}
	}
	if n := len(srv.Accepted()); n != 2 {
		t.Errorf("%d accepted", n)
	}
}
