package webexconnect_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cpaas-go/cpaas/webexconnect"
)

const (
	testKey   = "41a1de35948f915f64907ced9eed4f00"
	testPhone = "+449000000009"
	testText  = "Your parcel is here."
	queued    = `{"response":[{"code":"1001","transid":"t-1","description":"Queued"}]}`
)

// stub is a RoundTripper that gives its answers in order, the last one for
// ever, and keeps what it was asked.
type stub struct {
	answers []stubAnswer

	mu       sync.Mutex
	requests []*http.Request
	bodies   [][]byte
}

type stubAnswer struct {
	status int
	body   string
	header http.Header
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.answers[min(len(s.requests), len(s.answers)-1)]
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, body)
	header := a.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Header: header, ContentLength: int64(len(a.body)),
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

func answering(status int, bodies ...string) *stub {
	s := &stub{}
	for _, body := range bodies {
		s.answers = append(s.answers, stubAnswer{status: status, body: body})
	}
	return s
}

func accepting() *stub { return answering(http.StatusOK, queued) }

// client is a client that speaks to s only.
func (s *stub) client(t testing.TB, opts ...webexconnect.Option) *webexconnect.Client {
	t.Helper()
	client, err := webexconnect.New(webexconnect.UK, webexconnect.ServiceKey(testKey), append([]webexconnect.Option{
		webexconnect.WithHTTPClient(&http.Client{Transport: s}),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (s *stub) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// sms is a request that is right.
func sms() webexconnect.Request {
	return webexconnect.NewSMS(webexconnect.SMS{SenderID: "ACME", Text: testText}, webexconnect.ToPhone(testPhone))
}
