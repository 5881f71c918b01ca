package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	key    = "k3y-5f0c9e1d7a21"
	number = "919812345678"
	text   = "your code is zebra-42"
)

// step is what a script does with one request.
type step func(*http.Request) (*http.Response, error)

// script is a RoundTripper that takes its steps in order, and the last one
// again and again.
type script struct {
	mu       sync.Mutex
	steps    []step
	requests []*http.Request
	bodies   []string
	at       []time.Time
}

func play(steps ...step) *script { return &script{steps: steps} }

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body) // it is in memory
		req.Body.Close()
	}
	s.mu.Lock()
	n := min(len(s.requests), len(s.steps)-1)
	s.requests = append(s.requests, req)
	s.bodies = append(s.bodies, string(body))
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	return s.steps[n](req)
}

// waits are the times between the requests.
func (s *script) waits() []time.Duration {
	var out []time.Duration
	for i := 1; i < len(s.at); i++ {
		out = append(out, s.at[i].Sub(s.at[i-1]))
	}
	return out
}

func response(status int, body io.Reader, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(body), ContentLength: -1}
}

func answer(status int, body string, header ...string) step {
	return func(*http.Request) (*http.Response, error) {
		return response(status, strings.NewReader(body), header...), nil
	}
}

// refused fails as a dial does that nobody answers, without telling httptrace.
func refused(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

// lost has the request written and the answer lost.
func lost(req *http.Request) (*http.Response, error) {
	reportConn(req, true)
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

// cut answers with a body that breaks off.
func cut(status int) step {
	return func(*http.Request) (*http.Response, error) {
		return response(status, io.MultiReader(strings.NewReader(`{"messageId":"4`), failing{io.ErrUnexpectedEOF})), nil
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// silent never answers.
func silent(req *http.Request) (*http.Response, error) {
	reportConn(req, true)
	<-req.Context().Done()
	return nil, context.Cause(req.Context())
}

func reportConn(req *http.Request, got bool) {
	trace := httptrace.ContextClientTrace(req.Context())
	trace.GetConn("host:443")
	if got {
		trace.GotConn(httptrace.GotConnInfo{})
	}
}

// client makes a Client on rt.
func client(t testing.TB, rt http.RoundTripper, set ...func(*Options)) *Client {
	t.Helper()
	return clientWith(t, HeaderAuth("api-key", key), rt, set...)
}

func clientWith(t testing.TB, auth Auth, rt http.RoundTripper, set ...func(*Options)) *Client {
	t.Helper()
	o := Defaults("https://api.example.com/v1")
	if rt != nil {
		must(t, o.SetHTTPClient(&http.Client{Transport: rt}))
	}
	for _, f := range set {
		f(&o)
	}
	c, err := New("acme", o, auth, http.Header{"Content-Type": {"application/json"}})
	must(t, err)
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func retries(t testing.TB, n int) func(*Options) {
	return func(o *Options) { must(t, o.SetMaxRetries(n)) }
}

func timeout(t testing.TB, d time.Duration) func(*Options) {
	return func(o *Options) { must(t, o.SetTimeout(d)) }
}

// post is a call of class with a body.
func post(c *Client, class Class) Call {
	return Call{Endpoint: c.Endpoint("SendSMS", http.MethodPost, "/messages", class), Body: []byte(`{"to":"` + number + `"}`)}
}

// check compares what every test asks of a Result.
func check(t testing.TB, res Result, kind error, attempts int) {
	t.Helper()
	if !errors.Is(res.Kind, kind) || (kind == nil) != (res.Kind == nil) {
		t.Errorf("kind is %v, not %v (cause: %v)", res.Kind, kind, res.Cause)
	}
	if res.Attempts != attempts {
		t.Errorf("%d attempts, not %d", res.Attempts, attempts)
	}
}
