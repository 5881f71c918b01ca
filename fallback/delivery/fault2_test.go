package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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
	"github.com/cpaas-go/cpaas/internal/testutil"
	"github.com/cpaas-go/cpaas/webexconnect"
)

// F16: the person says STOP between two stages.
func TestF16OptOutBetweenStages(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"consent", "receipt"} {
		synctest.Test(t, func(t *testing.T) {
			var stopped atomic.Bool
			a, b := reporting("a"), reporting("b")
			r := running(t, delivery.Config{Consent: func(_ context.Context, s fallback.Submission) error {
				assert.NotEmpty(t, s.To)
				if stopped.Load() {
					return fallback.ErrOptedOut
				}
				return nil
			}})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS)}})
			_, err := route.Send(t.Context(), hello())
			require.NoError(t, err)
			if how == "consent" {
				stopped.Store(true)
			} else {
				require.NoError(t, r.Receive(t.Context(), receipt(a, 0, fallback.Failed, fallback.ErrOptedOut)))
			}
			time.Sleep(time.Hour)
			res, err := route.Wait(t.Context(), "order-1")
			if how == "receipt" {
				require.ErrorIs(t, err, fallback.ErrOptedOut)
				assert.Equal(t, fallback.Failed, res.Outcome)
			} else {
				require.NoError(t, err, "RCS accepted it: no more is known")
				assert.Equal(t, fallback.Accepted, res.Outcome)
			}
			assert.Empty(t, b.Sent())
			assert.Len(t, a.Sent(), 1)
		})
	}
}

// F16: consent cannot be asked.
func TestF16ConsentFails(t *testing.T) {
	t.Parallel()
	down := errors.New("the list is down")
	synctest.Test(t, func(t *testing.T) { // Promotional: closed
		a := reporting("a")
		r := running(t, delivery.Config{Consent: func(context.Context, fallback.Submission) error { return down }})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS)}, {Try: a.on(fallback.RCS)}})
		m := hello()
		m.Class = fallback.Promotional
		res, err := route.Send(t.Context(), m)
		require.Error(t, err)
		assert.Equal(t, fallback.Failed, res.Outcome)
		time.Sleep(time.Hour)
		assert.Empty(t, a.Sent())
	})
	synctest.Test(t, func(t *testing.T) { // the others: asked again
		a := reporting("a")
		begin := time.Now()
		r := running(t, delivery.Config{Consent: func(context.Context, fallback.Submission) error {
			if time.Since(begin) < time.Minute {
				return down
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS)}})
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, fallback.Pending, res.Outcome)
		assert.Positive(t, time.Until(res.Due))
		time.Sleep(59 * time.Second)
		assert.Empty(t, a.Sent())
		time.Sleep(7 * time.Second)
		assert.Len(t, a.Sent(), 1)
	})
	synctest.Test(t, func(t *testing.T) { // until the deadline
		a := reporting("a")
		r := running(t, delivery.Config{Consent: func(context.Context, fallback.Submission) error { return down }})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS)}})
		m := hello()
		m.Deadline = time.Now().Add(time.Minute)
		_, err := route.Send(t.Context(), m)
		require.NoError(t, err)
		_, err = route.Wait(t.Context(), m.Key)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.InDelta(t, 0, time.Since(m.Deadline).Seconds(), 6)
		assert.Empty(t, a.Sent())
	})
}

// F17: the right instant, across midnight and where the clocks change.
func TestF17QuietHours(t *testing.T) {
	t.Parallel()
	const berlin, kolkata = "Europe/Berlin", "Asia/Kolkata"
	for name, test := range map[string]struct {
		from, to, zone string // of the person
		now, want      string
	}{
		"before":               {"21:00", "09:00", berlin, "2026-06-01T20:59:00+02:00", "2026-06-01T20:59:00+02:00"},
		"begins":               {"21:00", "09:00", berlin, "2026-06-01T21:00:00+02:00", "2026-06-02T09:00:00+02:00"},
		"across midnight":      {"21:00", "09:00", berlin, "2026-06-02T00:30:00+02:00", "2026-06-02T09:00:00+02:00"},
		"ends":                 {"21:00", "09:00", berlin, "2026-06-02T09:00:00+02:00", "2026-06-02T09:00:00+02:00"},
		"within a day":         {"12:00", "14:00", berlin, "2026-06-02T13:15:30+02:00", "2026-06-02T14:00:00+02:00"},
		"another zone":         {"21:00", "09:00", kolkata, "2026-06-01T20:00:00+02:00", "2026-06-02T09:00:00+05:30"},
		"the zone of the rest": {"21:00", "09:00", "", "2026-06-01T22:00:00+02:00", "2026-06-02T09:00:00+02:00"},
		"unknown zone":         {"21:00", "09:00", "Nowhere/Land", "2026-06-01T22:00:00+02:00", "2026-06-02T09:00:00+02:00"},
		"end of the year":      {"21:00", "09:00", berlin, "2026-12-31T23:00:00+01:00", "2027-01-01T09:00:00+01:00"},

		"short night":    {"21:00", "09:00", berlin, "2026-03-28T22:00:00+01:00", "2026-03-29T09:00:00+02:00"},
		"long night":     {"21:00", "09:00", berlin, "2026-10-24T22:00:00+02:00", "2026-10-25T09:00:00+01:00"},
		"end is skipped": {"21:00", "02:30", berlin, "2026-03-29T00:10:00+01:00", "2026-03-29T03:00:00+02:00"},
		"end is skipped, a minute before": {
			"21:00", "02:30", berlin, "2026-03-29T01:59:00+01:00", "2026-03-29T03:00:00+02:00",
		},
		"end comes twice: the last": {
			"21:00", "02:30", berlin, "2026-10-25T00:10:00+02:00", "2026-10-25T02:30:00+01:00",
		},
	} {
		hours, err := delivery.QuietHours(test.from, test.to, berlin)
		require.NoError(t, err)
		now, err := time.Parse(time.RFC3339, test.now)
		require.NoError(t, err)
		want, err := time.Parse(time.RFC3339, test.want)
		require.NoError(t, err)
		got := hours(fallback.Submission{Message: fallback.Message{To: fallback.Recipient{Zone: test.zone}}}, now)
		assert.True(t, got.Equal(want), "%s: %v, want %v", name, got, want)
	}
	for _, bad := range [][3]string{
		{"", "09:00", berlin},
		{"21:00", "", berlin},
		{"21:00", "24:00", berlin},
		{"21:61", "09:00", berlin},
		{"9 pm", "09:00", berlin},
		{"09:00", "09:00", berlin},
		{"21:00", "09:00", ""},
		{"21:00", "09:00", "Europe/Atlantis"},
	} {
		_, err := delivery.QuietHours(bad[0], bad[1], bad[2])
		assert.Error(t, err, bad)
	}
}

// F17: the hours move the due time, and show. Who has a deadline before they
// end is told at once.
func TestF17QuietHoursInARoute(t *testing.T) {
	t.Parallel()
	hours, err := delivery.QuietHours("21:00", "09:00", "UTC")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) { // it is midnight in Greenwich
		a := reporting("a")
		var seen events
		r := running(t, delivery.Config{Hours: hours, Observe: seen.observe})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS)}})
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, fallback.Pending, res.Outcome)
		assert.Equal(t, 9*time.Hour, time.Until(res.Due))
		assert.Equal(t, []delivery.EventKind{delivery.Waiting}, seen.kinds("order-1"))

		far := keyed("far")
		far.To.Zone = "Asia/Kolkata" // half past five there
		res, err = route.Send(t.Context(), far)
		require.NoError(t, err)
		assert.Equal(t, 3*time.Hour+30*time.Minute, time.Until(res.Due))

		code := keyed("code")
		code.Class = fallback.OTP
		_, err = route.Send(t.Context(), code)
		require.NoError(t, err)
		assert.Len(t, a.Sent(), 1, "a code is not held back")

		late := keyed("late")
		late.Deadline = time.Now().Add(8 * time.Hour)
		res, err = route.Send(t.Context(), late)
		require.Error(t, err)
		assert.Equal(t, fallback.Failed, res.Outcome)
		assert.Contains(t, err.Error(), "deadline")

		time.Sleep(3*time.Hour + 29*time.Minute)
		assert.Len(t, a.Sent(), 1)
		time.Sleep(time.Minute + time.Second)
		assert.Len(t, a.Sent(), 2)
		time.Sleep(5*time.Hour + 29*time.Minute)
		assert.Len(t, a.Sent(), 2)
		time.Sleep(time.Minute)
		assert.Len(t, a.Sent(), 3)
	})
}

// skewed is a store as a process sees it whose clock is wrong: what it writes
// as due is by its own clock.
type skewed struct {
	delivery.Store

	by time.Duration
}

func (s skewed) shift(r delivery.Record, by time.Duration) delivery.Record {
	if !r.Due.IsZero() {
		r.Due = r.Due.Add(by)
	}
	return r
}

func (s skewed) Create(ctx context.Context, rs []delivery.Record) ([]bool, error) {
	shifted := make([]delivery.Record, len(rs))
	for i, r := range rs {
		shifted[i] = s.shift(r, s.by)
	}
	return s.Store.Create(ctx, shifted)
}

func (s skewed) Commit(ctx context.Context, r delivery.Record) error {
	time.Sleep(20 * time.Millisecond) // what is due by the store's clock and not by its own is looked at again and again
	return s.Store.Commit(ctx, s.shift(r, s.by))
}

// F18: providers' clocks that are an hour wrong, processes whose clocks differ
// by seconds, and one that stands still for an hour: nothing is submitted
// after the deadline, and every message ends.
func TestF18Clocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := fallbacktest.VolatileStore()
		a, b := reporting("a"), reporting("b")
		slots := map[string]*delivery.BoundRoute{}
		var rs []*delivery.Runner
		for _, by := range []time.Duration{-5 * time.Second, 0, 5 * time.Second} {
			r := running(t, delivery.Config{Store: skewed{base, by}})
			slots[by.String()] = bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: 30 * time.Second}, {Try: b.on(fallback.SMS), Within: 30 * time.Second}})
			rs = append(rs, r)
		}
		begin := time.Now()
		n := 0
		for name, route := range slots {
			for i := range 30 {
				m := keyed(fmt.Sprint(name, i))
				m.Deadline = begin.Add(time.Duration(20+5*i) * time.Second)
				res, err := route.Send(t.Context(), m)
				require.NoError(t, err)
				n++
				// What the provider says of when does not move the wait.
				require.NoError(t, rs[i%3].Receive(t.Context(), delivery.Receipt{
					Provider: "a", Ref: res.Attempts[0].Ref, Outcome: fallback.Accepted, At: begin.Add(time.Duration(i%3-1) * time.Hour),
				}))
			}
		}
		time.Sleep(5 * time.Minute)
		for _, s := range append(a.Sent(), b.Sent()...) {
			assert.False(t, s.Expires.After(s.Message.Deadline))
		}
		for name, route := range slots {
			for i := range 30 {
				ended, cancel := context.WithTimeout(t.Context(), 0)
				res, err := route.Wait(ended, fmt.Sprint(name, i))
				cancel()
				require.NotErrorIs(t, err, context.DeadlineExceeded, "%s %d is still under way", name, i)
				assert.Equal(t, fallback.Accepted, res.Outcome)
				for _, attempt := range res.Attempts {
					assert.True(t, attempt.Started.Before(begin.Add(time.Duration(20+5*i)*time.Second)), "%s %d", name, i)
				}
				if i < 2 { // its deadline comes before its second stage
					assert.Len(t, res.Attempts, 1)
				}
				if i > 5 {
					assert.Len(t, res.Attempts, 2)
				}
			}
		}
		assert.Len(t, a.Sent(), n)
	})
	synctest.Test(t, func(t *testing.T) { // everything stands still for an hour, the deadline in it
		a, b := reporting("a"), reporting("b")
		store := fallbacktest.VolatileStore()
		route := bind(t, runnerOver(t, store), delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS)}})
		m := hello()
		m.Deadline = time.Now().Add(10 * time.Minute)
		_, err := route.Send(t.Context(), m)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		r := running(t, delivery.Config{Store: store})
		route = bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS)}})
		res, err := route.Wait(t.Context(), m.Key)
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Outcome)
		assert.Empty(t, b.Sent())
	})
}

// source reads a callback as a reference and an outcome's number.
type source struct{ provider string }

func (s source) Receipts(r *http.Request) ([]delivery.Receipt, error) {
	if r.Header.Get("Secret") != "s3cret" {
		return nil, fmt.Errorf("%w: no secret", delivery.ErrUnverified)
	}
	out := delivery.Receipt{Provider: s.provider}
	if _, err := fmt.Fscan(r.Body, &out.Ref, &out.Outcome); err != nil {
		return nil, err
	}
	return []delivery.Receipt{out}, nil
}

// call is a callback's answer.
func call(h http.Handler, body string) int {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Secret", "s3cret")
	h.ServeHTTP(w, r)
	return w.Code
}

// F19: the store is down for 30 seconds while a call is under way. What was
// accepted is not sent again, and receipts are taken when they come again.
func TestF19StoreDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := faulty()
		a, b := reporting("a"), reporting("b")
		a.Hook = func(context.Context, fallback.Submission) error {
			store.SetDown(true)
			return nil
		}
		r := running(t, delivery.Config{Store: store})
		hook := r.Receipts(source{"a"})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS)}})
		begin := time.Now()
		go func() {
			time.Sleep(10 * time.Second)
			assert.Equal(t, http.StatusServiceUnavailable, call(hook, a.Sent()[0].Ref+" 4"))
			time.Sleep(20 * time.Second)
			store.SetDown(false)
		}()
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, fallback.Accepted, res.Attempts[0].Outcome, "the verdict is stored")
		assert.InDelta(t, 30, time.Since(begin).Seconds(), 3)
		assert.Equal(t, http.StatusOK, call(hook, a.Sent()[0].Ref+" 4"))
		res, err = route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)
		time.Sleep(time.Hour)
		assert.Len(t, a.Sent(), 1)
		assert.Empty(t, b.Sent())
	})
}

// F19: the store fails at one operation, and did it or not.
func TestF19StoreFails(t *testing.T) {
	t.Parallel()
	for _, op := range []fallbacktest.StoreOp{fallbacktest.Create, fallbacktest.Commit, fallbacktest.Get, fallbacktest.Claim, fallbacktest.Receive} {
		for _, lost := range []bool{false, true} {
			for _, n := range []int{1, 3} {
				for when := range 3 {
					synctest.Test(t, func(t *testing.T) {
						name := fmt.Sprintf("%s lost %t, %d times, %d", op, lost, n, when)
						store := faulty()
						fail := func(now int) {
							if now != when {
								return
							}
							if lost {
								store.Lose(op, n)
							} else {
								store.Fail(op, n)
							}
						}
						a, b := reporting("a"), reporting("b")
						a.Hook = func(context.Context, fallback.Submission) error { fail(1); return nil }
						b.Hook = func(context.Context, fallback.Submission) error { fail(2); return nil }
						r := running(t, delivery.Config{Store: store})
						hookA, hookB := r.Receipts(source{"a"}), r.Receipts(source{"b"})
						route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS), Within: time.Minute}})
						time.Sleep(time.Second)
						fail(0)
						for try := 0; ; try++ { // who gets an error sends again
							if _, err := route.Send(t.Context(), hello()); err == nil {
								break
							}
							require.Less(t, try, 5, name)
						}
						tell := func(h http.Handler, body string) {
							for try := 0; call(h, body) != http.StatusOK; try++ {
								require.Less(t, try, 5, name)
								time.Sleep(time.Second)
							}
						}
						time.Sleep(5 * time.Minute)
						if len(a.Sent()) > 0 {
							tell(hookA, a.Sent()[0].Ref+" 3")
						}
						time.Sleep(3 * time.Minute)
						if len(b.Sent()) > 0 {
							tell(hookB, b.Sent()[0].Ref+" 4")
						}
						time.Sleep(5 * time.Minute)
						res, err := route.Wait(t.Context(), "order-1")
						for ; errors.Is(err, fallbacktest.ErrStore); res, err = route.Wait(t.Context(), "order-1") {
							require.Positive(t, n, name)
						}
						require.NoError(t, err, name)
						assert.Equal(t, fallback.Delivered, res.Outcome, name)
						assert.LessOrEqual(t, len(a.Sent()), 1, name)
						assert.Len(t, b.Sent(), 1, name)
					})
				}
			}
		}
	}
}

// F21: the process is told to end under load. What is under way is finished,
// what was not begun is left to the next process, and nothing is sent twice.
func TestF21Shutdown(t *testing.T) {
	t.Parallel()
	for _, dies := range []bool{false, true} { // true: the calls take longer than they may
		synctest.Test(t, func(t *testing.T) {
			const messages, workers = 100, 16
			store := fallbacktest.VolatileStore()
			a := silent("a")
			a.Hook = func(ctx context.Context, _ fallback.Submission) error {
				wait := 2 * time.Second
				if dies {
					wait = time.Minute
				}
				select {
				case <-time.After(wait):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			c := delivery.Config{Store: store, Workers: workers, Call: 5 * time.Second}
			r, err := delivery.New(c)
			require.NoError(t, err)
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			for i := range messages {
				rec, err := route.Record(keyed(fmt.Sprint(i)))
				require.NoError(t, err)
				_, err = store.Create(t.Context(), []delivery.Record{rec})
				require.NoError(t, err)
			}
			ctx, stop := context.WithCancelCause(t.Context())
			told := errors.New("told to end")
			begin := time.Now()
			go func() {
				time.Sleep(time.Second)
				stop(told)
			}()
			require.ErrorIs(t, r.Run(ctx), told)
			assert.LessOrEqual(t, time.Since(begin), 6*time.Second, "told after one second, and then no longer than a call takes")
			assert.Len(t, a.Sent(), workers)

			next := running(t, delivery.Config{Store: store, Call: 2 * time.Minute})
			route = bind(t, next, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			outcomes := map[fallback.Outcome]int{}
			for i := range messages {
				res, _ := route.Wait(t.Context(), fmt.Sprint(i))
				outcomes[res.Outcome]++
			}
			assert.Len(t, a.Sent(), messages)
			if dies {
				assert.Equal(t, map[fallback.Outcome]int{fallback.Unknown: workers, fallback.Accepted: messages - workers}, outcomes)
			} else {
				assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: messages}, outcomes)
			}
		})
	}
}

// F22: callbacks that are forged, cannot be read, or are too long write
// nothing; one that is played again changes nothing.
func TestF22Callbacks(t *testing.T) {
	t.Parallel()
	token := senders.Token("token", "hook-token-1")
	const ref = "0123456789abcdefghijklmnopqrstuv"
	for name, test := range map[string]struct {
		source delivery.Source
		body   string
	}{
		"deflector": {
			senders.Deflector{Verify: token},
			`[{"channel":"SMS","status":"delivered","callbackdata":"` + ref + `"}]`,
		},
		"octopush": {
			senders.Octopush{Verify: token},
			`{"channel":"sms","message_id":"sms_1","number":"+33611223344","status":"DELIVERED","delivery_date":"2026-01-02 03:04:05"}`,
		},
		"webexconnect": {
			senders.WebexConnect{Verify: token},
			`{"deliveryInfoNotification":{"deliveryInfo":{"deliveryChannel":"sms","destination":"449000000009","code":"7500",` +
				`"deliveryStatus":"Delivered","timeStamp":"2022-10-10T13:53:13.749+01:00"},"transid":"t-1","correlationid":"` + ref + `"}}`,
		},
		"webexconnect, signed": {senders.WebexConnect{Verify: webexconnect.Signature("hub")}, `{}`},
		"without Verify":       {senders.Octopush{}, `{}`},
	} {
		store := faulty()
		var rejected []error
		r, err := delivery.New(delivery.Config{Store: store, Observe: func(e delivery.Event) {
			assert.Equal(t, delivery.Rejected, e.Kind)
			rejected = append(rejected, e.Err)
		}})
		require.NoError(t, err)
		hook := r.Receipts(test.source)
		answer := func(url, body string) int {
			before := len(rejected)
			w := httptest.NewRecorder()
			hook.ServeHTTP(w, httptest.NewRequest(http.MethodPost, url, strings.NewReader(body)))
			assert.Empty(t, w.Body.String(), name)
			if w.Code == http.StatusOK {
				assert.Len(t, rejected, before, name)
			} else if assert.Len(t, rejected, before+1, name) {
				testutil.NoLeak(t, rejected[before], "hook-token-1", "33611223344", "449000000009")
				assert.Equal(t, w.Code == http.StatusUnauthorized, errors.Is(rejected[before], delivery.ErrUnverified), name)
			}
			return w.Code
		}
		for _, url := range []string{"/", "/?token=", "/?token=guess", "/?TOKEN=hook-token-1"} {
			assert.Equal(t, http.StatusUnauthorized, answer(url, test.body), "%s: forged at %s", name, url)
		}
		const right = "/?token=hook-token-1"
		assert.Equal(t, http.StatusRequestEntityTooLarge, answer(right, strings.Repeat(" ", 1<<20)+test.body), name)
		if strings.HasPrefix(name, "w") && name != "webexconnect" {
			assert.Zero(t, store.Calls(fallbacktest.Receive), name)
			continue
		}
		for _, body := range []string{"", "{", "\x00", "[[[[", `"text"`, "null", `{"a":`, strings.Repeat("[", 10_000)} {
			code := answer(right, body)
			assert.Contains(t, []int{http.StatusBadRequest, http.StatusOK}, code, "%s: %.20q", name, body)
		}
		assert.Zero(t, store.Calls(fallbacktest.Receive), "%s: written", name)

		// The true one is taken, and taken once.
		for range 3 {
			assert.Equal(t, http.StatusOK, answer(right, test.body), name)
		}
		assert.Equal(t, 3, store.Calls(fallbacktest.Receive), name)
	}
	// Played again: known to the store, and so nothing is changed.
	synctest.Test(t, func(t *testing.T) {
		var seen events
		store := faulty()
		a := reporting("a")
		r := running(t, delivery.Config{Store: store, Observe: seen.observe})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Within: time.Hour}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		hook := r.Receipts(source{"a"})
		version := int64(0)
		for i := range 5 {
			assert.Equal(t, http.StatusOK, call(hook, a.Sent()[0].Ref+" 3"))
			synctest.Wait()
			rec, err := store.Get(t.Context(), "order-1")
			require.NoError(t, err)
			if i > 0 {
				assert.Equal(t, version, rec.Version)
			}
			version = rec.Version
		}
		assert.Equal(t, 1, seen.count(delivery.Received))
	})
	// A body that breaks off.
	w := httptest.NewRecorder()
	store := faulty()
	broken := httptest.NewRequest(http.MethodPost, "/?token=hook-token-1", &brokenBody{bytes.NewBufferString(`[{"chan`)})
	runnerOver(t, store).Receipts(senders.Deflector{Verify: token}).ServeHTTP(w, broken)
	assert.Equal(t, http.StatusBadRequest, w.Code)
	assert.Zero(t, store.Calls(fallbacktest.Receive))
}

type brokenBody struct{ *bytes.Buffer }

func (b *brokenBody) Read(p []byte) (int, error) {
	n, _ := b.Buffer.Read(p)
	if n == 0 {
		return 0, errors.New("connection reset")
	}
	return n, nil
}

// F23: a provider that orders the channels by itself is left alone while it
// does: its stage has no other timer than its own Within.
func TestF23Flow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		flow, sms := reporting("flow"), reporting("sms")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: flow.on(""), Within: 90 * time.Second}, {Try: sms.on(fallback.SMS)}})
		res, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, 90*time.Second, time.Until(res.Due))
		// Its first channels fail, one after the other: it goes on by itself.
		for i, ch := range []fallback.Channel{fallback.RCS, fallback.WhatsApp} {
			time.Sleep(30 * time.Second)
			failed := receipt(flow, 0, fallback.Failed, fallback.ErrNotOnChannel)
			failed.Channel, failed.EventID = ch, fmt.Sprint(i)
			require.NoError(t, r.Receive(t.Context(), failed))
		}
		time.Sleep(29 * time.Second)
		assert.Empty(t, sms.Sent(), "submitted while the provider's own fallback was running")
		delivered := receipt(flow, 0, fallback.Delivered, nil)
		delivered.Channel = fallback.SMS
		require.NoError(t, r.Receive(t.Context(), delivered))
		res, err = route.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		assert.Equal(t, fallback.Delivered, res.Outcome)
		time.Sleep(time.Hour)
		assert.Empty(t, sms.Sent())
	})
	// Opting out on one of its channels ends it all the same.
	synctest.Test(t, func(t *testing.T) {
		flow, sms := reporting("flow"), reporting("sms")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: flow.on(""), Within: 90 * time.Second}, {Try: sms.on(fallback.SMS)}})
		_, err := route.Send(t.Context(), hello())
		require.NoError(t, err)
		require.NoError(t, r.Receive(t.Context(), receipt(flow, 0, fallback.Failed, fallback.ErrOptedOut)))
		_, err = route.Wait(t.Context(), "order-1")
		require.ErrorIs(t, err, fallback.ErrOptedOut)
		assert.Empty(t, sms.Sent())
	})
	// The adapter's flow, over the wire.
	srv := deflectortest.NewServer()
	t.Cleanup(srv.Close)
	d := senders.Deflector{Client: srv.Client(), Verify: senders.Token("token", "hook-token-1")}
	r := running(t, delivery.Config{})
	hook := httptest.NewServer(r.Receipts(d))
	t.Cleanup(hook.Close)
	sms := reporting("sms")
	flow := d.Flow(deflector.InOrder(deflector.RCS, deflector.WhatsApp, deflector.SMS), "ACMEIN")
	route := bind(t, r, delivery.Route{{Try: flow, Within: time.Hour}, {Try: sms.on(fallback.SMS)}})
	m := templated("flow-1")
	res, err := route.Send(t.Context(), m)
	require.NoError(t, err)
	url, ref := hook.URL+"?token=hook-token-1", res.Attempts[0].Ref
	for _, ch := range []deflector.Channel{deflector.RCS, deflector.WhatsApp} {
		require.NoError(t, srv.Deliver(t.Context(), url, ref, ch, deflector.StatusFailed))
	}
	require.NoError(t, srv.Deliver(t.Context(), url, ref, deflector.SMS))
	res, err = route.Wait(t.Context(), m.Key)
	require.NoError(t, err)
	assert.Equal(t, fallback.Delivered, res.Outcome)
	assert.Empty(t, sms.Sent())
	assert.Len(t, srv.Accepted(), 1)
}

// templated is hello with templates for the channels that want them.
func templated(key string) fallback.Message {
	m := keyed(key)
	m.Content = fallback.Contents{
		fallback.RCS:      fallback.Template{Name: "otp_card", Vars: map[string]string{"CODE": "4821"}},
		fallback.WhatsApp: fallback.Template{Name: "otp", Locale: "en", Args: []string{"4821"}},
	}
	return m
}

// F24: the route is changed while messages are under way: they keep theirs.
func TestF24RouteChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := fallbacktest.VolatileStore()
		a, b, c := reporting("a"), reporting("b"), reporting("c")
		before := bind(t, runnerOver(t, store), delivery.Route{
			{Try: a.on(fallback.RCS), Within: time.Minute},
			{Try: b.on(fallback.WhatsApp), Within: time.Minute},
			{Try: c.on(fallback.SMS), Within: time.Minute},
		})
		_, err := before.Send(t.Context(), hello())
		require.NoError(t, err)

		// The next process has the stages turned round, with other waits.
		r := running(t, delivery.Config{Store: store})
		after := bind(t, r, delivery.Route{
			{Try: c.on(fallback.SMS), Within: time.Hour},
			{Try: b.on(fallback.WhatsApp), Within: time.Hour},
			{Try: a.on(fallback.RCS)},
		})
		time.Sleep(61 * time.Second)
		assert.Equal(t, [3]int{1, 1, 0}, [3]int{len(a.Sent()), len(b.Sent()), len(c.Sent())})
		time.Sleep(61 * time.Second)
		assert.Equal(t, [3]int{1, 1, 1}, [3]int{len(a.Sent()), len(b.Sent()), len(c.Sent())})
		time.Sleep(time.Minute)
		res, err := after.Wait(t.Context(), "order-1")
		require.NoError(t, err)
		var channels []fallback.Channel
		for _, attempt := range res.Attempts {
			channels = append(channels, attempt.Channel)
		}
		assert.Equal(t, []fallback.Channel{fallback.RCS, fallback.WhatsApp, fallback.SMS}, channels)
		assert.Equal(t, []int{1, 1, 1}, []int{len(a.Sent()), len(b.Sent()), len(c.Sent())})
	})
	// Its provider is gone: it is passed over, and the message goes on.
	synctest.Test(t, func(t *testing.T) {
		store := fallbacktest.VolatileStore()
		a, b, c := reporting("a"), reporting("b"), reporting("c")
		before := bind(t, runnerOver(t, store), delivery.Route{
			{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.WhatsApp), Within: time.Minute}, {Try: c.on(fallback.SMS)},
		})
		_, err := before.Send(t.Context(), hello())
		require.NoError(t, err)
		r := running(t, delivery.Config{Store: store})
		bind(t, r, delivery.Route{{Try: c.on(fallback.SMS)}})
		time.Sleep(2 * time.Minute)
		assert.Equal(t, [3]int{1, 0, 1}, [3]int{len(a.Sent()), len(b.Sent()), len(c.Sent())})
	})
}

// Several Runners over one store, all of them looking: every message is worked
// on by one at a time.
func TestManyReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := fallbacktest.VolatileStore()
		a, b := reporting("a"), reporting("b")
		var routes []*delivery.BoundRoute
		for range 4 {
			routes = append(routes, bind(t, running(t, delivery.Config{Store: store}),
				delivery.Route{{Try: a.on(fallback.RCS), Within: 20 * time.Second}, {Try: b.on(fallback.SMS), Within: 20 * time.Second}}))
		}
		var work sync.WaitGroup
		for i := range 200 {
			for n := range 2 { // the same message at two of them
				work.Go(func() {
					_, err := routes[(i+n)%4].Send(t.Context(), keyed(fmt.Sprint(i)))
					assert.NoError(t, err)
				})
			}
		}
		work.Wait()
		time.Sleep(5 * time.Minute)
		assert.Len(t, a.Sent(), 200)
		assert.Len(t, b.Sent(), 200)
	})
}
