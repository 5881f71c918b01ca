package delivery_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// atOnce is a sender that accepts at once, with receipts.
type atOnce struct{ calls atomic.Int64 }

func (*atOnce) Limits() delivery.Caps {
	return delivery.Caps{Reports: []delivery.Goal{delivery.Delivered}, Echo: true}
}

func (s *atOnce) Send(context.Context, fallback.Submission) (fallback.Ack, error) {
	return fallback.Ack{ID: "id-" + strconv.FormatInt(s.calls.Add(1), 10)}, nil
}

func (s *atOnce) on(ch fallback.Channel) fallback.Leg {
	return fallback.Leg{Channel: ch, Provider: "x", Sender: s}
}

// started makes a Runner over a volatile store that runs until the end.
func started(tb testing.TB) *delivery.Runner {
	tb.Helper()
	r, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()})
	require.NoError(tb, err)
	ctx, stop := context.WithCancel(tb.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx) //nolint:errcheck // ended below
	}()
	tb.Cleanup(func() { stop(); <-done })
	return r
}

// heap is what is in use after everything that is not was collected.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A waiting message costs no goroutine, and less than 1 KiB beyond itself in
// the volatile store.
func TestMemoryOfWaitingMessages(t *testing.T) { //nolint:paralleltest // it measures the heap
	if testing.Short() || raceEnabled {
		t.Skip("measures")
	}
	const n = 100_000
	message := func(i int) fallback.Message {
		return fallback.Message{
			Key: fmt.Sprintf("order-%09d", i), Class: fallback.OTP, To: fallback.Recipient{Phone: fmt.Sprintf("+91%010d", i)},
			Text: fmt.Sprintf("%06d is your Acme code. It is valid for two minutes. Do not tell anybody.", i),
		}
	}
	empty := heap()
	own := func() uint64 {
		messages := make([]fallback.Message, n)
		for i := range messages {
			messages[i] = message(i)
		}
		defer runtime.KeepAlive(messages)
		return heap() - empty
	}()

	r := started(t)
	route, err := r.Bind("otp", delivery.Route{
		{Try: new(atOnce).on(fallback.RCS), Within: time.Hour}, {Try: new(atOnce).on(fallback.WhatsApp), Within: time.Hour}, {Try: new(atOnce).on(fallback.SMS)},
	})
	require.NoError(t, err)
	before, goroutines := heap(), runtime.NumGoroutine()
	for i := range n {
		_, err := route.Send(t.Context(), message(i))
		require.NoError(t, err)
	}
	after := heap()
	perMessage, itself := float64(after-before)/n, float64(own)/n
	t.Logf("%.0f bytes for each of %d waiting messages, %.0f of them the message itself", perMessage, n, itself)
	if perMessage-itself >= 1024 {
		t.Errorf("%.0f bytes beyond the message", perMessage-itself)
	}
	if more := runtime.NumGoroutine() - goroutines; more > 2 {
		t.Errorf("%d goroutines more", more)
	}
	runtime.KeepAlive(r)
}

// From a receipt that says failed to the next submission, in one process.
func TestReceiptToNextSubmission(t *testing.T) { //nolint:paralleltest // it measures time
	if testing.Short() || raceEnabled {
		t.Skip("measures")
	}
	r := started(t)
	var came atomic.Int64 // when
	next := fallback.SenderFunc(func(context.Context, fallback.Submission) (fallback.Ack, error) {
		came.Store(time.Now().UnixNano())
		return fallback.Ack{}, nil
	})
	route, err := r.Bind("otp", delivery.Route{
		{Try: new(atOnce).on(fallback.RCS), Within: time.Hour},
		{Try: fallback.Leg{Channel: fallback.SMS, Provider: "next", Sender: next}, Until: delivery.Accepted},
	})
	require.NoError(t, err)
	took := make([]time.Duration, 200)
	for i := range took {
		res, err := route.Send(t.Context(), keyed(strconv.Itoa(i)))
		require.NoError(t, err)
		begin := time.Now()
		require.NoError(t, r.Receive(t.Context(), delivery.Receipt{Provider: "x", Ref: res.Attempts[0].Ref, Outcome: fallback.Failed}))
		_, err = route.Wait(t.Context(), res.Key)
		require.NoError(t, err)
		took[i] = time.Unix(0, came.Load()).Sub(begin)
	}
	slices.Sort(took)
	median, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("failed receipt to next submission: median %v, p99 %v", median, p99)
	if median > 5*time.Millisecond {
		t.Errorf("median %v, want under 5 ms", median)
	}
}

// BenchmarkSend is what the Runner costs with a sender that answers at once:
// beside the sender itself, and the thin route.
func BenchmarkSend(b *testing.B) {
	sender := new(atOnce)
	b.Run("sender", func(b *testing.B) {
		sub := fallback.Submission{Ref: "0123456789abcdefghijklmnopqrstuv", Channel: fallback.SMS, To: number, Content: fallback.Text("hello there")}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sender.Send(b.Context(), sub); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fallback", func(b *testing.B) {
		route := fallback.Route{sender.on(fallback.SMS)}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := route.Send(b.Context(), hello()); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, goal := range map[string]delivery.Goal{"delivery, accepted": delivery.Accepted, "delivery, waits": delivery.Delivered} {
		b.Run(name, func(b *testing.B) {
			route, err := started(b).Bind("r", delivery.Route{{Try: sender.on(fallback.SMS), Until: goal, Within: time.Hour}})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				n++
				if _, err := route.Send(b.Context(), keyed(strconv.Itoa(n))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSendAll is messages through SendAll, one by one and in batches.
func BenchmarkSendAll(b *testing.B) {
	for _, most := range []int{1, 1000} {
		b.Run(fmt.Sprintf("batches of %d", most), func(b *testing.B) {
			a := &batcher{provider: silent("a")}
			a.caps.MaxBatch = most
			var leg fallback.Leg
			if leg = a.on(fallback.SMS); most == 1 {
				leg = new(atOnce).on(fallback.SMS)
			}
			route, err := started(b).Bind("r", delivery.Route{{Try: leg, Until: delivery.Accepted}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			const each = 10_000
			round := 0
			for b.Loop() {
				round++
				messages := func(yield func(fallback.Message) bool) {
					for i := range each {
						if !yield(keyed(fmt.Sprint(round, "-", i))) {
							return
						}
					}
				}
				for _, err := range route.SendAll(b.Context(), messages) {
					if err != nil {
						b.Fatal(err)
					}
				}
				a.mu.Lock()
				a.calls = nil
				a.mu.Unlock()
			}
			b.ReportMetric(float64(each*round)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkReceiptToNextSubmission is from a receipt that says failed to the
// end of the next submission's call.
func BenchmarkReceiptToNextSubmission(b *testing.B) {
	r := started(b)
	route, err := r.Bind("r", delivery.Route{
		{Try: new(atOnce).on(fallback.RCS), Within: time.Hour}, {Try: new(atOnce).on(fallback.SMS), Until: delivery.Accepted},
	})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		b.StopTimer()
		res, err := route.Send(b.Context(), keyed(strconv.Itoa(n)))
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := r.Receive(b.Context(), delivery.Receipt{Provider: "x", Ref: res.Attempts[0].Ref, Outcome: fallback.Failed}); err != nil {
			b.Fatal(err)
		}
		if _, err := route.Wait(b.Context(), res.Key); err != nil {
			b.Fatal(err)
		}
	}
}
