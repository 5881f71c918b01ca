package os1_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"

	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/os1"
)

func TestNew(t *testing.T) {
	t.Parallel()
	good := os1.StaticToken(testToken)
	for name, build := range map[string]func() (*os1.Client, error){
		"no base URL":    func() (*os1.Client, error) { return os1.New("", testTenant, good) },
		"plain http":     func() (*os1.Client, error) { return os1.New("http://acme.getos1.com", testTenant, good) },
		"wrong base URL": func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithBaseURL("x")) },
		"no tenant":      func() (*os1.Client, error) { return os1.New(testBase, "", good) },
		"tenant, LF":     func() (*os1.Client, error) { return os1.New(testBase, "a\nb", good) },
		"no auth":        func() (*os1.Client, error) { return os1.New(testBase, testTenant, os1.Auth{}) },
		"no token":       func() (*os1.Client, error) { return os1.New(testBase, testTenant, os1.StaticToken("")) },
		"token, LF":      func() (*os1.Client, error) { return os1.New(testBase, testTenant, os1.StaticToken(testToken+"\n")) },
		"no id": func() (*os1.Client, error) {
			return os1.New(testBase, testTenant, os1.ClientCredentials("", testSecret))
		},
		"no secret": func() (*os1.Client, error) { return os1.New(testBase, testTenant, os1.ClientCredentials(testID, "")) },
		"secret, UTF-8": func() (*os1.Client, error) {
			return os1.New(testBase, testTenant, os1.ClientCredentials(testID, testSecret+"\xff"))
		},
		"audience": func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithAudience("app")) },
		"empty audience": func() (*os1.Client, error) {
			return os1.New(testBase, testTenant, os1.ClientCredentials(testID, testSecret), os1.WithAudience(""))
		},
		"no user": func() (*os1.Client, error) {
			return os1.New(testBase, testTenant, good, os1.WithUserInfo(os1.UserInfo{}))
		},
		"user token":      func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithUserToken("")) },
		"origin token":    func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithOriginToken("a\nb")) },
		"callback secret": func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithCallbackSecret("")) },
		"http client":     func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithHTTPClient(nil)) },
		"timeout":         func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithTimeout(0)) },
		"retries":         func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithMaxRetries(-1)) },
		"rate": func() (*os1.Client, error) {
			return os1.New(testBase, testTenant, good, os1.WithRateLimit(math.NaN(), 1))
		},
		"user agent": func() (*os1.Client, error) { return os1.New(testBase, testTenant, good, os1.WithUserAgent("")) },
	} {
		client, err := build()
		if err == nil || client != nil {
			t.Errorf("%s: taken", name)
			continue
		}
		if !strings.HasPrefix(err.Error(), "os1: New: ") {
			t.Errorf("%s: %v", name, err)
		}
		testutil.NoLeak(t, err, testToken, testSecret)
	}
	client, err := os1.New(testBase+"/", testTenant, os1.ClientCredentials(testID, testSecret), nil, os1.WithCallbackSecret("callback-secret"))
	if err != nil {
		t.Fatal(err)
	}
	testutil.NoLeak(t, client, testToken, testSecret, "callback-secret")
	testutil.NoLeak(t, *client, testToken, testSecret, "callback-secret")
	if got := fmt.Sprintf("%v %#v", client, client); got != "os1.Client("+testBase+") os1.Client("+testBase+")" {
		t.Error(got)
	}
}

// tokens is a stub that gives tokens and takes messages.
func tokens(messages ...reply) *stub {
	if len(messages) == 0 {
		messages = []reply{{status: http.StatusOK, body: `{"data":{}}`}}
	}
	return &stub{replies: map[string][]reply{
		pathToken: {
			{status: http.StatusOK, body: `{"data":{"accessToken":"token-one","tokenType":"Bearer","expiresIn":86400}}`},
			{status: http.StatusOK, body: `{"data":{"accessToken":"token-two","tokenType":"Bearer","expiresIn":86400}}`},
			{status: http.StatusOK, body: `{"data":{"accessToken":"token-three","tokenType":"Bearer","expiresIn":86400}}`},
		},
		"": messages,
	}}
}

func credentials() os1.Auth { return os1.ClientCredentials(testID, testSecret) }

const pathMessages = pathPrefix + "/messages"

func TestTokenRequest(t *testing.T) {
	t.Parallel()
	s := tokens()
	client := s.clientWith(t, credentials(), os1.WithAudience("platform:app:coreos"), os1.WithUserToken("user-token"), os1.WithUserInfo(os1.UserInfo{ID: "1"}))
	if _, err := client.Send(t.Context(), oneSMS()); err != nil {
		t.Fatal(err)
	}
	asked := s.to(pathToken)
	if len(asked) != 1 {
		t.Fatalf("%d calls for a token", len(asked))
	}
	r := asked[0]
	want := `{"clientId":"client-id-of-acme","clientSecret":"client-secret-of-acme","audience":"platform:app:coreos"}`
	if r.Method != http.MethodPost || string(r.body) != want {
		t.Errorf("%s %s", r.Method, r.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-COREOS-TID": testTenant, "X-COREOS-ACCESS": "", "X-COREOS-AUTH": "", "X-COREOS-USERINFO": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	m := s.to(pathMessages)[0]
	if got := m.Header.Get("X-COREOS-ACCESS"); got != "token-one" {
		t.Errorf("X-COREOS-ACCESS: %q", got)
	}
	if got := m.Header.Get("X-COREOS-AUTH"); got != "user-token" {
		t.Errorf("X-COREOS-AUTH: %q", got)
	}
	if a, b := r.Header.Get("X-COREOS-REQUEST-ID"), m.Header.Get("X-COREOS-REQUEST-ID"); a == "" || a == b {
		t.Errorf("request ids %q and %q", a, b)
	}

	s = tokens()
	if _, err := s.clientWith(t, credentials(), os1.WithPaths(os1.Paths{Token: "/token"})).Send(t.Context(), oneSMS()); err == nil {
		t.Error("the token path is not used")
	} else if len(s.to("/token")) != 1 {
		t.Error("nobody asked at the token path")
	}
}

// TestTokenOnceForMany: however many calls wait, one token is got.
func TestTokenOnceForMany(t *testing.T) {
	t.Parallel()
	s := tokens()
	client := s.clientWith(t, credentials())
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if _, err := client.Send(t.Context(), oneSMS()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(s.to(pathToken)); n != 1 {
		t.Errorf("%d calls for a token", n)
	}
}

// TestTokenLife: a token is replaced a minute before its end, or in the middle
// of a short life; without a believable life, only by a 401.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	for life, until := range map[string]time.Duration{
		`86400`: 86400*time.Second - time.Minute, `"600"`: 9 * time.Minute, `100`: 50 * time.Second, `0.5`: 250 * time.Millisecond,
		`0`: 0, `-1`: 0, `null`: 0, `"soon"`: 0, `1e300`: 0, `99999999999`: 0,
	} {
		t.Run(life, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := tokens()
				s.replies[pathToken][0].body = strings.Replace(s.replies[pathToken][0].body, "86400", life, 1)
				client := s.clientWith(t, credentials())
				send := func() string {
					if _, err := client.Send(t.Context(), oneSMS()); err != nil {
						t.Fatal(err)
					}
					return s.last().Header.Get("X-COREOS-ACCESS")
				}
				if got := send(); got != "token-one" {
					t.Fatal(got)
				}
				if until == 0 {
					time.Sleep(1000 * 24 * time.Hour)
					if got := send(); got != "token-one" {
						t.Errorf("replaced: %s", got)
					}
					return
				}
				time.Sleep(until - time.Millisecond)
				if got := send(); got != "token-one" {
					t.Errorf("replaced too early: %s", got)
				}
				time.Sleep(time.Millisecond)
				if got := send(); got != "token-two" {
					t.Errorf("not replaced: %s", got)
				}
			})
		})
	}
}

// TestTokenAfter401: a refused token is replaced, once for a call, and the
// message is sent once more with the same request id.
func TestTokenAfter401(t *testing.T) {
	t.Parallel()
	refused := reply{status: http.StatusUnauthorized, body: `{"error":{"code":"100110011001","description":"token expired"}}`}
	taken := reply{status: http.StatusOK, body: `{"data":{}}`}

	s := tokens(refused, taken)
	res, err := s.clientWith(t, credentials()).Send(t.Context(), oneSMS())
	if err != nil {
		t.Fatal(err)
	}
	m := s.to(pathMessages)
	if res.Attempts != 2 || len(m) != 2 || len(s.to(pathToken)) != 2 {
		t.Errorf("%d attempts, %d messages, %d tokens", res.Attempts, len(m), len(s.to(pathToken)))
	}
	if a, b := m[0].Header.Get("X-COREOS-ACCESS"), m[1].Header.Get("X-COREOS-ACCESS"); a != "token-one" || b != "token-two" {
		t.Errorf("%s, then %s", a, b)
	}
	if a, b := m[0].Header.Get("X-COREOS-REQUEST-ID"), m[1].Header.Get("X-COREOS-REQUEST-ID"); a != b || a != res.RequestID {
		t.Errorf("request ids %q, %q, %q", a, b, res.RequestID)
	}

	s = tokens(refused)
	_, err = s.clientWith(t, credentials()).Send(t.Context(), oneSMS())
	e, _ := errors.AsType[*os1.Error](err)
	if !errors.Is(err, os1.ErrUnauthorized) || e.Attempts != 2 || e.Code != "100110011001" || len(s.to(pathMessages)) != 2 {
		t.Errorf("%v, %d messages", err, len(s.to(pathMessages)))
	}

	s = answering(refused.status, refused.body) // a given token cannot be replaced
	if _, err = s.client(t).Send(t.Context(), oneSMS()); !errors.Is(err, os1.ErrUnauthorized) || s.count() != 1 {
		t.Errorf("%v, %d calls", err, s.count())
	}
}

// TestTokenFailures: whatever becomes of the token, no message was sent, and
// the error says so.
func TestTokenFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer reply
		fail   error
		kind   error
	}{
		"wrong secret":     {answer: reply{status: 401, body: `{"error":{"code":"100110011001","description":"bad ` + testSecret + `"}}`}, kind: os1.ErrUnauthorized},
		"no such client":   {answer: reply{status: 400, body: `{"error":{"description":"no client"}}`}, kind: os1.ErrUnauthorized},
		"no such tenant":   {answer: reply{status: 404}, kind: os1.ErrUnauthorized},
		"forbidden":        {answer: reply{status: 403}, kind: os1.ErrForbidden},
		"too many":         {answer: reply{status: 429, header: http.Header{"Retry-After": {"7"}}}, kind: os1.ErrRateLimited},
		"error in a 2xx":   {answer: reply{status: 200, body: `{"error":{"description":"no"}}`}, kind: os1.ErrUnauthorized},
		"server error":     {answer: reply{status: 500}, kind: os1.ErrUnavailable},
		"unavailable":      {answer: reply{status: 503}, kind: os1.ErrUnavailable},
		"no token":         {answer: reply{status: 200, body: `{"data":{}}`}, kind: os1.ErrUnavailable},
		"an empty answer":  {answer: reply{status: 200}, kind: os1.ErrUnavailable},
		"no JSON":          {answer: reply{status: 200, body: `<html>`}, kind: os1.ErrUnavailable},
		"data and error":   {answer: reply{status: 200, body: `{"data":{"accessToken":"x"},"error":{"code":"1"}}`}, kind: os1.ErrUnavailable},
		"an unfit token":   {answer: reply{status: 200, body: `{"data":{"accessToken":"a\nb"}}`}, kind: os1.ErrUnavailable},
		"connection lost":  {fail: &net.OpError{Op: "read", Err: errors.New("reset")}, kind: os1.ErrUnavailable},
		"connection never": {fail: &net.OpError{Op: "dial", Err: errors.New("refused")}, kind: os1.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stub{replies: map[string][]reply{"": {test.answer}}, fail: func(*http.Request) error { return test.fail }}
			_, err := s.clientWith(t, credentials()).Send(t.Context(), oneSMS())
			e, ok := errors.AsType[*os1.Error](err)
			if !ok || !errors.Is(err, test.kind) || errors.Is(err, os1.ErrMaybeAccepted) {
				t.Fatalf("%v, want %v", err, test.kind)
			}
			if e.Op != "Send" || e.Attempts != 0 || e.StatusCode != 0 || e.RequestID != "" || !strings.Contains(err.Error(), "Token") {
				t.Errorf("%+v", *e)
			}
			if want := time.Duration(0); name == "too many" && e.RetryDelay() != 7*time.Second || name != "too many" && e.RetryDelay() != want {
				t.Errorf("RetryAfter: %v", e.RetryAfter)
			}
			if n := len(s.to(pathMessages)); n != 0 {
				t.Errorf("%d messages were sent", n)
			}
			testutil.NoLeak(t, err, testSecret, testPhone)
		})
	}
}

// TestTokenConnectionsAreNotTheMessages: the connection that a token came
// over is no sign that the message was written.
func TestTokenConnectionsAreNotTheMessages(t *testing.T) {
	t.Parallel()
	for _, before := range []int{0, 1} { // tokens got before the message that cannot be sent
		server := newTokenServer(t)
		dialer := net.Dialer{}
		left := before
		pool := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if strings.HasPrefix(addr, "messages.invalid") {
				return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
			}
			return dialer.DialContext(ctx, network, addr)
		}}
		t.Cleanup(pool.CloseIdleConnections)
		split := roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != pathToken {
				if left > 0 { // the first message is refused for its token
					left--
					return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{}, Body: http.NoBody}, nil
				}
				r = r.Clone(r.Context())
				r.URL.Host = "messages.invalid:1"
			}
			return pool.RoundTrip(r)
		})
		client, err := os1.New(server, testTenant, credentials(), os1.WithHTTPClient(&http.Client{Transport: split}), os1.WithMaxRetries(0))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = client.Send(t.Context(), oneSMS()); !errors.Is(err, os1.ErrUnavailable) || errors.Is(err, os1.ErrMaybeAccepted) {
			t.Errorf("%d: %v", before, err)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestTokenWaits: getting a token is repeated with waits, but not under a
// fallback's context, and takes no part in the rate limit.
func TestTokenWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		busy := func() *stub {
			s := tokens()
			s.replies[pathToken] = append([]reply{{status: 429, header: http.Header{"Retry-After": {"3"}}}}, s.replies[pathToken]...)
			return s
		}
		s, begin := busy(), time.Now()
		if _, err := s.clientWith(t, credentials(), os1.WithMaxRetries(1)).Send(t.Context(), oneSMS()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("waited %v", took)
		}

		s, begin = busy(), time.Now()
		_, err := s.clientWith(t, credentials(), os1.WithMaxRetries(1)).Send(transport.NoWait(t.Context()), oneSMS())
		if !errors.Is(err, os1.ErrRateLimited) || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}

		s, begin = tokens(), time.Now()
		client := s.clientWith(t, credentials(), os1.WithRateLimit(0.001, 1))
		if _, err := client.Send(transport.NoWait(t.Context()), oneSMS()); err != nil || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if _, err := client.Send(transport.NoWait(t.Context()), oneSMS()); !errors.Is(err, os1.ErrRateLimited) {
			t.Errorf("no rate limit: %v", err)
		}
	})
}

// TestTokenContext: a caller that leaves does not end the call for a token
// that others wait for.
func TestTokenContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := tokens()
		slow := roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == pathToken {
				select {
				case <-time.After(5 * time.Second):
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}
			return s.RoundTrip(r)
		})
		client, err := os1.New(testBase, testTenant, credentials(), os1.WithHTTPClient(&http.Client{Transport: slow}))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := client.Send(ctx, oneSMS())
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, os1.ErrUnavailable) || errors.Is(err, os1.ErrMaybeAccepted) {
				t.Errorf("the impatient: %v", err)
			}
		})
		wg.Go(func() {
			time.Sleep(100 * time.Millisecond)
			if _, err := client.Send(t.Context(), oneSMS()); err != nil {
				t.Errorf("the patient: %v", err)
			}
		})
		wg.Wait()
		if n := len(s.to(pathToken)); n != 1 {
			t.Errorf("%d calls for a token", n)
		}
	})
}

func TestLogs(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	s := tokens(reply{status: 500, body: "no " + testPhone})
	client := s.clientWith(t, credentials(), os1.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	_, err := client.Send(t.Context(), oneSMS())
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", err)
	if !strings.Contains(log.String(), `"op":"Token"`) || !strings.Contains(log.String(), `"op":"Send"`) {
		t.Error(log.String())
	}
	for _, secret := range []string{testSecret, "token-one", testPhone, testBase} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log shows %q:\n%s", secret, log.String())
		}
	}
}

// TestWithHTTPMock: the client works with a mocked transport, as its users'
// tests will.
func TestWithHTTPMock(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodPost, testBase+pathMessages, func(r *http.Request) (*http.Response, error) {
		var body os1.SendRequest
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			return nil, err
		}
		resp := httpmock.NewStringResponse(http.StatusAccepted, `{"data":{"n":`+fmt.Sprint(len(body.SMS))+`},"request":{"uri":"/messages","method":"POST"}}`)
		resp.Header.Set("x-coreos-request-id", r.Header.Get("X-COREOS-REQUEST-ID"))
		return resp, nil
	})
	client, err := os1.New(testBase, testTenant, os1.StaticToken(testToken), os1.WithHTTPClient(&http.Client{Transport: mock}))
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Send(t.Context(), oneSMS())
	if err != nil {
		t.Fatal(err)
	}
	if string(res.Data()) != `{"n":1}` || res.StatusCode != http.StatusAccepted || res.Attempts != 1 || len(res.RequestID) != 36 {
		t.Errorf("%+v %s", res, res.Data())
	}
	if e := res.Echo(); e.URI != "/messages" || e.Method != "POST" || e.QueryString != "" || e.Body() != nil {
		t.Errorf("%+v", e)
	}
	if mock.GetTotalCallCount() != 1 {
		t.Errorf("%d calls", mock.GetTotalCallCount())
	}
}

func newTokenServer(t *testing.T) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write(testutil.Golden(t, "token-response.json")); err != nil {
			t.Error(err)
		}
	})
}
