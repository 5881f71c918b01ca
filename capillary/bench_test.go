package capillary

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The benchmarks compare one Send with the same call written by hand in ten
// minutes: the same structs on the wire, encoding/json, net/http's default
// client. Both run in the same benchmark, in turns, so that what slows the
// machine down slows both; "x-handwritten" is what a Send costs of the
// hand-written call's time.

const (
	benchAnswer = `{"status":{"count":1,"statusCode":{"status":true,"message":"Success","code":200},"successCount":1,` +
		`"warnings":[],"warningsAsStatusCode":[],"message":"Success","code":200,"success":true},"smsList":[{"sms":` +
		`{"to":"919812345678","body":"4821 is your Acme code.","scheduledTime":"2024-02-22T00:25:06+05:30","sender":""},"errors":[],"warnings":[]}]}`

	benchAuthorization = "Basic c3RvcmUuc2VydmVyOjhhMTZhNmI3MDUwNWViMWYxZmY3Y2RjMGNkNTU1OWE3"
)

func benchMessage() SMS {
	return SMS{
		To: "919812345678", Body: "4821 is your Acme code.",
		ScheduledTime: time.Date(2024, 2, 22, 0, 25, 6, 0, time.FixedZone("", 5*3600+1800)),
	}
}

type (
	handRequest struct {
		Root handRoot `json:"root"`
	}
	handRoot struct {
		SMS []handSMS `json:"sms"`
	}
	handSMS struct {
		To            string    `json:"to"`
		Body          string    `json:"body"`
		ScheduledTime time.Time `json:"scheduledTime,omitzero"`
		Sender        string    `json:"sender,omitempty"`
	}
	handStatus struct {
		Status  bool   `json:"status"`
		Message string `json:"message"`
		Code    int    `json:"code"`
	}
	handIssue struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	handItem struct {
		SMS      handSMS     `json:"sms"`
		Errors   []handIssue `json:"errors"`
		Warnings []handIssue `json:"warnings"`
	}
	handResponse struct {
		Status struct {
			Count        int         `json:"count"`
			StatusCode   handStatus  `json:"statusCode"`
			SuccessCount int         `json:"successCount"`
			Warnings     []handIssue `json:"warnings"`
			Message      string      `json:"message"`
			Code         int         `json:"code"`
			Success      bool        `json:"success"`
		} `json:"status"`
		SMSList []handItem `json:"smsList"`
	}
)

// handwritten is the call as a user writes it who needs it once.
func handwritten(ctx context.Context, client *http.Client, base string) (*handResponse, error) {
	m := benchMessage()
	body, err := json.Marshal(handRequest{handRoot{[]handSMS{{To: m.To, Body: m.Body, ScheduledTime: m.ScheduledTime}}}})
	if err != nil {
		return nil, err
	}
	query := url.Values{"channel": {"sms"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1.1/communications/sendMessage?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", benchAuthorization)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	var out handResponse
	if err := json.Unmarshal(answer, &out); err != nil {
		return nil, err
	}
	if !out.Status.Success || out.Status.SuccessCount < 1 {
		return nil, errors.New("refused")
	}
	return &out, nil
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
		io.WriteString(w, benchAnswer) //nolint:errcheck // likewise
	}))
	tb.Cleanup(s.Close)
	return s
}

func benchClient(tb testing.TB, opts ...Option) *Client {
	tb.Helper()
	c, err := New(Europe, Basic("store.server", "server123"), opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// turns runs both calls in turns and reports what the first costs of the
// second's time, each by the median of its turns.
func turns(b *testing.B, ours, theirs func() error) {
	b.Helper()
	const burst = 32 // of each before the other's turn, so that reading the clock costs nothing
	var took [2][]time.Duration
	calls := [2]func() error{ours, theirs}
	for b.Loop() {
		for i, call := range calls {
			begin := time.Now()
			for range burst {
				if err := call(); err != nil {
					b.Fatal(err)
				}
			}
			took[i] = append(took[i], time.Since(begin))
		}
	}
	send, hand := median(took[0]), median(took[1])
	b.ReportMetric(0, "ns/op") // of 32 calls of each: says nothing
	b.ReportMetric(float64(send)/burst, "ns/send")
	b.ReportMetric(float64(hand)/burst, "ns/handwritten")
	b.ReportMetric(float64(send)/float64(hand), "x-handwritten")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// BenchmarkInMemory is the library's own cost: the target is 1.25 times the
// hand-written call.
func BenchmarkInMemory(b *testing.B) {
	ctx := b.Context()
	c, plain, m := benchClient(b, WithHTTPClient(&http.Client{Transport: canned{}})), &http.Client{Transport: canned{}}, benchMessage()
	send := func() error { _, err := c.SendSMS(ctx, m); return err }
	hand := func() error {
		_, err := handwritten(ctx, plain, Europe)
		return err
	}
	b.Run("send", func(b *testing.B) { one(b, send) })
	b.Run("handwritten", func(b *testing.B) { one(b, hand) })
	b.Run("turns", func(b *testing.B) { turns(b, send, hand) })
}

// BenchmarkLoopback is a call over one kept connection: the target is 1.05
// times the hand-written call.
func BenchmarkLoopback(b *testing.B) {
	ctx := b.Context()
	s := benchServer(b)
	c, plain, m := benchClient(b, WithBaseURL(s.URL)), &http.Client{}, benchMessage()
	b.Cleanup(http.DefaultClient.CloseIdleConnections)
	send := func() error { _, err := c.SendSMS(ctx, m); return err }
	hand := func() error { _, err := handwritten(ctx, plain, s.URL); return err }
	b.Run("send", func(b *testing.B) { one(b, send) })
	b.Run("handwritten", func(b *testing.B) { one(b, hand) })
	b.Run("turns", func(b *testing.B) { turns(b, send, hand) })
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

// BenchmarkConcurrent is 128 senders on one client with its default
// configuration, against the hand-written call with http.DefaultClient: the
// target is 2.3 times its throughput. One iteration is 128 × 16 messages of
// each.
func BenchmarkConcurrent(b *testing.B) {
	const senders, each = 128, 16
	ctx := b.Context()
	s := benchServer(b)
	c, m := benchClient(b, WithBaseURL(s.URL)), benchMessage()
	b.Cleanup(http.DefaultClient.CloseIdleConnections)
	calls := [2]func() error{
		func() error { _, err := c.SendSMS(ctx, m); return err },
		func() error {
			_, err := handwritten(ctx, http.DefaultClient, s.URL)
			return err
		},
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

// TestSendAllocations bounds what a Send allocates, apart from the network.
func TestSendAllocations(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	ctx := t.Context()
	c, m := benchClient(t, WithHTTPClient(&http.Client{Transport: canned{}})), benchMessage()
	plain := &http.Client{Transport: canned{}}
	ours := testing.AllocsPerRun(200, func() {
		if _, err := c.SendSMS(ctx, m); err != nil {
			t.Error(err)
		}
	})
	theirs := testing.AllocsPerRun(200, func() {
		if _, err := handwritten(ctx, plain, Europe); err != nil {
			t.Error(err)
		}
	})
	t.Logf("Send: %.0f allocations; hand-written: %.0f", ours, theirs)
	if ours > 50 {
		t.Errorf("Send makes %.0f allocations, more than 50", ours)
	}
}

// TestConnectionsOfManySenders: the pool holds a connection for each sender.
// With two idle ones per host, net/http's default, nearly every message
// would open its own. On a busy machine a few more are dialled than are
// needed at last, so the best of three tries counts.
func TestConnectionsOfManySenders(t *testing.T) {
	if testing.Short() {
		t.Skip("20,000 messages")
	}
	t.Parallel()
	const most = 90
	n := connectionsOf(t, 64, 20_000)
	for try := 1; n > most && try < 3; try++ {
		n = min(n, connectionsOf(t, 64, 20_000))
	}
	t.Logf("%d connections", n)
	if n > most {
		t.Errorf("20,000 messages of 64 senders opened %d connections, more than %d", n, most)
	}
}

// connectionsOf is how many connections a new client opens for so many
// messages.
func connectionsOf(t *testing.T, workers, messages int) int64 {
	t.Helper()
	var opened atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)    //nolint:errcheck // a lost connection shows at the client
		io.WriteString(w, benchAnswer) //nolint:errcheck // likewise
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c, m := benchClient(t, WithBaseURL(s.URL)), benchMessage()
	ctx := t.Context()
	if err := concurrently(workers, messages, func() error { _, err := c.SendSMS(ctx, m); return err }); err != nil {
		t.Fatal(err)
	}
	return opened.Load()
}

type roundTripper func(*http.Request) (*http.Response, error)

func (rt roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return rt(r) }

func respond(r *http.Request, body string) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}
