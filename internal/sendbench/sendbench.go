// Package sendbench measures one send of a provider's client against the same
// call written by hand in ten minutes: the same JSON on the wire,
// encoding/json, net/http's default client. Both run in the same benchmark, in
// turns, so that what slows the machine down slows both.
package sendbench

import (
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

// The bound that tests hold; the others depend on the machine, and are
// reported by the benchmarks.
const (
	maxAllocations = 50
	maxConnections = 90
)

// Calls are the two calls and the answer that both get.
type Calls struct {
	BaseURL string // of the calls in memory
	Status  int
	Answer  string // JSON

	// Ours makes the client's call to baseURL. client nil is the client's own
	// configuration.
	Ours func(tb testing.TB, baseURL string, client *http.Client) func() error

	// ByHand makes the call as a user writes it who needs it once.
	ByHand func(tb testing.TB, baseURL string, client *http.Client) func() error
}

// InMemory is the library's own cost. "x-handwritten" is what a send costs of
// the hand-written call's time: the target is 1.25.
func (c Calls) InMemory(b *testing.B) {
	client := &http.Client{Transport: canned{c}}
	compare(b, c.Ours(b, c.BaseURL, client), c.ByHand(b, c.BaseURL, client))
}

// Loopback is a call over one kept connection: the target is 1.05.
func (c Calls) Loopback(b *testing.B) {
	s, _ := c.server(b)
	plain := new(http.Client) // net/http's default transport
	b.Cleanup(plain.CloseIdleConnections)
	compare(b, c.Ours(b, s.URL, nil), c.ByHand(b, s.URL, plain))
}

// Concurrent is 128 senders on one client with its default configuration,
// against the hand-written call with net/http's default transport: the target is 2.3 times
// its throughput. The median iteration counts.
func (c Calls) Concurrent(b *testing.B) {
	const senders, each = 128, 32
	s, _ := c.server(b)
	plain := new(http.Client) // net/http's default transport
	b.Cleanup(plain.CloseIdleConnections)
	calls := [2]func() error{c.Ours(b, s.URL, nil), c.ByHand(b, s.URL, plain)}
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
	b.ReportMetric(0, "ns/op") // of many calls of each: says nothing
	b.ReportMetric(senders*each/send.Seconds(), "msgs/s")
	b.ReportMetric(senders*each/hand.Seconds(), "handwritten-msgs/s")
	b.ReportMetric(float64(hand)/float64(send), "x-throughput")
}

// Allocations bounds what a send allocates, apart from the network.
func (c Calls) Allocations(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector allocates too")
	}
	client := &http.Client{Transport: canned{c}}
	var n [2]float64
	for i, call := range [2]func() error{c.Ours(t, c.BaseURL, client), c.ByHand(t, c.BaseURL, client)} {
		n[i] = testing.AllocsPerRun(200, func() {
			if err := call(); err != nil {
				t.Error(err)
			}
		})
	}
	t.Logf("a send makes %.0f allocations, written by hand %.0f", n[0], n[1])
	if n[0] > maxAllocations {
		t.Errorf("a send makes %.0f allocations, more than %d", n[0], maxAllocations)
	}
}

// Connections bounds how many connections 64 senders of 20,000 messages open:
// the pool has one for each. With two idle ones per host, net/http's default,
// nearly every message would open its own. On a busy machine a few more are
// dialled than are needed at last, so the best of five tries counts.
func (c Calls) Connections(t *testing.T) {
	t.Helper()
	if testing.Short() || raceEnabled {
		t.Skip("20,000 messages")
	}
	const workers, messages, tries = 64, 20_000, 5
	var counts []int64
	for range tries {
		s, opened := c.server(t)
		if err := concurrently(workers, messages, c.Ours(t, s.URL, nil)); err != nil {
			t.Fatal(err)
		}
		s.Close()
		counts = append(counts, opened.Load())
		if opened.Load() <= maxConnections {
			break
		}
	}
	t.Logf("%d connections", counts)
	if slices.Min(counts) > maxConnections {
		t.Errorf("%d messages of %d senders opened %d connections, more than %d", messages, workers, counts, maxConnections)
	}
}

// server answers every call, and counts its connections.
func (c Calls) server(tb testing.TB) (*httptest.Server, *atomic.Int64) {
	tb.Helper()
	opened := new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) //nolint:errcheck // a lost connection shows at the client
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(c.Status)
		io.WriteString(w, c.Answer) //nolint:errcheck // likewise
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	tb.Cleanup(s.Close)
	return s, opened
}

// canned answers in memory, as a server would.
type canned struct{ Calls }

func (c canned) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return &http.Response{
		Status: http.StatusText(c.Status), StatusCode: c.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(strings.NewReader(c.Answer)),
		ContentLength: int64(len(c.Answer)),
		Request:       req,
	}, nil
}

// compare measures both calls, each by itself and in turns.
func compare(b *testing.B, ours, byHand func() error) {
	b.Helper()
	b.Run("send", func(b *testing.B) { one(b, ours) })
	b.Run("handwritten", func(b *testing.B) { one(b, byHand) })
	b.Run("turns", func(b *testing.B) { turns(b, ours, byHand) })
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

// turns runs both calls in turns and reports what the first costs of the
// second's time, each by the median of its turns.
func turns(b *testing.B, ours, byHand func() error) {
	b.Helper()
	const burst = 32 // of each before the other's turn, so that reading the clock costs nothing
	var took [2][]time.Duration
	calls := [2]func() error{ours, byHand}
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
