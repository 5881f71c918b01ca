// Package errs holds the one set of sentinels that every package re-exports,
// and the fixed word of each for stores and metrics.
package errs

import (
	"context"
	"errors"
	"net"
)

// What went wrong. Provider packages and package fallback re-export these
// values, so errors.Is works across packages.
var (
	InvalidRequest     = sentinel(ReasonInvalidRequest, "invalid request")
	InvalidRecipient   = sentinel(ReasonInvalidRecipient, "invalid recipient")
	NotOnChannel       = sentinel(ReasonNotOnChannel, "recipient not reachable on this channel")
	Unauthorized       = sentinel(ReasonUnauthorized, "unauthorized")
	Forbidden          = sentinel(ReasonForbidden, "forbidden")
	InsufficientCredit = sentinel(ReasonInsufficientCredit, "insufficient credit")
	RateLimited        = sentinel(ReasonRateLimited, "rate limited")
	FrequencyCapped    = sentinel(ReasonFrequencyCapped, "recipient's frequency cap reached")
	OptedOut           = sentinel(ReasonOptedOut, "recipient opted out")
	ContentRejected    = sentinel(ReasonContentRejected, "content or template rejected")
	Duplicate          = sentinel(ReasonDuplicate, "already accepted under this reference")
	Unavailable        = sentinel(ReasonUnavailable, "provider unavailable")
	MaybeAccepted      = sentinel(ReasonMaybeAccepted, "may have been accepted")
	Decode             = sentinel(ReasonDecode, "answer not understood")
)

// Unverified is a callback that is not proven to be the provider's. It speaks
// of no message, so it is no Reason.
var Unverified = errors.New("callback not verified") //nolint:revive,staticcheck // named as its neighbours

// Reason is a sentinel as a small number, for code that decides.
type Reason uint8

// The reasons. The zero Reason is success.
const (
	None Reason = iota
	ReasonInvalidRequest
	ReasonInvalidRecipient
	ReasonNotOnChannel
	ReasonUnauthorized
	ReasonForbidden
	ReasonInsufficientCredit
	ReasonRateLimited
	ReasonFrequencyCapped
	ReasonOptedOut
	ReasonContentRejected
	ReasonDuplicate
	ReasonUnavailable
	ReasonMaybeAccepted
	ReasonDecode
	reasons // how many there are
)

var words = [reasons]string{
	None:                     "none",
	ReasonInvalidRequest:     "invalid_request",
	ReasonInvalidRecipient:   "invalid_recipient",
	ReasonNotOnChannel:       "not_on_channel",
	ReasonUnauthorized:       "unauthorized",
	ReasonForbidden:          "forbidden",
	ReasonInsufficientCredit: "insufficient_credit",
	ReasonRateLimited:        "rate_limited",
	ReasonFrequencyCapped:    "frequency_capped",
	ReasonOptedOut:           "opted_out",
	ReasonContentRejected:    "content_rejected",
	ReasonDuplicate:          "duplicate",
	ReasonUnavailable:        "unavailable",
	ReasonMaybeAccepted:      "maybe_accepted",
	ReasonDecode:             "decode",
}

// precedence orders the reasons for an error that matches several: what
// forbids sending again comes first.
var precedence = [...]Reason{
	ReasonMaybeAccepted, ReasonDuplicate, ReasonOptedOut, ReasonInvalidRecipient,
	ReasonNotOnChannel, ReasonFrequencyCapped, ReasonRateLimited, ReasonInsufficientCredit,
	ReasonUnauthorized, ReasonForbidden, ReasonUnavailable, ReasonContentRejected,
	ReasonInvalidRequest, ReasonDecode,
}

// String is the reason's fixed word: never changed, because it is stored.
func (r Reason) String() string {
	if r >= reasons {
		return "unknown"
	}
	return words[r]
}

// Err is the sentinel of r; nil for None.
func (r Reason) Err() error {
	if r == None || r >= reasons {
		return nil
	}
	return byReason[r]
}

// Parse is the Reason of a word that String made.
func Parse(word string) (Reason, bool) {
	for r, w := range words {
		if w == word {
			return Reason(r), true
		}
	}
	return None, false
}

// ReasonOf is what err is (errors.Is); ok is false when it matches none of
// the sentinels. A nil error is None.
func ReasonOf(err error) (r Reason, ok bool) {
	if err == nil {
		return None, true
	}
	for _, r := range precedence {
		if errors.Is(err, byReason[r]) {
			return r, true
		}
	}
	return None, false
}

// fault is a sentinel: a constant text and its reason.
type fault struct {
	reason Reason
	text   string
}

func (f *fault) Error() string { return f.text }

var byReason [reasons]error

func sentinel(r Reason, text string) error {
	f := &fault{r, text}
	byReason[r] = f
	return f
}

// Classify is what a sender's error does to a route. An error that matches no
// sentinel may have been accepted, because nothing proves that it was not,
// unless it is a failure to connect.
func Classify(err error) Reason {
	r, ok := ReasonOf(err)
	switch {
	case ok && r == ReasonDecode:
		return ReasonMaybeAccepted
	case ok:
		return r
	case NeverSent(err):
		return ReasonUnavailable
	}
	return ReasonMaybeAccepted
}

// NeverSent reports whether err by itself proves that no request was written.
// Of errors that are joined each must: one may be of another try. That a
// context ended besides proves nothing either way.
func NeverSent(err error) bool {
	switch e := err.(type) { //nolint:errorlint // it is unwrapped here
	case *net.OpError:
		return e.Op == "dial"
	case *net.DNSError:
		return true
	case interface{ Unwrap() error }:
		return NeverSent(e.Unwrap())
	case interface{ Unwrap() []error }:
		proof := false
		for _, one := range e.Unwrap() {
			if one == context.Canceled || one == context.DeadlineExceeded { //nolint:errorlint // the very values
				continue
			}
			if !NeverSent(one) {
				return false
			}
			proof = true
		}
		return proof
	}
	return false
}
