package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/internal/cascade"
	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/redact"
)

// job is one look at a record: what it holds, and what is done about it.
type job struct {
	r   *Runner
	rec Record
	st  state

	stored   bool       // the record is in the store
	cancel   bool       // its owner wants no more of it
	unsaved  bool       // verdicts were applied that are not stored yet
	kept     bool       // the claim was made long enough for what the next step waits for
	bulk     bool       // its calls wait for the provider's limit when it is stored, not before
	closed   [][3]int   // stage, leg and alternative of those whose permitted hours begin after the deadline
	nearest  *storedAlt // when every provider is shut: the one that is tried all the same
	decision cascade.Decision
	news     []EventKind // what is told once it is stored
}

func (r *Runner) open(rec Record) (*job, error) {
	j := &job{r: r, rec: rec, stored: true}
	if err := json.Unmarshal(rec.Body, &j.st); err != nil {
		return nil, fmt.Errorf("delivery: a stored message cannot be read: %w", err)
	}
	return j, nil
}

// advance works on a record until there is something to wait for.
func (r *Runner) advance(ctx context.Context, rec Record) (fallback.Result, error) {
	j, err := r.open(rec)
	if err != nil {
		return fallback.Result{Key: rec.Key}, err
	}
	return j.run(ctx)
}

// next is what a step asks for, once the state is stored.
type next struct {
	calls  []int // attempts to submit
	ask    int   // the attempt to ask the provider about, or to take back; -1: none
	revoke bool
	again  bool // take another step at once
}

// run takes steps until there is something to wait for, or the message is
// finished. Verdicts are of calls that were made already.
func (j *job) run(ctx context.Context, verdicts ...verdict) (fallback.Result, error) {
	var retry storeRetry
	j.bulk = false
	for {
		for _, v := range verdicts {
			j.apply(v)
		}
		j.unsaved = len(verdicts) > 0
		n := j.step(ctx)
		if len(verdicts) > 0 {
			j.news = slices.Insert(j.news, 0, Submitted)
		}
		err := j.save(ctx)
		if err != nil {
			j.noProbe(n.calls...)
		}
		switch {
		case errors.Is(err, errExists), err != nil && !j.stored:
			return fallback.Result{Key: j.rec.Key}, err
		case err != nil && !errors.Is(err, ErrStale) && len(verdicts) == 0:
			return j.result(), err // nothing is lost: the claim ends, and somebody looks again
		case err != nil:
			// What was submitted must not be submitted again, so its verdict
			// is stored however long that takes.
			if !errors.Is(err, ErrStale) && !retry.wait(ctx) {
				return j.result(), err
			}
			for err = j.reload(ctx); err != nil; err = j.reload(ctx) {
				if errors.Is(err, ErrNotFound) || !retry.wait(ctx) {
					return j.result(), err
				}
			}
			continue
		}
		verdicts = nil
		switch {
		case n.ask >= 0:
			verdicts = []verdict{j.ask(ctx, n.ask, n.revoke)}
		case len(n.calls) > 0:
			verdicts = j.submitAll(ctx, n.calls)
		case !n.again:
			return j.outcome()
		}
	}
}

// storeRetry is the patience with a store that fails: ten minutes, after
// which the attempt is of unknown fate.
type storeRetry struct {
	end  time.Time
	next time.Duration
}

func (s *storeRetry) wait(ctx context.Context) bool {
	if s.end.IsZero() {
		s.end, s.next = time.Now().Add(storeFor), storeWait
	}
	if time.Now().After(s.end) {
		return false
	}
	timer := time.NewTimer(s.next)
	defer timer.Stop()
	s.next = min(2*s.next, maxStore)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// submitAll makes the calls of attempts, together if they are several.
func (j *job) submitAll(ctx context.Context, attempts []int) []verdict {
	verdicts := make([]verdict, len(attempts))
	var calls sync.WaitGroup
	for i, a := range attempts[1:] {
		calls.Go(func() { verdicts[i+1] = j.submit(ctx, a) })
	}
	verdicts[0] = j.submit(ctx, attempts[0])
	calls.Wait()
	return verdicts
}

// step takes in what was observed, decides, and changes the state to what is
// to be stored before anything is done.
func (j *job) step(ctx context.Context) next {
	now := time.Now()
	j.news, j.closed = nil, nil
	kept := j.kept
	j.kept = false
	j.st.Cancelled = j.st.Cancelled || j.cancel
	if j.st.recover(now) > 0 {
		j.news = append(j.news, Recovered)
	}
	if len(j.rec.Inbox) > 0 {
		j.absorb()
		j.news = append(j.news, Received)
	}
	n := next{ask: -1}
	for {
		if j.st.Ended {
			j.look()
			return n
		}
		d := j.decide(now)
		if len(n.calls) > 0 && d.Do != cascade.Send {
			j.begin(n.calls)
			return n
		}
		j.decision, j.st.Held = d, ""
		j.comment(d)
		switch d.Do {
		case cascade.Send, cascade.Again:
			if waits := j.waits(d); !kept && len(n.calls) == 0 && (j.unsaved && waits > 0 || j.stored && waits > 1) { // they may take long
				j.rec.Due, n.again = now.Add(j.r.cfg.lease()+time.Duration(waits-1)*j.r.cfg.Call), true
				j.kept = true
				return n
			}
			call, wait := j.prepare(ctx, d, now)
			switch {
			case wait && len(n.calls) > 0, wait && j.st.Ended:
				j.begin(n.calls)
				return n
			case wait:
				j.decision.Do = cascade.Wait
				j.news = append(j.news, Waiting)
				return n
			case call < 0: // it was refused before it was made
				j.withdraw(&n, now)
				if len(n.calls) == 0 && time.Since(now) > time.Second { // it waited for a limit: look anew, and keep the claim
					j.rec.Due, n.again = time.Now().Add(j.r.cfg.lease()), true
					return n
				}
				continue
			}
			n.calls = append(n.calls, call)
			if d.Do == cascade.Again {
				j.begin(n.calls)
				return n
			}
		case cascade.Find, cascade.Revoke:
			n.ask, n.revoke = d.Attempt, d.Do == cascade.Revoke
			j.rec.Due = now.Add(j.r.cfg.lease())
			return n
		case cascade.Wait:
			until := min(d.Until, j.st.Deadline)
			if d.Until > j.st.Deadline && d.Until != math.MaxInt64 {
				until = d.Until // a hold, or a grace, beyond the deadline
			}
			if busy := j.st.busyUntil(); busy != 0 && (d.Until == math.MaxInt64 || busy < until) {
				until = busy
			}
			j.rec.Due, j.st.Held = time.Unix(0, until), d.Why.String()
			j.news = append(j.news, Waiting)
			return n
		case cascade.End:
			if len(j.closed) > 0 && d.Outcome <= cascade.OutcomeFailed {
				j.st.Stopped = "stopped: the permitted hours begin after the deadline"
			}
			j.end(now)
			return n
		}
	}
}

// waits is how often the step that d asks for may wait as long as a call takes.
// The claim must not end meanwhile: who takes the record over makes what this
// one has waited for stale, and waits as long.
func (j *job) waits(d cascade.Decision) (n int) {
	if j.r.cfg.Consent != nil {
		n++
	}
	if j.r.cfg.Limit != nil && !j.bulk {
		n++
	}
	if d.Do == cascade.Send {
		n *= len(j.st.Stages[d.Stage].Legs)
	}
	return n
}

// withdraw ends the calls that were to be made together with one that was
// refused for a reason that ends the message.
func (j *job) withdraw(n *next, now time.Time) {
	if len(n.calls) == 0 {
		return
	}
	last := &j.st.Attempts[len(j.st.Attempts)-1]
	if !j.st.Cancelled && !last.Facts.Has(cascade.FactOptedOut) {
		return
	}
	j.noProbe(n.calls...)
	for _, i := range n.calls {
		a := &j.st.Attempts[i]
		a.Lease, a.Tries = 0, a.Tries-1
		j.refuse(a, now, last.Refused, errors.New("withdrawn together with another"))
	}
	n.calls = nil
}

// begin gives calls their leases: the first have waited for the limits of the
// others, whatever became of those.
func (j *job) begin(calls []int) {
	lease := time.Now().Add(j.r.cfg.lease()).UnixNano()
	for _, i := range calls {
		j.st.Attempts[i].Lease = lease
	}
	j.inFlight()
}

// inFlight makes the record due when its calls must be over.
func (j *job) inFlight() {
	if end := j.st.busyUntil(); end != 0 {
		j.rec.Due = time.Unix(0, end)
	}
}

// over makes a finished message due no more, unless a call is under way, of
// which nobody may come to tell.
func (j *job) over() {
	j.rec.Due = time.Time{}
	j.inFlight()
}

// look takes a late receipt of a finished message into its outcome.
func (j *job) look() {
	j.decision = cascade.Look(j.st.plan(&j.r.cfg, nil), j.st.seen())
	j.decision.Why = j.st.Why
	j.over()
	if outcome := fallback.Outcome(j.decision.Outcome); outcome != j.st.Outcome {
		j.st.Outcome = outcome
		j.news = append(j.news, Corrected)
	}
}

// end finishes the message: what it says is forgotten.
func (j *job) end(now time.Time) {
	j.st.Ended, j.st.Message, j.st.Outcome, j.st.Why = true, nil, fallback.Outcome(j.decision.Outcome), j.decision.Why
	j.rec.Forget = now.Add(j.r.cfg.Keep)
	j.over()
	j.news = append(j.news, Finished)
}

// decide is what Decide says now. When that is the end, and only because
// breakers are open, the provider nearest its probe that could still be tried
// is tried all the same; and when there is none, those that only were not
// there are waited for. Each breaker is looked at once: it may change between
// two looks.
func (j *job) decide(now time.Time) cascade.Decision {
	type shutAlt struct {
		*storedAlt

		probe time.Time
	}
	var shut []shutAlt
	for s := range j.st.Stages {
		for _, alts := range j.st.Stages[s].Legs {
			for k := range alts {
				a := &alts[k]
				if closed, probe := j.r.breakers.shut(line{a.Provider, a.Channel}, now); closed {
					shut = append(shut, shutAlt{a, probe})
				}
			}
		}
	}
	with := func(nearest *storedAlt, persist bool) cascade.Decision {
		p := j.st.plan(&j.r.cfg, func(a *storedAlt) bool {
			return a != nearest && slices.ContainsFunc(shut, func(s shutAlt) bool { return s.storedAlt == a })
		})
		p.Seed = seed(j.rec.Key)
		for _, c := range j.closed {
			p.Stages[c[0]].Legs[c[1]].Alts[c[2]].Skip = true
		}
		return cascade.Decide(p, j.st.seen(), cascade.State{Cancelled: j.st.Cancelled, Persist: persist}, now.UnixNano())
	}
	j.nearest = nil
	d := with(nil, false)
	if d.Do != cascade.End {
		return d
	}
	slices.SortStableFunc(shut, func(a, b shutAlt) int { return a.probe.Compare(b.probe) })
	for _, s := range shut {
		if d := with(s.storedAlt, false); d.Do == cascade.Send || d.Do == cascade.Again {
			j.nearest = s.storedAlt
			return d
		}
	}
	if d.Why != cascade.WhyExhausted {
		return d
	}
	if d = with(nil, true); d.Do != cascade.End {
		return d
	}
	for _, s := range shut { // their probes are too late for it
		if d := with(s.storedAlt, true); d.Do == cascade.Again {
			j.nearest = s.storedAlt
			return d
		}
	}
	return d
}

// seed is a number that differs from key to key: FNV-1.
func seed(key string) (n uint64) {
	for i := range len(key) {
		n = n*1099511628211 ^ uint64(key[i])
	}
	return n
}

// comment writes behind the last attempts why the route went on or stopped.
func (j *job) comment(d cascade.Decision) {
	last := len(j.st.Attempts) - 1
	for i := last; i >= 0 && j.st.Attempts[i].Stage == j.st.Attempts[last].Stage; i-- {
		a := &j.st.Attempts[i]
		a.Next = d.Why.String()
		switch status := a.Status(); {
		case d.Do != cascade.Send:
		case status == cascade.StatusUnsure:
			a.Next += ", although it may have been accepted"
		case d.Stage > a.Stage && (status == cascade.StatusAccepted || status == cascade.StatusDelivered):
			a.Next = cascade.WhySilence.String() + ": " + a.Next
		}
	}
}

// absorb takes in the receipts of the inbox.
func (j *job) absorb() {
	for _, body := range j.rec.Inbox {
		var r storedReceipt
		if json.Unmarshal(body, &r) == nil {
			j.st.take(r)
		}
	}
	j.rec.Inbox = nil
}

// prepare makes the attempt that d wants ready for its call: asks for consent,
// hours and limits, and writes it down as under way. call is -1 when it was
// refused before it was made; wait when it must wait.
func (j *job) prepare(ctx context.Context, d cascade.Decision, now time.Time) (call int, wait bool) {
	i := d.Attempt
	if d.Do == cascade.Send {
		alt := &j.st.Stages[d.Stage].Legs[d.Leg][d.Alt]
		j.st.Attempts = append(j.st.Attempts, storedAttempt{
			Attempt: cascade.Attempt{Stage: d.Stage, Leg: d.Leg, Alt: d.Alt, Begun: now.UnixNano()},
			Ref:     cascade.Ref(j.rec.Key, j.addressOf(alt), string(alt.Channel), alt.Provider, d.Stage, d.Leg, d.Alt),
		})
		i = len(j.st.Attempts) - 1
	}
	forget := func() {
		if d.Do == cascade.Send {
			j.st.Attempts = j.st.Attempts[:i]
		}
	}
	a := &j.st.Attempts[i]
	leg, sub, err := j.submission(a, now)
	if err != nil {
		a.count() // another process may know the provider: this one tries as often as any
		j.refuse(a, now, errs.ReasonUnavailable, err)
		return -1, false
	}
	if hours := j.r.cfg.Hours; hours != nil && j.st.Class != fallback.OTP {
		if at := hours(sub, now); at.After(now) {
			if at.UnixNano() >= j.st.Deadline { // others may be free
				j.closed = append(j.closed, [3]int{a.Stage, a.Leg, a.Alt})
				forget()
				return -1, false
			}
			forget()
			j.rec.Due, j.st.Held = at, "waiting for permitted hours"
			return -1, true
		}
	}
	if stop, wait := j.consent(ctx, a, sub, now); wait {
		forget()
		return -1, true
	} else if stop {
		return -1, false
	}
	if !j.bulk {
		if err := j.r.limit(ctx, leg.Provider, 1, j.patience(a, now)); err != nil {
			a.count()
			j.refuse(a, time.Now(), errs.ReasonRateLimited, err)
			return -1, false
		}
	}
	if !j.r.breakers.admit(line{leg.Provider, leg.Channel}, now, j.st.alt(a) == j.nearest) {
		forget() // somebody else is the probe: decide again
		return -1, false
	}
	a.count()
	a.Busy, a.Lease = true, time.Now().Add(j.r.cfg.lease()).UnixNano()
	if !slices.Contains(j.rec.Refs, refKey(a.Ref)) {
		j.rec.Refs = append(j.rec.Refs, refKey(a.Ref))
	}
	return i, false
}

// count counts a try, whether its call is made or not.
func (a *storedAttempt) count() {
	if a.Tries++; a.Facts.Has(cascade.FactUnsure) {
		a.Repeats++
	}
}

// consent asks for consent. stop: there is none, and the attempt says so.
func (j *job) consent(ctx context.Context, a *storedAttempt, sub fallback.Submission, now time.Time) (stop, wait bool) {
	if j.r.cfg.Consent == nil {
		return false, false
	}
	err := j.r.cfg.Consent(ctx, sub)
	switch {
	case err == nil:
		return false, false
	case errors.Is(err, fallback.ErrOptedOut):
		j.refuse(a, now, errs.ReasonOptedOut, err)
		return true, false
	case j.st.Class == fallback.Promotional: // closed when in doubt
		j.refuse(a, now, errs.ReasonForbidden, fmt.Errorf("consent could not be asked: %w", err))
		j.st.Cancelled, j.st.Stopped = true, "stopped: consent could not be asked"
		return true, false
	}
	j.rec.Due, j.st.Held = now.Add(consentWait), "waiting to ask for consent again"
	return false, true
}

// patience is until when an attempt waits for its provider's limit: no longer
// than its stage has.
func (j *job) patience(a *storedAttempt, now time.Time) time.Time {
	end := now.Add(j.r.cfg.Call)
	if within := j.st.Stages[a.Stage].Within; within > 0 && now.Add(within).Before(end) {
		end = now.Add(within)
	}
	if deadline := time.Unix(0, j.st.Deadline); deadline.Before(end) {
		end = deadline
	}
	return end
}

// limit waits until n submissions may be made to a provider.
func (r *Runner) limit(ctx context.Context, provider string, n int, until time.Time) error {
	if r.cfg.Limit == nil {
		return nil
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if err := r.cfg.Limit(ctx, provider, n); err != nil {
		return fmt.Errorf("%w: Config.Limit: %s", fallback.ErrRateLimited, err.Error()) // whatever it is, nothing was sent
	}
	return nil
}

// refuse notes that a certainly was not accepted, by anybody.
func (j *job) refuse(a *storedAttempt, now time.Time, r errs.Reason, err error) {
	a.Busy, a.Last, a.After, a.Refused, a.Text = false, now.UnixNano(), 0, r, redact.Line(err.Error())
	a.Note(cascade.FactRefused, a.Last, r)
}

// submission is the leg and the submission of an attempt.
func (j *job) submission(a *storedAttempt, now time.Time) (fallback.Leg, fallback.Submission, error) {
	alt := j.st.alt(a)
	leg, ok := j.r.sender(j.st.Route, a.Stage, a.Leg, a.Alt, alt)
	if !ok {
		return leg, fallback.Submission{}, fmt.Errorf("no route with provider %q is bound", alt.Provider)
	}
	sub, err := leg.Prepare(*j.st.Message)
	if err != nil {
		return leg, sub, err
	}
	sub.Ref = a.Ref
	sub.Expires = j.expires(a, now)
	if alt.MaxTTL > 0 && !sub.Expires.IsZero() && sub.Expires.After(now.Add(alt.MaxTTL)) {
		sub.Expires = now.Add(alt.MaxTTL)
	}
	return leg, sub, nil
}

// expires is the end of an attempt's stage: later than that it would double
// what follows.
func (j *job) expires(a *storedAttempt, now time.Time) time.Time {
	end := j.st.Message.Deadline
	last := a.Stage == len(j.st.Stages)-1
	if within := j.st.Stages[a.Stage].Within; within > 0 && !last && (end.IsZero() || now.Add(within).Before(end)) {
		end = now.Add(within)
	}
	return end
}

// addressOf is the address that an alternative goes to, for its reference.
func (j *job) addressOf(alt *storedAlt) string {
	to := j.st.Message.To
	if a := to.Other[alt.Channel]; a != "" {
		return a
	}
	if alt.Channel == fallback.Email {
		return to.Email
	}
	return to.Phone
}

// verdict is what came of a call.
type verdict struct {
	ref  string
	try  int // of the attempt: which of its calls
	took time.Duration
	at   time.Time
	ack  fallback.Ack
	err  error

	late    string    // why the call was not made: it came too late
	facts   []Receipt // of a question
	asked   bool      // the provider was asked
	revoke  bool      // it was asked to take the attempt back
	revoked bool      // it did
}

// submit makes the call of an attempt that is stored as under way.
func (j *job) submit(ctx context.Context, i int) verdict {
	a := &j.st.Attempts[i]
	begun := time.Now()
	v := verdict{ref: a.Ref, try: a.Tries, at: begun}
	if v.late = j.late(a, begun); v.late != "" {
		j.noProbe(i)
		return v
	}
	leg, sub, err := j.submission(a, begun)
	if err != nil {
		v.err = fmt.Errorf("%w: %w", fallback.ErrUnavailable, err)
		j.noProbe(i)
		return v
	}
	if j.bulk && j.quiet(sub, begun) {
		v.late = "the permitted hours ended before the call"
		j.noProbe(i)
		return v
	}
	l := line{leg.Provider, leg.Channel}
	// Somebody else takes the attempt over when its lease ends, however late
	// this call began.
	end := time.Unix(0, min(a.Lease, begun.Add(j.r.cfg.Call).UnixNano()))
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	v.ack, v.err = leg.Sender.Send(ctx, sub)
	v.at = time.Now()
	v.took = v.at.Sub(begun)
	j.r.called(j.st.Route, l, v)
	return v
}

// late is why the call of an attempt that is stored as under way must not be
// made any more; empty: it may. This process may have stood still since.
func (j *job) late(a *storedAttempt, now time.Time) string {
	switch at := now.UnixNano(); {
	case at >= j.st.Deadline:
		return "the deadline passed before the call"
	case at >= a.Lease:
		return "it took too long until the call"
	case a.Tries > 1 && a.Facts.Has(cascade.FactUnsure) && at >= a.Begun+int64(j.st.alt(a).repeat(&j.r.cfg)):
		return "the provider would no longer refuse the repetition"
	}
	return ""
}

// quiet reports whether a submission that has waited may not be made now.
func (j *job) quiet(sub fallback.Submission, now time.Time) bool {
	hours := j.r.cfg.Hours
	return hours != nil && j.st.Class != fallback.OTP && hours(sub, now).After(now)
}

// noProbe tells the breakers that calls were not made: another may be the
// probe.
func (j *job) noProbe(calls ...int) {
	for _, i := range calls {
		alt := j.st.alt(&j.st.Attempts[i])
		j.r.called(j.st.Route, line{alt.Provider, alt.Channel}, verdict{at: time.Now(), err: fallback.ErrRateLimited})
	}
}

// called tells the breaker what a call came to.
func (r *Runner) called(route string, l line, v verdict) {
	if r.breakers.verdict(l, reasonOf(v.err), v.at) {
		r.observe(Event{Route: route, Kind: Alert, Provider: l.provider, Err: v.err})
	}
}

func reasonOf(err error) errs.Reason {
	if err == nil {
		return errs.None
	}
	return errs.Classify(err)
}

// ask asks the provider what became of an attempt, or to take it back.
func (j *job) ask(ctx context.Context, i int, revoke bool) verdict {
	a := &j.st.Attempts[i]
	v := verdict{ref: a.Ref, at: time.Now(), asked: true, revoke: revoke}
	leg, ok := j.r.sender(j.st.Route, a.Stage, a.Leg, a.Alt, j.st.alt(a))
	if !ok {
		return v
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.r.cfg.Call)
	defer cancel()
	if revoke {
		if s, ok := leg.Sender.(Revoker); ok {
			v.revoked = s.Revoke(ctx, a.Ref, a.ID) == nil
		}
	} else if s, ok := leg.Sender.(Finder); ok {
		v.facts, _ = s.Find(ctx, a.Ref, a.ID) // not knowing is an answer
	}
	v.at = time.Now()
	return v
}

// apply takes a verdict into the state. It may be applied to a state that
// somebody else has changed since.
func (j *job) apply(v verdict) {
	i := slices.IndexFunc(j.st.Attempts, func(a storedAttempt) bool { return a.Ref == v.ref })
	if i < 0 {
		return
	}
	a := &j.st.Attempts[i]
	at := v.at.UnixNano()
	if v.asked {
		j.applyAnswer(a, v, at)
		return
	}
	if a.Tries == v.try { // else somebody took it for lost, and has called again since
		a.Busy, a.Lease, a.Last, a.Took, a.After = false, 0, at, int64(v.took), 0
	}
	if v.late != "" {
		if !a.Busy && !a.Facts.Has(cascade.FactUnsure) {
			j.refuse(a, v.at, errs.ReasonUnavailable, errors.New(v.late))
		}
		return
	}
	if d, ok := errors.AsType[interface {
		error
		RetryDelay() time.Duration
	}](v.err); ok {
		a.After = min(max(0, d.RetryDelay()), 30*24*time.Hour)
	}
	if v.err != nil {
		a.Text = redact.Line(v.err.Error())
	}
	reason := reasonOf(v.err)
	if v.ack.ID != "" && (reason == errs.None || reason == errs.ReasonDuplicate || reason == errs.ReasonMaybeAccepted) {
		a.ID = v.ack.ID // receipts find the attempt by it, also one of unknown fate
	}
	switch {
	case reason == errs.None || reason == errs.ReasonDuplicate:
		a.Note(cascade.FactAccepted, at, errs.None)
	case reason == errs.ReasonMaybeAccepted:
		a.Note(cascade.FactUnsure, at, errs.None)
	case reason == errs.ReasonOptedOut:
		a.Note(cascade.FactOptedOut, at, errs.None)
		fallthrough
	case !a.Facts.Has(cascade.FactUnsure): // a refused repeat proves nothing about what came before
		a.Refused = reason
		a.Note(cascade.FactRefused, at, reason)
	}
}

func (j *job) applyAnswer(a *storedAttempt, v verdict, at int64) {
	if v.revoke {
		a.Note(cascade.FactRevokeAsked, at, errs.None)
		if v.revoked {
			a.Note(cascade.FactRevoked, at, errs.None)
		}
		return
	}
	a.Note(cascade.FactFound, at, errs.None)
	for _, r := range v.facts {
		s := storeReceipt(r, v.at)
		s.Ref = a.Ref
		j.st.take(s)
	}
}

// save stores the state: the first time as a new record.
func (j *job) save(ctx context.Context) error {
	if err := j.encode(); err != nil {
		return err
	}
	if j.stored {
		if err := j.r.cfg.Store.Commit(ctx, j.rec); err != nil {
			return err
		}
		j.saved(j.rec.Version + 1)
		return nil
	}
	fresh, err := j.r.cfg.Store.Create(ctx, []Record{j.rec})
	switch {
	case err != nil:
		return err
	case !fresh[0]:
		return errExists
	}
	j.saved(1)
	return nil
}

var errExists = errors.New("delivery: the key exists")

// saved tells the news.
func (j *job) saved(version int64) {
	j.stored, j.rec.Version = true, version
	for _, kind := range j.news {
		j.tell(kind)
	}
	if j.st.Ended {
		j.r.tell(j.rec.Key)
	}
	j.news = nil
}

func (j *job) tell(kind EventKind) {
	if j.r.cfg.Observe != nil {
		j.r.observe(Event{Route: j.st.Route, Kind: kind, Result: j.result()})
	}
}

func (j *job) encode() error {
	for i := range j.st.Attempts { // an id may have come with a receipt that was found by its reference
		if a := &j.st.Attempts[i]; a.ID != "" {
			if key := idKey(j.st.alt(a).Provider, a.ID); !slices.Contains(j.rec.Refs, key) {
				j.rec.Refs = append(j.rec.Refs, key)
			}
		}
	}
	var err error
	j.rec.Note = j.st.Held
	j.rec.Body, err = json.Marshal(&j.st)
	return err
}

// reload reads the record again, after somebody else changed it.
func (j *job) reload(ctx context.Context) error {
	rec, err := j.r.cfg.Store.Get(ctx, j.rec.Key)
	if err != nil {
		return err
	}
	fresh, err := j.r.open(rec)
	if err != nil {
		return err
	}
	fresh.cancel = j.cancel
	*j = *fresh
	return nil
}

// outcome is the Result, and the error of a message that is finished and that
// nobody is known to have accepted.
func (j *job) outcome() (fallback.Result, error) {
	res := j.result()
	if res.Outcome == fallback.Failed || res.Outcome == fallback.Unknown {
		var cause error
		if j.st.Stopped != "" {
			cause = errors.New(j.st.Stopped)
		} else if j.decision.Why == cascade.WhyDeadline {
			cause = fmt.Errorf("the message's deadline passed: %w", context.DeadlineExceeded)
		}
		return res, fallback.NewError(res, cause)
	}
	return res, nil
}

func (j *job) result() fallback.Result {
	d := j.decision
	if d.Do != cascade.End {
		look := cascade.Look(j.st.plan(&j.r.cfg, nil), j.st.seen())
		d.PossibleDuplicate, d.Duplicate, d.Attempt = look.PossibleDuplicate, look.Duplicate, look.Attempt
	}
	return j.st.result(j.rec.Key, d, j.rec.Due)
}

// refKey and idKey are what a receipt finds a record by.
func refKey(ref string) string         { return "r:" + ref }
func idKey(provider, id string) string { return "i:" + provider + ":" + id }
