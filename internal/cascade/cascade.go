// Package cascade decides what to do next with a message: the one decision
// behind the routes of package fallback and those of package delivery, their
// Explain, and the simulator. It has no clock, no I/O and no randomness.
package cascade

import (
	"math"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
)

// Plan is what a route means for one message. It does not change while the
// message is under way, but for Alt.Shut.
type Plan struct {
	Stages   []Stage
	Deadline int64 // nothing is submitted from then on; 0: none

	AtMostOnce  bool // an attempt of unknown fate ends the cascade
	Promotional bool // a frequency cap ends the cascade

	Hold  time.Duration // how long an attempt of unknown fate waits for proof
	Grace time.Duration // how long a revoked one waits for a crossing receipt
	Tries int           // submissions of one attempt that certainly was not accepted, before the next stage; 0: one
	Seed  uint64        // shortens waits by up to half; 0: it does not
}

// Nano is t for Plan.Deadline and the like: in nanoseconds since 1970, at least
// 1, for 0 is no time; a time beyond what that can say, as near as it can.
func Nano(t time.Time) int64 {
	switch {
	case t.Unix() >= math.MaxInt64/int64(time.Second):
		return math.MaxInt64
	case t.Unix() < 0:
		return 1
	}
	return max(1, t.UnixNano())
}

// Stage is the legs that are taken at once, and the wait for them.
type Stage struct {
	Legs   []Leg
	Goal   Goal
	Within time.Duration // from acceptance; 0: until the deadline
}

// Leg is one channel: providers in order of preference.
type Leg struct{ Alts []Alt }

// Alt is one provider of a leg.
type Alt struct {
	Address uint8 // equal numbers are equal addresses of the recipient
	Skip    bool  // it cannot show the message, or there is no address for it
	Shut    bool  // not now: its breaker is open

	Repeat time.Duration // how long the provider refuses a repeated reference; 0: it does not
	Echo   bool          // its receipts carry the reference, so that waiting can prove acceptance
	Find   bool          // it can be asked what became of a reference
	Revoke bool          // it can take back what is not delivered
}

// Goal is what a stage waits for.
type Goal uint8

// The goals, in order: each includes those before.
const (
	Accepted Goal = iota
	Delivered
	Read
)

// Fact is something that was observed about an attempt.
type Fact uint8

// The facts.
const (
	FactRefused     Fact = iota // certainly not accepted, for Attempt.Refused
	FactUnsure                  // may have been accepted
	FactAccepted                // the provider took it
	FactSent                    // handed to the network
	FactDelivered               // on the device
	FactRead                    // read
	FactFailed                  // a receipt says that it failed, for Attempt.Failed
	FactExpired                 // a receipt says that its time ran out
	FactOptedOut                // the person wants no more
	FactFound                   // the provider was asked and did not know
	FactRevokeAsked             // taking it back was asked for
	FactRevoked                 // it was taken back, proven
	facts                       // how many there are
)

// Facts is what was observed, each with its first time in nanoseconds since
// 1970; 0: not observed. It only grows: union is commutative, associative and
// idempotent, so late, repeated and reordered receipts give the same answer.
type Facts [facts]int64

// Has reports whether f was observed.
func (f *Facts) Has(fact Fact) bool { return f[fact] != 0 }

// Note adds an observation. The earliest time is kept.
func (f *Facts) Note(fact Fact, at int64) {
	if at == 0 {
		at = 1 // observed, at a time that was not told
	}
	if f[fact] == 0 || at < f[fact] {
		f[fact] = at
	}
}

// Attempt is one submission, and its repetitions, to one Alt.
type Attempt struct {
	Stage int `json:"s,omitempty"`
	Leg   int `json:"l,omitempty"`
	Alt   int `json:"a,omitempty"`

	Busy    bool  `json:"busy,omitempty"`    // a call is under way, or its verdict is not stored
	Tries   int   `json:"tries"`             // calls so far
	Repeats int   `json:"repeats,omitempty"` // of these, those after one of unknown fate
	Begun   int64 `json:"begun"`             // the first one
	Last    int64 `json:"last,omitempty"`    // the last verdict

	Facts   Facts         `json:"facts"`
	Refused errs.Reason   `json:"refused,omitempty"` // the last refusal
	Failed  errs.Reason   `json:"failed,omitempty"`  // of the receipt; None: it does not say
	After   time.Duration `json:"after,omitempty"`   // how long the provider asks to wait
}

// Note adds an observation with its reason. Which of several reasons is kept
// does not depend on their order.
func (a *Attempt) Note(fact Fact, at int64, reason errs.Reason) {
	if fact == FactFailed {
		old := a.Facts[FactFailed]
		if old == 0 || at < old || at == old && reason > a.Failed {
			a.Failed = reason
		}
	}
	if reason == errs.ReasonOptedOut {
		a.Facts.Note(FactOptedOut, at)
	}
	a.Facts.Note(fact, at)
}

// Status is how far an attempt is known to have come.
type Status uint8

// The statuses.
const (
	StatusBusy      Status = iota // no verdict yet
	StatusRefused                 // certainly not accepted
	StatusUnsure                  // may have been accepted
	StatusAccepted                // accepted, or sent
	StatusFailed                  // failed, expired or revoked after acceptance
	StatusDelivered               // delivered
	StatusRead                    // read
)

// Status says what the facts amount to. A proof of delivery outweighs every
// failure, whatever came first.
func (a *Attempt) Status() Status {
	f := &a.Facts
	switch {
	case f.Has(FactRead):
		return StatusRead
	case f.Has(FactDelivered):
		return StatusDelivered
	case f.Has(FactFailed), f.Has(FactExpired), f.Has(FactRevoked):
		return StatusFailed
	case f.Has(FactAccepted), f.Has(FactSent):
		return StatusAccepted
	case a.Busy:
		return StatusBusy
	case f.Has(FactUnsure):
		return StatusUnsure
	case f.Has(FactRefused):
		return StatusRefused
	}
	return StatusBusy
}

// reached reports whether an attempt with this status has come to goal.
func (s Status) reached(g Goal) bool {
	switch g {
	case Accepted:
		return s == StatusAccepted || s == StatusDelivered || s == StatusRead
	case Delivered:
		return s == StatusDelivered || s == StatusRead
	case Read:
		return s == StatusRead
	}
	return false
}
