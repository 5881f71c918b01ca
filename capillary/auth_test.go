package capillary_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/capillary/capillarytest"
	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// withToken answers requests for tokens with an answer.
func (s *stub) withToken(status int, body string) *stub {
	s.RegisterResponder(http.MethodPost, tokenURL, httpmock.NewStringResponder(status, body))
	return s
}

func TestOAuth(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", sentAnswer).withToken(http.StatusOK, tokenAnswer)
	c := s.with(t, capillary.OAuth(testKey, testSecret), capillary.WithAttribution(capillary.EntityStoreCode, "store 7"), capillary.WithXML())
	for range 3 {
		_, err := c.SendZalo(t.Context(), pageZalo)
		require.NoError(t, err)
	}
	require.Equal(t, 4, s.count(), "one token for three calls")

	token := s.requests[0]
	assert.Equal(t, tokenURL, token.URL.String())
	assert.Equal(t, `{"key":"`+testKey+`","secret":"`+testSecret+`"}`, s.bodies[0])
	assert.Equal(t, "application/json", token.Header.Get("Content-Type"))
	assert.Equal(t, "application/json", token.Header.Get("Accept"))
	assert.NotContains(t, token.Header, "Authorization")
	assert.NotContains(t, token.Header, "X-Cap-Api-Attribution-Entity-Type")

	for _, call := range s.requests[1:] {
		assert.Equal(t, []string{testToken}, call.Header["X-Cap-Api-Oauth-Token"])
		assert.Equal(t, []string{"STORE_CODE"}, call.Header["X-Cap-Api-Attribution-Entity-Type"])
		assert.Equal(t, []string{"store 7"}, call.Header["X-Cap-Api-Attribution-Entity-Code"])
		assert.NotContains(t, call.Header, "Authorization")
	}
	testutil.NoLeak(t, c, allSecrets...)

	c = s.with(t, capillary.OAuth(testKey, testSecret), capillary.WithTokenHeader("CAP-API-ACCESS-TOKEN"), capillary.WithUserAgent("acme-shop/1.4"))
	_, err := c.SendSMS(t.Context(), oneSMS())
	require.NoError(t, err)
	call, _ := s.last(t)
	assert.Equal(t, testToken, call.Header.Get("CAP-API-ACCESS-TOKEN"))
	assert.NotContains(t, call.Header, "X-Cap-Api-Oauth-Token")
	assert.Regexp(t, `^acme-shop/1\.4 cpaas-go/`, call.Header.Get("User-Agent"))
	assert.NotContains(t, call.Header, "X-Cap-Api-Attribution-Entity-Type")
}

func TestBasicHash(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", sentAnswer)
	_, err := s.with(t, capillary.BasicHash("store.server", "8a16a6b70505eb1f1ff7cdc0cd5559a7")).SendSMS(t.Context(), oneSMS())
	require.NoError(t, err)
	req, _ := s.last(t)
	assert.Equal(t, "Basic c3RvcmUuc2VydmVyOjhhMTZhNmI3MDUwNWViMWYxZmY3Y2RjMGNkNTU1OWE3", req.Header.Get("Authorization"))
}

// TestTokenIsReplacedEarly: a tenth of its life, but no more than a minute,
// before its end.
func TestTokenIsReplacedEarly(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ttl         string
		still, then time.Duration // a token is still good after one, and replaced after the other; 0: never
	}{
		"the sample's":   {"300", 269 * time.Second, 271 * time.Second},
		"an hour":        {"3600", 3539 * time.Second, 3541 * time.Second},
		"text":           {`"60"`, 53 * time.Second, 55 * time.Second},
		"not said":       {"null", 1000 * time.Hour, 0},
		"nonsense":       {"-5", 1000 * time.Hour, 0},
		"beyond reason":  {"2000000000", 719 * time.Hour, 720 * time.Hour},
		"hardly at all":  {"1", 800 * time.Millisecond, time.Second},
		"beyond numbers": {"9e99", 1000 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := answering(http.StatusOK, "application/json", sentAnswer).
					withToken(http.StatusOK, `{"data":{"accessToken":"t","ttlSeconds":`+tc.ttl+`},"errors":null}`)
				c := s.with(t, capillary.OAuth(testKey, testSecret))
				start := time.Now()
				send := func() {
					_, err := c.SendSMS(t.Context(), oneSMS())
					require.NoError(t, err)
				}
				send()
				time.Sleep(tc.still)
				send()
				assert.Equal(t, 1, s.GetCallCountInfo()["POST "+tokenURL])
				if tc.then > 0 {
					time.Sleep(tc.then - time.Since(start))
					send()
					assert.Equal(t, 2, s.GetCallCountInfo()["POST "+tokenURL])
				}
			})
		})
	}
}

// TestRevokedToken: a 401 has another token fetched, once.
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	srv := capillarytest.NewServer()
	defer srv.Close()
	c := srv.Client(capillary.WithMaxRetries(0))
	_, err := c.SendSMS(t.Context(), oneSMS())
	require.NoError(t, err)
	srv.RevokeTokens()
	res, err := c.SendSMS(t.Context(), oneSMS())
	require.NoError(t, err)
	assert.Equal(t, 2, res.Attempts)
	assert.Equal(t, 2, srv.TokensIssued())
	assert.Len(t, srv.Accepted().SMS, 2)

	srv.Next(capillarytest.Refuse(http.StatusUnauthorized, capillary.CodeAuthenticationFailed),
		capillarytest.Refuse(http.StatusUnauthorized, capillary.CodeAuthenticationFailed))
	_, err = c.SendSMS(t.Context(), oneSMS())
	require.ErrorIs(t, err, capillary.ErrUnauthorized)
	e, _ := errors.AsType[*capillary.Error](err)
	assert.Equal(t, 2, e.Attempts, "once more, no oftener")
	assert.Equal(t, 3, srv.TokensIssued())

	basic := srv.BasicClient()
	srv.Next(capillarytest.Refuse(http.StatusUnauthorized, capillary.CodeAuthenticationFailed))
	_, err = basic.SendSMS(t.Context(), oneSMS())
	require.ErrorIs(t, err, capillary.ErrUnauthorized)
	e, _ = errors.AsType[*capillary.Error](err)
	assert.Equal(t, 1, e.Attempts, "a password stays wrong")
}

// TestRevokedTokenInside: a 401 inside another answer is as good as one.
func TestRevokedTokenInside(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusBadRequest} {
		srv := capillarytest.NewServer()
		t.Cleanup(srv.Close)
		c := srv.Client(capillary.WithMaxRetries(0))
		refusal := capillarytest.Refuse(status, capillary.CodeAuthenticationFailed)
		srv.Next(refusal)
		res, err := c.SendSMS(t.Context(), oneSMS())
		require.NoError(t, err)
		assert.Equal(t, 2, res.Attempts)
		assert.Equal(t, 2, srv.TokensIssued())

		srv.Next(capillarytest.Respond(status, "application/json", smsAnswer(`"success":false,"code":401`, goodItem)))
		_, err = c.SendSMS(t.Context(), oneSMS())
		require.ErrorIs(t, err, capillary.ErrUnauthorized)
		e, _ := errors.AsType[*capillary.Error](err)
		assert.Equal(t, 1, e.Attempts, "a message without errors is not sent again")

		srv.Next(refusal, refusal)
		_, err = c.SendSMS(t.Context(), oneSMS())
		require.ErrorIs(t, err, capillary.ErrUnauthorized)
		e, _ = errors.AsType[*capillary.Error](err)
		assert.Equal(t, 2, e.Attempts, "once more, no oftener")

		srv.Next(refusal)
		_, err = srv.BasicClient().SendSMS(t.Context(), oneSMS())
		require.ErrorIs(t, err, capillary.ErrUnauthorized)
		e, _ = errors.AsType[*capillary.Error](err)
		assert.Equal(t, 1, e.Attempts, "a password stays wrong")
	}
}

// TestRevokedTokenInsideForAll: many callers at once whose token is refused
// inside a 200 ask for one other.
func TestRevokedTokenInsideForAll(t *testing.T) {
	t.Parallel()
	const callers = 32
	s := newStub()
	var tokens, refusals atomic.Int64
	all := make(chan struct{})
	s.RegisterResponder(http.MethodPost, tokenURL, func(*http.Request) (*http.Response, error) {
		return httpmock.NewStringResponse(http.StatusOK, fmt.Sprintf(`{"data":{"accessToken":"token-%d","ttlSeconds":300}}`, tokens.Add(1))), nil
	})
	s.RegisterResponder(http.MethodPost, `=~^`+sendURL, func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("X-Cap-Api-Oauth-Token") != "token-1" {
			return httpmock.NewStringResponse(http.StatusOK, sentAnswer), nil
		}
		if refusals.Add(1) == callers { // they come one after the other only then
			close(all)
		}
		<-all
		return httpmock.NewStringResponse(http.StatusOK, `{"status":{"success":false,"code":401}}`), nil
	})
	c := s.with(t, capillary.OAuth(testKey, testSecret))
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			_, err := c.SendSMS(t.Context(), oneSMS())
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Equal(t, int64(2), tokens.Load())
}

// TestOneTokenForAll: many callers at once ask for one token, first and after
// it was revoked.
func TestOneTokenForAll(t *testing.T) {
	t.Parallel()
	srv := capillarytest.NewServer()
	defer srv.Close()
	c := srv.Client()
	srv.NextToken(capillarytest.Slow(50 * time.Millisecond))
	burst := func() {
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				_, err := c.SendSMS(t.Context(), oneSMS())
				assert.NoError(t, err)
			})
		}
		wg.Wait()
	}
	burst()
	assert.Equal(t, 1, srv.TokensIssued())
	srv.RevokeTokens()
	burst()
	assert.Equal(t, 2, srv.TokensIssued())
	assert.Len(t, srv.Accepted().SMS, 64)
}

// TestNoToken: what becomes of a message that no token could be had for. It
// was never sent, so it is never ErrMaybeAccepted.
func TestNoToken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   error
		decode bool
	}{
		"wrong key":        {401, `{"data":null,"errors":[{"status":false,"code":401,"message":"Failed for ` + testKey + ` ` + testSecret + `"}]}`, capillary.ErrUnauthorized, false},
		"wrong key, 400":   {400, `{"errors":{"code":1,"message":"` + testSecret + `"}}`, capillary.ErrUnauthorized, false},
		"wrong key, 200":   {200, `{"data":null,"errors":["Failed to generate"]}`, capillary.ErrUnauthorized, false},
		"no access":        {403, ``, capillary.ErrForbidden, false},
		"no such version":  {402, ``, capillary.ErrInvalidRequest, false},
		"no such resource": {404, `<html></html>`, capillary.ErrInvalidRequest, false},
		"too many":         {429, ``, capillary.ErrRateLimited, false},
		"broken server":    {500, `oops`, capillary.ErrUnavailable, false},
		"no token":         {200, `{"data":{"ttlSeconds":300},"errors":null}`, capillary.ErrUnavailable, true},
		"not JSON":         {200, `<html></html>`, capillary.ErrUnavailable, true},
		"half":             {200, tokenAnswer[:60], capillary.ErrUnavailable, true},
		"not for a header": {200, `{"data":{"accessToken":"a\nb","ttlSeconds":300}}`, capillary.ErrUnavailable, true},
		"not text":         {200, `{"data":{"accessToken":{},"ttlSeconds":300}}`, capillary.ErrUnavailable, true},
		"no connection":    {0, ``, capillary.ErrUnavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStub()
			if tc.status != 0 {
				s.withToken(tc.status, tc.body)
			} else {
				s.RegisterResponder(http.MethodPost, tokenURL, httpmock.NewErrorResponder(errors.New("reset by "+testSecret)))
			}
			_, err := s.with(t, capillary.OAuth(testKey, testSecret), capillary.WithMaxRetries(0)).SendSMS(t.Context(), oneSMS())
			require.ErrorIs(t, err, tc.kind)
			assert.NotErrorIs(t, err, capillary.ErrMaybeAccepted)
			assert.Equal(t, tc.decode, errors.Is(err, capillary.ErrDecode))
			assert.Zero(t, s.GetCallCountInfo()["POST =~^"+sendURL])
			e, ok := errors.AsType[*capillary.Error](err)
			require.True(t, ok)
			assert.Equal(t, "SendSMS", e.Op)
			token, ok := errors.AsType[*capillary.Error](e.Unwrap())
			require.True(t, ok)
			assert.Equal(t, "GenerateToken", token.Op)
			assert.Equal(t, tc.status, token.StatusCode)
			noLeak(t, err)
			noLeak(t, token)
		})
	}
}

// TestTokenRetry: getting a token may be repeated.
func TestTokenRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := answering(http.StatusOK, "application/json", sentAnswer)
		s.RegisterResponder(http.MethodPost, tokenURL,
			httpmock.NewStringResponder(http.StatusBadGateway, "").Times(2).Then(httpmock.NewStringResponder(http.StatusOK, tokenAnswer)))
		res, err := s.with(t, capillary.OAuth(testKey, testSecret)).SendSMS(t.Context(), oneSMS())
		require.NoError(t, err)
		assert.Equal(t, 1, res.Attempts)
	})
}

// TestTokenRateLimited: how long to wait reaches the caller.
func TestTokenRateLimited(t *testing.T) {
	t.Parallel()
	srv := capillarytest.NewServer()
	defer srv.Close()
	srv.NextToken(capillarytest.RateLimited(20 * time.Second))
	_, err := srv.Client().SendSMS(t.Context(), oneSMS())
	require.ErrorIs(t, err, capillary.ErrRateLimited)
	e, _ := errors.AsType[*capillary.Error](err)
	assert.Equal(t, 20*time.Second, e.RetryDelay())
}

// TestOwnLimitLeavesTokensAlone: the caller's rate limit is for messages.
func TestOwnLimitLeavesTokensAlone(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, "application/json", sentAnswer).withToken(http.StatusOK, tokenAnswer)
	c := s.with(t, capillary.OAuth(testKey, testSecret), capillary.WithRateLimit(0.001, 1))
	_, err := c.SendSMS(transport.NoWait(t.Context()), oneSMS())
	require.NoError(t, err)
	_, err = c.SendSMS(transport.NoWait(t.Context()), oneSMS())
	require.ErrorIs(t, err, capillary.ErrRateLimited)
}

// TestGivingUpOnAToken: a caller that stops waiting has sent nothing, and
// others go on.
func TestGivingUpOnAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := answering(http.StatusOK, "application/json", sentAnswer)
		s.RegisterResponder(http.MethodPost, tokenURL, httpmock.NewStringResponder(http.StatusOK, tokenAnswer).Delay(10*time.Second))
		c := s.with(t, capillary.OAuth(testKey, testSecret))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.SendSMS(ctx, oneSMS())
		require.ErrorIs(t, err, capillary.ErrUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, capillary.ErrMaybeAccepted)
		_, err = c.SendSMS(t.Context(), oneSMS())
		require.NoError(t, err)
		assert.Equal(t, 1, s.GetCallCountInfo()["POST "+tokenURL])
	})
}

// TestNoConnectionAfterToken: the connection that got the token does not count
// as one that the message may have gone out on.
func TestNoConnectionAfterToken(t *testing.T) {
	t.Parallel()
	srv := capillarytest.NewServer()
	defer srv.Close()
	var dials atomic.Int64
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) > 1 {
			return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("refused")}
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}
	_, err := srv.Client(capillary.WithHTTPClient(&http.Client{Transport: tr}), capillary.WithMaxRetries(0)).SendSMS(t.Context(), oneSMS())
	require.ErrorIs(t, err, capillary.ErrUnavailable)
	assert.NotErrorIs(t, err, capillary.ErrMaybeAccepted)
	assert.Equal(t, 1, srv.TokensIssued())
	assert.Equal(t, int64(2), dials.Load())
}
