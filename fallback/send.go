package fallback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cpaas-go/cpaas/internal/cascade"
	"github.com/cpaas-go/cpaas/internal/errs"
)

// Send takes m along the route until a provider accepts it. The Result is
// complete whatever the error.
//
// The error is nil if a provider accepted m. Otherwise it is an [*Error]:
// [ErrMaybeAccepted] if one of the attempts may have been accepted, else
// certainly nobody accepted m. When ctx ends, nothing more is submitted.
//
// Each attempt may take an equal share of the time left to ctx's deadline or
// m's, whichever is earlier.
func (r Route) Send(ctx context.Context, m Message) (Result, error) {
	if m.Key == "" {
		m.Key = cascade.Key()
	}
	if err := r.Validate(); err != nil {
		res := Result{Key: m.Key, Outcome: Failed}
		return res, &Error{Result: res, cause: err}
	}
	c := course{ctx: ctx, m: &m, res: Result{Key: m.Key}}
	c.chart(r)
	return c.run() //nolint:contextcheck // the course holds it
}

// Explain says what Send would do with m, and why, without sending.
func (r Route) Explain(m Message) (Plan, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	c := course{m: &m, res: Result{Key: m.Key}}
	c.chart(r)
	return c.explain(), nil
}

// Validate says all that is wrong with the route itself.
func (r Route) Validate() error {
	var problems []error
	if len(r) == 0 {
		problems = append(problems, errors.New("no step"))
	}
	for i, step := range r {
		if leg, ok := step.(Leg); ok && leg.or == nil {
			if err := leg.validate(leg.Channel); err != nil {
				problems = append(problems, fmt.Errorf("step %d: %w", i+1, err))
			}
			continue
		}
		if step == nil {
			problems = append(problems, fmt.Errorf("step %d: nil", i+1))
			continue
		}
		for _, alternatives := range step.Legs() {
			for _, leg := range alternatives {
				if err := leg.validate(alternatives[0].Channel); err != nil {
					problems = append(problems, fmt.Errorf("step %d: %w", i+1, err))
				}
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("fallback: route: %w", errors.Join(problems...))
}

func (l Leg) validate(channel Channel) error {
	switch {
	case l.Sender == nil:
		return fmt.Errorf("leg %q: no Sender", l.Channel)
	case l.Provider == "":
		return fmt.Errorf("leg %q: no Provider", l.Channel)
	case l.Channel != channel:
		return fmt.Errorf("leg %q of %s: an alternative must have the same channel, %q", l.Channel, l.Provider, channel)
	}
	if v, ok := l.Sender.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return fmt.Errorf("leg %q of %s: %w", l.Channel, l.Provider, err)
		}
	}
	return nil
}

// course is one message's way along a route.
type course struct {
	ctx context.Context //nolint:containedctx // it lives no longer than the call
	m   *Message
	res Result

	plan     cascade.Plan
	places   []place // of every alternative, in the plan's order
	attempts []cascade.Attempt
	listed   int // places that the Result lists, or that were passed
}

// place is one alternative of one leg of one step.
type place struct {
	stage, leg, alt int
	provider        Leg
	to              string
	content         Content
	skip            error // why it is passed over
	result          int   // its Attempt in the Result, once it has one
}

// chart makes the plan.
func (c *course) chart(r Route) {
	c.plan = cascade.Plan{
		Stages:      make([]cascade.Stage, 0, len(r)),
		AtMostOnce:  c.m.AtMostOnce || c.m.Class == Promotional,
		Promotional: c.m.Class == Promotional,
	}
	if !c.m.Deadline.IsZero() {
		c.plan.Deadline = cascade.Nano(c.m.Deadline)
	}
	c.places = make([]place, 0, len(r))
	for _, step := range r {
		if leg, ok := step.(Leg); ok && leg.or == nil {
			c.plan.Stages = append(c.plan.Stages, cascade.Stage{Legs: []cascade.Leg{{Alts: []cascade.Alt{c.place(leg, 0, 0)}}}})
			continue
		}
		var legs []cascade.Leg
		for i, alternatives := range step.Legs() {
			var alts []cascade.Alt
			for j, leg := range alternatives {
				alts = append(alts, c.place(leg, i, j))
			}
			legs = append(legs, cascade.Leg{Alts: alts})
		}
		c.plan.Stages = append(c.plan.Stages, cascade.Stage{Legs: legs})
	}
}

// place finds out what one leg means for the message.
func (c *course) place(l Leg, leg, alt int) cascade.Alt {
	p := place{stage: len(c.plan.Stages), leg: leg, alt: alt, provider: l, result: -1}
	sub, err := l.Prepare(*c.m)
	p.to, p.content, p.skip = sub.To, sub.Content, err
	c.places = append(c.places, p)
	return cascade.Alt{Address: c.addressNumber(p.to), Skip: p.skip != nil}
}

// Prepare is what l would submit of m, still without a Ref, or why l is
// passed over for m: no address, nothing to show, or a [Checker] that refuses.
func (l Leg) Prepare(m Message) (Submission, error) {
	s := Submission{Channel: l.Channel, Expires: m.Deadline, Message: m}
	var err error
	check, checks := l.Sender.(Checker)
	if l.Channel == "" && m.To.Only != nil && !checks { // nobody else knows its channels
		return s, errNotWanted
	}
	if s.To, err = m.To.address(l.Channel); err != nil {
		return s, err
	}
	if l.Channel != "" {
		if s.Content = m.ContentFor(l.Channel); s.Content == nil {
			return s, errNoContent
		}
	}
	if checks {
		return s, check.Check(s)
	}
	return s, nil
}

var (
	errNoContent   = fmt.Errorf("%w: the message has nothing to show on it", ErrInvalidRequest)
	errNoAddress   = fmt.Errorf("%w: no address for it", ErrInvalidRecipient)
	errNotE164     = fmt.Errorf(`%w: the phone number is not E.164 with "+"`, ErrInvalidRecipient)
	errNotWanted   = errors.New("the recipient is not to be reached on it")
	errBadAddress  = errors.New("the same address was refused before")
	errPastDue     = fmt.Errorf("the message's deadline passed: %w", context.DeadlineExceeded)
	errNothingLeft = errors.New("no leg could be tried")
)

// address is where the recipient is reached on a channel; "" is the channel
// of a Sender that orders the channels by itself, which goes by number.
func (r Recipient) address(ch Channel) (string, error) {
	if r.Only != nil && ch != "" && !slices.Contains(r.Only, ch) {
		return "", errNotWanted
	}
	if a, ok := r.Other[ch]; ok && a != "" {
		return a, nil
	}
	switch {
	case ch == Email && r.Email == "", ch != Email && r.Phone == "":
		return "", errNoAddress
	case ch == Email:
		return r.Email, nil
	case !isE164(r.Phone):
		return "", errNotE164
	}
	return r.Phone, nil
}

// isE164 reports whether s is "+" and 2 to 15 digits, the first not 0.
func isE164(s string) bool {
	if len(s) < 3 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// addressNumber numbers addresses, so that a wrong one is wrong everywhere.
func (c *course) addressNumber(to string) uint8 {
	for i := range c.places {
		if c.places[i].to == to {
			return uint8(min(i, 255))
		}
	}
	return 0
}

func (c *course) submission(p *place) Submission {
	return Submission{
		Ref:     cascade.Ref(c.m.Key, p.to, string(p.provider.Channel), p.provider.Provider, p.stage, p.leg, p.alt),
		Channel: p.provider.Channel, To: p.to, Content: p.content, Expires: c.m.Deadline, Message: *c.m,
	}
}

// at is the place that a decision or an attempt means.
func (c *course) at(stage, leg, alt int) *place {
	for i := range c.places {
		if p := &c.places[i]; p.stage == stage && p.leg == leg && p.alt == alt {
			return p
		}
	}
	panic("fallback: no such place") //nolint:forbidigo // Decide names only what the plan has
}

// run does what Decide says until it says that it is over.
func (c *course) run() (Result, error) {
	c.attempts = make([]cascade.Attempt, 0, len(c.places))
	c.res.Attempts = make([]Attempt, 0, len(c.places))
	for {
		begun := len(c.attempts)
		d := c.decide()
		for d.Do == cascade.Send {
			c.begin(d)
			d = c.decide()
		}
		if begun == len(c.attempts) {
			return c.end(d)
		}
		c.submit(begun)
		c.comment(begun, c.decide())
	}
}

func (c *course) decide() cascade.Decision {
	st := cascade.State{NoMore: c.ctx.Err() != nil}
	return cascade.Decide(&c.plan, c.attempts, st, time.Now().UnixNano())
}

// begin adds an attempt, and to the Result the legs that were passed over
// before it.
func (c *course) begin(d cascade.Decision) {
	p := c.at(d.Stage, d.Leg, d.Alt)
	c.list(p)
	p.result = len(c.res.Attempts)
	c.res.PossibleDuplicate = c.res.PossibleDuplicate || d.PossibleDuplicate
	c.res.Attempts = append(c.res.Attempts, Attempt{
		Ref:     cascade.Ref(c.m.Key, p.to, string(p.provider.Channel), p.provider.Provider, p.stage, p.leg, p.alt),
		Channel: p.provider.Channel, Provider: p.provider.Provider, Started: time.Now(),
	})
	c.attempts = append(c.attempts, cascade.Attempt{
		Stage: d.Stage, Leg: d.Leg, Alt: d.Alt, Busy: true, Tries: 1, Begun: time.Now().UnixNano(),
	})
}

// list adds the legs before p that were passed over; p nil: all that are left.
func (c *course) list(p *place) {
	for ; c.listed < len(c.places); c.listed++ {
		q := &c.places[c.listed]
		if p != nil && (q.stage > p.stage || q.stage == p.stage && (q.leg > p.leg || q.leg == p.leg && q.alt >= p.alt)) {
			return
		}
		if q.result >= 0 {
			continue
		}
		why := q.skip
		if why == nil {
			if !c.refused(q) {
				continue // not needed, or not allowed
			}
			why = errBadAddress
		}
		q.result = len(c.res.Attempts)
		c.res.Attempts = append(c.res.Attempts, Attempt{
			Channel: q.provider.Channel, Provider: q.provider.Provider, Outcome: Failed, Err: why, Next: "passed over",
		})
	}
}

// refused reports whether the address of q was refused as wrong.
func (c *course) refused(q *place) bool {
	for i := range c.attempts {
		a := &c.attempts[i]
		if a.Refused == errs.ReasonInvalidRecipient && c.at(a.Stage, a.Leg, a.Alt).to == q.to {
			return true
		}
	}
	return false
}

// submit makes the attempts from begun on, together if they are several.
func (c *course) submit(begun int) {
	if begun == len(c.attempts)-1 {
		c.call(begun, c.share())
		return
	}
	share := c.share()
	var wg sync.WaitGroup
	for i := begun; i < len(c.attempts); i++ {
		wg.Go(func() { c.call(i, share) })
	}
	wg.Wait()
}

// share is when the attempts that begin now must be done; zero: never.
func (c *course) share() time.Time {
	end, bounded := c.ctx.Deadline()
	if d := c.m.Deadline; !d.IsZero() && (!bounded || d.Before(end)) {
		end, bounded = d, true
	}
	if !bounded {
		return time.Time{}
	}
	now := time.Now()
	return now.Add(end.Sub(now) / time.Duration(c.turns()))
}

// turns is how many times something may still be sent, this one included.
func (c *course) turns() int {
	last := c.attempts[len(c.attempts)-1]
	turns := 1
	for s := last.Stage; s < len(c.plan.Stages); s++ {
		most := 0
		for l, leg := range c.plan.Stages[s].Legs {
			n := 0
			for i, alt := range leg.Alts {
				if !alt.Skip && c.at(s, l, i).result < 0 {
					n++
				}
			}
			most = max(most, n)
		}
		turns += most
	}
	return turns
}

// call makes one attempt.
func (c *course) call(i int, by time.Time) {
	a := &c.attempts[i]
	p := c.at(a.Stage, a.Leg, a.Alt)
	out := &c.res.Attempts[p.result]
	ctx := c.ctx
	if !by.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, by)
		defer cancel()
	}
	ack, err := p.provider.Sender.Send(ctx, c.submission(p))
	now := time.Now()
	out.ID, out.Err, out.Took = ack.ID, err, now.Sub(out.Started)
	reason := errs.Classify(err)
	a.Busy, a.Last = false, now.UnixNano()
	switch reason {
	case errs.None, errs.ReasonDuplicate:
		a.Note(cascade.FactAccepted, a.Last, errs.None)
		out.Outcome = Accepted
	case errs.ReasonMaybeAccepted:
		a.Note(cascade.FactUnsure, a.Last, errs.None)
		out.Outcome = Unknown
	default:
		a.Refused = reason
		a.Note(cascade.FactRefused, a.Last, reason)
		out.Outcome = Failed
	}
}

// comment writes behind the attempts from begun on why the route went on or
// stopped.
func (c *course) comment(begun int, d cascade.Decision) {
	for i := begun; i < len(c.attempts); i++ {
		a := &c.attempts[i]
		out := &c.res.Attempts[c.at(a.Stage, a.Leg, a.Alt).result]
		out.Next = d.Why.String()
		if d.Do == cascade.Send && out.Outcome == Unknown {
			out.Next += ", although it may have been accepted"
		}
	}
}

// end makes the Result and the error.
func (c *course) end(d cascade.Decision) (Result, error) {
	if d.Why == cascade.WhyExhausted || len(c.attempts) == 0 {
		c.list(nil)
	}
	res := &c.res
	res.Outcome = Outcome(d.Outcome)
	res.PossibleDuplicate = res.PossibleDuplicate || d.PossibleDuplicate
	if d.Outcome >= cascade.OutcomeAccepted {
		a := c.attempts[d.Attempt]
		got := &res.Attempts[c.at(a.Stage, a.Leg, a.Alt).result]
		res.Channel, res.Provider, res.ID = got.Channel, got.Provider, got.ID
		return *res, nil
	}
	err := &Error{Result: *res}
	switch {
	case d.Why == cascade.WhyNoMore:
		err.cause = context.Cause(c.ctx)
	case d.Why == cascade.WhyDeadline:
		err.cause = errPastDue
	case len(c.attempts) == 0:
		err.cause = errNothingLeft
	}
	return *res, err
}

// explain runs the plan with nobody accepting, and lists what would be tried.
func (c *course) explain() Plan {
	tried, now := make([]bool, len(c.places)), time.Now().UnixNano()
	for {
		d := cascade.Decide(&c.plan, c.attempts, cascade.State{}, now)
		if d.Do != cascade.Send {
			break
		}
		for i := range c.places {
			if p := &c.places[i]; p.stage == d.Stage && p.leg == d.Leg && p.alt == d.Alt {
				tried[i] = true
			}
		}
		a := cascade.Attempt{Stage: d.Stage, Leg: d.Leg, Alt: d.Alt, Tries: 1, Refused: errs.ReasonUnavailable}
		a.Note(cascade.FactRefused, 1, a.Refused)
		c.attempts = append(c.attempts, a)
	}
	plan := make(Plan, 0, len(c.places))
	for i := range c.places {
		p := &c.places[i]
		planned := Planned{Step: p.stage + 1, Channel: p.provider.Channel, Provider: p.provider.Provider}
		switch {
		case p.skip != nil:
			planned.Skipped = p.skip.Error()
		case c.plan.Deadline != 0 && now >= c.plan.Deadline:
			planned.Skipped = "the message's deadline passed"
		case !tried[i]:
			planned.Skipped = "never reached"
		}
		plan = append(plan, planned)
	}
	return plan
}
