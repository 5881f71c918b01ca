package deflector_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cpaas-go/cpaas/deflector"
)

const (
	testKey   = "41a1de35948f915f64907ced9eed4f00"
	testPhone = "919812345678"
)

// stub is a RoundTripper that answers everything alike and keeps what it was
// asked.
type stub struct {
	status int
	body   string
	header http.Header

	mu       sync.Mutex
	requests []*http.Request
	bodies   [][]byte
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, body)
	header := s.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: s.status, Status: http.StatusText(s.status), Header: header, ContentLength: int64(len(s.body)),
		Body: io.NopCloser(strings.NewReader(s.body)), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

func answering(status int, body string) *stub { return &stub{status: status, body: body} }

func accepting() *stub { return answering(http.StatusOK, `{"messageId":"ack-1"}`) }

// client is a client that speaks to s only.
func (s *stub) client(t testing.TB, opts ...deflector.Option) *deflector.Client {
	t.Helper()
	client, err := deflector.New(testKey, append([]deflector.Option{
		deflector.WithHTTPClient(&http.Client{Transport: s}), deflector.WithMaxRetries(0),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func smsTo(phones ...string) deflector.Message {
	return deflector.Message{
		To: phones, SMS: &deflector.SMSText{From: "ACMEIN", Text: "4821 is your Acme code."}, Flow: deflector.InOrder(deflector.SMS),
	}
}

// pageMessage is the message of the vendor's page.
func pageMessage() deflector.Message {
	return deflector.Message{
		To:           []string{"917499081814"},
		CallbackData: "7890986",
		Tags:         []string{"welcome"},
		WhatsApp: deflector.OnWhatsApp("xpi-12345-7319798", deflector.WhatsAppTemplate{
			Name: "new_client_welcome", Attributes: []string{"https://www.netcorecloud.com/"}, Locale: "en",
		}),
		RCS:  &deflector.RCSTemplate{Code: "Verification_temp", Attributes: map[string]string{"FIRSTNAME": "Akash"}},
		SMS:  &deflector.SMSText{From: "NETCRE", Text: "STN IS OK NC ALRT"},
		Flow: deflector.InOrder(deflector.RCS, deflector.WhatsApp, deflector.SMS),
	}
}
