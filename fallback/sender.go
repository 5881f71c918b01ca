package fallback

import (
	"context"
	"log/slog"
	"time"
)

// Sender submits a message to one provider on one channel, once.
//
// A nil error means that the provider took it. An error that is (errors.Is)
// one of this package's says what to do next; any other error is taken as
// [ErrMaybeAccepted], because nothing proves that it was not, unless it is a
// failure to connect (net.OpError of a dial, net.DNSError).
//
// Send must not retry what may have been accepted, should not wait before it
// retries (waiting is the route's business), and must be safe for concurrent
// use. What more a Sender can do (receipts, batches, revoking) it says by the
// interfaces of package delivery; a wrapper hides them.
type Sender interface {
	Send(context.Context, Submission) (Ack, error)
}

// SenderFunc makes a function a Sender.
type SenderFunc func(context.Context, Submission) (Ack, error)

// Send calls f.
func (f SenderFunc) Send(ctx context.Context, s Submission) (Ack, error) { return f(ctx, s) }

// Checker is a Sender that knows, without a call, whether it can show a
// submission, which has no Ref yet. A leg whose Check refuses is passed over.
// For a leg without a Channel it also judges Recipient.Only and Other, since it
// alone knows the channels.
type Checker interface {
	Check(Submission) error
}

// Submission is one attempt at a message, on one channel.
type Submission struct {
	// Ref is this attempt's own reference: the same if the attempt is
	// repeated, another for every other attempt at the message. Give it to
	// the provider as its idempotency key and have it echoed in receipts.
	// At most 50 bytes of [0-9A-Za-z-], with nothing of the recipient in it.
	Ref     string
	Channel Channel
	To      string    // the recipient's address on Channel
	Content Content   // what to show on Channel
	Expires time.Time // drop it if not delivered by then; zero: provider's choice
	Message Message   // the whole message, for providers that run several channels by themselves
}

// Ack is a provider's word that it took a submission.
type Ack struct {
	ID string // the provider's id of the message; beside ErrMaybeAccepted, what receipts would find it by
}

// String names the submission without its address and content.
func (s Submission) String() string {
	return "submission " + s.Ref + " on " + channelName(s.Channel)
}

// GoString is as String.
func (s Submission) GoString() string { return s.String() }

// LogValue is the reference and the channel.
func (s Submission) LogValue() slog.Value {
	return slog.GroupValue(slog.String("ref", s.Ref), slog.String("channel", channelName(s.Channel)))
}
