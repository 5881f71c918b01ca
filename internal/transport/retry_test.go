package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
)

// TestClasses is the table of what is tried again: three requests for what
// is, one for what is not.
func TestClasses(t *testing.T) {
	t.Parallel()
	type row struct {
		kind     error
		requests int
	}
	for name, c := range map[string]struct {
		step             step
		send, safe, read row
	}{
		"200":         {answer(200, "{}"), row{nil, 1}, row{nil, 1}, row{nil, 1}},
		"202":         {answer(202, "{}"), row{nil, 1}, row{nil, 1}, row{nil, 1}},
		"204":         {answer(204, ""), row{nil, 1}, row{nil, 1}, row{nil, 1}},
		"unreadable":  {cut(200), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
		"lost":        {lost, row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
		"silent":      {silent, row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
		"refused":     {refused, row{errs.Unavailable, 3}, row{errs.Unavailable, 3}, row{errs.Unavailable, 3}},
		"429":         {answer(429, ""), row{errs.RateLimited, 3}, row{errs.RateLimited, 3}, row{errs.RateLimited, 3}},
		"busy":        {answer(599, "busy"), row{errs.Unavailable, 3}, row{errs.Unavailable, 3}, row{errs.Unavailable, 3}},
		"busy in 200": {answer(200, "busy"), row{errs.Unavailable, 3}, row{errs.Unavailable, 3}, row{errs.Unavailable, 3}},
		"408":         {answer(408, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
		"500":         {answer(500, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
		"502":         {answer(502, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
		"503":         {answer(503, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
		"504":         {answer(504, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
		"501":         {answer(501, ""), row{errs.Unavailable, 1}, row{errs.Unavailable, 1}, row{errs.Unavailable, 1}},
		"505":         {answer(505, ""), row{errs.Unavailable, 1}, row{errs.Unavailable, 1}, row{errs.Unavailable, 1}},
		"400":         {answer(400, ""), row{errs.InvalidRequest, 1}, row{errs.InvalidRequest, 1}, row{errs.InvalidRequest, 1}},
		"401":         {answer(401, ""), row{errs.Unauthorized, 1}, row{errs.Unauthorized, 1}, row{errs.Unauthorized, 1}},
		"402":         {answer(402, ""), row{errs.InsufficientCredit, 1}, row{errs.InsufficientCredit, 1}, row{errs.InsufficientCredit, 1}},
		"403":         {answer(403, ""), row{errs.Forbidden, 1}, row{errs.Forbidden, 1}, row{errs.Forbidden, 1}},
		"404":         {answer(404, ""), row{errs.InvalidRequest, 1}, row{errs.InvalidRequest, 1}, row{errs.InvalidRequest, 1}},
		"301":         {answer(301, ""), row{errs.Unavailable, 1}, row{errs.Unavailable, 1}, row{errs.Unavailable, 1}},
		"307":         {answer(307, ""), row{errs.Unavailable, 1}, row{errs.Unavailable, 1}, row{errs.Unavailable, 1}},
		"308":         {answer(308, ""), row{errs.Unavailable, 1}, row{errs.Unavailable, 1}, row{errs.Unavailable, 1}},
		"302":         {answer(302, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 1}, row{errs.Unavailable, 1}},
		"303":         {answer(303, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 1}, row{errs.Unavailable, 1}},
		"304":         {answer(304, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 1}, row{errs.Unavailable, 1}},
		"taken":       {answer(400, "taken"), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 1}, row{errs.Unavailable, 1}},
		"taken, 429":  {answer(429, "taken"), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 1}, row{errs.Unavailable, 1}},
		"taken, 500":  {answer(500, "taken"), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 1}, row{errs.Unavailable, 1}},
		"taken, 401":  {answer(401, "taken"), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 1}, row{errs.Unavailable, 1}},
		"taken, 200":  {answer(200, "taken"), row{nil, 1}, row{nil, 1}, row{nil, 1}},
		"rejected":    {answer(200, "rejected"), row{errs.Unauthorized, 1}, row{errs.Unauthorized, 1}, row{errs.Unauthorized, 1}},
		"700":         {answer(700, ""), row{errs.MaybeAccepted, 1}, row{errs.MaybeAccepted, 3}, row{errs.Unavailable, 3}},
	} {
		for class, want := range map[Class]row{Send: c.send, Safe: c.safe, Read: c.read} {
			t.Run(fmt.Sprintf("%s/%d", name, class), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					rt := play(c.step)
					cl := client(t, rt)
					call := post(cl, class)
					call.Means = bodyMeans
					res := cl.Do(t.Context(), call)
					check(t, res, want.kind, want.requests)
					if len(rt.requests) != want.requests {
						t.Errorf("%d requests, not %d", len(rt.requests), want.requests)
					}
					for _, body := range rt.bodies {
						if body != string(call.Body) {
							t.Errorf("body %q", body)
						}
					}
				})
			})
		}
	}
}

// bodyMeans takes bodies for the names of what they mean.
func bodyMeans(_ int, body []byte) Meaning {
	return map[string]Meaning{"busy": Busy, "taken": Taken, "rejected": Rejected}[string(body)]
}

// TestUnsure: what a repeat is answered does not say what became of the call
// before it.
func TestUnsure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []step
		kind  error
		also  bool
	}{
		"then refused":       {[]step{answer(500, ""), answer(400, "")}, errs.MaybeAccepted, true},
		"then not connected": {[]step{lost, refused}, errs.MaybeAccepted, true},
		"then rate limited":  {[]step{cut(200), answer(429, "")}, errs.MaybeAccepted, true},
		"then accepted":      {[]step{answer(500, ""), answer(200, "{}")}, nil, true},
		"never":              {[]step{answer(429, ""), answer(400, "")}, errs.InvalidRequest, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cl := client(t, play(c.steps...))
				res := cl.Do(t.Context(), post(cl, Safe))
				if !errors.Is(res.Kind, c.kind) || res.Unsure != c.also {
					t.Errorf("kind %v, unsure %v", res.Kind, res.Unsure)
				}
			})
		})
	}
}

// TestFullJitter: the waits are spread over all of [0, 0.5 s · 2ⁿ), and never
// reach 8 s.
func TestFullJitter(t *testing.T) {
	t.Parallel()
	const runs, n = 200, 8
	var least, most [n]time.Duration
	for range runs {
		synctest.Test(t, func(t *testing.T) {
			rt := play(refused)
			cl := client(t, rt, retries(t, n))
			cl.Do(t.Context(), post(cl, Send))
			for i, wait := range rt.waits() {
				if least[i] == 0 || wait < least[i] {
					least[i] = wait
				}
				most[i] = max(most[i], wait)
			}
		})
	}
	for i := range n {
		bound := min(8*time.Second, 500*time.Millisecond<<i)
		if most[i] >= bound || most[i] < bound*9/10 || least[i] > bound/10 {
			t.Errorf("wait %d is between %v and %v, of %v", i+1, least[i], most[i], bound)
		}
	}
}

// TestMostRetries: the bound of a wait does not overflow.
func TestMostRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rt := play(refused)
		cl := client(t, rt, retries(t, 20))
		check(t, cl.Do(t.Context(), post(cl, Send)), errs.Unavailable, 21)
		if most := slices.Max(rt.waits()); most >= 8*time.Second {
			t.Errorf("waited %v", most)
		}
	})
}

func TestRetryAfterIsWaited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header func() string
		wait   time.Duration
	}{
		"seconds":   {func() string { return "3" }, 3 * time.Second},
		"fractions": {func() string { return "1.5" }, 1500 * time.Millisecond},
		"the most":  {func() string { return "8" }, 8 * time.Second},
		"date": {func() string {
			return time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat)
		}, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rt := play(func(req *http.Request) (*http.Response, error) {
					return answer(429, "", "Retry-After", c.header())(req)
				}, answer(200, "{}"))
				cl := client(t, rt)
				res := cl.Do(t.Context(), post(cl, Send))
				check(t, res, nil, 2)
				if res.RetryAfter != 0 {
					t.Errorf("RetryAfter %v of an answer that has none", res.RetryAfter)
				}
				if got := rt.waits(); got[0] != c.wait {
					t.Errorf("waited %v, not %v", got[0], c.wait)
				}
			})
		})
	}
}

// TestRetryAfterNonsense: then the wait is our own.
func TestRetryAfterNonsense(t *testing.T) {
	t.Parallel()
	for _, v := range []string{
		"-1", "0", "soon", "1e9", "9223372036854775807", "99999999999999999999999", "NaN", "Inf", "0x1p2", "120, 60",
		"Mon, 01 Jan 1990 00:00:00 GMT", ".", "1.2.3",
	} {
		t.Run(v, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rt := play(answer(429, "", "Retry-After", v))
				cl := client(t, rt)
				res := cl.Do(t.Context(), post(cl, Send))
				check(t, res, errs.RateLimited, 3)
				if res.RetryAfter != 0 {
					t.Errorf("RetryAfter %v", res.RetryAfter)
				}
				if waits := rt.waits(); waits[0] >= 500*time.Millisecond || waits[1] >= time.Second {
					t.Errorf("waited %v", waits)
				}
			})
		})
	}
}

// TestRetryAfterTooLong: over the cap or the deadline it comes back at once.
func TestRetryAfterTooLong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after    string
		deadline time.Duration
	}{
		"over the cap":      {"8.001", time.Hour},
		"a day":             {"86400", time.Hour},
		"over the deadline": {"5", 4 * time.Second},
		"at the deadline":   {"5", 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				begin := time.Now()
				cl := client(t, play(answer(429, "", "Retry-After", c.after)))
				res := cl.Do(ctx, post(cl, Send))
				check(t, res, errs.RateLimited, 1)
				if want, _ := strconv.ParseFloat(c.after, 64); res.RetryAfter.Seconds() != want {
					t.Errorf("RetryAfter %v", res.RetryAfter)
				}
				if took := time.Since(begin); took != 0 {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestNoWaitThatCannotEnd: a back-off of our own that passes the deadline is
// not begun.
func TestNoWaitThatCannotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		begin := time.Now()
		cl := client(t, play(refused))
		check(t, cl.Do(ctx, post(cl, Send)), errs.Unavailable, 1)
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

// TestWaitEndsWithContext: and the last answer is kept.
func TestWaitEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("the shop closed")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2*time.Second, func() { cancel(why) })
		begin := time.Now()
		cl := client(t, play(answer(429, `{"error":1}`, "Retry-After", "5")))
		res := cl.Do(ctx, post(cl, Send))
		check(t, res, errs.RateLimited, 1)
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("took %v", took)
		}
		if !errors.Is(res.Cause, context.Canceled) || !errors.Is(res.Cause, why) {
			t.Errorf("cause %v", res.Cause)
		}
		if res.Status != 429 || string(res.Body) != `{"error":1}` || res.RetryAfter != 5*time.Second {
			t.Errorf("%d %s %v", res.Status, res.Body, res.RetryAfter)
		}
	})
}

// TestRefusalIsNotTheContexts: an end of the context that changed nothing is
// not told as the cause.
func TestRefusalIsNotTheContexts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cl := client(t, play(func(req *http.Request) (*http.Response, error) {
		cancel()
		return answer(400, "")(req)
	}))
	res := cl.Do(ctx, post(cl, Send))
	check(t, res, errs.InvalidRequest, 1)
	if res.Cause != nil {
		t.Errorf("cause %v", res.Cause)
	}
}

// TestNoWaitMode: nothing is waited for, and what can be tried again at once
// is, one time.
func TestNoWaitMode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps    []step
		class    Class
		retries  int
		kind     error
		requests int
	}{
		"429":             {[]step{answer(429, "")}, Send, 2, errs.RateLimited, 1},
		"429 read":        {[]step{answer(429, "")}, Read, 2, errs.RateLimited, 1},
		"busy":            {[]step{answer(599, "busy")}, Send, 2, errs.Unavailable, 1},
		"asked to wait":   {[]step{answer(503, "", "Retry-After", "1")}, Safe, 2, errs.MaybeAccepted, 1},
		"refused":         {[]step{refused}, Send, 2, errs.Unavailable, 2},
		"refused, passes": {[]step{refused, answer(200, "")}, Send, 2, nil, 2},
		"refused, none":   {[]step{refused}, Send, 0, errs.Unavailable, 1},
		"500":             {[]step{answer(500, "")}, Send, 2, errs.MaybeAccepted, 1},
		"500 safe":        {[]step{answer(500, "")}, Safe, 2, errs.MaybeAccepted, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cl := client(t, play(c.steps...), retries(t, c.retries))
				call := post(cl, c.class)
				call.Means = bodyMeans
				begin := time.Now()
				check(t, cl.Do(NoWait(t.Context()), call), c.kind, c.requests)
				if took := time.Since(begin); took != 0 {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	limit := func(o *Options) {
		if err := o.SetRateLimit(2, 1); err != nil {
			t.Error(err)
		}
	}
	t.Run("waits", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			rt := play(answer(200, ""))
			cl := client(t, rt, limit)
			for range 4 {
				check(t, cl.Do(t.Context(), post(cl, Send)), nil, 1)
			}
			for _, wait := range rt.waits() {
				if wait != 500*time.Millisecond {
					t.Errorf("waited %v", wait)
				}
			}
		})
	})
	t.Run("not under NoWait", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			cl := client(t, play(answer(200, "")), limit)
			check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), nil, 1)
			res := cl.Do(NoWait(t.Context()), post(cl, Send))
			check(t, res, errs.RateLimited, 0)
			if res.RetryAfter != 500*time.Millisecond || time.Since(begin) != 0 {
				t.Errorf("RetryAfter %v, took %v", res.RetryAfter, time.Since(begin))
			}
		})
	})
	t.Run("not beyond the deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
			defer cancel()
			begin := time.Now()
			cl := client(t, play(answer(200, "")), limit)
			check(t, cl.Do(ctx, post(cl, Send)), nil, 1)
			check(t, cl.Do(ctx, post(cl, Send)), errs.RateLimited, 0)
			if time.Since(begin) != 0 {
				t.Errorf("took %v", time.Since(begin))
			}
		})
	})
	t.Run("ends with the context, and gives its place back", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			begin := time.Now()
			rt := play(answer(200, ""))
			cl := client(t, rt, limit)
			check(t, cl.Do(ctx, post(cl, Send)), nil, 1)
			res := cl.Do(ctx, post(cl, Send))
			check(t, res, errs.RateLimited, 0)
			if !errors.Is(res.Cause, context.Canceled) || time.Since(begin) != 100*time.Millisecond {
				t.Errorf("cause %v, took %v", res.Cause, time.Since(begin))
			}
			check(t, cl.Do(t.Context(), post(cl, Send)), nil, 1)
			if took := time.Since(begin); took != 500*time.Millisecond {
				t.Errorf("the next was at %v", took)
			}
		})
	})
}

// TestEndedCallsTakeNoPlace: not in the rate limiter either.
func TestEndedCallsTakeNoPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		cl := client(t, play(answer(200, "")), func(o *Options) { must(t, o.SetRateLimit(1, 1)) })
		check(t, cl.Do(ctx, post(cl, Send)), errs.Unavailable, 0)
		check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), nil, 1)
		check(t, cl.Do(ctx, post(cl, Send)), errs.Unavailable, 0)
	})
}

// TestContextAlreadyEnded: nothing is sent, and nothing else is said.
func TestContextAlreadyEnded(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rt := play(answer(200, ""))
	cl := client(t, rt)
	res := cl.Do(ctx, post(cl, Send))
	check(t, res, errs.Unavailable, 0)
	if !errors.Is(res.Cause, context.Canceled) || len(rt.requests) != 0 {
		t.Errorf("cause %v, %d requests", res.Cause, len(rt.requests))
	}
}

// TestContextEndsBeforeSending: it ends while credentials are put on. The
// RoundTripper is not asked: one that does not report to httptrace would make
// it look sent.
func TestContextEndsBeforeSending(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	rt := play(answer(200, ""))
	cl := clientWith(t, authFunc(func(http.Header) error { cancel(); return nil }), rt)
	res := cl.Do(ctx, post(cl, Send))
	check(t, res, errs.Unavailable, 0)
	if !errors.Is(res.Cause, context.Canceled) || len(rt.requests) != 0 {
		t.Errorf("cause %v, %d requests", res.Cause, len(rt.requests))
	}
}

// TestAnswerBeforeContext: a 2xx in hand when the context ends is a success.
func TestAnswerBeforeContext(t *testing.T) {
	t.Parallel()
	for _, class := range []Class{Send, Safe, Read} {
		ctx, cancel := context.WithCancel(t.Context())
		cl := client(t, play(func(req *http.Request) (*http.Response, error) {
			resp, err := answer(202, `{"id":7}`)(req)
			cancel()
			return resp, err
		}))
		res := cl.Do(ctx, post(cl, class))
		check(t, res, nil, 1)
		if string(res.Body) != `{"id":7}` {
			t.Errorf("body %q", res.Body)
		}
	}
}

// stalling is a body that stops in the middle until its request's context
// ends.
type stalling struct{ ctx context.Context } //nolint:containedctx // it stands for a connection

func (s stalling) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, context.Cause(s.ctx)
}

// TestAttemptTimeout: it is for each attempt, bodies included.
func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	stall := func(status int) step {
		return func(req *http.Request) (*http.Response, error) { return response(status, stalling{req.Context()}), nil }
	}
	for name, c := range map[string]struct {
		step     step
		class    Class
		kind     error
		attempts int
		status   int
	}{
		"no answer":          {silent, Send, errs.MaybeAccepted, 1, 0},
		"no answer, read":    {silent, Read, errs.Unavailable, 2, 0},
		"body":               {stall(200), Send, errs.MaybeAccepted, 1, 200},
		"body, read":         {stall(200), Read, errs.Unavailable, 2, 200},
		"body of a refusal":  {stall(400), Send, errs.InvalidRequest, 1, 400},
		"body of a slowdown": {stall(429), Send, errs.RateLimited, 2, 429},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				rt := play(c.step)
				cl := client(t, rt, timeout(t, 7*time.Second), retries(t, 1))
				res := cl.Do(t.Context(), post(cl, c.class))
				check(t, res, c.kind, c.attempts)
				if res.Status != c.status || !errors.Is(res.Cause, context.DeadlineExceeded) {
					t.Errorf("status %d, cause %v", res.Status, res.Cause)
				}
				wait := time.Duration(0)
				if c.attempts > 1 {
					wait = rt.waits()[0] - 7*time.Second
				}
				if took := time.Since(begin); took != time.Duration(c.attempts)*7*time.Second+wait || wait < 0 {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestUsersTimeout: the Timeout of the user's http.Client holds too.
func TestUsersTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		cl := client(t, nil, func(o *Options) {
			must(t, o.SetHTTPClient(&http.Client{Transport: play(silent), Timeout: 3 * time.Second}))
		})
		check(t, cl.Do(t.Context(), post(cl, Send)), errs.MaybeAccepted, 1)
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// TestSeenThroughTrace: what httptrace says decides; a RoundTripper that does
// not report to it is only believed when its error proves the point.
func TestSeenThroughTrace(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	fail := func(err error, report func(*http.Request)) step {
		return func(req *http.Request) (*http.Response, error) { report(req); return nil, err }
	}
	for name, c := range map[string]struct {
		step     step
		kind     error
		attempts int
	}{
		"asked, got none":      {fail(broken, func(r *http.Request) { reportConn(r, false) }), errs.Unavailable, 2},
		"got one":              {fail(broken, func(r *http.Request) { reportConn(r, true) }), errs.MaybeAccepted, 1},
		"got one, then a dial": {fail(&net.OpError{Op: "dial", Err: broken}, func(r *http.Request) { reportConn(r, true) }), errs.MaybeAccepted, 1},
		"silent, unknown":      {fail(broken, func(*http.Request) {}), errs.MaybeAccepted, 1},
		"silent, read":         {fail(&net.OpError{Op: "read", Err: broken}, func(*http.Request) {}), errs.MaybeAccepted, 1},
		"silent, dial":         {fail(&net.OpError{Op: "dial", Err: broken}, func(*http.Request) {}), errs.Unavailable, 2},
		"silent, DNS":          {fail(&net.DNSError{Err: "no such host"}, func(*http.Request) {}), errs.Unavailable, 2},
		"neither":              {func(*http.Request) (*http.Response, error) { return nil, nil }, errs.MaybeAccepted, 1}, //nolint:nilnil // as broken ones do
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := client(t, play(c.step))
			check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), c.kind, c.attempts)
		})
	}
	limited := func(report func(*http.Request)) step {
		return func(req *http.Request) (*http.Response, error) { report(req); return answer(429, "")(req) }
	}
	for name, first := range map[string]step{
		"each attempt anew: connection": limited(func(r *http.Request) { reportConn(r, true) }),
		"each attempt anew: reporting":  limited(func(r *http.Request) { reportConn(r, false) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cl := client(t, play(first, fail(broken, func(r *http.Request) {
					if name == "each attempt anew: connection" {
						reportConn(r, false)
					}
				})), retries(t, 1))
				want := errs.Unavailable
				if name == "each attempt anew: reporting" {
					want = errs.MaybeAccepted
				}
				check(t, cl.Do(t.Context(), post(cl, Send)), want, 2)
			})
		})
	}
	t.Run("a call for a token is another", func(t *testing.T) {
		t.Parallel()
		auth := tracingAuth{}
		cl := clientWith(t, auth, play(refused))
		check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), errs.Unavailable, 2)
		cl = clientWith(t, auth, play(fail(broken, func(*http.Request) {})))
		check(t, cl.Do(NoWait(t.Context()), post(cl, Send)), errs.MaybeAccepted, 1)
	})
}

// tracingAuth makes a call of its own under the attempt's context, as one that
// gets a token does.
type tracingAuth struct{}

func (tracingAuth) Apply(ctx context.Context, _ http.Header) error {
	reportConn((&http.Request{}).WithContext(ctx), true)
	return nil
}

func (tracingAuth) Secrets() []string { return nil }

// TestBusyNeedsAllOfTheBody: a broken body proves nothing.
func TestBusyNeedsAllOfTheBody(t *testing.T) {
	t.Parallel()
	cl := client(t, play(cut(503)))
	call := post(cl, Send)
	call.Means = func(int, []byte) Meaning { return Busy }
	check(t, cl.Do(t.Context(), call), errs.MaybeAccepted, 1)
}
