package v2

import (
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/redact"
	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// What an error of this package can be, for errors.Is.
var (
	ErrInvalidRequest     = errs.InvalidRequest     // refused by this client before sending, or by the vendor: repeating it changes nothing
	ErrInvalidRecipient   = errs.InvalidRecipient   // nothing but a recipient's address is wrong
	ErrNotOnChannel       = errs.NotOnChannel       // not reachable on the channel: try another
	ErrUnauthorized       = errs.Unauthorized       // the key or token is wrong, or of another service
	ErrForbidden          = errs.Forbidden          // the service may not do this, or not from this address
	ErrInsufficientCredit = errs.InsufficientCredit // the account, or its quota, is used up
	ErrRateLimited        = errs.RateLimited        // above the tenant's limit, for which no time to wait is documented, or WithRateLimit's own: see Error.RetryAfter
	ErrFrequencyCapped    = errs.FrequencyCapped    // the contact policy's cap is reached: send later
	ErrOptedOut           = errs.OptedOut           // the person does not want messages: do not send
	ErrContentRejected    = errs.ContentRejected    // the content or template is not allowed: change it
	ErrDuplicate          = errs.Duplicate          // the platform's guard took it for a repetition
	ErrUnavailable        = errs.Unavailable        // certainly not accepted; try later
	ErrMaybeAccepted      = errs.MaybeAccepted      // it may have been accepted: sending again may send twice
	ErrDecode             = errs.Decode             // the answer could not be read; comes with ErrMaybeAccepted when sending
)

// Codes of answers, documented with status 400. What a code means comes before
// what the status means, but proves nothing beside 408 and 5xx. The same
// numbers can mean something else in v1 and in receipts; what a receipt's code
// means, package webexconnect knows.
//
// Sources: https://developers.webexconnect.io/reference/mms-api and
// https://developers.webexconnect.io/reference/channel-specific-status-codes
const (
	CodeInvalidJSON          = "7000" // ErrInvalidRequest
	CodeAuthenticationFailed = "7001" // ErrUnauthorized: a token is renewed as after a 401
	CodeMandatoryMissing     = "7003" // ErrInvalidRequest
	CodeInvalidParameter     = "7004" // ErrInvalidRequest
	CodeRequestExpired       = "7005" // ErrInvalidRequest
	CodeTooManyDestinations  = "7009" // ErrInvalidRequest: over 1000
	CodeUnknownException     = "7016" // ErrMaybeAccepted: the vendor does not say that nothing was accepted
	CodeThrottled            = "7020" // ErrRateLimited: nothing was accepted; tried again by itself
	CodeTooLarge             = "7022" // ErrInvalidRequest
	CodeInvalidSender        = "7101" // ErrInvalidRequest
	CodeInvalidAddress       = "7102" // ErrInvalidRecipient
	CodeInvalidAppID         = "7104" // ErrInvalidRequest
	CodeMessageTooLong       = "7107" // ErrInvalidRequest
	CodeInvalidTemplate      = "7108" // ErrContentRejected
	CodeInvalidContentType   = "7126" // ErrInvalidRequest
	CodeSourceNotAllowed     = "7127" // ErrForbidden: not from this IP address
	CodeProfileOfOtherTenant = "8009" // ErrInvalidRequest
)

// Error is a call that Webex Connect refused, or that failed on the way. It
// prints no key, token, phone number or message text. With several recipients
// its Err value, Code, Message and MessageID are those of the gravest refusal
// only, the one that most forbids sending again; where others were accepted, the
// Err value is ErrMaybeAccepted. Outcomes has each.
type Error struct {
	Op         string        // "Send" or "Get"
	StatusCode int           // 0: no answer, or refused before it was sent
	Code       string        // the vendor's code, if any
	Message    string        // the vendor's words on one line, numbers and addresses masked; without any, what the code means, or else the status word
	RequestID  string        // the vendor's id of the call; no page documents one
	RetryAfter time.Duration // how long to wait, as the vendor or WithRateLimit says; 0: not said
	Attempts   int           // requests made; 0: none
	Fields     []FieldError  // the fields that are wrong, by this package's own check

	// MessageID is the id of a message that was given one and refused all the
	// same, as voice answers do. Empty otherwise.
	MessageID string

	outcomes func() []Outcome // where no printing reaches them
	fault    errs.Fault
}

// FieldError is one wrong field.
type FieldError struct {
	Path    string // JSON path, "to[0].msisdn[0]"
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

// RawBody is the beginning of the vendor's answer, at most 64 KiB. It may
// hold phone numbers and message texts: do not log it.
func (e *Error) RawBody() []byte { return e.fault.RawBody() }

// Outcomes are the outcomes of the answer to a send, in its order, accepted
// ones included; nil when it held none. They may hold what the vendor repeats
// of the request: do not log them.
func (e *Error) Outcomes() []Outcome {
	if e.outcomes == nil {
		return nil
	}
	return e.outcomes()
}

func (e *Error) detail() errs.Detail {
	return errs.Detail{
		Provider: "webexconnect v2", Op: e.Op, StatusCode: e.StatusCode, Code: e.Code, Message: e.Message, RequestID: e.RequestID,
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

// failed is the error for a call that came to res, whatever the answer says.
func (c *Client) failed(op string, res transport.Result) *Error {
	return &Error{
		Op: op, StatusCode: res.Status, RequestID: c.transport.ID(res.Header.Get("X-Request-Id")),
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: c.transport.Fault(res),
	}
}

// fail is the error for a send that came to res and was not accepted whole.
func (c *Client) fail(res transport.Result, outcomes []Outcome) *Error {
	e := c.failed(opSend, res)
	if len(outcomes) == 0 {
		return e
	}
	e.outcomes = func() []Outcome { return outcomes }
	all, accepted := make([]error, len(outcomes)), false
	for i := range outcomes {
		all[i] = outcomes[i].Err
		accepted = accepted || all[i] == nil
	}
	gravest, kind := wx.Gravest(all)
	if gravest >= 0 {
		if r, ok := errors.AsType[*Error](all[gravest]); ok {
			e.Code, e.Message, e.MessageID = r.Code, r.Message, r.MessageID
		}
	}
	switch {
	case !accepted:
		e.fault.Kind, e.fault.Also = kind, nil
	case gravest >= 0:
		e.fault.Kind, e.fault.Cause, e.fault.Text = errs.MaybeAccepted, errPartly, errPartly.Error()
	default: // the status says otherwise
		e.fault.Kind = errs.MaybeAccepted
	}
	return e
}

var errPartly = errors.New("other recipients of the call were accepted")

// refusal is the error for an object that does not say "accepted".
func (c *Client) refusal(op string, ch Channel, res transport.Result, words *redact.Words, a answer) *Error {
	e := c.failed(op, res)
	e.Code, e.Message = words.Line(a.code), words.Line(a.message)
	if e.MessageID = words.Line(a.messageID); wx.ID(a.messageID) != "" {
		e.MessageID = c.transport.ID(a.messageID)
	}
	// A voice answer may say no more than "Rejected".
	e.Message = cmp.Or(e.Message, wx.Text(wx.V2, string(ch), a.code), words.Line(a.status))
	e.fault.Kind, e.fault.Also = a.kind(ch, res), nil
	return e
}

// answer is one object of any answer to a send, as received.
type answer struct {
	requestTimestamp, messageID, correlationID, status, code, message string
}

// readAnswer reads an answer: an object, or an array of them, which is how a
// neighbouring operation answers; nil when it is neither. An element that is
// no object says nothing.
func readAnswer(body []byte) []answer {
	list, several := jsonx.Elements(body)
	if !several {
		list = []json.RawMessage{body}
	}
	out := make([]answer, len(list))
	var o jsonx.Object
	for i, one := range list {
		if !o.Read(one) {
			if !several {
				return nil
			}
			continue
		}
		out[i] = answer{
			jsonx.Scalar(o.Get("requestTimestamp")), jsonx.Scalar(o.Get("messageId")), jsonx.Scalar(o.Get("correlationId")),
			jsonx.Scalar(o.Get("status")), jsonx.Scalar(o.Get("code")), jsonx.Scalar(o.Get("message")),
		}
	}
	return out
}

// refused says that the vendor did not take the message.
func (a answer) refused() bool {
	return a.code != "" && a.code != wx.CodeQueued || sameWord(a.status, "rejected")
}

// accepted says that the vendor took the message.
func (a answer) accepted() bool { return a.messageID != "" && !a.refused() }

// taken says that the vendor took the message or may have: also when it does
// not say so in full, or says the opposite as well.
func (a answer) taken() bool {
	return a.accepted() || a.code == wx.CodeQueued || sameWord(a.status, "queued") ||
		errors.Is(wx.Kind(wx.V2, "", a.code), errs.MaybeAccepted)
}

// kind is the sentinel of an object that is not accepted, in an answer to a
// call on a channel that came to res.
func (a answer) kind(ch Channel, res transport.Result) error {
	kind := wx.Kind(wx.V2, string(ch), a.code)
	switch {
	case leavesOpen(res.Status):
		return res.Kind
	case a.taken(), !a.refused() && res.Kind == nil:
		return errs.MaybeAccepted
	case !a.refused():
		return res.Kind
	case kind != nil:
		return kind
	case res.Kind == nil, errors.Is(res.Kind, errs.MaybeAccepted): // refused, for a reason that is not known
		return errs.InvalidRequest
	}
	return res.Kind
}

// leavesOpen says that no body proves what became of a call that was answered
// with status: the codes are documented for 4xx, and come with 2xx.
func leavesOpen(status int) bool {
	return status/100 != 2 && status/100 != 4 || status == http.StatusRequestTimeout
}
