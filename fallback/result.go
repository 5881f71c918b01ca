package fallback

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/redact"
)

// Outcome is how far a message or an attempt is known to have come.
type Outcome uint8

// The outcomes, in order: a later one is better.
const (
	Pending   Outcome = iota // still under way
	Failed                   // certainly not accepted, or receipts say that it failed
	Unknown                  // may have been accepted; nothing proves it
	Accepted                 // a provider took it
	Delivered                // on the device
	Read
)

// String is the outcome as a fixed word.
func (o Outcome) String() string {
	switch o {
	case Pending:
		return "pending"
	case Failed:
		return "failed"
	case Unknown:
		return "unknown"
	case Accepted:
		return "accepted"
	case Delivered:
		return "delivered"
	case Read:
		return "read"
	}
	return "invalid"
}

// Result is what became of a message. It prints as a trace, one attempt a line.
type Result struct {
	Key      string
	Outcome  Outcome
	Channel  Channel // that it got through on
	Provider string
	ID       string // the provider's id; printed, digits that may be a phone number are masked
	Attempts []Attempt

	PossibleDuplicate bool // an attempt of unknown fate was followed by another
	Duplicate         bool // two attempts are known to have been delivered

	Due time.Time // while Pending: when something is done next
}

// String is the trace: what became of the message, then a line for every
// attempt with its time, channel, provider, id, outcome, duration, error, and
// why the route went on or stopped.
func (r Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.Key, r.Outcome)
	if r.Outcome >= Accepted {
		fmt.Fprintf(&b, " on %s by %s", channelName(r.Channel), r.Provider)
		if r.ID != "" {
			fmt.Fprintf(&b, " as %s", redact.ID(r.ID))
		}
	}
	if r.PossibleDuplicate && !r.Duplicate {
		b.WriteString(", possible duplicate")
	}
	if r.Duplicate {
		b.WriteString(", duplicate")
	}
	if !r.Due.IsZero() {
		fmt.Fprintf(&b, ", next at %s", r.Due.Format(time.DateTime))
	}
	b.WriteByte('\n')
	for i, a := range r.Attempts {
		fmt.Fprintf(&b, "%3d  %s\n", i+1, a)
	}
	return b.String()
}

// GoString is as String.
func (r Result) GoString() string { return r.String() }

// LogValue is the message's key, outcome, channel and provider, and how many
// attempts were made.
func (r Result) LogValue() slog.Value {
	made := 0
	for _, a := range r.Attempts {
		if !a.Started.IsZero() {
			made++
		}
	}
	return slog.GroupValue(slog.String("key", r.Key), slog.String("outcome", r.Outcome.String()), slog.String("channel", string(r.Channel)),
		slog.String("provider", r.Provider), slog.Int("attempts", made), slog.Bool("possible_duplicate", r.PossibleDuplicate),
		slog.Bool("duplicate", r.Duplicate))
}

const timeFormat = "15:04:05.000"

// Attempt is one submission, or a leg that was passed over.
type Attempt struct {
	Ref      string
	Channel  Channel
	Provider string
	ID       string
	Outcome  Outcome
	Err      error     // why it is not better
	Started  time.Time // zero: it was passed over
	Took     time.Duration
	Next     string // why the route went on or stopped, in words
}

// String is the attempt on one line.
func (a Attempt) String() string {
	var b strings.Builder
	started := "            "
	outcome := "-"
	if !a.Started.IsZero() {
		started = a.Started.Format(timeFormat)
		outcome = a.Outcome.String()
	}
	fmt.Fprintf(&b, "%s  %-9s  %-12s  %-9s", started, channelName(a.Channel), a.Provider, outcome)
	if a.Took > 0 {
		fmt.Fprintf(&b, "  %s", a.Took.Round(time.Microsecond*100))
	}
	if a.ID != "" {
		fmt.Fprintf(&b, "  id %s", redact.ID(a.ID))
	}
	if a.Err != nil {
		fmt.Fprintf(&b, "  %s", redact.Line(a.Err.Error()))
	}
	if a.Next != "" {
		fmt.Fprintf(&b, "  -> %s", a.Next)
	}
	return b.String()
}

// GoString is as String.
func (a Attempt) GoString() string { return a.String() }

// channelName is a channel for people.
func channelName(ch Channel) string {
	if ch == "" {
		return "flow"
	}
	return string(ch)
}

// Error is a message that no provider is known to have accepted. It matches
// (errors.Is, errors.As) whatever the error of one of the attempts that were
// made matches; those of legs that were passed over count when none was made.
// So ask for [ErrMaybeAccepted] first: where one attempt may have been accepted,
// another may have been refused.
type Error struct {
	Result Result

	cause error // beyond the attempts' own, or nil
}

// Error is what went wrong with each attempt, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "fallback: %s", e.Result.Outcome)
	if e.cause != nil {
		fmt.Fprintf(&b, ": %s", redact.Line(e.cause.Error()))
	}
	for _, a := range e.Result.Attempts {
		if a.Err != nil {
			fmt.Fprintf(&b, "; %s by %s: %s", channelName(a.Channel), a.Provider, redact.Line(a.Err.Error()))
		}
	}
	return b.String()
}

// GoString is as Error.
func (e *Error) GoString() string { return e.Error() }

// NewError is the error of a message that came to r, for packages that run
// routes; cause is what ended the route beyond the attempts' own errors, or
// nil.
func NewError(r Result, cause error) *Error { return &Error{Result: r, cause: cause} }

// Unwrap is what ended the route beyond the attempts, and their errors.
func (e *Error) Unwrap() []error {
	var all []error
	if e.cause != nil {
		all = append(all, e.cause)
	}
	made := slices.ContainsFunc(e.Result.Attempts, func(a Attempt) bool { return !a.Started.IsZero() })
	for _, a := range e.Result.Attempts {
		if a.Err == nil || made && a.Started.IsZero() {
			continue
		}
		all = append(all, a.Err)
		if a.Outcome == Unknown && !errors.Is(a.Err, ErrMaybeAccepted) {
			all = append(all, ErrMaybeAccepted) // what such an error is taken as
		}
	}
	return all
}

// LogValue is the error as attributes.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key", e.Result.Key), slog.String("outcome", e.Result.Outcome.String()),
		slog.String("error", e.Error()))
}

// Plan is what a route means for one message: every leg, in the order it
// would be tried. It prints as words.
type Plan []Planned

// String is the plan, a leg on each line.
func (p Plan) String() string {
	var b strings.Builder
	for _, leg := range p {
		fmt.Fprintf(&b, "%3d  %-9s  %s", leg.Step, channelName(leg.Channel), leg.Provider)
		if leg.Wait != "" && leg.Skipped == "" {
			fmt.Fprintf(&b, "  until %s", leg.Wait)
		}
		if leg.Skipped != "" {
			fmt.Fprintf(&b, "  passed over: %s", redact.Line(leg.Skipped))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Planned is one leg of a Plan.
type Planned struct {
	Step     int // from 1; legs of one step are alternatives, or sent at once
	Channel  Channel
	Provider string
	Skipped  string // why it is passed over; empty: it is not
	Wait     string // what a delivery route waits for: "delivered within 20s"; empty: for nothing
}
