package capillary_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
)

func TestResend(t *testing.T) {
	t.Parallel()
	s := newStub()
	const answer = `{"orgId":100737,"undeliveredMessageId":1746061653596,"resentMessageId":1746061699999,"warnings":[{"code":1,"message":"w"}]}`
	s.RegisterResponder(http.MethodPost, resendURL, httpmock.NewStringResponder(http.StatusOK, answer).HeaderSet(http.Header{"X-Cap-Request-Id": {"r-1"}}))
	res, err := s.client(t, capillary.WithXML()).Resend(t.Context(), capillary.ResendRequest{MessageID: "1746061653596"})
	require.NoError(t, err)
	assert.Equal(t, &capillary.ResendResponse{
		OrgID: "100737", UndeliveredMessageID: "1746061653596", ResentMessageID: "1746061699999",
		Warnings: []capillary.Issue{{Code: 1, Message: "w"}}, RequestID: "r-1", Attempts: 1, Raw: jsonRaw(answer),
	}, res)
	req, body := s.last(t)
	assert.Equal(t, `{"messageId":1746061653596}`, body)
	assert.Equal(t, []string{"application/json"}, req.Header["Content-Type"])
	assert.Equal(t, []string{"application/json"}, req.Header["Accept"])
}

func TestResendOutcomes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   error
		code   capillary.Code
		decode bool
	}{
		"not found":      {400, `{"errors":[{"status":false,"message":"Message not found for messageId: 1746061653596","code":4223}]}`, capillary.ErrInvalidRequest, 4223, false},
		"not found, 200": {200, `{"errors":[{"status":false,"message":"Message not found for messageId: 1746061653596","code":4223}]}`, capillary.ErrInvalidRequest, 4223, false},
		"invalid":        {400, `{"warnings":[],"errors":[{"status":false,"code":400,"message":"Input is invalid"}]}`, capillary.ErrInvalidRequest, 400, false},
		"failed inside":  {200, `{"status":{"success":false,"code":500}}`, capillary.ErrInvalidRequest, 500, false},
		"no new id":      {200, `{"orgId":1}`, capillary.ErrMaybeAccepted, 0, true},
		"id and error":   {200, `{"resentMessageId":1,"errors":[{"code":4223}]}`, capillary.ErrMaybeAccepted, 4223, true},
		"id, but failed": {200, `{"status":{"success":false,"code":500},"resentMessageId":1746061653599}`, capillary.ErrMaybeAccepted, 500, true},
		"id is false":    {200, `{"resentMessageId":false}`, capillary.ErrMaybeAccepted, 0, true},
		"id is 0":        {200, `{"resentMessageId":0}`, capillary.ErrMaybeAccepted, 0, true},
		"id is a word":   {200, `{"resentMessageId":"none"}`, capillary.ErrMaybeAccepted, 0, true},
		"id, HTTP 400":   {400, `{"resentMessageId":17,"errors":[{"code":4223}]}`, capillary.ErrMaybeAccepted, 4223, true},
		"id, HTTP 429":   {429, `{"resentMessageId":17}`, capillary.ErrMaybeAccepted, 0, true},
		"taken, 400":     {400, `{"status":{"success":true,"code":201}}`, capillary.ErrMaybeAccepted, 201, false},
		"not JSON":       {200, `<html></html>`, capillary.ErrMaybeAccepted, 0, true},
		"server":         {500, ``, capillary.ErrMaybeAccepted, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStub()
			s.RegisterResponder(http.MethodPost, resendURL, httpmock.NewStringResponder(tc.status, tc.body))
			_, err := s.client(t).Resend(t.Context(), capillary.ResendRequest{MessageID: "1746061653596"})
			require.ErrorIs(t, err, tc.kind)
			e, _ := errors.AsType[*capillary.Error](err)
			assert.Equal(t, tc.code, e.Code)
			assert.Equal(t, "Resend", e.Op)
			assert.False(t, e.Partial)
			assert.Equal(t, tc.decode, errors.Is(err, capillary.ErrDecode))
			assert.Equal(t, 1, s.count())
			assert.NotContains(t, err.Error(), "1746061653596")
			noLeak(t, err)
		})
	}
}
