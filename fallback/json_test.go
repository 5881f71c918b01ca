package fallback_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// A message can be queued as JSON: what is read is what was written.
func TestMessageJSON(t *testing.T) {
	t.Parallel()
	full := fallback.Message{
		Key: "order-1", Class: fallback.Promotional, Text: "hello", AtMostOnce: true, Deadline: time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC),
		To: fallback.Recipient{Phone: "+919812345678", Email: "asha@example.com", Other: map[fallback.Channel]string{"telegram": "4711"}, Only: []fallback.Channel{fallback.SMS}, Zone: "Asia/Kolkata"},
		Content: fallback.Contents{
			fallback.SMS: fallback.Text(""), fallback.RCS: fallback.Template{Name: "card", Vars: map[string]string{"A": "1"}},
			fallback.WhatsApp: fallback.Template{}, fallback.Email: fallback.Mail{Subject: "s", HTML: "<p>"},
		},
	}
	for name, m := range map[string]fallback.Message{"empty": {}, "full": full, "no channel": {Content: fallback.Contents{}}} {
		b, err := json.Marshal(m)
		require.NoError(t, err, name)
		var got fallback.Message
		require.NoError(t, json.Unmarshal(b, &got), name)
		if len(m.Content) == 0 {
			m.Content = nil
		}
		assert.Equal(t, m, got, name)
	}
	b, err := json.Marshal(fallback.Message{Class: fallback.OTP, Content: fallback.Contents{fallback.SMS: fallback.Text("x"), fallback.RCS: nil}})
	require.NoError(t, err)
	assert.JSONEq(t, `{"class":"otp","to":{},"content":{"sms":{"text":"x"}}}`, string(b))

	for name, m := range map[string]fallback.Message{
		"a pointer": {Content: fallback.Contents{fallback.SMS: &fallback.Mail{}}}, "no class": {Class: 9},
	} {
		_, err := json.Marshal(m)
		require.Error(t, err, name)
	}
	for _, s := range []string{`{"class":"urgent"}`, `{"content":{"sms":{}}}`, `{"content":{"sms":"x"}}`, `{"content":{"sms":{"text":1}}}`, `{"content":[]}`} {
		require.Error(t, json.Unmarshal([]byte(s), new(fallback.Message)), s)
	}
	var none fallback.Message
	require.NoError(t, json.Unmarshal([]byte(`{"content":null}`), &none))
	assert.Nil(t, none.Content)
}

func FuzzContents(f *testing.F) {
	f.Add([]byte(`{"sms":{"text":"x"},"rcs":{"template":{"name":"a"}},"email":{"mail":{"subject":"s"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c, again fallback.Contents
		if json.Unmarshal(b, &c) != nil {
			return
		}
		out, err := json.Marshal(c)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(out, &again))
		if len(c) > 0 || len(again) > 0 {
			assert.Equal(t, c, again)
		}
	})
}

// Legs that were passed over say nothing of the message, unless there are no
// others.
func TestErrorOfPassedOver(t *testing.T) {
	t.Parallel()
	down := fallbacktest.Refusing(fallback.ErrUnavailable)
	m := fallback.Message{To: fallback.Recipient{Phone: "+919812345678"}, Text: "x"}
	_, err := fallback.Route{down.On(fallback.Email), down.On(fallback.SMS)}.Send(t.Context(), m)
	require.ErrorIs(t, err, fallback.ErrUnavailable)
	require.NotErrorIs(t, err, fallback.ErrInvalidRecipient)
	_, err = fallback.Route{down.On(fallback.Email)}.Send(t.Context(), m)
	require.ErrorIs(t, err, fallback.ErrInvalidRecipient)
	_, ok := errors.AsType[*fallback.Error](err)
	assert.True(t, ok)
}

func TestResultLogValue(t *testing.T) {
	t.Parallel()
	res, err := fallback.Route{fallbacktest.Accepting().On(fallback.SMS)}.Send(t.Context(), fallback.Message{
		Key: "order-1", To: fallback.Recipient{Phone: "+919812345678"}, Text: "4821",
	})
	require.NoError(t, err)
	got := res.LogValue().String()
	assert.NotContains(t, got, "9812345678")
	for _, want := range []string{"order-1", "accepted", "sms", "attempts=1"} {
		assert.Contains(t, got, want)
	}
}
