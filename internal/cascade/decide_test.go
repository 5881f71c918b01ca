package cascade

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cpaas-go/cpaas/internal/errs"
)

const sec = int64(time.Second)

// route is a plan of stages with one leg each, which has n alternatives.
func route(goal Goal, within time.Duration, alternatives ...int) *Plan {
	p := &Plan{}
	for _, n := range alternatives {
		p.Stages = append(p.Stages, Stage{Goal: goal, Within: within, Legs: []Leg{{Alts: make([]Alt, n)}}})
	}
	return p
}

// at is an attempt that has come to facts at second 1.
func at(stage, leg, alt int, facts ...Fact) Attempt {
	a := Attempt{Stage: stage, Leg: leg, Alt: alt, Tries: 1, Begun: sec, Last: sec}
	for _, f := range facts {
		a.Facts.Note(f, sec)
	}
	return a
}

func refused(stage, leg, alt int, r errs.Reason) Attempt {
	a := at(stage, leg, alt)
	a.Refused = r
	a.Note(FactRefused, sec, r)
	return a
}

func failed(stage, leg, alt int, r errs.Reason) Attempt {
	a := at(stage, leg, alt, FactAccepted)
	a.Note(FactFailed, sec, r)
	return a
}

func busy(stage, leg, alt int) Attempt {
	return Attempt{Stage: stage, Leg: leg, Alt: alt, Tries: 1, Begun: sec, Busy: true}
}

type want struct {
	do               Do
	why              Why
	stage, leg, alt  int
	attempt          int
	until            int64
	outcome          Outcome
	possible, double bool
}

func TestDecide(t *testing.T) {
	t.Parallel()
	with := func(p *Plan, change func(*Plan)) *Plan { change(p); return p }
	atOnce := func(goal Goal) *Plan {
		return &Plan{Stages: []Stage{
			{Goal: goal, Within: 10 * time.Second, Legs: []Leg{{Alts: make([]Alt, 1)}, {Alts: make([]Alt, 2)}}},
			{Goal: goal, Legs: []Leg{{Alts: make([]Alt, 1)}}},
		}}
	}
	const never = int64(math.MaxInt64)
	for name, test := range map[string]struct {
		plan *Plan
		as   []Attempt
		st   State
		now  int64
		want want
	}{
		"first leg": {plan: route(Accepted, 0, 1), want: want{do: Send, why: WhyFirst, attempt: -1}},
		"nothing to send": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Skip = true }),
			want: want{do: End, why: WhyExhausted, outcome: OutcomeFailed, attempt: -1},
		},
		"waits for the answer": {plan: route(Accepted, 0, 1), as: []Attempt{busy(0, 0, 0)}, want: want{do: Wait, why: WhyInFlight, until: never, attempt: 0}},
		"accepted is enough":   {plan: route(Accepted, 0, 1, 1), as: []Attempt{at(0, 0, 0, FactAccepted)}, want: want{do: End, why: WhyReached, outcome: OutcomeAccepted}},
		"provider failed, next provider": {
			plan: route(Accepted, 0, 2, 1), as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable)},
			want: want{do: Send, why: WhyNextProvider, alt: 1, attempt: -1},
		},
		"shut provider is passed over": {
			plan: with(route(Accepted, 0, 2), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Shut = true }),
			want: want{do: Send, why: WhyFirst, alt: 1, attempt: -1},
		},
		"person not on channel, next channel": {
			plan: route(Accepted, 0, 2, 1), as: []Attempt{refused(0, 0, 0, errs.ReasonNotOnChannel)},
			want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1},
		},
		"wrong address is wrong everywhere": {
			plan: with(route(Accepted, 0, 1, 1, 1), func(p *Plan) { p.Stages[2].Legs[0].Alts[0].Address = 200 }),
			as:   []Attempt{refused(0, 0, 0, errs.ReasonInvalidRecipient)},
			want: want{do: Send, why: WhyNextChannel, stage: 2, attempt: -1},
		},
		"opted out": {plan: route(Accepted, 0, 1, 1), as: []Attempt{refused(0, 0, 0, errs.ReasonOptedOut)}, want: want{do: End, why: WhyOptedOut, outcome: OutcomeFailed}},
		"frequency cap": {
			plan: route(Accepted, 0, 1, 1), as: []Attempt{refused(0, 0, 0, errs.ReasonFrequencyCapped)},
			want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1},
		},
		"frequency cap, promotional": {
			plan: with(route(Accepted, 0, 1, 1), func(p *Plan) { p.Promotional = true }), as: []Attempt{refused(0, 0, 0, errs.ReasonFrequencyCapped)},
			want: want{do: End, why: WhyCapped, outcome: OutcomeFailed},
		},
		"unsure moves on, marked": {
			plan: route(Accepted, 0, 1, 1), as: []Attempt{at(0, 0, 0, FactUnsure)},
			want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1, possible: true},
		},
		"unsure tries the next provider, marked": {
			plan: route(Accepted, 0, 2, 1), as: []Attempt{at(0, 0, 0, FactUnsure)},
			want: want{do: Send, why: WhyNextProvider, alt: 1, attempt: -1, possible: true},
		},
		"unsure, at most once": {
			plan: with(route(Accepted, 0, 2, 1), func(p *Plan) { p.AtMostOnce = true }), as: []Attempt{at(0, 0, 0, FactUnsure)},
			want: want{do: End, why: WhyUnsure, outcome: OutcomeUnknown},
		},
		"unsure, at most once, nothing left": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.AtMostOnce = true }), as: []Attempt{at(0, 0, 0, FactUnsure)},
			want: want{do: End, why: WhyUnsure, outcome: OutcomeUnknown},
		},
		"unsure, then refused, is unknown": {
			plan: route(Accepted, 0, 1, 1), as: []Attempt{at(0, 0, 0, FactUnsure), refused(1, 0, 0, errs.ReasonUnavailable)},
			want: want{do: End, why: WhyExhausted, outcome: OutcomeUnknown},
		},
		"unsure, then accepted": {
			plan: route(Accepted, 0, 1, 1), as: []Attempt{at(0, 0, 0, FactUnsure), at(1, 0, 0, FactAccepted)},
			want: want{do: End, why: WhyReached, outcome: OutcomeAccepted, attempt: 1, possible: true},
		},
		"the caller is gone":            {plan: route(Accepted, 0, 1), st: State{NoMore: true}, want: want{do: End, why: WhyNoMore, outcome: OutcomeFailed, attempt: -1}},
		"the caller is gone, in flight": {plan: route(Accepted, 0, 1), as: []Attempt{busy(0, 0, 0)}, st: State{NoMore: true}, want: want{do: Wait, why: WhyInFlight, until: never}},
		"cancelled":                     {plan: route(Accepted, 0, 1), st: State{Cancelled: true}, want: want{do: End, why: WhyCancelled, outcome: OutcomeFailed, attempt: -1}},
		"cancelled in flight":           {plan: route(Accepted, 0, 1), as: []Attempt{busy(0, 0, 0)}, st: State{Cancelled: true}, want: want{do: Wait, why: WhyInFlight, until: never}},
		"after the deadline": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Deadline = 5 * sec }), now: 5 * sec,
			want: want{do: End, why: WhyDeadline, outcome: OutcomeFailed, attempt: -1},
		},
		"after the deadline, in flight": {
			plan: with(route(Accepted, 0, 1, 1), func(p *Plan) { p.Deadline = 5 * sec }), as: []Attempt{busy(0, 0, 0)}, now: 9 * sec,
			want: want{do: Wait, why: WhyInFlight, until: never},
		},

		"waits for the receipt":                {plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{at(0, 0, 0, FactAccepted)}, now: 2 * sec, want: want{do: Wait, why: WhyReceipt, until: 11 * sec}},
		"waits to the deadline":                {plan: with(route(Delivered, 0, 1), func(p *Plan) { p.Deadline = 7 * sec }), as: []Attempt{at(0, 0, 0, FactSent)}, now: 2 * sec, want: want{do: Wait, why: WhyReceipt, until: 7 * sec}},
		"silence to the deadline":              {plan: with(route(Delivered, 0, 1), func(p *Plan) { p.Deadline = 7 * sec }), as: []Attempt{at(0, 0, 0, FactSent)}, now: 7 * sec, want: want{do: End, why: WhySilence, outcome: OutcomeAccepted}},
		"silence":                              {plan: route(Delivered, 10*time.Second, 2, 1), as: []Attempt{at(0, 0, 0, FactAccepted)}, now: 11 * sec, want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1, possible: true}},
		"delivered":                            {plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{at(0, 0, 0, FactAccepted, FactDelivered)}, want: want{do: End, why: WhyReached, outcome: OutcomeDelivered}},
		"failed after delivered":               {plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{at(0, 0, 0, FactDelivered, FactFailed)}, want: want{do: End, why: WhyReached, outcome: OutcomeDelivered}},
		"failed receipt, next channel":         {plan: route(Delivered, 10*time.Second, 2, 1), as: []Attempt{failed(0, 0, 0, 0)}, want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1}},
		"failed receipt of the provider's own": {plan: route(Delivered, 10*time.Second, 2, 1), as: []Attempt{failed(0, 0, 0, errs.ReasonInsufficientCredit)}, want: want{do: Send, why: WhyNextProvider, alt: 1, attempt: -1}},
		"failed receipt: opted out":            {plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{failed(0, 0, 0, errs.ReasonOptedOut)}, want: want{do: End, why: WhyOptedOut, outcome: OutcomeFailed}},
		"failed receipt: bad address":          {plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{failed(0, 0, 0, errs.ReasonInvalidRecipient)}, want: want{do: End, why: WhyExhausted, outcome: OutcomeFailed}},
		"late delivery ends a later stage": {
			plan: route(Delivered, 10*time.Second, 1, 1, 1), as: []Attempt{at(0, 0, 0, FactAccepted, FactDelivered), at(1, 0, 0, FactAccepted)}, now: 12 * sec,
			want: want{do: End, why: WhyReached, outcome: OutcomeDelivered, possible: true},
		},
		"two deliveries": {
			plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{at(0, 0, 0, FactAccepted, FactDelivered), at(1, 0, 0, FactAccepted, FactDelivered)},
			want: want{do: End, why: WhyReached, outcome: OutcomeDelivered, possible: true, double: true},
		},
		"two deliveries, the second came first": {
			plan: route(Delivered, 10*time.Second, 1, 1),
			as:   []Attempt{{Tries: 1, Facts: Facts{FactDelivered: 9 * sec}}, {Stage: 1, Tries: 1, Facts: Facts{FactDelivered: 8 * sec}}},
			want: want{do: End, why: WhyReached, outcome: OutcomeDelivered, attempt: 1, possible: true, double: true},
		},
		"delivered, but read is wanted":    {plan: route(Read, 10*time.Second, 1, 1), as: []Attempt{at(0, 0, 0, FactAccepted, FactDelivered)}, now: 2 * sec, want: want{do: Wait, why: WhyReceipt, until: 11 * sec}},
		"delivered, but not read in time":  {plan: route(Read, 10*time.Second, 1, 1), as: []Attempt{at(0, 0, 0, FactAccepted, FactDelivered)}, now: 11 * sec, want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1, possible: true}},
		"a receipt from before the submit": {plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{{Tries: 1, Begun: 5 * sec, Last: 5 * sec, Facts: Facts{FactAccepted: 1}}}, now: 6 * sec, want: want{do: Wait, why: WhyReceipt, until: 15 * sec}},

		"repeat where repeats are refused": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Repeat = time.Hour; p.AtMostOnce = true }),
			as:   []Attempt{at(0, 0, 0, FactUnsure)}, now: sec, want: want{do: Again, why: WhyRepeat},
		},
		"no repeat after the deadline": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Repeat = time.Hour; p.Deadline = 2 * sec }),
			as:   []Attempt{at(0, 0, 0, FactUnsure)}, now: 2 * sec, want: want{do: End, why: WhyDeadline, outcome: OutcomeUnknown},
		},
		"a provider passed over stays so while the one behind it waits": {
			plan: route(Delivered, 10*time.Second, 2, 1), as: []Attempt{at(0, 0, 1, FactAccepted)}, now: 2 * sec,
			want: want{do: Wait, why: WhyReceipt, until: 11 * sec},
		},
		"a provider passed over stays so while the one behind it is called": {
			plan: route(Accepted, 0, 2, 1), as: []Attempt{busy(0, 0, 1)}, want: want{do: Wait, why: WhyInFlight, until: never},
		},
		"a provider passed over is tried when the one behind it has failed": {
			plan: route(Delivered, 10*time.Second, 2, 1), as: []Attempt{refused(0, 0, 1, errs.ReasonForbidden)},
			want: want{do: Send, why: WhyNextProvider, attempt: -1},
		},
		"a stage passed over stays so while a later one waits": {
			plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{at(1, 0, 0, FactAccepted)}, now: 2 * sec,
			want: want{do: Wait, why: WhyReceipt, until: 11 * sec},
		},
		"a stage passed over stays so after silence": {
			plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{at(1, 0, 0, FactAccepted)}, now: 11 * sec,
			want: want{do: End, why: WhySilence, outcome: OutcomeAccepted},
		},
		"a stage passed over stays so after the deadline": {
			plan: with(route(Delivered, 10*time.Second, 1, 1), func(p *Plan) { p.Deadline = 5 * sec }),
			as:   []Attempt{refused(1, 0, 0, errs.ReasonNotOnChannel)}, now: 5 * sec,
			want: want{do: End, why: WhyExhausted, outcome: OutcomeFailed},
		},
		"stages passed over are tried when all later ones have failed": {
			plan: route(Delivered, 10*time.Second, 1, 1, 1), as: []Attempt{refused(2, 0, 0, errs.ReasonNotOnChannel)},
			want: want{do: Send, why: WhyNextChannel, attempt: -1},
		},
		"no retry in a stage that the route has left": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Tries = 5 }),
			as:   []Attempt{refused(0, 0, 0, errs.ReasonUnavailable), at(1, 0, 0, FactAccepted)}, now: 9 * sec,
			want: want{do: Wait, why: WhyReceipt, until: 61 * sec},
		},
		"a retry in a stage that the route has left, when all later ones have failed": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Tries = 5 }),
			as:   []Attempt{refused(0, 0, 0, errs.ReasonUnavailable), refused(1, 0, 0, errs.ReasonNotOnChannel)}, now: sec,
			want: want{do: Wait, why: WhyBackOff, until: 2 * sec},
		},
		"second repeat waits": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Repeat = time.Hour }),
			as:   []Attempt{{Tries: 2, Repeats: 1, Begun: sec, Last: sec, Facts: Facts{FactUnsure: sec}}}, now: sec, want: want{do: Wait, why: WhyBackOff, until: 2 * sec},
		},
		"repeats end": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Repeat = time.Hour }),
			as:   []Attempt{{Tries: 3, Repeats: 2, Begun: sec, Last: sec, Facts: Facts{FactUnsure: sec}}}, now: sec,
			want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1, possible: true},
		},
		"no repeat after the provider forgot": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Repeat = time.Second }),
			as:   []Attempt{at(0, 0, 0, FactUnsure)}, now: 3 * sec, want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1, possible: true},
		},
		"no other leg while a repeat is in flight": {
			plan: with(atOnce(Accepted), func(p *Plan) { p.AtMostOnce = true }),
			as:   []Attempt{{Tries: 2, Begun: sec, Busy: true, Facts: Facts{FactUnsure: sec}}}, want: want{do: Wait, why: WhyInFlight, until: never},
		},
		"asks the provider": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Find = true }),
			as:   []Attempt{at(0, 0, 0, FactUnsure)}, want: want{do: Find, why: WhyHold},
		},
		"the provider did not know": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Find = true }),
			as:   []Attempt{at(0, 0, 0, FactUnsure, FactFound)}, want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1, possible: true},
		},
		"holds for proof": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Echo = true; p.Hold = 5 * time.Second }),
			as:   []Attempt{at(0, 0, 0, FactUnsure)}, now: 2 * sec, want: want{do: Wait, why: WhyHold, until: 6 * sec},
		},
		"held long enough": {
			plan: with(route(Delivered, time.Minute, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Echo = true; p.Hold = 5 * time.Second }),
			as:   []Attempt{at(0, 0, 0, FactUnsure)}, now: 6 * sec, want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1, possible: true},
		},

		"takes back what is silent": {
			plan: with(route(Delivered, 10*time.Second, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Revoke = true; p.Grace = 3 * time.Second }),
			as:   []Attempt{at(0, 0, 0, FactAccepted)}, now: 11 * sec, want: want{do: Revoke, why: WhySilence},
		},
		"waits for a crossing receipt": {
			plan: with(route(Delivered, 10*time.Second, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Revoke = true; p.Grace = 3 * time.Second }),
			as:   []Attempt{{Tries: 1, Begun: sec, Facts: Facts{FactAccepted: sec, FactRevokeAsked: 11 * sec}}}, now: 12 * sec,
			want: want{do: Wait, why: WhyGrace, until: 14 * sec},
		},
		"goes on after the grace": {
			plan: with(route(Delivered, 10*time.Second, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Revoke = true; p.Grace = 3 * time.Second }),
			as:   []Attempt{{Tries: 1, Begun: sec, Facts: Facts{FactAccepted: sec, FactRevokeAsked: 11 * sec}}}, now: 14 * sec,
			want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1, possible: true},
		},
		"revoked is certain": {
			plan: route(Delivered, 10*time.Second, 1, 1), as: []Attempt{at(0, 0, 0, FactAccepted, FactRevoked)}, now: 14 * sec,
			want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1},
		},
		"takes back the other at the end": {
			plan: with(route(Delivered, 10*time.Second, 1, 1), func(p *Plan) { p.Stages[1].Legs[0].Alts[0].Revoke = true }),
			as:   []Attempt{at(0, 0, 0, FactDelivered), at(1, 0, 0, FactAccepted)}, want: want{do: Revoke, why: WhyOver, attempt: 1, outcome: OutcomeDelivered, possible: true},
		},
		"does not take back what at once asked for": {
			plan: with(atOnce(Accepted), func(p *Plan) { p.Stages[0].Legs[1].Alts[0].Revoke = true }),
			as:   []Attempt{at(0, 0, 0, FactAccepted), at(0, 1, 0, FactAccepted)}, want: want{do: End, why: WhyReached, outcome: OutcomeAccepted},
		},
		"takes back when cancelled": {
			plan: with(route(Delivered, 10*time.Second, 1, 1), func(p *Plan) { p.Stages[0].Legs[0].Alts[0].Revoke = true }), st: State{Cancelled: true},
			as: []Attempt{at(0, 0, 0, FactAccepted)}, want: want{do: Revoke, why: WhyOver, outcome: OutcomeAccepted},
		},

		"retries what certainly was not accepted": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 3 }), as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable)}, now: sec,
			want: want{do: Wait, why: WhyBackOff, until: 2 * sec},
		},
		"retries after the wait": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 3 }), as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable)}, now: 2 * sec,
			want: want{do: Again, why: WhyRetry},
		},
		"waits as long as the provider asks": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 3 }),
			as:   []Attempt{{Tries: 1, Begun: sec, Last: sec, After: 30 * time.Second, Refused: errs.ReasonRateLimited, Facts: Facts{FactRefused: sec}}}, now: 2 * sec,
			want: want{do: Wait, why: WhyBackOff, until: 31 * sec},
		},
		"no retry beyond the stage": {
			plan: with(route(Accepted, 10*time.Second, 1, 1), func(p *Plan) { p.Tries = 3 }),
			as:   []Attempt{{Tries: 1, Begun: sec, Last: sec, After: 30 * time.Second, Refused: errs.ReasonRateLimited, Facts: Facts{FactRefused: sec}}}, now: 2 * sec,
			want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1},
		},
		"no retry beyond the deadline": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 3; p.Deadline = 20 * sec }),
			as:   []Attempt{{Tries: 1, Begun: sec, Last: sec, After: 30 * time.Second, Refused: errs.ReasonRateLimited, Facts: Facts{FactRefused: sec}}}, now: 2 * sec,
			want: want{do: End, why: WhyExhausted, outcome: OutcomeFailed},
		},
		"no retry for credit": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 3 }), as: []Attempt{refused(0, 0, 0, errs.ReasonInsufficientCredit)}, now: 9 * sec,
			want: want{do: End, why: WhyExhausted, outcome: OutcomeFailed},
		},
		"no retry while an unsure one must stay alone": {
			plan: with(atOnce(Accepted), func(p *Plan) { p.Tries = 3; p.AtMostOnce = true }),
			as:   []Attempt{at(0, 0, 0, FactUnsure), refused(0, 1, 0, errs.ReasonUnavailable), refused(0, 1, 1, errs.ReasonUnavailable)}, now: sec,
			want: want{do: End, why: WhyUnsure, outcome: OutcomeUnknown},
		},

		"goes on when nobody else is left": {
			plan: with(route(Accepted, 0, 1, 1), func(p *Plan) { p.Tries = 1; p.Deadline = 100 * sec }), st: State{Persist: true}, now: 3 * sec,
			as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable), refused(1, 0, 0, errs.ReasonNotOnChannel)}, want: want{do: Again, why: WhyRetry},
		},
		"waits before it goes on, for less and less": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 5; p.Deadline = 101 * sec }), st: State{Persist: true}, now: 2 * sec,
			as:   []Attempt{{Tries: 8, Begun: sec, Last: sec, Refused: errs.ReasonRateLimited, Facts: Facts{FactRefused: sec}}},
			want: want{do: Wait, why: WhyBackOff, until: 51 * sec}, // 128 s are more than half of what is left
		},
		"looks again at who is left alone": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 1; p.Deadline = 100 * sec; p.Stages[0].Legs[0].Alts[0].Shut = true }), st: State{Persist: true}, now: 9 * sec,
			as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable)}, want: want{do: Wait, why: WhyBackOff, until: 39 * sec},
		},
		"goes on with the first that is due": {
			plan: with(route(Accepted, 0, 1, 1), func(p *Plan) { p.Tries = 1; p.Deadline = 100 * sec }), st: State{Persist: true}, now: 3 * sec,
			as: []Attempt{
				{Tries: 1, Begun: sec, Last: sec, After: 30 * time.Second, Refused: errs.ReasonRateLimited, Facts: Facts{FactRefused: sec}},
				refused(1, 0, 0, errs.ReasonUnavailable),
			},
			want: want{do: Again, why: WhyRetry, stage: 1, attempt: 1},
		},
		"does not go on beyond the deadline": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 1; p.Deadline = 2 * sec }), st: State{Persist: true}, now: sec,
			as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable)}, want: want{do: End, why: WhyExhausted, outcome: OutcomeFailed},
		},
		"does not go on with a wrong address": {
			plan: with(route(Accepted, 0, 1, 1), func(p *Plan) { p.Tries = 1; p.Deadline = 100 * sec }), st: State{Persist: true}, now: 3 * sec,
			as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable), refused(1, 0, 0, errs.ReasonInvalidRecipient)}, want: want{do: End, why: WhyExhausted, outcome: OutcomeFailed},
		},
		"does not go on while one may have it": {
			plan: with(route(Accepted, 0, 1, 1), func(p *Plan) { p.Tries = 1; p.Deadline = 100 * sec }), st: State{Persist: true}, now: 3 * sec,
			as: []Attempt{at(0, 0, 0, FactUnsure), refused(1, 0, 0, errs.ReasonUnavailable)}, want: want{do: End, why: WhyExhausted, outcome: OutcomeUnknown},
		},
		"does not go on for who is gone": {
			plan: with(route(Accepted, 0, 1), func(p *Plan) { p.Tries = 1; p.Deadline = 100 * sec }), st: State{Persist: true, NoMore: true}, now: 3 * sec,
			as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable)}, want: want{do: End, why: WhyExhausted, outcome: OutcomeFailed},
		},

		"at once, the second leg": {plan: atOnce(Accepted), as: []Attempt{busy(0, 0, 0)}, want: want{do: Send, why: WhyAtOnce, leg: 1, attempt: -1}},
		"at once, waits for both": {plan: atOnce(Accepted), as: []Attempt{busy(0, 0, 0), busy(0, 1, 0)}, want: want{do: Wait, why: WhyInFlight, until: never}},
		"at once, one is enough":  {plan: atOnce(Accepted), as: []Attempt{refused(0, 0, 0, errs.ReasonUnavailable), at(0, 1, 0, FactAccepted)}, want: want{do: End, why: WhyReached, outcome: OutcomeAccepted, attempt: 1}},
		"at once, one failed":     {plan: atOnce(Delivered), as: []Attempt{failed(0, 0, 0, 0), at(0, 1, 0, FactAccepted)}, now: 2 * sec, want: want{do: Wait, why: WhyReceipt, until: 11 * sec}},
		"at once, an alternative": {plan: atOnce(Delivered), as: []Attempt{at(0, 0, 0, FactAccepted), refused(0, 1, 0, errs.ReasonUnavailable)}, now: 2 * sec, want: want{do: Send, why: WhyNextProvider, leg: 1, alt: 1, attempt: -1}},
		"at once, both delivered": {plan: atOnce(Delivered), as: []Attempt{at(0, 0, 0, FactDelivered), at(0, 1, 0, FactDelivered)}, want: want{do: End, why: WhyReached, outcome: OutcomeDelivered}},
		"at once, both failed":    {plan: atOnce(Delivered), as: []Attempt{failed(0, 0, 0, 0), failed(0, 1, 0, 0)}, now: 2 * sec, want: want{do: Send, why: WhyNextChannel, stage: 1, attempt: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(test.plan, test.as, test.st, test.now)
			w := test.want
			assert.Equal(t, w.do, d.Do)
			assert.Equal(t, w.why.String(), d.Why.String())
			assert.Equal(t, w.possible, d.PossibleDuplicate, "possible duplicate")
			assert.Equal(t, w.double, d.Duplicate, "duplicate")
			assert.Equal(t, w.outcome, d.Outcome)
			switch d.Do {
			case Send:
				assert.Equal(t, [3]int{w.stage, w.leg, w.alt}, [3]int{d.Stage, d.Leg, d.Alt})
			case Wait:
				assert.Equal(t, w.until, d.Until)
			case Again, Find, Revoke, End:
				assert.Equal(t, w.attempt, d.Attempt)
			}
		})
	}
}

// TestDecideIsTotal runs random cascades to their end: Decide never panics,
// never repeats itself, always comes to an end, and never breaks its rules.
func TestDecideIsTotal(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		play(t, rand.New(rand.NewPCG(seed, 1)))
	}
}

func FuzzDecide(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) { play(t, rand.New(rand.NewPCG(a, b))) })
}

func play(t *testing.T, r *rand.Rand) {
	t.Helper()
	p := randomPlan(r)
	st := State{Persist: r.IntN(2) == 0}
	var as []Attempt
	now := sec
	for step := range 10_000 {
		d := Decide(p, as, st, now)
		if again := Decide(p, as, st, now); again != d {
			t.Fatalf("two answers: %+v and %+v", d, again)
		}
		unsure := false
		for i := range as {
			unsure = unsure || as[i].Status() == StatusUnsure
		}
		switch d.Do {
		case Send:
			if p.Deadline != 0 && now >= p.Deadline {
				t.Fatal("a submission after the deadline")
			}
			if p.AtMostOnce && unsure {
				t.Fatal("a submission beside an unsure one")
			}
			alt := p.Stages[d.Stage].Legs[d.Leg].Alts[d.Alt]
			if alt.Skip || alt.Shut {
				t.Fatal("a submission to what is to be passed over")
			}
			for i := range as {
				if a := &as[i]; a.Stage == d.Stage && a.Leg == d.Leg && a.Alt == d.Alt {
					t.Fatal("an attempt made twice")
				}
				if s := as[i].Status(); s.reached(p.Stages[as[i].Stage].Goal) {
					t.Fatal("a submission after the goal")
				}
			}
			as = append(as, Attempt{Stage: d.Stage, Leg: d.Leg, Alt: d.Alt, Tries: 1, Begun: now, Busy: true})
		case Again:
			a := &as[d.Attempt]
			if s := a.Status(); s != StatusUnsure && s != StatusRefused {
				t.Fatalf("a repeat of an attempt with status %d", s)
			}
			if p.Deadline != 0 && now >= p.Deadline {
				t.Fatal("a repeat after the deadline")
			}
			if p.Stages[a.Stage].Legs[a.Leg].Alts[a.Alt].Shut {
				t.Fatal("a repeat at what is to be left alone")
			}
			if a.Tries++; a.Status() == StatusUnsure {
				a.Repeats++
			}
			a.Busy = true
		case Find:
			as[d.Attempt].Facts.Note(FactFound, now)
		case Revoke:
			as[d.Attempt].Facts.Note(FactRevokeAsked, now)
			if r.IntN(2) == 0 {
				as[d.Attempt].Facts.Note(FactRevoked, now)
			}
		case Wait:
			if !observe(r, as, now) {
				if d.Until == math.MaxInt64 {
					if settle(r, as, now) {
						continue
					}
					if p.Deadline != 0 {
						t.Fatalf("waits for ever: %+v %+v", d, as)
					}
					return // it waits for receipts without any limit, as was asked for
				}
				if d.Until <= now {
					t.Fatalf("waits for the past: %+v", d)
				}
				now = d.Until
			}
		case End:
			return
		}
		if step == 9_999 {
			t.Fatal("no end")
		}
	}
}

// TestBackOff: a wait is what it would be without seed, or shorter by less
// than half, and not the same for all.
func TestBackOff(t *testing.T) {
	t.Parallel()
	for n := range 12 {
		whole := (&view{p: &Plan{}}).backOff(n, 0)
		seen := map[time.Duration]bool{}
		for seed := range uint64(1000) {
			v := view{p: &Plan{Seed: seed}}
			wait := v.backOff(n, 0)
			if seen[wait] = true; wait > whole || wait < whole/2 {
				t.Fatalf("call %d, seed %d: %v of %v", n, seed, wait, whole)
			}
			if asked := v.backOff(n, time.Hour); asked != time.Hour {
				t.Fatalf("the provider asked for an hour: %v", asked)
			}
		}
		if n > 0 && len(seen) < 990 {
			t.Errorf("call %d: %d waits for 1000 seeds", n, len(seen))
		}
	}
}

// settle gives a call in flight its verdict.
func settle(r *rand.Rand, as []Attempt, now int64) bool {
	for i := range as {
		if !as[i].Busy {
			continue
		}
		as[i].Busy, as[i].Last = false, now
		switch r.IntN(3) {
		case 0:
			as[i].Note(FactAccepted, now, 0)
		case 1:
			as[i].Note(FactUnsure, now, 0)
		default:
			as[i].Refused = errs.Reason(1 + r.IntN(14)) //nolint:gosec // small
			as[i].Note(FactRefused, now, as[i].Refused)
		}
		return true
	}
	return false
}

// observe lets something happen, perhaps.
func observe(r *rand.Rand, as []Attempt, now int64) bool {
	if r.IntN(2) == 0 && settle(r, as, now) {
		return true
	}
	if len(as) == 0 || r.IntN(3) > 0 {
		return false
	}
	a := &as[r.IntN(len(as))]
	if s := a.Status(); s != StatusAccepted && s != StatusUnsure {
		return false
	}
	a.Note([]Fact{FactSent, FactDelivered, FactRead, FactFailed, FactExpired}[r.IntN(5)], now, errs.Reason(r.IntN(4))) //nolint:gosec // small
	return true
}

func randomPlan(r *rand.Rand) *Plan {
	p := &Plan{Seed: r.Uint64N(5), AtMostOnce: r.IntN(3) == 0, Promotional: r.IntN(4) == 0, Tries: r.IntN(4), Hold: time.Duration(r.IntN(20)) * time.Second, Grace: 3 * time.Second}
	if r.IntN(2) == 0 {
		p.Deadline = int64(1+r.IntN(300)) * sec
	}
	for range 1 + r.IntN(4) {
		s := Stage{Goal: Goal(r.IntN(3)), Within: time.Duration(r.IntN(60)) * time.Second} //nolint:gosec // small
		for range 1 + r.IntN(2) {
			var leg Leg
			for range 1 + r.IntN(3) {
				leg.Alts = append(leg.Alts, Alt{
					Address: uint8(r.IntN(3)), Skip: r.IntN(6) == 0, Shut: r.IntN(8) == 0, Echo: r.IntN(2) == 0, //nolint:gosec // small
					Find: r.IntN(4) == 0, Revoke: r.IntN(3) == 0, Repeat: time.Duration(r.IntN(2)*r.IntN(30)) * time.Second,
				})
			}
			s.Legs = append(s.Legs, leg)
		}
		p.Stages = append(p.Stages, s)
	}
	return p
}

// TestFactsConverge: any order and repetition of the same observations comes
// to the same facts.
func TestFactsConverge(t *testing.T) {
	t.Parallel()
	type seen struct {
		fact   Fact
		at     int64
		reason errs.Reason
	}
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 2))
		var all []seen
		for range 1 + r.IntN(8) {
			all = append(all, seen{Fact(r.IntN(int(facts))), int64(r.IntN(4)), errs.Reason(r.IntN(14))}) //nolint:gosec // small
		}
		var first Attempt
		for _, s := range all {
			first.Note(s.fact, s.at, s.reason)
		}
		for range 5 {
			var other Attempt
			all = append(all, all[r.IntN(len(all))])
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			for _, s := range all {
				other.Note(s.fact, s.at, s.reason)
			}
			assert.Equal(t, first, other)
		}
	}
}

func TestRef(t *testing.T) {
	t.Parallel()
	base := Ref("k", "a", "c", "p", 1, 2, 3)
	assert.Regexp(t, `^[0-9a-v]{32}$`, base)
	assert.Equal(t, base, Ref("k", "a", "c", "p", 1, 2, 3))
	for _, other := range []string{
		Ref("x", "a", "c", "p", 1, 2, 3), Ref("k", "x", "c", "p", 1, 2, 3), Ref("k", "a", "x", "p", 1, 2, 3), Ref("k", "a", "c", "x", 1, 2, 3),
		Ref("k", "a", "c", "p", 0, 2, 3), Ref("k", "a", "c", "p", 1, 0, 3), Ref("k", "a", "c", "p", 1, 2, 0), Ref("ka", "", "c", "p", 1, 2, 3),
	} {
		assert.NotEqual(t, base, other)
	}
	assert.NotEqual(t, Key(), Key())
}

func TestWordsAreWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for w := WhyFirst; w <= WhyExhausted; w++ {
		assert.NotEqual(t, "unknown", w.String())
		assert.False(t, seen[w.String()])
		seen[w.String()] = true
	}
	assert.Equal(t, "unknown", Why(200).String())
}

func BenchmarkDecideThreeSteps(b *testing.B) {
	p := route(Delivered, 10*time.Second, 1, 1, 1)
	as := []Attempt{refused(0, 0, 0, errs.ReasonNotOnChannel), at(1, 0, 0, FactUnsure)}
	b.ReportAllocs()
	for b.Loop() {
		if Decide(p, as, State{}, 2*sec).Do != Send {
			b.Fatal("wrong")
		}
	}
}

func TestDecideAllocations(t *testing.T) { //nolint:paralleltest // others would be counted
	p := route(Delivered, 10*time.Second, 1, 1, 1)
	as := []Attempt{refused(0, 0, 0, errs.ReasonNotOnChannel), at(1, 0, 0, FactUnsure)}
	if n := testing.AllocsPerRun(100, func() { Decide(p, as, State{}, 2*sec) }); n > 2 {
		t.Errorf("%v allocations, want at most 2", n)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	p := route(Delivered, 10*time.Second, 1, 1)
	d := Look(p, []Attempt{at(0, 0, 0, FactAccepted, FactDelivered), at(1, 0, 0, FactAccepted, FactRead)})
	assert.Equal(t, Decision{Do: End, Why: WhyReached, Attempt: 1, Outcome: OutcomeRead, PossibleDuplicate: true, Duplicate: true}, d)
	assert.Equal(t, Decision{Do: End, Why: WhyReached, Attempt: -1, Outcome: OutcomeFailed}, Look(p, nil))
	assert.Equal(t, OutcomeUnknown, Look(p, []Attempt{failed(0, 0, 0, 0), busy(1, 0, 0)}).Outcome, "a call under way may be accepted")
}
