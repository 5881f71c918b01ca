package delivery_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/capillary"
	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
	"github.com/cpaas-go/cpaas/fallback/senders"
	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/os1"
)

// Each stage has its own goal.
func TestGoals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		goal          delivery.Goal
		enough, short fallback.Outcome // of a receipt; Accepted: the answer itself
	}{
		{delivery.Accepted, fallback.Accepted, fallback.Pending},
		{delivery.Delivered, fallback.Delivered, fallback.Accepted},
		{delivery.Delivered, fallback.Read, fallback.Accepted},
		{delivery.Read, fallback.Read, fallback.Delivered},
	} {
		for _, outcome := range []fallback.Outcome{test.enough, test.short} {
			synctest.Test(t, func(t *testing.T) {
				a, b := reporting("a"), reporting("b")
				r := running(t, delivery.Config{})
				route := bind(t, r, delivery.Route{
					{Try: a.on(fallback.WhatsApp), Until: test.goal, Within: time.Minute}, {Try: b.on(fallback.SMS), Until: delivery.Accepted},
				})
				res, err := route.Send(t.Context(), hello())
				require.NoError(t, err)
				if test.goal == delivery.Accepted {
					assert.Equal(t, fallback.Accepted, res.Outcome)
					return
				}
				require.NoError(t, r.Receive(t.Context(), receipt(a, 0, outcome, nil)))
				time.Sleep(2 * time.Minute)
				res, err = route.Wait(t.Context(), "order-1")
				require.NoError(t, err)
				if outcome == test.enough {
					assert.Equal(t, outcome, res.Outcome)
					assert.Empty(t, b.Sent())
				} else {
					assert.Len(t, b.Sent(), 1)
					assert.True(t, res.PossibleDuplicate)
				}
			})
		}
	}
}

// The providers of a channel are tried in order; the reference of each is its
// own.
func TestAlternatives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := reporting("a", fallback.ErrInsufficientCredit), reporting("b"), reporting("c")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS), c.on(fallback.SMS)), Within: time.Minute}, {Try: c.on(fallback.RCS)}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		require.Len(t, b.Sent(), 1)
		assert.NotEqual(t, a.Sent()[0].Ref, b.Sent()[0].Ref)
		assert.LessOrEqual(t, len(b.Sent()[0].Ref), 50)
		// The person cannot be reached by text: the third provider is not asked.
		require.NoError(t, r.Receive(t.Context(), receipt(b, 0, fallback.Failed, fallback.ErrNotOnChannel)))
		synctest.Wait()
		require.Len(t, c.Sent(), 1)
		assert.Equal(t, fallback.RCS, c.Sent()[0].Channel)
	})
	// A receipt that blames the provider has the next provider tried.
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a"), reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS))}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		require.NoError(t, r.Receive(t.Context(), receipt(a, 0, fallback.Failed, fallback.ErrUnavailable)))
		synctest.Wait()
		assert.Len(t, b.Sent(), 1)
	})
}

// A stage of two legs goes out at once, and fails when both have failed.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := reporting("a"), reporting("b"), reporting("c")
		calling := 0
		var mu sync.Mutex
		both := make(chan struct{})
		hook := func(context.Context, fallback.Submission) error {
			mu.Lock()
			defer mu.Unlock()
			if calling++; calling == 2 {
				close(both)
			}
			return nil
		}
		a.Hook = func(ctx context.Context, s fallback.Submission) error { err := hook(ctx, s); <-both; return err }
		b.Hook = func(ctx context.Context, s fallback.Submission) error { err := hook(ctx, s); <-both; return err }
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{
			{Try: fallback.AtOnce(a.on(fallback.RCS), b.on(fallback.WhatsApp)), Within: time.Hour}, {Try: c.on(fallback.SMS)},
		})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		require.NoError(t, r.Receive(t.Context(), receipt(a, 0, fallback.Failed, nil)))
		synctest.Wait()
		assert.Empty(t, c.Sent(), "the other is still open")
		require.NoError(t, r.Receive(t.Context(), receipt(b, 0, fallback.Failed, nil)))
		synctest.Wait()
		assert.Len(t, c.Sent(), 1)
	})
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a"), reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: fallback.AtOnce(a.on(fallback.RCS), b.on(fallback.WhatsApp))}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		for _, p := range []provider{b, a} {
			require.NoError(t, r.Receive(t.Context(), receipt(p, 0, fallback.Delivered, nil)))
			time.Sleep(time.Second)
		}
		res, err := route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.WhatsApp, res.Channel, "the first")
		assert.False(t, res.Duplicate || res.PossibleDuplicate, "both were asked for")
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		taken := 0
		a, b := revoker{provider: reporting("a"), revoke: func(context.Context, string, string) error { taken++; return nil }}, reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS)}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		res, err := route.Cancel(t.Context(), "order-1")
		require.Error(t, err, "it was taken back")
		assert.Equal(t, fallback.Failed, res.Outcome)
		assert.Equal(t, 1, taken)
		time.Sleep(time.Hour)
		assert.Empty(t, b.Sent())
		again, err := route.Cancel(t.Context(), "order-1")
		require.Error(t, err)
		assert.Equal(t, res.Outcome, again.Outcome)
		_, err = route.Cancel(t.Context(), "nobody")
		require.ErrorIs(t, err, delivery.ErrNotFound)
	})
	// While a call is under way: what it comes to is still taken in.
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a", fallback.ErrNotOnChannel), reporting("b")
		a.Hook = func(context.Context, fallback.Submission) error { time.Sleep(10 * time.Second); return nil }
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS)}})
		var work sync.WaitGroup
		work.Go(func() {
			res, err := route.Send(t.Context(), hello())
			assert.ErrorIs(t, err, fallback.ErrNotOnChannel)
			assert.Equal(t, fallback.Failed, res.Outcome)
		})
		time.Sleep(time.Second)
		res, err := route.Cancel(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Pending, res.Outcome, "the call is not over")
		work.Wait()
		time.Sleep(time.Hour)
		assert.Empty(t, b.Sent())
	})
}

func TestExplain(t *testing.T) {
	t.Parallel()
	a, b, mail := reporting("a"), reporting("b"), silent("mail")
	r := runnerOver(t, faulty())
	route := bind(t, r, delivery.Route{
		{Try: a.on(fallback.RCS), Within: 20 * time.Second},
		{Try: fallback.AtOnce(a.on(fallback.WhatsApp), b.on(fallback.Messenger)), Until: delivery.Read},
		{Try: mail.on(fallback.Email), Until: delivery.Accepted},
	})
	m := hello()
	m.To.Email = ""
	m.To.Only = []fallback.Channel{fallback.RCS, fallback.Messenger, fallback.Email}
	plan, err := route.Explain(m)
	require.NoError(t, err)
	require.Len(t, plan, 4)
	assert.Equal(t, "delivered within 20s", plan[0].Wait)
	assert.Equal(t, "read", plan[1].Wait)
	assert.Empty(t, plan[0].Skipped)
	assert.NotEmpty(t, plan[1].Skipped)
	assert.Empty(t, plan[2].Skipped)
	assert.NotEmpty(t, plan[3].Skipped)
	assert.Equal(t, []int{1, 2, 2, 3}, []int{plan[0].Step, plan[1].Step, plan[2].Step, plan[3].Step})
	text := plan.String()
	assert.Contains(t, text, "until delivered within 20s")
	assert.Contains(t, text, "passed over: ")
	testutil.NoLeak(t, plan, number, "hello there")
	assert.Empty(t, a.Sent())
}

// Wait works at another Runner, and after the process has ended.
func TestWaitElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := fallbacktest.VolatileStore()
		a := reporting("a")
		here, there := running(t, delivery.Config{Store: store}), running(t, delivery.Config{Store: store})
		route := delivery.Route{{Try: a.on(fallback.RCS), Within: time.Hour}}
		sent, waits := bind(t, here, route), bind(t, there, route)
		_, err := sent.Send(t.Context(), hello())
		require.NoError(t, err)
		var work sync.WaitGroup
		for range 3 {
			work.Go(func() {
				res, err := waits.Wait(t.Context(), "order-1")
				assert.NoError(t, err)
				assert.Equal(t, fallback.Delivered, res.Outcome)
			})
		}
		time.Sleep(10 * time.Second)
		require.NoError(t, here.Receive(t.Context(), receipt(a, 0, fallback.Delivered, nil)))
		begin := time.Now()
		work.Wait()
		assert.LessOrEqual(t, time.Since(begin), time.Second)

		_, err = waits.Wait(t.Context(), "nobody")
		require.ErrorIs(t, err, delivery.ErrNotFound)
		_, err = sent.Send(t.Context(), keyed("second"))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		res, err := waits.Wait(ctx, "second")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, fallback.Pending, res.Outcome)
	})
}

// The error that Wait gives is the one that Send gives.
func TestWaitSaysWhatSendSays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sender provider
		m      func() fallback.Message
		is     error
	}{
		"refused":    {silent("a", fallback.ErrContentRejected), hello, fallback.ErrContentRejected},
		"unsure":     {silent("a", fallback.ErrMaybeAccepted), hello, fallback.ErrMaybeAccepted},
		"no address": {silent("a"), func() fallback.Message { return fallback.Message{Key: "order-1", Text: "x"} }, fallback.ErrInvalidRecipient},
		"too late": {silent("a"), func() fallback.Message {
			m := hello()
			m.Deadline = time.Now()
			return m
		}, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: test.sender.on(fallback.SMS), Until: delivery.Accepted}})
			sent, err := route.Send(t.Context(), test.m())
			waited, waitErr := route.Wait(t.Context(), "order-1")
			if test.is == fallback.ErrInvalidRecipient { //nolint:errorlint // it is the same value
				require.Error(t, err, name)
			} else {
				require.ErrorIs(t, err, test.is, name)
			}
			require.Error(t, waitErr, name)
			assert.Equal(t, err.Error(), waitErr.Error(), name)
			assert.Equal(t, sent.String(), waited.String(), name)
			testutil.NoLeak(t, err, number, "hello there")
			testutil.NoLeak(t, waited, number, "hello there")
		})
	}
}

// A leg without receipts cannot be waited for.
func TestBindRefuses(t *testing.T) {
	t.Parallel()
	capillaryClient, err := capillary.New("https://host.example.com", capillary.OAuth("key-12345", "secret-12345"))
	require.NoError(t, err)
	caps := senders.Capillary{Client: capillaryClient}
	os1Client, err := os1.New("https://tenant.example.com", "tenant-1", os1.StaticToken("token-12345"))
	require.NoError(t, err)
	plain := senders.OS1{Client: os1Client}
	assumed := plain
	assumed.CallbackURL = "https://acme.example.com/hooks/os1"
	assumed.AssumeReceipts = map[string]fallback.Outcome{"DELIVERED": fallback.Delivered}
	a := reporting("a")
	for name, test := range map[string]struct {
		route delivery.Route
		ok    bool
	}{
		"receipts":                      {delivery.Route{{Try: a.on(fallback.SMS)}}, true},
		"capillary, waits":              {delivery.Route{{Try: caps.WhatsApp()}}, false},
		"capillary, accepted":           {delivery.Route{{Try: caps.WhatsApp(), Until: delivery.Accepted}}, true},
		"os1, waits":                    {delivery.Route{{Try: plain.SMS("ACME")}}, false},
		"os1, assumed":                  {delivery.Route{{Try: assumed.SMS("ACME")}}, true},
		"os1, read is not assumed":      {delivery.Route{{Try: assumed.SMS("ACME"), Until: delivery.Read}}, false},
		"an alternative without":        {delivery.Route{{Try: a.on(fallback.SMS).Or(plain.SMS("ACME"))}}, false},
		"one of two at once without":    {delivery.Route{{Try: fallback.AtOnce(a.on(fallback.SMS), caps.WhatsApp())}}, false},
		"no stage":                      {nil, false},
		"no leg":                        {delivery.Route{{}}, false},
		"a negative wait":               {delivery.Route{{Try: a.on(fallback.SMS), Within: -1}}, false},
		"an unknown goal":               {delivery.Route{{Try: a.on(fallback.SMS), Until: 9}}, false},
		"a leg that is wrong by itself": {delivery.Route{{Try: senders.Octopush{}.SMS("ACME")}}, false},
	} {
		b, err := runnerOver(t, faulty()).Bind("route", test.route)
		if test.ok {
			assert.NoError(t, err, name)
		} else {
			assert.Error(t, err, name)
			assert.Nil(t, b, name)
		}
	}
	r := runnerOver(t, faulty())
	bind(t, r, delivery.Route{{Try: a.on(fallback.SMS)}})
	_, err = r.Bind("test", delivery.Route{{Try: a.on(fallback.SMS)}})
	require.Error(t, err, "the name is taken")
	_, err = r.Bind("", delivery.Route{{Try: a.on(fallback.SMS)}})
	require.Error(t, err)
	// Everything that is wrong is said at once.
	_, err = r.Bind("other", delivery.Route{{Try: caps.WhatsApp()}, {Try: plain.SMS("ACME")}})
	require.ErrorContains(t, err, "stage 1")
	require.ErrorContains(t, err, "stage 2")

	for _, c := range []delivery.Config{
		{},
		{Store: faulty(), Call: -1},
		{Store: faulty(), Workers: -1},
		{Store: faulty(), Keep: -1},
		{Store: faulty(), Breaker: delivery.Breaker{Rate: 1.1}},
		{Store: faulty(), Breaker: delivery.Breaker{Window: -1}},
	} {
		_, err := delivery.New(c)
		assert.Error(t, err)
	}
}

// An attempt of unknown fate is held where receipts carry its reference, for
// as long as its class has.
func TestHold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		class fallback.Class
		hold  map[fallback.Class]time.Duration
		echo  bool
		want  time.Duration
	}{
		{fallback.OTP, nil, true, 10 * time.Second},
		{fallback.Transactional, nil, true, 45 * time.Second},
		{fallback.Transactional, map[fallback.Class]time.Duration{fallback.Transactional: time.Minute}, true, time.Minute},
		{fallback.Transactional, map[fallback.Class]time.Duration{fallback.Transactional: 0}, true, 0},
		{fallback.Transactional, nil, false, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := reporting("a", fallback.ErrMaybeAccepted), reporting("b")
			a.caps.Echo = test.echo
			r := running(t, delivery.Config{Hold: test.hold})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Hour}, {Try: b.on(fallback.SMS)}})
			m := hello()
			m.Class = test.class
			res, err := route.Send(t.Context(), m)
			require.NoError(t, err)
			if test.want > 0 {
				assert.Equal(t, test.want, time.Until(res.Due))
				time.Sleep(test.want - time.Millisecond)
				assert.Empty(t, b.Sent())
				time.Sleep(2 * time.Second)
			}
			assert.Len(t, b.Sent(), 1)
			res, err = route.Cancel(t.Context(), m.Key)
			require.NoError(t, err)
			assert.True(t, res.PossibleDuplicate)
		})
	}
	// A receipt within the hold proves it: an ordinary wait follows.
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a", fallback.ErrMaybeAccepted), reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Hour}, {Try: b.on(fallback.SMS)}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		time.Sleep(44 * time.Second)
		require.NoError(t, r.Receive(t.Context(), receipt(a, 0, fallback.Accepted, nil)))
		time.Sleep(50 * time.Minute)
		assert.Empty(t, b.Sent())
	})
}

// Where repeats are refused, one of unknown fate is repeated with the same
// reference; the refusal proves that it was accepted.
func TestRepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := byID("a", fallback.ErrMaybeAccepted, fallback.ErrDuplicate), reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Within: time.Hour}, {Try: b.on(fallback.RCS)}})
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		require.Len(t, a.Sent(), 2)
		assert.Equal(t, a.Sent()[0].Ref, a.Sent()[1].Ref)
		assert.Len(t, res.Attempts, 1)
		assert.Equal(t, fallback.Accepted, res.Attempts[0].Outcome)
		assert.False(t, res.PossibleDuplicate)
		time.Sleep(59 * time.Minute)
		assert.Empty(t, b.Sent())
	})
	// No repeat gets an answer: in the end the class decides. A promotional
	// message is repeated too, because that doubles nothing, but goes no further.
	for _, class := range []fallback.Class{fallback.OTP, fallback.Promotional} {
		synctest.Test(t, func(t *testing.T) {
			a, b := byID("a", fallback.ErrMaybeAccepted), reporting("b")
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Within: time.Hour}, {Try: b.on(fallback.RCS), Until: delivery.Accepted}})
			m := hello()
			m.Class = class
			_, err := route.Send(t.Context(), m)
			if err == nil {
				time.Sleep(time.Minute)
				_, err = route.Wait(t.Context(), m.Key)
			}
			assert.Len(t, a.Sent(), 3)
			if class == fallback.Promotional {
				require.ErrorIs(t, err, fallback.ErrMaybeAccepted)
				assert.Empty(t, b.Sent())
			} else {
				require.NoError(t, err)
				assert.Len(t, b.Sent(), 1)
			}
		})
	}
}

// A provider that can be asked is asked before anything is sent again.
func TestFind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		found fallback.Outcome
		err   error
		sms   int
	}{
		"delivered":       {fallback.Delivered, nil, 0},
		"accepted":        {fallback.Accepted, nil, 0},
		"failed":          {fallback.Failed, nil, 1},
		"not known":       {fallback.Pending, nil, 1},
		"cannot be asked": {fallback.Pending, fallback.ErrUnavailable, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			a, b := finder{provider: reporting("a", fallback.ErrMaybeAccepted)}, reporting("b")
			a.caps.Echo = false
			a.find = func(_ context.Context, ref, _ string) ([]delivery.Receipt, error) {
				asked++
				assert.Equal(t, a.Sent()[0].Ref, ref)
				if test.err != nil || test.found == fallback.Pending {
					return nil, test.err
				}
				return []delivery.Receipt{{Provider: "a", ID: "found-1", Outcome: test.found}}, nil
			}
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Hour}, {Try: b.on(fallback.SMS)}})
			res, err := route.Send(t.Context(), hello())
			require.NoError(t, err)
			assert.Equal(t, 1, asked, name)
			assert.Len(t, b.Sent(), test.sms, name)
			if test.found == fallback.Delivered {
				assert.Equal(t, fallback.Delivered, res.Outcome)
				assert.Equal(t, "found-1", res.ID)
			}
		})
	}
}

// The wait for a provider's limit counts against the stage.
func TestLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a"), reporting("b")
		var asked []string
		r := running(t, delivery.Config{Limit: func(ctx context.Context, provider string, n int) error {
			asked = append(asked, provider)
			assert.Equal(t, 1, n)
			if provider == "b" {
				time.Sleep(time.Second)
				return nil
			}
			<-ctx.Done() // full for long
			return ctx.Err()
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Within: 20 * time.Second}, {Try: a.on(fallback.RCS)}})
		begin := time.Now()
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, 21*time.Second, time.Since(begin))
		require.Len(t, res.Attempts, 2)
		require.ErrorIs(t, res.Attempts[0].Err, fallback.ErrRateLimited)
		assert.Equal(t, []string{"a", "b"}, asked)
		assert.Empty(t, a.Sent())
		assert.Len(t, b.Sent(), 1)
		assert.False(t, res.PossibleDuplicate)
	})
}

// What is observed, in its order, and nothing personal in it.
func TestObserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var seen events
		a, b := reporting("a"), reporting("b")
		r := running(t, delivery.Config{Observe: seen.observe})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS), Within: time.Minute}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		time.Sleep(time.Hour)
		require.NoError(t, r.Receive(t.Context(), receipt(b, 0, fallback.Delivered, nil)))
		time.Sleep(time.Second)
		assert.Equal(t, []delivery.EventKind{
			delivery.Submitted, delivery.Waiting, // RCS
			delivery.Submitted, delivery.Waiting, // SMS
			delivery.Finished, // in silence
			delivery.Received, delivery.Corrected,
		}, seen.kinds("order-1"))
		last := seen.list()[len(seen.list())-1]
		assert.Equal(t, fallback.Delivered, last.Result.Outcome)
		for _, event := range seen.list() {
			assert.Equal(t, "test", event.Route)
			assert.False(t, event.At.IsZero())
			testutil.NoLeak(t, event, number, "9812345678", "user@example.com", "hello there")
		}
	})
	// A process ends in a call: it never stores what the call came to.
	synctest.Test(t, func(t *testing.T) {
		var seen events
		base := fallbacktest.VolatileStore()
		dying := fallbacktest.Faulty(base)
		a, b := silent("a"), silent("b")
		a.Hook = func(context.Context, fallback.Submission) error { dying.SetDown(true); return nil }
		stages := delivery.Route{{Try: a.on(fallback.RCS), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}}
		before, err := delivery.New(delivery.Config{Store: dying})
		require.NoError(t, err)
		dead := bind(t, before, stages)
		go dead.Send(t.Context(), hello()) //nolint:errcheck // nobody hears of it
		synctest.Wait()
		c := delivery.Config{Store: base, Observe: seen.observe}
		route := bind(t, running(t, c), stages)
		begin := time.Now()
		res, err := route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.LessOrEqual(t, time.Since(begin), time.Minute+time.Second, "the lease, and a second")
		assert.Equal(t, fallback.Unknown, res.Attempts[0].Outcome, "never taken for not sent")
		assert.Equal(t, fallback.SMS, res.Channel)
		assert.True(t, res.PossibleDuplicate)
		assert.Equal(t, []delivery.EventKind{delivery.Recovered, delivery.Submitted, delivery.Finished}, seen.kinds("order-1"))
		time.Sleep(time.Hour)
		assert.Len(t, a.Sent(), 1)
	})
}

// A receipt comes before anybody knows of the message it is about.
func TestParkedReceipts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := faulty()
		a := byID("a")
		r := running(t, delivery.Config{Store: store})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Within: time.Hour}})
		require.NoError(t, r.Receive(t.Context(),
			delivery.Receipt{Provider: "a", ID: "test-1", Outcome: fallback.Delivered},
			delivery.Receipt{Provider: "b", ID: "test-1", Outcome: fallback.Failed}, // another provider's
			delivery.Receipt{Provider: "a", ID: "test-9", Outcome: fallback.Failed},
		))
		// What proves nothing, or finds nothing, is not stored.
		calls := store.Calls(fallbacktest.Receive)
		require.NoError(t, r.Receive(t.Context(),
			delivery.Receipt{Provider: "a", Outcome: fallback.Delivered},
			delivery.Receipt{Provider: "a", ID: "test-1", Outcome: fallback.Unknown},
			delivery.Receipt{Provider: "a", ID: "test-1"},
		))
		require.NoError(t, r.Receive(t.Context()))
		assert.Equal(t, calls, store.Calls(fallbacktest.Receive))
		time.Sleep(time.Minute)
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		res, err := route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)
		assert.Equal(t, "test-1", res.ID)
	})
	// They are not kept for ever.
	synctest.Test(t, func(t *testing.T) {
		a := byID("a")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Within: time.Minute}})
		require.NoError(t, r.Receive(t.Context(), delivery.Receipt{Provider: "a", ID: "test-1", Outcome: fallback.Failed}))
		time.Sleep(2 * time.Hour)
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Attempts[0].Outcome)
	})
}

// The caller's context ends: the call that was begun is finished all the same.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a", fallback.ErrNotOnChannel), reporting("b")
		a.Hook = func(ctx context.Context, _ fallback.Submission) error {
			time.Sleep(10 * time.Second)
			return ctx.Err()
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS)}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		res, err := route.Send(ctx, hello())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, "order-1", res.Key)
		time.Sleep(20 * time.Second)
		assert.Len(t, b.Sent(), 1, "the message goes on")
		require.NoError(t, r.Receive(t.Context(), receipt(b, 0, fallback.Delivered, nil)))
		res, err = route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)

		_, err = route.Send(ctx, keyed("never"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = route.Wait(t.Context(), "never")
		require.ErrorIs(t, err, delivery.ErrNotFound)
	})
}

// The expiry that a provider is given is the end of its stage, the deadline
// for the last one, and no longer than the provider takes.
func TestExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a"), reporting("b")
		a.caps.MaxTTL, b.caps.MaxTTL = time.Hour, 10*time.Minute
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: 20 * time.Second}, {Try: b.on(fallback.SMS)}})
		m := hello()
		m.Deadline = time.Now().Add(time.Hour)
		_, err := route.Send(t.Context(), m)
		require.NoError(t, err)
		assert.Equal(t, 20*time.Second, time.Until(a.Sent()[0].Expires))
		time.Sleep(21 * time.Second)
		assert.InDelta(t, 10*time.Minute, time.Until(b.Sent()[0].Expires), float64(2*time.Second))
	})
}

// Messages that are finished are forgotten in time; their content at once.
func TestForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := fallbacktest.VolatileStore()
		a := silent("a")
		r := running(t, delivery.Config{Store: store, Keep: time.Hour})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		rec, err := store.Get(t.Context(), "order-1")
		require.NoError(t, err)
		assert.NotContains(t, string(rec.Body), "hello there")
		assert.NotContains(t, string(rec.Body), "9812345678")
		time.Sleep(59 * time.Minute)
		_, err = route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		time.Sleep(3 * time.Minute)
		_, err = route.Wait(t.Context(), "order-1")
		require.ErrorIs(t, err, delivery.ErrNotFound)
	})
}

// No more messages are worked on at once than there are workers, and none
// waits for another that only waits.
func TestWorkers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		store := fallbacktest.VolatileStore()
		a := silent("a")
		a.Hook = func(context.Context, fallback.Submission) error {
			n := now.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(time.Second)
			now.Add(-1)
			return nil
		}
		r, err := delivery.New(delivery.Config{Store: store, Workers: 8})
		require.NoError(t, err)
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		for i := range 80 {
			rec, err := route.Record(keyed(fmt.Sprint(i)))
			require.NoError(t, err)
			_, err = store.Create(t.Context(), []delivery.Record{rec})
			require.NoError(t, err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.Run(ctx) }() //nolint:errcheck // ended below
		begin := time.Now()
		for i := range 80 {
			_, err := route.Wait(t.Context(), fmt.Sprint(i))
			require.NoError(t, err)
		}
		assert.EqualValues(t, 8, most.Load())
		assert.LessOrEqual(t, math.Abs(time.Since(begin).Seconds()-10), 1.0)
		stop()
		<-done
	})
}

// What a store keeps of content is what was given.
func TestContentSurvives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := reporting("a", fallback.ErrNotOnChannel)
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{
			{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: a.on(fallback.Email), Within: time.Minute}, {Try: a.on(fallback.SMS), Within: time.Minute},
		})
		m := hello()
		m.Class, m.Text = fallback.OTP, strings.Repeat("é", 100)
		m.Content = fallback.Contents{
			fallback.RCS:   fallback.Template{Name: "otp", Locale: "en", Args: []string{"1", ""}, Vars: map[string]string{"CODE": "<4821>"}},
			fallback.Email: fallback.Mail{Subject: "code", Text: "4821", HTML: "<b>4821</b>"},
		}
		_, err := route.Send(t.Context(), m)
		require.Error(t, err)
		require.Len(t, a.Sent(), 3)
		for i, ch := range []fallback.Channel{fallback.RCS, fallback.Email, fallback.SMS} {
			assert.Equal(t, m.ContentFor(ch), a.Sent()[i].Content)
			assert.Equal(t, m, a.Sent()[i].Message)
		}
	})
}

// waking is a store that wakes the Runner: first Wake fails, then its channel
// closes, then it stays.
type waking struct {
	delivery.Store

	asked  []time.Time // under mu, as all
	claims []time.Time
	ch     chan struct{}
	mu     sync.Mutex
}

func (w *waking) Wake(context.Context) (<-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, time.Now())
	switch len(w.asked) {
	case 1:
		return nil, fmt.Errorf("no connection")
	case 2:
		closed := make(chan struct{})
		close(closed)
		return closed, nil
	}
	return w.ch, nil
}

func (w *waking) Claim(ctx context.Context, lease time.Duration, limit int) ([]delivery.Record, time.Duration, error) {
	w.mu.Lock()
	w.claims = append(w.claims, time.Now())
	w.mu.Unlock()
	return w.Store.Claim(ctx, lease, limit)
}

// TestWakesAgain: a store that cannot wake the Runner, or stops doing so, is
// asked again, and what it says is acted on at once.
func TestWakesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		store := &waking{Store: fallbacktest.VolatileStore(), ch: make(chan struct{})}
		running(t, delivery.Config{Store: store})
		time.Sleep(20*time.Second + 300*time.Millisecond)
		store.ch <- struct{}{}
		synctest.Wait()
		store.mu.Lock()
		defer store.mu.Unlock()
		if assert.Len(t, store.asked, 3) {
			assert.Equal(t, []time.Duration{0, 5 * time.Second, 10 * time.Second}, []time.Duration{
				store.asked[0].Sub(begin), store.asked[1].Sub(begin), store.asked[2].Sub(begin),
			})
		}
		last := store.claims[len(store.claims)-1].Sub(begin)
		assert.Equal(t, 20*time.Second+300*time.Millisecond, last, "the store woke the Runner")
	})
}

// naming is a provider that gives an id even where it is not certain that it
// took all.
type naming struct{ provider }

func (n naming) Send(ctx context.Context, s fallback.Submission) (fallback.Ack, error) {
	_, err := n.Sender.Send(ctx, s)
	return fallback.Ack{ID: "campaign-7"}, err
}

// TestIDOfAnAttemptOfUnknownFate: a receipt finds it by its id.
func TestIDOfAnAttemptOfUnknownFate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := naming{reporting("a", fallback.ErrMaybeAccepted)}, reporting("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{
			{Try: fallback.Leg{Channel: fallback.WhatsApp, Provider: "a", Sender: a}, Until: delivery.Delivered, Within: time.Minute},
			{Try: b.on(fallback.SMS), Until: delivery.Accepted},
		})
		go func() {
			time.Sleep(time.Second)
			assert.NoError(t, r.Receive(t.Context(), delivery.Receipt{Provider: "a", ID: "campaign-7", Outcome: fallback.Delivered, Raw: []byte("r")}))
		}()
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		res, err = route.Wait(t.Context(), res.Key)
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)
		assert.Equal(t, "campaign-7", res.ID)
		assert.Empty(t, b.Sent())
	})
}
