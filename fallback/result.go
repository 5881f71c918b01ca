package fallback

import "time"

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
	ID       string // the provider's id
	Attempts []Attempt

	PossibleDuplicate bool // an attempt of unknown fate was followed by another
	Duplicate         bool // two attempts are known to have been delivered

	Due time.Time // while Pending: when something is done next
}

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
