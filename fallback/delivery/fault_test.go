package delivery_test

// The faults of the list, by their numbers there. What needs no socket
// runs in virtual time.

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/deflector"
	"github.com/cpaas-go/cpaas/deflector/deflectortest"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/octopush/octopushtest"
)

// F2: the server reads the request and closes a connection that was in use
// before. net/http would send a POST again that had an Idempotency-Key.
func TestF2ClosedConnection(t *testing.T) {
	t.Parallel()
	netcore := deflectortest.NewServer()
	t.Cleanup(netcore.Close)
	octo := octopushtest.NewServer()
	t.Cleanup(octo.Close)
	r := running(t, delivery.Config{Hold: map[fallback.Class]time.Duration{fallback.Transactional: 0}})
	plain, err := r.Bind("plain", delivery.Route{{Try: senders.Deflector{Client: netcore.Client()}.SMS("ACMEIN"), Until: delivery.Accepted}})
	require.NoError(t, err)
	repeats, err := r.Bind("repeats", delivery.Route{{Try: senders.Octopush{Client: octo.Client()}.SMS("ACME"), Until: delivery.Accepted}})
	require.NoError(t, err)

	for _, route := range []*delivery.BoundRoute{plain, repeats} { // opens the connections
		_, err := route.Send(t.Context(), keyed(fmt.Sprintf("first %p", route)))
		require.NoError(t, err)
	}

	netcore.Next(deflectortest.CloseAfterReading())
	res, err := plain.Send(t.Context(), keyed("closed"))
	require.ErrorIs(t, err, fallback.ErrMaybeAccepted)
	assert.Equal(t, fallback.Unknown, res.Outcome)
	assert.Len(t, netcore.Requests(), 2, "nothing refuses a repeat: it is not sent again")

	octo.Next(octopushtest.LoseAnswer())
	res, err = repeats.Send(t.Context(), keyed("lost"))
	require.NoError(t, err)
	assert.Equal(t, fallback.Accepted, res.Outcome, "the refused repeat proves it")
	assert.Len(t, octo.Accepted(), 2)
	assert.False(t, res.PossibleDuplicate)
	for _, request := range append(netcore.Requests(), octo.Requests()...) {
		assert.Empty(t, request.Header.Get("Idempotency-Key")+request.Header.Get("X-Idempotency-Key"))
	}
}

// F3: no connection: certainly not accepted, and the next provider at once.
func TestF3NoConnection(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(nil)
	closed.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	noName := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "nowhere.example", IsNotFound: true}
	}}}
	for name, opts := range map[string][]deflector.Option{
		"refused": {deflector.WithBaseURL(closed.URL)},
		"dns":     {deflector.WithHTTPClient(noName)},
		"tls":     {deflector.WithBaseURL(untrusted.URL)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := deflector.New("key-1234567890", opts...)
			require.NoError(t, err)
			octo := octopushtest.NewServer()
			t.Cleanup(octo.Close)
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{
				Try: senders.Deflector{Client: client}.SMS("ACMEIN").Or(senders.Octopush{Client: octo.Client()}.SMS("ACME")), Until: delivery.Accepted,
			}})
			res, err := route.Send(t.Context(), hello())
			require.NoError(t, err)
			require.Len(t, res.Attempts, 2)
			first, second := res.Attempts[0], res.Attempts[1]
			assert.Equal(t, fallback.Failed, first.Outcome)
			require.ErrorIs(t, first.Err, fallback.ErrUnavailable)
			assert.Equal(t, fallback.Accepted, second.Outcome)
			assert.False(t, res.PossibleDuplicate)
		})
	}
	// In virtual time: there is nothing between the verdict and the next call.
	for _, failure := range []error{
		&net.OpError{Op: "dial", Err: errors.New("connection refused")}, &net.DNSError{Err: "no such host"},
		fmt.Errorf("%w: %w", fallback.ErrUnavailable, x509.UnknownAuthorityError{}),
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := silent("a", failure), silent("b")
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
			begin := time.Now()
			res, err := route.Send(t.Context(), hello())
			require.NoError(t, err)
			assert.Equal(t, "b", res.Provider)
			assert.Zero(t, time.Since(begin))
		})
	}
}

// F4: the answer takes longer than a call may, and then a receipt comes.
func TestF4LateAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a"), reporting("b")
		a.Hook = func(ctx context.Context, _ fallback.Submission) error {
			<-ctx.Done()
			return ctx.Err()
		}
		r := running(t, delivery.Config{Call: time.Second})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS)}})
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, fallback.Unknown, res.Attempts[0].Outcome)
		assert.Equal(t, 45*time.Second, time.Until(res.Due), "held")
		time.Sleep(5 * time.Second)
		require.NoError(t, r.Receive(t.Context(), receipt(a, 0, fallback.Delivered, nil)))
		res, err = route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)
		assert.False(t, res.PossibleDuplicate)
		time.Sleep(time.Hour)
		assert.Len(t, a.Sent(), 1)
		assert.Empty(t, b.Sent())
	})
}

// early is a sender whose receipt comes before its answer.
type early struct {
	caps  delivery.Caps
	byID  bool
	r     *delivery.Runner
	calls atomic.Int64
}

func (e *early) Limits() delivery.Caps { return e.caps }

func (e *early) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	n := e.calls.Add(1)
	ack := fallback.Ack{ID: fmt.Sprint("early-", n)}
	lead := time.Duration(n%201) * time.Millisecond
	r := delivery.Receipt{Provider: "early", Ref: s.Ref, Outcome: fallback.Delivered, Raw: []byte(ack.ID)}
	if e.byID {
		r.Ref, r.ID = "", ack.ID
	}
	time.Sleep(200*time.Millisecond - lead)
	if err := e.r.Receive(ctx, r); err != nil {
		return ack, err
	}
	time.Sleep(lead)
	return ack, nil
}

// F5: receipts 0 to 200 ms before the answer, found by reference or by an id
// that only the answer tells.
func TestF5EarlyReceipts(t *testing.T) {
	t.Parallel()
	const messages = 402
	for _, id := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e, sms := &early{caps: reporting("").caps, byID: id}, reporting("sms")
			e.caps.Echo = !id
			r := running(t, delivery.Config{})
			e.r = r
			leg := fallback.Leg{Channel: fallback.RCS, Provider: "early", Sender: e}
			route := bind(t, r, delivery.Route{{Try: leg, Within: 10 * time.Second}, {Try: sms.on(fallback.SMS)}})
			var work sync.WaitGroup
			for i := range messages {
				work.Go(func() {
					_, err := route.Send(t.Context(), keyed(fmt.Sprint(i)))
					assert.NoError(t, err)
				})
			}
			work.Wait()
			time.Sleep(4800 * time.Millisecond) // 5 s after the first receipts
			for i := range messages {
				ended, cancel := context.WithTimeout(t.Context(), 0)
				res, err := route.Wait(ended, fmt.Sprint(i))
				cancel()
				require.NoError(t, err, "by id: %t, lead %d ms", id, i%201)
				assert.Equal(t, fallback.Delivered, res.Outcome)
			}
			time.Sleep(time.Minute)
			assert.Empty(t, sms.Sent())
		})
	}
}

// F6: receipts ten times, shuffled, some lost, at four replicas: the same
// result as once, in order, at one.
func TestF6RepeatedAndShuffled(t *testing.T) {
	t.Parallel()
	const messages = 60
	told := [][]fallback.Outcome{
		{fallback.Accepted, fallback.Delivered, fallback.Read},
		{fallback.Accepted, fallback.Failed},
		{fallback.Failed, fallback.Delivered},
		{fallback.Accepted, fallback.Failed, fallback.Read},
		{fallback.Accepted},
	}
	type summary struct {
		outcome fallback.Outcome
		attempt string
	}
	run := func(t *testing.T, replicas, times int, dice *rand.Rand) (got [messages]summary) {
		t.Helper()
		store := fallbacktest.VolatileStore()
		a := reporting("a")
		var seen events
		var rs []*delivery.Runner
		var routes []*delivery.BoundRoute
		for range replicas {
			r := running(t, delivery.Config{Store: store, Observe: seen.observe})
			rs = append(rs, r)
			routes = append(routes, bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Until: delivery.Read, Within: time.Hour}}))
		}
		begin := time.Now()
		distinct := map[string]int{}
		var all []delivery.Receipt
		for i := range messages {
			key := fmt.Sprint(i)
			res, err := routes[i%replicas].Send(t.Context(), keyed(key))
			require.NoError(t, err)
			for n, outcome := range told[i%len(told)] {
				if (i*7+n)%100 == 0 {
					continue // lost
				}
				distinct[key]++
				all = append(all, delivery.Receipt{
					Provider: "a", Ref: res.Attempts[0].Ref, Outcome: outcome, EventID: fmt.Sprint(key, n), At: begin.Add(time.Duration(n) * time.Millisecond),
				})
			}
		}
		time.Sleep(time.Second)
		all = slices.Repeat(all, times)
		if dice != nil {
			dice.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		}
		var work sync.WaitGroup
		for n, r := range rs {
			work.Go(func() {
				for i := n; i < len(all); i += replicas {
					assert.NoError(t, r.Receive(t.Context(), all[i]))
					if dice == nil {
						time.Sleep(time.Millisecond)
					}
				}
			})
		}
		work.Wait()
		time.Sleep(2 * time.Hour)
		for i := range messages {
			key := fmt.Sprint(i)
			res, _ := routes[0].Wait(t.Context(), key)
			require.Len(t, res.Attempts, 1)
			got[i] = summary{res.Outcome, fmt.Sprint(res.Attempts[0].Outcome, " ", res.Attempts[0].Err)}
			received := 0
			for _, kind := range seen.kinds(key) {
				if kind == delivery.Received {
					received++
				}
			}
			assert.LessOrEqual(t, received, distinct[key], "state changes of %s", key)
		}
		return got
	}
	var want, got [messages]summary
	synctest.Test(t, func(t *testing.T) { want = run(t, 1, 1, nil) })
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) { got = run(t, 4, 10, rand.New(rand.NewPCG(seed, 1))) })
		assert.Equal(t, want, got, "seed %d", seed)
	}
}

// F7: what is good is not undone by what comes late.
func TestF7OutOfOrder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		goal delivery.Goal
		told []fallback.Outcome
		want fallback.Outcome
		last delivery.EventKind
	}{
		"failed after delivered": {delivery.Delivered, []fallback.Outcome{fallback.Delivered, fallback.Failed}, fallback.Delivered, delivery.Received},
		"sent after read":        {delivery.Read, []fallback.Outcome{fallback.Read, fallback.Accepted}, fallback.Read, delivery.Received},
		"delivered after failed": {delivery.Delivered, []fallback.Outcome{fallback.Failed, fallback.Delivered}, fallback.Delivered, delivery.Corrected},
	} {
		synctest.Test(t, func(t *testing.T) {
			var seen events
			a := reporting("a")
			r := running(t, delivery.Config{Observe: seen.observe})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Until: test.goal}})
			_, err := route.Send(t.Context(), hello())
			require.NoError(t, err)
			for _, outcome := range test.told {
				time.Sleep(time.Second)
				require.NoError(t, r.Receive(t.Context(), receipt(a, 0, outcome, nil)))
				synctest.Wait()
			}
			res, err := route.Wait(t.Context(), "order-1")
			require.NoError(t, err, name)
			assert.Equal(t, test.want, res.Outcome, name)
			kinds := seen.kinds("order-1")
			assert.Equal(t, test.last, kinds[len(kinds)-1], "%s: %v", name, kinds)
		})
	}
	// The failure has moved the message on: the late proof still wins.
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a"), reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Hour}, {Try: b.on(fallback.SMS)}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		require.NoError(t, r.Receive(t.Context(), receipt(a, 0, fallback.Failed, nil)))
		synctest.Wait()
		require.NoError(t, r.Receive(t.Context(), receipt(a, 0, fallback.Delivered, nil)))
		res, err := route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)
		assert.Equal(t, fallback.RCS, res.Channel)
		assert.True(t, res.PossibleDuplicate, "the text may still arrive")
	})
}

// racing is a store that notes, for each message, whether a receipt or the
// write-ahead of a second attempt came first.
type racing struct {
	delivery.Store

	mu    sync.Mutex
	first map[string]string
}

func (s *racing) Commit(ctx context.Context, r delivery.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.Store.Commit(ctx, r)
	refs := 0
	for _, ref := range r.Refs {
		if strings.HasPrefix(ref, "r:") {
			refs++
		}
	}
	if err == nil && refs > 1 && s.first[r.Key] == "" {
		s.first[r.Key] = "write-ahead"
	}
	return err
}

func (s *racing) Receive(ctx context.Context, in []delivery.Inbound) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	matched, err := s.Store.Receive(ctx, in)
	for _, key := range matched {
		if s.first[key] == "" {
			s.first[key] = "receipt"
		}
	}
	return matched, err
}

// F8: a late receipt races the write-ahead of the next stage. Never is a
// message submitted again whose goal was stored before.
func TestF8ReceiptRacesNextStage(t *testing.T) {
	t.Parallel()
	rounds, each := 400, 50
	if testing.Short() || raceEnabled { // which takes ten times as long
		rounds = 60
	}
	count := map[string]int{}
	for range rounds / 10 {
		synctest.Test(t, func(t *testing.T) {
			store := &racing{Store: fallbacktest.VolatileStore(), first: map[string]string{}}
			a, b := reporting("a"), reporting("b")
			r := running(t, delivery.Config{Store: store})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Second}, {Try: b.on(fallback.SMS)}})
			for round := range 10 {
				var work sync.WaitGroup
				for i := range each {
					res, err := route.Send(t.Context(), keyed(fmt.Sprint(round, "-", i)))
					require.NoError(t, err)
					work.Go(func() {
						time.Sleep(time.Until(res.Due))
						assert.NoError(t, r.Receive(t.Context(), delivery.Receipt{Provider: "a", Ref: res.Attempts[0].Ref, Outcome: fallback.Delivered}))
					})
				}
				work.Wait()
				time.Sleep(time.Minute)
			}
			again := map[string]int{}
			for _, s := range b.Sent() {
				again[s.Message.Key]++
			}
			for key, first := range store.first {
				count[first]++
				want := 0
				if first == "write-ahead" {
					want = 1
				}
				assert.Equal(t, want, again[key], "%s came first", first)
				res, err := route.Wait(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, fallback.Delivered, res.Outcome)
				assert.Equal(t, want == 1, res.PossibleDuplicate)
			}
		})
	}
	t.Logf("who came first: %v", count)
	assert.Equal(t, rounds*each, count["receipt"]+count["write-ahead"])
	assert.Positive(t, count["receipt"])
	assert.Positive(t, count["write-ahead"])
}

// F9: taking back is crossed by the delivery.
func TestF9Revoke(t *testing.T) {
	t.Parallel()
	type outcome struct {
		channel              fallback.Channel
		first                fallback.Outcome // of the attempt that was taken back
		possible, duplicates bool
	}
	for name, test := range map[string]struct {
		answer  error         // of the revocation
		arrives time.Duration // after the stage's end; 0: never
		want    outcome
	}{
		"revoked": {nil, 0, outcome{fallback.SMS, fallback.Failed, false, false}},
		"revoked, and delivered all the same": {
			nil, time.Minute, outcome{fallback.RCS, fallback.Delivered, true, true},
		},
		"refused, crossed by the delivery": {errors.New("too late"), 2 * time.Second, outcome{fallback.RCS, fallback.Delivered, false, false}},
		"timeout":                          {context.DeadlineExceeded, 0, outcome{fallback.SMS, fallback.Accepted, true, false}},
		"timeout, and delivered": {
			context.DeadlineExceeded, time.Minute, outcome{fallback.RCS, fallback.Delivered, true, true},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			a, b := revoker{provider: reporting("a")}, reporting("b")
			a.revoke = func(_ context.Context, ref, id string) error {
				asked++
				assert.Equal(t, a.Sent()[0].Ref, ref)
				assert.Equal(t, "test-1", id)
				return test.answer
			}
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: 20 * time.Second}, {Try: b.on(fallback.SMS)}})
			_, err := route.Send(t.Context(), hello())
			require.NoError(t, err)
			time.Sleep(20 * time.Second)
			if test.arrives > 0 && test.arrives < 3*time.Second {
				time.Sleep(test.arrives)
				require.NoError(t, r.Receive(t.Context(), receipt(a.provider, 0, fallback.Delivered, nil)))
			}
			time.Sleep(10 * time.Second)
			if len(b.Sent()) > 0 {
				require.NoError(t, r.Receive(t.Context(), receipt(b, 0, fallback.Delivered, nil)))
			}
			if test.arrives > 3*time.Second {
				time.Sleep(test.arrives)
				late := receipt(a.provider, 0, fallback.Delivered, nil)
				late.At = time.Now().Add(-test.arrives - 9*time.Second) // it came first, and was told late
				require.NoError(t, r.Receive(t.Context(), late))
			}
			time.Sleep(time.Second)
			res, err := route.Wait(t.Context(), "order-1")
			require.NoError(t, err, name)
			assert.Equal(t, fallback.Delivered, res.Outcome, name)
			assert.Equal(t, test.want, outcome{res.Channel, res.Attempts[0].Outcome, res.PossibleDuplicate, res.Duplicate}, name)
			assert.Equal(t, 1, asked, name)
		})
	}
}

// thousand is a thousand messages; number is of the i-th.
func thousand(class fallback.Class) func(yield func(fallback.Message) bool) {
	return func(yield func(fallback.Message) bool) {
		for i := range 1000 {
			m := keyed(fmt.Sprint(i))
			m.Class, m.To = class, fallback.Recipient{Phone: thousandth(i)}
			if !yield(m) {
				return
			}
		}
	}
}

func thousandth(i int) string { return fmt.Sprintf("+91981234%04d", i) }

// batching is a batcher of calls of up to 1000.
func batching(name string) *batcher {
	b := &batcher{provider: silent(name)}
	b.caps.MaxBatch = 1000
	return b
}

// F10: one wrong number in a batch of 1000, which is refused whole.
func TestF10PoisonRecipient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		poison := thousandth(777)
		a := batching("a")
		accepted := map[string]int{}
		a.answer = func(ctx context.Context, subs []fallback.Submission) []delivery.BatchResult {
			if slices.ContainsFunc(subs, func(s fallback.Submission) bool { return s.To == poison }) {
				return all(fallback.ErrInvalidRecipient)(ctx, subs)
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			results := make([]delivery.BatchResult, len(subs))
			for i, s := range subs {
				accepted[s.To]++
				results[i].ID = s.Ref
			}
			return results
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		count := map[fallback.Outcome]int{}
		for res, err := range route.SendAll(t.Context(), thousand(fallback.Transactional)) {
			count[res.Outcome]++
			if res.Outcome == fallback.Failed {
				require.ErrorIs(t, err, fallback.ErrInvalidRecipient)
				assert.Equal(t, "777", res.Key)
			} else {
				require.NoError(t, err)
			}
		}
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 999, fallback.Failed: 1}, count)
		assert.Len(t, accepted, 999)
		for to, n := range accepted {
			assert.Equal(t, 1, n, "%s was accepted %d times", to, n)
		}
		assert.LessOrEqual(t, len(a.sizes()), 22, "calls: %v", a.sizes())
		failed, open := r.BreakerOf("a", fallback.SMS)
		assert.Zero(t, failed)
		assert.False(t, open)
	})
}

// F11: the call of a batch times out: everybody's fate is unknown, and nothing
// is divided.
func TestF11BatchTimesOut(t *testing.T) {
	t.Parallel()
	for _, answers := range []bool{true, false} { // false: the Batcher returns nothing
		for _, class := range []fallback.Class{fallback.Transactional, fallback.Promotional} {
			synctest.Test(t, func(t *testing.T) {
				a, b := batching("a"), silent("b")
				a.answer = func(ctx context.Context, subs []fallback.Submission) []delivery.BatchResult {
					<-ctx.Done()
					if !answers {
						return nil
					}
					return all(context.Cause(ctx))(ctx, subs)
				}
				r := running(t, delivery.Config{Call: time.Second})
				route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
				n := 0
				for res, err := range route.SendAll(t.Context(), thousand(class)) {
					n++
					assert.Equal(t, fallback.Unknown, res.Attempts[0].Outcome)
					if class == fallback.Promotional {
						require.ErrorIs(t, err, fallback.ErrMaybeAccepted)
						assert.Equal(t, fallback.Unknown, res.Outcome)
						continue
					}
					require.NoError(t, err)
					assert.True(t, res.PossibleDuplicate)
					assert.Equal(t, fallback.SMS, res.Channel)
				}
				assert.Equal(t, 1000, n)
				total := 0
				for _, size := range a.sizes() {
					total += size
				}
				assert.Equal(t, 1000, total, "nothing was divided or repeated")
				if class == fallback.Promotional {
					assert.Empty(t, b.Sent())
				} else {
					assert.Len(t, b.Sent(), 1000)
				}
			})
		}
	}
}

// outage is a sender that answers as it is told in a span of time.
func outage(p provider, from, to time.Duration, err error) provider {
	begin := time.Now()
	p.Hook = func(context.Context, fallback.Submission) error {
		if now := time.Since(begin); now >= from && now < to {
			return err
		}
		return nil
	}
	return p
}

// F12: a provider answers 500 for a minute.
func TestF12BreakerOpensAndCloses(t *testing.T) {
	t.Parallel()
	const cooldown = 30 * time.Second
	for _, from := range []time.Duration{0, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			to := from + time.Minute
			a, b := outage(silent("a"), from, to, fallback.ErrMaybeAccepted), silent("b")
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
			begin := time.Now()
			var failed, after []time.Duration // calls of a
			var lastB time.Duration
			for i := range 1800 { // ten a second for three minutes
				res, err := route.Send(t.Context(), keyed(fmt.Sprint(i)))
				require.NoError(t, err)
				now := time.Since(begin)
				switch {
				case res.Attempts[0].Provider == "b":
					lastB = now
				case now >= to:
					after = append(after, now)
				case res.Provider == "b":
					failed = append(failed, now)
				}
				time.Sleep(100 * time.Millisecond)
			}
			// It opens after 20 calls or 30 seconds; then there are probes only.
			opened := failed[0]
			for i := 1; i < len(failed) && failed[i]-failed[i-1] <= 100*time.Millisecond; i++ {
				opened = failed[i]
			}
			if from == 0 {
				assert.Equal(t, 1900*time.Millisecond, opened, "the twentieth call")
			}
			assert.LessOrEqual(t, opened-from, 32*time.Second)
			probes := slices.DeleteFunc(slices.Clone(failed), func(d time.Duration) bool { return d <= opened })
			assert.LessOrEqual(t, len(probes), 2)
			// Traffic is back in time, and stays.
			assert.LessOrEqual(t, after[0], to+cooldown+cooldown/10)
			assert.LessOrEqual(t, lastB, after[0], "flapping")
		})
	}
}

// F13: every provider fails, then they recover.
func TestF13EverybodyFails(t *testing.T) {
	t.Parallel()
	const cooldown = 30 * time.Second
	for _, failure := range []error{fallback.ErrMaybeAccepted, fallback.ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			a, b := outage(silent("a"), 0, 2*time.Minute, failure), outage(silent("b"), 0, 2*time.Minute, failure)
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
			begin := time.Now()
			for i := range 1200 { // two minutes
				m := keyed(fmt.Sprint(i))
				m.Deadline = time.Now().Add(time.Second)
				_, err := route.Send(t.Context(), m)
				if err != nil {
					require.ErrorIs(t, err, failure)
				}
				time.Sleep(100 * time.Millisecond)
			}
			_, openA := r.BreakerOf("a", fallback.SMS)
			_, openB := r.BreakerOf("b", fallback.SMS)
			assert.True(t, openA && openB)
			for time.Since(begin) < 2*time.Minute+cooldown {
				res, err := route.Send(t.Context(), keyed(time.Now().String()))
				if time.Since(begin) >= 2*time.Minute { // somebody is tried all the same
					require.NoError(t, err)
					assert.Equal(t, fallback.Accepted, res.Outcome)
				}
				time.Sleep(time.Second)
			}
		})
	}
}

// F14: there is one provider only, and it fails.
func TestF14OnlyProviderFails(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{
		fallback.ErrUnavailable, fallback.ErrMaybeAccepted, fallback.ErrUnauthorized, fallback.ErrInsufficientCredit, errors.New("of an unknown kind"),
	} {
		synctest.Test(t, func(t *testing.T) {
			a := silent("a", failure)
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			want := failure
			if !errors.Is(failure, fallback.ErrUnavailable) && failure.Error() == "of an unknown kind" {
				want = fallback.ErrMaybeAccepted
			}
			for i := range 50 {
				m := keyed(fmt.Sprint(i))
				m.Deadline = time.Now().Add(5 * time.Minute)
				before := len(a.Sent())
				_, err := route.Send(t.Context(), m)
				assert.Greater(t, len(a.Sent()), before, "it was not tried")
				if err == nil {
					_, err = route.Wait(t.Context(), m.Key)
				}
				require.ErrorIs(t, err, want)
				_, ok := errors.AsType[*fallback.Error](err)
				assert.True(t, ok)
			}
			_, open := r.BreakerOf("a", fallback.SMS)
			assert.Equal(t, !errors.Is(failure, fallback.ErrUnavailable), open, "what is tried again is spread over minutes")
		})
	}
}

// F15: credentials or credit of the first provider: the next one is used, and
// somebody is told once in a cooldown, however many messages there are.
func TestF15Alert(t *testing.T) {
	t.Parallel()
	const cooldown = 30 * time.Second
	for _, failure := range []error{fallback.ErrUnauthorized, fallback.ErrInsufficientCredit} {
		for _, alone := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var seen events
				a, b := silent("a", failure), silent("b")
				r := running(t, delivery.Config{Observe: seen.observe})
				leg := a.on(fallback.SMS)
				if !alone {
					leg = leg.Or(b.on(fallback.SMS))
				}
				route := bind(t, r, delivery.Route{{Try: leg, Until: delivery.Accepted}})
				begin := time.Now()
				for i := range 3 * 300 { // ten a second for three cooldowns
					var work sync.WaitGroup
					for n := range 2 {
						work.Go(func() {
							res, err := route.Send(t.Context(), keyed(fmt.Sprint(i, "-", n)))
							if alone {
								assert.ErrorIs(t, err, failure)
							} else {
								assert.NoError(t, err)
								assert.Equal(t, "b", res.Provider)
							}
						})
					}
					work.Wait()
					time.Sleep(100 * time.Millisecond)
				}
				perCooldown := map[int]int{}
				for _, event := range seen.list() {
					if event.Kind == delivery.Alert {
						perCooldown[int(event.At.Sub(begin)/cooldown)]++
						assert.Equal(t, "a", event.Provider)
						require.ErrorIs(t, event.Err, failure)
					}
				}
				assert.Equal(t, map[int]int{0: 1, 1: 1, 2: 1}, perCooldown, "alone: %t", alone)
			})
		}
	}
}
