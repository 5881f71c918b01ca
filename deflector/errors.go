package deflector

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
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
// vendor's sibling APIs. With 408, 500 and what gateways answer (502, 503,
// 504) no code takes the doubt away: it is ErrMaybeAccepted.
var (
	ErrInvalidRequest     = errs.InvalidRequest     // refused by this client before sending, or by the vendor: repeating it changes nothing
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
	Message    string        // the vendor's words on one line, numbers and addresses masked
	RequestID  string        // the vendor's id of the call, if any
	RetryAfter time.Duration // how long to wait, as the vendor or WithRateLimit says; 0: not said
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

// RetryDelay is RetryAfter, for code that knows no vendor: the runners of
// package fallback read it through an interface with this method.
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

// fail is the error for a call that came to res, whose body was read as a.
func (c *Client) fail(op string, res transport.Result, a answer) *Error {
	e := &Error{
		Op: op, StatusCode: res.Status, RequestID: c.transport.ID(res.Header.Get("X-Request-Id")),
		RetryAfter: res.RetryAfter, Attempts: res.Attempts, fault: c.transport.Fault(res),
	}
	if a.refused || res.Status/100 != 2 {
		c.explain(e, res, a)
	}
	return e
}

// explain takes over what the vendor says. What its code means comes before
// what the status means, unless the status leaves in doubt whether the request
// was carried out (408, 500, 502, 503, 504): none of the vendor's pages names
// one of these for a refusal, and what a gateway says of its own trouble can
// read like one.
func (c *Client) explain(e *Error, res transport.Result, a answer) {
	words := c.transport.Words(res)
	e.Code, e.Message = c.transport.Line(a.code), words.Line(a.message)
	if e.RequestID == "" {
		e.RequestID = c.transport.ID(a.requestID)
	}
	for _, f := range a.fields {
		e.Fields = append(e.Fields, FieldError{Path: words.Line(f.Path), Message: words.Line(f.Message)})
	}
	if errors.Is(res.Kind, errs.MaybeAccepted) {
		return
	}
	kind := a.kind()
	if kind == nil && e.StatusCode/100 == 2 { // refused inside, for a reason that is not known
		kind = errs.InvalidRequest
	}
	if kind != nil {
		e.fault.Kind, e.fault.Also = kind, nil
	}
}

// means says what an answer's body says that its status does not: an id, and
// nothing of a failure, is given for a request that was taken.
func means(status int, body []byte) transport.Meaning {
	if status/100 != 2 && readAnswer(body).taken {
		return transport.Taken
	}
	return transport.AsStatus
}

const maxFields = 32

// answer is any answer of Deflector or, for errors, of its sibling APIs.
type answer struct {
	messageID string
	taken     bool // it has an id, perhaps of one element of several, and does not say that this one failed

	refused   bool // it says that it failed
	unsure    bool // it can mean both: it contradicts itself, is not understood, or a list that has not an id for each element
	code      string
	message   string
	requestID string
	fields    []FieldError // at most maxFields
}

// accepted reports whether the request was certainly taken, all of it.
func (a *answer) accepted() bool { return a.messageID != "" && !a.refused && !a.unsure }

// rejected reports whether the request was certainly refused, all of it.
func (a *answer) rejected() bool { return a.refused && a.messageID == "" && !a.unsure }

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
	several, _ := jsonx.Elements(body) // nobody documents a list; if one comes, it is believed
	var all answer
	for _, body := range several {
		if !one.Read(body) {
			all.unsure = true // not understood, so it refuses nothing
			continue
		}
		a := answerOf(&one)
		a.unsure = a.unsure || a.messageID == "" && !a.refused
		if a.refused && !all.refused {
			all.refused, all.code, all.message, all.requestID, all.fields = true, a.code, a.message, a.requestID, a.fields
		}
		all.messageID = cmp.Or(all.messageID, a.messageID)
		all.taken, all.unsure = all.taken || a.taken, all.unsure || a.unsure
	}
	return all
}

// answerOf knows every shape. Some members change their types from one API to
// the next, so none is taken for granted, and one that says nothing, such as
// an empty error beside an id, means nothing.
func answerOf(o *jsonx.Object) answer {
	a := answer{messageID: identifier(o.Get("messageId"))}
	if raw := o.Get("requestError"); given(raw) {
		a.readRequestError(raw)
	}
	if raw := o.Get("errors"); given(raw) {
		a.readErrors(raw)
	}
	if raw := o.Get("error"); given(raw) {
		a.readError(raw)
	}
	if raw := o.Get("response"); given(raw) {
		a.readResponse(raw)
	}
	a.readStatus(o.Get("status"))
	if a.message == "" {
		a.message = jsonx.Scalar(o.Get("message"))
	}
	a.taken = a.messageID != "" && (!a.refused || a.unsure)
	return a
}

// readRequestError reads the shape of the RCS send API.
func (a *answer) readRequestError(raw json.RawMessage) {
	var x, exception jsonx.Object
	x.Read(raw)
	exception.Read(x.Get("serviceException"))
	a.say("", cmp.Or(remark(raw), remark(exception.Get("text"))))
	a.requestID = identifier(exception.Get("messageId"))
	if list := exception.Get("validationErrors"); given(list) {
		a.readErrors(list)
	}
	a.doubt(raw)
}

// readErrors reads the shape of the RCS template and bot APIs: a list of
// errors, or one.
func (a *answer) readErrors(raw json.RawMessage) {
	items, ok := jsonx.Elements(raw)
	if !ok && raw[0] != '[' {
		items = []json.RawMessage{raw}
	}
	var o jsonx.Object
	for _, item := range items {
		if len(a.fields) == maxFields {
			break
		}
		o.Read(item)
		code, f := remark(o.Get("code")), FieldError{Path: remark(o.Get("field")), Message: cmp.Or(remark(item), remark(o.Get("message")))}
		a.say(code, f.Message)
		if f != (FieldError{}) {
			a.refused, a.fields = true, append(a.fields, f)
		}
	}
	a.doubt(raw)
}

// readError reads the shapes of the WhatsApp API, where error is an object,
// and of RCS template creation, where it is a text.
func (a *answer) readError(raw json.RawMessage) {
	var o jsonx.Object
	switch {
	case raw[0] == '[':
		a.readErrors(raw)
	case o.Read(raw):
		a.say(remark(o.Get("code")), remark(o.Get("message")))
	default:
		a.say("", remark(raw))
	}
	a.doubt(raw)
}

// readResponse reads a shape that only third parties tell of: 200 with
// {"response":{"status":"error","details":…}}.
func (a *answer) readResponse(raw json.RawMessage) {
	var o jsonx.Object
	o.Read(raw)
	a.readStatus(o.Get("status"))
	if details := o.Get("details"); a.refused && given(details) {
		a.message = cmp.Or(a.message, jsonx.Scalar(details), string(details))
	}
}

// readStatus reads a status, a word or an HTTP status.
func (a *answer) readStatus(raw json.RawMessage) {
	s := strings.ToLower(jsonx.Scalar(raw))
	n, _ := strconv.Atoi(s) // a word is no HTTP status: 0
	switch {
	case s == "failure" || s == "failed" || s == "error":
		a.refused = true
	case n == http.StatusRequestTimeout || n >= 500 && n < 600: // in doubt, as in explain
		a.unsure = true
	case n >= 400 && n < 500:
		a.refused = true
	case s == "success" || s == "ok" || n >= 200 && n < 300: // a contradiction, unless the code settles it
		a.unsure = a.unsure || a.refused && codes[a.code] == nil
	}
}

// say notes that a shape says code or message, if it does. The first says what
// is shown.
func (a *answer) say(code, message string) {
	if code != "" || message != "" {
		a.refused, a.code, a.message = true, cmp.Or(a.code, code), cmp.Or(a.message, message)
	}
}

// doubt notes that the shape in raw has something in it, but nothing that is
// understood.
func (a *answer) doubt(raw json.RawMessage) { a.unsure = a.unsure || !a.refused && !empty(raw) }

// empty reports whether nothing is in a value, however deep.
func empty(raw json.RawMessage) bool {
	const longest = 1 << 10 // nobody writes nothing at greater length
	var v any
	return len(raw) <= longest && json.Unmarshal(raw, &v) == nil && nothing(v)
}

func nothing(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(v any) bool { return !nothing(v) })
	case map[string]any:
		for _, v := range v {
			if !nothing(v) {
				return false
			}
		}
		return true
	}
	return nothingSaid(fmt.Sprint(v))
}

// remark is the text of a member that says something is wrong, or "".
func remark(raw json.RawMessage) string {
	s := jsonx.Scalar(raw)
	if nothingSaid(s) {
		return ""
	}
	return s
}

// nothingSaid reports whether a text, a number or a boolean says that nothing
// is wrong.
func nothingSaid(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "0", "false", "none", "null":
		return true
	}
	return false
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
