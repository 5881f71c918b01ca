package webexconnect_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/webexconnect"
)

func TestNew(t *testing.T) {
	t.Parallel()
	for region, host := range map[webexconnect.Region]string{
		webexconnect.CA: "api.ca.webexconnect.io", webexconnect.EU: "api.eu.webexconnect.io", webexconnect.UK: "api.uk.webexconnect.io",
		webexconnect.US: "api.us.webexconnect.io", webexconnect.US1: "api.us1.webexconnect.io", webexconnect.IN: "api.in.webexconnect.io",
		webexconnect.AU: "api.au.webexconnect.io", webexconnect.LegacyCA: "api.imiconnect.ca", webexconnect.LegacyEMEA: "api.imiconnect.io",
		webexconnect.LegacyUK: "api.imiconnect.eu", webexconnect.LegacyUS: "api-us.imiconnect.io", webexconnect.LegacyUSAzure: "api.imiconnect.us",
		webexconnect.LegacyAPAC: "api.imiconnect.in", webexconnect.LegacyCOM: "api.imiconnect.com",
	} {
		c, err := webexconnect.New(region, webexconnect.ServiceKey(testKey))
		require.NoError(t, err)
		assert.Equal(t, "webexconnect.Client(https://"+host+")", c.String())
		testutil.NoLeak(t, c, testKey)
	}
	c, err := webexconnect.New("", webexconnect.ServiceKey(testKey), webexconnect.WithBaseURL("https://example.com/x/"), nil)
	require.NoError(t, err)
	assert.Equal(t, "webexconnect.Client(https://example.com/x)", fmt.Sprintf("%#v", c))
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := webexconnect.ServiceKey(testKey)
	secret := base64.StdEncoding.EncodeToString([]byte("secret"))
	for name, tt := range map[string]struct {
		region webexconnect.Region
		auth   webexconnect.Auth
		opt    webexconnect.Option
		want   string
	}{
		"no region":      {"", good, nil, "region"},
		"unknown region": {"mars", good, nil, "region"},
		"no auth":        {webexconnect.UK, webexconnect.Auth{}, nil, "credentials"},
		"empty key":      {webexconnect.UK, webexconnect.ServiceKey(""), nil, "service key"},
		"key with break": {webexconnect.UK, webexconnect.ServiceKey(testKey + "\r\n"), nil, "service key"},
		"no service ID":  {webexconnect.UK, webexconnect.JWT("", secret), nil, "service ID"},
		"bad service ID": {webexconnect.UK, webexconnect.JWT("\xff", secret), nil, "service ID"},
		"empty secret":   {webexconnect.UK, webexconnect.JWT("id", ""), nil, "service secret"},
		"bad secret":     {webexconnect.UK, webexconnect.JWT("id", testKey+"!"), nil, "service secret"},
		"base URL":       {webexconnect.UK, good, webexconnect.WithBaseURL("http://example.com"), "base URL"},
		"HTTP client":    {webexconnect.UK, good, webexconnect.WithHTTPClient(nil), "HTTP client"},
		"timeout":        {webexconnect.UK, good, webexconnect.WithTimeout(0), "timeout"},
		"retries":        {webexconnect.UK, good, webexconnect.WithMaxRetries(-1), "retries"},
		"rate limit":     {webexconnect.UK, good, webexconnect.WithRateLimit(0, 1), "rate limit"},
		"user agent":     {webexconnect.UK, good, webexconnect.WithUserAgent("\n"), "user agent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := webexconnect.New(tt.region, tt.auth, tt.opt)
			require.ErrorContains(t, err, tt.want)
			testutil.NoLeak(t, err, testKey)
		})
	}
}

func TestAuthPrintsNothing(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString([]byte(testKey))
	for _, auth := range []webexconnect.Auth{
		webexconnect.ServiceKey(testKey), webexconnect.JWT("id", secret), {},
	} {
		testutil.NoLeak(t, auth, testKey, secret)
		testutil.NoLeak(t, struct{ auth webexconnect.Auth }{auth}, testKey, secret)
		testutil.NoLeak(t, &auth, testKey, secret)
	}
}

// TestJWT checks the token by hand, keeps it for 55 minutes, and makes
// another after a 401.
func TestJWT(t *testing.T) {
	t.Parallel()
	key := []byte{0xfb, 0xff, 0xfe, 1, 2} // needs the characters in which the alphabets differ
	for name, secret := range map[string]string{
		"standard": base64.StdEncoding.EncodeToString(key), "standard, not padded": base64.RawStdEncoding.EncodeToString(key),
		"URL": base64.URLEncoding.EncodeToString(key), "URL, not padded": base64.RawURLEncoding.EncodeToString(key),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := accepting()
				c, err := webexconnect.New(webexconnect.UK, webexconnect.JWT("service-1", secret),
					webexconnect.WithHTTPClient(&http.Client{Transport: s}))
				require.NoError(t, err)
				send := func() string {
					_, err := c.Send(t.Context(), sms())
					require.NoError(t, err)
					last := s.requests[len(s.requests)-1]
					assert.Empty(t, last.Header.Values("Key"))
					return last.Header.Get("Authorization")
				}
				begin := time.Now()
				first := send()
				token, ok := strings.CutPrefix(first, "Bearer ")
				require.True(t, ok)
				parts := strings.Split(token, ".")
				require.Len(t, parts, 3)
				mac := hmac.New(sha256.New, key)
				mac.Write([]byte(parts[0] + "." + parts[1]))
				assert.Equal(t, base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), parts[2])
				header, err := base64.RawURLEncoding.DecodeString(parts[0])
				require.NoError(t, err)
				assert.JSONEq(t, `{"alg":"HS256","typ":"JWT"}`, string(header))
				claims, err := base64.RawURLEncoding.DecodeString(parts[1])
				require.NoError(t, err)
				assert.JSONEq(t, fmt.Sprintf(`{"iss":"service-1","iat":%d}`, begin.Unix()), string(claims))

				time.Sleep(54 * time.Minute)
				assert.Equal(t, first, send(), "kept")
				time.Sleep(2 * time.Minute)
				second := send()
				assert.NotEqual(t, first, second, "renewed early")

				time.Sleep(time.Minute)
				s.mu.Lock()
				n := len(s.requests)
				s.answers = make([]stubAnswer, n+2)
				s.answers[n] = stubAnswer{status: http.StatusUnauthorized}
				s.answers[n+1] = stubAnswer{status: http.StatusOK, body: queued}
				s.mu.Unlock()
				third := send()
				assert.NotEqual(t, second, third, "made again after a 401")
				assert.Equal(t, n+2, s.calls())
			})
		})
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, string(testutil.Golden(t, "answer_queued.json")))
	s.answers[0].header = http.Header{"X-Request-Id": {"req-1"}}
	res, err := s.client(t).Send(t.Context(), sms())
	require.NoError(t, err)
	assert.Equal(t, "3f09295d-9eb3-4c9e-8ee8-a3272e5f00c1", res.TransID)
	assert.Equal(t, "req-1", res.RequestID)
	assert.Equal(t, 1, res.Attempts)
	assert.Equal(t, []webexconnect.Outcome{{Code: "1001", Description: "Queued", TransID: res.TransID}}, res.Outcomes)
	testutil.JSONEqual(t, testutil.Golden(t, "answer_queued.json"), res.Raw)
}

// TestAnswers is what each shape of answer comes to.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const noShape = "the answer does not say that the request was taken"
	for name, tt := range map[string]struct {
		status   int
		body     string
		want     error // nil: accepted
		also     error
		code     string
		message  string
		response bool
		outcomes int
	}{
		"array":              {status: 200, body: queued, response: true, outcomes: 1},
		"code as number":     {status: 200, body: `{"response":[{"code":1001,"transid":"t"}]}`, response: true, outcomes: 1},
		"object, accepted":   {status: 200, body: `{"response":{"code":"1001","transid":"t"}}`, response: true, outcomes: 1},
		"burst mode":         {status: 200, body: `{"response":[{"code":"1001","transid":"t","description":"Queued in burst mode"}]}`, response: true, outcomes: 1},
		"page: 7001":         {status: 200, body: string(testutil.Golden(t, "answer_7001.json")), want: webexconnect.ErrUnauthorized, code: "7001", message: "Authentication failed.", outcomes: 1},
		"page: 7000":         {status: 200, body: string(testutil.Golden(t, "answer_7000.json")), want: webexconnect.ErrInvalidRequest, code: "7000", message: "Invalid JSON", outcomes: 1},
		"number, no text":    {status: 200, body: `{"response":{"code":7102}}`, want: webexconnect.ErrInvalidRecipient, code: "7102", message: "invalid address", outcomes: 1},
		"array of a refusal": {status: 200, body: `{"response":[{"code":"9002","description":"no"}]}`, want: webexconnect.ErrOptedOut, code: "9002", message: "no", outcomes: 1},
		"frequency":          {status: 200, body: `{"response":[{"code":"9006"}]}`, want: webexconnect.ErrFrequencyCapped, code: "9006", message: "contact policy: frequency cap exceeded", outcomes: 1},
		"unknown code":       {status: 200, body: `{"response":[{"code":"7999","description":"?"}]}`, want: webexconnect.ErrInvalidRequest, code: "7999", message: "?", outcomes: 1},
		"internal error":     {status: 200, body: `{"response":{"code":"7006"}}`, want: webexconnect.ErrMaybeAccepted, code: "7006", message: "internal error", outcomes: 1},
		"mixed": {
			status: 200, body: `{"response":[{"code":"7102"},{"code":"1001","transid":"t"}]}`,
			want: webexconnect.ErrMaybeAccepted, code: "7102", message: "invalid address", response: true, outcomes: 2,
		},
		"mixed with throttled": {
			status: 200, body: `{"response":[{"code":"1001","transid":"t"},{"code":"7020"}]}`,
			want: webexconnect.ErrMaybeAccepted, code: "7020", message: "limit of transactions reached", response: true, outcomes: 2,
		},
		"all refused, opt-out first": {
			status: 200, body: `{"response":[{"code":"7004"},{"code":"9010"}]}`,
			want: webexconnect.ErrOptedOut, code: "9010", message: "contact policy: consent expired", outcomes: 2,
		},
		"no id":              {status: 200, body: `{"response":[{"code":"1001"}]}`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode, outcomes: 1},
		"one without id":     {status: 200, body: `{"response":[{"code":"1001","transid":"t"},{"code":"1001"}]}`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode, outcomes: 2},
		"empty":              {status: 200, body: ``, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode},
		"not JSON":           {status: 200, body: `<html>`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode},
		"no response":        {status: 200, body: `{}`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode},
		"null":               {status: 200, body: `{"response":null}`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode},
		"empty array":        {status: 200, body: `{"response":[]}`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode},
		"entry without code": {status: 200, body: `{"response":[{"code":"1001","transid":"t"},{}]}`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode},
		"strange entries":    {status: 200, body: `{"response":["1001"]}`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode},
		"400 with v2's body": {status: 400, body: `{"code":"7004","message":"Invalid parameter - x"}`, want: webexconnect.ErrInvalidRequest, code: "7004", message: "Invalid parameter - x", outcomes: 1},
		"401":                {status: 401, body: ``, want: webexconnect.ErrUnauthorized},
		"403":                {status: 403, body: `no`, want: webexconnect.ErrForbidden},
		"404":                {status: 404, body: `no`, want: webexconnect.ErrInvalidRequest},
		"500":                {status: 500, body: `no`, want: webexconnect.ErrMaybeAccepted},
		"503":                {status: 503, body: `no`, want: webexconnect.ErrMaybeAccepted},

		// What is not the vendor's, or has a status after which it may have been accepted.
		"gateway's 504":         {status: 504, body: `{"code":504,"message":"upstream timeout"}`, want: webexconnect.ErrMaybeAccepted},
		"gateway's 502":         {status: 502, body: `{"code":"BAD_GATEWAY"}`, want: webexconnect.ErrMaybeAccepted},
		"gateway's 401":         {status: 401, body: `{"code":401}`, want: webexconnect.ErrUnauthorized},
		"gateway's 403":         {status: 403, body: `{"code":403}`, want: webexconnect.ErrForbidden},
		"gateway's 200":         {status: 200, body: `{"code":200,"message":"OK"}`, want: webexconnect.ErrMaybeAccepted, also: webexconnect.ErrDecode},
		"500, unknown code":     {status: 500, body: `{"response":{"code":"7999"}}`, want: webexconnect.ErrMaybeAccepted, code: "7999", outcomes: 1},
		"500, a refusal":        {status: 500, body: `{"response":{"code":"7003"}}`, want: webexconnect.ErrMaybeAccepted, code: "7003", message: "mandatory parameter missing", outcomes: 1},
		"503, throttled":        {status: 503, body: `{"response":{"code":"7020"}}`, want: webexconnect.ErrMaybeAccepted, code: "7020", message: "limit of transactions reached", outcomes: 1},
		"408, a refusal":        {status: 408, body: `{"code":"7003"}`, want: webexconnect.ErrMaybeAccepted, code: "7003", message: "mandatory parameter missing", outcomes: 1},
		"403, unknown code":     {status: 403, body: `{"response":{"code":"7999"}}`, want: webexconnect.ErrForbidden, code: "7999", outcomes: 1},
		"403, a refusal":        {status: 403, body: `{"response":{"code":"7103"}}`, want: webexconnect.ErrInsufficientCredit, code: "7103", message: "not enough credits", outcomes: 1},
		"429, accepted":         {status: 429, body: `{"response":[{"code":"1001","transid":"t1"},{"code":"7020"}]}`, want: webexconnect.ErrMaybeAccepted, code: "7020", message: "limit of transactions reached", outcomes: 2},
		"429, perhaps accepted": {status: 429, body: `{"response":{"code":"7006"}}`, want: webexconnect.ErrMaybeAccepted, code: "7006", message: "internal error", outcomes: 1},
		"501, perhaps accepted": {status: 501, body: `{"response":{"code":"7006"}}`, want: webexconnect.ErrMaybeAccepted, code: "7006", message: "internal error", outcomes: 1},
		"500, accepted":         {status: 500, body: queued, want: webexconnect.ErrMaybeAccepted, outcomes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := answering(tt.status, tt.body)
			res, err := s.client(t).Send(t.Context(), sms())
			assert.Equal(t, tt.response, res != nil, "response")
			if tt.want == nil {
				require.NoError(t, err)
				assert.Equal(t, "t", res.TransID[:1])
				assert.Len(t, res.Outcomes, tt.outcomes)
				return
			}
			require.ErrorIs(t, err, tt.want)
			e, ok := errors.AsType[*webexconnect.Error](err)
			require.True(t, ok)
			if tt.also != nil {
				require.ErrorIs(t, err, tt.also)
				assert.Contains(t, err.Error(), noShape)
			}
			assert.Equal(t, tt.code, e.Code)
			assert.Equal(t, tt.message, e.Message)
			assert.Equal(t, tt.status, e.StatusCode)
			assert.Equal(t, "Send", e.Op)
			assert.Equal(t, 1, e.Attempts)
			assert.Len(t, e.Outcomes(), tt.outcomes)
			assert.Equal(t, tt.body, string(e.RawBody()))
			assert.Equal(t, 1, s.calls(), "never repeated")
			if res != nil {
				assert.Equal(t, e.Outcomes(), res.Outcomes)
			}
		})
	}
}

func TestOutcomesHaveTheirOwnErrors(t *testing.T) {
	t.Parallel()
	s := answering(http.StatusOK, `{"response":[
		{"code":"1001","transid":"a","correlationid":"c-0"},
		{"code":"9002","transid":"a_1","correlationid":"c-1","description":"no consent of +449000000009"},
		{"code":7107,"transid":"a_2"}]}`)
	res, err := s.client(t).SendBatch(t.Context(), []webexconnect.Request{sms(), sms()}) // fewer than outcomes
	require.ErrorIs(t, err, webexconnect.ErrMaybeAccepted)
	require.NotErrorIs(t, err, webexconnect.ErrOptedOut, "not all of it is")
	require.NotNil(t, res)
	assert.Equal(t, "a", res.TransID)
	require.Len(t, res.Outcomes, 3)
	require.NoError(t, res.Outcomes[0].Err)
	require.ErrorIs(t, res.Outcomes[1].Err, webexconnect.ErrOptedOut)
	require.ErrorIs(t, res.Outcomes[2].Err, webexconnect.ErrInvalidRequest)
	assert.Equal(t, "c-1", res.Outcomes[1].CorrelationID)
	testutil.NoLeak(t, err, testKey, testPhone)
	testutil.NoLeak(t, res.Outcomes[1].Err, testKey, testPhone)
}

// TestGravestRefusal: what an error says is about the gravest refusal, in
// whatever order they come.
func TestGravestRefusal(t *testing.T) {
	t.Parallel()
	const address, consent = `{"code":"7102","transid":"t","description":"invalid address"}`, `{"code":"9002","transid":"t_1","description":"no consent"}`
	for body, want := range map[string]string{
		address + "," + consent + `,{"code":"9010","transid":"t_2"}`: "recipient opted out: status 200, code 9002, request t_1: no consent",
		consent + "," + address: "recipient opted out: status 200, code 9002, request t_1: no consent",
		address + "," + consent + `,{"code":"1001","transid":"t_2"}`: "may have been accepted: status 200, code 9002, request t_1: no consent",
	} {
		_, err := answering(http.StatusOK, `{"response":[`+body+`]}`).client(t).Send(t.Context(), sms())
		require.EqualError(t, err, "webexconnect: Send: "+want)
		e, ok := errors.AsType[*webexconnect.Error](err)
		require.True(t, ok)
		require.GreaterOrEqual(t, len(e.Outcomes()), 2, "each of them")
	}
}

// TestShortAnswers: outcomes that are accepted, but not all that there are to
// be, are no success.
func TestShortAnswers(t *testing.T) {
	t.Parallel()
	const one = `{"code":"1001","transid":"t"}`
	two := sms()
	two.Destinations = append(two.Destinations, webexconnect.ToPhone("+449000000008"))
	for name, tt := range map[string]struct {
		requests []webexconnect.Request
		outcomes int
		good     bool
	}{
		"one of three":         {[]webexconnect.Request{sms(), sms(), sms()}, 1, false},
		"two of three":         {[]webexconnect.Request{sms(), sms(), sms()}, 2, false},
		"all":                  {[]webexconnect.Request{sms(), sms(), sms()}, 3, true},
		"one for each address": {[]webexconnect.Request{two, two}, 4, true},
		"three of four":        {[]webexconnect.Request{two, two}, 3, false},
		"too many":             {[]webexconnect.Request{sms()}, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := answering(http.StatusOK, `{"response":[`+strings.Join(slices.Repeat([]string{one}, tt.outcomes), ",")+`]}`)
			res, err := s.client(t).SendBatch(t.Context(), tt.requests)
			require.NotNil(t, res)
			assert.Len(t, res.Outcomes, tt.outcomes)
			assert.Equal(t, 1, s.calls())
			if tt.good {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, webexconnect.ErrMaybeAccepted)
			e, ok := errors.AsType[*webexconnect.Error](err)
			require.True(t, ok)
			assert.Equal(t, res.Outcomes, e.Outcomes())
			assert.Equal(t, 1, e.Attempts)
		})
	}
}

// TestJWTIsRenewed: the vendor refuses a token with status 200 and code 7001.
// One accepted outcome forbids another try, whatever the status.
func TestJWTIsRenewed(t *testing.T) {
	t.Parallel()
	const object, array = `{"response":{"code":"7001","transid":"t"}}`, `{"response":[{"code":7001},{"code":"7001"}]}`
	for name, tt := range map[string]struct {
		status int
		body   string
		key    bool
		calls  int
		want   error
	}{
		"object":            {200, object, false, 2, nil},
		"array":             {200, array, false, 2, nil},
		"403":               {403, object, false, 2, nil},
		"401":               {401, "", false, 2, nil},
		"a key":             {200, object, true, 1, webexconnect.ErrUnauthorized},
		"500":               {500, object, false, 1, webexconnect.ErrMaybeAccepted},
		"other refusals":    {200, `{"response":[{"code":"7001"},{"code":"7102"}]}`, false, 1, webexconnect.ErrInvalidRecipient},
		"one accepted":      {200, `{"response":[{"code":"7001"},{"code":"1001","transid":"t"}]}`, false, 1, webexconnect.ErrMaybeAccepted},
		"401, one accepted": {401, `{"response":[{"code":"1001","transid":"t"},{"code":"7001"}]}`, false, 1, webexconnect.ErrMaybeAccepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := answering(tt.status, tt.body, queued)
				s.answers[1].status = http.StatusOK
				auth := webexconnect.JWT("service-1", "c2VjcmV0")
				if tt.key {
					auth = webexconnect.ServiceKey(testKey)
				}
				c, err := webexconnect.New(webexconnect.UK, auth, webexconnect.WithHTTPClient(&http.Client{Transport: s}))
				require.NoError(t, err)
				_, err = c.Send(t.Context(), sms())
				assert.Equal(t, tt.calls, s.calls())
				if tt.want == nil {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, tt.want)
			})
		})
	}
}

// TestGatewayRateLimited: a proxy's 429 is one, whatever it says.
func TestGatewayRateLimited(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"code":429}`, `{"response":{"code":"7999"}}`} {
		_, err := answering(http.StatusTooManyRequests, body).client(t, webexconnect.WithMaxRetries(0)).Send(t.Context(), sms())
		require.ErrorIs(t, err, webexconnect.ErrRateLimited)
	}
}

// TestIDs: UUIDs stay, whatever digits they have, unless one is the key.
func TestIDs(t *testing.T) {
	t.Parallel()
	const id, key = "3f092951-9123-4567-8901-a3272e5f00c1", "41a1de35-948f-915f-6490-7ced9eed4f00"
	s := answering(http.StatusOK, `{"response":{"code":"1001","transid":"t"}}`, `{"response":{"code":"7102","transid":"`+key+`_0"}}`, `x`)
	for i := range s.answers {
		s.answers[i].header = http.Header{"X-Request-Id": {id}}
	}
	c, err := webexconnect.New(webexconnect.UK, webexconnect.ServiceKey(key), webexconnect.WithHTTPClient(&http.Client{Transport: s}))
	require.NoError(t, err)
	res, err := c.Send(t.Context(), sms())
	require.NoError(t, err)
	assert.Equal(t, id, res.RequestID)
	_, err = c.Send(t.Context(), sms())
	testutil.NoLeak(t, err, key)
	_, err = c.Send(t.Context(), sms())
	e, ok := errors.AsType[*webexconnect.Error](err)
	require.True(t, ok)
	assert.Equal(t, id, e.RequestID)
}

// TestRefusalsShowNothing: no field of a refusal shows what it quotes of the
// request, though a code that is one is as it is.
func TestRefusalsShowNothing(t *testing.T) {
	t.Parallel()
	const secret = "Hi Ann secret"
	r := sms()
	r.SMS.Text = secret + " 7102"
	body := `{"response":[{"code":"` + secret + `","transid":"` + secret + `","description":"` + secret + `"},{"code":"7102","transid":"t_1"},{"code":"1001","transid":"t"}]}`
	res, err := answering(http.StatusOK, body).client(t).Send(t.Context(), r)
	require.ErrorIs(t, err, webexconnect.ErrMaybeAccepted)
	testutil.NoLeak(t, err, secret)
	testutil.NoLeak(t, res.Outcomes, secret)
	assert.Contains(t, string(res.Raw), secret)
	for _, o := range res.Outcomes[:2] {
		e, ok := errors.AsType[*webexconnect.Error](o.Err)
		require.True(t, ok)
		assert.Equal(t, e.Code, o.Code)
		testutil.NoLeak(t, e, secret)
	}
	assert.Equal(t, "7102", res.Outcomes[1].Code)
	assert.Equal(t, "t_1", res.Outcomes[1].TransID)
}

// TestThrottled: 7020 comes with status 200, and is tried again only when
// nothing at all was accepted.
func TestThrottled(t *testing.T) {
	t.Parallel()
	const object, array = `{"response":{"code":"7020","transid":"t"}}`, `{"response":[{"code":7020},{"code":"7020"}]}`
	for name, tt := range map[string]struct {
		bodies []string
		calls  int
		want   error
	}{
		"then accepted":         {[]string{object, array, queued}, 3, nil},
		"for good":              {[]string{object}, 3, webexconnect.ErrRateLimited},
		"with another refusal":  {[]string{`{"response":[{"code":"7020"},{"code":"7102"}]}`, queued}, 1, webexconnect.ErrInvalidRecipient},
		"with an acceptance":    {[]string{`{"response":[{"code":"7020"},{"code":"1001","transid":"t"}]}`, queued}, 1, webexconnect.ErrMaybeAccepted},
		"only in a description": {[]string{`{"response":[{"code":"7004","description":"7020"}]}`, queued}, 1, webexconnect.ErrInvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := answering(http.StatusOK, tt.bodies...)
				res, err := s.client(t).Send(t.Context(), sms())
				assert.Equal(t, tt.calls, s.calls())
				if tt.want == nil {
					require.NoError(t, err)
					assert.Equal(t, 3, res.Attempts)
					return
				}
				require.ErrorIs(t, err, tt.want)
			})
		})
	}
}

func TestRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := answering(http.StatusTooManyRequests, "", queued)
		s.answers[0].header = http.Header{"Retry-After": {"5"}}
		s.answers[1].status = http.StatusOK
		begin := time.Now()
		_, err := s.client(t).Send(t.Context(), sms())
		require.NoError(t, err)
		assert.Equal(t, 5*time.Second, time.Since(begin))

		s = answering(http.StatusTooManyRequests, "")
		s.answers[0].header = http.Header{"Retry-After": {"60"}}
		_, err = s.client(t).Send(t.Context(), sms())
		require.ErrorIs(t, err, webexconnect.ErrRateLimited)
		e, ok := errors.AsType[*webexconnect.Error](err)
		require.True(t, ok)
		assert.Equal(t, time.Minute, e.RetryDelay())
		assert.Equal(t, 1, s.calls())
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestNoLeak: no way of failing shows the key, the number or the text.
func TestNoLeak(t *testing.T) {
	t.Parallel()
	secrets := []string{testKey, testPhone, testPhone[1:], testText}
	echo := fmt.Sprintf(`{"response":{"code":"7102","description":"%s %s %s in %s"}}`, testKey, testPhone, "449000000009", testText)
	for name, rt := range map[string]http.RoundTripper{
		"refusal":  answering(http.StatusOK, echo),
		"400":      answering(http.StatusBadRequest, echo),
		"gateway":  answering(http.StatusBadGateway, "<html>"+testKey+testPhone),
		"no shape": answering(http.StatusOK, `{"x":"`+testPhone+`"}`),
		"lost": roundTrip(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("lost %s with %s", testPhone, r.Header.Get("Key"))
		}),
		"refused": roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: errors.New("refused " + testPhone)}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			c, err := webexconnect.New(webexconnect.UK, webexconnect.ServiceKey(testKey),
				webexconnect.WithHTTPClient(&http.Client{Transport: rt}), webexconnect.WithMaxRetries(0),
				webexconnect.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			require.NoError(t, err)
			res, err := c.Send(t.Context(), sms())
			require.Error(t, err)
			assert.Nil(t, res)
			testutil.NoLeak(t, err, secrets...)
			for _, secret := range secrets {
				assert.NotContains(t, log.String(), secret)
			}
			assert.Contains(t, log.String(), "op=Send")
		})
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := accepting()
	_, err := s.client(t).Send(ctx, sms())
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, webexconnect.ErrUnavailable)
	assert.Zero(t, s.calls())
}

func TestNothingIsSentThatIsWrong(t *testing.T) {
	t.Parallel()
	s := accepting()
	c := s.client(t)
	_, err := c.Send(t.Context(), webexconnect.Request{})
	require.ErrorIs(t, err, webexconnect.ErrInvalidRequest)
	_, err = c.SendBatch(t.Context(), nil)
	require.ErrorIs(t, err, webexconnect.ErrInvalidRequest)
	taken := sms()
	taken.Extra = map[string]json.RawMessage{"deliverychannel": json.RawMessage(`"voice"`)}
	_, err = c.Send(t.Context(), taken)
	require.ErrorIs(t, err, webexconnect.ErrInvalidRequest)
	_, err = c.SendBatch(t.Context(), []webexconnect.Request{taken})
	require.ErrorIs(t, err, webexconnect.ErrInvalidRequest)
	endless := sms()
	loop := map[string]any{}
	loop["loop"] = loop
	endless.Template = &webexconnect.Template{ID: "1", Parameters: loop}
	_, err = c.Send(t.Context(), endless)
	require.ErrorIs(t, err, webexconnect.ErrInvalidRequest)
	assert.Zero(t, s.calls())
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		surface webexconnect.Surface
		channel webexconnect.Channel
		code    string
		want    error
	}{
		{webexconnect.SurfaceV1, "sms", "7109", webexconnect.ErrOptedOut},
		{webexconnect.SurfaceReceipt, "SMS", "7720", webexconnect.ErrOptedOut},
		{webexconnect.SurfaceV2, "email", "7241", webexconnect.ErrOptedOut},
		{webexconnect.SurfaceV2, "mms", "7242", webexconnect.ErrUnavailable},
		{webexconnect.SurfaceV1, "whatsapp", "9002", webexconnect.ErrOptedOut},
		{webexconnect.SurfaceV2, "", "9010", webexconnect.ErrOptedOut},
		{webexconnect.SurfaceV1, "", "9006", webexconnect.ErrFrequencyCapped},
		{webexconnect.SurfaceV1, "", "7010", webexconnect.ErrForbidden},
		{webexconnect.SurfaceReceipt, "sms", "7010", webexconnect.ErrUnavailable},
		{webexconnect.SurfaceV1, "sms", "7006", webexconnect.ErrMaybeAccepted},
		{webexconnect.SurfaceReceipt, "sms", "7006", webexconnect.ErrUnavailable},
		{webexconnect.SurfaceReceipt, "rt", "7704", webexconnect.ErrInvalidRequest},
		{webexconnect.SurfaceReceipt, "appmessaging", "7704", webexconnect.ErrInvalidRequest},
		{webexconnect.SurfaceReceipt, "whatsapp", "7704", webexconnect.ErrUnavailable},
		{webexconnect.SurfaceReceipt, "email", "7524", webexconnect.ErrInvalidRecipient},
		{webexconnect.SurfaceReceipt, "mms", "7524", nil},
		{webexconnect.SurfaceReceipt, "email", "7553", webexconnect.ErrUnauthorized},
		{webexconnect.SurfaceReceipt, "mms", "7553", webexconnect.ErrInvalidRecipient},
		{webexconnect.SurfaceReceipt, "fb", "7303", webexconnect.ErrNotOnChannel},
		{webexconnect.SurfaceReceipt, "Facebook Messenger", "7303", webexconnect.ErrNotOnChannel},
		{webexconnect.SurfaceReceipt, "sms", "7284", webexconnect.ErrDuplicate},
		{webexconnect.SurfaceV1, "", "7103", webexconnect.ErrInsufficientCredit},
		{webexconnect.SurfaceReceipt, "AppleBusinessChat", "7722", webexconnect.ErrInvalidRequest},
		{webexconnect.SurfaceReceipt, "whatsapp", "7710", webexconnect.ErrContentRejected},
		{webexconnect.SurfaceReceipt, "push", "7880", webexconnect.ErrNotOnChannel},
		{webexconnect.SurfaceReceipt, "push", "7887", webexconnect.ErrNotOnChannel},
		{webexconnect.SurfaceReceipt, "push", "7892", webexconnect.ErrNotOnChannel},
		{webexconnect.SurfaceV1, "wechat", "7627", webexconnect.ErrNotOnChannel},
		{webexconnect.SurfaceReceipt, "wechat", "7643", webexconnect.ErrNotOnChannel},
		{webexconnect.SurfaceV1, "", "1001", nil},
	} {
		assert.Equal(t, tt.want, webexconnect.CodeError(tt.surface, tt.channel, tt.code), "%s %s %s", tt.surface, tt.channel, tt.code)
		assert.NotEmpty(t, webexconnect.CodeText(tt.surface, tt.channel, tt.code))
	}
	require.NoError(t, webexconnect.CodeError(webexconnect.SurfaceV1, "sms", "1"))
	assert.Empty(t, webexconnect.CodeText(webexconnect.SurfaceV1, "sms", "1"))
}
