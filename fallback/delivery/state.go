package delivery

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
	"github.com/cpaas-go/cpaas/internal/cascade"
	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/redact"
)

// state is what a Record's Body holds: the message, what its route means for
// it, and what was observed. It is plain data; senders are found by name.
type state struct {
	Route     string            `json:"route"`
	Message   *fallback.Message `json:"message,omitempty"` // nil once the message is finished
	Class     fallback.Class    `json:"class,omitempty"`
	Once      bool              `json:"once,omitempty"`
	Deadline  int64             `json:"deadline"`
	Stages    []storedStage     `json:"stages"`
	Attempts  []storedAttempt   `json:"attempts,omitempty"`
	Cancelled bool              `json:"cancelled,omitempty"`
	Stopped   string            `json:"stopped,omitempty"` // why, when it is neither Decide's nor the owner's doing
	Ended     bool              `json:"ended,omitempty"`
	Outcome   fallback.Outcome  `json:"outcome,omitempty"` // when Ended
	Why       cascade.Why       `json:"why,omitempty"`     // when Ended
	Held      string            `json:"held,omitempty"`    // what a Pending one waits for, in words
}

type storedStage struct {
	Goal   Goal          `json:"goal,omitempty"`
	Within time.Duration `json:"within,omitempty"`
	Legs   [][]storedAlt `json:"legs"`
}

type storedAlt struct {
	Provider string           `json:"provider"`
	Channel  fallback.Channel `json:"channel,omitempty"`
	Skip     string           `json:"skip,omitempty"`
	Bad      errs.Reason      `json:"bad,omitempty"` // the sentinel of Skip
	Address  uint8            `json:"address,omitempty"`
	Repeat   time.Duration    `json:"repeat,omitempty"`
	MaxTTL   time.Duration    `json:"ttl,omitempty"`
	Echo     bool             `json:"echo,omitempty"`
	Find     bool             `json:"find,omitempty"`
	Revoke   bool             `json:"revoke,omitempty"`
}

type storedAttempt struct {
	cascade.Attempt

	Ref   string `json:"ref"`
	Batch bool   `json:"batch,omitempty"` // it went with others in one call: its own reference was not given to the provider
	ID    string `json:"id,omitempty"`
	Lease int64  `json:"lease,omitempty"` // while Busy: the call is over by then, or its process is dead
	Took  int64  `json:"took,omitempty"`
	Text  string `json:"text,omitempty"` // of the error, fit to be shown
	Next  string `json:"next,omitempty"`
	Late  string `json:"late,omitempty"` // what a receipt said that failed it
}

// fingerprint is of what is to be sent. The deadline is not part of it: a
// send that is repeated has a later one.
func fingerprint(route string, m fallback.Message) ([32]byte, error) {
	m.Deadline = time.Time{}
	b, err := json.Marshal(struct {
		Route   string           `json:"route"`
		Message fallback.Message `json:"message"`
	}{route, m})
	return sha256.Sum256(b), err
}

// plan is what Decide sees. shut says which providers are not to be used now.
func (s *state) plan(c *Config, shut func(a *storedAlt) bool) *cascade.Plan {
	p := &cascade.Plan{
		Deadline: s.Deadline, AtMostOnce: s.Once || s.Class == fallback.Promotional, Promotional: s.Class == fallback.Promotional,
		Hold: c.hold(s.Class), Grace: c.grace(), Tries: maxTries,
		Stages: make([]cascade.Stage, len(s.Stages)),
	}
	for i := range s.Stages {
		st := &s.Stages[i]
		p.Stages[i] = cascade.Stage{Goal: st.Goal.cascade(), Within: st.Within, Legs: make([]cascade.Leg, len(st.Legs))}
		for j, alts := range st.Legs {
			out := make([]cascade.Alt, len(alts))
			for k := range alts {
				a := &alts[k]
				out[k] = cascade.Alt{
					Address: a.Address, Skip: a.Skip != "", Shut: shut != nil && shut(a),
					Repeat: a.repeat(c), Echo: a.Echo, Find: a.Find, Revoke: a.Revoke,
				}
			}
			p.Stages[i].Legs[j].Alts = out
		}
	}
	for i := range s.Attempts {
		if a := &s.Attempts[i]; a.Batch { // no repeat of it would be refused
			p.Stages[a.Stage].Legs[a.Leg].Alts[a.Alt].Repeat = 0
		}
	}
	return p
}

// repeat is how long a repeated reference is sure to be refused, by the time
// that a call may take to get there.
func (a *storedAlt) repeat(c *Config) time.Duration { return max(0, a.Repeat-c.Call) }

// maxTries is how often one attempt is submitted that certainly was not
// accepted and for which there is no other provider, before the route goes on.
// When it has no more to go on with, such attempts are made again until the
// deadline.
const maxTries = 5

// seen is the attempts as Decide sees them.
func (s *state) seen() []cascade.Attempt {
	as := make([]cascade.Attempt, len(s.Attempts))
	for i := range s.Attempts {
		as[i] = s.Attempts[i].Attempt
	}
	return as
}

func (s *state) alt(a *storedAttempt) *storedAlt { return &s.Stages[a.Stage].Legs[a.Leg][a.Alt] }

// recover turns calls whose process must be dead into attempts of unknown
// fate.
func (s *state) recover(now time.Time) (recovered int) {
	for i := range s.Attempts {
		if a := &s.Attempts[i]; a.Busy && a.Lease <= now.UnixNano() {
			a.Busy, a.Last = false, now.UnixNano()
			a.Note(cascade.FactUnsure, a.Last, errs.None)
			a.Text = cmp.Or(a.Text, "its process ended before the provider's answer was stored")
			recovered++
		}
	}
	return recovered
}

// busyUntil is when the last call under way is over; zero: none is.
func (s *state) busyUntil() int64 {
	var end int64
	for i := range s.Attempts {
		if a := &s.Attempts[i]; a.Busy {
			end = max(end, a.Lease)
		}
	}
	return end
}

// storedReceipt is an Inbound's Body.
type storedReceipt struct {
	Provider string           `json:"provider"`
	Ref      string           `json:"ref,omitempty"`
	ID       string           `json:"id,omitempty"`
	Channel  fallback.Channel `json:"channel,omitempty"`
	Outcome  fallback.Outcome `json:"outcome"`
	Reason   errs.Reason      `json:"reason,omitempty"`
	Text     string           `json:"text,omitempty"`
	At       int64            `json:"at"`
}

func storeReceipt(r Receipt, now time.Time) storedReceipt {
	s := storedReceipt{Provider: r.Provider, Ref: r.Ref, ID: r.ID, Channel: r.Channel, Outcome: r.Outcome, At: now.UnixNano()}
	if !r.At.IsZero() && r.At.Before(now) {
		s.At = cascade.Nano(r.At)
	}
	if r.Err != nil {
		s.Reason, _ = errs.ReasonOf(r.Err)
		s.Text = redact.Line(r.Err.Error())
	}
	return s
}

// find is the attempt that a receipt is about: by its reference, else by the
// provider's id; nil if there is none.
func (s *state) find(r storedReceipt) *storedAttempt {
	for i := range s.Attempts {
		if r.Ref != "" && s.Attempts[i].Ref == r.Ref {
			return &s.Attempts[i]
		}
	}
	for i := range s.Attempts {
		if a := &s.Attempts[i]; r.ID != "" && a.ID == r.ID && s.alt(a).Provider == r.Provider {
			return a
		}
	}
	return nil
}

// take adds what a receipt proves to the attempt that it is about.
func (s *state) take(r storedReceipt) {
	a := s.find(r)
	if a == nil {
		return
	}
	if a.ID == "" {
		a.ID = r.ID
	}
	at := max(r.At, a.Begun) // a provider's clock may be wrong
	switch r.Outcome {
	case fallback.Accepted:
		a.Note(cascade.FactSent, at, errs.None)
	case fallback.Delivered:
		a.Note(cascade.FactDelivered, at, errs.None)
	case fallback.Read:
		a.Note(cascade.FactRead, at, errs.None)
	case fallback.Failed:
		if s.alt(a).Channel == "" && r.Reason != errs.ReasonOptedOut {
			return // one channel of several that the provider orders by itself
		}
		was, why := a.Facts[cascade.FactFailed], a.Failed
		a.Note(cascade.FactFailed, at, r.Reason)
		switch now := a.Facts[cascade.FactFailed]; {
		case now != was || a.Failed != why:
			a.Late = r.Text
		case now == at && a.Failed == r.Reason: // of several texts, whatever their order
			a.Late = max(a.Late, r.Text)
		}
	case fallback.Pending, fallback.Unknown: // proves nothing
	}
}

// result is the state as its owner sees it.
func (s *state) result(key string, d cascade.Decision, due time.Time) fallback.Result {
	res := fallback.Result{
		Key: key, Outcome: fallback.Outcome(d.Outcome), PossibleDuplicate: d.PossibleDuplicate, Duplicate: d.Duplicate,
		Attempts: make([]fallback.Attempt, 0, len(s.Attempts)),
	}
	if !s.Ended {
		res.Outcome, res.Due = fallback.Pending, due
	}
	listed := func(stage int) { // legs that were passed over, up to a stage
		for i := range s.Stages {
			if i > stage {
				return
			}
			for _, alts := range s.Stages[i].Legs {
				for k := range alts {
					if alts[k].Skip != "" && i == stage {
						res.Attempts = append(res.Attempts, fallback.Attempt{
							Channel: alts[k].Channel, Provider: alts[k].Provider, Outcome: fallback.Failed,
							Err: storedError{alts[k].Bad, alts[k].Skip}, Next: "passed over",
						})
					}
				}
			}
		}
	}
	stage := -1
	for i := range s.Attempts {
		a := &s.Attempts[i]
		for ; stage < a.Stage; stage++ {
			listed(stage + 1)
		}
		res.Attempts = append(res.Attempts, s.attempt(a))
		if i == d.Attempt && res.Outcome >= fallback.Accepted {
			got := res.Attempts[len(res.Attempts)-1]
			res.Channel, res.Provider, res.ID = got.Channel, got.Provider, got.ID
		}
	}
	if s.Ended && d.Why == cascade.WhyExhausted {
		for ; stage < len(s.Stages)-1; stage++ {
			listed(stage + 1)
		}
	}
	return res
}

func (s *state) attempt(a *storedAttempt) fallback.Attempt {
	alt := s.alt(a)
	out := fallback.Attempt{
		Ref: a.Ref, Channel: alt.Channel, Provider: alt.Provider, ID: a.ID, Took: time.Duration(a.Took), Next: a.Next,
	}
	if a.Begun != 0 && a.Tries > 0 {
		out.Started = time.Unix(0, a.Begun)
	}
	switch a.Status() {
	case cascade.StatusBusy:
		out.Outcome = fallback.Pending
	case cascade.StatusRefused:
		out.Outcome, out.Err = fallback.Failed, storedError{a.Refused, a.Text}
	case cascade.StatusUnsure:
		out.Outcome, out.Err = fallback.Unknown, storedError{errs.ReasonMaybeAccepted, a.Text}
	case cascade.StatusAccepted:
		out.Outcome = fallback.Accepted
	case cascade.StatusFailed:
		out.Outcome, out.Err = fallback.Failed, storedError{a.Failed, cmp.Or(a.Late, "a receipt says that it failed")}
	case cascade.StatusDelivered:
		out.Outcome = fallback.Delivered
	case cascade.StatusRead:
		out.Outcome = fallback.Read
	}
	return out
}

// storedError is an error that was stored: its text and its sentinel.
type storedError struct {
	reason errs.Reason
	text   string
}

func (e storedError) Error() string {
	return cmp.Or(e.text, e.reason.String())
}

// Unwrap is the sentinel.
func (e storedError) Unwrap() error { return e.reason.Err() }
