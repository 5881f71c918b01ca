package os1

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// What an error of this package can be, for errors.Is.
var (
	ErrInvalidRequest     = errs.InvalidRequest     // refused by this client before sending, or by the vendor: repeating it changes nothing
	ErrInvalidRecipient   = errs.InvalidRecipient   // a phone number or an e-mail address is wrong
	ErrUnauthorized       = errs.Unauthorized       // the token or the client credentials are wrong
	ErrForbidden          = errs.Forbidden          // the credentials may not do this
	ErrInsufficientCredit = errs.InsufficientCredit // status 402; top the account up
	ErrRateLimited        = errs.RateLimited        // status 429, or WithRateLimit's own limit: see Error.RetryAfter
	ErrUnavailable        = errs.Unavailable        // certainly not accepted; try later
	ErrMaybeAccepted      = errs.MaybeAccepted      // it may have been accepted: sending again may send twice
	ErrDecode             = errs.Decode             // not understood: an answer (of a send: with ErrMaybeAccepted), or a callback

	// ErrPathNotConfigured is an operation whose path no page of the
	// vendor's names, and that [WithPaths] did not set. It comes with
	// ErrInvalidRequest; nothing was sent.
	ErrPathNotConfigured = errors.New("os1: path not configured")
)

// statuses is the one place that knows what a refusal means. The vendor
// publishes the form of its error codes, 12 digits for service, method and
// error, but none of the messaging service's: [Error.Code] is for people, and
// the status decides. These are documented for sibling services; what is not
// here means what HTTP says.
//
// Source: https://docs.getos1.com/error-codes
var statuses = map[int]error{
	http.StatusBadRequest:   errs.InvalidRequest,
	http.StatusUnauthorized: errs.Unauthorized,
	http.StatusForbidden:    errs.Forbidden,
	http.StatusNotFound:     errs.InvalidRequest, // no such template, provider, or path: see Paths
	http.StatusConflict:     errs.InvalidRequest, // what is to be created is there already
}

// Error is a call that OS1 refused, or that failed on the way. It prints no
// token, credential, phone number, e-mail address or message text.
type Error struct {
	Op         string        // "Send"
	StatusCode int           // 0: no answer, or refused before it was sent
	Code       string        // the vendor's code, 12 digits, if any
	Message    string        // the vendor's description on one line, numbers and addresses masked
	RequestID  string        // the X-COREOS-REQUEST-ID of the call; empty: none was made
	RetryAfter time.Duration // how long to wait, as the vendor or WithRateLimit says; 0: not said
	Attempts   int           // requests made, not counting those for a token; 0: none
	Fields     []FieldError  // the fields that are wrong

	fault errs.Fault
	info  kept[json.RawMessage]
}

// FieldError is one wrong field.
type FieldError struct {
	Path    string // JSON path, "sms[0].to[1].number", in the default spelling
	Message string
}

// Error is the error on one line.
func (e *Error) Error() string { return e.detail().Text() }

// GoString is as Error, so that %#v shows no more than %v.
func (e *Error) GoString() string { return e.Error() }

// Unwrap is what went wrong on the way, such as context.DeadlineExceeded.
func (e *Error) Unwrap() error { return e.fault.Cause }

// Is reports whether e is target, one of this package's Err values.
func (e *Error) Is(target error) bool { return e.fault.Is(target) }

// RetryDelay is RetryAfter, for code that knows no vendor: the runners of
// package fallback read it through an interface with this method.
func (e *Error) RetryDelay() time.Duration { return e.RetryAfter }

// LogValue is the error as attributes.
func (e *Error) LogValue() slog.Value { return e.detail().LogValue() }

// RawBody is the beginning of the vendor's answer, at most 64 KiB. It repeats
// the request, credentials and phone numbers included: do not log it.
func (e *Error) RawBody() []byte { return e.fault.RawBody() }

// AdditionalInfo is error.additionalInfo of the vendor's answer, or nil. It
// may hold anything of the request: do not log it.
func (e *Error) AdditionalInfo() json.RawMessage { return e.info.get() }

func (e *Error) detail() errs.Detail {
	return errs.Detail{
		Provider: "os1", Op: e.Op, StatusCode: e.StatusCode, Code: e.Code, Message: e.Message, RequestID: e.RequestID,
		RetryAfter: e.RetryAfter, Attempts: e.Attempts, Kind: e.fault.Kind, Cause: e.fault.Text,
	}
}

// invalid is the error for a request that is refused before it is sent.
func invalid(op string, found problems.List) error {
	if len(found.Problems) == 0 {
		return nil
	}
	e := &Error{Op: op, Message: found.String(), fault: errs.Fault{Kind: found.Kind()}}
	for _, p := range found.Problems {
		e.Fields = append(e.Fields, FieldError{Path: p.Path, Message: p.Message})
	}
	return e
}

var (
	errNoEnvelope  = errors.New("the answer is not the vendor's")
	errBoth        = errors.New("the answer holds data and an error")
	errNoData      = errors.New("the answer holds no data")
	errGuessedPath = errors.New("the path of this operation is a guess of this package: see Paths")
)

// fail is the error for a call that came to res and was refused or lost.
func (c *Client) fail(op operation, id string, res transport.Result) *Error {
	e := &Error{
		Op: op.Op, StatusCode: res.Status, RequestID: c.requestID(id, res.Header),
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: c.transport.Fault(res),
	}
	if e.Attempts == 0 {
		e.RequestID = ""
	}
	if t, ok := errors.AsType[*Error](res.Cause); ok { // no token could be had
		e.fault.Kind, e.fault.Also, e.fault.Text = t.fault.Kind, nil, t.Error()
		return e
	}
	a, ok := readAnswer(res.Body)
	if ok && (a.refused || a.message != "") {
		c.explain(e, res, a, op.secrets)
	}
	if kind, ok := statuses[res.Status]; ok && !errors.Is(res.Kind, errs.MaybeAccepted) {
		e.fault.Kind = kind
	}
	if ok && a.refused && res.Status/100 == 2 && res.Kind == nil { // refused inside, for a reason that is not known
		e.fault.Kind, e.fault.Also = errs.InvalidRequest, nil
	}
	if op.guessed && (res.Status == http.StatusNotFound || res.Status == http.StatusMethodNotAllowed) {
		e.fault.Cause, e.fault.Text = errGuessedPath, errGuessedPath.Error()
	}
	return e
}

// doubtful is the error for a 2xx that does not say what became of the call.
func (c *Client) doubtful(op operation, id string, res transport.Result, cause error) *Error {
	res.Kind, res.Cause = lost(op), cause
	e := c.fail(op, id, res)
	e.fault.Kind, e.fault.Also = lost(op), errs.Decode
	return e
}

// unreadable is the error for a 2xx without what is documented to be in it.
func (c *Client) unreadable(op operation, m Meta, cause error) *Error {
	return c.doubtful(op, m.RequestID, transport.Result{Status: m.StatusCode, Attempts: m.Attempts, Body: m.Raw()}, cause)
}

// lost is what a call is whose answer says nothing.
func lost(op operation) error {
	if op.Class == transport.Read {
		return errs.Unavailable
	}
	return errs.MaybeAccepted
}

// explain takes over what the vendor says. secrets are those of the request,
// which the vendor may repeat.
func (c *Client) explain(e *Error, res transport.Result, a answer, secrets []Secret) {
	e.Code, e.Message = a.code, a.message
	for _, s := range secrets {
		for _, text := range s.texts() {
			if len(text) > 3 { // a shorter one would blank ordinary words
				e.Code, e.Message = strings.ReplaceAll(e.Code, text, hidden), strings.ReplaceAll(e.Message, text, hidden)
			}
		}
	}
	if len(e.Code) != 12 || strings.Trim(e.Code, "0123456789") != "" {
		e.Code = maskWords(c.transport.Line(e.Code))
	}
	e.Message = maskWords(c.transport.Words(res).Line(e.Message))
	e.info = keep(a.additionalInfo)
}

// maskWords masks what may be an e-mail address, or a URL: it may hold a
// token.
func maskWords(line string) string {
	words := strings.Split(line, " ")
	for i, w := range words {
		if strings.Contains(w, "@") || strings.Contains(w, "://") || strings.Contains(w, "?") && strings.Contains(w, "=") {
			words[i] = hidden
		}
	}
	return strings.Join(words, " ")
}
