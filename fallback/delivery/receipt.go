package delivery

import (
	"context"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/fallback"
)

// Source is a provider that calls back.
type Source interface {
	// Receipts verifies and reads one callback. It stores nothing. A callback
	// that is not the provider's is an error that matches [ErrUnverified]; one
	// that says nothing about a submission gives no receipt and no error.
	Receipts(*http.Request) ([]Receipt, error)
}

// Receipt is what a provider says became of a submission.
type Receipt struct {
	Provider string // the leg's
	EventID  string // the provider's id of this event; empty: hash of Raw
	Ref, ID  string // either finds the attempt: Submission.Ref, or Ack.ID
	Channel  fallback.Channel

	// Outcome is what the receipt proves: Accepted (on its way), Delivered,
	// Read, or Failed with the reason in Err. A receipt that proves nothing
	// is not made.
	Outcome fallback.Outcome
	Err     error // wraps the sentinel, such as fallback.ErrOptedOut; may be nil

	At  time.Time // when it happened, by the provider's clock; zero: not said
	Raw []byte    // as received; may hold a phone number
}

// Goal is what a stage waits for.
type Goal uint8

// The goals. The zero Goal is Delivered.
const (
	Delivered Goal = iota
	Read
	Accepted
)

// String is the goal as a word.
func (g Goal) String() string {
	switch g {
	case Delivered:
		return "delivered"
	case Read:
		return "read"
	case Accepted:
		return "accepted"
	}
	return "unknown"
}

// Limits is what a Sender can do, asked once by Bind. A Sender without it has
// no receipts and takes one message at a time. A leg's Sender is bound to its
// channel, so no method here takes one.
type Limits interface{ Limits() Caps }

// Caps is what a provider is documented to do on one channel.
type Caps struct {
	Reports    []Goal        // what its receipts can prove; nil: it has none
	Echo       bool          // receipts carry Submission.Ref
	Idempotent time.Duration // how long a repeated Ref is refused; zero: it is not
	MaxTTL     time.Duration // the longest expiry that it honours; zero: it has none
	MaxBatch   int           // submissions in one call; zero: one
}

// Batcher is a Sender that takes several submissions in one call: the same
// channel and content, other recipients. A submission that went with others is
// never repeated for its Ref's sake: what the provider would refuse is the
// repeat of the whole call.
type Batcher interface {
	// SendBatch returns one result for each submission, in their order.
	SendBatch(context.Context, []fallback.Submission) []BatchResult
}

// BatchResult is what became of one submission of a batch.
type BatchResult struct {
	fallback.Ack
	Err error // as Sender.Send's; those that were refused in one call have one value, a pointer
}

// Revoker is a Sender that can take back what is not delivered yet. It is asked
// when a stage ends in silence, and for what was accepted when the message is
// over. An error means that it was not taken back.
type Revoker interface {
	Revoke(ctx context.Context, ref, id string) error
}

// Finder is a Sender that can be asked what became of a submission. It is asked
// once, for an attempt of unknown fate. An error means that it is not known,
// and so does no receipt.
type Finder interface {
	Find(ctx context.Context, ref, id string) ([]Receipt, error)
}
