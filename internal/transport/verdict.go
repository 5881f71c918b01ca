package transport

import (
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
	later bool // the server asks not to be called again at once
}

// judge looks at one attempt. status is 0 when there was no answer. busy: the
// answer proves that nothing was accepted and asks to try again later.
func judge(class Class, status int, busy, unreadable, written bool) verdict {
	lost := verdict{kind: errs.MaybeAccepted, retry: class != Send}
	if class == Read {
		lost.kind = errs.Unavailable
	}
	switch {
	case status == 0 && !written:
		return verdict{kind: errs.Unavailable, retry: true}
	case status == 0:
		return lost
	case status == http.StatusTooManyRequests:
		return verdict{kind: errs.RateLimited, retry: true, later: true}
	case busy:
		return verdict{kind: errs.Unavailable, retry: true, later: true}
	case status/100 == 2 && unreadable:
		return lost
	case status/100 == 2:
		return verdict{}
	case status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported,
		status == http.StatusRequestTimeout:
		return lost
	}
	return verdict{kind: refusal(status, lost.kind)}
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
