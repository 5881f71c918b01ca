package capillary_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/capillary/capillarytest"
)

// TestFaults: whatever goes wrong on the way, a message that may have been
// taken is not sent again.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer capillarytest.Answer
		kind   error
		status int
		taken  int
	}{
		"hang":                 {capillarytest.Hang(), capillary.ErrMaybeAccepted, 0, 0},
		"close before reading": {capillarytest.CloseBeforeReading(), capillary.ErrMaybeAccepted, 0, 0},
		"close after reading":  {capillarytest.CloseAfterReading(), capillary.ErrMaybeAccepted, 0, 0},
		"lost answer":          {capillarytest.LoseAnswer(), capillary.ErrMaybeAccepted, 0, 1},
		"truncated":            {capillarytest.Truncate(), capillary.ErrMaybeAccepted, 200, 1},
		"huge":                 {capillarytest.Huge(200, 11<<20), capillary.ErrMaybeAccepted, 200, 0},
		"huge error":           {capillarytest.Huge(400, 1<<20), capillary.ErrInvalidRequest, 400, 0},
		"gateway":              {capillarytest.HTML(502), capillary.ErrMaybeAccepted, 502, 0},
		"gateway refuses":      {capillarytest.HTML(403), capillary.ErrForbidden, 403, 0},
		"redirect":             {capillarytest.Respond(307, "text/html", "", "Location", "https://elsewhere.example/"+testSecret), capillary.ErrUnavailable, 307, 0},
		"500":                  {capillarytest.Refuse(500, 500), capillary.ErrMaybeAccepted, 500, 0},
		"503":                  {capillarytest.Refuse(503, 503), capillary.ErrMaybeAccepted, 503, 0},
		"slow":                 {capillarytest.Slow(time.Minute), capillary.ErrMaybeAccepted, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := capillarytest.NewServer()
			defer srv.Close()
			srv.Next(tc.answer)
			var log bytes.Buffer
			logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			_, err := srv.BasicClient(capillary.WithTimeout(time.Second), capillary.WithLogger(logger)).SendSMS(t.Context(), oneSMS())
			require.ErrorIs(t, err, tc.kind)
			e, ok := errors.AsType[*capillary.Error](err)
			require.True(t, ok)
			assert.Equal(t, 1, e.Attempts)
			assert.Equal(t, tc.status, e.StatusCode)
			assert.Len(t, srv.Requests(), 1)
			assert.Len(t, srv.Accepted().SMS, tc.taken)
			noLeak(t, err)
			for _, secret := range append([]string{capillarytest.Password}, allSecrets...) {
				assert.NotContains(t, log.String(), secret)
			}
			assert.Contains(t, log.String(), "/v1.1/communications/sendMessage")
		})
	}
}

// TestRetries: what provably was not accepted is tried again.
func TestRetries(t *testing.T) {
	t.Parallel()
	const busy = "HttpStatusCode=503 errorMessage=x errorCode=4001"
	for name, tc := range map[string]struct {
		status int
		body   string
		retry  time.Duration // Retry-After
		tries  int
		kind   error
	}{
		"429":             {429, "", 2 * time.Second, 3, capillary.ErrRateLimited},
		"429, too long":   {429, "", time.Hour, 1, capillary.ErrRateLimited},
		"503 and 4001":    {503, busy, 0, 3, capillary.ErrUnavailable},
		"as JSON":         {503, `{"errors":[{"status":false,"code":4001,"message":"x"}]}`, 0, 3, capillary.ErrUnavailable},
		"in the status":   {503, `{"status":{"success":false,"code":"4001"}}`, 0, 3, capillary.ErrUnavailable},
		"as XML":          {503, `<response><status><success>false</success><code>4001</code></status></response>`, 0, 3, capillary.ErrUnavailable},
		"but 500":         {500, busy, 0, 1, capillary.ErrMaybeAccepted},
		"each message":    {503, smsAnswer(`"success":false,"code":500`, `{"errors":[{"code":4001}]}`), 0, 3, capillary.ErrUnavailable},
		"but some taken":  {503, smsAnswer(`"count":2,"successCount":1,"code":201,"success":false`, goodItem+`,{"errors":[{"code":4001}]}`), 0, 1, capillary.ErrMaybeAccepted},
		"but perhaps":     {503, smsAnswer(`"count":2,"successCount":0,"code":500,"success":false`, goodItem+`,{"errors":[{"code":4001}]}`), 0, 1, capillary.ErrMaybeAccepted},
		"no reason there": {503, smsAnswer(`"success":false,"code":4001`, goodItem), 0, 1, capillary.ErrUnavailable},
		"429, some taken": {429, smsAnswer(`"count":2,"successCount":1,"code":201,"success":false`, goodItem+`,{"errors":[{"code":1}]}`), 0, 1, capillary.ErrMaybeAccepted},
		"429, all taken":  {429, smsAnswer(allWell, goodItem), 0, 1, capillary.ErrMaybeAccepted},
		"429, none taken": {429, smsAnswer(`"success":false,"code":500,"successCount":0`, badItem), 0, 3, capillary.ErrRateLimited},
		"but other 503":   {503, `{"errors":[{"code":503}]}`, 0, 1, capillary.ErrMaybeAccepted},
		"not a message":   {503, `4001`, 0, 1, capillary.ErrMaybeAccepted},
		"a success, 4001": {503, `{"status":{"success":true,"code":4001}}`, 0, 1, capillary.ErrMaybeAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStub()
				s.RegisterResponder(http.MethodPost, `=~^`+sendURL, func(*http.Request) (*http.Response, error) {
					resp := httpmock.NewStringResponse(tc.status, tc.body)
					if tc.retry > 0 {
						resp.Header.Set("Retry-After", time.Now().Add(tc.retry).UTC().Format(http.TimeFormat))
					}
					return resp, nil
				})
				_, err := s.client(t).SendSMS(t.Context(), oneSMS())
				require.ErrorIs(t, err, tc.kind)
				assert.Equal(t, tc.tries, s.count())
				e, _ := errors.AsType[*capillary.Error](err)
				assert.Equal(t, tc.tries, e.Attempts)
				assert.Equal(t, tc.retry, e.RetryAfter)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := newStub()
		s.RegisterResponder(http.MethodPost, `=~^`+sendURL,
			httpmock.NewStringResponder(503, busy).Then(httpmock.NewStringResponder(200, sentAnswer)))
		res, err := s.client(t).SendSMS(t.Context(), oneSMS())
		require.NoError(t, err)
		assert.Equal(t, 2, res.Attempts)
	})
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	s := newStub()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.client(t).SendSMS(ctx, oneSMS())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, capillary.ErrUnavailable)
	assert.Zero(t, s.count())
}
