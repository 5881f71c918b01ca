package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/fallback/delivery"
	"github.com/cpaas-go/cpaas/fallback/fallbacktest"
)

// world runs one scenario in virtual time: real Runners over one store, which
// fails as the scenario says, and providers that accept, deliver and report as
// it says, and that know what really happened.
//
// What happens at random is drawn from the seed and the name of the point
// where it happens. Everybody who acts waits for a time of his own before, so
// that no two act at the same nanosecond, and a seed always replays exactly.
type world struct {
	sc     *scenario
	start  time.Time
	lease  time.Duration
	hold   time.Duration
	store  delivery.Store // what is really in it
	done   chan struct{}  // the end of the run
	inside sync.WaitGroup // what goes on in them

	mu       sync.Mutex
	counts   map[string]int
	slots    []*proc
	runs     int
	budget   int // crashes and stalls that may still happen
	lost     time.Duration
	outside  int // how much goes on outside the processes
	copies   []*letter
	taken    map[string]*letter // by provider and reference
	calls    map[string]int
	inFlight map[string]*proc
	written  map[string]int // the highest try of a reference that was written ahead
	last     map[string]delivery.State
	given    map[string][]delivery.Receipt // what a receipt's handler stored, by message
	stopped  map[string]bool               // Cancel has returned
	ended    map[string]time.Duration
	all      []*proc
	blamed   map[string]int  // by process and provider: failures of the provider's own
	lies     map[string]bool // messages about which a receipt did not tell the truth
	fired    []string
	broken   []violation
	naive    func(delivery.Receipt) bool // a naive design's receipts; nil: there are Runners
	trace    []string
	verbose  bool
}

// violation is an invariant that did not hold.
type violation struct{ inv, text string }

// letter is a submission that a provider accepted.
type letter struct {
	msg       *msgSpec
	alt       *altSpec
	stage     int
	leg       int
	ref, id   string
	expires   time.Time
	accepted  time.Time
	delivered time.Time // zero: not yet, or never
	gone      bool      // it was taken back, or ran out
	early     bool      // it arrives, and its receipts come, before the submit's answer
}

const faultBudget = 6 // crashes and stalls in one scenario

func newWorld(sc *scenario) *world {
	w := &world{
		sc: sc, start: time.Now(), store: fallbacktest.VolatileStore(), done: make(chan struct{}),
		counts: map[string]int{}, budget: faultBudget, taken: map[string]*letter{}, calls: map[string]int{},
		inFlight: map[string]*proc{}, written: map[string]int{}, last: map[string]delivery.State{},
		given: map[string][]delivery.Receipt{}, stopped: map[string]bool{}, ended: map[string]time.Duration{}, blamed: map[string]int{}, lies: map[string]bool{},
	}
	w.lease = delivery.LeaseOf(delivery.Config{Call: sc.call})
	w.hold = 45 * time.Second
	return w
}

// goOutside runs what happens outside the processes.
func (w *world) goOutside(f func()) {
	w.mu.Lock()
	w.outside++
	w.mu.Unlock()
	go func() {
		f()
		w.mu.Lock()
		w.outside--
		w.mu.Unlock()
	}()
}

// --- the dice ---------------------------------------------------------------

func (w *world) draw(point string) float64 { return draw(w.sc.seed, point) }

// between is a duration that belongs to a point.
func (w *world) between(point string, from, to time.Duration) time.Duration {
	return from + time.Duration(w.draw(point)*float64(to-from))
}

// pause waits for a time that belongs to a point.
func (w *world) pause(point string, from, to time.Duration) {
	time.Sleep(w.between(point, from, to))
}

// fault reports whether a fault happens at a point.
func (w *world) fault(kind, point string) bool { return w.faultAt(w.sc.rates[kind], kind, point) }

func (w *world) faultAt(rate float64, kind, point string) bool {
	if rate == 0 {
		return false
	}
	at := kind + " at " + point
	if w.sc.off[at] || w.draw(at) >= rate {
		return false
	}
	if w.verbose {
		w.log("fault: %s", at)
		w.mu.Lock()
		w.fired = append(w.fired, at)
		w.mu.Unlock()
	}
	return true
}

// spend is fault for those that may not happen for ever.
func (w *world) spend(rate float64, kind, point string) bool {
	if rate == 0 {
		return false
	}
	w.mu.Lock()
	left := w.budget
	w.mu.Unlock()
	if left == 0 || !w.faultAt(rate, kind, point) {
		return false
	}
	w.mu.Lock()
	w.budget--
	w.mu.Unlock()
	return true
}

// nth counts what happens under one name.
func (w *world) nth(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[name]++
	return w.counts[name]
}

func (w *world) log(format string, args ...any) {
	if !w.verbose {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, fmt.Sprintf("%12.6fs  ", time.Since(w.start).Seconds())+fmt.Sprintf(format, args...))
}

// violate notes that an invariant does not hold.
func (w *world) violate(inv, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.log("VIOLATION %s: %s", inv, text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, violation{inv, text})
}

func (w *world) now() time.Duration { return time.Since(w.start) }

func within(spans []span, now time.Duration) bool {
	return slices.ContainsFunc(spans, func(s span) bool { return s.has(now) })
}

// --- processes --------------------------------------------------------------

// proc is one process: a Runner that can end, or stand still, at any of its
// steps outside of its own memory.
type proc struct {
	w      *world
	name   string
	r      *delivery.Runner
	route  *delivery.BoundRoute
	ctx    context.Context //nolint:containedctx // the process's life
	die    context.CancelFunc
	kick   chan struct{}
	next   time.Duration // to the earliest due; negative: none
	frozen time.Time     // guarded by w.mu, as is dead
	dead   bool
}

func (w *world) boot(slot int) *proc {
	w.mu.Lock()
	w.runs++
	p := &proc{w: w, name: fmt.Sprintf("run%d", w.runs), kick: make(chan struct{}, 1)}
	w.mu.Unlock()
	p.ctx, p.die = context.WithCancel(context.Background())
	p.bind(&simStore{p})
	w.mu.Lock()
	w.slots[slot], w.all = p, append(w.all, p)
	w.mu.Unlock()
	w.log("%s starts", p.name)
	return p
}

// bind makes the process's Runner.
func (p *proc) bind(store delivery.Store) {
	w := p.w
	c := delivery.Config{Store: store, Call: w.sc.call}
	if w.sc.consent {
		c.Consent = p.consent
	}
	if w.sc.limit {
		c.Limit = p.limit
	}
	if w.sc.quiet.to > 0 {
		c.Hours = func(_ fallback.Submission, at time.Time) time.Time {
			if w.sc.quiet.has(at.Sub(w.start)) {
				return w.start.Add(w.sc.quiet.to)
			}
			return at
		}
	}
	var err error
	if p.r, err = delivery.New(c); err != nil {
		panic(err)
	}
	if p.route, err = p.r.Bind("sim", w.route(p)); err != nil {
		panic(fmt.Sprintf("seed %d: %v", w.sc.seed, err))
	}
}

// pass ends the goroutine if the process has ended, and waits while it stands
// still.
func (p *proc) pass() {
	for {
		p.w.mu.Lock()
		dead, frozen := p.dead, p.frozen
		p.w.mu.Unlock()
		if dead {
			runtime.Goexit()
		}
		if rest := time.Until(frozen); rest > 0 {
			point := "thaw/" + p.name
			point = fmt.Sprintf("%s/%d", point, p.w.nth(point))
			time.Sleep(rest + p.w.between(point, time.Microsecond, 20*time.Millisecond))
			continue
		}
		return
	}
}

// alive ends the goroutine if the process has ended.
func (p *proc) alive() {
	p.w.mu.Lock()
	dead := p.dead
	p.w.mu.Unlock()
	if dead {
		runtime.Goexit()
	}
}

// at is a labelled point, where the process may end or stand still.
func (p *proc) at(point string) {
	p.pass()
	w := p.w
	if w.spend(w.sc.rates[faultCrash], faultCrash, point) {
		p.crash()
	}
	if w.spend(w.sc.rates[faultStall], faultStall, point) {
		long := w.between("stall/"+point, w.lease/4, 3*w.lease)
		w.mu.Lock()
		p.frozen = time.Now().Add(long)
		w.lost += long
		w.mu.Unlock()
		p.pass()
	}
}

// crash ends the process. Goexit stands for the end of each of its goroutines.
func (p *proc) crash() {
	p.w.log("%s ends", p.name)
	p.w.mu.Lock()
	p.dead = true
	p.w.mu.Unlock()
	p.die()
	runtime.Goexit()
}

// do runs f as a part of the process, and reports whether it came to its end.
func (p *proc) do(f func()) (ok bool) {
	done := make(chan struct{})
	p.w.inside.Go(func() {
		defer close(done)
		p.pass()
		f()
		p.pass()
		ok = true
	})
	<-done
	return ok
}

// live is the process that a caller comes to; nil if there is none just now.
func (w *world) live(point string) *proc {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.slots[int(w.draw("who/"+point)*float64(len(w.slots)))]
	if p == nil || p.dead {
		return nil
	}
	return p
}

// slot runs one process after the other, as what watches over them would.
func (w *world) slot(i int, p *proc) {
	for n := 0; ; n++ {
		w.pause(fmt.Sprintf("boot/%d/%d/loop", i, n), time.Microsecond, time.Millisecond)
		var work sync.WaitGroup
		p.loop(&work)
		work.Wait()
		p.die()
		w.pause(fmt.Sprintf("boot/%d/%d", i, n), time.Millisecond, 10*time.Second)
		select {
		case <-w.done:
			return
		default:
		}
		p = w.boot(i)
	}
}

// loop is Run, without looking each second: it looks when something is due, and
// some time after something changed.
func (p *proc) loop(work *sync.WaitGroup) {
	for n := 0; ; n++ {
		full := false
		if !p.do(func() { _, full = p.r.ClaimDue(p.ctx, work) }) {
			return
		}
		if full {
			continue
		}
		point := fmt.Sprintf("poll/%s/%d", p.name, n)
		wait := p.next
		if wait < 0 {
			wait = 24 * time.Hour
		}
		select { // which of several a select takes is not of the seed
		case <-p.w.done:
			return
		default:
		}
		if p.ctx.Err() != nil {
			return
		}
		select {
		case <-p.kick:
			p.w.pause(point, time.Microsecond, 500*time.Millisecond)
			continue
		default:
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
			p.w.pause(point, time.Microsecond, 50*time.Millisecond)
		case <-p.kick:
			p.w.pause(point, time.Microsecond, 500*time.Millisecond)
		case <-p.ctx.Done():
			timer.Stop()
			return
		case <-p.w.done:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// changed has every process look, some time from now.
func (w *world) changed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.slots {
		if p == nil {
			continue
		}
		select {
		case p.kick <- struct{}{}:
		default:
		}
	}
}

var errHook = errors.New("the hook's own store does not answer")

func (p *proc) consent(_ context.Context, sub fallback.Submission) error {
	w := p.w
	m := w.message(sub.Message.Key)
	point := fmt.Sprintf("consent/%s/%d", m.key(), w.nth("consent/"+m.key()))
	p.pass()
	w.pause(point, time.Microsecond, 20*time.Millisecond)
	p.at(point)
	if m.stop > 0 && w.now() >= m.stop {
		return fallback.ErrOptedOut
	}
	if w.fault(faultConsent, point) {
		return errHook
	}
	return nil
}

func (p *proc) limit(ctx context.Context, provider string, _ int) error {
	w := p.w
	point := fmt.Sprintf("limit/%s/%d", provider, w.nth("limit/"+provider))
	p.pass()
	if w.fault(faultLimit, point) {
		if w.draw(point+"/how") < 0.5 {
			return errHook
		}
		<-ctx.Done()
		w.pause(point, time.Microsecond, time.Millisecond)
		return ctx.Err()
	}
	w.pause(point, time.Microsecond, time.Second)
	return nil
}

// --- the store ----------------------------------------------------------------

// simStore is the store as one process sees it.
type simStore struct{ p *proc }

var errStore = errors.New("the store does not answer")

// do is one operation: it takes a while, it may fail before it is done or
// after, and the process may end before or after it.
func (s *simStore) do(op, key string, f func() error) error {
	w := s.p.w
	point := fmt.Sprintf("%s/%s", op, key)
	point = fmt.Sprintf("%s/%d", point, w.nth(point))
	s.p.pass()
	w.pause(point+"/go", 10*time.Microsecond, 5*time.Millisecond)
	s.p.at(point + "/before")
	if within(w.sc.noStore, w.now()) {
		return errStore
	}
	if w.fault(faultStore, point) {
		s.late()
		return errStore
	}
	err := f()
	w.log("%s: %s: %v", s.p.name, point, err)
	w.pause(point+"/back", 10*time.Microsecond, 5*time.Millisecond)
	s.p.at(point + "/after")
	if err == nil && w.fault(faultStoreLost, point) {
		s.late()
		return errStore
	}
	return err
}

// late notes that a failure of the store may cost a lease.
func (s *simStore) late() {
	s.p.w.mu.Lock()
	defer s.p.w.mu.Unlock()
	s.p.w.lost += s.p.w.lease
}

func (s *simStore) Create(ctx context.Context, rs []delivery.Record) (fresh []bool, err error) {
	err = s.do("create", rs[0].Key, func() error {
		fresh, err = s.p.w.store.Create(ctx, rs)
		for i, ok := range fresh {
			if ok {
				s.p.w.wrote(s.p, rs[i])
			}
		}
		return err
	})
	s.p.w.changed()
	return fresh, err
}

func (s *simStore) Claim(ctx context.Context, lease time.Duration, limit int) (rs []delivery.Record, next time.Duration, err error) {
	s.p.next = time.Second // if it fails
	err = s.do("claim", s.p.name, func() error {
		// One at a time: two would begin their work at the same instant.
		rs, next, err = s.p.w.store.Claim(ctx, lease, min(limit, 1))
		s.p.next = next
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return rs, next, nil
}

func (s *simStore) Commit(ctx context.Context, r delivery.Record) error {
	err := s.do("commit", r.Key, func() error {
		err := s.p.w.store.Commit(ctx, r)
		if err == nil {
			s.p.w.wrote(s.p, r)
		}
		return err
	})
	s.p.w.changed()
	return err
}

func (s *simStore) Receive(ctx context.Context, in []delivery.Inbound) (matched []string, err error) {
	err = s.do("receive", in[0].Event, func() error {
		matched, err = s.p.w.store.Receive(ctx, in)
		return err
	})
	s.p.w.changed()
	return matched, err
}

func (s *simStore) Get(ctx context.Context, key string) (r delivery.Record, err error) {
	err = s.do("get", key, func() error {
		r, err = s.p.w.store.Get(ctx, key)
		return err
	})
	return r, err
}

func (s *simStore) Sweep(ctx context.Context, limit int) (int, error) {
	return s.p.w.store.Sweep(ctx, limit)
}

// --- providers ----------------------------------------------------------------

// simSender is an alternative's Sender in one process.
type simSender struct {
	p          *proc
	alt        *altSpec
	stage, leg int
}

type (
	simRevoker struct{ *simSender }
	simFinder  struct{ *simSender }
	simBoth    struct {
		simRevoker

		simFinder simFinder
	}
)

func (s *simSender) Limits() delivery.Caps { return s.alt.caps }

func (s simRevoker) Revoke(ctx context.Context, ref, id string) error {
	return s.takeBack(ctx, ref, id)
}

func (s simFinder) Find(ctx context.Context, ref, id string) ([]delivery.Receipt, error) {
	return s.find(ctx, ref, id)
}

func (s simBoth) Find(ctx context.Context, ref, id string) ([]delivery.Receipt, error) {
	return s.find(ctx, ref, id)
}

// route is the scenario's, as one process has it.
func (w *world) route(p *proc) delivery.Route {
	var route delivery.Route
	for s := range w.sc.stages {
		st := &w.sc.stages[s]
		var legs []fallback.Leg
		for l := range st.legs {
			var alts []fallback.Leg
			for a := range st.legs[l].alts {
				alt := &st.legs[l].alts[a]
				base := &simSender{p, alt, s, l}
				var sender fallback.Sender = base
				switch {
				case alt.revoke && alt.find:
					sender = simBoth{simRevoker{base}, simFinder{base}}
				case alt.revoke:
					sender = simRevoker{base}
				case alt.find:
					sender = simFinder{base}
				}
				alts = append(alts, fallback.Leg{Channel: alt.channel, Provider: alt.provider, Sender: sender})
			}
			legs = append(legs, alts[0].Or(alts[1:]...))
		}
		stage := delivery.Stage{Try: legs[0], Until: st.goal, Within: st.within}
		if len(legs) > 1 {
			stage.Try = fallback.AtOnce(legs[0], legs[1], legs[2:]...)
		}
		route = append(route, stage)
	}
	return route
}

func (w *world) message(key string) *msgSpec {
	for i := range w.sc.msgs {
		if w.sc.msgs[i].key() == key {
			return &w.sc.msgs[i]
		}
	}
	panic("no message " + key)
}

// slow is a refusal that says when to come again.
type slow struct{ wait time.Duration }

func (s slow) Error() string             { return "slow down" }
func (s slow) Unwrap() error             { return fallback.ErrRateLimited }
func (s slow) RetryDelay() time.Duration { return s.wait }

var refusals = []error{
	fallback.ErrNotOnChannel, fallback.ErrInvalidRecipient, fallback.ErrOptedOut, fallback.ErrInvalidRequest,
	fallback.ErrContentRejected, fallback.ErrFrequencyCapped, fallback.ErrRateLimited, fallback.ErrInsufficientCredit,
	fallback.ErrUnauthorized, fallback.ErrForbidden, fallback.ErrUnavailable,
}

var errNoAnswer = errors.New("the connection ended before the answer")

func (s *simSender) Send(ctx context.Context, sub fallback.Submission) (fallback.Ack, error) {
	w, m := s.p.w, s.p.w.message(sub.Message.Key)
	name := fmt.Sprintf("call/%s/%s", m.key(), s.alt.label)
	point := fmt.Sprintf("%s/%d", name, w.nth(name))
	w.pause(point+"/first", time.Microsecond, time.Millisecond)
	s.p.alive()
	if err := ctx.Err(); err != nil {
		return fallback.Ack{}, err
	}
	w.begins(s, m, sub, point)
	ack, err := s.call(ctx, m, sub, point)
	w.mu.Lock()
	delete(w.inFlight, sub.Ref)
	w.mu.Unlock()
	w.log("%s: %s: %v", s.p.name, point, err)
	s.p.at(point + "/after")
	if w.spend(w.sc.rates[faultCrashCall], faultCrashCall, point+"/after") {
		s.p.crash()
	}
	return ack, err
}

func (s *simSender) call(ctx context.Context, m *msgSpec, sub fallback.Submission, point string) (fallback.Ack, error) {
	w, begun := s.p.w, time.Now()
	crash := func(at string) {
		s.p.alive()
		if w.spend(w.sc.rates[faultCrash], faultCrash, at) || w.spend(w.sc.rates[faultCrashCall], faultCrashCall, at) {
			s.p.crash()
		}
	}
	crash(point + "/before")
	if way := w.between(point+"/way", time.Millisecond, 200*time.Millisecond); !wait(ctx, way) { // it comes there all the same
		rest := way - time.Since(begun)
		w.goOutside(func() {
			time.Sleep(rest)
			w.submit(s.alt, s.stage, s.leg, m, sub.Ref, sub.Expires, point)
		})
		s.blame(errNoAnswer)
		return fallback.Ack{}, fmt.Errorf("no answer: %w", ctx.Err())
	}
	a := w.submit(s.alt, s.stage, s.leg, m, sub.Ref, sub.Expires, point)
	if !w.sc.fates {
		crash(point + "/inside")
	}
	if a.hang {
		s.blame(a.err)
		<-ctx.Done()
		w.pause(point+"/hung", time.Microsecond, time.Millisecond)
		return fallback.Ack{}, fmt.Errorf("no answer: %w", ctx.Err())
	}
	if !wait(ctx, w.between(point+"/answer", time.Millisecond, 300*time.Millisecond)) {
		s.blame(errNoAnswer)
		return fallback.Ack{}, fmt.Errorf("no answer: %w", ctx.Err())
	}
	s.blame(a.err)
	return fallback.Ack{ID: a.id}, a.err
}

// wait waits for d, or until ctx ends, which it reports.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// blame counts what may open a breaker.
func (s *simSender) blame(err error) {
	for _, own := range []error{errNoAnswer, fallback.ErrUnavailable, fallback.ErrUnauthorized, fallback.ErrForbidden, fallback.ErrInsufficientCredit} {
		if errors.Is(err, own) {
			s.p.w.mu.Lock()
			s.p.w.blamed[s.p.name+"/"+s.alt.provider+"/"+string(s.alt.channel)]++
			s.p.w.mu.Unlock()
			return
		}
	}
}

// answer is a provider's.
type answer struct {
	id   string
	err  error
	hang bool
}

// submit is what a provider does with a submission that has come to it.
func (w *world) submit(alt *altSpec, stage, leg int, m *msgSpec, ref string, expires time.Time, point string) answer {
	rate := func(kind string) float64 {
		if r, ok := alt.rates[kind]; ok {
			return r
		}
		return w.sc.rates[kind]
	}
	w.mu.Lock()
	before := w.taken[alt.provider+"/"+ref]
	w.mu.Unlock()
	if before != nil && alt.caps.Idempotent > 0 && time.Since(before.accepted) < alt.caps.Idempotent {
		if w.draw(point+"/duplicate") < 0.5 {
			return answer{err: fallback.ErrDuplicate}
		}
		return answer{id: before.id}
	}
	if within(w.sc.noProv[alt.provider], w.now()) {
		if w.draw(point+"/outage") < 0.5 {
			return answer{err: fallback.ErrUnavailable}
		}
		return answer{err: errNoAnswer, hang: w.draw(point+"/outage hangs") < 0.3}
	}
	if w.faultAt(rate(faultNotOnChannel), faultNotOnChannel, m.key()+"/"+alt.label) {
		return answer{err: fallback.ErrNotOnChannel}
	}
	if w.faultAt(rate(faultRefuse), faultRefuse, point) {
		if w.sc.fates {
			return answer{err: fallback.ErrContentRejected}
		}
		err := refusals[int(w.draw(point+"/reason")*float64(len(refusals)))]
		if errors.Is(err, fallback.ErrRateLimited) && w.draw(point+"/slow") < 0.5 {
			err = slow{w.between(point+"/slow for", time.Second, time.Minute)}
		}
		return answer{err: err}
	}
	ambiguous := w.faultAt(rate(faultAmbiguous), faultAmbiguous, point)
	if ambiguous && !w.faultAt(rate(faultAmbTaken), faultAmbTaken, point) {
		return answer{err: errNoAnswer, hang: w.fault(faultHang, point)}
	}
	x := w.accept(alt, stage, leg, m, ref, expires, point)
	if ambiguous {
		return answer{err: errNoAnswer, hang: w.fault(faultHang, point)}
	}
	if alt.noID {
		return answer{}
	}
	return answer{id: x.id}
}

// accept makes a letter of a submission, and has it go its way.
func (w *world) accept(alt *altSpec, stage, leg int, m *msgSpec, ref string, expires time.Time, point string) *letter {
	x := &letter{msg: m, alt: alt, stage: stage, leg: leg, ref: ref, id: "id/" + point, expires: expires, accepted: time.Now()}
	x.early = w.fault(faultEarly, point)
	w.log("%s accepts %s", alt.provider, point)
	w.mu.Lock()
	if w.taken[alt.provider+"/"+ref] != nil {
		w.mu.Unlock()
		w.violate("I2", "%s has accepted %s twice", alt.provider, point)
		w.mu.Lock()
	}
	w.taken[alt.provider+"/"+ref] = x
	w.copies = append(w.copies, x)
	w.mu.Unlock()
	w.goOutside(func() { w.deliver(x, point) })
	return x
}

// fate is how long a letter takes; negative: it never arrives.
func (w *world) fate(x *letter, point string) time.Duration {
	rate := w.sc.rates[faultTail]
	if r, ok := x.alt.rates[faultTail]; ok {
		rate = r
	}
	if x.early {
		return w.between(point+"/delivery", time.Microsecond, 300*time.Microsecond)
	}
	if !w.faultAt(rate, faultTail, point) {
		return w.between(point+"/delivery", time.Millisecond, 20*time.Second)
	}
	// Chosen so that half of the tail is over ten minutes, as in the
	// reference's comparison.
	if w.draw(point+"/never") < 0.16 {
		return -1
	}
	return dice{w.sc.seed}.log(point+"/tail", time.Minute, 17700*time.Second)
}

// deliver is a letter's way to the person, and the receipts on it.
func (w *world) deliver(x *letter, point string) {
	w.pause(point+"/sets out", time.Microsecond, 100*time.Microsecond)
	if len(x.alt.caps.Reports) > 0 && slices.Contains(x.alt.caps.Reports, delivery.Accepted) {
		w.report(x, point+"/sent", fallback.Accepted, nil)
	}
	takes := w.fate(x, point)
	if w.fault(faultOptOut, point) {
		w.pause(point+"/opt-out", time.Millisecond, 2*time.Minute)
		w.report(x, point+"/opt-out", fallback.Failed, fallback.ErrOptedOut)
		w.mu.Lock()
		x.gone = true
		w.mu.Unlock()
		return
	}
	if w.fault(faultFailed, point) {
		w.pause(point+"/failed", time.Millisecond, 2*time.Minute)
		lie := w.fault(faultLie, point)
		w.mu.Lock()
		x.gone = !lie
		w.lies[x.msg.key()] = w.lies[x.msg.key()] || lie
		w.mu.Unlock()
		reason := []error{nil, fallback.ErrNotOnChannel, fallback.ErrInvalidRecipient, fallback.ErrUnavailable}[int(w.draw(point+"/failed for")*4)]
		w.report(x, point+"/failed", fallback.Failed, reason)
		if !lie {
			return
		}
	}
	if x.alt.channel == "" && w.draw(point+"/flow") < 0.5 { // one of its channels has failed
		w.report(x, point+"/flow", fallback.Failed, fallback.ErrNotOnChannel)
	}
	if takes < 0 {
		return
	}
	time.Sleep(takes - time.Since(x.accepted))
	expired := x.alt.caps.MaxTTL > 0 && !x.expires.IsZero() && !time.Now().Before(x.expires) && !w.fault(faultNoTTL, point)
	w.mu.Lock()
	gone := x.gone || expired
	x.gone = gone
	if !gone {
		x.delivered = time.Now()
	}
	w.mu.Unlock()
	if gone {
		if expired && w.draw(point+"/says expired") < 0.5 && !w.sc.fates {
			w.report(x, point+"/expired", fallback.Failed, nil)
		}
		return
	}
	w.log("%s is delivered", point)
	w.report(x, point+"/delivered", fallback.Delivered, nil)
	if slices.Contains(x.alt.caps.Reports, delivery.Read) && w.draw(point+"/read") < 0.5 {
		w.pause(point+"/reads", time.Millisecond, time.Minute)
		w.report(x, point+"/read", fallback.Read, nil)
	}
}

// report has a receipt sent, once or more often, or never.
func (w *world) report(x *letter, point string, outcome fallback.Outcome, err error) {
	if len(x.alt.caps.Reports) == 0 || w.fault(faultLost, point) {
		return
	}
	r := delivery.Receipt{Provider: x.alt.provider, ID: x.id, EventID: point, Channel: x.alt.channel, Outcome: outcome, Err: err, At: time.Now()}
	if x.alt.caps.Echo {
		r.Ref = x.ref
	}
	if x.alt.noID {
		r.ID = ""
	}
	if w.fault(faultSkew, point) {
		r.At = r.At.Add(w.between(point+"/skew", -time.Hour, time.Hour))
	}
	if w.draw(point+"/no time") < 0.1 {
		r.At = time.Time{}
	}
	times := 1
	if w.fault(faultTwice, point) {
		times += 1 + int(w.draw(point+"/times")*2)
	}
	for n := range times {
		w.goOutside(func() { w.call(x, r, fmt.Sprintf("%s/%d", point, n)) })
	}
}

// call has one receipt sent until somebody says that it is stored.
func (w *world) call(x *letter, r delivery.Receipt, point string) {
	w.pause(point+"/goes", time.Microsecond, 100*time.Microsecond)
	switch {
	case x.early:
		w.pause(point+"/early", time.Microsecond, 300*time.Microsecond)
	case w.fault(faultLateReceipt, point):
		w.pause(point+"/late", time.Second, 5*time.Minute)
	default:
		w.pause(point+"/on its way", 300*time.Millisecond, 3*time.Second)
	}
	if w.draw(point+"/new event") < 0.3 { // the provider takes its repetition for news
		r.EventID = point
	}
	for try := range 12 {
		at := fmt.Sprintf("%s/%d", point, try)
		if w.naive != nil {
			if w.naive(r) {
				return
			}
		} else if p := w.live(at); p != nil {
			var err error
			if p.do(func() { err = p.r.Receive(p.ctx, r) }) && err == nil {
				w.mu.Lock()
				w.given[x.msg.key()] = append(w.given[x.msg.key()], r)
				w.mu.Unlock()
				return
			}
		}
		w.pause(at+"/again", time.Second<<min(try, 5), 2*time.Second<<min(try, 5))
	}
	w.log("%s is given up", point)
}

var errLate = errors.New("it is delivered, or it is not known")

func (s *simSender) takeBack(ctx context.Context, ref, _ string) error {
	w := s.p.w
	name := "revoke/" + s.alt.label + "/" + ref
	point := fmt.Sprintf("%s/%d", name, w.nth(name))
	s.p.pass()
	w.pause(point, time.Millisecond, 300*time.Millisecond)
	s.p.at(point + "/before")
	w.mu.Lock()
	x := w.taken[s.alt.provider+"/"+ref]
	w.mu.Unlock()
	fails := w.fault(faultRevoke, point)
	if x == nil || fails && w.draw(point+"/undone") < 0.5 {
		return errLate
	}
	w.mu.Lock()
	done := x.delivered.IsZero()
	x.gone = x.gone || done
	w.mu.Unlock()
	w.log("%s is taken back: %t", ref, done)
	s.p.at(point + "/after")
	if fails && w.draw(point+"/hangs") < 0.5 {
		<-ctx.Done()
		w.pause(point+"/hung", time.Microsecond, time.Millisecond)
		return ctx.Err()
	}
	if !done || fails {
		return errLate
	}
	return nil
}

func (s *simSender) find(_ context.Context, ref, _ string) ([]delivery.Receipt, error) {
	w := s.p.w
	name := "find/" + s.alt.label + "/" + ref
	point := fmt.Sprintf("%s/%d", name, w.nth(name))
	s.p.pass()
	w.pause(point, time.Millisecond, 300*time.Millisecond)
	s.p.at(point)
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.taken[s.alt.provider+"/"+ref]
	if x == nil || w.draw(point+"/unknown") < 0.2 {
		return nil, errLate
	}
	r := delivery.Receipt{Provider: s.alt.provider, Ref: ref, ID: x.id, Outcome: fallback.Accepted, At: x.accepted}
	if !x.delivered.IsZero() {
		r.Outcome, r.At = fallback.Delivered, x.delivered
	}
	return []delivery.Receipt{r}, nil
}

// --- the callers --------------------------------------------------------------

func (w *world) fallbackMessage(m *msgSpec) fallback.Message {
	out := fallback.Message{
		Key: m.key(), Class: m.class, AtMostOnce: m.once, Text: "hello " + m.key(),
		To: fallback.Recipient{Phone: number, Email: "user@example.com"},
	}
	out.To.Other = map[fallback.Channel]string{"": number}
	if m.deadline > 0 {
		out.Deadline = w.start.Add(m.at + m.deadline)
	}
	return out
}

// send is a caller who sends a message, and sends it again while he does not
// know whether it was taken.
func (w *world) send(m *msgSpec, at time.Duration, name string) {
	time.Sleep(at + w.between(name, 0, time.Microsecond))
	for try := range 20 {
		point := fmt.Sprintf("%s/%d", name, try)
		if p := w.live(point); p != nil {
			var res fallback.Result
			var err error
			if p.do(func() { res, err = p.route.Send(p.ctx, w.fallbackMessage(m)) }) {
				if _, final := errors.AsType[*fallback.Error](err); err == nil || final {
					w.log("%s: sent %s: %s", p.name, m.key(), strings.ReplaceAll(res.String(), "\n", "\n                "))
					return
				}
			}
		}
		w.pause(point+"/again", time.Second, 10*time.Second)
	}
}

// reuse is a caller who has used the key before, for another message.
func (w *world) reuse(m *msgSpec) {
	name := "other/" + m.key()
	time.Sleep(m.other + w.between(name, 0, time.Microsecond))
	for try := range 20 {
		point := fmt.Sprintf("%s/%d", name, try)
		w.mu.Lock()
		_, known := w.last[m.key()]
		w.mu.Unlock()
		if p := w.live(point); p != nil && known {
			other := w.fallbackMessage(m)
			other.Text = "something else"
			var err error
			if p.do(func() { _, err = p.route.Send(p.ctx, other) }) {
				_, final := errors.AsType[*fallback.Error](err)
				if err == nil || final {
					w.violate("I8", "%s was taken for another message: %v", m.key(), err)
				}
				if errors.Is(err, delivery.ErrKeyReused) {
					return
				}
			}
		}
		w.pause(point+"/again", time.Second, 10*time.Second)
	}
}

// cancel is a message's owner who wants no more of it.
func (w *world) cancel(m *msgSpec) {
	name := "cancel/" + m.key()
	time.Sleep(m.cancel + w.between(name, 0, time.Microsecond))
	for try := range 20 {
		point := fmt.Sprintf("%s/%d", name, try)
		if p := w.live(point); p != nil {
			var err error
			if p.do(func() { _, err = p.route.Cancel(p.ctx, m.key()) }) {
				if _, final := errors.AsType[*fallback.Error](err); err == nil || final {
					w.log("%s: cancelled %s", p.name, m.key())
					w.mu.Lock()
					w.stopped[m.key()] = true
					w.mu.Unlock()
					return
				}
			}
		}
		w.pause(point+"/again", time.Second, 10*time.Second)
	}
}

// --- a run --------------------------------------------------------------------

// simulate runs a scenario to its end, and checks it.
func simulate(t *testing.T, sc *scenario, verbose bool) *world {
	t.Helper()
	var w *world
	synctest.Test(t, func(*testing.T) {
		w = newWorld(sc)
		w.verbose = verbose
		w.run()
	})
	return w
}

func (w *world) run() {
	w.slots = make([]*proc, w.sc.procs)
	var slots sync.WaitGroup
	for i := range w.slots {
		p := w.boot(i)
		slots.Go(func() { w.slot(i, p) })
	}
	for i := range w.sc.msgs {
		m := &w.sc.msgs[i]
		w.goOutside(func() { w.send(m, m.at, "send/"+m.key()) })
		if m.again > 0 {
			w.goOutside(func() { w.send(m, m.again, "again/"+m.key()) })
		}
		if m.other > 0 {
			w.goOutside(func() { w.reuse(m) })
		}
		if m.cancel > 0 {
			w.goOutside(func() { w.cancel(m) })
		}
	}
	w.settle()
	close(w.done)
	slots.Wait()
	w.inside.Wait()
	w.judge()
	time.Sleep(time.Hour) // for what is left of processes that have ended
}
