package senders_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/os1"
	"github.com/cpaas-go/cpaas/os1/os1test"
)

var _ delivery.Source = senders.OS1{}

const (
	os1Phone = "+919812345678"
	os1Mail  = "asha@example.com"
	os1Hook  = "https://acme.example/hooks/os1?token=t0ken"
)

func os1Server(t *testing.T) *os1test.Server {
	t.Helper()
	srv := os1test.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

func os1Template() fallback.Template {
	return fallback.Template{Name: "otp", Locale: "en", Vars: map[string]string{"otp": "4821"}}
}

func os1Submission(ch fallback.Channel, content fallback.Content) fallback.Submission {
	to := os1Phone
	if ch == fallback.Email {
		to = os1Mail
	}
	return fallback.Submission{
		Ref: "7ZK2-sms-0", Channel: ch, To: to, Content: content, Expires: time.Now().Add(time.Hour),
		Message: fallback.Message{Key: "order-42", Class: fallback.OTP},
	}
}

func os1Legs(o senders.OS1) []fallback.Leg {
	return []fallback.Leg{o.SMS("ACMEIN"), o.WhatsApp("123324242"), o.Email("acme@example.com")}
}

func os1Valid(t *testing.T, leg fallback.Leg) error {
	t.Helper()
	v, ok := leg.Sender.(interface{ Validate() error })
	require.True(t, ok)
	return v.Validate()
}

func os1Check(t *testing.T, leg fallback.Leg, s fallback.Submission) error {
	t.Helper()
	c, ok := leg.Sender.(fallback.Checker)
	require.True(t, ok)
	return c.Check(s)
}

func os1Limits(t *testing.T, leg fallback.Leg) delivery.Caps {
	t.Helper()
	l, ok := leg.Sender.(delivery.Limits)
	require.True(t, ok)
	return l.Limits()
}

func TestOS1Legs(t *testing.T) {
	t.Parallel()
	data := map[string]any{"otp": "4821"}
	callback := &os1.Callback{URL: os1Hook, Meta: map[string]any{"ref": "7ZK2-sms-0"}}
	want := map[fallback.Channel]os1.SendRequest{
		fallback.SMS: {SMS: []os1.SMSMessage{{
			SenderID: "ACMEIN", Template: "order_otp", Provider: new("tfn-provider"), Data: data,
			To: []os1.Phone{{CountryCode: "91", Number: "9812345678"}},
		}}, Callback: callback},
		fallback.WhatsApp: {WhatsApp: []os1.WhatsAppMessage{{
			From: new("123324242"), Template: "order_otp", Data: data, To: []os1.Phone{{CountryCode: "+91", Number: "9812345678"}},
		}}, Callback: callback},
		fallback.Email: {Email: []os1.EmailMessage{{
			From: new("acme@example.com"), Template: "order_otp", Provider: new(""), Data: data, To: []string{os1Mail},
		}}, Callback: callback},
	}
	srv := os1Server(t)
	account := senders.OS1{
		Client: srv.Client(), Templates: map[string]string{"otp": "order_otp"}, CallbackURL: os1Hook,
		Providers: map[fallback.Channel]string{fallback.SMS: "tfn-provider", fallback.Email: ""},
	}
	for i, leg := range os1Legs(account) {
		s := os1Submission(leg.Channel, os1Template())
		assert.Equal(t, "os1", leg.Provider)
		require.NoError(t, os1Valid(t, leg))
		require.NoError(t, os1Check(t, leg, s))
		ack, err := leg.Sender.Send(t.Context(), s)
		require.NoError(t, err)
		require.Len(t, srv.Accepted(), i+1)
		assert.Equal(t, want[leg.Channel], srv.Accepted()[i])
		assert.Equal(t, srv.Requests()[i].Header.Get("X-COREOS-REQUEST-ID"), ack.ID)
	}

	srv = os1Server(t) // what is not set is not sent
	for _, leg := range []fallback.Leg{senders.OS1{Client: srv.Client()}.WhatsApp(""), senders.OS1{Client: srv.Client()}.SMS("")} {
		_, err := leg.Sender.Send(t.Context(), os1Submission(leg.Channel, fallback.Template{Name: "otp"}))
		require.NoError(t, err)
	}
	assert.JSONEq(t, `{"whatsapp":[{"template":"otp","to":[{"countryCode":"+91","number":"9812345678"}]}]}`, string(srv.Requests()[0].Body))
	assert.JSONEq(t, `{"sms":[{"template":"otp","to":[{"countryCode":"91","number":"9812345678"}]}]}`, string(srv.Requests()[1].Body))
}

func TestOS1Edit(t *testing.T) {
	t.Parallel()
	srv := os1Server(t)
	leg := senders.OS1{Client: srv.Client(), Name: "os1-in", CallbackURL: os1Hook, Edit: func(r *os1.SendRequest, s fallback.Submission) {
		r.SMS[0].OriginationNumber = "+18005551234"
		r.Callback.Meta["class"] = s.Message.Class.String()
	}}.SMS("ACMEIN")
	assert.Equal(t, "os1-in", leg.Provider)
	_, err := leg.Sender.Send(t.Context(), os1Submission(fallback.SMS, os1Template()))
	require.NoError(t, err)
	got := srv.Accepted()[0]
	assert.Equal(t, "+18005551234", got.SMS[0].OriginationNumber)
	assert.Equal(t, map[string]any{"ref": "7ZK2-sms-0", "class": "otp"}, got.Callback.Meta)
}

// TestOS1Content: what a channel cannot show is refused without a call.
func TestOS1Content(t *testing.T) {
	t.Parallel()
	srv := os1Server(t)
	for _, leg := range os1Legs(senders.OS1{Client: srv.Client()}) {
		for _, content := range []fallback.Content{
			nil, fallback.Text("4821 is your code"), fallback.Mail{Subject: "s", Text: "4821"}, fallback.Template{Name: "otp", Args: []string{"4821"}},
		} {
			s := os1Submission(leg.Channel, content)
			require.ErrorIs(t, os1Check(t, leg, s), fallback.ErrInvalidRequest)
			_, err := leg.Sender.Send(t.Context(), s)
			require.ErrorIs(t, err, fallback.ErrInvalidRequest)
			testutil.NoLeak(t, err, "4821", "9812345678", os1Mail)
		}
		if leg.Channel == fallback.Email {
			continue
		}
		for _, to := range []string{"+2109812345678", "", "+91", "asha"} { // 210 is nobody's code
			s := os1Submission(leg.Channel, os1Template())
			s.To = to
			require.ErrorIs(t, os1Check(t, leg, s), fallback.ErrInvalidRecipient)
			_, err := leg.Sender.Send(t.Context(), s)
			require.ErrorIs(t, err, fallback.ErrInvalidRecipient)
			testutil.NoLeak(t, err, "9812345678")
		}
	}
	assert.Empty(t, srv.Requests())
}

// TestOS1Refusals: errors come through as the client's, and nothing waits.
func TestOS1Refusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer os1test.Answer
		kind   error
	}{
		"rate limited": {os1test.RateLimited(time.Second), fallback.ErrRateLimited},
		"refused":      {os1test.Refuse(http.StatusForbidden, os1test.Code(403), "no"), fallback.ErrForbidden},
		"lost":         {os1test.LoseAnswer(), fallback.ErrMaybeAccepted},
		"unavailable":  {os1test.HTML(http.StatusServiceUnavailable), fallback.ErrMaybeAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := os1Server(t)
			srv.Next(test.answer)
			_, err := senders.OS1{Client: srv.ClientWithCredentials()}.SMS("x").Sender.Send(t.Context(), os1Submission(fallback.SMS, os1Template()))
			require.ErrorIs(t, err, test.kind)
			assert.Len(t, srv.Requests(), 2, "a token and one message")
			testutil.NoLeak(t, err, "9812345678", os1test.ClientSecret)
		})
	}
	srv := os1Server(t)
	srv.NextToken(os1test.LoseAnswer(), os1test.LoseAnswer(), os1test.LoseAnswer())
	_, err := senders.OS1{Client: srv.ClientWithCredentials()}.SMS("x").Sender.Send(t.Context(), os1Submission(fallback.SMS, os1Template()))
	require.ErrorIs(t, err, fallback.ErrUnavailable)
	require.NotErrorIs(t, err, fallback.ErrMaybeAccepted)
}

// TestOS1Promises: what its legs can do, and what they cannot be taken for.
func TestOS1Promises(t *testing.T) {
	t.Parallel()
	client := os1Server(t).Client()
	words := map[string]fallback.Outcome{"sent": fallback.Accepted, "read": fallback.Read, "failed": fallback.Failed}
	for name, test := range map[string]struct {
		account senders.OS1
		caps    delivery.Caps
		valid   bool
	}{
		"nothing":       {senders.OS1{}, delivery.Caps{}, false},
		"client":        {senders.OS1{Client: client}, delivery.Caps{}, true},
		"callback":      {senders.OS1{Client: client, CallbackURL: os1Hook}, delivery.Caps{}, true},
		"receipts":      {senders.OS1{Client: client, AssumeReceipts: words, CallbackURL: os1Hook}, delivery.Caps{Echo: true, Reports: []delivery.Goal{delivery.Accepted, delivery.Read, delivery.Delivered}}, true},
		"delivered":     {senders.OS1{Client: client, AssumeReceipts: map[string]fallback.Outcome{"d": fallback.Delivered}, CallbackURL: os1Hook}, delivery.Caps{Echo: true, Reports: []delivery.Goal{delivery.Delivered}}, true},
		"no URL":        {senders.OS1{Client: client, AssumeReceipts: words}, delivery.Caps{Echo: true, Reports: []delivery.Goal{delivery.Accepted, delivery.Read, delivery.Delivered}}, false},
		"wrong outcome": {senders.OS1{Client: client, AssumeReceipts: map[string]fallback.Outcome{"x": fallback.Unknown}, CallbackURL: os1Hook}, delivery.Caps{Echo: true}, false},
		"two outcomes":  {senders.OS1{Client: client, AssumeReceipts: map[string]fallback.Outcome{"x": fallback.Failed, "X": fallback.Read}, CallbackURL: os1Hook}, delivery.Caps{Echo: true, Reports: []delivery.Goal{delivery.Read, delivery.Delivered}}, false},
	} {
		for _, leg := range os1Legs(test.account) {
			assert.Equal(t, test.caps, os1Limits(t, leg), name)
			err := os1Valid(t, leg)
			assert.Equal(t, test.valid, err == nil, name)
			_, batches := leg.Sender.(delivery.Batcher)
			_, revokes := leg.Sender.(delivery.Revoker)
			_, finds := leg.Sender.(delivery.Finder)
			assert.False(t, batches || revokes || finds)
		}
	}

	// A route that waits is refused without AssumeReceipts.
	wait := func(o senders.OS1) error {
		return delivery.Route{{Try: o.SMS("x"), Within: time.Minute}}.Validate()
	}
	require.Error(t, wait(senders.OS1{Client: client, CallbackURL: os1Hook}))
	require.NoError(t, wait(senders.OS1{Client: client, CallbackURL: os1Hook, AssumeReceipts: words}))
}

func os1Callback(body string) *http.Request {
	return httptest.NewRequestWithContext(context.Background(), http.MethodPost, os1Hook, strings.NewReader(body))
}

func TestOS1Receipts(t *testing.T) {
	t.Parallel()
	verify := senders.Token("token", "t0ken")
	words := map[string]fallback.Outcome{"Sent": fallback.Accepted, "delivered": fallback.Delivered, "read": fallback.Read, "FAILED": fallback.Failed}
	account := senders.OS1{Name: "os1-in", AssumeReceipts: words, Verify: verify}
	for body, want := range map[string][]delivery.Receipt{
		`{"status":"SENT","meta":{"ref":"a"}}`:                  {{Provider: "os1-in", Ref: "a", Outcome: fallback.Accepted}},
		`{"data":{"status":"Delivered","meta":{"ref":"a"}}}`:    {{Provider: "os1-in", Ref: "a", Outcome: fallback.Delivered}},
		`{"status":" failed ","callback":{"meta":{"ref":"b"}}}`: {{Provider: "os1-in", Ref: "b", Outcome: fallback.Failed}},
		`[{"status":"read","meta":{"ref":"a"}},{"status":"sent","meta":{"ref":"b"}}]`: {
			{Provider: "os1-in", Ref: "a", Outcome: fallback.Read}, {Provider: "os1-in", Ref: "b", Outcome: fallback.Accepted},
		},
		`{"status":"bounced","meta":{"ref":"a"}}`: nil,
		`{"status":"sent"}`:                       nil,
		`{"status":"sent","meta":{}}`:             nil,
		`{"status":"sent","meta":{"ref":7}}`:      nil,
		`{"meta":{"ref":"a"}}`:                    nil,
		`{}`:                                      nil,
	} {
		got, err := account.Receipts(os1Callback(body))
		require.NoError(t, err, body)
		require.Len(t, got, len(want), body)
		for i := range want {
			assert.NotEmpty(t, got[i].Raw)
			got[i].Raw = nil
			assert.Equal(t, want[i], got[i], body)
		}
	}
	const good = `{"status":"sent","meta":{"ref":"a"}}`
	_, err := account.Receipts(os1Callback(`nothing`))
	require.Error(t, err)
	require.NotErrorIs(t, err, delivery.ErrUnverified)

	forged := os1Callback(good)
	forged.URL.RawQuery = "token=x"
	_, err = account.Receipts(forged)
	require.ErrorIs(t, err, delivery.ErrUnverified)
	_, err = senders.OS1{AssumeReceipts: words}.Receipts(os1Callback(good))
	require.ErrorIs(t, err, delivery.ErrUnverified)
	got, err := senders.OS1{Verify: verify}.Receipts(os1Callback(good)) // nothing is assumed
	require.Error(t, err)
	assert.Nil(t, got)
}

// TestOS1ReceiptsOfTheFake: what the fake sends back finds the attempt.
func TestOS1ReceiptsOfTheFake(t *testing.T) {
	t.Parallel()
	srv := os1Server(t)
	var receipts []delivery.Receipt
	account := senders.OS1{
		Client: srv.Client(), AssumeReceipts: map[string]fallback.Outcome{"delivered": fallback.Delivered}, Verify: senders.Token("token", "t0ken"),
	}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := account.Receipts(r)
		if errors.Is(err, delivery.ErrUnverified) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		assert.NoError(t, err)
		receipts = append(receipts, got...)
	}))
	defer hook.Close()
	account.CallbackURL = hook.URL + "?token=t0ken"
	_, err := account.SMS("x").Sender.Send(t.Context(), os1Submission(fallback.SMS, os1Template()))
	require.NoError(t, err)
	require.NoError(t, srv.DeliverStatus(t.Context(), srv.Accepted()[0], "delivered"))
	require.Len(t, receipts, 1)
	assert.Equal(t, "7ZK2-sms-0", receipts[0].Ref)
}

// An address that only OS1's own rule refuses may be good for others.
func TestOS1RefusesAnAddressForItselfOnly(t *testing.T) {
	t.Parallel()
	client, err := os1.New("https://acme.getos1.com", "acme", os1.StaticToken("0123456789abcdef"))
	require.NoError(t, err)
	s := fallback.Submission{Ref: "r", Channel: fallback.Email, To: "asha@studio.photography", Content: fallback.Template{Name: "order_processed"}}
	_, err = senders.OS1{Client: client}.Email("").Sender.Send(t.Context(), s)
	require.ErrorIs(t, err, fallback.ErrInvalidRequest)
	require.NotErrorIs(t, err, fallback.ErrInvalidRecipient)
	_, err = senders.OS1{}.Email("").Sender.Send(t.Context(), s)
	require.ErrorIs(t, err, fallback.ErrInvalidRequest, "no client")
}
