package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
)

// State is what a Record's Body holds.
type State = state

// Opened is the State of a record, with the receipts of its Inbox taken in.
func Opened(rec Record) (State, error) {
	j, err := (&Runner{}).open(rec)
	if err != nil {
		return State{}, err
	}
	j.absorb()
	return j.st, nil
}

// ClaimDue does once what Run does again and again.
func (r *Runner) ClaimDue(ctx context.Context, work *sync.WaitGroup) (time.Duration, bool) {
	return r.claim(ctx, work)
}

// BreakerOf is how many failures the breaker of a provider on a channel has
// counted, and whether it is open.
func (r *Runner) BreakerOf(provider string, ch fallback.Channel) (failed int, open bool) {
	r.breakers.mu.Lock()
	defer r.breakers.mu.Unlock()
	if x := r.breakers.all[line{provider, ch}]; x != nil {
		return x.failed, x.open
	}
	return 0, false
}

// LeaseOf is how long a claim and a call under way are left alone.
func LeaseOf(c Config) time.Duration { return c.lease() }

// Watchers is how many entries wait for ends of messages.
func (r *Runner) Watchers() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.waiters {
		n += len(w)
	}
	return n
}
