package octopush

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The benchmarks compare one SendSMS with the same call written by hand in
// ten minutes: the same structs on the wire, encoding/json, net/http's default
// client. Both run in the same benchmark, in turns, so that what slows the
// machine down slows both; "x-handwritten" is what a SendSMS costs of the
// hand-written call's time.

const (
	benchAnswer = `{"sms_ticket":"sms_5f3fbce61266e","number_of_contacts":1,"total_cost":0.05,"number_of_sms_needed":1,"residual_credit":50.75,"message":"******"}`
	benchLogin  = "someone@example.com"
	benchKey    = "0123456789abcdef0123456789abcdef"
)

func benchRequest() SMSRequest {
	return SMSRequest{
		Recipients: []string{"+33611223344"}, Text: "4821 is your ACME code.", Sender: "ACME", Purpose: Alert,
		Type: Premium, RequestID: "order-17", OptimizeText: new(false),
	}
}

// handwritten is the call as a user writes it who needs it once.
func handwritten(ctx context.Context, client *http.Client, url string) (string, error) {
	body, err := json.Marshal(wireRequest{
		Channel: SMS, Text: "4821 is your ACME code.", Recipients: []wireContact{{Phone: "+33611223344"}},
		Sender: "ACME", Purpose: Alert, Optimize: new(false),
		Metadata: &wireMetadata{Type: "sms_premium", RequestID: "order-17"},
	})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/multi-channel/send", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("api-login", benchLogin)
	req.Header.Set("api-key", benchKey)
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("status %d", resp.StatusCode)
	}
	var out struct {
		Ticket   string  `json:"sms_ticket"`
		Contacts int     `json:"number_of_contacts"`
		Cost     float64 `json:"total_cost"`
		SMS      int     `json:"number_of_sms_needed"`
		Credit   float64 `json:"residual_credit"`
		Message  string  `json:"message"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return "", err
	}
	if out.Ticket == "" {
		return "", errors.New("no ticket")
	}
	return out.Ticket, nil
}

// canned answers in memory, with a response as a server's would be.
type canned struct{}

func (canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(benchAnswer)),
		ContentLength: int64(len(benchAnswer)),
		Request:       req,
	}, nil
}

func benchServer(tb testing.TB) *httptest.Server {
	tb.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // a lost connection shows at the client
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(benchAnswer)) //nolint:errcheck // the client sees it
	}))
	tb.Cleanup(s.Close)
	return s
}

func benchClient(tb testing.TB, opts ...Option) *Client {
	tb.Helper()
	c, err := New(benchLogin, benchKey, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// turns runs both calls in turns and reports what the first costs of the
// second's time.
func turns(b *testing.B, ours, theirs func() error) {
	b.Helper()
	const burst = 32 // of each before the other's turn, so that reading the clock costs nothing
	var took [2]time.Duration
	calls := [2]func() error{ours, theirs}
	b.ReportAllocs()
	for b.Loop() {
		for i, call := range calls {
			begin := time.Now()
			for range burst {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
			took[i] += time.Since(begin)
		}
	}
	n := float64(b.N * burst)
	b.ReportMetric(float64(took[0].Nanoseconds())/n, "ns/send")
	b.ReportMetric(float64(took[1].Nanoseconds())/n, "ns/handwritten")
	b.ReportMetric(float64(took[0])/float64(took[1]), "x-handwritten")
}

func one(b *testing.B, call func() error) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInMemory is the library's own cost: the target is 1.25 times the
// hand-written call.
func BenchmarkInMemory(b *testing.B) {
	ctx := b.Context()
	c, plain, r := benchClient(b, WithHTTPClient(&http.Client{Transport: canned{}})), &http.Client{Transport: canned{}}, benchRequest()
	send := func() error { _, err := c.SendSMS(ctx, r); return err }
	hand := func() error { _, err := handwritten(ctx, plain, BaseURL); return err }
	b.Run("send", func(b *testing.B) { one(b, send) })
	b.Run("handwritten", func(b *testing.B) { one(b, hand) })
	b.Run("turns", func(b *testing.B) { turns(b, send, hand) })
}

// BenchmarkLoopback is a call over one kept connection: the target is 1.05
// times the hand-written call.
func BenchmarkLoopback(b *testing.B) {
	ctx := b.Context()
	s := benchServer(b)
	c, plain, r := benchClient(b, WithBaseURL(s.URL)), &http.Client{}, benchRequest()
	b.Cleanup(http.DefaultClient.CloseIdleConnections)
	send := func() error { _, err := c.SendSMS(ctx, r); return err }
	hand := func() error { _, err := handwritten(ctx, plain, s.URL); return err }
	b.Run("send", func(b *testing.B) { one(b, send) })
	b.Run("handwritten", func(b *testing.B) { one(b, hand) })
	b.Run("turns", func(b *testing.B) { turns(b, send, hand) })
}

// BenchmarkConcurrent is 128 senders on one client with its default
// configuration, against the hand-written call with http.DefaultClient: the
// target is 2.3 times its throughput. One iteration is 128 × 16 messages of
// each.
func BenchmarkConcurrent(b *testing.B) {
	const senders, each = 128, 16
	ctx := b.Context()
	s := benchServer(b)
	c, r := benchClient(b, WithBaseURL(s.URL)), benchRequest()
	b.Cleanup(http.DefaultClient.CloseIdleConnections)
	calls := [2]func() error{
		func() error { _, err := c.SendSMS(ctx, r); return err },
		func() error { _, err := handwritten(ctx, http.DefaultClient, s.URL); return err },
	}
	var took [2]time.Duration
	for b.Loop() {
		for i, call := range calls {
			begin := time.Now()
			if err := concurrently(senders, senders*each, call); err != nil {
				b.Fatal(err)
			}
			took[i] += time.Since(begin)
		}
	}
	n := float64(b.N * senders * each)
	b.ReportMetric(n/took[0].Seconds(), "msgs/s")
	b.ReportMetric(n/took[1].Seconds(), "handwritten-msgs/s")
	b.ReportMetric(float64(took[1])/float64(took[0]), "x-throughput")
}

// concurrently makes n calls from so many workers and returns one of the
// errors, if there were any.
func concurrently(workers, n int, call func() error) error {
	var left atomic.Int64
	left.Store(int64(n))
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := call(); err != nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// TestSendAllocations bounds what a SendSMS allocates, apart from the network.
func TestSendAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	ctx := t.Context()
	c, r := benchClient(t, WithHTTPClient(&http.Client{Transport: canned{}})), benchRequest()
	plain := &http.Client{Transport: canned{}}
	ours := testing.AllocsPerRun(200, func() {
		if _, err := c.SendSMS(ctx, r); err != nil {
			t.Error(err)
		}
	})
	theirs := testing.AllocsPerRun(200, func() {
		if _, err := handwritten(ctx, plain, BaseURL); err != nil {
			t.Error(err)
		}
	})
	t.Logf("SendSMS: %.0f allocations; hand-written: %.0f", ours, theirs)
	if ours > 50 {
		t.Errorf("SendSMS makes %.0f allocations, more than 50", ours)
	}
}

// TestConnectionsOfManySenders: the pool holds a connection for each sender.
// With two idle ones per host, net/http's default, nearly every message
// would open its own. On a busy machine net/http opens some that it does not
// need in the end, so the best of three counts.
func TestConnectionsOfManySenders(t *testing.T) { //nolint:paralleltest // the other tests would make the machine busy
	if testing.Short() {
		t.Skip("20,000 messages")
	}
	const most = 90
	least := math.MaxInt
	for range 3 {
		if least = min(least, connectionsOfManySenders(t)); least <= most {
			break
		}
	}
	t.Logf("%d connections", least)
	if least > most {
		t.Errorf("%d connections, more than %d", least, most)
	}
}

func connectionsOfManySenders(t *testing.T) int {
	t.Helper()
	const workers, messages = 64, 20_000
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)  //nolint:errcheck // a lost connection shows at the client
		w.Write([]byte(benchAnswer)) //nolint:errcheck // the client sees it
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c, r := benchClient(t, WithBaseURL(s.URL)), benchRequest()
	ctx := t.Context()
	if err := concurrently(workers, messages, func() error { _, err := c.SendSMS(ctx, r); return err }); err != nil {
		t.Fatal(err)
	}
	return int(opened.Load())
}
