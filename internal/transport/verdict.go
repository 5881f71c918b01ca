package transport

import (
	"errors"
	"net"
	"net/http"

	"github.com/cpaas-go/cpaas/internal/errs"
)

// Class says what repeating a call can do.
type Class uint8

const (
	// Send is a call that may be repeated only when it provably was not
	// accepted.
	Send Class = iota

	// Safe is a call that may be repeated because it carries a key that the
	// vendor documents as refused when repeated.
	Safe

	// Read is a Safe call that leaves nothing behind, so nothing of it can
	// have been accepted: a GET, or a request for a token.
	Read
)

// verdict is what one attempt came to.
type verdict struct {
	kind  error // nil: a complete 2xx
	retry bool
}

// judge looks at one attempt. status is 0 when there was no answer. busy: the
// answer proves that nothing was accepted and asks to try again later.
func judge(class Class, status int, busy, unreadable, written bool) verdict {
	lost := verdict{errs.MaybeAccepted, class != Send}
	if class == Read {
		lost.kind = errs.Unavailable
	}
	switch {
	case status == 0 && !written:
		return verdict{errs.Unavailable, true}
	case status == 0:
		return lost
	case status == http.StatusTooManyRequests:
		return verdict{errs.RateLimited, true}
	case busy:
		return verdict{errs.Unavailable, true}
	case status/100 == 2 && unreadable:
		return lost
	case status/100 == 2:
		return verdict{}
	case status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported,
		status == http.StatusRequestTimeout:
		return lost
	}
	return verdict{refusal(status, lost.kind), false}
}

// refusal is what a status alone says that is neither success nor failure of
// the server. What the vendor says in the body is the provider's to map.
func refusal(status int, lost error) error {
	switch status {
	case http.StatusUnauthorized:
		return errs.Unauthorized
	case http.StatusPaymentRequired:
		return errs.InsufficientCredit
	case http.StatusForbidden:
		return errs.Forbidden
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
		http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return errs.Unavailable // by their definition the request was not carried out
	}
	if status/100 == 4 {
		return errs.InvalidRequest
	}
	return lost // 1xx, other redirects, statuses that do not exist
}

// neverSent says whether err by itself proves that no request was written,
// for RoundTrippers that do not report to httptrace.
func neverSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, ok := errors.AsType[*net.DNSError](err)
	return ok
}
