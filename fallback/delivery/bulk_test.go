package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
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

// several is n messages, changed by edit.
func several(n int, edit func(i int, m *fallback.Message)) iter.Seq[fallback.Message] {
	return func(yield func(fallback.Message) bool) {
		for i := range n {
			m := keyed(fmt.Sprint(i))
			m.To = fallback.Recipient{Phone: fmt.Sprintf("+9198%08d", i)}
			if edit != nil {
				edit(i, &m)
			}
			if !yield(m) {
				return
			}
		}
	}
}

// collect is what became of messages, by outcome.
func collect(results iter.Seq2[fallback.Result, error]) (outcomes map[fallback.Outcome]int, keys []string) {
	outcomes = map[fallback.Outcome]int{}
	for res, err := range results {
		_ = err // the outcome says it
		outcomes[res.Outcome]++
		keys = append(keys, res.Key)
	}
	return outcomes, keys
}

// A call has as many as its provider takes, and no two contents.
func TestBatches(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		most, n int
		edit    func(int, *fallback.Message)
		want    []int
	}{
		"500":          {500, 1200, nil, []int{500, 500, 200}},
		"1000":         {1000, 1200, nil, []int{1000, 200}},
		"two contents": {500, 400, func(i int, m *fallback.Message) { m.Text += fmt.Sprint(i % 2) }, []int{200, 200}},
		"two classes": {500, 400, func(i int, m *fallback.Message) {
			m.Class = []fallback.Class{fallback.Transactional, fallback.OTP}[i%2]
		}, []int{200, 200}},
		"two deadlines": {500, 400, func(i int, m *fallback.Message) { m.Deadline = time.Date(2001, 1, 1+i%2, 0, 0, 0, 0, time.UTC) }, []int{200, 200}},
		"one by one":    {1, 30, nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := &batcher{provider: silent("a")}
			a.caps.MaxBatch = test.most
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			outcomes, keys := collect(route.SendAll(t.Context(), several(test.n, test.edit)))
			assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: test.n}, outcomes, name)
			slices.Sort(keys)
			assert.Len(t, slices.Compact(keys), test.n, name)
			sizes := a.sizes()
			slices.SortFunc(sizes, func(x, y int) int { return y - x })
			assert.Equal(t, test.want, sizes, name)
			if test.want == nil {
				assert.Len(t, a.Sent(), test.n)
			}
		})
	}
}

// What is not about one recipient has nothing divided: a batch that is refused
// for the account's sake is refused once.
func TestBatchRefused(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{fallback.ErrUnauthorized, fallback.ErrInsufficientCredit, fallback.ErrContentRejected, fallback.ErrMaybeAccepted} {
		synctest.Test(t, func(t *testing.T) {
			a, b := batching("a"), silent("b")
			a.answer = all(failure)
			r := running(t, delivery.Config{})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}, {Try: b.on(fallback.RCS), Until: delivery.Accepted}})
			outcomes, _ := collect(route.SendAll(t.Context(), several(300, nil)))
			assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 300}, outcomes)
			assert.Equal(t, []int{300}, a.sizes(), "%v", failure)
			assert.Len(t, b.Sent(), 300)
		})
	}
	// Everybody has an outcome of their own.
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		a.answer = func(_ context.Context, subs []fallback.Submission) []delivery.BatchResult {
			results := make([]delivery.BatchResult, len(subs))
			for i, s := range subs {
				switch s.Message.Key {
				case "3":
					results[i].Err = fallback.ErrOptedOut
				case "4":
					results[i].Err = fallback.ErrInvalidRecipient
				case "5":
					results[i].Err = fallback.ErrMaybeAccepted
				default:
					results[i].ID = "id-" + s.Message.Key
				}
			}
			return results
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		want := map[string]error{"3": fallback.ErrOptedOut, "4": fallback.ErrInvalidRecipient, "5": fallback.ErrMaybeAccepted}
		n := 0
		for res, err := range route.SendAll(t.Context(), several(10, nil)) {
			n++
			if want[res.Key] != nil {
				require.ErrorIs(t, err, want[res.Key])
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, "id-"+res.Key, res.ID)
		}
		assert.Equal(t, 10, n)
		assert.Equal(t, []int{10}, a.sizes())
	})
}

// Of a batch that took two calls of the provider, one may be refused for one
// person's sake: those that were refused together are halved, nobody else is
// called for again.
func TestBatchRefusedInPart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		calls := map[string]int{}
		a.answer = func(_ context.Context, subs []fallback.Submission) []delivery.BatchResult {
			results := make([]delivery.BatchResult, len(subs))
			refusal := &wrapped{fallback.ErrInvalidRecipient} // of the call with everybody but the first person
			wrong := slices.ContainsFunc(subs, func(s fallback.Submission) bool { return s.Message.Key == "7" })
			for i, s := range subs {
				calls[s.Message.Key]++
				if wrong && s.Message.Key != "0" {
					results[i].Err = refusal
				}
			}
			return results
		}
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		outcomes, _ := collect(route.SendAll(t.Context(), several(20, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 19, fallback.Failed: 1}, outcomes)
		assert.Equal(t, 1, calls["0"], "it was accepted at once")
	})
}

// What a batch's first call says of the provider is not lost because others of
// it were halved, and accepted then.
func TestBatchToldToTheBreaker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		calls := 0
		a.answer = func(_ context.Context, subs []fallback.Submission) []delivery.BatchResult {
			results := make([]delivery.BatchResult, len(subs))
			refusal := &wrapped{fallback.ErrInvalidRequest}
			if calls++; calls == 1 {
				results[0].Err, results[1].Err = refusal, refusal
				results[2].Err, results[3].Err = fallback.ErrForbidden, fallback.ErrForbidden
			}
			return results
		}
		var alerts []error
		r := running(t, delivery.Config{Observe: func(e delivery.Event) {
			if e.Kind == delivery.Alert {
				alerts = append(alerts, e.Err)
			}
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		outcomes, _ := collect(route.SendAll(t.Context(), several(4, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 2, fallback.Failed: 2}, outcomes)
		require.Len(t, alerts, 1)
		require.ErrorIs(t, alerts[0], fallback.ErrForbidden)
	})
}

// wrapped is an error that is one value for all that were refused with it.
type wrapped struct{ error }

func (w *wrapped) Unwrap() error { return w.error }

// An attempt that went with others is not repeated by its reference, although
// the provider refuses repeats.
func TestBatchIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &batcher{provider: byID("a"), answer: all(fallback.ErrMaybeAccepted)}, silent("b")
		a.caps.MaxBatch = 500
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}, {Try: b.on(fallback.RCS), Until: delivery.Accepted}})
		outcomes, _ := collect(route.SendAll(t.Context(), several(20, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 20}, outcomes)
		assert.Equal(t, []int{20}, a.sizes())
		assert.Empty(t, a.Sent(), "a repeat alone would be taken as new")
		assert.Len(t, b.Sent(), 20)
	})
}

// Interrupted, it goes on where it stopped.
func TestSendAllAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := fallbacktest.VolatileStore()
		a := batching("a")
		r := running(t, delivery.Config{Store: store})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		n := 0
		for _, err := range route.SendAll(t.Context(), several(3000, nil)) {
			require.NoError(t, err)
			if n++; n == 1500 {
				break
			}
		}
		before := len(a.sizes())
		assert.Positive(t, before)
		outcomes, keys := collect(route.SendAll(t.Context(), several(3000, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 3000}, outcomes)
		slices.Sort(keys)
		assert.Len(t, slices.Compact(keys), 3000)
		total := 0
		for _, size := range a.sizes() {
			total += size
		}
		assert.Equal(t, 3000, total, "nobody is sent to twice")
	})
	// A key twice in one run, one that cannot be stored, and one that was used
	// for something else.
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		_, err := route.Send(t.Context(), keyed("used"))
		require.NoError(t, err)
		reused, accepted := 0, 0
		for res, err := range route.SendAll(t.Context(), func(yield func(fallback.Message) bool) {
			other := keyed("used")
			other.Text = "something else"
			_ = yield(other) && yield(keyed("twice")) && yield(keyed("twice")) && yield(keyed("used"))
		}) {
			if err != nil {
				require.ErrorIs(t, err, delivery.ErrKeyReused)
				assert.Equal(t, "used", res.Key)
				reused++
				continue
			}
			accepted++
		}
		assert.Equal(t, 1, reused)
		assert.GreaterOrEqual(t, accepted, 2)
		total := len(a.Sent())
		for _, size := range a.sizes() {
			total += size
		}
		assert.Equal(t, 2, total)
	})
}

// No more is taken from the source than can be carried.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &batcher{provider: reporting("a")}
		a.caps.MaxBatch = 1000
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Within: time.Minute}})
		taken, yielded := 0, 0
		source := several(15_000, func(int, *fallback.Message) {
			taken++
			assert.LessOrEqual(t, taken-yielded, 10_001)
		})
		begin := time.Now()
		for res, err := range route.SendAll(t.Context(), source) {
			require.NoError(t, err)
			assert.Equal(t, fallback.Accepted, res.Outcome, "silence")
			yielded++
		}
		assert.Equal(t, 15_000, yielded)
		assert.GreaterOrEqual(t, time.Since(begin), 2*time.Minute, "the second lot waits for the first")
	})
}

// The context ends: what has ended is yielded, and the rest goes on.
func TestSendAllContextEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := reporting("a"), silent("b")
		r := running(t, delivery.Config{})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.RCS), Within: time.Minute}, {Try: b.on(fallback.SMS), Until: delivery.Accepted}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		outcomes, _ := collect(route.SendAll(ctx, several(50, nil)))
		assert.Empty(t, outcomes)
		assert.Len(t, a.Sent(), 50)
		time.Sleep(2 * time.Minute)
		assert.Len(t, b.Sent(), 50)
		for i := range 50 {
			_, err := route.Wait(t.Context(), fmt.Sprint(i))
			require.NoError(t, err)
		}
	})
}

// The store fails for a while in the middle: those that it did not take are
// told of, and nobody is sent to twice when they are sent again.
func TestSendAllStoreFails(t *testing.T) {
	t.Parallel()
	for _, op := range []fallbacktest.StoreOp{fallbacktest.Create, fallbacktest.Commit, fallbacktest.Get} {
		synctest.Test(t, func(t *testing.T) {
			store := faulty()
			a := batching("a")
			r := running(t, delivery.Config{Store: store})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			store.Fail(op, 1)
			failed := 0
			for _, err := range route.SendAll(t.Context(), several(2500, nil)) {
				if err != nil {
					require.ErrorIs(t, err, fallbacktest.ErrStore)
					failed++
				}
			}
			if op == fallbacktest.Create {
				assert.Equal(t, 1000, failed)
			} else {
				assert.Zero(t, failed, op)
			}
			outcomes, _ := collect(route.SendAll(t.Context(), several(2500, nil)))
			assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 2500}, outcomes)
			total := 0
			for _, size := range a.sizes() {
				total += size
			}
			assert.Equal(t, 2500, total, op)
		})
	}
}

// The provider's limit is waited for when the messages are stored, once for
// each call, and not for what was sent before.
func TestBulkWaitsForTheLimit(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]int{"one by one": 1, "batches": 100} {
		synctest.Test(t, func(t *testing.T) {
			a := &batcher{provider: silent("a")}
			a.caps.MaxBatch = most
			wait := limiter(100 * time.Millisecond)
			var mu sync.Mutex
			var asked []int
			r := running(t, delivery.Config{Limit: func(ctx context.Context, provider string, n int) error {
				mu.Lock()
				asked = append(asked, n)
				mu.Unlock()
				return wait(ctx, provider, n)
			}})
			route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
			for range 2 {
				begun := time.Now()
				for res, err := range route.SendAll(t.Context(), several(300, nil)) {
					require.NoError(t, err, name)
					assert.Equal(t, fallback.Accepted, res.Outcome, name)
				}
				assert.LessOrEqual(t, time.Since(begun), 31*time.Second, name)
			}
			assert.Equal(t, slices.Repeat([]int{most}, 300/most), asked, name)
		})
	}
}

// One that never allows so many at once has batches halved.
func TestBulkLimitRefusesBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		r := running(t, delivery.Config{Limit: func(_ context.Context, _ string, n int) error {
			if n > 10 {
				return errors.New("never so many")
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		outcomes, _ := collect(route.SendAll(t.Context(), several(50, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 50}, outcomes)
		assert.Equal(t, []int{6, 6, 6, 7, 6, 6, 6, 7}, a.sizes())
	})
}

// Many are asked for their consent together: else the first would have waited
// too long when the last was asked.
func TestBulkConsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := batching("a")
		r := running(t, delivery.Config{Consent: func(_ context.Context, s fallback.Submission) error {
			time.Sleep(200 * time.Millisecond)
			if s.Message.Key == "7" {
				return fallback.ErrOptedOut
			}
			return nil
		}})
		route := bind(t, r, delivery.Route{{Try: a.on(fallback.SMS), Until: delivery.Accepted}})
		begun := time.Now()
		outcomes, _ := collect(route.SendAll(t.Context(), several(1000, nil)))
		assert.Equal(t, map[fallback.Outcome]int{fallback.Accepted: 999, fallback.Failed: 1}, outcomes)
		assert.Equal(t, []int{999}, a.sizes())
		assert.LessOrEqual(t, time.Since(begun), 10*time.Second)
	})
}
