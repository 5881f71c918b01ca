// Package fallbacktest has what tests of code that sends need.
package fallbacktest

import (
	"cmp"
	"context"
	"strconv"
	"sync"

	"github.com/cpaas-go/cpaas/fallback"
)

// Sender answers as told and remembers what it was asked to send. The zero
// Sender accepts everything. It is safe for concurrent use.
type Sender struct {
	// Errs are the errors of the first calls, in order; nil is acceptance.
	// After the last one every call is answered as the last.
	Errs []error

	// Provider is the name of its legs; empty: "test".
	Provider string

	// Hook, if set, runs in every call before its answer. An error of it is
	// the call's.
	Hook func(context.Context, fallback.Submission) error

	mu   sync.Mutex
	sent []fallback.Submission
}

// Send remembers s and answers as told. The id of an acceptance is "test-"
// and the number of the call.
func (s *Sender) Send(ctx context.Context, sub fallback.Submission) (fallback.Ack, error) {
	s.mu.Lock()
	s.sent = append(s.sent, sub)
	n := len(s.sent)
	var err error
	if len(s.Errs) > 0 {
		err = s.Errs[min(n, len(s.Errs))-1]
	}
	s.mu.Unlock()
	if s.Hook != nil {
		if err := s.Hook(ctx, sub); err != nil {
			return fallback.Ack{}, err
		}
	}
	if err != nil {
		return fallback.Ack{}, err
	}
	return fallback.Ack{ID: "test-" + strconv.Itoa(n)}, nil
}

// On makes a leg of it.
func (s *Sender) On(ch fallback.Channel) fallback.Leg {
	return fallback.Leg{Channel: ch, Provider: cmp.Or(s.Provider, "test"), Sender: s}
}

// Sent is every submission so far, in order.
func (s *Sender) Sent() []fallback.Submission {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]fallback.Submission(nil), s.sent...)
}

// Accepting is a Sender that accepts everything.
func Accepting() *Sender { return &Sender{} }

// Refusing is a Sender that answers every call with err.
func Refusing(err error) *Sender { return &Sender{Errs: []error{err}} }
