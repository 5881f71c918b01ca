package deflector

import (
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// What an error of this package can be, for errors.Is.
var (
	ErrInvalidRequest   = errs.InvalidRequest   // refused here or there: repeating it changes nothing
	ErrInvalidRecipient = errs.InvalidRecipient // a phone number is wrong
	ErrNotOnChannel     = errs.NotOnChannel     // not on WhatsApp, or not opted in there: try another channel
	ErrUnauthorized     = errs.Unauthorized     // the key is wrong
	ErrForbidden        = errs.Forbidden        // the key may not do this
	ErrRateLimited      = errs.RateLimited      // see Error.RetryAfter
	ErrContentRejected  = errs.ContentRejected  // the content is not allowed now
	ErrUnavailable      = errs.Unavailable      // certainly not accepted; try later
	ErrMaybeAccepted    = errs.MaybeAccepted    // it may have been accepted: sending again may send twice
	ErrDecode           = errs.Decode           // the answer could not be read; comes with ErrMaybeAccepted
)

// Codes of the vendor's WhatsApp API. Whether Deflector answers with them is
// not documented; if it does, they mean this.
//
// Source: https://wadocs.pepipost.com/error-codes
const (
	CodeParameterMissing  = "8001" // ErrInvalidRequest
	CodeNotOptedIn        = "8002" // ErrNotOnChannel: WhatsApp wants an opt-in; nobody opted out
	CodeNoWhatsAppContact = "8003" // ErrNotOnChannel
	CodeClientNotFound    = "8004" // ErrUnauthorized
	CodeTechnicalError    = "8005" // ErrUnavailable
	CodeValidation        = "8006" // ErrInvalidRequest; ErrInvalidRecipient when it names the recipient
	CodeOutsideWindow     = "8007" // ErrContentRejected: over 24 hours since the person wrote, and no template
	CodeInvalidMedia      = "8008" // ErrContentRejected
)

// codes is the one place that knows what a code means.
var codes = map[string]error{
	CodeParameterMissing:  errs.InvalidRequest,
	CodeNotOptedIn:        errs.NotOnChannel,
	CodeNoWhatsAppContact: errs.NotOnChannel,
	CodeClientNotFound:    errs.Unauthorized,
	CodeTechnicalError:    errs.Unavailable,
	CodeValidation:        errs.InvalidRequest,
	CodeOutsideWindow:     errs.ContentRejected,
	CodeInvalidMedia:      errs.ContentRejected,
}

// Error is a call that Deflector refused, or that failed on the way. It
// prints no key, phone number or message text.
type Error struct {
	Op         string        // "Send"
	StatusCode int           // 0: no answer, or refused before it was sent
	Code       string        // the vendor's code, if any
	Message    string        // the vendor's words on one line, numbers masked
	RequestID  string        // the vendor's id of the call, if any
	RetryAfter time.Duration // how long the vendor asks to wait; 0: it does not say
	Attempts   int           // requests made; 0: none
	Fields     []FieldError  // the fields that are wrong

	fault errs.Fault
}

// FieldError is one wrong field.
type FieldError struct {
	Path    string // JSON path, "[0].to[0].phoneNumber"; as the vendor names it in an answer
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

// RetryDelay is RetryAfter.
func (e *Error) RetryDelay() time.Duration { return e.RetryAfter }

// LogValue is the error as attributes.
func (e *Error) LogValue() slog.Value { return e.detail().LogValue() }

// RawBody is the beginning of the vendor's answer, at most 64 KiB. It may
// hold phone numbers and message texts: do not log it.
func (e *Error) RawBody() []byte { return e.fault.RawBody() }

func (e *Error) detail() errs.Detail {
	return errs.Detail{
		Provider: "deflector", Op: e.Op, StatusCode: e.StatusCode, Code: e.Code, Message: e.Message, RequestID: e.RequestID,
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

// fail is the error for a call that came to res.
func (c *Client) fail(op string, res transport.Result) *Error {
	e := &Error{
		Op: op, StatusCode: res.Status, RequestID: c.transport.Line(res.Header.Get("X-Request-Id")),
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: c.transport.Fault(res),
	}
	if a := readAnswer(res.Body); a.refused {
		c.explain(e, a)
	}
	return e
}

// explain takes over what the vendor says. What its code means comes before
// what the status means.
func (c *Client) explain(e *Error, a answer) {
	e.Code, e.Message = c.transport.Line(a.code), c.transport.Line(a.message)
	if e.RequestID == "" {
		e.RequestID = c.transport.Line(a.requestID)
	}
	if len(a.fields) > maxFields {
		a.fields = a.fields[:maxFields]
	}
	kind := codes[a.code]
	for _, f := range a.fields {
		e.Fields = append(e.Fields, FieldError{Path: c.transport.Line(f.Path), Message: c.transport.Line(f.Message)})
		if f.Path == "api_key" || f.Path == "api-key" { // the siblings answer a wrong key with status 400
			kind = errs.Unauthorized
		}
	}
	if a.code == CodeValidation && namesRecipient(a.message) {
		kind = errs.InvalidRecipient
	}
	switch {
	case kind != nil:
		e.fault.Kind, e.fault.Also = kind, nil
	case e.StatusCode/100 == 2: // refused inside, for a reason that is not known
		e.fault.Kind, e.fault.Also = errs.InvalidRequest, nil
	}
}

const maxFields = 32

// namesRecipient reports whether a message of CodeValidation is about the
// recipient's number: the code alone does not say which field is wrong.
func namesRecipient(message string) bool {
	m := strings.ToLower(message)
	return strings.Contains(m, "recipient_whatsapp") || strings.Contains(m, "phonenumber")
}

// answer is any answer of Deflector or, for errors, of its sibling APIs.
type answer struct {
	messageID string

	refused   bool // it says that it failed
	code      string
	message   string
	requestID string
	fields    []FieldError
}

// readAnswer reads an answer; what is not JSON, or of no known shape, is the
// zero answer.
func readAnswer(body []byte) answer {
	var wire wireAnswer
	if json.Unmarshal(body, &wire) != nil {
		var several []wireAnswer
		if json.Unmarshal(body, &several) != nil || len(several) == 0 {
			return answer{}
		}
		wire = several[0]
	}
	return wire.answer()
}

// wireAnswer holds every known shape. error and status change their types.
type wireAnswer struct {
	MessageID    jsonx.String    `json:"messageId"`
	Status       json.RawMessage `json:"status"`
	Message      json.RawMessage `json:"message"`
	Error        json.RawMessage `json:"error"`
	Errors       []wireField     `json:"errors"`
	RequestError *struct {
		ServiceException struct {
			MessageID        jsonx.String `json:"messageId"`
			Text             string       `json:"text"`
			ValidationErrors []string     `json:"validationErrors"`
		} `json:"serviceException"`
	} `json:"requestError"`
}

type wireField struct {
	Message string `json:"message"`
	Field   string `json:"field"`
}

func (w wireAnswer) answer() answer {
	a := answer{messageID: string(w.MessageID)}
	if w.RequestError != nil { // the RCS send API
		x := w.RequestError.ServiceException
		a.refused, a.message, a.requestID = true, x.Text, string(x.MessageID)
		for _, v := range x.ValidationErrors {
			a.fields = append(a.fields, FieldError{Message: v})
		}
		return a
	}
	if len(w.Errors) > 0 { // the RCS template and bot APIs
		a.refused, a.message = true, w.Errors[0].Message
		for _, f := range w.Errors {
			a.fields = append(a.fields, FieldError{Path: f.Field, Message: f.Message})
		}
		return a
	}
	var inner struct {
		Code    jsonx.String `json:"code"`
		Message string       `json:"message"`
	}
	var text, status string
	switch {
	case len(w.Error) > 0 && json.Unmarshal(w.Error, &inner) == nil && string(w.Error) != "null": // the WhatsApp API
		a.refused, a.code, a.message = true, string(inner.Code), inner.Message
	case len(w.Error) > 0 && json.Unmarshal(w.Error, &text) == nil && text != "": // RCS template creation
		a.refused, a.message = true, text
	}
	if json.Unmarshal(w.Status, &status) == nil && (strings.EqualFold(status, "failure") || strings.EqualFold(status, "error")) {
		a.refused = true
	}
	if a.message == "" && json.Unmarshal(w.Message, &text) == nil {
		a.message = text
	}
	return a
}
