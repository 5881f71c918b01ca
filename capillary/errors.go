package capillary

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// What an error of this package can be, for errors.Is.
var (
	ErrInvalidRequest   = errs.InvalidRequest   // refused by this client before sending, or by the vendor: repeating it changes nothing
	ErrInvalidRecipient = errs.InvalidRecipient // only recipients' addresses are missing or malformed
	ErrUnauthorized     = errs.Unauthorized     // the key, the secret or the password is wrong
	ErrForbidden        = errs.Forbidden        // no WRITE access to the Communication resource
	ErrRateLimited      = errs.RateLimited      // the vendor's limit, or WithRateLimit's own: see Error.RetryAfter
	ErrUnavailable      = errs.Unavailable      // certainly not accepted; try later
	ErrMaybeAccepted    = errs.MaybeAccepted    // some or all may have been accepted: sending again may send twice
	ErrDecode           = errs.Decode           // the answer could not be read; comes with ErrMaybeAccepted or, for a token, ErrUnavailable
)

// Code is a code of the vendor's, of a call or of one message. The vendor's
// pages give some codes several meanings, and do not say which of them are
// also HTTP statuses.
type Code int

// Codes of the vendor's. Only those with a single meaning are turned into one
// of this package's errors by it; what a call or a message is refused with
// otherwise is [ErrInvalidRequest].
//
// Sources: https://docs.capillarytech.com/reference/errors-and-warnings,
// https://docs.capillarytech.com/reference/authorisation,
// https://docs.capillarytech.com/reference/error-code,
// https://docs.capillarytech.com/reference/communications,
// https://docs.capillarytech.com/reference/v2-send-communication-message and
// https://docs.capillarytech.com/reference/post_v2-communications-resend
const (
	CodeOK      Code = 200
	CodePartial Code = 201 // one or more messages have failed; see Error.Items

	CodeInvalidInput          Code = 400 // ErrInvalidRequest
	CodeAuthenticationFailed  Code = 401 // ErrUnauthorized
	CodeVersionNotSupported   Code = 402 // ErrInvalidRequest: no such version of the API; it is not about payment
	CodeForbidden             Code = 403 // no access, a mandatory field is missing, or a WhatsApp receiver is: several meanings
	CodeNotFound              Code = 404 // ErrInvalidRequest: no such resource
	CodeNotSupported          Code = 405 // ErrInvalidRequest: not an operation of the resource
	CodeOperationNotSupported Code = 406 // ErrInvalidRequest: no such operation
	CodeUnknownError          Code = 407 // the vendor does not know either
	CodeMACMismatch           Code = 408 // "MAC mismatch": of what is not said
	CodeUnsupportedMediaType  Code = 415 // ErrInvalidRequest: the Content-Type is wrong
	CodeTooManyRequests       Code = 429 // ErrRateLimited; documented as an HTTP status of another operation only
	CodeSearchBusy            Code = 461 // ErrUnavailable: the vendor's search engine is busy
	CodeFailed                Code = 500 // all messages have failed; see Error.Items
	CodeServiceUnavailable    Code = 503 // ErrUnavailable: authorization status unavailable; as an HTTP status only with CodeAuthorizationUnavailable
	CodeSameCustomer          Code = 521 // ErrUnavailable: several actions are running for the same customer; as an HTTP status it may be a gateway's, and proves nothing

	CodeBatchTooLarge Code = 1060 // ErrInvalidRequest: too many messages in a call; how many are is not documented
	CodeHeader1061    Code = 1061 // about the headers or the organisation; more is not documented
	CodeHeader1062    Code = 1062 // as CodeHeader1061
	CodeHeader1064    Code = 1064 // as CodeHeader1061

	CodeNotAuthorized            Code = 4000 // ErrForbidden; with HTTP status 403
	CodeAuthorizationUnavailable Code = 4001 // ErrUnavailable; with HTTP status 503: try later

	CodeMessageSent     Code = 4100 // success, of the older SMS API
	CodeUnableToSend    Code = 4101 // of the older SMS API; nothing says why
	CodeUnknownSMS      Code = 4102 // ErrInvalidRequest: no such SMS; of the older SMS API
	CodeEmailSent       Code = 4200 // success, of the older e-mail API
	CodeSubjectMissing  Code = 4201 // an e-mail has no subject; in the older API "unable to send": several meanings
	CodeUnknownEmail    Code = 4202 // ErrInvalidRequest: no such e-mail; of the older e-mail API
	CodeRecipientOrBody Code = 4203 // ErrInvalidRequest: recipient or body is missing; in the older API a template's type is wrong
	CodeTemplate4204    Code = 4204 // ErrInvalidRequest: this one and the next three are about templates, of the older API
	CodeTemplate4205    Code = 4205 // ErrInvalidRequest
	CodeTemplate4206    Code = 4206 // ErrInvalidRequest
	CodeTemplate4207    Code = 4207 // ErrInvalidRequest
	CodeInvalidEmailOld Code = 4208 // ErrInvalidRequest: an e-mail address is invalid; of the older API
	CodeNoMessage       Code = 4217 // ErrInvalidRequest: no message, or the body is invalid
	CodeInvalidChannel  Code = 4218 // ErrInvalidRequest: not a channel
	CodeUnknownMessage  Code = 4223 // ErrInvalidRequest: Resend found no such message
	CodeInvalidEmail    Code = 8055 // ErrInvalidRequest: an e-mail address is invalid; which one is not said, so not ErrInvalidRecipient
)

// codes is the one place that knows what a code means.
var codes = map[Code]error{
	CodeInvalidInput:             errs.InvalidRequest,
	CodeAuthenticationFailed:     errs.Unauthorized,
	CodeVersionNotSupported:      errs.InvalidRequest,
	CodeNotFound:                 errs.InvalidRequest,
	CodeNotSupported:             errs.InvalidRequest,
	CodeOperationNotSupported:    errs.InvalidRequest,
	CodeUnsupportedMediaType:     errs.InvalidRequest,
	CodeTooManyRequests:          errs.RateLimited,
	CodeSearchBusy:               errs.Unavailable,
	CodeServiceUnavailable:       errs.Unavailable,
	CodeSameCustomer:             errs.Unavailable,
	CodeBatchTooLarge:            errs.InvalidRequest,
	CodeNotAuthorized:            errs.Forbidden,
	CodeAuthorizationUnavailable: errs.Unavailable,
	CodeUnknownSMS:               errs.InvalidRequest,
	CodeUnknownEmail:             errs.InvalidRequest,
	CodeRecipientOrBody:          errs.InvalidRequest,
	CodeTemplate4204:             errs.InvalidRequest,
	CodeTemplate4205:             errs.InvalidRequest,
	CodeTemplate4206:             errs.InvalidRequest,
	CodeTemplate4207:             errs.InvalidRequest,
	CodeInvalidEmailOld:          errs.InvalidRequest,
	CodeNoMessage:                errs.InvalidRequest,
	CodeInvalidChannel:           errs.InvalidRequest,
	CodeUnknownMessage:           errs.InvalidRequest,
	CodeInvalidEmail:             errs.InvalidRequest,
}

// own is the first code that is not one of HTTP's: those say no more than the
// HTTP status, unless that is a 2xx or the 400 of everything.
const own Code = 1000

// statuses are HTTP statuses that mean something else here than elsewhere.
var statuses = map[int]error{
	int(CodeVersionNotSupported): errs.InvalidRequest,
	int(CodeSearchBusy):          errs.Unavailable,
}

// fault is what an Error keeps of a call that came to res.
func fault(t *transport.Client, res transport.Result) errs.Fault {
	f := t.Fault(res)
	if kind := statuses[res.Status]; kind != nil && f.Kind != errs.MaybeAccepted && f.Kind != errs.Unauthorized { //nolint:errorlint // sentinels
		f.Kind = kind
	}
	return f
}

// Error is a call that Capillary refused, in whole or in part, or that failed
// on the way. It prints no key, recipient or message text.
type Error struct {
	Op         string        // "SendSMS"
	StatusCode int           // the HTTP status; 0: no answer, or refused before it was sent
	Code       Code          // the vendor's code of the call; 0: none
	Message    string        // the vendor's words on one line, numbers and addresses masked
	RequestID  string        // the vendor's id of the call, from the header X-Cap-Requestid
	RetryAfter time.Duration // how long to wait, as the vendor or WithRateLimit says; 0: not said
	Attempts   int           // requests made; 0: none
	Fields     []FieldError  // the fields that are wrong, when it was refused before it was sent

	// Errors and Warnings are the vendor's about the whole call, at most 32.
	Errors, Warnings []Issue

	// Items are the messages that the answer names, those that were taken
	// too, in its order, which is not guaranteed to be the request's.
	Items []Item

	// Partial: some of the messages were taken and some were not. It comes
	// with ErrMaybeAccepted, since sending all of them again would send some
	// twice.
	Partial bool

	fault errs.Fault
}

// FieldError is one wrong field.
type FieldError struct {
	Path    string // JSON path, "root.sms[0].to", also for XML
	Message string
}

// Item is what an answer says about one message of a call that failed in
// whole or in part.
type Item struct {
	ID       string  // as in the result
	Errors   []Issue // why it was not taken; none: it was, or the call was refused as a whole
	Warnings []Issue

	recipient func() string
}

// Recipient is the message's address as the vendor repeats it, perhaps
// rewritten: "8971345617" comes back as "918971345617". It is personal: do
// not log it.
func (i Item) Recipient() string {
	if i.recipient == nil {
		return ""
	}
	return i.recipient()
}

// Issue is an error or a warning that the vendor attaches to a call or a
// message. As an error it matches one of this package's Err values.
type Issue struct {
	Code    Code   // 0: none
	Message string // on one line, numbers and addresses masked
}

// Error is the issue on one line.
func (i Issue) Error() string {
	text := "capillary: " + i.kind().Error()
	if i.Code != 0 {
		text += ": code " + strconv.Itoa(int(i.Code))
	}
	if i.Message != "" {
		text += ": " + i.Message
	}
	return text
}

// Is reports whether i is target, one of this package's Err values.
func (i Issue) Is(target error) bool { return target != nil && target == i.kind() }

func (i Issue) kind() error { return cmp.Or(codes[i.Code], errs.InvalidRequest) }

// Error is the error on one line.
func (e *Error) Error() string { return e.detail().Text() }

// GoString is as Error, so that %#v shows no more than %v.
func (e *Error) GoString() string { return e.Error() }

// Unwrap is what went wrong on the way, such as context.DeadlineExceeded, or
// the *Error of the call for a token.
func (e *Error) Unwrap() error { return e.fault.Cause }

// Is reports whether e is target, one of this package's Err values.
func (e *Error) Is(target error) bool { return e.fault.Is(target) }

// RetryDelay is RetryAfter, for code that knows no vendor: the runners of
// package fallback read it through an interface with this method.
func (e *Error) RetryDelay() time.Duration { return e.RetryAfter }

// LogValue is the error as attributes.
func (e *Error) LogValue() slog.Value { return e.detail().LogValue() }

// RawBody is the beginning of the vendor's answer, at most 64 KiB. It may
// hold recipients and message texts: do not log it.
func (e *Error) RawBody() []byte { return e.fault.RawBody() }

// HasCode reports whether the call or one of its messages was answered with
// code.
func (e *Error) HasCode(code Code) bool {
	with := func(issue Issue) bool { return issue.Code == code }
	return e.Code == code || slices.ContainsFunc(e.Errors, with) ||
		slices.ContainsFunc(e.Items, func(it Item) bool { return slices.ContainsFunc(it.Errors, with) })
}

func (e *Error) detail() errs.Detail {
	return errs.Detail{
		Provider: "capillary", Op: e.Op, StatusCode: e.StatusCode, Code: strconv.Itoa(int(e.Code)), Message: e.Message,
		RequestID: e.RequestID, RetryAfter: e.RetryAfter, Attempts: e.Attempts, Kind: e.fault.Kind, Cause: e.fault.Text,
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

// unencodable is the error for a request that has been checked and yet cannot
// be encoded.
func (c *Client) unencodable(op string, err error) *Error {
	return &Error{Op: op, Message: c.transport.Line(err.Error()), fault: errs.Fault{Kind: errs.InvalidRequest}}
}

// means reads a complete answer and tells the transport what its status does
// not say.
func (r *reply) means(status int, body []byte) transport.Meaning {
	r.answer = readAnswer(status, body)
	switch r.verdict(r.sent) {
	case unknown:
	case accepted, partly, unsure:
		return transport.Taken
	case refused:
		switch {
		case r.spares(): // not certain enough to send it again
		case status == http.StatusServiceUnavailable && r.has(CodeAuthorizationUnavailable):
			return transport.Busy
		case r.kind(status) == errs.Unauthorized: //nolint:errorlint // the very value of the table
			return transport.Rejected
		}
	}
	return transport.AsStatus
}

// spares reports whether there is a message without errors.
func (a *answer) spares() bool {
	return slices.ContainsFunc(a.items, func(it wireItem) bool { return len(it.Errors) == 0 })
}

func requestID(t *transport.Client, h http.Header) string {
	return t.ID(cmp.Or(h.Get("X-Cap-Requestid"), h.Get("X-Cap-Request-Id")))
}

// fail is the error for a call that failed, or whose complete answer is not a
// success.
func (c *Client) fail(op string, r *reply) *Error {
	res := r.res
	e := &Error{
		Op: op, StatusCode: res.Status, RequestID: r.requestID(),
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: fault(c.transport, res),
	}
	if t, ok := errors.AsType[*Error](res.Cause); ok { // no token: nothing was sent
		e.RetryAfter, e.fault.Kind, e.fault.Also = t.RetryAfter, t.fault.Kind, t.fault.Also
		return e
	}
	r.explain(e)
	v := r.verdict(r.sent)
	switch kind := r.kind(res.Status); {
	case v == accepted, v == partly, v == unsure: // whatever the status
		e.Partial = v == partly
		e.fault.Kind, e.fault.Also = errs.MaybeAccepted, nil
	case v == unknown && res.Kind == nil:
		e.fault.Kind, e.fault.Also = errs.MaybeAccepted, errs.Decode
	case v == refused && kind != nil && res.Status != http.StatusTooManyRequests:
		e.fault.Kind, e.fault.Also = kind, nil
	}
	return e
}

// explain takes over what the vendor says.
func (r *reply) explain(e *Error) {
	e.Code = r.status.Code
	if e.Code == 0 && len(r.errors) > 0 {
		e.Code = r.errors[0].Code
	}
	said := r.status.Message
	for _, issue := range r.errors {
		said = join(said, issue)
	}
	e.Errors, e.Warnings = r.shown(r.errors), r.shown(r.status.Warnings)
	for i := range r.items[:min(len(r.items), maxItems)] {
		it := &r.items[i]
		for _, issue := range it.Errors {
			said = join(said, issue)
		}
		m := it.message()
		recipient := string(cmp.Or(m.To, m.Receiver))
		e.Items = append(e.Items, Item{
			ID: string(m.ID), Errors: r.shown(it.Errors), Warnings: r.shown(it.Warnings),
			recipient: func() string { return recipient },
		})
	}
	e.Message = r.line(said)
}

// The most messages and issues that an Error holds.
const (
	maxItems  = 10_000
	maxIssues = 32
	maxWords  = 1 << 10
)

// join adds an issue to the vendor's words.
func join(said string, issue Issue) string {
	text := issue.Message
	if issue.Code != 0 {
		text = strings.TrimRight(strconv.Itoa(int(issue.Code))+" "+text, " ")
	}
	switch {
	case text == "" || len(said) > maxWords:
		return said
	case said == "":
		return text
	}
	return said + "; " + text
}

// kind is the sentinel for what a refusal says, or nil: of the messages, if
// they agree, else of the call.
func (a *answer) kind(status int) error {
	meaning := func(code Code) error {
		if code < own && status/100 != 2 && status != http.StatusBadRequest {
			return nil
		}
		return codes[code]
	}
	var kind error
	for i, issue := range a.said() {
		k := meaning(issue.Code)
		if i > 0 && k != kind { //nolint:errorlint // the very values of the table
			if kind = errs.InvalidRequest; status >= 500 { // it is several things, which a failing server does not settle
				return nil
			}
			break
		}
		kind = k
	}
	kind = cmp.Or(kind, meaning(a.status.Code))
	if kind == nil && status/100 == 2 {
		return errs.InvalidRequest // refused inside, for a reason that is not known
	}
	return kind
}

// said is every error of the answer.
func (a *answer) said() []Issue {
	all := append([]Issue(nil), a.errors...)
	for _, it := range a.items {
		all = append(all, it.Errors...)
	}
	return all
}

// has reports whether the answer has an error, or is one, with code.
func (a *answer) has(code Code) bool {
	if a.status.Code == code {
		return true
	}
	for _, issue := range a.said() {
		if issue.Code == code {
			return true
		}
	}
	return false
}
