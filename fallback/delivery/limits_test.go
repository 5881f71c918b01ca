package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// Provider a is down, b of the same leg says not on the channel: nobody of the
// leg is asked again, and the next channel comes at once.
func TestNobodyPersistsInALegThatIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a", fallback.ErrUnavailable), reporting("b", fallback.ErrNotOnChannel)
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS).Or(b.on(fallback.RCS)), Until: delivery.Accepted}})
		begun := time.Now()
		res, err := route.Send(t.Context(), hello())
		if res.Outcome == fallback.Pending {
			_, err = route.Wait(t.Context(), hello().Key)
		}
		require.Error(t, err)
		assert.LessOrEqual(t, time.Since(begun), time.Minute)
		assert.LessOrEqual(t, len(a.Sent()), 5)
	})
}

type later struct{ d time.Duration }

func (later) Error() string               { return "later" }
func (later) Unwrap() error               { return fallback.ErrRateLimited }
func (l later) RetryDelay() time.Duration { return l.d }

// What the provider once asked for is not asked for by a Limit that fails later.
func TestLimitDoesNotWaitAsTheProviderAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a := reporting("a")
		a.Hook = func(context.Context, fallback.Submission) error {
			if time.Since(begun) < time.Minute {
				return later{time.Hour}
			}
			return nil
		}
		r := running(t, delivery.Config{Limit: func(context.Context, string, int) error {
			if d := time.Since(begun); d > 50*time.Minute && d < 65*time.Minute {
				return errors.New("too many")
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		m := hello()
		m.Deadline = begun.Add(110 * time.Minute)
		_, err := route.Send(t.Context(), m)
		require.NoError(t, err)
		res, err := route.Wait(t.Context(), m.Key)
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Outcome)
	})
}

// A breaker is open, its probe and the end of the outage are before the deadline.
func TestProbeBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a := reporting("a")
		a.Hook = func(_ context.Context, s fallback.Submission) error {
			if s.Message.Key == "opener" {
				return fallback.ErrUnauthorized
			}
			if time.Since(begun) < 2*time.Second {
				return fallback.ErrUnavailable
			}
			return nil
		}
		r := running(t, delivery.Config{Breaker: delivery.Breaker{Cooldown: 5 * time.Second}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		_, err := route.Send(t.Context(), keyed("opener"))
		require.Error(t, err)
		m := hello()
		m.Deadline = begun.Add(14 * time.Second)
		_, err = route.Send(t.Context(), m)
		require.NoError(t, err)
		_, err = route.Wait(t.Context(), m.Key)
		require.NoError(t, err)
	})
}

// A provider that refuses repeats: the first ambiguous answer after refusals is repeated.
func TestRepeatsAfterRefusals(t *testing.T) {
	t.Parallel()
	for _, refusals := range []int{0, 1, 6} {
		synctest.Test(t, func(t *testing.T) {
			a := byID("a")
			n := 0
			a.Hook = func(context.Context, fallback.Submission) error {
				n++
				switch {
				case n <= refusals:
					return fallback.ErrUnavailable
				case n == refusals+1:
					return fallback.ErrMaybeAccepted
				}
				return nil
			}
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			_, err := route.Send(t.Context(), hello())
			_ = err
			res, err := route.Wait(t.Context(), hello().Key)
			assert.NoError(t, err, "%d refusals", refusals)
			assert.Equal(t, fallback.Accepted, res.Outcome, "%d refusals: %s", refusals, res)
		})
	}
}

// The outbox/downtime: two persisted attempts are due at once and the limit blocks.
func TestLimitOfTwoPersisted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a, b := reporting("a"), reporting("b")
		down := func(context.Context, fallback.Submission) error {
			if time.Since(begun) < 20*time.Minute {
				return fallback.ErrUnavailable
			}
			return nil
		}
		a.Hook, b.Hook = down, down
		store := fallbacktest.VolatileStore()
		asked := 0
		var mu sync.Mutex
		inside, most := 0, 0
		c := delivery.Config{Store: store, Limit: func(ctx context.Context, _ string, _ int) error {
			if d := time.Since(begun); d < 2*time.Hour || d > 6*time.Hour {
				return nil
			}
			mu.Lock()
			asked++
			inside++
			most = max(most, inside)
			mu.Unlock()
			<-ctx.Done() // busy for hours: nobody is let through in time
			mu.Lock()
			inside--
			mu.Unlock()
			return ctx.Err()
		}}
		route1 := delivery.Route{{Try: a.on(fallback.RCS), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}}
		r1, err := delivery.New(c)
		require.NoError(t, err)
		b1, err := r1.Bind("test", route1)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			r1.Run(ctx) //nolint:errcheck // it ends with ctx
			close(done)
		}()
		m := hello()
		m.Deadline = begun.Add(12 * time.Hour)
		_, err = b1.Send(t.Context(), m)
		require.NoError(t, err)
		time.Sleep(15 * time.Minute)
		stop()
		<-done
		time.Sleep(2 * time.Hour) // nobody runs; then somebody does
		r := running(t, c)
		bind(t, r, route1)
		time.Sleep(3 * time.Hour)
		mu.Lock()
		defer mu.Unlock()
		assert.NotZero(t, asked)
		assert.LessOrEqual(t, most, 2)
	})
}

// The same for a record of an outbox: its first step asks several limits.
func TestLimitOfAnOutbox(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a"), reporting("b")
		store := fallbacktest.VolatileStore()
		var mu sync.Mutex
		inside, most, asked := 0, 0, 0
		begun := time.Now()
		r := running(t, delivery.Config{Store: store, Limit: func(ctx context.Context, _ string, _ int) error {
			if time.Since(begun) > 4*time.Hour {
				return nil
			}
			mu.Lock()
			asked++
			inside++
			most = max(most, inside)
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			inside--
			mu.Unlock()
			return ctx.Err()
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS).Or(b.on(fallback.RCS)), Until: delivery.Accepted}})
		rec, err := route.Record(hello())
		require.NoError(t, err)
		_, err = store.Create(t.Context(), []delivery.Record{rec})
		require.NoError(t, err)
		time.Sleep(3 * time.Hour)
		rec, err = store.Get(t.Context(), hello().Key)
		require.NoError(t, err)
		st, err := delivery.Opened(rec)
		require.NoError(t, err)
		time.Sleep(2 * time.Hour)
		mu.Lock()
		defer mu.Unlock()
		assert.NotZero(t, asked)
		assert.LessOrEqual(t, most, 2)
		assert.NotEmpty(t, st.Attempts)
	})
}

// AtOnce, and the limit of the second leg is waited for: the call of the first has its time.
func TestLeasesOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := silent("a"), silent("b")
		a.Hook = func(ctx context.Context, _ fallback.Submission) error {
			select {
			case <-time.After(30 * time.Second):
				return nil
			case <-ctx.Done():
				return fallback.ErrMaybeAccepted
			}
		}
		r := running(t, delivery.Config{Limit: func(_ context.Context, p string, _ int) error {
			if p == "b" {
				time.Sleep(40 * time.Second)
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: fallback.AtOnce(a.on(fallback.RCS), b.on(fallback.SMS)), Until: delivery.Accepted}})
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		for _, at := range res.Attempts {
			assert.Equal(t, fallback.Accepted, at.Outcome, at.Provider)
		}
	})
}

// A batch is more than the limiter ever allows; there is an alternative.
func TestBulkLimitBelowTheBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := batching("a"), silent("b")
		r := running(t, delivery.Config{Limit: func(_ context.Context, _ string, n int) error {
			if n > 10 {
				return errors.New("never so many")
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
		outcomes, _ := collect(route.SendAll(t.Context(), several(50, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 50}, outcomes)
		assert.Empty(t, b.Sent(), "the messages go one by one")
	})
}

// Consent takes long: what was asked first is not taken for lost.
func TestBulkConsentLong(t *testing.T) {
	t.Parallel()
	for _, class := range []fallback.Class{fallback.Transactional, fallback.Promotional} {
		synctest.Test(t, func(t *testing.T) {
			a, b := batching("a"), silent("b")
			a.answer = func(ctx context.Context, subs []fallback.Submission) []delivery.BatchResult {
				time.Sleep(3 * time.Second)
				return all(nil)(ctx, subs)
			}
			r := running(t, delivery.Config{Workers: 8, Consent: func(context.Context, fallback.Submission) error {
				time.Sleep(time.Second)
				return nil
			}})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.WhatsApp), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
			possible := 0
			outcomes := map[fallback.Outcome]int{}
			for res, err := range route.SendAll(t.Context(), several(1000, func(_ int, m *fallback.Message) { m.Class = class })) {
				require.NoError(t, err)
				outcomes[res.Outcome]++
				if res.PossibleDuplicate {
					possible++
				}
			}
			assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 1000}, outcomes)
			assert.Zero(t, possible)
		})
	}
}

// A slot is held by what follows the first call (next provider): the others' leases.
func TestBulkSlots(t *testing.T) {
	t.Parallel()
	for _, limit := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			a, b := silent("a"), silent("b")
			a.Hook = func(context.Context, fallback.Submission) error {
				time.Sleep(30 * time.Second) // no connection
				return fallback.ErrUnavailable
			}
			b.Hook = func(context.Context, fallback.Submission) error {
				time.Sleep(30 * time.Second)
				return nil
			}
			c := delivery.Config{Workers: 4, Breaker: delivery.Breaker{MinCalls: 1000}}
			if limit {
				c.Limit = func(_ context.Context, p string, _ int) error {
					if p == "a" {
						time.Sleep(40 * time.Second)
					}
					return nil
				}
			}
			r := running(t, c)
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
			outcomes := map[fallback.Outcome]int{}
			for res, err := range route.SendAll(t.Context(), several(80, func(_ int, m *fallback.Message) { m.Class = fallback.Promotional })) {
				require.NoError(t, err)
				outcomes[res.Outcome]++
			}
			assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 80}, outcomes)
		})
	}
}

// A batch that waited for its limit does not ask for an expiry that is past.
func TestBulkExpiresAfterTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &batcher{provider: silent("a")}, silent("b")
		a.caps.MaxBatch = 100
		a.caps.MaxTTL = 24 * time.Hour
		var mu sync.Mutex
		var left []time.Duration
		a.answer = func(ctx context.Context, subs []fallback.Submission) []delivery.BatchResult {
			mu.Lock()
			left = append(left, time.Until(subs[0].Expires))
			mu.Unlock()
			return all(nil)(ctx, subs)
		}
		r := running(t, delivery.Config{Workers: 2, Limit: limiter(150 * time.Millisecond)})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.WhatsApp), Until: delivery.Accepted, Within: 30 * time.Second}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
		collect(route.SendAll(t.Context(), several(500, nil)))
		for _, d := range left {
			assert.Greater(t, d, 25*time.Second)
		}
	})
}

// The first of a batch tells nothing of the provider, the others do.
func TestBatchVerdictAboutTheProvider(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		a.answer = func(_ context.Context, subs []fallback.Submission) []delivery.BatchResult {
			results := make([]delivery.BatchResult, len(subs))
			results[0].Err = fallback.ErrOptedOut
			for i := range results[1:] {
				results[i+1].Err = fallback.ErrForbidden
			}
			return results
		}
		alerts := 0
		r := running(t, delivery.Config{Observe: func(e delivery.Event) {
			if e.Kind == delivery.Alert {
				alerts++
			}
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		collect(route.SendAll(t.Context(), several(4, nil)))
		assert.Equal(t, 1, alerts)
	})
}

// A wait that is longer than can be said.
func TestHugeRetryDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := reporting("a")
		n := 0
		a.Hook = func(context.Context, fallback.Submission) error {
			if n++; n > 10_000 {
				return nil
			}
			return later{math.MaxInt64}
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		_, err := route.Send(t.Context(), hello())
		require.Error(t, err)
		assert.LessOrEqual(t, n, 5)
	})
}

// A limit that refuses a bulk's call leaves no probe under way.
func TestLimitEndsAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := opened("a"), silent("b")
		full := true
		r := running(t, delivery.Config{Limit: func(_ context.Context, p string, _ int) error {
			if full && p == "a" {
				return errors.New("too many")
			}
			return nil
		}})
		only, err := r.Bind("only", delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		require.NoError(t, err)
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
		full = false
		_, err = only.Send(t.Context(), keyed("opener"))
		require.Error(t, err)
		time.Sleep(31 * time.Second) // the probe is free
		full = true
		for _, err := range route.SendAll(t.Context(), several(1, nil)) {
			require.NoError(t, err)
			break
		}
		full = false
		_, err = route.Send(t.Context(), keyed("next"))
		require.NoError(t, err)
		assert.Equal(t, 1, sentTo(a, "next"), "no probe is under way")
	})
}

// The context of SendAll ends while limits are waited for.
func TestBulkContextEndsInTheLimit(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 100} {
		synctest.Test(t, func(t *testing.T) {
			a := &batcher{provider: silent("a")}
			a.caps.MaxBatch = most
			free := make(chan struct{})
			r := running(t, delivery.Config{Limit: func(ctx context.Context, _ string, _ int) error {
				select {
				case <-free:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			begun := time.Now()
			outcomes, _ := collect(route.SendAll(ctx, several(300, nil)))
			assert.Empty(t, outcomes)
			assert.Less(t, time.Since(begun), 11*time.Second)
			assert.Empty(t, a.sizes())
			close(free)
			for i := range 300 { // what is stored goes on
				res, err := route.Wait(t.Context(), fmt.Sprint(i))
				require.NoError(t, err)
				assert.False(t, res.PossibleDuplicate)
				assert.Len(t, res.Attempts, 1)
			}
			assert.Len(t, a.Sent(), 300)
			assert.Less(t, time.Since(begun), time.Minute)
		})
	}
}

// One message's fall to the next provider asks its limit once.
func TestLimitIsAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := silent("a", fallback.ErrForbidden), silent("b")
		asked := map[string]int{}
		var mu sync.Mutex
		r := running(t, delivery.Config{Limit: func(_ context.Context, p string, _ int) error {
			mu.Lock()
			asked[p]++
			mu.Unlock()
			time.Sleep(3 * time.Second)
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		assert.Equal(t, map[string]int{"a": 1, "b": 1}, asked)
	})
}

// The first provider's limit is used up, and says so only when the time is over; the next one's is free.
func TestLimitLeavesTimeForTheNext(t *testing.T) {
	t.Parallel()
	for _, deadline := range []time.Duration{2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			a, b := silent("a"), silent("b")
			r := running(t, delivery.Config{Limit: func(ctx context.Context, p string, _ int) error {
				if p == "a" {
					<-ctx.Done()
				}
				return ctx.Err()
			}})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
			m := hello()
			m.Deadline = begun.Add(deadline)
			_, err := route.Send(t.Context(), m)
			require.NoError(t, err)
			_, err = route.Wait(t.Context(), m.Key)
			require.NoError(t, err)
			assert.LessOrEqual(t, time.Since(begun), time.Minute)
		})
	}
}

// The hours of one persisted attempt begin after the deadline: the other is tried.
func TestHoursOfOnePersisted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a, b := reporting("a"), reporting("b", fallback.ErrUnavailable)
		a.Hook = func(context.Context, fallback.Submission) error {
			if time.Since(begun) < 20*time.Minute {
				return fallback.ErrUnavailable
			}
			return nil
		}
		r := running(t, delivery.Config{Hours: func(s fallback.Submission, now time.Time) time.Time {
			if s.Channel == fallback.SMS && now.Sub(begun) > 10*time.Minute {
				return begun.Add(12 * time.Hour)
			}
			return now
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.Email), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
		m := hello()
		m.Deadline = begun.Add(2 * time.Hour)
		_, err := route.Send(t.Context(), m)
		require.NoError(t, err)
		res, err := route.Wait(t.Context(), m.Key)
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Outcome)
	})
}

// A bulk that waits for its limit does not keep others from going on.
func TestBulkLimitHoldsNoSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, c, d := silent("a"), reporting("c"), silent("d")
		tokens := make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			for ctx.Err() == nil {
				select {
				case tokens <- struct{}{}:
				case <-ctx.Done():
				}
				time.Sleep(5 * time.Second)
			}
		}()
		r := running(t, delivery.Config{Limit: func(ctx context.Context, p string, _ int) error {
			if p != "a" {
				return nil
			}
			select {
			case <-tokens:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}})
		bulk := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		otp, err := r.Bind("otp", delivery.Route{{Try: c.on(fallback.RCS), Within: 5 * time.Second}, {Try: d.on(fallback.SMS), Until: delivery.Accepted}})
		require.NoError(t, err)
		go collect(bulk.SendAll(ctx, several(300, func(_ int, m *fallback.Message) {
			m.Class = fallback.Promotional
			m.Deadline = time.Now().Add(time.Hour)
		})))
		time.Sleep(time.Second)
		begun := time.Now()
		for i := range 20 {
			m := keyed(fmt.Sprint("otp", i))
			m.Class, m.Deadline = fallback.OTP, begun.Add(20*time.Second)
			_, err := otp.Send(t.Context(), m)
			require.NoError(t, err)
		}
		time.Sleep(8 * time.Second)
		assert.Len(t, d.Sent(), 20)
		time.Sleep(60 * time.Second)
		stop()
		time.Sleep(2 * time.Hour)
	})
}

// What never went with others, because the limit refused the batch, is repeated by its reference.
func TestBulkLimitLeavesRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &batcher{provider: byID("a")}
		a.caps.MaxBatch = 500
		a.Hook = func(_ context.Context, s fallback.Submission) error {
			if sentTo(a.provider, s.Message.Key) == 1 {
				return fallback.ErrMaybeAccepted
			}
			return nil
		}
		r := running(t, delivery.Config{Limit: func(_ context.Context, _ string, n int) error {
			if n > 10 {
				return errors.New("never so many")
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		outcomes, _ := collect(route.SendAll(t.Context(), several(20, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 20}, outcomes)
	})
}

// Nothing is submitted in quiet hours.
func TestHoursInABulk(t *testing.T) {
	t.Parallel()
	for _, limited := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a := silent("a")
			hours, err := delivery.QuietHours("00:10", "00:40", "UTC")
			require.NoError(t, err)
			var mu sync.Mutex
			late := time.Duration(0)
			night := time.Now().Add(10 * time.Minute) // the bubble's clock begins at midnight
			a.Hook = func(context.Context, fallback.Submission) error {
				mu.Lock()
				defer mu.Unlock()
				if d := time.Since(night); d < 30*time.Minute {
					late = max(late, d)
				}
				return nil
			}
			c := delivery.Config{Hours: hours, Workers: 8}
			if limited {
				c.Limit = func(context.Context, string, int) error { time.Sleep(20 * time.Second); return nil }
			}
			r := running(t, c)
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			time.Sleep(time.Until(night.Add(-time.Second)))
			collect(route.SendAll(t.Context(), several(200, nil)))
			assert.LessOrEqual(t, late, time.Minute, "limited %v", limited)
		})
	}
}
