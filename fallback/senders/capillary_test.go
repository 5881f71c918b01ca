package senders_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/capillary/capillarytest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

const (
	capillaryPhone = "+919812345678"
	capillaryMail  = "asha@example.com"
	capillaryText  = "4821 is your Acme code."
)

func capillaryServer(t *testing.T) *capillarytest.Server {
	t.Helper()
	srv := capillarytest.NewServer()
	t.Cleanup(srv.Close)
	return srv
}

// capillarySubmission is what a route gives a leg.
func capillarySubmission(ch fallback.Channel, content fallback.Content) fallback.Submission {
	to := capillaryPhone
	if ch == fallback.Email {
		to = capillaryMail
	}
	return fallback.Submission{
		Ref: "7ZK2-sms-0", Channel: ch, To: to, Content: content, Expires: time.Now().Add(time.Hour),
		Message: fallback.Message{Key: "order-42", Class: fallback.OTP},
	}
}

// capillaryAs is what else a Sender is.
func capillaryAs[T any](t *testing.T, s fallback.Sender) T {
	t.Helper()
	v, ok := s.(T)
	require.True(t, ok, "%T is not a %T", s, v)
	return v
}

func TestCapillaryLegs(t *testing.T) {
	t.Parallel()
	mail := fallback.Mail{Subject: "Your code", Text: capillaryText}
	both := fallback.Mail{Subject: "Your code", Text: capillaryText, HTML: "<p>4821</p>"}
	for name, tc := range map[string]struct {
		leg     func(senders.Capillary) fallback.Leg
		channel fallback.Channel
		content fallback.Content
		want    capillarytest.Accepted
	}{
		"SMS": {
			func(c senders.Capillary) fallback.Leg { return c.SMS("ACME") }, fallback.SMS, fallback.Text(capillaryText),
			capillarytest.Accepted{SMS: []capillary.SMS{{To: "919812345678", Body: capillaryText, Sender: "ACME"}}},
		},
		"WhatsApp": {
			senders.Capillary.WhatsApp, fallback.WhatsApp, fallback.Text(capillaryText),
			capillarytest.Accepted{WhatsApp: []capillary.WhatsApp{{Receiver: "919812345678", Template: capillaryText}}},
		},
		"Zalo": {
			senders.Capillary.Zalo, fallback.Zalo, fallback.Text(capillaryText),
			capillarytest.Accepted{Zalo: []capillary.Zalo{{Receiver: "919812345678", Template: capillaryText}}},
		},
		"Email": {
			func(c senders.Capillary) fallback.Leg { return c.Email("acme@example.com") }, fallback.Email, mail,
			capillarytest.Accepted{Emails: []capillary.Email{{
				To: capillaryMail, From: "acme@example.com", Subject: "Your code", Body: capillaryText,
			}}},
		},
		"Email in HTML": {
			func(c senders.Capillary) fallback.Leg { return c.Email("acme@example.com") }, fallback.Email, both,
			capillarytest.Accepted{Emails: []capillary.Email{{
				To: capillaryMail, From: "acme@example.com", Subject: "Your code", Body: "<p>4821</p>",
			}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, opts := range [][]capillary.Option{nil, {capillary.WithXML()}} {
				srv := capillaryServer(t)
				leg := tc.leg(senders.Capillary{Client: srv.Client(opts...)})
				assert.Equal(t, tc.channel, leg.Channel)
				assert.Equal(t, "capillary", leg.Provider)
				s := capillarySubmission(tc.channel, tc.content)
				require.NoError(t, capillaryAs[interface{ Validate() error }](t, leg.Sender).Validate())
				require.NoError(t, capillaryAs[fallback.Checker](t, leg.Sender).Check(s))
				ack, err := leg.Sender.Send(t.Context(), s)
				require.NoError(t, err)
				assert.Equal(t, tc.channel == fallback.SMS && opts != nil, ack.ID != "")
				assert.Equal(t, tc.want, srv.Accepted())
			}
		})
	}
}

// TestCapillaryPromises: what its legs can do, and what they cannot be taken for.
func TestCapillaryPromises(t *testing.T) {
	t.Parallel()
	c := senders.Capillary{Name: "capillary-sea"}
	if _, ok := any(c).(delivery.Source); ok {
		t.Error("there are no receipts to read")
	}
	for _, leg := range []fallback.Leg{c.SMS("x"), c.Email("x"), c.WhatsApp(), c.Zalo()} {
		assert.Equal(t, "capillary-sea", leg.Provider)
		assert.Equal(t, delivery.Caps{MaxBatch: 1}, capillaryAs[delivery.Limits](t, leg.Sender).Limits())
		_, batches := leg.Sender.(delivery.Batcher)
		_, revokes := leg.Sender.(delivery.Revoker)
		_, finds := leg.Sender.(delivery.Finder)
		assert.False(t, batches || revokes || finds)
		require.Error(t, capillaryAs[interface{ Validate() error }](t, leg.Sender).Validate(), "no client")
		_, err := leg.Sender.Send(t.Context(), capillarySubmission(leg.Channel, fallback.Text("x")))
		require.ErrorIs(t, err, fallback.ErrInvalidRequest)
	}
}

// TestCapillaryEmailFrom: an e-mail needs a sender, from the leg or its hook.
func TestCapillaryEmailFrom(t *testing.T) {
	t.Parallel()
	srv := capillaryServer(t)
	c := senders.Capillary{Client: srv.Client()}
	err := capillaryAs[interface{ Validate() error }](t, c.Email("").Sender).Validate()
	require.ErrorIs(t, err, fallback.ErrInvalidRequest)
	s := capillarySubmission(fallback.Email, fallback.Mail{Subject: "s", Text: "x"})
	require.ErrorIs(t, capillaryAs[fallback.Checker](t, c.Email("").Sender).Check(s), fallback.ErrInvalidRequest)

	c.EditEmail = func(m *capillary.Email, _ fallback.Submission) { m.From = "hook@example.com" }
	leg := c.Email("")
	require.NoError(t, capillaryAs[interface{ Validate() error }](t, leg.Sender).Validate())
	_, err = leg.Sender.Send(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "hook@example.com", srv.Accepted().Emails[0].From)
}

// TestCapillaryRoutes: its legs stand in a route that waits for receipts only
// when acceptance is enough.
func TestCapillaryRoutes(t *testing.T) {
	t.Parallel()
	leg := senders.Capillary{Client: capillaryServer(t).Client()}.SMS("ACME")
	require.ErrorContains(t, delivery.Route{{Try: leg, Within: time.Minute}}.Validate(), "no receipt")
	require.ErrorContains(t, delivery.Route{{Try: leg, Until: delivery.Read}}.Validate(), "no receipt")
	require.NoError(t, delivery.Route{{Try: leg, Until: delivery.Accepted}}.Validate())
}

// TestCapillaryContent: what a channel cannot show is refused without a call.
func TestCapillaryContent(t *testing.T) {
	t.Parallel()
	srv := capillaryServer(t)
	c := senders.Capillary{Client: srv.Client()}
	template := fallback.Template{Name: "otp", Args: []string{capillaryText}}
	for _, tc := range []struct {
		leg     fallback.Leg
		content fallback.Content
	}{
		{c.SMS(""), template},
		{c.SMS(""), fallback.Mail{Subject: "s", Text: capillaryText}},
		{c.SMS(""), nil},
		{c.SMS(""), fallback.Text("")},
		{c.WhatsApp(), fallback.Text("")},
		{c.Zalo(), fallback.Text("")},
		{c.WhatsApp(), template},
		{c.WhatsApp(), nil},
		{c.Zalo(), template},
		{c.Zalo(), fallback.Mail{}},
		{c.Email("a@example.com"), fallback.Text(capillaryText)},
		{c.Email("a@example.com"), template},
		{c.Email("a@example.com"), fallback.Mail{Text: capillaryText}},
		{c.Email("a@example.com"), fallback.Mail{Subject: capillaryText}},
	} {
		s := capillarySubmission(tc.leg.Channel, tc.content)
		check := capillaryAs[fallback.Checker](t, tc.leg.Sender).Check(s)
		require.ErrorIs(t, check, fallback.ErrInvalidRequest)
		testutil.NoLeak(t, check, capillaryPhone[1:], capillaryMail, capillaryText)
		_, err := tc.leg.Sender.Send(t.Context(), s)
		require.ErrorIs(t, err, fallback.ErrInvalidRequest)
	}
	assert.Empty(t, srv.Requests())
}

// TestCapillaryEdit: the hooks have the last word.
func TestCapillaryEdit(t *testing.T) {
	t.Parallel()
	srv := capillaryServer(t)
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	c := senders.Capillary{
		Client:  srv.Client(),
		EditSMS: func(m *capillary.SMS, s fallback.Submission) { m.Sender, m.Body = "OTHER", m.Body+" "+s.Ref },
		EditEmail: func(m *capillary.Email, _ fallback.Submission) {
			m.Subject, m.CC = "Set here", []string{"cc@example.com"}
		},
		EditWhatsApp: func(m *capillary.WhatsApp, _ fallback.Submission) { m.ScheduledTime = at },
		EditZalo:     func(m *capillary.Zalo, _ fallback.Submission) { m.Template = "edited" },
	}
	for _, tc := range []struct {
		leg     fallback.Leg
		content fallback.Content
	}{
		{c.SMS("ACME"), fallback.Text("x")},
		{c.Email("a@example.com"), fallback.Mail{Text: "x"}},
		{c.WhatsApp(), fallback.Text("x")},
		{c.Zalo(), fallback.Text("x")},
	} {
		_, err := tc.leg.Sender.Send(t.Context(), capillarySubmission(tc.leg.Channel, tc.content))
		require.NoError(t, err)
	}
	got := srv.Accepted()
	assert.Equal(t, []capillary.SMS{{To: "919812345678", Body: "x 7ZK2-sms-0", Sender: "OTHER"}}, got.SMS)
	assert.Equal(t, "Set here", got.Emails[0].Subject)
	assert.Equal(t, []string{"cc@example.com"}, got.Emails[0].CC)
	assert.True(t, got.WhatsApp[0].ScheduledTime.Equal(at))
	assert.Equal(t, "edited", got.Zalo[0].Template)
}

// TestCapillaryFailures: an error keeps what it is, and a leg never waits.
func TestCapillaryFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer capillarytest.Answer
		token  bool
		want   error
	}{
		"rate limited":    {capillarytest.RateLimited(time.Second), false, fallback.ErrRateLimited},
		"refused":         {capillarytest.Refuse(http.StatusBadRequest, capillary.CodeNoMessage), false, fallback.ErrInvalidRequest},
		"no access":       {capillarytest.Refuse(http.StatusForbidden, capillary.CodeNotAuthorized), false, fallback.ErrForbidden},
		"lost answer":     {capillarytest.LoseAnswer(), false, fallback.ErrMaybeAccepted},
		"gateway":         {capillarytest.HTML(http.StatusBadGateway), false, fallback.ErrMaybeAccepted},
		"no token":        {capillarytest.Refuse(http.StatusUnauthorized, capillary.CodeAuthenticationFailed), true, fallback.ErrUnauthorized},
		"token endpoint":  {capillarytest.CloseAfterReading(), true, fallback.ErrUnavailable},
		"many for tokens": {capillarytest.RateLimited(time.Second), true, fallback.ErrRateLimited},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := capillaryServer(t)
			if tc.token {
				srv.NextToken(tc.answer, tc.answer, tc.answer)
			} else {
				srv.Next(tc.answer)
			}
			leg := senders.Capillary{Client: srv.Client()}.SMS("ACME")
			_, err := leg.Sender.Send(t.Context(), capillarySubmission(fallback.SMS, fallback.Text(capillaryText)))
			require.ErrorIs(t, err, tc.want)
			if errors.Is(tc.want, fallback.ErrRateLimited) {
				calls := 2 // for a token, and the message
				if tc.token {
					calls = 1
				}
				assert.Len(t, srv.Requests(), calls, "the route waits, not its legs")
			}
			assert.Equal(t, tc.want == fallback.ErrMaybeAccepted, errors.Is(err, fallback.ErrMaybeAccepted)) //nolint:errorlint // the very value
			testutil.NoLeak(t, err, capillaryPhone[1:], capillaryText, capillarytest.Key, capillarytest.Secret)
		})
	}
	srv := capillaryServer(t)
	leg := senders.Capillary{Client: srv.Client()}.SMS("ACME")
	s := capillarySubmission(fallback.SMS, fallback.Text("x"))
	s.To = "nobody"
	_, err := leg.Sender.Send(t.Context(), s)
	require.ErrorIs(t, err, fallback.ErrInvalidRecipient)
	assert.Empty(t, srv.Requests())
}
