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

// Meaning is what an answer's body says of the call, where that is more than
// its status says.
type Meaning uint8

const (
	// AsStatus leaves it to the status.
	AsStatus Meaning = iota

	// Busy is that nothing was accepted, and that it is worth trying later.
	// Documented refusals such as a 503 with a certain code, or a 200 that
	// says "throttled".
	Busy

	// Taken is that some of it, or all, was or may have been accepted, so that
	// it must not be repeated, whatever the status.
	Taken

	// Rejected is that nothing was accepted, for the credentials are not good:
	// a 401 with another status.
	Rejected
)

// verdict is what one attempt came to.
type verdict struct {
	kind     error // nil: a complete 2xx
	retry    bool
	later    bool // the server asks not to be called again at once
	rejected bool // it is about the credentials
}

// judge looks at one attempt. status is 0 when there was no answer.
func judge(class Class, status int, means Meaning, unreadable, written bool) verdict {
	lost := verdict{kind: errs.MaybeAccepted, retry: class != Send}
	if class == Read {
		lost.kind = errs.Unavailable
	}
	switch {
	case status == 0 && !written:
		return verdict{kind: errs.Unavailable, retry: true}
	case status == 0:
		return lost
	case means == Rejected || status == http.StatusUnauthorized && means != Taken:
		return verdict{kind: errs.Unauthorized, rejected: true}
	case means == Taken && status/100 != 2:
		return verdict{kind: lost.kind}
	case status == http.StatusTooManyRequests:
		return verdict{kind: errs.RateLimited, retry: true, later: true}
	case means == Busy:
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
