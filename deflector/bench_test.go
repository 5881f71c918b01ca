package deflector

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

const benchAnswer = `{"messageId":"7b1e6b4c-3f0a-4a52-9d5e-0a4f6a0f9d11"}`

func benchMessage() Message {
	return Message{
		To:           []string{"919812345678"},
		CallbackData: "order-17",
		Tags:         []string{"welcome"},
		RCS:          &RCSTemplate{Code: "welcome_rcs", Attributes: map[string]string{"FIRSTNAME": "Asha"}},
		WhatsApp: OnWhatsApp("order-17-wa", WhatsAppTemplate{
			Name: "new_client_welcome", Attributes: []string{"https://example.com/"}, Locale: "en",
		}),
		SMS:  &SMSText{From: "ACMEIN", Text: "Welcome to ACME, Asha."},
		Flow: InOrder(RCS, WhatsApp, SMS),
	}
}

// handwritten is the call as a user writes it who needs it once.
func handwritten(ctx context.Context, client *http.Client, url, key string) (string, error) {
	body, err := json.Marshal([]wireMessage{{
		To:           []wireTo{{PhoneNumber: "919812345678"}},
		CallbackData: "order-17",
		Tags:         []string{"welcome"},
		WhatsApp: &wireWhatsApp{Message: []wireWhatsAppMessage{{
			APIHeader: "order-17-wa", MessageType: "template", RecipientType: "individual",
			TypeTemplate: []wireTemplate{{
				Name: "new_client_welcome", Attributes: []string{"https://example.com/"},
				Language: wireLanguage{Locale: "en", Policy: "deterministic"},
			}},
		}}},
		RCS: &wireRCS{Content: wireRCSContent{
			Type: "template", TemplateCode: "welcome_rcs", Attributes: map[string]string{"FIRSTNAME": "Asha"},
		}},
		SMS:  &wireSMS{From: "ACMEIN", Text: "Welcome to ACME, Asha."},
		Flow: [][]wireStage{{{Channel: RCS}}, {{Channel: WhatsApp}}, {{Channel: SMS}}},
	}})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/messages/send", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("api-key", key)
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
		MessageID string `json:"messageId"`
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return "", err
	}
	if out.MessageID == "" {
		return "", errors.New("no message id")
	}
	return out.MessageID, nil
}

// canned answers in memory, with a response as a server's would be.
type canned struct{}

func (canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return &http.Response{
		Status: "202 Accepted", StatusCode: http.StatusAccepted, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
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
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, benchAnswer) //nolint:errcheck // likewise
	}))
	tb.Cleanup(s.Close)
	return s
}

func benchClient(tb testing.TB, opts ...Option) *Client {
	tb.Helper()
	c, err := New("0123456789abcdef0123456789abcdef", opts...)
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
	send := func() error { _, err := c.Send(ctx, m); return err }
	hand := func() error {
		_, err := handwritten(ctx, plain, BaseURL, "0123456789abcdef0123456789abcdef")
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
	send := func() error { _, err := c.Send(ctx, m); return err }
	hand := func() error { _, err := handwritten(ctx, plain, s.URL, "0123456789abcdef0123456789abcdef"); return err }
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
// each; the median iteration counts.
func BenchmarkConcurrent(b *testing.B) {
	const senders, each = 128, 16
	ctx := b.Context()
	s := benchServer(b)
	c, m := benchClient(b, WithBaseURL(s.URL)), benchMessage()
	b.Cleanup(http.DefaultClient.CloseIdleConnections)
	calls := [2]func() error{
		func() error { _, err := c.Send(ctx, m); return err },
		func() error {
			_, err := handwritten(ctx, http.DefaultClient, s.URL, "0123456789abcdef0123456789abcdef")
			return err
		},
	}
	var took [2][]time.Duration
	for b.Loop() {
		for i, call := range calls {
			begin := time.Now()
			if err := concurrently(senders, senders*each, call); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(begin))
		}
	}
	send, hand := median(took[0]), median(took[1])
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(senders*each/send.Seconds(), "msgs/s")
	b.ReportMetric(senders*each/hand.Seconds(), "handwritten-msgs/s")
	b.ReportMetric(float64(hand)/float64(send), "x-throughput")
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
		t.Skip("pools drop what they hold")
	}
	ctx := t.Context()
	c, m := benchClient(t, WithHTTPClient(&http.Client{Transport: canned{}})), benchMessage()
	plain := &http.Client{Transport: canned{}}
	ours := testing.AllocsPerRun(200, func() {
		if _, err := c.Send(ctx, m); err != nil {
			t.Error(err)
		}
	})
	theirs := testing.AllocsPerRun(200, func() {
		if _, err := handwritten(ctx, plain, BaseURL, "0123456789abcdef0123456789abcdef"); err != nil {
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
// would open its own.
func TestConnectionsOfManySenders(t *testing.T) {
	if testing.Short() {
		t.Skip("20,000 messages")
	}
	t.Parallel()
	const workers, messages, most = 64, 20_000, 90
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
	if err := concurrently(workers, messages, func() error { _, err := c.Send(ctx, m); return err }); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d connections", opened.Load())
	if n := opened.Load(); n > most {
		t.Errorf("%d messages of %d senders opened %d connections, more than %d", messages, workers, n, most)
	}
}
