package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

const number = "+919812345678"

// provider is a sender with receipts that echo the reference.
type provider struct {
	*fallbacktest.Sender

	caps delivery.Caps
}

func (p provider) Limits() delivery.Caps { return p.caps }

func (p provider) on(ch fallback.Channel) fallback.Leg {
	return fallback.Leg{Channel: ch, Provider: p.Provider, Sender: p}
}

func reporting(name string, errs ...error) provider {
	return provider{
		&fallbacktest.Sender{Provider: name, Errs: errs},
		delivery.Caps{Reports: []delivery.Goal{delivery.Delivered, delivery.Read}, Echo: true},
	}
}

func hello() fallback.Message {
	return fallback.Message{Key: "order-1", To: fallback.Recipient{Phone: number, Email: "user@example.com"}, Text: "hello there"}
}

// running makes a Runner that runs until the test ends.
func running(t *testing.T, c delivery.Config) *delivery.Runner {
	t.Helper()
	if c.Store == nil {
		c.Store = fallbacktest.VolatileStore()
	}
	r, err := delivery.New(c)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx) //nolint:errcheck // ended below
	}()
	t.Cleanup(func() { stop(); <-done })
	return r
}

func bind(t *testing.T, r *delivery.Runner, route delivery.Route) *delivery.BoundRoute {
	t.Helper()
	b, err := r.Bind("test", route)
	require.NoError(t, err)
	return b
}

func receipt(p provider, i int, outcome fallback.Outcome, err error) delivery.Receipt {
	return delivery.Receipt{Provider: p.Provider, Ref: p.Sent()[i].Ref, Outcome: outcome, Err: err, Raw: fmt.Appendf(nil, "%v %v", outcome, err)}
}

func TestSilenceMovesOnAndReceiptEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rcs, sms := reporting("a"), reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: rcs.on(fallback.RCS), Within: 20 * time.Second}, {Try: sms.on(fallback.SMS)}})

		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, fallback.Pending, res.Outcome)
		assert.Equal(t, 20*time.Second, time.Until(res.Due))
		time.Sleep(19 * time.Second)
		assert.Empty(t, sms.Sent())
		time.Sleep(2 * time.Second)
		require.Len(t, sms.Sent(), 1)
		require.NoError(t, r.Receive(t.Context(), receipt(sms, 0, fallback.Delivered, nil)))
		res, err = route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)
		assert.Equal(t, fallback.SMS, res.Channel)
		assert.True(t, res.PossibleDuplicate, "the first may still arrive")
		assert.False(t, res.Duplicate)

		require.NoError(t, r.Receive(t.Context(), receipt(rcs, 0, fallback.Delivered, nil)))
		time.Sleep(time.Second)
		res, err = route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.True(t, res.Duplicate, "a late receipt is taken in")
	})
}

func TestFailedReceiptMovesOnAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rcs, sms := reporting("a"), reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: rcs.on(fallback.RCS), Within: time.Hour}, {Try: sms.on(fallback.SMS)}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		begin := time.Now()
		require.NoError(t, r.Receive(t.Context(), receipt(rcs, 0, fallback.Failed, fallback.ErrNotOnChannel)))
		synctest.Wait()
		require.Len(t, sms.Sent(), 1)
		assert.Zero(t, time.Since(begin))
	})
}

func TestRefusalGoesOnWithinSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rcs, sms := reporting("a", fallback.ErrNotOnChannel), reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: rcs.on(fallback.RCS), Within: time.Hour}, {Try: sms.on(fallback.SMS)}})
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Len(t, res.Attempts, 2)
		assert.Len(t, sms.Sent(), 1)
	})
}

func TestSameKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sms := reporting("a")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: sms.on(fallback.SMS)}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		again := hello()
		again.Deadline = time.Now().Add(time.Hour)
		res, err := route.Send(t.Context(), again)
		require.NoError(t, err)
		assert.Equal(t, fallback.Pending, res.Outcome)
		assert.Len(t, sms.Sent(), 1)
		other := hello()
		other.Text = "something else"
		_, err = route.Send(t.Context(), other)
		require.ErrorIs(t, err, delivery.ErrKeyReused)
		assert.Len(t, sms.Sent(), 1)
	})
}

func TestEverybodyRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sms := reporting("a", fallback.ErrInsufficientCredit)
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: sms.on(fallback.SMS)}})
		res, err := route.Send(t.Context(), hello())
		require.ErrorIs(t, err, fallback.ErrInsufficientCredit)
		require.NotErrorIs(t, err, fallback.ErrMaybeAccepted)
		_, ok := errors.AsType[*fallback.Error](err)
		assert.True(t, ok)
		assert.Equal(t, fallback.Failed, res.Outcome)
	})
}

func TestSendAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sms := fallbacktest.Accepting()
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: sms.On(fallback.SMS), Until: delivery.Accepted}})
		n := 0
		for res, err := range route.SendAll(t.Context(), func(yield func(fallback.Message) bool) {
			for i := range 1234 {
				m := hello()
				m.Key = fmt.Sprint(i)
				if !yield(m) {
					return
				}
			}
		}) {
			require.NoError(t, err)
			assert.Equal(t, fallback.Accepted, res.Outcome)
			n++
		}
		assert.Equal(t, 1234, n)
		assert.Len(t, sms.Sent(), 1234)
	})
}
