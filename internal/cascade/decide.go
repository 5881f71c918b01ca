package cascade

import (
	"cmp"
	"math"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
)

// State is what stops a cascade from outside.
type State struct {
	Cancelled bool // its owner wants no more of it
	NoMore    bool // nothing may be submitted any more: the caller is gone
	Persist   bool // nobody else is left: go on with those that may yet take it
}

// Do is what to do.
type Do uint8

// The actions.
const (
	Wait   Do = iota // until Decision.Until, or until something is observed
	Send             // submit to Decision's stage, leg and alt: a new attempt
	Again            // submit Decision.Attempt again, with the same reference
	Find             // ask the provider what became of Decision.Attempt
	Revoke           // take Decision.Attempt back
	End              // nothing more
)

// Why is the reason for an action.
type Why uint8

// The reasons.
const (
	WhyFirst        Why = iota // the first leg
	WhyNextProvider            // the provider before did not take it
	WhyNextChannel             // the channel before did not work out
	WhyAtOnce                  // together with the leg before
	WhyRepeat                  // a repeated reference is refused, which proves acceptance
	WhyRetry                   // certainly not accepted, and worth another try
	WhyInFlight                // a call is under way
	WhyHold                    // waiting for proof of an attempt of unknown fate
	WhyReceipt                 // waiting for a receipt
	WhyBackOff                 // waiting before a retry
	WhyGrace                   // waiting for a receipt that crosses a revocation
	WhyOver                    // the cascade is over; this one is open
	WhySilence                 // no receipt in time
	WhyReached                 // the goal is reached
	WhyOptedOut                // the person opted out
	WhyCancelled               // cancelled by its owner
	WhyNoMore                  // the caller's context ended
	WhyDeadline                // the deadline passed
	WhyUnsure                  // may have been accepted, and must not be sent twice
	WhyCapped                  // frequency cap of a promotional message
	WhyExhausted               // no leg is left
)

// Outcome is how far a message is known to have come.
type Outcome uint8

// The outcomes, in order. They are fallback.Outcome's numbers.
const (
	OutcomePending Outcome = iota
	OutcomeFailed
	OutcomeUnknown
	OutcomeAccepted
	OutcomeDelivered
	OutcomeRead
)

// Decision is what to do next.
type Decision struct {
	Do  Do
	Why Why

	Stage, Leg, Alt int   // of Send
	Attempt         int   // of Again, Find and Revoke; of End: the one that counts, or -1
	Until           int64 // of Wait; math.MaxInt64: until something is observed

	Outcome           Outcome // so far; of End: for now, a late receipt may better it
	PossibleDuplicate bool    // an attempt of unknown fate was followed by another
	Duplicate         bool    // two attempts are known to have been delivered
}

// Decide says what to do next. It is total and deterministic: callers do what
// it says, add what they observe to the attempts, and ask again.
func Decide(p *Plan, attempts []Attempt, st State, now int64) Decision {
	d := Decision{Attempt: -1}
	v := view{p: p, as: attempts, now: now, late: p.Deadline != 0 && now >= p.Deadline}
	v.look(&d)

	over := Why(0)
	switch {
	case v.reached:
		over = WhyReached
	case v.optedOut:
		over = WhyOptedOut
	case v.capped:
		over = WhyCapped
	case st.Cancelled:
		over = WhyCancelled
	}
	if over != 0 {
		return v.finish(d, over)
	}
	return v.walk(d, st)
}

// view is one look at a cascade.
type view struct {
	p   *Plan
	as  []Attempt
	now int64

	late bool // the deadline has passed

	reached, optedOut, capped bool
	dead                      [256 / 64]uint64 // addresses that are wrong
	busy                      bool             // a call is under way
	unsure                    bool             // an attempt's fate is unknown
}

func (v *view) kill(address uint8)        { v.dead[address/64] |= 1 << (address % 64) }
func (v *view) isDead(address uint8) bool { return v.dead[address/64]&(1<<(address%64)) != 0 }

// look takes in what was observed.
func (v *view) look(d *Decision) {
	d.Outcome = OutcomePending
	for i := range v.as {
		a := &v.as[i]
		status := a.Status()
		if o := outcomeOf(status); o > d.Outcome || d.Attempt < 0 || o == d.Outcome && o >= OutcomeDelivered && v.before(i, d.Attempt) {
			d.Outcome, d.Attempt = o, i
		}
		v.busy = v.busy || status == StatusBusy
		v.unsure = v.unsure || status == StatusUnsure || status == StatusBusy && a.Facts.Has(FactUnsure)
		v.reached = v.reached || status.reached(v.p.Stages[a.Stage].Goal)
		v.optedOut = v.optedOut || a.Facts.Has(FactOptedOut)
		if reason := a.reason(status); reason != errs.None {
			v.capped = v.capped || reason == errs.ReasonFrequencyCapped && v.p.Promotional
			v.optedOut = v.optedOut || reason == errs.ReasonOptedOut
			if reason == errs.ReasonInvalidRecipient {
				v.kill(v.p.Stages[a.Stage].Legs[a.Leg].Alts[a.Alt].Address)
			}
		}
		for j := range i {
			b := &v.as[j]
			if b.Stage == a.Stage && b.Leg != a.Leg {
				continue // sent together on purpose
			}
			switch s := b.Status(); s {
			case StatusRefused, StatusFailed:
			case StatusBusy, StatusUnsure, StatusAccepted, StatusDelivered, StatusRead:
				d.PossibleDuplicate = d.PossibleDuplicate || status != StatusRefused
				d.Duplicate = d.Duplicate || s >= StatusDelivered && status >= StatusDelivered
			}
		}
	}
}

// before reports whether attempt i was delivered before attempt j.
func (v *view) before(i, j int) bool {
	return v.as[i].Facts[FactDelivered] < v.as[j].Facts[FactDelivered]
}

// reason is why an attempt failed; None if it did not.
func (a *Attempt) reason(s Status) errs.Reason {
	switch s {
	case StatusRefused:
		return a.Refused
	case StatusFailed:
		return a.Failed
	case StatusBusy, StatusUnsure, StatusAccepted, StatusDelivered, StatusRead:
	}
	return errs.None
}

func outcomeOf(s Status) Outcome {
	switch s {
	case StatusRead:
		return OutcomeRead
	case StatusDelivered:
		return OutcomeDelivered
	case StatusAccepted:
		return OutcomeAccepted
	case StatusUnsure:
		return OutcomeUnknown
	case StatusRefused, StatusFailed:
		return OutcomeFailed
	case StatusBusy:
	}
	return OutcomePending
}

// finish ends the cascade, after what is still open was taken back where that
// can be.
func (v *view) finish(d Decision, why Why) Decision {
	for i := range v.as {
		if v.takeBack(i, d.Attempt, why) {
			d.Do, d.Why, d.Attempt = Revoke, WhyOver, i
			return d
		}
	}
	if v.busy && why != WhyReached {
		return d.wait(WhyInFlight, math.MaxInt64)
	}
	return d.end(why)
}

// takeBack reports whether attempt i is to be taken back at the end.
func (v *view) takeBack(i, winner int, why Why) bool {
	a := &v.as[i]
	stage := &v.p.Stages[a.Stage]
	if a.Status() != StatusAccepted || a.Facts.Has(FactRevokeAsked) || !stage.Legs[a.Leg].Alts[a.Alt].Revoke {
		return false
	}
	// What a stage asked for, acceptance of each of its legs, is not undone.
	return why != WhyReached || i != winner && (stage.Goal != Accepted || v.as[winner].Stage != a.Stage)
}

func (d Decision) end(why Why) Decision {
	d.Do, d.Why = End, why
	if d.Outcome == OutcomePending {
		d.Outcome, d.Attempt = OutcomeFailed, -1
	}
	return d
}

func (d Decision) wait(why Why, until int64) Decision {
	d.Do, d.Why, d.Until, d.Outcome = Wait, why, until, OutcomePending
	return d
}

// walk goes along the stages to the first that is not done.
func (v *view) walk(d Decision, st State) Decision {
	begun := v.begun()
	var back *Decision // what was passed over because its breaker was open
	for s := range v.p.Stages {
		wait := d.wait(WhyFirst, math.MaxInt64)
		open, waits := false, false
		for l := range v.p.Stages[s].Legs {
			step := v.leg(s, l)
			if s < begun && step.fresh() { // the route is further on
				switch {
				case back != nil || v.held(st, step) != 0:
				case step.do == doWait:
					back = new(d.wait(step.why, step.until))
				default:
					back = new(v.act(d, step, s, l))
				}
				continue
			}
			switch step.do {
			case doNothing: // the leg is done
				continue
			case doWait:
				if step.why == WhyBackOff && v.held(st, step) != 0 {
					break // for what will not be sent
				}
				if waits = true; step.until < wait.Until || wait.Why == WhyFirst {
					wait.Why, wait.Until = step.why, step.until
				}
			case doSend, doAgain:
				if v.held(st, step) == 0 {
					return v.act(d, step, s, l)
				}
			case doFind, doRevoke:
				return v.act(d, step, s, l)
			}
			open = true
		}
		switch {
		case waits && (!st.NoMore || wait.Why == WhyInFlight):
			return wait
		case open:
			return d.end(cmp.Or(v.held(st, legStep{do: doSend}), WhyNoMore))
		}
	}
	switch {
	case back != nil && d.Outcome <= OutcomeFailed:
		return *back // else nobody would have the message
	case v.unsure && v.p.AtMostOnce:
		return d.end(WhyUnsure)
	case d.Outcome >= OutcomeAccepted:
		return d.end(WhySilence)
	case st.Persist && d.Outcome <= OutcomeFailed && !v.late && !st.NoMore:
		return v.persist(d)
	}
	return d.end(WhyExhausted)
}

// persist goes on with what was refused as often as a leg allows, for reasons
// that pass, as long as there is time: else the message would be lost.
func (v *view) persist(d Decision) Decision {
	first, until := -1, int64(math.MaxInt64)
	for i := range v.as {
		a := &v.as[i]
		alt := &v.p.Stages[a.Stage].Legs[a.Leg].Alts[a.Alt]
		if a.Status() != StatusRefused || !passes(a.Refused) || alt.Skip || v.isDead(alt.Address) || v.done(a.Stage, a.Leg) {
			continue
		}
		left := time.Duration(v.p.Deadline - a.Last)
		at := a.Last + int64(max(min(v.backOff(a.Tries, 0), left/2), time.Second, a.After))
		if alt.Shut {
			at = max(at, v.now+int64(max(min(shutWait, time.Duration(v.p.Deadline-v.now)/2), time.Second)))
		}
		if at < v.p.Deadline && at < until {
			first, until = i, at
		}
	}
	switch {
	case first < 0:
		return d.end(WhyExhausted)
	case v.now < until:
		return d.wait(WhyBackOff, until)
	}
	a := &v.as[first]
	return v.act(d, legStep{do: doAgain, why: WhyRetry, alt: a.Alt, attempt: first}, a.Stage, a.Leg)
}

// done reports whether a leg is over for a reason that is not its provider's.
func (v *view) done(s, l int) bool {
	for i := range v.as {
		a := &v.as[i]
		if a.Stage != s || a.Leg != l {
			continue
		}
		switch status := a.Status(); status {
		case StatusRefused, StatusFailed:
			if !nextProvider(a.reason(status)) {
				return true
			}
		case StatusBusy, StatusUnsure, StatusAccepted, StatusDelivered, StatusRead:
		}
	}
	return false
}

// shutWait is how long it takes until a provider that is left alone is looked
// at again.
const shutWait = 30 * time.Second

// passes reports whether what was refused for r may be taken later.
func passes(r errs.Reason) bool {
	return r == errs.ReasonUnavailable || r == errs.ReasonRateLimited
}

// begun is the last stage that was begun.
func (v *view) begun() int {
	last := 0
	for i := range v.as {
		last = max(last, v.as[i].Stage)
	}
	return last
}

// held is why nothing may be submitted now; 0: it may.
func (v *view) held(st State, step legStep) Why {
	switch {
	case v.late:
		return WhyDeadline
	case st.NoMore:
		return WhyNoMore
	case v.unsure && v.p.AtMostOnce && !step.repeat:
		return WhyUnsure
	}
	return 0
}

// act makes a Decision of a leg's step.
func (v *view) act(d Decision, step legStep, s, l int) Decision {
	d.Outcome, d.Why = OutcomePending, step.why
	d.Stage, d.Leg, d.Alt, d.Attempt = s, l, step.alt, step.attempt
	switch step.do {
	case doSend:
		d.Do = Send
		for i := range v.as { // this one makes a duplicate possible
			switch a := &v.as[i]; a.Status() {
			case StatusBusy, StatusUnsure, StatusAccepted, StatusDelivered, StatusRead:
				d.PossibleDuplicate = d.PossibleDuplicate || a.Stage != s || a.Leg == l
			case StatusRefused, StatusFailed:
			}
		}
	case doAgain:
		d.Do = Again
	case doFind:
		d.Do = Find
	case doRevoke:
		d.Do = Revoke
	case doNothing, doWait:
	}
	return d
}

type legDo uint8

const (
	doNothing legDo = iota // the leg is done: nothing more will come of it
	doWait
	doSend
	doAgain
	doFind
	doRevoke
)

type legStep struct {
	do      legDo
	why     Why
	alt     int
	attempt int
	until   int64
	repeat  bool // of an attempt of unknown fate: it doubles nothing
}

// fresh reports whether step submits, now or later, what certainly was not
// accepted.
func (step legStep) fresh() bool {
	return step.do == doSend || step.why == WhyRetry || step.why == WhyBackOff && !step.repeat
}

// leg says what one leg wants. A provider that was passed over, because its
// breaker was open, is tried when those behind it have failed.
func (v *view) leg(s, l int) legStep {
	alts := v.p.Stages[s].Legs[l].Alts
	why := v.entry(s, l)
	untried := -1
	retry, over := legStep{}, false
	for i := range alts {
		alt := &alts[i]
		n := v.attempt(s, l, i)
		if n < 0 {
			if untried < 0 && !alt.Skip && !alt.Shut && !v.isDead(alt.Address) {
				untried = i
			}
			continue
		}
		a := &v.as[n]
		switch a.Status() {
		case StatusBusy:
			return legStep{do: doWait, why: WhyInFlight, until: math.MaxInt64}
		case StatusUnsure:
			if step := v.unsureStep(alt, a, n); step.do != doNothing {
				return step
			}
			why = WhyNextProvider
		case StatusAccepted:
			return v.acceptedStep(alt, a, n)
		case StatusRefused:
			if !nextProvider(a.Refused) {
				over = true
				continue
			}
			if again := v.retryStep(a, n); retry.do == doNothing && !v.isDead(alt.Address) && !alt.Shut && !alt.Skip {
				retry = again
			}
			why = WhyNextProvider
		case StatusFailed:
			if !nextProvider(a.Failed) {
				over = true
				continue
			}
			why = WhyNextProvider
		case StatusDelivered, StatusRead:
			if end := v.until(a); v.now < end { // delivered, but read is wanted
				return legStep{do: doWait, why: WhyReceipt, until: end}
			}
			return legStep{}
		}
	}
	if over {
		return legStep{}
	}
	if untried >= 0 {
		return legStep{do: doSend, why: why, alt: untried, attempt: -1}
	}
	return retry
}

// entry is why the first provider of a leg is tried.
func (v *view) entry(s, l int) Why {
	why := WhyFirst
	for i := range v.as {
		switch a := &v.as[i]; {
		case a.Stage == s && a.Leg != l:
			return WhyAtOnce
		case a.Stage != s:
			why = WhyNextChannel
		}
	}
	return why
}

// attempt is the attempt at an Alt, or -1.
func (v *view) attempt(s, l, alt int) int {
	for i := range v.as {
		if a := &v.as[i]; a.Stage == s && a.Leg == l && a.Alt == alt {
			return i
		}
	}
	return -1
}

// nextProvider reports whether another provider of the same channel may take
// what was refused for r: it speaks about the provider, neither about the
// person nor about the content.
func nextProvider(r errs.Reason) bool {
	switch r {
	case errs.ReasonUnavailable, errs.ReasonRateLimited, errs.ReasonInsufficientCredit,
		errs.ReasonUnauthorized, errs.ReasonForbidden:
		return true
	default:
		return false
	}
}

const maxRepeats = 2 // of an attempt of unknown fate

// unsureStep is what an attempt of unknown fate wants: a repeat where the
// provider refuses repeats, else a look, else a wait for proof; then the
// class decides. doNothing: go on.
func (v *view) unsureStep(alt *Alt, a *Attempt, n int) legStep {
	unsure := a.Facts[FactUnsure]
	if alt.Repeat > 0 && a.Repeats < maxRepeats && !alt.Shut && !alt.Skip && !v.late {
		at := a.Last + int64(v.backOff(a.Repeats, a.After))
		switch end := a.Begun + int64(alt.Repeat); {
		case at >= end || v.now >= end: // it would no longer be refused
		case v.now >= at:
			return legStep{do: doAgain, why: WhyRepeat, attempt: n, repeat: true}
		default:
			return legStep{do: doWait, why: WhyBackOff, until: at, repeat: true}
		}
	}
	if alt.Find && !a.Facts.Has(FactFound) {
		return legStep{do: doFind, why: WhyHold, attempt: n}
	}
	if end := unsure + int64(v.p.Hold); alt.Echo && v.now < end {
		return legStep{do: doWait, why: WhyHold, until: end}
	}
	return legStep{}
}

// backOff is how long an attempt waits after its n-th call: half a second to a
// second, then double that, up to some minutes; and no less than the provider
// asked for. Which of it, the plan's seed says, so that not all that failed
// together come back together.
func (v *view) backOff(n int, after time.Duration) time.Duration {
	if n <= 0 {
		return after
	}
	wait := time.Second << min(n-1, 8)
	if v.p.Seed != 0 {
		h := (v.p.Seed + uint64(n)) * 0x9e3779b97f4a7c15 // mixes the bits: see splitmix64
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		wait -= time.Duration((h^h>>31)>>1) % (wait / 2)
	}
	return max(after, wait)
}

// acceptedStep is what an accepted attempt wants: its receipt; when that does
// not come in time, to be taken back where it can be. doNothing: go on.
func (v *view) acceptedStep(alt *Alt, a *Attempt, n int) legStep {
	end := v.until(a)
	if v.now < end {
		return legStep{do: doWait, why: WhyReceipt, until: end}
	}
	if v.p.Deadline != 0 && v.now >= v.p.Deadline { // nothing follows that it could double
		return legStep{}
	}
	if !alt.Revoke {
		return legStep{}
	}
	if asked := a.Facts[FactRevokeAsked]; asked == 0 {
		return legStep{do: doRevoke, why: WhySilence, attempt: n}
	} else if grace := asked + int64(v.p.Grace); v.now < grace {
		return legStep{do: doWait, why: WhyGrace, until: grace}
	}
	return legStep{}
}

// until is when the wait for a receipt of a ends.
func (v *view) until(a *Attempt) int64 {
	end := int64(math.MaxInt64)
	if within := v.p.Stages[a.Stage].Within; within > 0 {
		end = v.accepted(a) + int64(within)
	}
	if v.p.Deadline != 0 {
		end = min(end, v.p.Deadline)
	}
	return end
}

// accepted is when a is first known to have been accepted.
func (v *view) accepted(a *Attempt) int64 {
	at := int64(math.MaxInt64)
	for _, fact := range [...]Fact{FactAccepted, FactSent, FactDelivered, FactRead} {
		if t := a.Facts[fact]; t != 0 {
			at = min(at, t)
		}
	}
	return max(at, a.Begun) // a provider's clock may be wrong
}

// retryStep is another try at an attempt that certainly was not accepted, if
// one is worth it and there is time left.
func (v *view) retryStep(a *Attempt, n int) legStep {
	if a.Tries >= v.p.Tries || !passes(a.Refused) {
		return legStep{}
	}
	at := a.Last + int64(v.backOff(a.Tries, a.After))
	if within := v.p.Stages[a.Stage].Within; within > 0 && at >= a.Begun+int64(within) {
		return legStep{}
	}
	if v.p.Deadline != 0 && at >= v.p.Deadline {
		return legStep{}
	}
	if v.now >= at {
		return legStep{do: doAgain, why: WhyRetry, attempt: n}
	}
	return legStep{do: doWait, why: WhyBackOff, until: at}
}

// Look says how far a cascade is known to have come, and decides nothing: for
// one that is over.
func Look(p *Plan, attempts []Attempt) Decision {
	d := Decision{Attempt: -1, Do: End}
	v := view{p: p, as: attempts}
	v.look(&d)
	if v.busy && d.Outcome <= OutcomeFailed { // its last call may have been accepted
		d.Outcome = OutcomeUnknown
	}
	return d.end(WhyReached)
}
