package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
)

// Config is how a Runner works. Only Store is required.
type Config struct {
	Store Store

	// Consent is asked before every attempt. An error that is
	// fallback.ErrOptedOut ends the message. Any other error stops a
	// Promotional message, and is asked again later for the others, until
	// their deadline.
	Consent func(context.Context, fallback.Submission) error

	// Hours is when the submission may be made: the given time for now, or a
	// later one; see QuietHours. Messages of class OTP are not held back.
	Hours func(fallback.Submission, time.Time) time.Time

	// Limit blocks until n submissions may be made to the provider. When it
	// would take longer than Call, the stage or the deadline allows, or fails,
	// the next provider is tried; when there is none, it is asked again later,
	// until the deadline. n is 1, but with SendAll the size of a batch: one
	// that is refused is halved.
	Limit func(ctx context.Context, provider string, n int) error

	// Hold is how long an attempt of unknown fate waits for a receipt that
	// proves its acceptance, where receipts carry the reference. A class that
	// is absent has 10 seconds (OTP) or 45 seconds (the others).
	Hold map[fallback.Class]time.Duration

	// Breaker is when a provider is left alone; the zero Breaker has sound
	// defaults.
	Breaker Breaker

	// Call bounds one call of a Sender; zero: 45 seconds. A call is not ended
	// by the context that Send was given. After a crash in a call, the message
	// goes on when Call, and as much again but no more than 15 seconds, have
	// passed; one of SendAll's, which waits for a slot and for Limit after it
	// was stored, when the calls before it could be over too.
	Call time.Duration

	// Workers is how many messages are worked on at once; zero: 64.
	Workers int

	// Keep is how long finished messages are kept, so that late receipts and
	// repeated keys are known; zero: 7 days.
	Keep time.Duration

	// Observe is told what happened, after it was stored. It is called by
	// several goroutines at once, and must not block.
	Observe func(Event)
}

// DefaultDeadline is how long a message without Deadline is under way at the
// most.
const DefaultDeadline = 72 * time.Hour

const (
	leaseSlack  = 15 * time.Second // at most, beyond Call, for storing the verdict
	pollEvery   = time.Second
	listenAgain = 5 * time.Second
	sweepEvery  = time.Minute
	sweepLimit  = 1000
	claimLimit  = 256
	storeFor    = 10 * time.Minute      // how long the store of a verdict is tried
	storeWait   = 50 * time.Millisecond // first wait after a store's failure
	maxStore    = 2 * time.Second       // longest one
	consentWait = 5 * time.Second
	graceWait   = 3 * time.Second
)

func (c *Config) hold(class fallback.Class) time.Duration {
	if d, ok := c.Hold[class]; ok {
		return d
	}
	if class == fallback.OTP {
		return 10 * time.Second
	}
	return 45 * time.Second
}

func (c *Config) grace() time.Duration { return graceWait }
func (c *Config) lease() time.Duration { return c.Call + min(leaseSlack, c.Call) }

// EventKind is what happened.
type EventKind string

// The kinds of Event.
const (
	Submitted EventKind = "submitted" // an attempt has its verdict
	Received  EventKind = "received"  // receipts were taken in
	Waiting   EventKind = "waiting"   // nothing to do until Result.Due
	Finished  EventKind = "finished"  // the outcome is final, but for late receipts
	Corrected EventKind = "corrected" // a late receipt changed a final outcome
	Recovered EventKind = "recovered" // an attempt was found whose process had ended
	Alert     EventKind = "alert"     // credentials or credit: somebody must act
	Rejected  EventKind = "rejected"  // a callback was not answered 200: anybody can cause as many as he likes
)

// Event is something that happened, after it was stored. It prints no
// recipient and no content.
type Event struct {
	At       time.Time
	Route    string
	Kind     EventKind
	Result   fallback.Result
	Provider string // of an Alert
	Err      error  // of an Alert, or a Rejected
}

// Runner carries bound routes. It is safe for concurrent use, and any number
// of them may share a durable Store.
type Runner struct {
	cfg      Config
	breakers breakers
	wake     chan struct{}
	slots    chan struct{}

	mu      sync.Mutex
	routes  map[string]*BoundRoute
	waiters map[string][]*mailbox
}

// New makes a Runner. Nothing runs before Run.
func New(c Config) (*Runner, error) {
	if c.Store == nil {
		return nil, errors.New("delivery: Config.Store is nil")
	}
	if c.Call < 0 || c.Workers < 0 || c.Keep < 0 {
		return nil, errors.New("delivery: negative Config.Call, Workers or Keep")
	}
	if err := c.Breaker.defaults(); err != nil {
		return nil, err
	}
	if c.Call == 0 {
		c.Call = 45 * time.Second
	}
	if c.Workers == 0 {
		c.Workers = 64
	}
	if c.Keep == 0 {
		c.Keep = 7 * 24 * time.Hour
	}
	r := &Runner{
		cfg: c, wake: make(chan struct{}, 1), slots: make(chan struct{}, c.Workers),
		routes: map[string]*BoundRoute{}, waiters: map[string][]*mailbox{},
	}
	r.breakers.cfg = c.Breaker
	return r, nil
}

// Bind checks route and makes it ready to send. Bind every route before Run:
// messages found in the store go on through providers bound by then.
func (r *Runner) Bind(name string, route Route) (*BoundRoute, error) {
	if name == "" {
		return nil, errors.New("delivery: Bind: no name")
	}
	if err := route.Validate(); err != nil {
		return nil, err
	}
	b := &BoundRoute{r: r, name: name, goals: make([]Stage, len(route))}
	for i, stage := range route {
		b.goals[i] = Stage{Until: stage.Until, Within: stage.Within}
		b.legs = append(b.legs, stage.Try.Legs())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.routes[name] != nil {
		return nil, fmt.Errorf("delivery: Bind: the name %q is taken", name)
	}
	r.routes[name] = b
	return b, nil
}

// sender is the leg that a stored attempt goes through: the one at its place
// in its route, if it is still the same provider and channel, else any other
// of that provider and channel.
func (r *Runner) sender(route string, stage, leg, alt int, want *storedAlt) (fallback.Leg, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(l fallback.Leg) bool { return l.Provider == want.Provider && l.Channel == want.Channel }
	if b := r.routes[route]; b != nil && stage < len(b.legs) && leg < len(b.legs[stage]) && alt < len(b.legs[stage][leg]) {
		if l := b.legs[stage][leg][alt]; same(l) {
			return l, true
		}
	}
	for _, b := range r.routes {
		for _, legs := range b.legs {
			for _, alternatives := range legs {
				for _, l := range alternatives {
					if same(l) {
						return l, true
					}
				}
			}
		}
	}
	return fallback.Leg{}, false
}

// Run acts on what is due until ctx ends, and then waits for the calls that
// are under way. It returns the cause of ctx's end. A failing Store does not
// end it: it is asked again.
func (r *Runner) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	if w, ok := r.cfg.Store.(Waker); ok {
		work.Go(func() { r.listen(ctx, w) })
	}
	work.Go(func() { r.sweep(ctx) })
	for ctx.Err() == nil {
		wait, full := r.claim(ctx, &work)
		if full {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return context.Cause(ctx)
}

// listen wakes r when its store says so, and asks the store again when that
// ends, until ctx ends.
func (r *Runner) listen(ctx context.Context, store Waker) {
	for ctx.Err() == nil {
		ch, err := store.Wake(ctx)
		if err == nil && ch == nil { // it never will
			return
		}
		for listening := err == nil; listening; {
			select {
			case _, listening = <-ch:
				r.poke()
			case <-ctx.Done():
				return
			}
		}
		timer := time.NewTimer(listenAgain)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// sweep deletes what is to be forgotten, in batches, until ctx ends.
func (r *Runner) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for ctx.Err() == nil {
			if n, err := r.cfg.Store.Sweep(ctx, sweepLimit); err != nil || n < sweepLimit {
				break // what failed is tried again in a minute
			}
		}
	}
}

// claim takes what is due and works on it. full: there may be more.
func (r *Runner) claim(ctx context.Context, work *sync.WaitGroup) (wait time.Duration, full bool) {
	// Take no more than can be begun: what waits in line here, its claim
	// running out, would be taken by somebody else.
	free := 0
	for free < min(claimLimit, cap(r.slots)) {
		select {
		case r.slots <- struct{}{}:
			free++
			continue
		default:
		}
		break
	}
	if free == 0 {
		select {
		case r.slots <- struct{}{}:
			free = 1
		case <-ctx.Done():
			return 0, false
		}
	}
	rs, next, err := r.cfg.Store.Claim(ctx, r.cfg.lease(), free)
	for range free - len(rs) {
		<-r.slots
	}
	for _, rec := range rs {
		work.Go(func() {
			defer func() { <-r.slots }()
			r.advance(context.WithoutCancel(ctx), rec) //nolint:errcheck // it is due again when its claim ends
		})
	}
	switch {
	case err != nil:
		return pollEvery, false
	case len(rs) == free:
		return 0, true
	case next < 0 || next > pollEvery:
		return pollEvery, false
	}
	return next, false
}

// poke has Run look at once.
func (r *Runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// mailbox collects the keys of messages that have finished in this process.
type mailbox struct {
	ready chan struct{} // has a value when there are keys
	mu    sync.Mutex
	keys  []string
}

func newMailbox() *mailbox { return &mailbox{ready: make(chan struct{}, 1)} }

func (m *mailbox) put(key string) {
	m.mu.Lock()
	m.keys = append(m.keys, key)
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

func (m *mailbox) take() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := m.keys
	m.keys = nil
	return keys
}

// watch has m told when the message finishes.
func (r *Runner) watch(key string, m *mailbox) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.waiters[key], m) {
		r.waiters[key] = append(r.waiters[key], m)
	}
}

// unwatch ends a watch.
func (r *Runner) unwatch(key string, m *mailbox) {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := slices.DeleteFunc(r.waiters[key], func(other *mailbox) bool { return other == m })
	if r.waiters[key] = left; len(left) == 0 {
		delete(r.waiters, key)
	}
}

// tell has those look who wait for the message.
func (r *Runner) tell(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.waiters[key] {
		m.put(key)
	}
	delete(r.waiters, key)
}

func (r *Runner) observe(e Event) {
	if r.cfg.Observe != nil {
		e.At = time.Now()
		r.cfg.Observe(e)
	}
}
