package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// A Limit that refuses at once the repeat of an attempt of unknown fate.
func TestLimitRefusesARepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := byID("a", fallback.ErrMaybeAccepted), silent("b")
		asked := 0
		r := running(t, delivery.Config{Limit: func(_ context.Context, p string, _ int) error {
			if p != "a" {
				return nil
			}
			if asked++; asked > 1000 {
				panic("busy loop: Limit was asked 1000 times")
			}
			if asked > 1 {
				return errors.New("too many")
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		res, err := route.Wait(t.Context(), hello().Key)
		require.NoError(t, err)
		assert.Equal(t, "b", res.Provider)
		assert.LessOrEqual(t, asked, 5)
	})
}

// The same, where Limit blocks until its time is over: the next channel is not kept waiting for a day.
func TestLimitBlocksARepeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := byID("a", fallback.ErrMaybeAccepted), silent("b")
		asked := 0
		r := running(t, delivery.Config{Limit: func(ctx context.Context, p string, _ int) error {
			if p != "a" {
				return nil
			}
			if asked++; asked > 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
		m := hello()
		m.Deadline = time.Now().Add(time.Hour)
		begun := time.Now()
		route.Send(t.Context(), m) //nolint:errcheck // Wait says it
		res, err := route.Wait(t.Context(), m.Key)
		require.NoError(t, err)
		assert.Equal(t, "b", res.Provider)
		assert.Less(t, time.Since(begun), 5*time.Minute)
	})
}

// The provider is not bound in this process any more.
func TestRepeatWithoutASender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := byID("a"), silent("b")
		a.Hook = func(context.Context, fallback.Submission) error { return later2{} }
		store := faulty()
		commits := 0
		store.Hook = func(op fallbacktest.StoreOp, _ ...string) {
			if op == fallbacktest.Commit {
				if commits++; commits > 1000 {
					panic("busy loop: 1000 commits")
				}
			}
		}
		r1 := runnerOver(t, store)
		b1, err := r1.Bind("test", delivery.Route{{Try: a.on(fallback.RCS), Until: delivery.Accepted}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
		require.NoError(t, err)
		_, err = b1.Send(t.Context(), hello())
		require.NoError(t, err)
		r := running(t, delivery.Config{Store: store})
		route := bind(t, r, delivery.Route{{Try: b.on(fallback.SMS), Until: delivery.Accepted}})
		res, err := route.Wait(t.Context(), hello().Key)
		require.NoError(t, err)
		assert.Equal(t, "b", res.Provider)
	})
}

type later2 struct{}

func (later2) Error() string             { return "maybe" }
func (later2) Unwrap() error             { return fallback.ErrMaybeAccepted }
func (later2) RetryDelay() time.Duration { return 20 * time.Second }

// Two legs at once, each of whose limits takes 40 s, in a record that was claimed.
func TestClaimOfTwoAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a, b := silent("a"), silent("b")
		store := fallbacktest.VolatileStore()
		var mu sync.Mutex
		asked := 0
		r := running(t, delivery.Config{Store: store, Limit: func(context.Context, string, int) error {
			mu.Lock()
			asked++
			mu.Unlock()
			time.Sleep(40 * time.Second)
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: fallback.AtOnce(a.on(fallback.RCS), b.on(fallback.SMS)), Until: delivery.Accepted}})
		rec, err := route.Record(hello())
		require.NoError(t, err)
		_, err = store.Create(t.Context(), []delivery.Record{rec})
		require.NoError(t, err)
		_, err = route.Wait(t.Context(), hello().Key)
		require.NoError(t, err)
		took := time.Since(begun)
		time.Sleep(2 * time.Hour)
		assert.Less(t, took, 5*time.Minute)
		assert.LessOrEqual(t, asked, 4)
	})
}

// Of two at once, the limit of the second refuses after its time: the call of the first has its time.
func TestLeaseWhenTheOtherIsRefused(t *testing.T) {
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
		r := running(t, delivery.Config{Limit: func(ctx context.Context, p string, _ int) error {
			if p == "b" {
				<-ctx.Done()
			}
			return ctx.Err()
		}})
		route := bind(t, r, delivery.Route{{Try: fallback.AtOnce(a.on(fallback.RCS), b.on(fallback.SMS)), Until: delivery.Accepted}})
		m := hello()
		m.Class = fallback.Promotional
		res, err := route.Send(t.Context(), m)
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Outcome)
	})
}

// Ctx of SendAll ends while limits are waited for, and the store fails once.
func TestPutBackFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := silent("a")
		store := faulty()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		r := running(t, delivery.Config{Store: store, Limit: func(lctx context.Context, _ string, _ int) error {
			if ctx.Err() == nil {
				<-lctx.Done()
				return lctx.Err()
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		go func() {
			time.Sleep(9 * time.Second)
			store.SetDown(true)
			time.Sleep(3 * time.Second)
			store.SetDown(false)
		}()
		collect(route.SendAll(ctx, several(3, func(_ int, m *fallback.Message) { m.Class = fallback.Promotional })))
		time.Sleep(5 * time.Second)
		for i := range 3 {
			res, err := route.Wait(t.Context(), fmt.Sprint(i))
			assert.NoError(t, err)
			assert.Equal(t, fallback.Accepted, res.Outcome)
		}
	})
}

// Ctx ends, and nothing is begun any more.
func TestBulkContextEndsWithoutLimit(t *testing.T) {
	t.Parallel()
	for _, limited := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			a := silent("a")
			a.Hook = func(context.Context, fallback.Submission) error { time.Sleep(30 * time.Second); return nil }
			c := delivery.Config{Workers: 4}
			if limited {
				c.Limit = func(context.Context, string, int) error { return nil }
			}
			r := running(t, c)
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			begun := time.Now()
			collect(route.SendAll(ctx, several(1000, nil)))
			assert.Less(t, time.Since(begun), time.Minute, "limited %v", limited)
			for i := range 1000 {
				res, err := route.Wait(t.Context(), fmt.Sprint(i))
				require.NoError(t, err)
				assert.False(t, res.PossibleDuplicate)
			}
			assert.Len(t, a.Sent(), 1000)
		})
	}
}

// Two SendAlls share the slots.
func TestTwoBulks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := silent("a")
		a.Hook = func(context.Context, fallback.Submission) error { time.Sleep(40 * time.Second); return nil }
		store := fallbacktest.VolatileStore()
		r, other := running(t, delivery.Config{Workers: 4, Store: store}), running(t, delivery.Config{Workers: 4, Store: store})
		stages := delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}}
		route := bind(t, r, stages)
		bind(t, other, stages)
		var both sync.WaitGroup
		for i := range 2 {
			both.Go(func() {
				outcomes, _ := collect(route.SendAll(t.Context(), several(100, func(_ int, m *fallback.Message) {
					m.Class = fallback.Promotional
					m.Key = fmt.Sprint(i, "-", m.Key)
				})))
				assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 100}, outcomes)
			})
		}
		both.Wait()
	})
}

// Run has work of its own.
func TestBulkBesideRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := silent("a")
		a.Hook = func(context.Context, fallback.Submission) error { time.Sleep(40 * time.Second); return nil }
		store := fallbacktest.VolatileStore()
		r, other := running(t, delivery.Config{Workers: 4, Store: store}), running(t, delivery.Config{Workers: 4, Store: store})
		stages := delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}}
		route := bind(t, r, stages)
		bind(t, other, stages)
		for m := range several(300, nil) {
			m.Key = "outbox" + m.Key
			rec, err := route.Record(m)
			require.NoError(t, err)
			_, err = store.Create(t.Context(), []delivery.Record{rec})
			require.NoError(t, err)
		}
		outcomes, _ := collect(route.SendAll(t.Context(), several(100, func(_ int, m *fallback.Message) { m.Class = fallback.Promotional })))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 100}, outcomes)
	})
}

// The caller changes his message after Send returned.
func TestCallersMaps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := silent("a")
		r := running(t, delivery.Config{Limit: func(context.Context, string, int) error { time.Sleep(10 * time.Second); return nil }})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.WhatsApp), Until: delivery.Accepted}})
		m := hello()
		m.To.Other = map[fallback.Channel]string{fallback.WhatsApp: "alice"}
		vars := map[string]string{"code": "for alice"}
		m.Content = fallback.Contents{fallback.WhatsApp: fallback.Template{Name: "t", Vars: vars}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := route.Send(ctx, m)
		require.Error(t, err)
		m.To.Other[fallback.WhatsApp] = "bob"
		vars["code"] = "for bob"
		_, err = route.Wait(t.Context(), m.Key)
		for errors.Is(err, delivery.ErrNotFound) {
			time.Sleep(time.Second)
			_, err = route.Wait(t.Context(), m.Key)
		}
		require.NoError(t, err)
		assert.Equal(t, "alice", a.Sent()[0].To)
		template, ok := a.Sent()[0].Content.(fallback.Template)
		require.True(t, ok)
		assert.Equal(t, map[string]string{"code": "for alice"}, template.Vars)
	})
}

// Those of one call expire at the same time, and none after its deadline.
func TestOneExpiryInABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a, b := batching("a"), silent("b")
		a.caps.MaxTTL = 24 * time.Hour
		r := running(t, delivery.Config{Limit: func(context.Context, string, int) error { time.Sleep(30 * time.Second); return nil }})
		route := bind(t, r, delivery.Route{
			{Try: a.on(fallback.WhatsApp), Until: delivery.Accepted, Within: 90 * time.Second}, {Try: b.on(fallback.SMS), Until: delivery.Accepted},
		})
		collect(route.SendAll(t.Context(), several(2, func(i int, m *fallback.Message) {
			m.Deadline = begun.Add(time.Duration(2-i) * 100 * time.Second)
		})))
		for _, call := range a.calls {
			for _, s := range call {
				assert.Equal(t, call[0].Expires, s.Expires, "the first %v, this one %v", call[0].Expires.Sub(begun), s.Expires.Sub(begun))
				assert.False(t, call[0].Expires.After(s.Message.Deadline))
			}
		}
	})
}

// A call that comes too late leaves no probe under way.
func TestLateCallEndsAProbe(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 100} {
		synctest.Test(t, func(t *testing.T) {
			a, b := &batcher{provider: opened("a")}, silent("b")
			a.caps.MaxBatch = most
			var quiet atomic.Bool
			r := running(t, delivery.Config{
				Hours: func(s fallback.Submission, now time.Time) time.Time {
					if quiet.Load() && s.Message.Key == "0" {
						return now.Add(time.Hour)
					}
					return now
				},
				Limit: func(context.Context, string, int) error { time.Sleep(time.Second); return nil },
			})
			only, err := r.Bind("only", delivery.Route{{Try: a.provider.on(fallback.SMS), Until: delivery.Accepted}})
			require.NoError(t, err)
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
			_, err = only.Send(t.Context(), keyed("opener"))
			require.Error(t, err)
			time.Sleep(31 * time.Second) // the probe is free
			go func() { time.Sleep(500 * time.Millisecond); quiet.Store(true) }()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			collect(route.SendAll(ctx, several(1, nil)))
			_, err = route.Send(t.Context(), keyed("next"))
			require.NoError(t, err)
			assert.Empty(t, b.Sent(), "no probe is under way")
		})
	}
}

// A message that was known leaves no probe under way.
func TestKnownMessageEndsAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := opened("a"), silent("b")
		r := running(t, delivery.Config{})
		only, err := r.Bind("only", delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		require.NoError(t, err)
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS).Or(b.on(fallback.SMS)), Until: delivery.Accepted}})
		collect(route.SendAll(t.Context(), several(1, nil)))
		_, err = only.Send(t.Context(), keyed("opener"))
		require.Error(t, err)
		time.Sleep(31 * time.Second) // the probe is free
		collect(route.SendAll(t.Context(), several(1, nil)))
		_, err = route.Send(t.Context(), keyed("next"))
		require.NoError(t, err)
		assert.Empty(t, b.Sent(), "no probe is under way")
	})
}

// Waiting for long remembers each message once.
func TestWatchersDoNotGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := reporting("a") // nobody sends receipts
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS)}})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Hour)
			assert.LessOrEqual(t, r.Watchers(), 100)
			cancel()
		}()
		collect(route.SendAll(ctx, several(100, nil)))
	})
}

// The breaker's probe is after the deadline: it is tried once more before that.
func TestPersistBehindABreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a := reporting("a")
		a.Hook = func(context.Context, fallback.Submission) error {
			if time.Since(begun) < 15*time.Second {
				return fallback.ErrUnavailable
			}
			return nil
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		outcomes, _ := collect(route.SendAll(t.Context(), several(4, func(_ int, m *fallback.Message) { m.Deadline = begun.Add(30 * time.Second) })))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 4}, outcomes)
	})
}

// Somebody cancels a message that waits for its limit in SendAll, whose ctx ends then.
func TestPutBackOfACancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := silent("a")
		r := running(t, delivery.Config{Limit: func(lctx context.Context, _ string, _ int) error {
			<-lctx.Done()
			return lctx.Err()
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		go func() {
			time.Sleep(5 * time.Second)
			route.Cancel(t.Context(), "0") //nolint:errcheck // it is Pending yet
		}()
		collect(route.SendAll(ctx, several(1, nil)))
		begun := time.Now()
		res, err := route.Wait(t.Context(), "0")
		require.Error(t, err)
		assert.Equal(t, fallback.Failed, res.Outcome, "it was never sent")
		assert.Less(t, time.Since(begun), 5*time.Second)
	})
}

// Consent takes its time, then the limit: one leg.
func TestClaimWithConsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		a := silent("a")
		store := fallbacktest.VolatileStore()
		r := running(t, delivery.Config{
			Store:   store,
			Consent: func(context.Context, fallback.Submission) error { time.Sleep(25 * time.Second); return nil },
			Limit:   func(context.Context, string, int) error { time.Sleep(40 * time.Second); return nil },
		})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		rec, err := route.Record(hello())
		require.NoError(t, err)
		_, err = store.Create(t.Context(), []delivery.Record{rec})
		require.NoError(t, err)
		_, err = route.Wait(t.Context(), hello().Key)
		require.NoError(t, err)
		assert.Less(t, time.Since(begun), 5*time.Minute)
		time.Sleep(2 * time.Hour)
	})
}

// What goes through a call that was begun just before its lease ends is not cut short.
func TestShortCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		shortest := time.Hour
		a.answer = func(ctx context.Context, subs []fallback.Submission) []delivery.BatchResult {
			end, _ := ctx.Deadline()
			a.mu.Lock()
			shortest = min(shortest, time.Until(end))
			a.mu.Unlock()
			return all(nil)(ctx, subs)
		}
		r := running(t, delivery.Config{Workers: 1, Limit: func(context.Context, string, int) error { time.Sleep(time.Second); return nil }})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		collect(route.SendAll(t.Context(), several(100, nil)))
		assert.Greater(t, shortest, 40*time.Second)
	})
}

// A batch in the last second before a deadline has an expiry that is not past.
func TestBatchNearTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		a.caps.MaxTTL = time.Hour
		a.answer = func(ctx context.Context, subs []fallback.Submission) []delivery.BatchResult {
			assert.True(t, subs[0].Expires.After(time.Now()), "%v", time.Until(subs[0].Expires))
			return all(nil)(ctx, subs)
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		collect(route.SendAll(t.Context(), several(5, func(_ int, m *fallback.Message) { m.Deadline = time.Now().Add(900 * time.Millisecond) })))
	})
}

// Hours of one of two legs that begin after the deadline do not end what the
// other is waiting for.
func TestClosedAtOnce(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]provider{
		"accepted": reporting("a"), "unsure": reporting("a", fallback.ErrMaybeAccepted), "repeat": byID("a", fallback.ErrMaybeAccepted),
		"refused": reporting("a", fallback.ErrUnavailable, fallback.ErrUnavailable, nil),
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			b, c := reporting("b"), silent("c")
			commits := 0
			store := faulty()
			store.Hook = func(op fallbacktest.StoreOp, _ ...string) {
				if op == fallbacktest.Commit {
					if commits++; commits > 500 {
						panic("busy")
					}
				}
			}
			r := running(t, delivery.Config{Store: store, Hours: func(s fallback.Submission, now time.Time) time.Time {
				if s.Channel == fallback.SMS {
					return begun.Add(100 * time.Hour)
				}
				return now
			}})
			route := bind(t, r, delivery.Route{{Try: fallback.AtOnce(b.on(fallback.SMS), first.on(fallback.RCS)), Within: 20 * time.Second}, {Try: c.on(fallback.Email), Until: delivery.Accepted}})
			m := hello()
			m.Deadline = begun.Add(time.Hour)
			_, err := route.Send(t.Context(), m)
			require.NoError(t, err, name)
			res, err := route.Wait(t.Context(), m.Key)
			require.NoError(t, err, name)
			assert.Equal(t, fallback.Accepted, res.Outcome, name)
			assert.Len(t, c.Sent(), 1, name)
			assert.Empty(t, b.Sent())
		})
	}
}

// The same keys again and again, each time ended while limits are waited for:
// nothing is sent twice.
func TestRerun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		r := running(t, delivery.Config{Workers: 1, Limit: limiter(10 * time.Millisecond)})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			collect(route.SendAll(ctx, several(3000, nil)))
			cancel()
		}
		outcomes, _ := collect(route.SendAll(t.Context(), several(3000, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 3000}, outcomes)
		seen := map[string]int{}
		for _, c := range a.calls {
			for _, s := range c {
				seen[s.Message.Key]++
			}
		}
		for _, s := range a.Sent() {
			seen[s.Message.Key]++
		}
		for k, n := range seen {
			assert.Equal(t, 1, n, fmt.Sprint(k))
		}
	})
}
