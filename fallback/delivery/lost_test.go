package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/internal/testutil"
)

// Ways in which a message could be given up, or sent twice, for no reason.

// opened is a provider whose breaker a message with the key "opener" opens.
func opened(name string) provider {
	p := reporting(name)
	p.Hook = func(_ context.Context, s fallback.Submission) error {
		if s.Message.Key == "opener" {
			return fallback.ErrUnauthorized
		}
		return nil
	}
	return p
}

func sentTo(p provider, key string) (n int) {
	for _, s := range p.Sent() {
		if s.Message.Key == key {
			n++
		}
	}
	return n
}

// The last provider that can still be used is tried although its breaker is
// open, whatever other providers there are that cannot.
func TestLastProviderIsTried(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]provider{
		"not on the channel": reporting("a", fallback.ErrNotOnChannel),
		"silent":             reporting("a"),
	} {
		synctest.Test(t, func(t *testing.T) {
			b, c := reporting("b"), opened("c")
			r := running(t, delivery.Config{})
			only, err := r.Bind("only", delivery.Route{{Try: c.on(fallback.SMS)}})
			require.NoError(t, err)
			route := bind(t, r, delivery.Route{
				{Try: first.on(fallback.RCS).Or(b.on(fallback.RCS)), Within: 20 * time.Second}, {Try: c.on(fallback.SMS), Within: time.Minute},
			})
			_, err = only.Send(t.Context(), keyed("opener"))
			require.Error(t, err, name)
			_, err = route.Send(t.Context(), hello())
			require.NoError(t, err, name)
			time.Sleep(25 * time.Second) // the breaker is open for 30
			assert.Equal(t, 1, sentTo(c, hello().Key), name)
			assert.Empty(t, b.Sent(), name)
		})
	}
}

// slowDown asks for a wait.
type slowDown struct{}

func (slowDown) Error() string             { return "slow down" }
func (slowDown) Unwrap() error             { return fallback.ErrRateLimited }
func (slowDown) RetryDelay() time.Duration { return 20 * time.Second }

// A message that waits to be tried again is, although the breaker opens
// meanwhile.
func TestRetryBehindAnOpenBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := reporting("a")
		a.Hook = func(_ context.Context, s fallback.Submission) error {
			switch {
			case s.Message.Key == "opener":
				return fallback.ErrUnauthorized
			case sentTo(a, s.Message.Key) <= 1:
				return slowDown{}
			}
			return nil
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		time.Sleep(10 * time.Second)
		_, err = route.Send(t.Context(), keyed("opener"))
		require.Error(t, err)
		res, err := route.Wait(t.Context(), hello().Key)
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Outcome)
	})
}

// An outage that ends before the deadline loses no message, whatever else was
// tried meanwhile, and is not asked about all the time.
func TestOutageBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outage, deadline time.Duration
		failure          error
		second           error // of another channel; nil: there is none
		most             int   // calls of the first
	}{
		"minutes":      {10 * time.Minute, time.Hour, fallback.ErrUnavailable, nil, 12},
		"rate limited": {10 * time.Minute, time.Hour, fallback.ErrRateLimited, nil, 12},
		"a day":        {24 * time.Hour, 0, fallback.ErrUnavailable, nil, 500},
		"a short OTP":  {100 * time.Second, 2 * time.Minute, fallback.ErrUnavailable, nil, 12},
		"two channels": {10 * time.Minute, time.Hour, fallback.ErrUnavailable, fallback.ErrNotOnChannel, 12},
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			a, b := reporting("a"), reporting("b", test.second)
			calls := 0
			a.Hook = func(context.Context, fallback.Submission) error {
				calls++
				if time.Since(begun) < test.outage {
					return test.failure
				}
				return nil
			}
			r := running(t, delivery.Config{})
			stages := delivery.Route{{Try: a.on(fallback.RCS), Within: 20 * time.Second, Until: delivery.Accepted}}
			if test.second != nil {
				stages = append(stages, delivery.Stage{Try: b.on(fallback.SMS), Until: delivery.Accepted})
			}
			route := bind(t, r, stages)
			m := hello()
			if test.deadline > 0 {
				m.Deadline = begun.Add(test.deadline)
			}
			res, err := route.Send(t.Context(), m)
			require.NoError(t, err, name)
			if res.Outcome == fallback.Pending {
				res, err = route.Wait(t.Context(), m.Key)
				require.NoError(t, err, name)
			}
			assert.Equal(t, fallback.Accepted, res.Outcome, name)
			assert.False(t, res.PossibleDuplicate, name)
			assert.LessOrEqual(t, calls, test.most, name)
			assert.LessOrEqual(t, len(b.Sent()), 1, name)
		})
	}
}

// One that does not end is told when the deadline comes.
func TestOutageBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := reporting("a")
		a.Hook = func(context.Context, fallback.Submission) error { return fallback.ErrUnavailable }
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS)}})
		m := hello()
		m.Deadline = time.Now().Add(10 * time.Minute)
		_, err := route.Send(t.Context(), m)
		require.NoError(t, err)
		res, err := route.Wait(t.Context(), m.Key)
		require.ErrorIs(t, err, fallback.ErrUnavailable)
		assert.Equal(t, fallback.Failed, res.Outcome)
		assert.InDelta(t, 0, time.Until(m.Deadline).Seconds(), 3)
		assert.LessOrEqual(t, len(res.Attempts), 1)
	})
}

// limiter lets one submission through each time, and fails at once when that
// would take longer than the context has.
func limiter(each time.Duration) func(context.Context, string, int) error {
	var mu sync.Mutex
	next := time.Now()
	return func(ctx context.Context, _ string, n int) error {
		mu.Lock()
		now := time.Now()
		at := next
		if at.Before(now) {
			at = now
		}
		if end, ok := ctx.Deadline(); ok && at.After(end) {
			mu.Unlock()
			return errors.New("too many are waiting")
		}
		next = at.Add(time.Duration(n) * each)
		mu.Unlock()
		time.Sleep(at.Sub(now))
		return nil
	}
}

// A limit that is far away, and says so at once, delays messages; it does not
// end them.
func TestLimitIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := reporting("a")
		r := running(t, delivery.Config{Call: 5 * time.Second, Limit: limiter(time.Second)})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		outcomes, _ := collect(route.SendAll(t.Context(), several(300, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 300}, outcomes)
	})
}

// Of two legs at once, the permitted hours of one begin after the deadline:
// the other is used.
func TestHoursOfOneLeg(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := silent("a"), silent("b")
		hours := func(s fallback.Submission, now time.Time) time.Time {
			if s.Channel == fallback.SMS {
				return now.Add(10 * time.Hour)
			}
			return now
		}
		r := running(t, delivery.Config{Hours: hours})
		route := bind(t, r, delivery.Route{{Try: fallback.AtOnce(a.on(fallback.Email), b.on(fallback.SMS)), Until: delivery.Accepted}})
		m := hello()
		m.Deadline = time.Now().Add(time.Hour)
		res, err := route.Send(t.Context(), m)
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Outcome)
		assert.Len(t, a.Sent(), 1)
		assert.Empty(t, b.Sent())
	})
}

// Of many messages and few slots, those that wait for one are not taken for
// lost when the lease of a call is over.
func TestManyMessagesWaitForASlot(t *testing.T) {
	t.Parallel()
	for _, class := range []fallback.Class{fallback.Promotional, fallback.Transactional} {
		synctest.Test(t, func(t *testing.T) {
			a, b := silent("a"), silent("b")
			a.Hook = func(context.Context, fallback.Submission) error {
				time.Sleep(5 * time.Second)
				return nil
			}
			r := running(t, delivery.Config{Workers: 16})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.WhatsApp), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
			outcomes, _ := collect(route.SendAll(t.Context(), several(1000, func(_ int, m *fallback.Message) { m.Class = class })))
			assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 1000}, outcomes)
			assert.Len(t, a.Sent(), 1000)
			assert.Empty(t, b.Sent())
		})
	}
}

// Who takes the results of SendAll wants no more after the first, which is of
// a message that was known: the new ones are sent all the same.
func TestBreakAtAKnownMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := silent("a")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		ms := several(10, func(_ int, m *fallback.Message) { m.Class = fallback.Promotional })
		for m := range ms {
			_, err := route.Send(t.Context(), m)
			require.NoError(t, err)
			break
		}
		for _, err := range route.SendAll(t.Context(), ms) {
			require.NoError(t, err)
			break
		}
		for m := range ms {
			res, err := route.Wait(t.Context(), m.Key)
			require.NoError(t, err)
			assert.Equal(t, fallback.Accepted, res.Outcome)
		}
		assert.Len(t, a.Sent(), 10)
	})
}

// A message that cannot be stored takes no other with it.
func TestOneOfManyCannotBeStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := silent("a")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		failed := 0
		for res, err := range route.SendAll(t.Context(), several(10, func(i int, m *fallback.Message) {
			if i == 5 {
				m.Deadline = time.Date(12_000, 1, 1, 0, 0, 0, 0, time.UTC) // JSON has four digits for a year
			}
		})) {
			if err != nil {
				failed++
				assert.Equal(t, "5", res.Key)
			}
		}
		assert.Equal(t, 1, failed)
		assert.Len(t, a.Sent(), 9)
	})
}

// A batch that is halved for long is not submitted any more when its lease is
// over: somebody else has gone on with its messages.
func TestHalvingEndsWithTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		a, b := batching("a"), silent("b")
		var mu sync.Mutex
		var last time.Duration
		a.answer = func(ctx context.Context, subs []fallback.Submission) []delivery.BatchResult {
			mu.Lock()
			last = max(last, time.Since(begin))
			mu.Unlock()
			time.Sleep(4 * time.Second)
			for _, s := range subs {
				if s.Message.Key[len(s.Message.Key)-1] == '7' {
					return all(&wrapped{fallback.ErrInvalidRequest})(ctx, subs)
				}
			}
			return all(nil)(ctx, subs)
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.WhatsApp), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
		for res, err := range route.SendAll(t.Context(), several(100, nil)) {
			require.NoError(t, err)
			assert.False(t, res.PossibleDuplicate, "%s", res)
		}
		assert.Less(t, last, time.Minute, "the lease")
	})
}

// Messages for a stage with a Within go together: not to the nanosecond do
// they expire at the same time.
func TestBatchesOfAStageThatExpires(t *testing.T) {
	t.Parallel()
	a, b := batching("a"), silent("b")
	r, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore()})
	require.NoError(t, err)
	route := bind(t, r, delivery.Route{
		{Try: a.on(fallback.WhatsApp), Until: delivery.Accepted, Within: time.Minute}, {Try: b.on(fallback.SMS), Until: delivery.Accepted},
	})
	outcomes, _ := collect(route.SendAll(t.Context(), several(40, nil)))
	assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 40}, outcomes)
	assert.LessOrEqual(t, len(a.sizes()), 3, fmt.Sprint(a.sizes())) // a second may have passed
}

// A Result of what was not stored does not speak of attempts.
func TestNothingIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, store := reporting("a"), faulty()
		r := running(t, delivery.Config{Store: store})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS)}})
		store.SetDown(true)
		res, err := route.Send(t.Context(), hello())
		require.ErrorIs(t, err, fallbacktest.ErrStore)
		assert.Equal(t, fallback.Result{Key: hello().Key}, res)
		assert.Empty(t, a.Sent())
		store.SetDown(false)
		_, err = route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Len(t, a.Sent(), 1)
	})
}

// quoting is an error that quotes a callback.
type quoting struct{ text string }

func (q quoting) Error() string                                      { return q.text }
func (q quoting) Receipts(*http.Request) ([]delivery.Receipt, error) { return nil, q }

// What Observe is told of a callback shows nothing of it.
func TestRejectedCallbackIsNotShown(t *testing.T) {
	t.Parallel()
	var told delivery.Event
	r, err := delivery.New(delivery.Config{Store: fallbacktest.VolatileStore(), Observe: func(e delivery.Event) { told = e }})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	r.Receipts(quoting{"cannot read +919812345678 of asha@example.com"}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", http.NoBody))
	assert.Equal(t, http.StatusBadRequest, w.Code)
	require.ErrorIs(t, told.Err, quoting{"cannot read +919812345678 of asha@example.com"})
	testutil.NoLeak(t, told.Err, "9812345678", "asha@example.com")
}
