package delivery

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/internal/errs"
)

const (
	bulkChunk = 1000   // messages stored in one transaction: no fewer than the largest batch of a provider
	bulkOpen  = 10_000 // messages whose end is awaited at once
	bulkPoll  = 5 * time.Second
)

// SendAll sends many, and yields each Result when it is final, in no order,
// with the error that Send would have returned. It takes messages from ms as
// it can carry them, at most 10,000 ahead of what it has yielded. First
// attempts with the same content go together where their Sender is a
// [Batcher]. Interrupted, it goes on where it stopped when it is run again
// with the same keys.
//
// It needs Run to be running. When ctx ends, calls that were begun are
// finished, and it yields what has ended, then ends; what is stored goes on.
// While providers are down, messages wait until their deadlines, and with
// 10,000 of them no more are taken from ms.
func (b *BoundRoute) SendAll(ctx context.Context, ms iter.Seq[fallback.Message]) iter.Seq2[fallback.Result, error] {
	return func(yield func(fallback.Result, error) bool) {
		x := &bulk{b: b, ctx: ctx, box: newMailbox(), open: map[string]struct{}{}, yield: yield}
		defer x.stop()
		chunk := make([]fallback.Message, 0, bulkChunk)
		for m := range ms {
			if ctx.Err() != nil {
				break
			}
			if chunk = append(chunk, m); len(chunk) < cap(chunk) {
				continue
			}
			if !x.send(chunk) || !x.await(bulkOpen-bulkChunk) { //nolint:contextcheck // the bulk holds it
				return
			}
			chunk = chunk[:0]
		}
		if len(chunk) > 0 && !x.send(chunk) { //nolint:contextcheck // the bulk holds it
			return
		}
		x.await(0)
	}
}

// bulk is one SendAll.
type bulk struct {
	b     *BoundRoute
	ctx   context.Context //nolint:containedctx // it lives no longer than the call
	box   *mailbox
	open  map[string]struct{} // keys whose end is awaited
	yield func(fallback.Result, error) bool
}

func (x *bulk) stop() {
	for key := range x.open {
		x.b.r.unwatch(key, x.box)
	}
}

// send stores a chunk and makes the first attempts. false: no more is wanted.
func (x *bulk) send(chunk []fallback.Message) bool {
	work := context.WithoutCancel(x.ctx)
	var jobs, again []*job
	records := map[string]bool{}
	for _, m := range chunk {
		j, err := x.b.job(m)
		if err != nil {
			if !x.yield(fallback.Result{Key: m.Key}, err) {
				return false
			}
			continue
		}
		if records[j.rec.Key] { // twice in one chunk
			again = append(again, j)
			continue
		}
		j.bulk = true
		records[j.rec.Key] = true
		jobs = append(jobs, j)
	}
	groups, alone := x.b.r.group(jobs, x.b.r.firstSteps(work, jobs))
	x.b.r.queue(groups, alone)
	stored, later := x.store(work, jobs)
	if stored {
		x.b.r.first(x.ctx, groups, alone)
		x.b.r.poke()
	}
	// Only now: whoever takes the results may take long, or want no more.
	for _, yield := range later {
		if !yield() {
			return false
		}
	}
	for _, j := range again {
		if !x.follow(work, j) {
			return false
		}
	}
	return true
}

// firstSteps are the first steps of jobs: together, if each asks for consent.
func (r *Runner) firstSteps(ctx context.Context, jobs []*job) []next {
	steps := make([]next, len(jobs))
	at := func(i int) { steps[i] = jobs[i].step(ctx) }
	if r.cfg.Consent == nil {
		for i := range jobs {
			at(i)
		}
		return steps
	}
	var asked sync.WaitGroup
	free := make(chan struct{}, cap(r.slots))
	for i := range jobs {
		free <- struct{}{}
		asked.Go(func() {
			at(i)
			<-free
		})
	}
	asked.Wait()
	return steps
}

// store puts new messages into the store. Those that it does not take, because
// their keys are known or they cannot be encoded, leave their batches, and are
// yielded later.
func (x *bulk) store(ctx context.Context, jobs []*job) (ok bool, later []func() bool) {
	failed := func(j *job, err error) {
		later = append(later, func() bool { return x.yield(fallback.Result{Key: j.rec.Key}, err) })
	}
	rs, taken := make([]Record, 0, len(jobs)), make([]*job, 0, len(jobs))
	for _, j := range jobs {
		if err := j.encode(); err != nil {
			j.noProbe(j.busy()...)
			failed(j, err)
			continue
		}
		rs, taken = append(rs, j.rec), append(taken, j)
		x.b.r.watch(j.rec.Key, x.box) // before it can finish
	}
	fresh, err := x.b.r.cfg.Store.Create(ctx, rs)
	for i, j := range taken {
		switch {
		case err != nil:
			x.b.r.unwatch(j.rec.Key, x.box)
			j.noProbe(j.busy()...)
			failed(j, err)
		case !fresh[i]:
			x.b.r.unwatch(j.rec.Key, x.box)
			j.noProbe(j.busy()...)
			later = append(later, func() bool { return x.follow(ctx, j) })
		default:
			x.open[j.rec.Key] = struct{}{}
			j.saved(1)
		}
	}
	return err == nil, later
}

// follow waits for a message that is in the store already.
func (x *bulk) follow(ctx context.Context, j *job) bool {
	res, err := x.b.known(ctx, j)
	if res.Outcome == fallback.Pending && err == nil {
		x.b.r.watch(j.rec.Key, x.box)
		x.open[j.rec.Key] = struct{}{}
		return true
	}
	return x.yield(res, err)
}

// await yields what has ended until no more than most are awaited. false: no
// more is wanted.
func (x *bulk) await(most int) bool {
	poll := time.NewTicker(bulkPoll)
	defer poll.Stop()
	for {
		for _, key := range x.box.take() {
			if !x.look(key) {
				return false
			}
		}
		if len(x.open) <= most {
			return true
		}
		select {
		case <-x.box.ready:
		case <-poll.C: // some may have ended in another process
			n := 0
			for key := range x.open {
				if n++; n > bulkChunk {
					break
				}
				if !x.look(key) {
					return false
				}
			}
		case <-x.ctx.Done():
			return false
		}
	}
}

// look yields a message that has ended.
func (x *bulk) look(key string) bool {
	if _, ok := x.open[key]; !ok {
		return true
	}
	rec, err := x.b.r.cfg.Store.Get(x.ctx, key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		x.b.r.watch(key, x.box) // the store is down: it is looked at again
		return true
	}
	res := fallback.Result{Key: key}
	if err == nil {
		if res, err = x.b.r.read(rec); res.Outcome == fallback.Pending {
			x.b.r.watch(key, x.box)
			return true
		}
	}
	delete(x.open, key)
	x.b.r.unwatch(key, x.box)
	return x.yield(res, err)
}

// queue gives the calls of many the time to wait for one another: as many as
// there are slots begin at once, the others when those are over, and each may
// wait for its provider's limit first. Before its lease ends a call that was
// not begun must not be taken for one that was lost.
func (r *Runner) queue(groups []*batch, alone []single) {
	place, limit := 0, time.Duration(0)
	if r.cfg.Limit != nil {
		limit = r.cfg.Call // see patience
	}
	wait := func(jobs ...*job) {
		extra := time.Duration(place/cap(r.slots))*(r.cfg.Call+limit) + limit
		place++
		for _, j := range jobs {
			for i := range j.st.Attempts {
				if a := &j.st.Attempts[i]; a.Busy {
					a.Lease = time.Now().Add(r.cfg.lease() + extra).UnixNano()
				}
			}
			j.inFlight()
		}
	}
	for _, s := range alone {
		if len(s.step.calls) > 0 {
			wait(s.job)
		}
	}
	for _, g := range groups {
		wait(g.jobs...)
	}
}

// first makes the first attempts of messages that are stored, those together
// that one call of their Sender can carry. Each job goes on by itself after
// that. Nobody waits for a provider's limit in a slot, which others need; when
// ctx ends, those that wait are left to Run.
func (r *Runner) first(ctx context.Context, groups []*batch, alone []single) {
	work := context.WithoutCancel(ctx)
	var all sync.WaitGroup
	waiting := make(chan struct{}, cap(r.slots))
	var queued []*job // in order, those that are not begun
	for _, s := range alone {
		if s.job.stored && len(s.step.calls) > 0 {
			queued = append(queued, s.job)
		}
	}
	for _, g := range groups {
		for _, j := range g.jobs {
			if j.stored {
				queued = append(queued, j)
			}
		}
	}
	var retry storeRetry
	start := func(jobs []*job, limit, call, then func()) {
		enter := r.slots
		if r.cfg.Limit != nil {
			enter = waiting
		}
		if !r.enter(ctx, enter, func() { renew(work, queued) }) {
			for _, j := range jobs {
				j.putBack(work, &retry)
			}
			return
		}
		if len(queued) > 0 && queued[0] == jobs[0] {
			queued = queued[len(jobs):]
		}
		all.Go(func() {
			if r.cfg.Limit != nil {
				limit()
				<-waiting
				if !r.enter(ctx, r.slots, func() { renew(work, jobs) }) {
					var retry storeRetry
					for _, j := range jobs {
						j.putBack(work, &retry)
					}
					return
				}
			}
			call()
			<-r.slots
			then()
		})
	}
	for _, s := range alone {
		if !s.job.stored || s.step.ask >= 0 || len(s.step.calls) == 0 && !s.step.again {
			continue // it is known, or due when it is due
		}
		var verdicts []verdict
		start([]*job{s.job},
			func() { s.step.calls, verdicts = s.job.allowed(ctx, s.step.calls) },
			func() {
				if len(s.step.calls) > 0 {
					verdicts = append(verdicts, s.job.submitAll(work, s.step.calls)...)
				}
			},
			func() { s.job.run(work, verdicts...) }, //nolint:errcheck // it is due again when its claim ends
		)
	}
	for _, g := range groups {
		if g.keep(); len(g.jobs) > 0 {
			g.begin()
			start(g.jobs, func() { g.limit(ctx, r) }, func() { g.send(work, r) }, func() { g.goOn(work) })
		}
	}
	all.Wait()
}

// enter waits for a place, and has leases renewed meanwhile; false: ctx ended.
func (r *Runner) enter(ctx context.Context, places chan struct{}, renew func()) bool {
	tick := time.NewTicker(max(r.cfg.Call/4, time.Millisecond))
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case places <- struct{}{}:
			return true
		case <-tick.C:
			renew()
		case <-ctx.Done():
		}
	}
	return false
}

// renew makes the leases of calls that wait longer, before they end: slots are
// shared with Run and with other bulks. One that cannot be renewed keeps its
// lease; if somebody else has changed its record, it is not made.
func renew(ctx context.Context, jobs []*job) {
	for _, j := range jobs {
		calls := j.busy()
		if len(calls) == 0 || j.st.busyUntil() > time.Now().Add(2*j.r.cfg.lease()).UnixNano() {
			continue
		}
		old, due := j.st.busyUntil(), j.rec.Due
		for _, i := range calls {
			j.st.Attempts[i].Lease = time.Now().Add(4 * j.r.cfg.lease()).UnixNano()
		}
		j.inFlight()
		err := j.save(ctx)
		if err == nil {
			continue
		}
		if errors.Is(err, ErrStale) {
			old = 1 // it comes too late
		}
		for _, i := range calls {
			j.st.Attempts[i].Lease = old
		}
		j.rec.Due = due
	}
}

// busy is the attempts whose calls are under way.
func (j *job) busy() (calls []int) {
	for i := range j.st.Attempts {
		if j.st.Attempts[i].Busy {
			calls = append(calls, i)
		}
	}
	return calls
}

// putBack has the first step of a stored job taken by whoever runs a Runner:
// its calls were not made. What somebody else has made of it meanwhile stays.
func (j *job) putBack(ctx context.Context, retry *storeRetry) {
	calls := j.busy()
	j.noProbe(calls...)
	verdicts := make([]verdict, 0, len(calls))
	for _, i := range calls {
		a := &j.st.Attempts[i]
		verdicts = append(verdicts, verdict{ref: a.Ref, try: a.Tries, at: time.Now(), late: "its SendAll ended before the call"})
	}
	j.st.Attempts, j.st.Held = nil, "waiting for the first attempt"
	j.rec.Due = time.Now()
	for err := j.save(ctx); err != nil && !errors.Is(err, ErrNotFound) && retry.wait(ctx); {
		if errors.Is(err, ErrStale) {
			if err = j.reload(ctx); err != nil {
				err = errors.Join(ErrStale, err)
				continue
			}
			for _, v := range verdicts {
				j.apply(v)
			}
			j.rec.Due = time.Now()
		}
		err = j.save(ctx)
	}
}

// allowed waits until the limits of providers allow the calls of a job, and
// says what became of those that they do not.
func (j *job) allowed(ctx context.Context, calls []int) (left []int, refused []verdict) {
	begun := time.Now()
	for _, i := range calls {
		a := &j.st.Attempts[i]
		err := j.r.limit(ctx, j.st.alt(a).Provider, 1, j.patience(a, begun))
		if err == nil {
			left = append(left, i)
			continue
		}
		j.noProbe(i)
		refused = append(refused, verdict{ref: a.Ref, try: a.Tries, at: time.Now(), err: err})
	}
	return left, refused
}

// single is a job whose first step is its own.
type single struct {
	job  *job
	step next
}

// group finds the jobs whose first call a Batcher can carry together, and
// notes it in them.
func (r *Runner) group(jobs []*job, steps []next) (groups []*batch, alone []single) {
	byKind := map[string]*batch{}
	for i, j := range jobs {
		g, ok := r.batchOf(j, steps[i])
		if !ok {
			alone = append(alone, single{j, steps[i]})
			continue
		}
		open := byKind[g.kind]
		if open == nil || len(open.jobs) == open.most {
			byKind[g.kind] = g
			groups = append(groups, g)
			continue
		}
		open.jobs, open.subs = append(open.jobs, j), append(open.subs, g.subs[0])
	}
	for _, g := range groups {
		for _, j := range g.jobs {
			j.st.Attempts[0].Batch = len(g.jobs) > 1
		}
	}
	return groups, alone
}

// batch is jobs whose first call is made together.
type batch struct {
	kind   string
	sender Batcher
	line   line
	most   int
	jobs   []*job
	subs   []fallback.Submission

	calls    [][]int // places of the jobs that go together
	verdicts []verdict
}

// keep drops the jobs whose messages were known already.
func (b *batch) keep() {
	n := 0
	for i, j := range b.jobs {
		if j.stored {
			b.jobs[n], b.subs[n] = j, b.subs[i]
			n++
		}
	}
	b.jobs, b.subs = b.jobs[:n], b.subs[:n]
}

// batchOf is the batch of one job alone, if its step is one call to a Batcher.
func (r *Runner) batchOf(j *job, n next) (*batch, bool) {
	if len(n.calls) != 1 || n.ask >= 0 || len(j.st.Attempts) != 1 {
		return nil, false
	}
	a := &j.st.Attempts[n.calls[0]]
	now := time.Now()
	if now.UnixNano() >= j.st.Deadline {
		return nil, false
	}
	leg, sub, err := j.submission(a, now)
	if err != nil {
		return nil, false
	}
	sub.Expires = sub.Expires.Truncate(time.Second) // else hardly two would be alike
	sender, ok := leg.Sender.(Batcher)
	most := capsOf(leg).MaxBatch
	if !ok || most < 2 {
		return nil, false
	}
	alt := j.st.alt(a)
	// An attempt's place tells two legs of one provider apart.
	place := fmt.Sprint(a.Stage, a.Leg, a.Alt, " ")
	return &batch{
		kind:   place + leg.Provider + "\x00" + string(leg.Channel) + "\x00" + sameContent(sub),
		sender: sender, line: line{alt.Provider, alt.Channel}, most: most, jobs: []*job{j}, subs: []fallback.Submission{sub},
	}, true
}

// begin has all jobs go into one call.
func (b *batch) begin() {
	all := make([]int, len(b.jobs))
	for i := range all {
		all[i] = i
	}
	b.calls, b.verdicts = [][]int{all}, make([]verdict, len(b.jobs))
}

// limit waits until the provider's limit allows the call; a batch that is too
// large for it is halved.
func (b *batch) limit(ctx context.Context, r *Runner) {
	begun := time.Now()
	until := begun.Add(r.cfg.Call)
	for _, j := range b.jobs {
		if end := j.patience(&j.st.Attempts[0], begun); end.Before(until) {
			until = end
		}
	}
	ask := b.calls
	b.calls = nil
	for len(ask) > 0 {
		places := ask[0]
		ask = ask[1:]
		err := r.limit(ctx, b.line.provider, len(places), until)
		switch middle := len(places) / 2; {
		case err == nil:
			b.calls = append(b.calls, places)
		case middle > 0:
			ask = slices.Insert(ask, 0, places[:middle], places[middle:])
		default:
			a := &b.jobs[places[0]].st.Attempts[0]
			a.Batch = false // it goes alone later
			b.verdicts[places[0]] = verdict{ref: a.Ref, at: time.Now(), err: err}
		}
	}
	if len(b.calls) == 0 {
		b.jobs[0].noProbe(0)
	}
}

// send makes the calls.
func (b *batch) send(ctx context.Context, r *Runner) {
	for n, places := range b.calls {
		b.call(ctx, r, places, b.verdicts, n > 0)
	}
}

// goOn has each job go on by itself.
func (b *batch) goOn(ctx context.Context) {
	var work sync.WaitGroup
	for i, j := range b.jobs {
		b.verdicts[i].try = j.st.Attempts[0].Tries
		work.Go(func() {
			j.run(ctx, b.verdicts[i]) //nolint:errcheck // it is due again when its claim ends
		})
	}
	work.Wait()
}

// call submits those at places, but for those whose time is over. Those that
// were refused together, which proves that none of them was accepted, are
// halved to find the recipient that it was for, as long as a call is certain
// to be over before somebody else takes the messages over: what is left then
// is tried again one by one.
func (b *batch) call(ctx context.Context, r *Runner, places []int, verdicts []verdict, half bool) {
	begun := time.Now()
	end := begun.Add(r.cfg.Call)
	var subs []fallback.Submission
	var called []int
	for _, i := range places {
		j := b.jobs[i]
		a := &j.st.Attempts[0]
		verdicts[i] = verdict{ref: a.Ref, at: begun, late: j.late(a, begun)}
		if half && begun.Add(r.cfg.Call).UnixNano() > a.Lease {
			verdicts[i].late = "it took too long until the call"
		}
		sub := b.subs[i]
		if _, fresh, err := j.submission(a, begun); err == nil { // it has waited since
			if sub.Expires = fresh.Expires.Truncate(time.Second); !sub.Expires.After(begun) {
				sub.Expires = fresh.Expires
			}
		}
		if verdicts[i].late == "" && j.quiet(sub, begun) {
			verdicts[i].late = "the permitted hours ended before the call"
		}
		if verdicts[i].late == "" {
			if len(subs) > 0 && sub.Expires.Before(subs[0].Expires) { // they are alike
				for n := range subs {
					subs[n].Expires = sub.Expires
				}
			} else if len(subs) > 0 {
				sub.Expires = subs[0].Expires
			}
			subs, called = append(subs, sub), append(called, i)
			if lease := time.Unix(0, a.Lease); lease.Before(end) { // then somebody else takes it over
				end = lease
			}
		}
	}
	if len(subs) == 0 {
		b.jobs[places[0]].noProbe(0)
		return
	}
	limited, cancel := context.WithDeadline(ctx, end)
	results := b.sender.SendBatch(limited, subs)
	cancel()
	now := time.Now()
	for n, i := range called {
		v := verdict{ref: subs[n].Ref, took: now.Sub(begun), at: now}
		if n < len(results) {
			v.ack, v.err = results[n].Ack, results[n].Err
		} else {
			v.err = fallback.ErrMaybeAccepted // the Batcher broke its promise
		}
		verdicts[i] = v
	}
	groups := refusedTogether(called, verdicts)
	if i := ofCall(called, groups, verdicts); i >= 0 {
		r.called(b.jobs[0].st.Route, b.line, verdicts[i])
	}
	for _, together := range groups {
		middle := len(together) / 2
		b.call(ctx, r, together[:middle], verdicts, true)
		b.call(ctx, r, together[middle:], verdicts, true)
	}
}

// ofCall is whose verdict tells most about the provider: one that it took, or
// the first. Those that are halved tell nothing yet; -1: all are.
func ofCall(called []int, halved [][]int, verdicts []verdict) int {
	first, known := -1, false
	for _, i := range called {
		if slices.ContainsFunc(halved, func(g []int) bool { return slices.Contains(g, i) }) {
			continue
		}
		if verdicts[i].err == nil {
			return i
		}
		if about, _, _ := ofProvider(reasonOf(verdicts[i].err)); first < 0 || about && !known {
			first, known = i, about
		}
	}
	return first
}

// refusedTogether are those of called that were refused in one call: all of
// them, or those with the very same error, if there are several.
func refusedTogether(called []int, verdicts []verdict) [][]int {
	var all []int
	for _, i := range called {
		switch reasonOf(verdicts[i].err) {
		case errs.ReasonInvalidRequest, errs.ReasonInvalidRecipient:
			all = append(all, i)
		default:
		}
	}
	if len(all) == len(called) && len(all) > 1 {
		return [][]int{all}
	}
	var groups [][]int
	for _, i := range all {
		same := func(g []int) bool { return sameError(verdicts[g[0]].err, verdicts[i].err) }
		if at := slices.IndexFunc(groups, same); at >= 0 {
			groups[at] = append(groups[at], i)
		} else {
			groups = append(groups, []int{i})
		}
	}
	return slices.DeleteFunc(groups, func(g []int) bool { return len(g) < 2 })
}

// sameError reports whether a and b are one value, not two alike.
func sameError(a, b error) bool {
	t := reflect.TypeOf(a)
	return t == reflect.TypeOf(b) && t.Kind() == reflect.Pointer && a == b //nolint:errorlint // the very value
}
