package delivery_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// byID is a sender whose receipts are found by the provider's id only, and
// that refuses repeats, as Octopush.
func byID(name string, errs ...error) provider {
	p := reporting(name, errs...)
	p.caps = delivery.Caps{Reports: []delivery.Goal{delivery.Accepted, delivery.Delivered}, Idempotent: 24 * time.Hour}
	return p
}

// silent is a sender without receipts.
func silent(name string, errs ...error) provider {
	p := reporting(name, errs...)
	p.caps = delivery.Caps{}
	return p
}

// revoker is a sender that takes back.
type revoker struct {
	provider

	revoke func(ctx context.Context, ref, id string) error
}

func (r revoker) Revoke(ctx context.Context, ref, id string) error { return r.revoke(ctx, ref, id) }

func (r revoker) on(ch fallback.Channel) fallback.Leg {
	return fallback.Leg{Channel: ch, Provider: r.Provider, Sender: r}
}

// finder is a sender that can be asked.
type finder struct {
	provider

	find func(ctx context.Context, ref, id string) ([]delivery.Receipt, error)
}

func (f finder) Find(ctx context.Context, ref, id string) ([]delivery.Receipt, error) {
	return f.find(ctx, ref, id)
}

func (f finder) on(ch fallback.Channel) fallback.Leg {
	return fallback.Leg{Channel: ch, Provider: f.Provider, Sender: f}
}

// batcher is a sender that takes several. answer says what becomes of a call;
// nil: everything is accepted.
type batcher struct {
	provider

	answer func(context.Context, []fallback.Submission) []delivery.BatchResult

	mu    sync.Mutex
	calls [][]fallback.Submission
}

func (b *batcher) SendBatch(ctx context.Context, subs []fallback.Submission) []delivery.BatchResult {
	b.mu.Lock()
	b.calls = append(b.calls, slices.Clone(subs))
	b.mu.Unlock()
	if b.answer != nil {
		return b.answer(ctx, subs)
	}
	results := make([]delivery.BatchResult, len(subs))
	for i, s := range subs {
		results[i].ID = "batch-" + s.Ref
	}
	return results
}

func (b *batcher) on(ch fallback.Channel) fallback.Leg {
	return fallback.Leg{Channel: ch, Provider: b.Provider, Sender: b}
}

// sizes is how many submissions each call had.
func (b *batcher) sizes() []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	var n []int
	for _, call := range b.calls {
		n = append(n, len(call))
	}
	return n
}

// all is a call's answer that is the same for everybody.
func all(err error) func(context.Context, []fallback.Submission) []delivery.BatchResult {
	return func(_ context.Context, subs []fallback.Submission) []delivery.BatchResult {
		results := make([]delivery.BatchResult, len(subs))
		for i := range results {
			results[i].Err = err
		}
		return results
	}
}

// events remembers what a Runner told.
type events struct {
	mu   sync.Mutex
	told []delivery.Event
}

func (e *events) observe(event delivery.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, event)
}

// list is what was told so far.
func (e *events) list() []delivery.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.told)
}

// kinds is what was told about a message.
func (e *events) kinds(key string) []delivery.EventKind {
	var kinds []delivery.EventKind
	for _, event := range e.list() {
		if event.Result.Key == key {
			kinds = append(kinds, event.Kind)
		}
	}
	return kinds
}

// count is how often something was told.
func (e *events) count(kind delivery.EventKind) int {
	n := 0
	for _, event := range e.list() {
		if event.Kind == kind {
			n++
		}
	}
	return n
}

// keyed is hello with a key of its own.
func keyed(key string) fallback.Message {
	m := hello()
	m.Key = key
	return m
}

// runnerOver makes a Runner over a store that nobody runs yet.
func runnerOver(t *testing.T, store delivery.Store) *delivery.Runner {
	t.Helper()
	r, err := delivery.New(delivery.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// faulty is a volatile store that can be made to fail.
func faulty() *fallbacktest.FaultyStore { return fallbacktest.Faulty(fallbacktest.VolatileStore()) }
