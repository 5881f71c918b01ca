package fallbacktest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/fallback/delivery"
)

// StoreOp is an operation of a delivery.Store.
type StoreOp string

// The operations of a delivery.Store.
const (
	Create  StoreOp = "create"
	Claim   StoreOp = "claim"
	Commit  StoreOp = "commit"
	Receive StoreOp = "receive"
	Get     StoreOp = "get"
	Sweep   StoreOp = "sweep"
)

// ErrStore is what a FaultyStore fails with.
var ErrStore = errors.New("fallbacktest: the store fails, as it was told")

// FaultyStore is a delivery.Store that fails as told, and otherwise does what
// the Store in it does. It is safe for concurrent use.
type FaultyStore struct {
	delivery.Store

	// Hook, if set, runs before every operation that is not made to fail. keys
	// are the records' that it is about; Claim, Receive and Sweep have none.
	Hook func(op StoreOp, keys ...string)

	mu    sync.Mutex
	down  bool
	fails map[StoreOp]int
	loses map[StoreOp]int
	calls map[StoreOp]int
}

// Faulty is a FaultyStore over s that does not fail yet.
func Faulty(s delivery.Store) *FaultyStore {
	return &FaultyStore{Store: s, fails: map[StoreOp]int{}, loses: map[StoreOp]int{}, calls: map[StoreOp]int{}}
}

// SetDown has every operation fail with [ErrStore], and do nothing, while down
// is true.
func (f *FaultyStore) SetDown(down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
}

// Fail has the next n operations of a kind fail and do nothing.
func (f *FaultyStore) Fail(op StoreOp, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails[op] += n
}

// Lose has the next n operations of a kind, after those that Fail was told of,
// be done and answered as if they had failed.
func (f *FaultyStore) Lose(op StoreOp, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loses[op] += n
}

// Calls is how many operations of a kind reached the Store.
func (f *FaultyStore) Calls(op StoreOp) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// do is one operation.
func (f *FaultyStore) do(op StoreOp, keys []string, call func() error) error {
	f.mu.Lock()
	fail, lose := f.down, false
	switch {
	case fail:
	case f.fails[op] > 0:
		f.fails[op]--
		fail = true
	case f.loses[op] > 0:
		f.loses[op]--
		lose = true
	}
	if !fail {
		f.calls[op]++
	}
	f.mu.Unlock()
	if fail {
		return ErrStore
	}
	if f.Hook != nil {
		f.Hook(op, keys...)
	}
	if err := call(); err != nil {
		return err
	}
	if lose {
		return ErrStore
	}
	return nil
}

// Create is the Store's, or fails.
func (f *FaultyStore) Create(ctx context.Context, rs []delivery.Record) (fresh []bool, err error) {
	keys := make([]string, len(rs))
	for i, r := range rs {
		keys[i] = r.Key
	}
	err = f.do(Create, keys, func() (err error) {
		fresh, err = f.Store.Create(ctx, rs)
		return err
	})
	if err != nil {
		return nil, err
	}
	return fresh, nil
}

// Claim is the Store's, or fails.
func (f *FaultyStore) Claim(ctx context.Context, lease time.Duration, limit int) (rs []delivery.Record, next time.Duration, err error) {
	err = f.do(Claim, nil, func() (err error) {
		rs, next, err = f.Store.Claim(ctx, lease, limit)
		return err
	})
	if err != nil {
		return nil, -1, err
	}
	return rs, next, nil
}

// Commit is the Store's, or fails.
func (f *FaultyStore) Commit(ctx context.Context, r delivery.Record) error {
	return f.do(Commit, []string{r.Key}, func() error { return f.Store.Commit(ctx, r) })
}

// Receive is the Store's, or fails.
func (f *FaultyStore) Receive(ctx context.Context, in []delivery.Inbound) (matched []string, err error) {
	err = f.do(Receive, nil, func() (err error) {
		matched, err = f.Store.Receive(ctx, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return matched, nil
}

// Get is the Store's, or fails.
func (f *FaultyStore) Get(ctx context.Context, key string) (r delivery.Record, err error) {
	err = f.do(Get, []string{key}, func() (err error) {
		r, err = f.Store.Get(ctx, key)
		return err
	})
	if err != nil {
		return delivery.Record{}, err
	}
	return r, nil
}

// Sweep is the Store's, or fails.
func (f *FaultyStore) Sweep(ctx context.Context, limit int) (n int, err error) {
	err = f.do(Sweep, nil, func() (err error) {
		n, err = f.Store.Sweep(ctx, limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
