package webexconnect

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/redact"
	"github.com/cpaas-go/cpaas/internal/transport"
	"github.com/cpaas-go/cpaas/webexconnect/internal/wx"
)

// What an error of this package can be, for errors.Is.
var (
	ErrInvalidRequest     = errs.InvalidRequest     // refused by this client before sending, or by the vendor: repeating it changes nothing
	ErrInvalidRecipient   = errs.InvalidRecipient   // an address is wrong or unknown: do not use it again
	ErrNotOnChannel       = errs.NotOnChannel       // the person is not reachable on this channel: try another
	ErrUnauthorized       = errs.Unauthorized       // the service key or JWT is wrong, or the app's credentials are
	ErrForbidden          = errs.Forbidden          // the service, tenant or source address may not do this
	ErrInsufficientCredit = errs.InsufficientCredit // out of credit: top up
	ErrRateLimited        = errs.RateLimited        // too many transactions for the vendor, who documents no time to wait, or for WithRateLimit: see Error.RetryAfter
	ErrFrequencyCapped    = errs.FrequencyCapped    // the contact policy's cap for this person is reached: not now
	ErrOptedOut           = errs.OptedOut           // no consent, unsubscribed, or do not disturb: do not send
	ErrContentRejected    = errs.ContentRejected    // the content or template is not allowed, or not now
	ErrDuplicate          = errs.Duplicate          // the vendor's duplication guard has seen this message
	ErrUnavailable        = errs.Unavailable        // certainly not accepted, or not delivered; try later
	ErrMaybeAccepted      = errs.MaybeAccepted      // some or all may have been accepted: sending again may send twice
	ErrDecode             = errs.Decode             // the answer could not be read; comes with ErrMaybeAccepted
)

// Codes that callers ask for. All that are documented, and what they mean on
// which channel, is behind [CodeText] and [CodeError].
//
// Sources: https://developers.webexconnect.io/reference/channel-specific-status-codes,
// https://help.webexconnect.io/docs/references-api-codes
const (
	CodeQueued               = wx.CodeQueued    // accepted
	CodeInvalidJSON          = "7000"           // ErrInvalidRequest
	CodeAuthenticationFailed = "7001"           // ErrUnauthorized
	CodeServiceKeyMissing    = "7002"           // ErrUnauthorized
	CodeParameterMissing     = "7003"           // ErrInvalidRequest
	CodeInvalidParameter     = "7004"           // ErrInvalidRequest
	CodeInternalError        = "7006"           // ErrMaybeAccepted as an answer, ErrUnavailable in a notification
	CodeServiceInactive      = "7007"           // ErrForbidden
	CodeTooManyDestinations  = "7009"           // ErrInvalidRequest
	CodeSourceNotAllowed     = "7010"           // ErrForbidden as an answer, an exception of the provider in a notification
	CodeThrottled            = wx.CodeThrottled // ErrRateLimited
	CodeInvalidAddress       = "7102"           // ErrInvalidRecipient
	CodeDoNotDisturb         = "7109"           // ErrOptedOut
	CodeDelivered            = "7500"           // notifications: delivered
	CodeSubmitted            = "7501"           // notifications: on its way
	CodeRead                 = "7502"           // notifications: read
	CodeClicked              = "7528"           // notifications: a link was clicked
	CodeNoConsent            = "9002"           // ErrOptedOut
	CodeFrequencyCapExceeded = "9006"           // ErrFrequencyCapped
	CodeConsentExpired       = "9010"           // ErrOptedOut
)

// Surface is where a code was met: the same number means different things.
type Surface string

// The surfaces.
const (
	SurfaceV1      Surface = wx.V1      // the answer to a request of this package
	SurfaceV2      Surface = wx.V2      // the answer to a request of package v2
	SurfaceReceipt Surface = wx.Receipt // a delivery notification
)

// CodeText is what a code means, in a few words of this package's; "" when it
// is not documented. Letter case of channel does not matter.
func CodeText(s Surface, channel Channel, code string) string {
	return wx.Text(string(s), string(channel), code)
}

// CodeError is the Err value that a code means; nil when it is not
// documented or is not a failure. Letter case of channel does not matter.
func CodeError(s Surface, channel Channel, code string) error {
	return wx.Kind(string(s), string(channel), code)
}

// Error is a call that Webex Connect refused, or that failed on the way, or a
// delivery that failed. It prints no key, address or message text. With several
// recipients its Err value, Code, Message and RequestID are those of the gravest
// refusal only, the one that most forbids sending again; where others were
// accepted, the Err value is ErrMaybeAccepted. Outcomes has each.
type Error struct {
	Op         string        // "Send", "SendBatch", "Notification"
	StatusCode int           // 0: no answer, or refused before it was sent; 200 for most refusals
	Code       string        // the vendor's code, if any
	Message    string        // the vendor's words on one line, numbers, addresses and what they quote masked; without any, what the code means
	RequestID  string        // the vendor's transaction id, if any; numbers masked unless it is a UUID
	RetryAfter time.Duration // how long to wait, as the vendor or WithRateLimit says; 0: not said
	Attempts   int           // requests made; 0: none
	Fields     []FieldError  // the fields that are wrong

	outcomes func() []Outcome // where no printing reaches them
	fault    errs.Fault
}

// FieldError is one wrong field.
type FieldError struct {
	Path    string // JSON path as on the wire: "channels.sms.text", in a batch "[0].channels.sms.text"
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
// hold addresses and message texts: do not log it.
func (e *Error) RawBody() []byte { return e.fault.RawBody() }

// Outcomes are the outcomes of the answer, in its order, accepted ones
// included; nil when it held none. What the accepted ones say, and all
// correlation ids, are as received: do not log them.
func (e *Error) Outcomes() []Outcome {
	if e.outcomes == nil {
		return nil
	}
	return e.outcomes()
}

func (e *Error) detail() errs.Detail {
	return errs.Detail{
		Provider: "webexconnect", Op: e.Op, StatusCode: e.StatusCode, Code: e.Code, Message: e.Message, RequestID: e.RequestID,
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

// fail is the error for a call that came to res and was not accepted whole.
func (c *Client) fail(op string, res transport.Result, outcomes []Outcome) *Error {
	e := &Error{
		Op: op, StatusCode: res.Status, RequestID: c.transport.ID(res.Header.Get("X-Request-Id")),
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: c.transport.Fault(res),
	}
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
			e.Code, e.Message, e.RequestID = r.Code, r.Message, r.RequestID
		}
	}
	switch {
	case accepted: // part of it, or an answer that contradicts itself
		e.fault.Kind, e.fault.Also = errs.MaybeAccepted, nil
	case gravest >= 0: // or doubtful, as the status is
		e.fault.Kind, e.fault.Also = kind, nil
	}
	return e
}

// outcomes reads an answer's outcomes; nil when it is of no known shape.
func (c *Client) outcomes(op string, channelOf func(i int) Channel, res transport.Result) []Outcome {
	entries := wx.Entries(res.Body)
	if len(entries) == 0 {
		return nil
	}
	out, words := make([]Outcome, len(entries)), (*redact.Words)(nil)
	for i, entry := range entries {
		out[i] = Outcome{
			Code: entry.Code, Description: entry.Description, TransID: entry.TransID, CorrelationID: entry.CorrelationID,
		}
		if entry.Code != CodeQueued {
			if words == nil {
				words = c.transport.Words(res)
			}
			e := c.refusal(op, channelOf(i), res, entry, words)
			out[i].Code, out[i].Description, out[i].TransID, out[i].Err = e.Code, words.Line(entry.Description), e.RequestID, e
		}
	}
	return out
}

// refusal is the error of one outcome. What its code means comes before what
// the status means, but for the statuses after which the call may have been
// accepted: there no code is documented, and who answers may be a proxy.
func (c *Client) refusal(op string, channel Channel, res transport.Result, entry wx.Entry, words *redact.Words) *Error {
	e := &Error{
		Op: op, StatusCode: res.Status, Code: entry.Code, Message: words.Line(entry.Description),
		RequestID: c.transID(entry.TransID, words), RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: errs.Fault{Kind: res.Kind},
	}
	if !wx.Known(entry.Code) {
		e.Code = words.Line(entry.Code)
	}
	if e.Message == "" {
		e.Message = CodeText(SurfaceV1, channel, entry.Code)
	}
	kind := CodeError(SurfaceV1, channel, entry.Code)
	switch {
	case kind != nil && codesCount(res.Status):
		e.fault.Kind = kind
	case res.Status/100 == 2: // refused inside, for a reason that is not known
		e.fault.Kind = errs.InvalidRequest
	}
	return e
}

// codesCount says whether codes decide what an answer with this status means.
func codesCount(status int) bool {
	return status/100 == 2 || status/100 == 4 && status != http.StatusRequestTimeout
}

// transID is a transaction id fit to be shown.
func (c *Client) transID(s string, words *redact.Words) string {
	if id := wx.ID(s); id != "" {
		if base := id[:wx.UUIDLen]; c.transport.ID(base) == base { // no secret
			return id
		}
	}
	return words.Line(s)
}
