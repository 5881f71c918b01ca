package capillary_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

const (
	testKey      = "client-key-41a1de35"
	testSecret   = "client-secret-948f915f"
	testToken    = "eyJraWQiOiJrMSJ9.token-64907ced"
	testPassword = "server123"
	testPhone    = "919812345678"
	testText     = "4821 is your Acme code."

	base      = "https://capillary.example"
	sendURL   = base + "/v1.1/communications/sendMessage"
	tokenURL  = base + "/v3/oauth/token/generate"
	resendURL = base + "/v2/communications/resend"

	tokenAnswer = `{"data":{"accessToken":"` + testToken + `","ttlSeconds":300},"errors":null}`
	sentAnswer  = `{"status":{"count":1,"successCount":1,"message":"Success","code":200,"success":true},` +
		`"smsList":[{"sms":{"to":"919812345678","body":"hi"},"errors":[],"warnings":[]}]}`
)

// allSecrets are what no error may show.
var allSecrets = []string{testKey, testSecret, testToken, testPassword, testPhone, testText, "8a16a6b70505eb1f1ff7cdc0cd5559a7", "c3RvcmUuc2VydmVyOj"}

// stub is a RoundTripper that keeps what it was asked.
type stub struct {
	*httpmock.MockTransport

	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func newStub() *stub { return &stub{MockTransport: httpmock.NewMockTransport()} }

// answering answers every send alike.
func answering(status int, contentType, body string) *stub {
	s := newStub()
	s.RegisterResponder(http.MethodPost, `=~^`+sendURL, func(r *http.Request) (*http.Response, error) {
		resp := httpmock.NewStringResponse(status, body)
		resp.Header.Set("Content-Type", contentType)
		resp.Header.Set("X-Cap-Requestid", "0123456789abcdef0123456789abcdef")
		resp.Request = r
		return resp, nil
	})
	return s
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
	s.mu.Unlock()
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	return s.MockTransport.RoundTrip(r)
}

func (s *stub) client(t testing.TB, opts ...capillary.Option) *capillary.Client {
	t.Helper()
	return s.with(t, capillary.Basic("store.server", testPassword), opts...)
}

func (s *stub) with(t testing.TB, auth capillary.Auth, opts ...capillary.Option) *capillary.Client {
	t.Helper()
	c, err := capillary.New(base, auth, append([]capillary.Option{capillary.WithHTTPClient(&http.Client{Transport: s})}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// last is the last request.
func (s *stub) last(t testing.TB) (*http.Request, string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		t.Fatal("nothing was sent")
	}
	return s.requests[len(s.requests)-1], s.bodies[len(s.bodies)-1]
}

func (s *stub) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// noLeak fails the test if err shows a secret, a number or a text.
func noLeak(t testing.TB, err error) {
	t.Helper()
	testutil.NoLeak(t, err, allSecrets...)
}

func oneSMS() capillary.SMS { return capillary.SMS{To: testPhone, Body: testText} }

var india = time.FixedZone("", 5*3600+1800)
