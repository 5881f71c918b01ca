package deflector

import (
	"cmp"
	"encoding/json"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cpaas-go/cpaas/internal/errs"
	"github.com/cpaas-go/cpaas/internal/jsonx"
	"github.com/cpaas-go/cpaas/internal/problems"
	"github.com/cpaas-go/cpaas/internal/transport"
)

// What an error of this package can be, for errors.Is. The vendor documents
// no error: statuses mean what HTTP says, and codes what they mean in the
// vendor's sibling APIs.
var (
	ErrInvalidRequest     = errs.InvalidRequest     // refused here or there: repeating it changes nothing
	ErrInvalidRecipient   = errs.InvalidRecipient   // a phone number is wrong
	ErrNotOnChannel       = errs.NotOnChannel       // not on WhatsApp, or not opted in there: try another channel
	ErrUnauthorized       = errs.Unauthorized       // the key is wrong
	ErrForbidden          = errs.Forbidden          // the key may not do this
	ErrInsufficientCredit = errs.InsufficientCredit // status 402; top the account up
	ErrRateLimited        = errs.RateLimited        // status 429, or WithRateLimit's own limit: see Error.RetryAfter
	ErrContentRejected    = errs.ContentRejected    // the content is not allowed now
	ErrUnavailable        = errs.Unavailable        // certainly not accepted; try later
	ErrMaybeAccepted      = errs.MaybeAccepted      // it may have been accepted: sending again may send twice
	ErrDecode             = errs.Decode             // not understood: an answer (with ErrMaybeAccepted), or a callback
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
	Op         string        // "Send"; "Callback" from Event.Err
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
		Op: op, StatusCode: res.Status, RequestID: c.transport.ID(res.Header.Get("X-Request-Id")),
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: c.transport.Fault(res),
	}
	if a := readAnswer(res.Body); a.refused || res.Status/100 != 2 {
		c.explain(e, res, a)
	}
	return e
}

// explain takes over what the vendor says. What its code means comes before
// what the status means.
func (c *Client) explain(e *Error, res transport.Result, a answer) {
	words := c.transport.Words(res)
	e.Code, e.Message = c.transport.Line(a.code), words.Line(a.message)
	if e.RequestID == "" {
		e.RequestID = c.transport.ID(a.requestID)
	}
	for _, f := range a.fields[:min(len(a.fields), maxFields)] {
		e.Fields = append(e.Fields, FieldError{Path: words.Line(f.Path), Message: words.Line(f.Message)})
	}
	kind := a.kind()
	if kind == nil && e.StatusCode/100 == 2 { // refused inside, for a reason that is not known
		kind = errs.InvalidRequest
	}
	if kind != nil {
		e.fault.Kind, e.fault.Also = kind, nil
	}
}

const maxFields = 32

// answer is any answer of Deflector or, for errors, of its sibling APIs.
type answer struct {
	messageID string
	partial   bool // it is a list, and not every element has an id

	refused   bool // it says that it failed
	code      string
	message   string
	requestID string
	fields    []FieldError
}

// kind is the sentinel for what a refusal says, or nil.
func (a answer) kind() error {
	switch {
	case a.aboutKey():
		return errs.Unauthorized
	case a.code == CodeValidation && a.aboutRecipient():
		return errs.InvalidRecipient
	}
	return codes[a.code]
}

// aboutKey reports whether the key is what is wrong: the sibling APIs also
// say that with status 400.
func (a answer) aboutKey() bool {
	for _, f := range a.fields {
		if f.Path == "api_key" || f.Path == "api-key" {
			return true
		}
	}
	m := strings.ToLower(a.message)
	return strings.HasPrefix(m, "unauthenticated") || strings.HasPrefix(m, "authorization failed")
}

// aboutRecipient reports whether a refusal with CodeValidation is about the
// recipient's number: the code alone does not say which field is wrong.
func (a answer) aboutRecipient() bool {
	m := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(a.message))
	if strings.Contains(m, "recipienttype") { // another field
		return false
	}
	return strings.Contains(m, "recipient") || strings.Contains(m, "phonenumber")
}

// codeIn finds a code at the beginning of a remark, or behind the word "code"
// or "error": where in its remarks the vendor puts one is not documented.
func codeIn(remark string) string {
	for _, found := range codeRemark.FindAllStringSubmatch(remark, -1) {
		if code := found[1]; codes[code] != nil {
			return code
		}
	}
	return ""
}

var codeRemark = regexp.MustCompile(`(?i)(?:^|\bcode|\berror)[^0-9a-z]{0,3}([0-9]{4})\b`)

// readAnswer reads an answer; what is not JSON, or of no known shape, is the
// zero answer.
func readAnswer(body []byte) answer {
	var one jsonx.Object
	if one.Read(body) {
		return answerOf(&one)
	}
	var several []json.RawMessage // nobody documents a list; if one comes, it is believed
	if json.Unmarshal(body, &several) != nil {
		return answer{}
	}
	var all answer
	for _, body := range several {
		if !one.Read(body) {
			return answer{}
		}
		a := answerOf(&one)
		all.partial = all.partial || a.messageID == "" && !a.refused
		all.messageID = cmp.Or(all.messageID, a.messageID)
		if a.refused && !all.refused {
			a.messageID, a.partial = all.messageID, all.partial
			all = a
		}
	}
	return all
}

// answerOf knows every shape. Some members change their types from one API to
// the next, so none is taken for granted.
func answerOf(o *jsonx.Object) answer {
	a := answer{messageID: identifier(o.Get("messageId"))}
	if raw := o.Get("requestError"); given(raw) {
		a.readRequestError(raw)
	} else if raw := o.Get("errors"); given(raw) {
		a.readErrors(raw)
	} else if raw := o.Get("error"); given(raw) {
		a.readError(raw)
	} else if raw := o.Get("response"); given(raw) {
		a.readResponse(raw)
	}
	a.refused = a.refused || saysFailed(o.Get("status"))
	if a.message == "" {
		a.message = jsonx.Scalar(o.Get("message"))
	}
	return a
}

// readRequestError reads the shape of the RCS send API.
func (a *answer) readRequestError(raw json.RawMessage) {
	var x struct {
		ServiceException struct {
			MessageID        json.RawMessage `json:"messageId"`
			Text             json.RawMessage `json:"text"`
			ValidationErrors json.RawMessage `json:"validationErrors"`
		} `json:"serviceException"`
	}
	a.refused, a.message = true, jsonx.Scalar(raw)
	if json.Unmarshal(raw, &x) != nil {
		return
	}
	a.message, a.requestID = jsonx.Scalar(x.ServiceException.Text), identifier(x.ServiceException.MessageID)
	for _, v := range list(x.ServiceException.ValidationErrors) {
		a.fields = append(a.fields, FieldError{Message: jsonx.Scalar(v)})
	}
}

// readErrors reads the shape of the RCS template and bot APIs.
func (a *answer) readErrors(raw json.RawMessage) {
	for _, item := range list(raw) {
		var x struct {
			Message json.RawMessage `json:"message"`
			Field   json.RawMessage `json:"field"`
		}
		f := FieldError{Message: jsonx.Scalar(item)}
		if json.Unmarshal(item, &x) == nil {
			f = FieldError{Path: jsonx.Scalar(x.Field), Message: jsonx.Scalar(x.Message)}
		}
		a.fields = append(a.fields, f)
	}
	if len(a.fields) > 0 {
		a.refused, a.message = true, a.fields[0].Message
	}
}

// readError reads the shapes of the WhatsApp API, where error is an object,
// and of RCS template creation, where it is a text.
func (a *answer) readError(raw json.RawMessage) {
	var x struct {
		Code    json.RawMessage `json:"code"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(raw, &x) == nil {
		a.refused, a.code, a.message = true, jsonx.Scalar(x.Code), jsonx.Scalar(x.Message)
		return
	}
	if text := jsonx.Scalar(raw); text != "" && text != "false" && text != "0" {
		a.refused, a.message = true, text
	}
}

// readResponse reads a shape that only third parties tell of: 200 with
// {"response":{"status":"error","details":…}}.
func (a *answer) readResponse(raw json.RawMessage) {
	var x struct {
		Status  json.RawMessage `json:"status"`
		Details json.RawMessage `json:"details"`
	}
	if json.Unmarshal(raw, &x) == nil && saysFailed(x.Status) {
		a.refused, a.message = true, cmp.Or(jsonx.Scalar(x.Details), string(x.Details))
	}
}

// saysFailed reports whether a status, a word or an HTTP status, means that
// the call failed.
func saysFailed(raw json.RawMessage) bool {
	switch s := strings.ToLower(jsonx.Scalar(raw)); s {
	case "":
		return false
	case "failure", "failed", "error":
		return true
	default:
		n, err := strconv.Atoi(s)
		return err == nil && n >= 400 && n < 600
	}
}

// given reports whether a member is there and not null.
func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// identifier is an id: a text with something in it, or a number.
func identifier(raw json.RawMessage) string {
	s := jsonx.Scalar(raw)
	if s == "true" || s == "false" || strings.TrimSpace(s) == "" {
		return ""
	}
	return s
}

// list is the elements of an array; anything else is its own only element.
func list(raw json.RawMessage) []json.RawMessage {
	var items []json.RawMessage
	if !given(raw) {
		return nil
	}
	if json.Unmarshal(raw, &items) != nil {
		return []json.RawMessage{raw}
	}
	return items
}
